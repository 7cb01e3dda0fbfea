"""Bulk writing: what is known already, runs of another tracker say, into a store, a batch at a time.

Guarantee: of a batch, readers see all or nothing, whatever kills the process; and what was published once is safe as
sealed events are. For this a batch is written aside as a queue file, synced, and renamed into a writer's folder, where
it is a live segment at once; then it is sealed as any other (see sealing). A writer killed in between is adopted by
recovery, as any other. So a batch may have any times in the past, and costs no log call a point.
"""

import os
import secrets
from collections.abc import Iterator
from itertools import count
from types import TracebackType
from typing import Self
from zlib import crc32

import numpy as np

from ingest.alive import FolderLock
from ingest.catalog import segments_of
from ingest.columns import Ints, PointBlock
from ingest.events import STEP_FLOAT, STEP_INT, STEP_NONE, FactEvent, Points, Shape, encode
from ingest.frames import HEADER, frame
from ingest.home import leave
from ingest.layout import FILE_MODE, Layout, new_writer_id, sync_directory
from ingest.sealing import Contents, commit, seal


class Batch:
    """Events in the form of a queue file, gathered in memory."""

    def __init__(self, shapes: Iterator[int] | None = None) -> None:
        self.size = 0
        """In bytes."""
        self._parts: list[bytes] = []
        self._shapes = count() if shapes is None else shapes
        """Numbers for what is declared here; batches that are to be joined share them."""

    def add_fact(self, event: FactEvent) -> None:
        """Append a fact."""
        self._add(frame(encode(event)))

    def add_points(self, block: PointBlock) -> None:
        """Append points; their order gives their `seq`, and the block's own isn't looked at."""
        if not len(block.values):
            return
        kind = STEP_NONE if block.step is None else STEP_INT if block.step.dtype == np.int64 else STEP_FLOAT
        number = next(self._shapes)
        self._add(frame(encode(Shape(number, block.run_id, block.experiment, block.keys, kind))))
        words = [block.time_ns[:, None], *([] if block.step is None else [block.step[:, None]]), block.values]
        body = np.concatenate([np.ascontiguousarray(column).view("<i8") for column in words], axis=1)
        size = body[0].nbytes
        self._add(_frames(encode(Points(number, bytes(size)))[:-size], body))

    def join(self, other: "Batch") -> None:
        """Append what another one holds."""
        self._parts += other._parts  # noqa: SLF001 - of its own kind
        self.size += other.size

    def data(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)

    def _add(self, data: bytes) -> None:
        self._parts.append(data)
        self.size += len(data)


class BulkWriter:
    """Publishes batches in a store; close it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.writer = new_writer_id()
        self._number = 0
        self._lock = FolderLock()
        self._lock.claim(layout, self.writer)

    def publish(self, batch: Batch) -> None:
        """Let readers see a batch, and make it Parquet.

        Raises: OSError: the disk can't take it; readers see all of it then, or nothing.
        """
        data = batch.data()
        if not data:
            return
        self._number += 1
        self._lock.touch()
        folder = self.layout.writer(self.writer)
        spare, path = folder / f"bulk-{secrets.token_hex(4)}.spare", folder / f"{self._number:06d}.queue"
        with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        spare.rename(path)
        sync_directory(folder)
        seal(self.layout, Contents.of_queue(self.writer, self._number, data))
        commit(path, self._number)

    def close(self) -> None:
        """Leave the store; what could not be sealed is left to recovery."""
        if self._lock.holds(self.layout.writer(self.writer)) and not any(segments_of(self.layout.writer(self.writer))):
            leave(self.layout, self.writer)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _frames(prefix: bytes, body: Ints) -> bytes:
    """Frames of `Points` whose encoding is `prefix` and a row of `body`."""
    rows = body.view(np.uint8).reshape(len(body), -1)
    length = len(prefix) + rows.shape[1]
    whole = np.empty((len(rows), HEADER.size + length), np.uint8)
    whole[:, HEADER.size : HEADER.size + len(prefix)] = np.frombuffer(prefix, np.uint8)
    whole[:, HEADER.size + len(prefix) :] = rows
    payloads = memoryview(whole[:, HEADER.size :].tobytes())
    sums = [crc32(payloads[at : at + length]) for at in range(0, len(payloads), length)]
    head = np.array([np.full(len(rows), length, "<u4"), np.array(sums, "<u4")]).T
    whole[:, : HEADER.size] = np.ascontiguousarray(head).view(np.uint8)
    return whole.tobytes()
