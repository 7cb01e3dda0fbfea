"""Answers as JSON: NaN and infinities as the strings "NaN", "Infinity", "-Infinity", times as ISO 8601 in UTC.

JSON has no word for what isn't finite, and a null would say that nothing was logged. Whole numbers beyond 2**53 go out
as their digits in a string: a browser would round them without a word.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl

from readers.texts import storable

_encode = msgspec.json.Encoder().encode
_EXACT = 2**53
"""Whole numbers up to here are exact in a browser."""


def encoded(value: object) -> bytes:
    """An answer's bytes. Texts with lone surrogates lose these, as no UTF-8 can hold them."""
    return _encode(plain(value))


def plain(value: object) -> object:
    """The value as JSON can hold it."""
    match value:
        case None | bool():
            return value
        case str():
            return storable(value)
        case float():
            return value if math.isfinite(value) else word(value)
        case int():
            return value if abs(value) <= _EXACT else str(value)
        case datetime():
            return iso(value)
        case Mapping():
            return {storable(str(name)): plain(child) for name, child in value.items()}
        case Sequence():
            return [plain(child) for child in value]
    return plain(value.item()) if hasattr(value, "item") else storable(str(value))


def word(value: float) -> str:
    """What a number is called that isn't finite."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def iso(time: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, such as "2026-11-23T12:00:00.000000Z"."""
    if time is None:
        return None
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def column(values: pl.Series, digits: Mapping[int, str] | None = None) -> bytes:
    """A column of a table as a JSON array, without a Python call for each value.

    Args:
        digits: by place, what stands there instead of a number.
    """
    if values.dtype.is_temporal():
        return _encode(values.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_list())
    plain_values: list[Any] = values.to_list()
    if values.dtype.is_float():
        odd = ~values.is_finite()
        for place, value in zip(odd.arg_true(), values.filter(odd), strict=True):
            plain_values[place] = word(value)
    for place, text in (digits or {}).items():
        plain_values[place] = text
    return _encode(plain_values)
