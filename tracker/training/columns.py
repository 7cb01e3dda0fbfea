"""Columns of whatever table a caller has: NumPy arrays, lists of rows, dicts of columns, pandas and Polars frames.

No frame library is imported: a frame that is handed in brings its own methods. Of pyarrow tables likewise. Each column
comes out as one of three kinds, with its missing cells marked in one way:

    number    float64, missing is NaN; numbers, bools, durations and times of day (in seconds)
    category  object array of str, missing is None; text, frames' categories, cells of mixed simple types by their text
    time      datetime64[us] in UTC, missing is NaT; dates and datetimes
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["number", "category", "time"]
Array = np.ndarray[Any, Any]
_NUMBERS = (Real, Decimal, Fraction, np.bool_, np.number)
_NOT_THERE = {"NAType", "NaTType", "NoneType"}
_ACCEPTED = "numbers, bools, text, categories, dates and times"


class Column(NamedTuple):
    """One column, of one kind."""

    name: str
    kind: Kind
    values: Array
    """shape (rows,)"""
    order: tuple[str, ...] | None = None
    """A frame's own order of its categories."""


def read_columns(X: Any, where: str = "X") -> list[Column]:
    """Read a table's columns.

    Args:
        X: shape (rows, columns). A NumPy array's and a list's columns are named feature_0, feature_1, ...
        where: the argument's name, for errors.
    Raises: TypeError: no table, or cells of a type that no model takes. ValueError: the wrong shape, rows of several
        lengths, two columns of one name, infinite numbers.
    """
    return [_column(name, values, where) for name, values in _named(X, where)]


def read_column(values: Any, name: str) -> Column:
    """Read one column; as `read_columns` does."""
    return _column(name, values, "")


def row_list(rows: Array, shown: int = 5) -> str:
    """Name the first of some row numbers: "rows 3, 7, 12, ..."."""
    more = ", ..." if len(rows) > shown else ""
    return f"row{'s' if len(rows) != 1 else ''} {', '.join(str(int(row)) for row in rows[:shown])}{more}"


def _named(X: Any, where: str) -> list[tuple[str, Any]]:
    """Give each column's name and raw values."""
    if hasattr(X, "collect") and hasattr(X, "lazy"):  # a Polars LazyFrame
        X = X.collect()
    if isinstance(X, Mapping):
        return _distinct([(str(name), values) for name, values in X.items()], where)
    names = getattr(X, "columns", None)
    if names is not None and hasattr(X, "column_names"):  # a pyarrow table
        names, columns = X.column_names, [column.to_numpy(zero_copy_only=False) for column in X.columns]
        return _distinct(list(zip(map(str, names), columns, strict=True)), where)
    if names is not None and hasattr(X, "iloc"):
        return _distinct([(str(name), X.iloc[:, place]) for place, name in enumerate(names)], where)
    if names is not None and hasattr(X, "to_series"):
        return _distinct([(str(name), X.to_series(place)) for place, name in enumerate(names)], where)
    return _numbered(X, where)


def _numbered(X: Any, where: str) -> list[tuple[str, Any]]:
    """Give the columns of an array or of a list of rows."""
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        raise TypeError(f"{where} is a sparse matrix ({type(X).__name__}); give {where}.toarray()")
    if isinstance(X, np.ndarray) or hasattr(X, "__array__"):
        table = X if isinstance(X, np.ndarray) else np.asarray(X)
        if table.ndim != 2:
            raise ValueError(
                f"{where} has the shape {table.shape}, and must be two-dimensional (rows, columns)"
                + (f"; for a single feature give {where}.{_widened(X)}" if table.ndim == 1 else "")
            )
        return [(f"feature_{place}", table[:, place]) for place in range(table.shape[1])]
    if not isinstance(X, Sequence) or isinstance(X, str | bytes):
        raise TypeError(
            f"{where} is of type {type(X).__name__}; give a NumPy array, a pandas or Polars DataFrame, "
            "or a list of rows, of the shape (rows, columns)"
        )
    if X and all(isinstance(row, Mapping) for row in X):
        keys = dict.fromkeys(key for row in X for key in row)
        return _distinct([(str(key), [row.get(key) for row in X]) for key in keys], where)
    if any(isinstance(row, str | bytes) or not isinstance(row, Sequence | np.ndarray) for row in X):
        raise ValueError(
            f"{where} is a list of single values; give a list of rows, each a list with one value a column"
        )
    lengths = Counter(map(len, X))
    if len(lengths) > 1:
        usual = lengths.most_common(1)[0][0]
        odd = next(place for place, row in enumerate(X) if len(row) != usual)
        raise ValueError(f"{where} has rows of several lengths: most have {usual} values, row {odd} has {len(X[odd])}")
    return [(f"feature_{place}", list(cells)) for place, cells in enumerate(zip(*X, strict=True))]


