"""The frame: how one event lies in a queue file.

A frame is `<u32 length><u32 crc32 of payload><payload>`, little-endian, one behind the other; a length of zero ends
the file, whose unwritten rest is zeros. Argument: a frame is acknowledged when the call that wrote it has returned,
so a writer that dies in the middle of one leaves a frame that was never acknowledged, and the checksum tells it from
a whole one. After a power cut pages land in any order, so the checksum is what says how far a file can be trusted:
reading stops at the first frame that doesn't match, and what lies behind it is set aside by recovery, never guessed
at.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

HEADER = struct.Struct("<II")
MAX_PAYLOAD = 1 << 30
"""Larger lengths are damage, not events; a queue file never holds one."""


class Extent(NamedTuple):
    """How much of a queue file is whole."""

    end: int
    """Offset behind the last whole frame."""
    frames: int
    torn: str | None
    """Why reading stopped before the end of what was written; None when the file is whole."""


def frame(payload: bytes) -> bytes:
    """Wrap an encoded event."""
    return HEADER.pack(len(payload), crc32(payload)) + payload


def payloads(data: bytes | memoryview, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset of the frame, payload) up to the first that isn't all there; checksums are not looked at."""
    offset = start
    while offset + HEADER.size <= end:
        length = HEADER.unpack_from(data, offset)[0]
        if not length or offset + HEADER.size + length > end:
            return
        yield offset, bytes(data[offset + HEADER.size : offset + HEADER.size + length])
        offset += HEADER.size + length


def matches(data: bytes | memoryview, offset: int) -> bool:
    """Tell whether the frame at `offset` matches its checksum."""
    length, checksum = HEADER.unpack_from(data, offset)
    return bool(crc32(data[offset + HEADER.size : offset + HEADER.size + length]) == checksum)


def whole(data: bytes | memoryview, start: int = 0) -> Extent:
    """Check every frame's checksum from `start` and say where the whole ones end."""
    view = memoryview(data)
    offset, count, size = start, 0, len(view)
    while offset + HEADER.size <= size:
        length, checksum = HEADER.unpack_from(view, offset)
        if not length:
            torn = None if not checksum else f"frame {count} at offset {offset} has no length but a checksum"
            return Extent(offset, count, torn or _stray(view, offset))
        stop = offset + HEADER.size + length
        if length > MAX_PAYLOAD or stop > size:
            return Extent(offset, count, f"frame {count} at offset {offset} says it has {length} bytes; the file ends")
        if crc32(view[offset + HEADER.size : stop]) != checksum:
            return Extent(offset, count, f"frame {count} at offset {offset} doesn't match its checksum")
        offset, count = stop, count + 1
    return Extent(offset, count, _stray(view, offset))


def _stray(view: memoryview, offset: int) -> str | None:
    """Say so when anything but zeros follows the end: pages behind a lost one, after a power cut."""
    rest = bytes(view[offset:])
    found = len(rest) - len(rest.lstrip(b"\0"))
    if found == len(rest):
        return None
    return f"bytes at offset {offset + found} lie behind the end at {offset}"
