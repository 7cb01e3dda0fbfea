"""A file that takes one write a call: a mapping's stand-in where mapped files can't be trusted (see filesystems).

It has the methods of `mmap.mmap` that a queue file uses, and keeps its promise: a write is there whole or not at all,
and one that doesn't fit, or finds the file at its end or closed, raises ValueError.
"""

import os
import threading


class AppendedFile:
    """Writes frames one behind the other; any thread, also from a signal handler."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._position = 0
        self._lock = threading.RLock()

    def write(self, data: bytes) -> int:
        """Append; it survives the death of this process on return. Raises: ValueError: it can't be taken."""
        with self._lock:
            start, end = self._position, self._position + len(data)
            if self._descriptor < 0 or end > self._size:
                raise ValueError("data out of range")
            self._position = end  # before the write: a signal handler that logs in the middle goes behind it
            try:
                complete = os.pwrite(self._descriptor, data, start) == len(data)
            except OSError:
                complete = False
            if complete:
                return len(data)
            os.ftruncate(self._descriptor, start)
            self._size = self._position = start
        raise ValueError("the disk didn't take all of it; the next file may")

    def tell(self) -> int:
        """Offset behind the last write."""
        return self._position

    def seek(self, position: int) -> None:
        """Move to an offset; to the end, and no later write is taken."""
        with self._lock:
            self._position = position

    def __getitem__(self, part: slice) -> bytes:
        if self._descriptor < 0:
            raise ValueError("the file is closed")
        size = part.stop - part.start
        return os.pread(self._descriptor, size, part.start).ljust(size, b"\0")  # as a mapping's rest is

    def madvise(self, advice: int, start: int, length: int) -> None:
        """Nothing to be made ahead."""

    def close(self) -> None:
        """Refuse later reads and writes; the descriptor belongs to the queue file."""
        self._descriptor = -1