def _widened(X: Any) -> str:
    return "to_frame()" if hasattr(X, "to_frame") else "reshape(-1, 1)"


def _distinct(columns: list[tuple[str, Any]], where: str) -> list[tuple[str, Any]]:
    twice = [name for name, count in Counter(name for name, _ in columns).items() if count > 1]
    if twice:
        raise ValueError(f"more than one column of {where} is named {', '.join(map(repr, twice))}; rename all but one")
    return columns


def _column(name: str, values: Any, where: str) -> Column:
    place = f"column {name!r} of {where}" if where else name
    if hasattr(values, "iloc"):
        return _of_pandas(name, values, place)
    if type(values).__module__.partition(".")[0] == "polars":
        return _of_polars(name, values, place)
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(values)
        return _of_cells(name, [None if gone else cell for cell, gone in zip(values.data, hidden, strict=True)], place)
    if isinstance(values, np.ndarray):
        return _of_array(name, values, place)
    return _of_cells(name, list(values), place)


def _of_pandas(name: str, series: Any, place: str) -> Column:
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        texts = [None if gone else text_of(cell) for cell, gone in zip(series, series.isna(), strict=True)]
        return Column(name, "category", _texts(texts), tuple(text_of(cell) for cell in dtype.categories))
    if getattr(dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    kind = getattr(dtype, "kind", "O")
    if kind in "biuf" and not isinstance(dtype, np.dtype):  # pandas' own numbers, which can be missing
        return _of_array(name, series.to_numpy(dtype=float, na_value=np.nan), place)
    return _of_array(name, np.asarray(series.to_numpy()), place)


def _of_polars(name: str, series: Any, place: str) -> Column:
    dtype = series.dtype
    known = str(dtype)
    if dtype.is_numeric() or known == "Boolean":
        return _of_array(name, series.cast(float).to_numpy(), place)
    if known.startswith(("Categorical", "Enum", "String")):
        order = tuple(dtype.categories.to_list()) if known.startswith("Enum") else None
        return Column(name, "category", _texts(series.cast(str).to_list()), order)
    if known.startswith("Datetime") and getattr(dtype, "time_zone", None):
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if known.startswith(("Date", "Duration")):
        return _of_array(name, series.to_numpy(), place)
    if known == "Null":
        return Column(name, "number", np.full(len(series), np.nan))
    if known in {"Object", "Time"}:
        return _of_cells(name, series.to_list(), place)
    raise TypeError(f"{place} has the type {known}; there may be {_ACCEPTED}: take it apart or drop it")


def _of_array(name: str, values: Array, place: str) -> Column:
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
        return Column(name, "category", _texts([None if cell is None else str(cell) for cell in values.tolist()]))
    if kind == "O":
        return _of_cells(name, values.tolist(), place)
    raise TypeError(f"{place} has the type {values.dtype}; there may be {_ACCEPTED}")


def _of_cells(name: str, cells: list[Any], place: str) -> Column:
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
    return Column(name, "category", _texts([None if g else text_of(c) for c, g in zip(cells, gone, strict=True)]))


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
    """A category's text; 3 and 3.0 are one."""
    number = isinstance(cell, _NUMBERS) and not isinstance(cell, bool | np.bool_)
    if number and float(cell).is_integer():
        return str(int(cell))
    return str(cell)


def _texts(values: Sequence[str | None]) -> Array:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
