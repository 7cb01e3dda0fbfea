"""Store: opens a store and answers from it, sealed and live data together, exact at each collect.

`metrics`, `facts`, `summaries`, `params`, `tags` and `runs` are Polars LazyFrames; each collect sees the store as it is
then. What holds between any two of them: a run that a point belongs to is in `runs` (facts become visible before
points). A file that is damaged is said once, by a warning of the logger "steplog", listed by `damaged()`, and left out
of every answer; all else is answered.

Polars and Arrow are imported by the first question, not by this module: a tracker holds a Store and stays light.
"""

import os
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.errors import ExperimentNotFound, RunNotFound, StoreUnavailable
from ingest.layout import TABLES
from ingest.objects.names import SNAPSHOT_S
from readers.cluster.engine import engine_of
from readers.opening import layout_of, tables_of
from readers.records import BestRun, ExperimentSummary, MetricSummary, RunRecord, by_run, records, summarise

if TYPE_CHECKING:
    import polars as pl

    from readers.part import Part
    from readers.runtable import Statistic
    from readers.scan import Tables
    from readers.stragglers import Ranks
    from readers.verified import Damage

__all__ = ["BestRun", "ExperimentSummary", "MetricSummary", "RunRecord", "Store"]
_LISTED = 10
_HINT = "'steplog ls' lists them"


