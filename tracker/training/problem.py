"""A problem to learn: a table as a matrix, labels as numbers, and what kind of task that is; all checked once, here."""

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, Self, cast

import numpy as np

from tracker.training.column import Array, Column, row_list
from tracker.training.columns import read_column
from tracker.training.tablecoder import TableCoder

Task = Literal["binary", "multiclass", "regression"]
TASKS = ("auto", "binary", "multiclass", "classification", "regression")
MOST_CLASSES = 20
"""Whole numbers of more different values than that, or of fewer rows than five a value, are a quantity."""


class Problem:
    """What an engine learns from. Make one with `Problem.of`.

    Attributes:
        X: shape (rows, features), float64; missing is NaN, a category is its code (see `tablecoder`).
        y: shape (rows,): the classes' codes 0 .. k-1 as int64, or float64.
        task: "binary", "multiclass" or "regression".
        classes: the labels by code, as the caller has them; None for regression.
        coder: what made X of the caller's table; a fitted scikit-learn transformer.
        feature_names, cardinalities: of X's columns; a number's cardinality is 0.
    """

    def __init__(
        self, X: Array, y: Array, task: Task, *, coder: TableCoder, classes: Array | None, target: str
    ) -> None:
        self.X, self.y, self.task, self.classes = X, y, task, classes
        self.coder, self.target = coder, target
        self.feature_names: list[str] = list(coder.features_)
        self.cardinalities: list[int] = list(coder.cardinalities_)

    @classmethod
    def of(cls, X: Any, y: Any, task: str = "auto", *, folds: int = 2) -> Self:
        """Check a table and its labels.

        Args:
            X: shape (rows, columns): NumPy array, list of rows, dict of columns, pandas or Polars frame, pyarrow table.
            y: shape (rows,): labels. Text and bools are classes; whole numbers are classes if they have at most 20
                different values and at least five rows a value, or two different values; other numbers are a quantity.
            task: "auto", "classification" ("binary", "multiclass") or "regression".
            folds: rows that each class must have at least.

        Raises: TypeError, ValueError: whatever can't be learned from; the message names the rows or columns.
        """
        if task not in TASKS:
            raise ValueError(f"no task {task!r}; there is {', '.join(map(repr, TASKS))}")
        coder = TableCoder()
        matrix = coder.fit_transform(X)
        labels, target = _labels(y)
        rows = len(labels.values)
        if rows != len(matrix):
            raise ValueError(f"X has {len(matrix)} rows, y has {rows} labels; each row needs one")
        found = _task_of(labels, task)
        if found == "regression":
            return cls(matrix, _quantity(labels), found, coder=coder, classes=None, target=target)
        classes, codes = _classes(y, labels)
        _check_classes(classes, codes, task, folds)
        found = "binary" if len(classes) == 2 else "multiclass"
        return cls(matrix, codes, found, coder=coder, classes=classes, target=target)

    @property
    def n_rows(self) -> int:
        """Rows of X."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Columns of X."""
        return int(self.X.shape[1])

    @property
    def n_classes(self) -> int:
        """Different labels; 0 for regression."""
        return 0 if self.classes is None else len(self.classes)

    @property
    def dropped(self) -> dict[str, str]:
        """The table's columns that are left out, each with why."""
        return dict(self.coder.dropped_)

    def rows(self, index: Any) -> Array:
        """Rows of X, by their numbers or a mask."""
        return cast("Array", self.X[index])

    def take(self, X: Any) -> Array:
        """Make the matrix of new data, of the columns that were trained on.

        Raises: TypeError, ValueError: as `TableCoder.transform`.
        """
        return self.coder.transform(X)

    def select(self, features: Sequence[str]) -> "Problem":
        """Give the same problem with some of its features only.

        Raises: ValueError: none, or unknown ones.
        """
        places = {name: place for place, name in enumerate(self.feature_names)}
        unknown = [name for name in features if name not in places]
        if unknown or not features:
            raise ValueError(f"no features {unknown}; there are {self.feature_names[:20]}; at least one is needed")
        kept = sorted(places[name] for name in set(features))
        coder = self.coder.select([self.feature_names[place] for place in kept])
        return Problem(self.X[:, kept], self.y, self.task, coder=coder, classes=self.classes, target=self.target)

    def decode(self, codes: Array) -> Array:
        """Give labels of the classes' codes; a quantity as it is."""
        return codes if self.classes is None else cast("Array", self.classes[np.asarray(codes, dtype=np.int64)])

    def fingerprint(self) -> dict[str, object]:
        """What tells this data from another: sizes, and a hash of names and values."""
        digest = hashlib.sha256()
        for part in (*self.feature_names, self.target):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        labels = [] if self.classes is None else [str(label) for label in self.classes]
        digest.update(repr(labels).encode("utf-8", "surrogatepass"))
        digest.update(self.X.tobytes())
        digest.update(self.y.tobytes())
        told: dict[str, object] = {
            "rows": self.n_rows,
            "columns": len(self.coder.columns_),
            "target": self.target,
            "sha256": digest.hexdigest(),
            "missing": int(np.isnan(self.X).sum()),
        }
        return told if self.classes is None else told | {"classes": labels}


