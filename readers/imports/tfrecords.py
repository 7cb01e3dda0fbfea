"""TFRecord files, read without TensorFlow: the framing of TensorBoard's event files.

A record is `<u64 length><u32 masked crc of the length><data><u32 masked crc of the data>`, little-endian. A length is
believed only with its checksum, so a flipped bit can't make a reader ask for a terabyte; and of one that is too long to
be an event, nothing is read. What can't be trusted is left out and said with its offset, never guessed at: a record
whose data doesn't match, alone; from a length that doesn't match on, the rest of the file, as nobody knows where the
next record begins. Source: tensorflow/core/lib/io/record_writer.h.
"""

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from readers.imports.crc32c import masked

MAX_RECORD = 1 << 28
"""Bytes of the largest record that is read; an event with a picture in it has a few millions."""
_AT_ONCE = 8 << 20
_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")


def records(file: BinaryIO, problem: Callable[[str], None]) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, data) of each whole record, in order.

    Args:
        problem: told what was left out, in words that begin with the offset.
    """
    lengths: dict[bytes, bool] = {}
    waiting: list[tuple[int, bytes, int]] = []
    held = offset = 0
    size = os.fstat(file.fileno()).st_size
    while head := file.read(_HEAD.size):
        if len(head) < _HEAD.size:
            problem(_torn(offset, size))
            break
        if not _is_length(head, lengths):
            what = "is all zeros" if not any(head) else "has a length that doesn't match its checksum"
            problem(f"offset {offset}: the record {what}; the {size - offset:,} bytes from there on are left out")
            break
        (length, _) = _HEAD.unpack(head)
        if length > MAX_RECORD:
            problem(
                f"offset {offset}: a record says it has {length:,} bytes, more than an event can have; "
                "the rest of the file is left out"
            )
            break
        body = file.read(length + _TAIL.size)
        if len(body) < length + _TAIL.size:
            problem(_torn(offset, size))
            break
        waiting.append((offset, body[:length], _TAIL.unpack_from(body, length)[0]))
        offset += _HEAD.size + len(body)
        held += len(body)
        if held > _AT_ONCE:
            yield from _matching(waiting, problem)
            waiting, held = [], 0
    yield from _matching(waiting, problem)


def _torn(offset: int, size: int) -> str:
    return (
        f"offset {offset}: the file ends in the middle of a record ({max(0, size - offset):,} bytes); what came before "
        "is there. If its writer still runs, import again later"
    )


def _is_length(head: bytes, known: dict[bytes, bool]) -> bool:
    """Whether a length matches its checksum; the same few come again and again."""
    found = known.get(head)
    if found is None:
        if len(known) > 10_000:
            known.clear()
        found = known[head] = int(masked([head[:8]])[0]) == _HEAD.unpack(head)[1]
    return found


def _matching(waiting: list[tuple[int, bytes, int]], problem: Callable[[str], None]) -> Iterator[tuple[int, bytes]]:
    """Those of some records that match their checksums."""
    sums = masked([data for _, data, _ in waiting]).tolist()
    for (offset, data, said), found in zip(waiting, sums, strict=True):
        if found == said:
            yield offset, data
        else:
            problem(f"offset {offset}: a record of {len(data):,} bytes doesn't match its checksum, and is left out")
