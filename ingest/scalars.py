"""One scalar that isn't plain data, as the plain scalar that says the same (see values)."""

import datetime as dt
import decimal
import enum
import fractions
import math
import os
import types
import uuid
from pathlib import PurePath
from typing import Any

TEXT_TYPES = (dt.date, dt.time, dt.timedelta, decimal.Decimal, fractions.Fraction, complex, PurePath, uuid.UUID)
"""The standard library's scalars with one canonical text; datetime is a date."""


def from_text_type(value: object) -> object:
    """What a scalar with a text form becomes: its text, or a number where that says the same."""
    if isinstance(value, (dt.date, dt.time)):
        return None if str(value) == "NaT" else value.isoformat()  # pandas' NaT calls itself a datetime
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    return os.fspath(value) if isinstance(value, PurePath) else str(value)


def from_enum(value: enum.Enum) -> object:
    """A text or number enum's value says what is meant; of the others only the name does."""
    if isinstance(value, (int, float)) or isinstance(value.value, str):
        return value.value
    return str(value) if value.name is None else value.name  # type: ignore[redundant-expr] # flags may lack one


def from_numpy(value: Any, numpy: types.ModuleType) -> object:
    """Give the Python object nearest to a numpy scalar."""
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.timedelta64):
        if numpy.isnat(value) or numpy.datetime_data(value.dtype)[0] in {"generic", "Y", "M"}:
            return None if numpy.isnat(value) else str(value)
        return float(value / numpy.timedelta64(1, "s"))
    if isinstance(value, numpy.datetime64):
        return None if numpy.isnat(value) else str(value)
    if isinstance(value, numpy.integer):
        return int(value)
    if isinstance(value, numpy.floating):
        return float(value)
    if isinstance(value, numpy.complexfloating):
        return complex(value)
    return value.item()  # text, bytes, a record as a tuple


def _decimal(value: decimal.Decimal) -> float | str:
    """Give the float with the same digits, or the text where there is none."""
    if not value.is_finite():
        return math.nan if value.is_nan() else float(value)
    number = float(value)
    return number if math.isfinite(number) and decimal.Decimal(repr(number)) == value else str(value)
