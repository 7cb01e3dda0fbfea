"""A pipeline without its thread: a queue and its writer, stepped by hand, and its files read back."""

import struct
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.alive import FolderLock
from ingest.catalog import snapshot
from ingest.clock import ManualClock
from ingest.events import STEP_INT, MetricsLogged, ParamsLogged, encode
from ingest.frames import frame
from ingest.layout import Layout, Table, new_writer_id
from ingest.queue import EventQueue
from ingest.recovery import read_segment
from ingest.settings import PipelineSettings
from ingest.shapes import room_for
from ingest.writer import Writer

RUN = "0199f0c8a7b3c1d2e3f4a5"
SMALL: dict[str, Any] = {"first_segment_bytes": 1024, "segment_bytes": 4096, "compact_files": 0, "sync_interval_s": 1.0}


class ByHand:
    """One writer of a store, whose background work happens when a test says so."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.settings = PipelineSettings(**{**SMALL, **settings})
        self.layout = Layout(root, self.settings.queue_dir)
        self.layout.create()
        self.clock = ManualClock()
        self.name = new_writer_id()
        self.lock = FolderLock()
        self.lock.claim(self.layout, self.name)
        self.folder = self.layout.home(self.name)
        self.rings = 0
        self.queue = EventQueue(self.folder, self.settings, self._ring)
        self.writer = Writer(self.layout, self.lock, self.queue, self.settings, self.clock)

    def _ring(self) -> None:
        self.rings += 1

    def point(self, key: str, number: int, run: str = RUN, experiment: str = "e") -> None:
        """Log one value as `log_metrics` does: by a declared shape."""
        while True:
            file, binding = self.queue.bind(run, experiment)
            if binding is None:
                self.loose(key, number, run, experiment)
                return
            try:
                packer = binding.packer((key,), STEP_INT)
                assert packer is not None
                binding.write(frame(packer[0](packer[1], self.clock.time_ns(), number, float(number))))
            except ValueError:
                self.queue.rotate(file, room_for(run, experiment, (key,)))
            else:
                return

    def loose(self, key: str, number: int, run: str = RUN, experiment: str = "e") -> None:
        """Log one value as a self-contained event."""
        values = struct.pack("<d", float(number))
        event = MetricsLogged(run, experiment, self.clock.time_ns(), number, (key,), values)
        self.queue.put(encode(event), fact=False)

    def param(self, key: str, number: int, run: str = RUN, experiment: str = "e") -> None:
        """Log one param."""
        self.queue.put(encode(ParamsLogged(run, experiment, self.clock.time_ns(), {key: str(number)})), fact=True)

    def step(self, *, seal_now: bool = False, sync_now: bool = False) -> Exception | None:
        """What the thread does once in a while."""
        return self.writer.step(seal_now=seal_now, sync_now=sync_now)

    def finish(self) -> None:
        """End as `close` does."""
        self.queue.close()
        self.writer.finish()

    def die(self) -> None:
        """Leave everything as kill -9 does: the files stay, the lock is free."""
        self.queue.let_go()
        self.lock.release()


class Row(NamedTuple):
    """A point or a fact, as read back."""

    key: str
    number: float
    seq: int
    segment: str


def rows_of(layout: Layout, table: Table = "metrics") -> list[Row]:
    """What a reader that knows nothing but the catalog sees: sealed parts, and the queue files of live segments."""
    shot = snapshot(layout, table)
    found = []
    for part in shot.parts:
        found += _rows(pq.read_table(part.path, partitioning=None), part.segment)
    for segment in shot.live:
        contents, _, _ = read_segment(segment)
        for experiment in contents.experiments():
            rows = contents.facts(experiment) if table == "facts" else contents.metrics(experiment)[0]
            found += _rows(rows, segment.queue_file.name)
    return sorted(found, key=lambda row: row.seq)


def _rows(table: pa.Table, segment: str) -> list[Row]:
    if "kind" in table.column_names:
        table = table.filter(pc.is_in(table["kind"], pa.array(["param", "tag"])))
    columns = [table[name].to_pylist() for name in ("key", "value", "seq")]
    return [Row(key, float(value), seq, segment) for key, value, seq in zip(*columns, strict=True)]


def numbers_of(layout: Layout) -> dict[str, list[int]]:
    """The numbers of each key, points and params, in the order of seq."""
    found = defaultdict(list)
    for row in rows_of(layout) + rows_of(layout, "facts"):
        found[row.key].append(int(row.number))
    return dict(found)


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
