"""RangedParts: what a question asks of metrics whose parts stay in the bucket.

Several parts are on their way at once, a few row groups of each at a time; rows come in the order of the parts.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import polars as pl

from ingest.errors import SegmentCorrupt
from ingest.objects.bucket import Bucket
from readers.objects.listed import ObjectPart
from readers.objects.ranges import Footers, has_any, read, row_groups
from readers.query import Query
from readers.verified import Damage

_AHEAD = 8
"""Parts that are fetched at once; of each at most some tens of megabytes are wanted."""
_AT_ONCE_BYTES = 16 << 20
_log = logging.getLogger("steplog")


Runs = Mapping[str, Sequence[str]]
"""Of each experiment the runs that are wanted, sorted; of one that isn't there nothing is known, and all may be."""


class RangedParts:
    """Parts of metrics that stay in the bucket. Any thread."""

    def __init__(self, bucket: Bucket, footers: Footers) -> None:
        self._bucket = bucket
        self._footers = footers
        self.damage: dict[str, Damage] = {}
        """By key."""

    def frames(
        self, query: Query, parts: Iterable[tuple[ObjectPart, str]], runs: Runs | None
    ) -> Iterator[pl.DataFrame]:
        """What a query asks of parts (each with its experiment), in their order, a few row groups at a time.

        Raises: FileNotFoundError: one is gone. ObjectsUnavailable.
        """
        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting: deque[Future[list[pl.DataFrame]]] = deque()
            try:
                for found, experiment in parts:
                    wanted = None if runs is None else runs.get(experiment)
                    waiting.append(pool.submit(self.rows, query, found, experiment, wanted))
                    if len(waiting) >= _AHEAD:
                        yield from waiting.popleft().result()
                while waiting:
                    yield from waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def rows(self, query: Query, found: ObjectPart, experiment: str, runs: Sequence[str] | None) -> list[pl.DataFrame]:
        """What a query asks of one part; nothing of a damaged one, which is said once."""
        if found.keys[0] in self.damage:
            return []
        try:
            footer = self._footers.of(found)
            groups = row_groups(footer.metadata, runs)
            return [
                query.of(rows.with_columns(experiment=pl.lit(experiment)))
                for some in _batches(footer.metadata, groups)
                for rows in read(self._bucket, found, footer, some, query)
            ]
        except SegmentCorrupt as error:
            self.set_aside(found, str(error))
            return []

    def set_aside(self, found: ObjectPart, reason: str) -> None:
        """Leave a part out from now on, and say so once."""
        if found.keys[0] not in self.damage:
            self.damage[found.keys[0]] = Damage(found.part.path, reason)
            _log.warning("steplog: %s", reason)


def may_have(found: ObjectPart, runs: Sequence[str] | None) -> bool:
    """Whether a part can have one of the runs (sorted), as far as is known without a look inside."""
    return runs is None or (has_any(runs, *found.runs) if found.runs is not None else bool(runs))


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
