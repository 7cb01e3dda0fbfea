"""TensorFlow's tensors, as far as they are scalars. Source: tensor.proto, types.proto of tensorflow/core/framework."""

import struct

import numpy as np

from readers.imports.protobuf import BYTES, fields, integer, nested

_DTYPES = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "<u1",
    5: "<i2",
    6: "<i1",
    9: "<i8",
    10: "?",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
"""NumPy's types by TensorFlow's numbers; bfloat16 is 14."""
_BFLOAT16 = 14
_PACKED = {5: "<f4", 6: "<f8"}
"""Fields of a tensor that hold its values, with their width; those of whole numbers are varints."""
_WHOLE = {7, 10, 11, 13, 16, 17}


def scalar_of(data: bytes) -> float:
    """The one value of a TensorProto. Raises: ValueError: it has none or several, or is of another type."""
    dtype, content = 0, b""
    values: list[float] = []
    for number, kind, value in fields(data):
        if number == 1:
            dtype = integer(value)
        elif number == 2:
            _check_shape(nested(value))
        elif number == 4:
            content = nested(value)
        else:
            values += _values(number, kind, value)
    if 13 in {number for number, _, _ in fields(data)}:
        values = [_half(int(bits), dtype) for bits in values]
    if content:
        values = _of_content(content, dtype)
    if not values and dtype in {*_DTYPES, _BFLOAT16}:
        values = [0.0]  # what is zero isn't written
    if len(values) != 1 or dtype not in {*_DTYPES, _BFLOAT16}:
        raise ValueError(f"a scalar's tensor has {len(values)} values of type {dtype}")
    return float(values[0])


def _values(number: int, kind: int, value: int | bytes) -> list[float]:
    """The values in a field of a tensor; of halves, their bits."""
    if number in _PACKED:  # packed or alone, the bytes are the same
        return [float(one) for one in np.frombuffer(nested(value), _PACKED[number])]
    if number in _WHOLE:
        return list(_varints(nested(value)) if kind == BYTES else [integer(value)])
    return []


def _of_content(content: bytes, dtype: int) -> list[float]:
    if dtype == _BFLOAT16:
        return [_half(bits, dtype) for bits in np.frombuffer(content, "<u2").tolist()]
    if dtype not in _DTYPES:
        raise ValueError(f"a scalar's tensor is of type {dtype}")
    values: list[float] = np.frombuffer(content, _DTYPES[dtype]).tolist()
    return values


def _half(bits: int, dtype: int) -> float:
    """A number of 16 bits."""
    raw = (bits & 0xFFFF).to_bytes(2, "little")
    return float(struct.unpack("<f", b"\0\0" + raw)[0] if dtype == _BFLOAT16 else struct.unpack("<e", raw)[0])


def _varints(data: bytes) -> list[int]:
    """Packed whole numbers: as fields without their keys."""
    return [integer(value) for _, _, value in fields(b"".join(b"\x08" + part for part in _split(data)))]


def _split(data: bytes) -> list[bytes]:
    parts, start = [], 0
    for place, byte in enumerate(data):
        if byte < 0x80:
            parts.append(data[start : place + 1])
            start = place + 1
    return parts


def _check_shape(data: bytes) -> None:
    """Raises: ValueError: more than one value."""
    for number, _, value in fields(data):
        if number == 2:
            for inner, _, size in fields(nested(value)):
                if inner == 1 and integer(size) != 1:
                    raise ValueError(f"a scalar's tensor has {integer(size)} values")
