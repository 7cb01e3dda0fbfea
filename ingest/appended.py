"""A file that takes one write a call: a mapping's stand-in where mapped files can't be trusted (see filesystems).

It has the methods of `mmap.mmap` that a queue file uses, and keeps its promise: a write is there whole or not at all,
and one that doesn't fit, or finds the file at its end or closed, raises ValueError. The system keeps the position
(O_APPEND), so that an interrupt before or after the write leaves no hole, and a signal handler's write overwrites none.
"""

import errno
import fcntl
import os
import threading
from contextlib import suppress


class AppendedFile:
    """Writes frames one behind the other; any thread, also from a signal handler."""

    def __init__(self, descriptor: int, size: int) -> None:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)
        self.refused: OSError | None = None
        """Why the disk didn't take a write."""
        self._descriptor = descriptor
        self._size = size
        self._written = 0
        self._lock = threading.RLock()

    def write(self, data: bytes) -> int:
        """Append; it survives the death of this process on return. Raises: ValueError: it can't be taken."""
        with self._lock:
            if self._descriptor < 0 or self._written + len(data) > self._size:
                raise ValueError("data out of range")
            taken, refused = 0, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                taken = os.write(self._descriptor, data)
            except OSError as error:
                refused = error
            self._written += taken
            if taken == len(data):
                return taken
            self.refused, self._size = refused, 0
            with suppress(OSError):  # if not even that works, recovery sets the torn frame aside
                os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - taken)
        raise ValueError("the disk didn't take all of it")

    def tell(self) -> int:
        """Offset behind the last write. Raises: ValueError: the file is closed."""
        self._check_open()
        return os.fstat(self._descriptor).st_size

    def seek(self, _end: int) -> None:
        """Take no more writes: a queue file is only ever moved to its end."""
        with self._lock:
            self._size = 0

    def __getitem__(self, part: slice) -> bytes:
        self._check_open()
        size = part.stop - part.start
        return os.pread(self._descriptor, size, part.start).ljust(size, b"\0")  # as a mapping's rest is

    def madvise(self, advice: int, start: int, length: int) -> None:
        """Nothing to be made ahead."""

    def close(self) -> None:
        """Refuse later reads and writes; the descriptor belongs to the queue file."""
        self._descriptor = -1

    def _check_open(self) -> None:
        if self._descriptor < 0:
            raise ValueError("the file is closed")
