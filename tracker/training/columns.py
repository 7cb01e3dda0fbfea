"""Columns of whatever table a caller has: NumPy arrays, lists of rows, dicts of columns, pandas and Polars frames.

No frame library is imported: a frame that is handed in brings its own methods. Of pyarrow tables likewise.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tracker.training.column import ACCEPTED, Column, of_array, of_cells, text_of, texts


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
        return of_cells(name, [None if gone else cell for cell, gone in zip(values.data, hidden, strict=True)], place)
    if isinstance(values, np.ndarray):
        return of_array(name, values, place)
    return of_cells(name, list(values), place)


def _of_pandas(name: str, series: Any, place: str) -> Column:
    dtype = series.dtype
    if hasattr(dtype, "categories"):
        known = [None if gone else text_of(cell) for cell, gone in zip(series, series.isna(), strict=True)]
        return Column(name, "category", texts(known), tuple(text_of(cell) for cell in dtype.categories))
    if getattr(dtype, "tz", None) is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    kind = getattr(dtype, "kind", "O")
    if kind in "biuf" and not isinstance(dtype, np.dtype):  # pandas' own numbers, which can be missing
        return of_array(name, series.to_numpy(dtype=float, na_value=np.nan), place)
    return of_array(name, np.asarray(series.to_numpy()), place)


def _of_polars(name: str, series: Any, place: str) -> Column:
    dtype = series.dtype
    known = str(dtype)
    if dtype.is_numeric() or known == "Boolean":
        return of_array(name, series.cast(float).to_numpy(), place)
    if known.startswith(("Categorical", "Enum", "String")):
        order = tuple(dtype.categories.to_list()) if known.startswith("Enum") else None
        return Column(name, "category", texts(series.cast(str).to_list()), order)
    if known.startswith("Datetime") and getattr(dtype, "time_zone", None):
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if known.startswith(("Date", "Duration")):
        return of_array(name, series.to_numpy(), place)
    if known == "Null":
        return Column(name, "number", np.full(len(series), np.nan))
    if known in {"Object", "Time"}:
        return of_cells(name, series.to_list(), place)
    raise TypeError(f"{place} has the type {known}; there may be {ACCEPTED}: take it apart or drop it")
