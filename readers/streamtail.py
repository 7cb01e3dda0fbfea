"""StreamTail: what was appended to a live Arrow stream since the last look: all that a queue in memory shows.

Whole messages are taken, each once. A batch needs the schema and the dictionaries before it, so these are kept, as
bytes. Dictionaries only ever grow, so what is new is read as a stream of its own: the schema, all dictionaries, the new
batches. A writer that failed to write a stream removes it and begins anew (see ingest.segments); the watcher's cursor
leaves out what was seen before.
"""

import logging
import os
from pathlib import Path

import polars as pl
import pyarrow as pa

_log = logging.getLogger("steplog")


class StreamTail:
    """Reads one stream from front to back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = 0
        """Its inode."""
        self._offset = 0
        self._names: list[bytes] = []
        """The messages that are no batches."""

    def waiting(self) -> bool:
        """Whether something lies behind what was taken."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        return found.st_size > (self._offset if found.st_ino == self._file else 0)

    def touched(self) -> bool:
        """Whether anything was ever written to it."""
        return self._offset > 0 or self.waiting()

    def take(self) -> pl.DataFrame | None:
        """The rows of all whole batches that are new, or None."""
        data = self._read()
        batches: list[bytes] = []
        reader, end = pa.BufferReader(pa.py_buffer(data)), 0
        while end < len(data):
            try:
                kind = pa.ipc.read_message(reader).type
            except (EOFError, OSError, pa.ArrowInvalid):  # still being written
                break
            start, end = end, reader.tell()
            (batches if kind == "record batch" else self._names).append(data[start:end])
        self._offset += end
        if not batches:
            return None
        try:
            frame = pl.DataFrame(pa.ipc.open_stream(pa.py_buffer(b"".join([*self._names, *batches]))).read_all())
        except pa.ArrowInvalid as error:  # the sealed part will have what it held, if it can be sealed
            _log.warning("steplog: %s isn't a stream (%s); what it holds is left out for now", self._path, error)
            return None
        return frame.with_columns(pl.col(pl.Categorical).cast(pl.String))

    def _read(self) -> bytes:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return b""
        try:
            found = os.fstat(descriptor)
            if found.st_ino != self._file or found.st_size < self._offset:
                self._file, self._offset, self._names = found.st_ino, 0, []
            return os.pread(descriptor, max(0, found.st_size - self._offset), self._offset)
        finally:
            os.close(descriptor)
