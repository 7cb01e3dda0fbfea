"""SegmentTail: the new rows of one live segment, from its queue file; from its streams where that is in memory."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ingest.catalog import LiveSegment
from ingest.columns import FactRecord, PointBlock
from ingest.segments import live_paths
from readers.batch import FACTS, POINTS
from readers.queuetail import QueueTail
from readers.streamtail import StreamTail

_log = logging.getLogger("steplog")


class NewRows(NamedTuple):
    """What a look at a segment gave: events of its queue file, or frames of its streams."""

    blocks: Sequence[PointBlock] = ()
    records: Sequence[FactRecord] = ()
    points: pl.DataFrame | None = None
    facts: pl.DataFrame | None = None
    more: bool = False
    """Whether it ended because of the limit."""
    bytes_read: int = 0


class SegmentTail:
    """Reads one live segment from front to back."""

    def __init__(self, segment: LiveSegment) -> None:
        self.segment = segment
        self.queue = QueueTail(segment.queue_file, segment.number)
        metrics, facts = live_paths(segment.queue_file.parent, segment.number)
        self._metrics, self._facts = StreamTail(metrics), StreamTail(facts)

    def touched(self) -> bool:
        """Whether anything was ever written to it. Raises: FileNotFoundError: it was sealed."""
        return self.queue.touched() or (self.queue.empty() and (self._metrics.touched() or self._facts.touched()))

    def waiting(self) -> bool:
        """Whether anything is new. Raises: FileNotFoundError: it was sealed."""
        return self.queue.waiting() or (self.queue.empty() and (self._metrics.waiting() or self._facts.waiting()))

    def cut_short(self) -> bool:
        """Whether its streams were removed, perhaps before they held all: the rest is in its sealed part only.

        A queue file that is open here can be read to its end when it was removed.
        """
        return self.queue.empty() and not self.queue.path.exists()

    def take(self, most_bytes: int) -> NewRows:
        """The new rows, up to about `most_bytes` of the queue file. Raises: FileNotFoundError: it was sealed.

        Raises: OSError: it can't be read.
        """
        if self.queue.empty():
            return self._of_streams()
        offset = self.queue.offset
        decoded, more = self.queue.take(most_bytes)
        for line in decoded.poisoned:
            _log.warning("steplog: %s: %s; it is left out", self.queue.path, line)
        return NewRows(decoded.points, decoded.facts, more=more, bytes_read=self.queue.offset - offset)

    def close(self) -> None:
        """Close its files; the next look opens them again."""
        self.queue.close()

    def _of_streams(self) -> NewRows:
        """The points are read first: facts are written first, so the facts of every point seen are seen.

        A batch of points has its calls shape by shape.
        """
        points, facts = self._metrics.take(), self._facts.take()
        mark = pl.lit(self.segment.writer).alias("writer")
        if points is not None:
            points = points.with_columns(mark).select(POINTS.names()).sort("seq", maintain_order=True)
        return NewRows(points=points, facts=None if facts is None else facts.with_columns(mark).select(FACTS.names()))
