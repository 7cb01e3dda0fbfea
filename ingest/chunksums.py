"""Chunk sums: by these a part's footer and column chunks are checked where not all of its bytes are there.

A part read whole is checked by the digest in its name. Who fetches ranges of it has only these CRC-32s, which lie
between the last page and the footer, where readers of Parquet don't look: they go by the footer's offsets.

    u32 CRC-32 of each column chunk, row group after row group; u32 their number; u32 CRC-32 of these and of the footer
    to the end of the file; b"stepsums"; the footer, its length, "PAR1"

Why not Parquet's own page checksums: these cover neither the footer nor the headers of pages. Of the single flipped
bits there some give wrong numbers, and some end the process that parses them.
"""

import mmap
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import pyarrow.parquet as pq

from ingest.errors import SegmentCorrupt

_HEAD = struct.Struct("<II8s")
_NAME = b"stepsums"
_END = struct.Struct("<I4s")
_MAGIC = b"PAR1"


def add(path: Path) -> None:
    """Put the sums into a Parquet file that is finished and not yet named by its digest."""
    metadata = pq.read_metadata(path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        length, _ = _END.unpack(view[-_END.size :])
        place = len(view) - _END.size - length
        footer = bytes(view[place:])
        spans = [span(metadata, g, c) for g in range(metadata.num_row_groups) for c in range(metadata.num_columns)]
        sums = [crc32(view[start:end]) for start, end in spans]
        view.release()
        packed = struct.pack(f"<{len(sums)}I", *sums)
        file.seek(place)
        file.write(packed + _HEAD.pack(len(sums), _sum(packed, footer), _NAME) + footer)


def wanted(tail: bytes, size: int) -> int:
    """How many bytes from the end of a part are needed to check it, as its last bytes say.

    Raises: SegmentCorrupt: it doesn't end as a Parquet file.
    """
    length, magic = _END.unpack(tail[-_END.size :]) if len(tail) >= _END.size else (0, b"")
    if magic != _MAGIC or length + _END.size + len(_MAGIC) > size:
        raise SegmentCorrupt("it doesn't end as a Parquet file")
    return int(min(size, 2 * length + _HEAD.size + _END.size))  # a chunk takes more than four bytes in the footer


def check(tail: bytes) -> tuple[int, ...] | None:
    """Check a part's last bytes, as many as `wanted` said; gives the sums of its column chunks, None where it has none.

    Raises: SegmentCorrupt: the footer isn't what was written.
    """
    length, _ = _END.unpack(tail[-_END.size :])
    place = len(tail) - _END.size - length
    head = place - _HEAD.size
    if head < 0:
        return None
    count, found, name = _HEAD.unpack(tail[head:place])
    if name != _NAME:
        return None
    packed = tail[max(0, head - 4 * count) : head]
    if len(packed) != 4 * count or _sum(packed, tail[place:]) != found:
        raise SegmentCorrupt("its footer doesn't match its checksum")
    return struct.unpack(f"<{count}I", packed)


def span(metadata: Any, group: int, column: int) -> tuple[int, int]:
    """(start, end) of a column chunk's bytes in its file."""
    chunk = metadata.row_group(group).column(column)
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return start, start + chunk.total_compressed_size


def _sum(packed: bytes, footer: bytes) -> int:
    return crc32(footer, crc32(packed))
