"""ObjectTables: the tables of a store on object storage.

Facts and summaries are small and asked for again and again: their parts are fetched whole, and kept. Of metrics only
what a question needs is fetched: the row groups that can have its runs, the columns that it names (see ranges). Which
runs can meet a question's conditions is found by asking these of the run ids that there are, which the facts know.
"""

from collections.abc import Iterator

import polars as pl

from ingest.catalog import Part
from readers.objects.rangedparts import RangedParts, Runs, may_have
from readers.objects.view import ObjectView
from readers.query import Query
from readers.scan import Spread, Tables, chunks
from readers.verified import Damage


class ObjectTables(Tables):
    """The three tables of a view. Any thread."""

    def __init__(self, view: ObjectView, spread: Spread | None = None) -> None:
        super().__init__(view, spread)
        self._view = view
        self._ranged = RangedParts(view.bucket, view.footers)

    def damaged(self) -> list[Damage]:
        """Every part that isn't what was written: of metrics those that were met."""
        facts = [found.path for table in ("summaries", "facts") for found in self.snapshot(table).parts]
        self.layout.obtain(*facts)
        for path in facts:
            if path.exists():
                self.verified.check(path)
        return sorted([*self.verified.damaged(), *self._ranged.damage.values()])

    def _sealed(self, query: Query, parts: list[Part], limit: int | None) -> Iterator[pl.DataFrame]:
        """The rows of parts. Raises: FileNotFoundError: one is gone."""
        if query.table != "metrics":
            yield from (self.rows(query, chunk, limit) for chunk in chunks(self.found(query.table, parts)))
            return
        known = {found.part.path: found for found in self._view.object_parts("metrics")}
        here = [part for part in parts if part.path.exists()]
        yield from (self.rows(query, chunk, limit) for chunk in chunks(self.found("metrics", here)))
        away = [known[part.path] for part in parts if part.path in known and part not in here]
        if not away:
            return
        named = [(found, self._names.of(found.part)) for found in away]
        runs = self._runs(query)
        if runs is not None:
            named = [(found, name) for found, name in named if may_have(found, runs.get(name))]
        try:
            if self._spread is None:
                yield from self._ranged.frames(query, named, runs)
            else:
                yield from self._spread.ranged(self._view.place, self._ranged, query, named, runs)
        except FileNotFoundError:
            self._view.look_again()
            raise

    def _runs(self, query: Query) -> Runs | None:
        """The runs that can have rows for a query; None when it doesn't choose by run.

        A run's points are of the experiment that it says it is of, in a fact that is written before them.
        """
        early = query.early(["run_id"])
        if early is None:
            return None
        said = (pl.col("kind") == "run") & (pl.col("key") == "experiment")
        there = self.frame("facts", ["run_id", "experiment"], said).unique()
        if self.verified.damaged():  # it may be the facts: then nobody knows which runs there are
            return None
        wanted = there.filter(early).sort("run_id").rows_by_key("experiment", include_key=False)
        return {name: [run_id for (run_id,) in wanted.get(name, ())] for name in there["experiment"].unique()}
