"""LevelDB's log format, as wandb frames its run files: records in blocks of 32 KiB, each with a checksum.

A block is a row of chunks, `<u32 CRC-32><u16 length><u8 kind><data>`, little-endian; a record is one chunk, or several
(first, middle, last) where it goes on in the next block. What doesn't match its checksum is left out and said with its
offset, never guessed at; the next block's beginning is known, so no more than the rest of one block goes with it.
Source: github.com/google/leveldb, doc/log_format.md; wandb's sums are those of zlib, of kind and data, unmasked.
"""

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO
from zlib import crc32

BLOCK = 32_768
MAX_RECORD = 1 << 28
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
HEAD = struct.Struct("<IHB")
_SUMMED = HEAD.size - 1
"""Where in a chunk the bytes begin that the checksum is of."""


def records(file: BinaryIO, start: int, problem: Callable[[str], None]) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, data) of each whole record, in order.

    Args:
        start: bytes of the file's own header, before the first chunk of the first block.
        problem: told what was left out, in words that begin with the offset.
    """
    parts: list[bytes] | None = None
    began = held = 0
    for offset, kind, data in _chunks(file, start, problem):
        if kind in {FULL, FIRST}:
            if parts is not None:
                problem(f"offset {began}: the record doesn't end; it is left out")
            parts = None
        if kind == FULL:
            yield offset, data
        elif kind == FIRST:
            parts, began, held = [data], offset, len(data)
        elif parts is not None and kind in {MIDDLE, LAST}:
            held += len(data)
            if held > MAX_RECORD:
                problem(f"offset {began}: the record has more than {MAX_RECORD >> 20} MiB; it is left out")
                parts = None
                continue
            parts.append(data)
            if kind == LAST:
                yield began, b"".join(parts)
                parts = None
        else:  # the rest of a record that began in what was left out, or a kind that nobody writes
            parts = None
    if parts is not None:
        problem(_torn(began))


def _chunks(file: BinaryIO, start: int, problem: Callable[[str], None]) -> Iterator[tuple[int, int, bytes]]:
    """(offset, kind, data) of each chunk that matches its checksum; kind 0 where some are left out."""
    at_block, at = 0, start
    while block := file.read(BLOCK):
        while at + HEAD.size <= len(block):
            crc, length, kind = HEAD.unpack_from(block, at)
            end = at + HEAD.size + length
            if end > len(block) < BLOCK:
                problem(_torn(at_block + at))
                return
            if end > len(block) or crc32(block[at + _SUMMED : end]) != crc:
                problem(
                    f"offset {at_block + at}: a record doesn't match its checksum; the {len(block) - at:,} bytes to "
                    "the end of its block are left out"
                )
                yield at_block + at, 0, b""
                break
            yield at_block + at, kind, block[at + HEAD.size : end]
            at = end
        else:
            if at < len(block) < BLOCK:
                problem(_torn(at_block + at))
        at_block, at = at_block + len(block), 0


def _torn(offset: int) -> str:
    return (
        f"offset {offset}: the file ends in the middle of a record; what came before is there. If its writer still "
        "runs, import again later"
    )
