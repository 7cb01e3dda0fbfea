"""ExperimentComparator: the questions that one puts to several runs at once.

Each method reads the runs it needs as a RunTable, hands plain arrays to whoever answers (readers.stats, verdict, ranks,
curves, figures), and keeps nothing: an answer is of the moment of the call, runs that are still going included. Which
runs a question is about where neither run ids nor an experiment are given: see readers.chosen.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from readers.best import Mode, resolve_mode
from readers.chosen import Chosen
from readers.compareplots import ComparisonPlots
from readers.comparison import Comparison
from readers.differences import Differences, differences
from readers.ranking import RankedRun, rank
from readers.runtable import Statistic
from readers.source import AnySource


class ExperimentComparator(ComparisonPlots):
    """Compares runs: side by side, by statistics, in pictures.

    Args:
        source: the ExperimentTracker that logged them, a Store, the folder of one, or an MLflowSource.
        cluster: who reads the files of its store, instead of this process: the address of a Dask scheduler, a
            distributed.Client, or Ray; see readers.cluster. The answers are the same.

    Raises: StoreUnavailable: there is no store. TypeError: none of these. ClusterUnavailable: the cluster doesn't
        answer.

    All methods raise RunNotFound, ExperimentNotFound and MetricNotFound, naming what there is. A metric that only some
    runs have isn't an error: the others have NaN. `value` says which number of a metric's history speaks for a run,
    `mode` which way is better ("auto": by the metric's name, see readers.best).
    """

    def __init__(self, source: AnySource, *, cluster: object = None) -> None:
        self._chosen = Chosen(source, cluster)

    def compare_runs(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str] | None = None,
        include_params: bool = True,
        *,
        mode: Mode = "auto",
    ) -> Comparison:
        """The runs as a dict of run id to params, metrics (last values) and best metric; see readers.comparison.

        Args:
            metrics: None for all but those of the machine ("system/...").
            mode: which way is better in the first of the metrics, or the headline metric; see readers.best.
        """
        return Comparison(self._chosen.these(run_ids), metrics, mode, include_params=include_params)

    def differences(self, run_ids: Sequence[str] | None = None, *, experiment: str | None = None) -> Differences:
        """Only what varies among the runs: params, tags, code, environment, models; see readers.differences."""
        return differences(self._chosen.runs(run_ids, experiment))

    def rank(
        self,
        metric: str,
        mode: Mode = "auto",
        top_k: int | None = None,
        *,
        run_ids: Sequence[str] | None = None,
        experiment: str | None = None,
        value: Statistic = "last",
    ) -> list[RankedRun]:
        """The runs by a metric, best first, without those whose value is NaN or missing; see readers.ranking.

        Args:
            top_k: at most so many; None for all.
        """
        direction = resolve_mode(mode, metric)
        return rank(self._chosen.runs(run_ids, experiment), metric, direction, top_k=top_k, value=value)

    def report(
        self,
        path: str | os.PathLike[str],
        run_ids: Sequence[str] | None = None,
        *,
        experiment: str | None = None,
        metric: str | None = None,
        metrics: Sequence[str] | None = None,
        mode: Mode = "auto",
        group_by: str | None = None,
        title: str | None = None,
    ) -> Path:
        """Write one HTML file about the runs that opens without a network; see readers.report."""
        from readers.report import write_report

        frames = self._chosen.frames()
        table = self._chosen.runs(run_ids, experiment, frames)
        return write_report(
            frames, table, path, metric=metric, metrics=metrics, mode=mode, group_by=group_by, title=title
        )
