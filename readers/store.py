"""Store: opens a store and answers from it, sealed and live data together, exact at each collect.

`metrics`, `facts`, `summaries`, `params`, `tags` and `runs` are Polars LazyFrames; each collect sees the store as it is
then. What holds between any two of them: a run that a point belongs to is in `runs` (facts become visible before
points). A file that is damaged is said once, by a warning of the logger "steplog", listed by `damaged()`, and left out
of every answer; all else is answered.

Polars and Arrow are imported by the first question, not by this module: a tracker holds a Store and stays light.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ingest.errors import ExperimentNotFound, RunNotFound
from ingest.objects.names import SNAPSHOT_S
from readers.records import BestRun, ExperimentSummary, MetricSummary, RunRecord, by_run, records, summarise
from readers.storetables import HINT, StoreTables

if TYPE_CHECKING:
    import polars as pl

    from readers.part import Part
    from readers.runtable import Statistic
    from readers.stragglers import Ranks

__all__ = ["BestRun", "ExperimentSummary", "MetricSummary", "RunRecord", "Store"]
_LISTED = 10


class Store(StoreTables):
    """An existing store, to be read.

    Args:
        root: its folder, or its address on object storage (s3://bucket/prefix): what was a tracker's output_dir.
        cluster: who reads the sealed files: None for this process; the address of a Dask scheduler, a
            distributed.Client, or Ray (see readers.cluster). The answers are the same.

    Raises: StoreUnavailable: there is none. FormatTooNew: it was written by a newer version. ClusterUnavailable: the
        cluster doesn't answer. ObjectsUnavailable: object storage doesn't. ValueError, TypeError: it is none.
        ImportError: its library isn't installed.
    """

    def part(self, where: "str | pl.Expr") -> "Part":
        """The same runs, of whose histories only the points that fit count: a Source for comparators.

        Args:
            where: as for `aggregate`, such as "step >= 500".

        Raises: LookupFailed: it names another column. ValueError: it is no condition.
        """
        from readers.part import Part

        return Part(self, where)

    def experiment_runs(self, experiment: str | None = None) -> list[RunRecord]:
        """The runs of an experiment, or all, first started first.

        Raises: ExperimentNotFound: naming those there are.
        """
        import polars as pl

        from readers.params import read_last
        from readers.runs import read_runs
        from readers.summaries import read_summaries

        wanted = None if experiment is None else pl.col("experiment") == experiment
        runs = read_runs(self._tables, wanted)
        runs = runs if wanted is None else runs.filter(wanted)
        if experiment is not None and runs.is_empty():
            raise ExperimentNotFound.among("experiment", experiment, self.experiments())
        params, tags = (by_run(read_last(self._tables, kind, wanted)) for kind in ("param", "tag"))
        return records(runs, params, tags, read_summaries(self._tables, wanted))

    def experiment_summary(self, experiment: str) -> ExperimentSummary:
        """Counts by status, each metric's spread over the runs, the best run.

        Raises: ExperimentNotFound: naming those there are.
        """
        return summarise(experiment, self.experiment_runs(experiment))

    def experiments(self) -> list[str]:
        """The names of all experiments that have runs, sorted."""
        return self.runs().collect()["experiment"].unique().sort().to_list()

    def run_ids(self) -> list[str]:
        """The ids of all runs, first started first."""
        return self.runs().collect()["run_id"].to_list()

    def find_run(self, run_id: str) -> dict[str, Any] | None:
        """The row of `runs` with that id, or None."""
        import polars as pl

        found = self.runs().filter(pl.col("run_id") == run_id).collect()
        return None if found.is_empty() else found.row(0, named=True)

    def last_metrics(self, run_id: str) -> dict[str, float]:
        """The last value of each of a run's metrics; nothing for an unknown run."""
        found = self.summaries(runs=[run_id]).collect()
        return dict(zip(found["key"], found["last"], strict=True))

    def ranks(self, run_id: str, *, metric: str | None = None, step_time: str | None = None) -> "Ranks":
        """How far each rank of a run has come, and which are stragglers, without a look at history.

        Args:
            metric: by which progress is told; None: the one that tells most (see readers.progress).
            step_time: a metric that is the time each rank measured for a step, in any unit; then ranks are compared by
                its mean, not by the pace at which they log. The way to find who is slow where ranks wait for each
                other.

        Raises: RunNotFound. MetricNotFound: no rank has logged such a metric.
        """
        from readers.progress import read_progress
        from readers.stragglers import judged

        progress = read_progress(self._tables, run_id, metric, step_time)
        return judged(run_id, progress, step_time, unseen_s=0.0 if self.layout.adopts else 2 * SNAPSHOT_S)

    def resolve_run(self, asked: str) -> str:
        """The id of the run that is meant by an id, the beginning of one, or a run's name.

        Raises: RunNotFound: no run, or several; the message lists them.
        """
        rows = self.runs().collect().select("run_id", "run_name", "experiment").rows()
        if any(run_id == asked for run_id, _, _ in rows):
            return asked
        meant = [row for row in rows if asked and (row[1] == asked or row[0].startswith(asked))]
        if len(meant) == 1:
            return str(meant[0][0])
        if not meant:
            names = dict.fromkeys(str(name or run_id) for run_id, name, _ in reversed(rows))
            raise RunNotFound.among("run", asked, names, HINT)
        listed = ", ".join(f"{run_id} ({name!r} in {experiment!r})" for run_id, name, experiment in meant[:_LISTED])
        more = f", and {len(meant) - _LISTED} more" if len(meant) > _LISTED else ""
        raise RunNotFound(f"{asked!r} means {len(meant)} runs: {listed}{more}; give one of these ids")

    def table(
        self,
        experiments: Collection[str] | None = None,
        *,
        where: str | None = None,
        statistics: "Sequence[Statistic]" = ("last",),
    ) -> "pl.DataFrame":
        """One row a run, with columns `params.x`, `tags.x`, `metrics.x`: see readers.runtable.RunTable.wide.

        Args:
            where: only the runs that fit a filter, such as "metrics.accuracy > 0.9 AND params.lr < 0.1"; see
                readers.filters.
            statistics: which numbers of each metric; all but the last are in `metrics.x.min` and so on.

        Raises: ExperimentNotFound. LookupFailed: the filter names what isn't there. ValueError: it is no filter.
        """
        from readers.filters import matching
        from readers.runtable import RunTable

        runs = RunTable.read(self, experiments=None if experiments is None else list(experiments))
        wide = runs.wide(tags=None, statistics=statistics)
        return wide if where is None else wide.filter(wide["run_id"].is_in(matching(runs, where)["run_id"].implode()))

    def sql(self, query: str) -> "pl.DataFrame":
        """The answer to an SQL query over the tables runs, params, tags, metrics, facts, summaries, wide: readers.sql.

        Raises: LookupFailed: no such table or column. ValueError: no query, or one that would do more than read.
        """
        from readers.sql import query as ask

        return ask(self, query)
