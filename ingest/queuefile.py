"""One queue file: preallocated, mapped, written by one call and shut by moving its position to its end.

A file begins as a spare (`*.spare`, no reader looks at it) and becomes a live segment when it takes a number. Its
blocks are allocated before it is mapped, so a full disk can't turn a write into SIGBUS.
"""

import contextlib
import itertools
import mmap
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ingest.appended import AppendedFile
from ingest.frames import HEADER
from ingest.layout import FILE_MODE, sync_directory
from ingest.settings import MIB, QueueKind
from ingest.shapes import Binding

FileKind = QueueKind | Literal["none"]
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14; Python has no name for it yet
_PREFAULT_BYTES = 32 * 1024, 256 * 1024  # at a training loop's pace, at full speed
_HAS_GIL = getattr(sys, "_is_gil_enabled", lambda: True)()


class QueueFile:
    """One queue file, mapped.

    Under kind "append" it is written call by call; under "memory" it is an anonymous mapping, and the file stays empty
    and marks the segment; under "none" there is no file at all.
    """

    def __init__(self, path: Path, size: int, kind: FileKind, *, facts_only: bool = False) -> None:
        self.path = path
        self.number = 0
        self.size = size
        self.facts_only = facts_only
        self._kind = kind
        self._descriptor = -1 if kind == "none" else os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            self.map = _open(self._descriptor, size, kind)
        except BaseException:
            os.close(self._descriptor)
            path.unlink(missing_ok=True)
            raise
        self.closed = False
        """Whether it was sealed and let go, or is a forked parent's."""
        locked = isinstance(self.map, mmap.mmap) and not _HAS_GIL
        self._guard = threading.RLock() if locked else contextlib.nullcontext()
        self.write: Callable[[bytes], int] = _locked(self.map, self._guard) if locked else self.map.write
        self._bindings: dict[str, Binding] = {}
        self._shapes = itertools.count()
        self._prefaulted = 0
        self._shut_at: int | None = None

    @classmethod
    def nowhere(cls, folder: Path) -> "QueueFile":
        """A shut file that is no file: what is current before the first one could be made."""
        made = cls(folder / "none", mmap.PAGESIZE, "none")
        made.shut()
        return made

    def activate(self, number: int) -> None:
        """Take a number and the name that goes with it: from now on this is a live segment."""
        named = self.path.with_name(f"{number:06d}.queue")
        self.path.rename(named)
        self.path, self.number = named, number

    def bind(self, run_id: str, experiment: str) -> Binding:
        """The one place in this file where a run's shapes are declared."""
        found = self._bindings.get(run_id)
        if found is None:
            found = self._bindings.setdefault(run_id, Binding(self.write, run_id, experiment, self._shapes))
        return found

    @property
    def refused(self) -> OSError | None:
        """Why the disk took a write only in part or not at all, if so: then another file is no way out."""
        return self.map.refused if isinstance(self.map, AppendedFile) else None

    def used(self) -> int:
        """Offset behind the last frame."""
        return self.map.tell() if self._shut_at is None else self._last_end()

    def read(self, start: int, end: int) -> bytes:
        """A copy of the bytes in [start, end). Raises: ValueError: the file is closed."""
        return self.map[start:end]

    def restore(self, data: bytes) -> None:
        """Put a file that was deleted back under its name. Raises: OSError."""
        if not self.path.exists():
            mark = data if self._kind in ("file", "append") else b""
            spare = self.path.with_name(f"restored-{secrets.token_hex(4)}.spare")  # here: tmp/ may be on another disk
            with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
                file.write(mark)
                file.flush()
                os.fsync(file.fileno())
            spare.replace(self.path)
            sync_directory(self.path.parent)

    def shut(self) -> None:
        """Let every later write raise ValueError; what is written stays."""
        with self._guard:
            if self._shut_at is None:
                self._shut_at = self.map.tell()
            if not self.closed:  # again each time: an interrupt may have come between the two steps
                self.map.seek(self.size)

    def _last_end(self) -> int:
        """The end of a shut file: a thread may have written between the two calls of `shut`, so look behind."""
        offset = self._shut_at or 0
        while offset + HEADER.size <= self.size:
            length = HEADER.unpack(self.map[offset : offset + HEADER.size])[0]
            if not length:
                break
            offset += HEADER.size + length
        self._shut_at = offset
        return offset

    def prefault(self, pace: int = 0) -> None:
        """Map pages ahead of the writers, so that a log call pays for no page fault.

        `pace` is how many bytes were written since the last time. The call that maps pages holds the GIL, some five
        microseconds a page; so at a training loop's pace it takes few at once and lets other threads run in between.
        """
        fast = pace > MIB
        piece = _PREFAULT_BYTES[fast]
        wanted = min(self.size, self.map.tell() + max(2 * pace, 2 * piece))
        while self._prefaulted < wanted:
            length = min(piece, self.size - self._prefaulted)
            with contextlib.suppress(OSError, ValueError):  # an older kernel: faults cost microseconds, nothing else
                self.map.madvise(_POPULATE_WRITE, self._prefaulted, length)
            self._prefaulted += length
            if not fast:
                time.sleep(0)

    def sync(self) -> None:
        """Write what was logged to the disk. Raises: OSError: the disk can't take it."""
        if self._kind in ("file", "append"):
            _sync(self._descriptor)

    def close(self) -> None:
        """Unmap; later writes raise ValueError."""
        self.closed = True
        self.map.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Close and remove."""
        self.close()
        self.path.unlink(missing_ok=True)


def _open(descriptor: int, size: int, kind: FileKind) -> mmap.mmap | AppendedFile:
    if kind == "append":
        return AppendedFile(descriptor, size)
    if kind == "file":
        _allocate(descriptor, size)
        return mmap.mmap(descriptor, size)
    return mmap.mmap(-1, size)


def _allocate(descriptor: int, size: int) -> None:
    """Give the file real blocks: writing to a mapped hole on a full disk would kill the process with SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    block = bytes(MIB)  # macOS, Windows: write zeros
    for start in range(0, size, MIB):
        os.write(descriptor, block[: min(MIB, size - start)])


def _sync(descriptor: int) -> None:
    getattr(os, "fdatasync", os.fsync)(descriptor)


def _locked(
    mapped: mmap.mmap | AppendedFile, guard: contextlib.AbstractContextManager[object]
) -> Callable[[bytes], int]:
    """mmap.write under a lock, for builds of Python without a GIL."""

    def write(data: bytes) -> int:
        with guard:
            return mapped.write(data)

    return write
