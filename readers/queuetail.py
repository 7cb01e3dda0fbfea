"""QueueTail: what was appended to a live queue file since the last look, decoded once.

The file is preallocated and its unwritten rest is zeros, so a look that finds nothing reads eight bytes: the length of
a frame that isn't there. What is there is taken frame by frame, as long as each matches its checksum: one that is being
copied at this moment doesn't, and is looked at again the next time. So nothing half-written is ever taken, and what was
taken is a prefix of what was logged.
"""

import os
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from ingest.columns import Decoded, Decoder
from ingest.frames import HEADER, MAX_PAYLOAD

_FIRST_CHUNK = 16 * 1024
_GROWTH = 4


class Taken(NamedTuple):
    """What a look took."""

    decoded: Decoded
    more: bool
    """Whether it ended because of the limit: there may be more."""


class QueueTail:
    """Reads one queue file from front to back, in as many looks as it takes."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.stuck = False
        """Whether something lies behind the last whole frame that isn't one: still being copied, or torn for good."""
        self._decoder = Decoder(number)
        self.offset = 0
        """How far the file was taken."""
        self._descriptor = -1

    @property
    def is_open(self) -> bool:
        """Whether it holds the file open."""
        return self._descriptor >= 0

    def touched(self) -> bool:
        """Whether anything was ever written to it. Raises: FileNotFoundError: it was sealed, and isn't open here."""
        return self.offset > 0 or self.waiting()

    def waiting(self) -> bool:
        """Whether something lies behind what was taken. Raises: FileNotFoundError: as above."""
        head = self._read(HEADER.size)
        return len(head) == HEADER.size and HEADER.unpack(head)[0] > 0

    def empty(self) -> bool:
        """Whether the file has no bytes at all: it marks the segment of a queue in memory."""
        return self.offset == 0 and not self._read(1)

    def take(self, most_bytes: int) -> Taken:
        """Decode what is new, up to about `most_bytes` (one frame may be larger). Raises: FileNotFoundError: as above.

        Raises: OSError: it can't be read.
        """
        data, more = self._whole(most_bytes)
        decoded = self._decoder.decode(data, 0, len(data))
        self.offset += len(data)
        return Taken(decoded, more)

    def close(self) -> None:
        """Close the file; the next look opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        """A follower may be dropped at any moment, as by `break`."""
        self.close()

    def _whole(self, most_bytes: int) -> tuple[bytes, bool]:
        """(whole frames behind the offset, whether there may be more)."""
        size = min(_FIRST_CHUNK, max(most_bytes, HEADER.size))
        while True:
            data = self._read(size)
            end, wanted = _extent(data)
            at_end = len(data) < size
            self.stuck = wanted < 0 or (wanted > HEADER.size and at_end)
            if at_end or wanted <= 0:
                return data[:end], False
            if end and size >= most_bytes:
                return data[:end], True
            size = min(size * _GROWTH, most_bytes) if end else max(size * _GROWTH, wanted)

    def _read(self, size: int) -> bytes:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.pread(self._descriptor, size, self.offset)


def _extent(data: bytes) -> tuple[int, int]:
    """(end of the whole frames, bytes that the next one needs from there; 0: there is none; -1: it doesn't match)."""
    view = memoryview(data)
    offset, size = 0, len(view)
    while offset + HEADER.size <= size:
        length, checksum = HEADER.unpack_from(view, offset)
        if not length:
            return offset, 0
        if length > MAX_PAYLOAD:
            return offset, -1
        stop = offset + HEADER.size + length
        if stop > size:
            return offset, HEADER.size + length
        if crc32(view[offset + HEADER.size : stop]) != checksum:
            return offset, -1
        offset = stop
    return offset, HEADER.size
