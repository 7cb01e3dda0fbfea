"""One column: cells of whatever types, as one of three kinds, with the missing ones marked in one way.

number    float64, missing is NaN; numbers, bools, durations and times of day (in seconds)
category  object array of str, missing is None; text, frames' categories, cells of mixed simple types by their text
time      datetime64[us] in UTC, missing is NaT; dates and datetimes
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["number", "category", "time"]
Array = np.ndarray[Any, Any]
ACCEPTED = "numbers, bools, text, categories, dates and times"
_NUMBERS = (Real, Decimal, Fraction, np.bool_, np.number)
_NOT_THERE = {"NAType", "NaTType", "NoneType"}


class Column(NamedTuple):
    """One column, of one kind."""

    name: str
    kind: Kind
    values: Array
    """shape (rows,)"""
    order: tuple[str, ...] | None = None
    """A frame's own order of its categories."""

    @property
    def missing(self) -> Array:
        """Which cells are; shape (rows,), bool."""
        if self.kind == "category":
            return np.array([value is None for value in self.values], dtype=bool)
        return np.isnat(self.values) if self.kind == "time" else np.isnan(self.values)

    def texts(self) -> list[str | None]:
        """Its values as categories are told apart, whatever it holds; missing is None."""
        return [None if gone else text_of(value) for value, gone in zip(self.values, self.missing, strict=True)]


def of_array(name: str, values: Array, place: str) -> Column:
    """Make a column of a NumPy array, by its dtype.

    Args:
        place: what errors call it.
    Raises: TypeError: a type that no model takes. ValueError: not one value a row, infinite numbers.
    """
    kind = values.dtype.kind
    if values.ndim != 1:
        raise ValueError(f"{place} has the shape {values.shape}, and must have one value a row")
    if kind in "biuf":
        return _number(name, values.astype(np.float64), place)
    if kind == "M":
        return Column(name, "time", values.astype("datetime64[us]"))
    if kind == "m":
        gone = np.isnat(values)
        seconds = values.astype("timedelta64[us]").astype(np.int64) / 1e6
        return _number(name, np.where(gone, np.nan, seconds), place)
    if kind in "UT":
        return Column(name, "category", texts([None if cell is None else str(cell) for cell in values.tolist()]))
    if kind == "O":
        return of_cells(name, values.tolist(), place)
    raise TypeError(f"{place} has the type {values.dtype}; there may be {ACCEPTED}")


def of_cells(name: str, cells: list[Any], place: str) -> Column:
    """Find the one kind that all cells have; where they have several, their text is a category."""
    gone = [_is_missing(cell) for cell in cells]
    there = [cell for cell, missing in zip(cells, gone, strict=True) if not missing]
    kinds = {_kind_of(cell) for cell in set(map(type, there))}
    if None in kinds:
        row, odd = next((row, cell) for row, cell in enumerate(cells) if not gone[row] and _kind_of(type(cell)) is None)
        raise TypeError(
            f"{place} holds a {type(odd).__name__} in row {row}; a cell may be None, a number, a bool, text, "
            "a date or a time"
        )
    if not kinds or kinds == {"number"}:
        return _number(name, _convert(cells, gone, float, np.nan, place), place)
    if kinds == {"duration"}:
        return _number(name, _convert(cells, gone, lambda cell: cell / dt.timedelta(seconds=1), np.nan, place), place)
    if kinds == {"clock"}:
        return _number(name, _convert(cells, gone, _seconds_of_day, np.nan, place), place)
    if kinds == {"time"}:
        return Column(name, "time", np.array([_utc(None if g else c) for c, g in zip(cells, gone, strict=True)]))
    return Column(name, "category", texts([None if g else text_of(c) for c, g in zip(cells, gone, strict=True)]))


def _kind_of(cell: type) -> str | None:
    if issubclass(cell, str):
        return "text"
    if issubclass(cell, _NUMBERS) and not issubclass(cell, np.timedelta64 | np.complexfloating):
        return "number"
    if issubclass(cell, dt.date | np.datetime64):
        return "time"
    if issubclass(cell, dt.timedelta):
        return "duration"
    if issubclass(cell, dt.time):
        return "clock"
    return None


def _is_missing(cell: Any) -> bool:
    """None, NaN, NaT, pandas' NA."""
    if type(cell).__name__ in _NOT_THERE:
        return True
    return isinstance(cell, float | np.floating | Decimal | np.datetime64 | np.timedelta64) and bool(cell != cell)  # noqa: PLR0124


def _convert(cells: list[Any], gone: list[bool], how: Callable[[Any], float], missing: float, place: str) -> Array:
    try:
        return np.array([missing if g else how(cell) for cell, g in zip(cells, gone, strict=True)], dtype=np.float64)
    except OverflowError as error:
        raise ValueError(
            f"{place} holds a number that is too large for a float; scale it or drop the column"
        ) from error


def _number(name: str, values: Array, place: str) -> Column:
    odd = np.flatnonzero(np.isinf(values))
    if len(odd):
        raise ValueError(f"{place} has {len(odd)} infinite values ({row_list(odd)}); make them NaN or drop the rows")
    return Column(name, "number", values)


def _seconds_of_day(cell: dt.time) -> float:
    return 3600.0 * cell.hour + 60.0 * cell.minute + cell.second + cell.microsecond / 1e6


def _utc(cell: Any) -> np.datetime64:
    if cell is None:
        return np.datetime64("NaT", "us")
    if isinstance(cell, dt.datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(cell, "us")


def text_of(cell: Any) -> str:
    """A category's text: the same for 3 and 3.0, and whether a cell is read alone or among others."""
    kind = _kind_of(type(cell))
    if kind == "time":
        return str(_utc(cell))
    if kind == "duration":
        cell = cell / dt.timedelta(seconds=1)
    elif kind == "clock":
        cell = _seconds_of_day(cell)
    elif kind != "number":
        return str(cell)
    number = float(cell) if abs(cell) < 1e300 else cell  # whole numbers may be larger than a float
    return str(int(number)) if number == number // 1 else str(number)


def texts(values: Sequence[str | None]) -> Array:
    """Give an object array of texts."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def numbers_of(cells: Iterable[str]) -> Array | None:
    """Read finite numbers that are written as text; None where one is something else."""
    try:
        numbers = np.array([float(text) for text in cells], dtype=np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def row_list(rows: Array, shown: int = 5) -> str:
    """Name the first of some row numbers: "rows 3, 7, 12, ..."."""
    more = ", ..." if len(rows) > shown else ""
    return f"row{'s' if len(rows) != 1 else ''} {', '.join(str(int(row)) for row in rows[:shown])}{more}"
