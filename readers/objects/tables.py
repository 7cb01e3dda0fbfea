"""ObjectTables: the tables of a store on object storage.

Facts and summaries are small and asked for again and again: their parts are fetched whole, and kept. Of metrics only
what a question needs is fetched: the row groups that can have its runs, the columns that it names (see ranges). Which
runs can meet a question's conditions is found by asking these of the run ids that there are, which the facts know.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from ingest.catalog import Part
from ingest.errors import SegmentCorrupt
from ingest.objects.bucket import Bucket
from readers.objects.listed import ObjectPart
from readers.objects.ranges import Footers, has_any, read, row_groups
from readers.objects.view import ObjectView
from readers.query import Query
from readers.scan import Spread, Tables, chunks
from readers.verified import Damage

_AHEAD = 8
"""Parts that are fetched at once; of each at most some tens of megabytes are wanted."""
_AT_ONCE_BYTES = 16 << 20
_log = logging.getLogger("steplog")


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
        runs = self._runs(query)
        if runs is not None:
            away = [found for found in away if found.runs is None or has_any(runs, *found.runs)]
        try:
            yield from self._ranged.frames(query, [(found, self._names.of(found.part)) for found in away], runs)
        except FileNotFoundError:
            self._view.look_again()
            raise

    def _runs(self, query: Query) -> list[str] | None:
        """The runs that can have rows for a query, sorted; None when it doesn't choose by run."""
        early = query.early(["run_id"])
        if early is None:
            return None
        there = self.frame("facts", ["run_id"], (pl.col("kind") == "run") & (pl.col("key") == "experiment")).unique()
        if self.verified.damaged():  # it may be the facts: then nobody knows which runs there are
            return None
        return there.filter(early)["run_id"].sort().to_list()


class RangedParts:
    """Parts of metrics that stay in the bucket. Any thread."""

    def __init__(self, bucket: Bucket, footers: Footers) -> None:
        self._bucket = bucket
        self._footers = footers
        self.damage: dict[str, Damage] = {}
        """By key."""

    def frames(
        self, query: Query, parts: Iterable[tuple[ObjectPart, str]], runs: list[str] | None
    ) -> Iterator[pl.DataFrame]:
        """What a query asks of parts (each with its experiment), in their order, a few row groups at a time.

        Raises: FileNotFoundError: one is gone. ObjectsUnavailable.
        """
        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting: deque[Future[list[pl.DataFrame]]] = deque()
            try:
                for found, experiment in parts:
                    waiting.append(pool.submit(self.rows, query, found, experiment, runs))
                    if len(waiting) >= _AHEAD:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def rows(self, query: Query, found: ObjectPart, experiment: str, runs: list[str] | None) -> list[pl.DataFrame]:
        """What a query asks of one part; nothing of a damaged one, which is said once."""
        if found.keys[0] in self.damage:
            return []
        try:
            metadata = self._footers.of(found)
            groups = row_groups(metadata, runs)
            return [
                query.of(rows.with_columns(experiment=pl.lit(experiment)))
                for some in _batches(metadata, groups)
                for rows in read(self._bucket, found, metadata, some, query)
            ]
        except SegmentCorrupt as error:
            self.damage[found.keys[0]] = Damage(found.part.path, str(error))
            _log.warning("steplog: %s", error)
            return []


def _batches(metadata: object, groups: list[int]) -> Iterator[list[int]]:
    """Row groups in batches of bounded size."""
    batch: list[int] = []
    size = 0
    for group in groups:
        more = metadata.row_group(group).total_byte_size  # type: ignore[attr-defined]
        if batch and size + more > _AT_ONCE_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(group)
        size += more
    if batch:
        yield batch
