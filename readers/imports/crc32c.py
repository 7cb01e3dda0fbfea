"""CRC-32C (Castagnoli) of many records at once, and the mask that TensorFlow's records put on it.

Python has no CRC-32C, and a loop over bytes takes a second for ten megabytes. So records of similar length are laid out
as rows of an array, aligned at their ends, and the table is looked up a column at a time: zeros in front change nothing
of a sum that begins with zero, and to begin with all ones, as CRC-32C does, is to flip the first four bytes. A long
record is cut into rows itself, and their sums are put together: the sum is linear, so what a row adds to those behind
it is what it would be if only zeros followed. Source: Castagnoli 1993; the mask is that of TFRecord
(tensorflow/core/lib/hash/crc32c.h).
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

_POLYNOMIAL = 0x82F63B78
_LONG = 4096
_FEW = 60
"""Rows for which a loop over bytes is quicker than NumPy's calls."""
Sums = npt.NDArray[np.uint32]


def _table() -> Sums:
    sums = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        sums = np.where(sums & 1, (sums >> 1) ^ np.uint32(_POLYNOMIAL), sums >> 1)
    return sums


_TABLE = _table()
_ENTRIES: list[int] = _TABLE.tolist()


def masked(records: Sequence[bytes]) -> Sums:
    """The masked sum of each record."""
    sums = np.zeros(len(records), np.uint32)
    groups: dict[int, list[int]] = defaultdict(list)
    for place, data in enumerate(records):
        groups[len(data).bit_length()].append(place)
    for places in groups.values():
        sums[places] = _of_group([records[place] for place in places])
    sums = ~sums
    return ((sums >> np.uint32(15)) | (sums << np.uint32(17))) + np.uint32(0xA282EAD8)


def _of_group(records: list[bytes]) -> list[int] | Sums:
    """The sums of records of similar length, without the inversion at their end."""
    longest = max(map(len, records))
    if longest > _LONG:
        return [_of_long(data) for data in records]
    if len(records) < _FEW or min(map(len, records)) < 4:
        return [_of_short(data) for data in records]
    rows = np.zeros((len(records), longest), np.uint8)
    for row, data in zip(rows, records, strict=True):
        begin = longest - len(data)
        row[begin:] = np.frombuffer(data, np.uint8)
        row[begin : begin + 4] ^= np.uint8(0xFF)
    return _of_rows(rows)


def _of_short(data: bytes, total: int = 0xFFFFFFFF) -> int:
    for byte in data:
        total = _ENTRIES[(total ^ byte) & 0xFF] ^ (total >> 8)
    return total


def _of_rows(rows: npt.NDArray[np.uint8]) -> Sums:
    """The sums of rows, begun with zero."""
    sums = np.zeros(len(rows), np.uint32)
    for column in np.ascontiguousarray(rows.T):
        sums = _TABLE[(sums ^ column) & np.uint32(0xFF)] ^ (sums >> np.uint32(8))
    return sums


def _of_long(data: bytes) -> int:
    """Of one long record: its first part, then rows of about the square root of its length."""
    width = 1 << (len(data).bit_length() // 2)
    first = len(data) % width
    total = _of_short(data[:first])
    one, two, three, four = _zeros(width)
    for row in _of_rows(np.frombuffer(data, np.uint8)[first:].reshape(-1, width)).tolist():
        total = one[total & 0xFF] ^ two[total >> 8 & 0xFF] ^ three[total >> 16 & 0xFF] ^ four[total >> 24] ^ row
    return total


@cache
def _zeros(width: int) -> list[list[int]]:
    """For each of a sum's four bytes, what each value of it becomes when `width` zeros follow."""
    sums = (np.arange(256, dtype=np.uint32)[None, :] << (np.arange(4, dtype=np.uint32) * 8)[:, None]).reshape(-1)
    for _ in range(width):
        sums = _TABLE[sums & np.uint32(0xFF)] ^ (sums >> np.uint32(8))
    return [part.tolist() for part in sums.reshape(4, 256)]
