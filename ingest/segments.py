"""The live segment: what the background thread has taken from a queue file, as Arrow streams that readers can follow.

Two streams a segment, metrics and facts, appended batch by batch. They are a view for readers, not a store: the queue
file stays the truth until the segment is sealed, so a stream needs no sync, and one that could not be written whole is
written anew. An unfinished stream reads to its last whole batch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ingest.columns import FactRecord, PointBlock
from ingest.tables import LIVE_FACTS, LIVE_METRICS, Dictionaries, live_facts, live_metrics, metric_rows

_OPTIONS = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)


class LiveSegment:
    """Writes the two streams of one segment. One thread."""

    def __init__(self, folder: Path, number: int) -> None:
        self._metrics_path, self._facts_path = live_paths(folder, number)
        self._names = Dictionaries.empty()
        self._metrics: _Stream | None = None
        self._facts: _Stream | None = None

    def append(self, points: Sequence[PointBlock], facts: Sequence[FactRecord]) -> int:
        """Append a batch; returns its number of metric rows. Facts first: a reader that sees a point knows its run.

        Raises: OSError: the disk can't take it; call `discard` and begin anew.
        """
        if facts:
            self._facts = self._facts or _Stream(self._facts_path, LIVE_FACTS)
            self._facts.write(live_facts(facts))
        if not points:
            return 0
        rows = metric_rows(points, self._names)
        self._metrics = self._metrics or _Stream(self._metrics_path, LIVE_METRICS)
        self._metrics.write(live_metrics(rows, self._names))
        return len(rows.run)

    def close(self) -> None:
        """Close the streams."""
        for stream in (self._metrics, self._facts):
            if stream is not None:
                stream.close()
        self._metrics = self._facts = None

    def discard(self) -> None:
        """Close and remove the streams."""
        self.close()
        remove_live(self._metrics_path.parent, int(self._metrics_path.name.split(".")[0]))


class _Stream:
    """An Arrow IPC stream in a file that is never finished, only removed."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, schema, options=_OPTIONS)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one batch; it is visible to other processes on return."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Close the file; the end mark that the stream's own close would write is of no use."""
        self._file.close()


def live_paths(folder: Path, number: int) -> tuple[Path, Path]:
    """(metrics, facts): the streams of a segment."""
    return folder / f"{number:06d}.metrics.arrows", folder / f"{number:06d}.facts.arrows"


def remove_live(folder: Path, number: int) -> None:
    """Remove the streams of a sealed segment."""
    for path in live_paths(folder, number):
        path.unlink(missing_ok=True)


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Every whole batch of a stream, also while it is being written; nothing when it isn't there yet."""
    try:
        source = pa.OSFile(str(path), "rb")
    except FileNotFoundError:
        return
    with source:
        try:
            reader = pa.ipc.open_stream(source)
        except (pa.ArrowInvalid, OSError):
            return  # not even the schema is whole: the first batch is still on its way
        while True:
            try:
                batch = reader.read_next_batch()
            except (StopIteration, pa.ArrowInvalid, OSError):
                return  # the end of what is whole
            yield batch
