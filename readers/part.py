"""Part: a store's runs as if only some of their points had been logged: those of the last epochs, say.

Runs, params, tags and facts are the store's; summaries are computed from the points that fit (see readers.aggregate).
It is a Source: a comparator ranks, compares and draws by these points alone.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import polars as pl

from readers.aggregate import where_of
from readers.source import Names

if TYPE_CHECKING:
    from readers.store import Store


class Part:
    """Some points of a store.

    Args:
        where: which points: see Store.aggregate.

    Raises: LookupFailed: the condition names another column. ValueError: it is none.
    """

    def __init__(self, store: "Store", where: str | pl.Expr) -> None:
        self._store = store
        self._fits = where_of(where)

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return self._store.place

    @property
    def hint(self) -> str:
        """What to do about a run that isn't there."""
        return self._store.hint

    def frames(self) -> "Part":
        """Itself."""
        return self

    def experiments(self) -> list[str]:
        """The names of all experiments."""
        return self._store.experiments()

    def runs(self, experiments: Collection[str] | None = None, runs: Names = None) -> pl.LazyFrame:
        """As Store.runs; also those without a point that fits."""
        return self._store.runs(experiments, runs)

    def params(self, runs: Names = None, experiments: Collection[str] | None = None) -> pl.LazyFrame:
        """As Store.params."""
        return self._store.params(runs, experiments)

    def tags(self, runs: Names = None, experiments: Collection[str] | None = None) -> pl.LazyFrame:
        """As Store.tags."""
        return self._store.tags(runs, experiments)

    def lasts(self, runs: Names = None, experiments: Collection[str] | None = None) -> None:
        """None: they are found with the summaries."""

    def summaries(
        self, keys: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """As Store.summaries, of the points that fit."""
        return self._store.aggregate(keys, runs, experiments, self._fits)

    def metrics(
        self, keys: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """As Store.metrics, the points that fit."""
        rows = self._store.metrics(keys, runs, experiments)
        if self._fits is None:
            return rows
        any_step = pl.coalesce("step_float", pl.col("step").cast(pl.Float64))
        fitting = rows.with_columns(whole=pl.col("step"), step=any_step).filter(self._fits)
        return fitting.with_columns(step=pl.col("whole")).drop("whole")

    def facts(
        self, kinds: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """As Store.facts."""
        return self._store.facts(kinds, runs, experiments)