class Store:
    """An existing store, to be read.

    Args:
        root: its folder, or its address on object storage (s3://bucket/prefix): what was a tracker's output_dir.
        cluster: who reads the sealed files: None for this process; the address of a Dask scheduler, a
            distributed.Client, or Ray (see readers.cluster). The answers are the same.

    Raises: StoreUnavailable: there is none. FormatTooNew: it was written by a newer version. ClusterUnavailable: the
        cluster doesn't answer. ObjectsUnavailable: object storage doesn't. ValueError, TypeError: it is none.
        ImportError: its library isn't installed.
    """

    def __init__(self, root: str | os.PathLike[str], *, cluster: object = None) -> None:
        self._engine = None if cluster is None else engine_of(cluster)
        self.layout = layout_of(root)
        try:
            there = self.layout.check()
        except OSError as error:
            raise StoreUnavailable(
                f"the store {self.layout.place!r} can't be read: {error.strerror or error}"
            ) from error
        if not there:
            raise StoreUnavailable(
                f"no store at {self.layout.place!r}: {self._what_is_there()}; give what was a tracker's output_dir, "
                "or make one by ExperimentTracker(output_dir=...)"
            )

    def _what_is_there(self) -> str:
        if not self.layout.adopts:
            return "nothing was uploaded there yet"
        if self.root.is_dir():
            return "it has no store.json"
        return "it is a file" if self.root.exists() else "it isn't there"

    @property
    def root(self) -> Path:
        """The store's folder; of one on object storage the folder of its view here."""
        return self.layout.root

    def flush(self) -> None:
        """Nothing to do: what can be seen is in the folder. Makes a Store a `Source`, as a tracker is."""

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        name = self.root.name if self.layout.adopts else self.layout.place
        return f"store {name!r}"

    @property
    def hint(self) -> str:
        """What to do about a run that isn't there."""
        return _HINT

    def frames(self) -> "Store":
        """Itself: its tables are of the moment in which they are collected."""
        return self

    # --- tables

    def metrics(
        self,
        keys: Sequence[str] | None = None,
        runs: Sequence[str] | None = None,
        experiments: Collection[str] | None = None,
    ) -> "pl.LazyFrame":
        """One row a point: run_id, writer, seq, time, key, step, step_float, value, experiment, rank.

        A step that isn't an integer is in `step_float`, and `step` is null then. `seq` orders the events of one writer;
        rows come in no promised order. `rank` is the writer's, as its name tells it (see readers.writernames); it costs
        nothing where it isn't selected.

        Args:
            keys, runs, experiments: only these metrics, run ids, experiments; None for all.
        """
        from readers.writernames import rank

        frame = self._tables.lazy("metrics", experiments=_names("experiments", experiments))
        return _only(frame, key=keys, run_id=runs).with_columns(rank())

    def facts(
        self,
        kinds: Sequence[str] | None = None,
        runs: Sequence[str] | None = None,
        experiments: Collection[str] | None = None,
    ) -> "pl.LazyFrame":
        """One row a fact, history included: run_id, writer, seq, time, kind, key, value (JSON), experiment."""
        frame = self._tables.lazy("facts", experiments=_names("experiments", experiments))
        return _only(frame, kind=kinds, run_id=runs)

    def summaries(
        self,
        keys: Sequence[str] | None = None,
        runs: Sequence[str] | None = None,
        experiments: Collection[str] | None = None,
    ) -> "pl.LazyFrame":
        """One row for each run and metric, without a look at its history: see readers.summaries."""
        from readers.derived import derived
        from readers.summaries import SUMMARIES, read_summaries

        frame = derived(SUMMARIES, lambda predicate: read_summaries(self._tables, predicate))
        return _only(frame, key=keys, run_id=runs, experiment=experiments)

    def aggregate(
        self,
        keys: Sequence[str] | None = None,
        runs: Sequence[str] | None = None,
        experiments: Collection[str] | None = None,
        where: "str | pl.Expr | None" = None,
    ) -> "pl.LazyFrame":
        """The columns of `summaries`, of the points that fit: one row for each run and metric that has any.

        What summaries can't tell, as they are of whole histories; this reads the points, a chunk at a time.

        Args:
            where: which points: a condition on each, such as "step >= 500 AND value > 0" or pl.col("step") >= 500, of
                the columns of `metrics` (without step_float: `step` is any step here); None for all.

        Raises: LookupFailed: the condition names another column. ValueError: it is none.
        """
        from readers.aggregate import read_aggregate, where_of
        from readers.derived import derived
        from readers.summaries import SUMMARIES

        fits = where_of(where)
        frame = derived(SUMMARIES, lambda predicate: read_aggregate(self._tables, fits, predicate))
        return _only(frame, key=keys, run_id=runs, experiment=experiments)

    def part(self, where: "str | pl.Expr") -> "Part":
        """The same runs, of whose histories only the points that fit count: a Source for comparators.

        Args:
            where: as for `aggregate`, such as "step >= 500".

        Raises: LookupFailed: it names another column. ValueError: it is no condition.
        """
        from readers.part import Part

        return Part(self, where)

    def params(self, runs: Sequence[str] | None = None, experiments: Collection[str] | None = None) -> "pl.LazyFrame":
        """One row for each run and param: its last value; nested ones under dotted names. See readers.params."""
        return self._values("param", runs, experiments)

    def tags(self, runs: Sequence[str] | None = None, experiments: Collection[str] | None = None) -> "pl.LazyFrame":
        """One row for each run and tag: its last value."""
        return self._values("tag", runs, experiments)

    def lasts(self, runs: Sequence[str] | None = None, experiments: Collection[str] | None = None) -> None:
        """None: the summaries are as quick (see readers.source.RunFrames)."""

    def runs(self, experiments: Collection[str] | None = None, runs: Sequence[str] | None = None) -> "pl.LazyFrame":
        """One row a run, first started first: see readers.runs."""
        from readers.derived import derived
        from readers.runs import RUNS, read_runs

        frame = derived(RUNS, lambda predicate: read_runs(self._tables, predicate))
        return _only(frame, experiment=experiments, run_id=runs)

    # --- answers

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
            raise RunNotFound.among("run", asked, names, _HINT)
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

    # --- the files themselves

    def damaged(self) -> "list[Damage]":
        """Every sealed file that isn't what was written, with what to do; verifies what wasn't verified yet."""
        return self._tables.damaged()

    def foreign(self) -> list[Path]:
        """What lies in the tables' folders and isn't ours: foreign files, links, pipes, folders; ignored."""
        return sorted(path for table in TABLES for path in self._tables.foreign(table))

    @cached_property
    def _tables(self) -> "Tables":
        if self._engine is None:
            return tables_of(self.layout)
        from readers.cluster.fanout import FanOut

        return tables_of(self.layout, FanOut(self._engine))

    def _values(self, kind: str, runs: Sequence[str] | None, experiments: Collection[str] | None) -> "pl.LazyFrame":
        from readers.derived import derived
        from readers.params import VALUES, read_flat

        frame = derived(VALUES, lambda predicate: read_flat(self._tables, kind, predicate))
        return _only(frame, run_id=runs, experiment=experiments)


def _only(frame: "pl.LazyFrame", **wanted: Collection[str] | None) -> "pl.LazyFrame":
    """The rows whose columns have one of the values."""
    from readers.predicates import one_of

    for column, values in wanted.items():
        names = _names(f"of {column}", values)
        if names is not None:
            frame = frame.filter(one_of(column, names))
    return frame


def _names(what: str, values: Collection[str] | None) -> list[str] | None:
    """The names as a list; a single text would be taken for a list of its letters."""
    if isinstance(values, str):
        raise TypeError(f"the choice {what} is {values!r}; it is a list of names, as in [{values!r}]")
    return None if values is None else [str(value) for value in values]
