"""Arrow arrays straight from memory.

`pa.array` imports pandas where it is installed, whatever it is given: half a second of CPU in the middle of a training
run, and an error when the interpreter is shutting down. These build the same arrays from buffers.
"""

from collections.abc import Sequence

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
