"""Tensor files: many arrays in one file of the safetensors format, written and read with NumPy alone.

The format is what PyTorch, JAX and others open with the library of that name: 8 bytes of length, a JSON header that
gives each array's type, shape and place, then the arrays' bytes, little-endian and C-ordered. Nothing in it can run
code. A header is looked at before anything is allocated for it: places lie in the file, follow each other without gaps,
and are as long as type and shape say. Source: https://github.com/huggingface/safetensors#format.

Types that NumPy lacks (BF16, F8_E4M3, F8_E5M2) are carried as raw bytes; who has such a type makes them of these.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ingest.files import ByteSink

MAX_HEADER_BYTES = 100_000_000
"""What other readers of the format take."""
_MAX_RANK = 64
_NUMPY = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "C64": "<c8",
}
_BYTES = {**{name: int(code[2:]) for name, code in _NUMPY.items()}, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_NAMES = {code: name for name, code in _NUMPY.items()}


class Tensor(NamedTuple):
    """One array: its type's name in the format, its shape, its bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: "NDArray[np.uint8]"


def of_array(array: "NDArray[Any]", dtype: str | None = None) -> Tensor | None:
    """The array as a tensor, without a copy where it lies in one piece; None if the format lacks its type.

    Args:
        dtype: the type that the bytes mean, where NumPy has no word for it.
    """
    import numpy as np

    name = dtype or _NAMES.get(array.dtype.newbyteorder("<").str)
    if name is None:
        return None
    whole = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return Tensor(name, array.shape, whole.reshape(-1).view(np.uint8))


def as_array(tensor: Tensor) -> "NDArray[Any]":
    """The tensor as an array that may be written to; of BF16 as float32, which holds each of its values.

    Raises: TypeError: NumPy has no such type.
    """
    import numpy as np

    if tensor.dtype == "BF16":
        upper = tensor.data.view("<u2").astype("<u4") << np.uint32(16)
        return upper.view("<f4").reshape(tensor.shape)
    if tensor.dtype not in _NUMPY:
        raise TypeError(f"NumPy has no type for {tensor.dtype}; install torch to load such tensors")
    return tensor.data.view(_NUMPY[tensor.dtype]).reshape(tensor.shape)


def write_tensors(sink: "ByteSink", tensors: Mapping[str, Tensor]) -> None:
    """Write a whole file. Raises: OSError: as the sink."""
    order = sorted(
        tensors, key=lambda name: -_BYTES[tensors[name].dtype]
    )  # so that each lies at a multiple of its size
    header, at = {}, 0
    for name in order:
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + data.nbytes]}
        at += data.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    sink.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        if tensors[name].data.nbytes:
            sink.write(tensors[name].data.data)


def read_tensors(file: BinaryIO) -> dict[str, Tensor]:
    """Read a whole file, from where it stands to its end.

    Raises: ValueError: it isn't a file of this format. EOFError: it ends before its header says.
    """
    import numpy as np

    size = os.fstat(file.fileno()).st_size - file.tell()
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    places = _places(file.read(length), size - 8 - length)
    tensors = {}
    for name, (dtype, shape, count) in places.items():
        data = np.empty(count, np.uint8)
        if count and file.readinto(data.data) != count:  # type: ignore[attr-defined] # a plain file's has it
            raise EOFError(f"it ends within {name!r}")
        tensors[name] = Tensor(dtype, shape, data)
    return tensors


def _places(text: bytes, size: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Type, shape and length of each tensor, in the order in which they lie. Raises: ValueError."""
    try:
        header = cast("dict[str, Any]", json.loads(text))
        header.pop("__metadata__", None)
        places: dict[str, tuple[str, tuple[int, ...], int]] = {}
        at = 0
        for begin, end, name in sorted((*_offsets(about), name) for name, about in header.items()):
            dtype, shape = str(header[name]["dtype"]), tuple(map(int, header[name]["shape"]))
            if begin != at or end - begin != math.prod(shape) * _BYTES[dtype] or len(shape) > _MAX_RANK:
                raise ValueError(f"{name!r} doesn't lie where it should")  # noqa: TRY301
            if any(length < 0 for length in shape):
                raise ValueError(f"{name!r} has the shape {shape}")  # noqa: TRY301
            places[name], at = (dtype, shape, end - begin), end
        if at != size:
            raise ValueError(f"tensors of {at} bytes in a body of {size}")  # noqa: TRY301
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"no header of tensors: {error}") from error
    return places


def _offsets(about: Any) -> tuple[int, int]:
    begin, end = about["data_offsets"]
    return int(begin), int(end)
