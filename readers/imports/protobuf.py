"""The wire format of Protocol Buffers: the fields of one message, without knowing its schema.

Source: protobuf.dev/programming-guides/encoding. Groups, which are obsolete, are refused.
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int | bytes]
"""(number, wire type, value): an int for a varint, else the bytes."""
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


def fields(data: bytes) -> Iterator[Field]:
    """The fields in their order. Raises: ValueError: this is no message."""
    at, size = 0, len(data)
    while at < size:
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind in {FIXED64, FIXED32}:
            width = 8 if kind == FIXED64 else 4
            value = data[at : at + width]
            at += width
        elif kind == BYTES:
            length, at = _varint(data, at)
            value = data[at : at + length]
            at += length
        else:
            raise ValueError(f"field {number} has wire type {kind}, which no such message has")
        if at > size or not number:
            raise ValueError(f"field {number} ends behind the message")
        yield number, kind, value


def double(value: int | bytes) -> float:
    """A field of type double. Raises: ValueError."""
    return _unpack(_DOUBLE, value)


def single(value: int | bytes) -> float:
    """A field of type float. Raises: ValueError."""
    return _unpack(_FLOAT, value)


def nested(value: int | bytes) -> bytes:
    """A field that is a message, bytes or text. Raises: ValueError."""
    if isinstance(value, int):
        raise ValueError("a number stands where bytes should be")  # noqa: TRY004 - of the file, not of the caller
    return value


def text(value: int | bytes) -> str:
    """A field of type string. Raises: ValueError: not UTF-8."""
    return nested(value).decode()


def integer(value: int | bytes) -> int:
    """A field of type int64 or int32. Raises: ValueError."""
    if not isinstance(value, int):
        raise ValueError("bytes stand where a number should be")  # noqa: TRY004 - as above
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _unpack(form: struct.Struct, value: int | bytes) -> float:
    if isinstance(value, int) or len(value) != form.size:
        raise ValueError("a number has another width")
    return float(form.unpack(value)[0])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, offset behind it)."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number doesn't end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
