"""Tables for tests: real data that scikit-learn ships, and a small one of every kind of column in every library."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

ROWS = 40


def mixed() -> dict[str, list[Any]]:
    """Columns of every kind, with missing cells, by name; 40 rows."""
    rows = range(ROWS)
    return {
        "age": [None if row == 3 else 20.5 + row for row in rows],
        "children": [row % 4 for row in rows],
        "member": [row % 2 == 0 for row in rows],
        "city": [None if row == 5 else ("Bern", "Rom", "Oslo")[row % 3] for row in rows],
        "since": [dt.datetime(2024, 1, 1, 6) + dt.timedelta(days=40 * row, hours=row) for row in rows],  # noqa: DTZ001 - as frames have them
        "for": [dt.timedelta(minutes=row) for row in rows],
    }


def mixed_labels() -> list[str]:
    """One of two for each of its rows."""
    return ["yes" if row % 4 < 2 else "no" for row in range(ROWS)]


def as_library(table: dict[str, list[Any]], library: str) -> Any:
    """The table as a library's; skips the test where that isn't installed."""
    if library == "dict":
        return table
    if library == "rows":
        return [list(cells) for cells in zip(*table.values(), strict=True)]
    if library == "numpy":
        return np.array([list(cells) for cells in zip(*table.values(), strict=True)], dtype=object)
    if library == "pyarrow":
        return pytest.importorskip("pyarrow").table(table)
    return pytest.importorskip(library).DataFrame(table)


LIBRARIES = ("dict", "rows", "numpy", "pandas", "polars", "pyarrow")


def cancer() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Two classes, 569 rows, 30 features."""
    X, y = load_breast_cancer(return_X_y=True)
    return X, y


def wine() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Three classes, 178 rows, 13 features."""
    X, y = load_wine(return_X_y=True)
    return X, y


def diabetes() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A quantity, 442 rows, 10 features."""
    X, y = load_diabetes(return_X_y=True)
    return X, y
