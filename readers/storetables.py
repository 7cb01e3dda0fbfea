"""StoreTables: the tables of a store, as Polars LazyFrames over sealed and live data together; a part of Store.

Polars and Arrow are imported by the first question, not by this module: a tracker holds a Store and stays light.
"""

import os
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ingest.errors import StoreUnavailable
from ingest.layout import TABLES
from readers.cluster.engine import engine_of
from readers.opening import layout_of, tables_of

if TYPE_CHECKING:
    import polars as pl

    from readers.scan import Tables
    from readers.verified import Damage

HINT = "'steplog ls' lists them"


class StoreTables:
    """What a Store is opened from, and its tables; see readers.store."""

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
        return HINT

    def frames(self) -> Self:
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
