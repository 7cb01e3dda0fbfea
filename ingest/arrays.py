"""Arrow arrays straight from memory, and back.

`pa.array`, `pa.scalar` and `to_numpy` import pandas where it is installed, for most of what they are given: half a
second of CPU in the middle of a training run, and an error when the interpreter is shutting down. These do the same by
buffers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
_TYPES = {"i4": pa.int32(), "i8": pa.int64(), "f8": pa.float64()}


def numbers(
    values: npt.NDArray[np.generic], kind: pa.DataType | None = None, *, valid: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """An array of int32, int64 or float64 (or of `kind`, of equal width); null where `valid` is False."""
    values = np.ascontiguousarray(values)
    bits = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    kind = kind or _TYPES[values.dtype.str[1:]]
    return pa.Array.from_buffers(kind, len(values), [bits, pa.py_buffer(values)])


def strings(values: Sequence[str]) -> pa.Array:
    """An array of strings. Raises: UnicodeEncodeError: one isn't valid Unicode."""
    encoded = [value.encode() for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(value) for value in encoded], out=offsets[1:])
    if offsets[-1] < 2**31:
        buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
        return pa.Array.from_buffers(pa.string(), len(encoded), buffers)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers).cast(pa.string())


def repeated(value: str, count: int) -> pa.Array:
    """The same string `count` times."""
    return coded(np.zeros(count, np.int32), strings([value])).dictionary_decode()


def coded(codes: npt.NDArray[np.int32], dictionary: pa.Array) -> pa.DictionaryArray:
    """A dictionary array of strings."""
    return pa.DictionaryArray.from_arrays(numbers(codes), dictionary)


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows."""
    return pa.Table.from_batches([], schema)


def values(column: pa.Array) -> npt.NDArray[Any]:
    """The values of a column of integers, times or floats; a null is NaN among floats, and anything among integers."""
    array = _one(column)
    kind = "f8" if pa.types.is_floating(array.type) else f"i{array.type.bit_width // 8}"
    found = np.frombuffer(array.buffers()[1] or b"", kind)[array.offset : array.offset + len(array)]
    return np.where(valid(array), found, np.nan) if kind == "f8" and array.null_count else found


def valid(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a column has a value."""
    array = _one(column)
    bits = array.buffers()[0]
    return np.ones(len(array), np.bool_) if bits is None else _bits(bits, array)


def truths(column: pa.Array) -> npt.NDArray[np.bool_]:
    """The values of a column of booleans without nulls."""
    array = _one(column)
    return _bits(array.buffers()[1], array)


def _bits(buffer: pa.Buffer, array: pa.Array) -> npt.NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def _one(column: pa.Array) -> pa.Array:
    """A chunked column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return pa.concat_arrays(column.chunks) if column.chunks else pa.nulls(0, column.type)
