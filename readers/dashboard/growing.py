"""GrowingRows: the rows of live segments, each event decoded once, however often a page asks.

A live queue file only grows at its end, so of one that was read before only what is new is decoded (see
readers.queuetail); facts and summaries are kept as frames, points as the arrays that they were decoded to. What isn't
such a file (a dead writer's, which is checked frame by frame; the streams of a queue in memory) is read as everywhere
else. What a reader sees is a prefix of what was logged, by the argument in readers.live: later segments are read first.
"""

import threading
from collections import defaultdict
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from ingest.catalog import LiveSegment
from ingest.columns import PointBlock
from ingest.layout import Layout, Table
from ingest.sealing import Contents
from ingest.summaries import merge
from ingest.tables import Dictionaries, live_facts, metric_rows
from readers.live import LiveRows
from readers.queuetail import QueueTail
from readers.schemas import SCHEMAS

_MOST_BYTES = 64 << 20
"""Of a queue file that one look decodes; a segment is shut at 16 MiB or so."""
_MOST_OPEN = 128
"""Queue files that are held open."""


class LivePoints(NamedTuple):
    """The points of one live segment, in one form or the other."""

    blocks: dict[str, list[PointBlock]]
    """By run."""
    rows: pl.DataFrame | None
    """Rows of the metrics table, where there are no blocks."""
    last: int | None
    """Seq of the last point; None where there is none."""


class GrowingRows(LiveRows):
    """Reads live segments again and again. Any thread."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._growing: dict[LiveSegment, _Segment] = {}
        self._lock = threading.Lock()

    def read(self, table: Table) -> dict[LiveSegment, pl.DataFrame]:
        """The rows of every segment that was live when this was called."""
        with self._lock:
            found = super().read(table)
            self._forget_but(found)
            return found

    def points(self) -> dict[LiveSegment, LivePoints]:
        """The points of every segment that was live when this was called."""
        with self._lock:
            rows = super().read("metrics")
            self._forget_but(rows)
            found = {}
            for segment, frame in rows.items():
                growing = self._growing.get(segment)
                found[segment] = _of_rows(frame) if growing is None else growing.points()
            return found

    def _rows(self, segment: LiveSegment, table: Table, *, alive: bool) -> pl.DataFrame:
        growing = self._growing.get(segment)
        if growing is None and alive:
            growing = _Segment(segment)
            if not growing.tail.empty():
                self._growing[segment] = growing
        if segment not in self._growing or growing is None:
            return super()._rows(segment, table, alive=alive)
        growing.look()
        if len(self._growing) > _MOST_OPEN:
            growing.tail.close()  # the next look opens it again
        return growing.frame(table)

    def _forget_but(self, live: dict[LiveSegment, pl.DataFrame]) -> None:
        for segment in [segment for segment in self._growing if segment not in live]:
            self._growing.pop(segment).tail.close()


class _Segment:
    """One live queue file, as far as it was read."""

    def __init__(self, segment: LiveSegment) -> None:
        self.tail = QueueTail(segment.queue_file, segment.number)
        self._segment = segment
        self._blocks: dict[str, list[PointBlock]] = defaultdict(list)
        self._last: int | None = None
        self._facts = [SCHEMAS["facts"].to_frame()]
        self._summaries: dict[str, pa.Table] = {}

    def look(self) -> None:
        """Take what is new."""
        more = True
        while more and self.tail.waiting():
            before = self.tail.offset
            decoded, more = self.tail.take(_MOST_BYTES)
            if self.tail.offset == before:
                return  # a frame that is being copied at this moment
            for block in decoded.points:
                self._blocks[block.run_id].append(_own(block))
                self._last = max(int(block.seq.max()), self._last or 0)
            names = Dictionaries.empty()
            rows, facts = metric_rows(decoded.points, names), pa.Table.from_batches([live_facts(decoded.facts)])
            self._take(Contents(self._segment.writer, self._segment.number, rows, names, facts))

    def frame(self, table: Table) -> pl.DataFrame:
        """The rows of a table; none of metrics, which are in `points`."""
        match table:
            case "facts":
                self._facts = [pl.concat(self._facts)]
                return self._facts[0]
            case "summaries":
                rows = [
                    pl.DataFrame(rows).with_columns(experiment=pl.lit(experiment))
                    for experiment, rows in self._summaries.items()
                ]
                return pl.concat([SCHEMAS["summaries"].to_frame(), *rows])
            case "metrics":
                return SCHEMAS["metrics"].to_frame()

    def points(self) -> LivePoints:
        """The points as of the last look."""
        return LivePoints({run_id: list(blocks) for run_id, blocks in self._blocks.items()}, None, self._last)

    def _take(self, contents: Contents) -> None:
        for experiment in contents.experiments():
            facts = pl.DataFrame(contents.facts(experiment)).with_columns(experiment=pl.lit(experiment))
            self._facts.append(facts)
            _, summaries = contents.metrics(experiment)
            known = self._summaries.get(experiment)
            self._summaries[experiment] = summaries if known is None else merge(pa.concat_tables([known, summaries]))


def _of_rows(rows: pl.DataFrame) -> LivePoints:
    last = rows["seq"].max()
    return LivePoints({}, rows, None if last is None else int(str(last)))


def _own(block: PointBlock) -> PointBlock:
    """A block that doesn't keep the bytes alive that it was decoded from."""
    return block._replace(
        seq=block.seq.copy(),
        time_ns=block.time_ns.copy(),
        step=None if block.step is None else block.step.copy(),
        values=block.values.copy(),
    )