def _labels(y: Any) -> tuple[Column, str]:
    """Give y as a column, and its name."""
    name = getattr(y, "name", None)
    target = name if isinstance(name, str) and name else "y"
    if (
        y is None
        or isinstance(y, str | bytes | AbstractSet | Mapping)
        or not (hasattr(y, "__len__") or hasattr(y, "__array__"))
    ):
        raise TypeError(f"y is {y!r:.40}; give one label a row: a NumPy array, a list, or a frame's column")
    columns = getattr(y, "columns", None)
    if columns is not None:
        if len(columns) != 1:
            raise ValueError(f"y has {len(columns)} columns; give one, a label a row")
        target, y = str(columns[0]), y.iloc[:, 0] if hasattr(y, "iloc") else y.to_series(0)
    elif not hasattr(y, "to_numpy"):
        values = np.asanyarray(y) if hasattr(y, "__array__") else None
        if values is not None and values.ndim != 1 and values.shape[1:] != (1,):
            raise ValueError(f"y has the shape {values.shape}, and must have one label a row: (rows,)")
        y = values.ravel() if values is not None else y
    kinds = {"number", "category"}
    labels = read_column(y, "y")
    if labels.kind not in kinds:
        raise TypeError("y holds times; give classes or numbers, such as seconds since a moment that you choose")
    gone = np.flatnonzero([value is None or value != value for value in labels.values])  # noqa: PLR0124
    if len(gone):
        raise ValueError(f"y has {len(gone)} missing labels ({row_list(gone)}); drop these rows of X and y")
    return labels, target


def _task_of(labels: Column, task: str) -> Task:
    """Which task the labels make, as `Problem.of` tells."""
    if task == "regression":
        return "regression"
    if task != "auto" or labels.kind == "category":
        return "multiclass"
    values = np.unique(labels.values)
    few = len(values) <= MOST_CLASSES and 5 * len(values) <= len(labels.values)
    whole = bool((values == np.floor(values)).all())
    return "multiclass" if whole and (few or len(values) <= 2) else "regression"


def _quantity(labels: Column) -> Array:
    if labels.kind != "number":
        raise ValueError(f"y holds text such as {labels.values[0]!r}; for regression give numbers")
    if len(np.unique(labels.values)) < 2:
        raise ValueError(f"all {len(labels.values)} labels are {labels.values[0]!r}; there is nothing to learn")
    return labels.values


def _classes(y: Any, labels: Column) -> tuple[Array, Array]:
    """Give the labels as the caller has them, in order, and each row's code."""
    raw = y.iloc[:, 0] if hasattr(y, "iloc") and hasattr(y, "columns") else y
    raw = raw.to_series(0) if hasattr(raw, "to_series") and hasattr(raw, "columns") else raw
    raw = raw.to_numpy() if hasattr(raw, "to_numpy") else raw
    cells = np.asarray(raw).ravel().tolist() if hasattr(raw, "__array__") else [_plain(cell) for cell in raw]
    kinds = {bool: "bools", str: "text"}
    held = sorted({kinds.get(type(cell), "numbers") for cell in cells})
    if len(held) > 1:
        raise ValueError(f"y holds {' and '.join(held)}; make all labels of one kind")
    raw = np.array(cells)
    classes, codes = np.unique(labels.values if raw.dtype == object else raw, return_inverse=True)
    return classes, codes.astype(np.int64)


def _plain(cell: Any) -> Any:
    """Python's own of a NumPy number."""
    return cell.item() if isinstance(cell, np.generic) else cell


def _check_classes(classes: Array, codes: Array, task: str, folds: int) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"all {len(codes)} labels are {classes.tolist()[0]!r}: to tell classes apart there must be two"
        )
    if task == "binary" and len(classes) > 2:
        raise ValueError(f"y has {len(classes)} classes, task='binary' is for two; say task='multiclass'")
    if task == "multiclass" and len(classes) == 2:
        raise ValueError("y has two classes; say task='binary', or 'classification'")
    counts = np.bincount(codes, minlength=len(classes))
    rare = {str(label): int(count) for label, count in zip(classes, counts, strict=True) if count < folds}
    if rare:
        shown = ", ".join(f"{label!r} ({count})" for label, count in list(rare.items())[:10])
        numbers = " If y is a quantity, say task='regression'." if classes.dtype.kind in "iuf" else ""
        raise ValueError(
            f"{len(rare)} of {len(classes)} classes have fewer rows than the {folds} that cross-validation needs: "
            f"{shown}. Merge or drop these, or ask for fewer folds.{numbers}"
        )
