"""A confusion matrix: how often each true class was taken for each other, counted from two columns of labels."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.values import plain

if TYPE_CHECKING:
    import numpy as np

MOST_CLASSES = 1000
"""More distinct values than this are numbers that were predicted, not classes."""


class Confusion(NamedTuple):
    """Counts of a classifier's answers."""

    labels: list[Any]
    matrix: "np.ndarray[Any, Any]"
    """shape (n, n), int64; row: the true class, column: the predicted one, in the order of labels."""
    left_out: int
    """Rows with a label that wasn't asked for."""

    @property
    def accuracy(self) -> float:
        """The share of rows, of those counted, that are right."""
        return float(self.matrix.trace() / max(self.matrix.sum(), 1))

    def shown_as(self, names: Iterable[object] | None) -> list[Any]:
        """What the classes are called in a picture. Raises: ValueError: another number of names than of classes."""
        if names is None:
            return self.labels
        given = [names] if isinstance(names, str) else list(names)
        if len(given) != len(self.labels):
            raise ValueError(f"display_labels has {len(given)} names for {len(self.labels)} classes: {self.labels!r}")
        return [str(name) for name in given]

    def shares(self) -> "np.ndarray[Any, Any]":
        """Each row as shares of its true class; of a class without rows, zeros."""
        import numpy as np

        shares: np.ndarray[Any, Any] = self.matrix / np.maximum(self.matrix.sum(axis=1, keepdims=True), 1)
        return shares


def confusion(y_true: object, y_pred: object, labels: Sequence[object] | None = None) -> Confusion:
    """Count the pairs of true and predicted labels.

    Args:
        y_true, y_pred: shape (n,) or (n, 1), n > 0: numbers or text, in both the same.
        labels: classes to count, in the order to show them; default: all that occur, sorted.

    Raises: ValueError: of other shapes, empty, of unequal length, with missing values, or no classes.
    """
    import numpy as np

    true, pred = _column(y_true, "y_true"), _column(y_pred, "y_pred")
    if len(true) != len(pred):
        raise ValueError(f"y_true has {len(true)} labels and y_pred {len(pred)}; they describe the same rows")
    if _is_text(true) != _is_text(pred):
        raise ValueError(f"y_true holds {_contents(true)} and y_pred {_contents(pred)}; use the same labels in both")
    found = np.unique(np.concatenate([true, pred]))
    asked = found if labels is None else _column(labels, "labels")
    if len(np.unique(asked)) != len(asked):
        raise ValueError("labels names a class twice")
    if len(asked) > MOST_CLASSES:
        raise ValueError(f"{len(asked)} distinct labels are numbers, not classes; at most {MOST_CLASSES} are counted")
    if not np.isin(asked, found).any():
        raise ValueError(f"none of labels {_some(asked)} occurs; there is {_some(found)}")
    order = np.argsort(asked)
    kept = np.isin(true, asked) & np.isin(pred, asked)
    rows, columns = (order[np.searchsorted(asked, column[kept], sorter=order)] for column in (true, pred))
    n = len(asked)
    matrix = np.bincount(rows * n + columns, minlength=n * n).reshape(n, n)
    return Confusion(asked.tolist(), matrix, int((~kept).sum()))


def _column(values: Any, what: str) -> "np.ndarray[Any, Any]":
    """Make labels one column of numbers or of text."""
    import numpy as np

    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.ravel()
    if array.ndim != 1:
        advice = "give one label a row" + (f", as {what}.argmax(axis=1)" if array.ndim == 2 else "")
        raise ValueError(f"{what} has the shape {array.shape}; {advice}")
    if not len(array):
        raise ValueError(f"{what} is empty; there is nothing to count")
    mixed = _is_text(array) and isinstance(values, (list, tuple)) and not all(isinstance(v, str) for v in values)
    if mixed or array.dtype.kind not in "biufUS":  # of ["a", nan], numpy makes the text "nan"
        array = _from_objects([plain(value) for value in (values if mixed else array.tolist())], what)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(
            f"{what} has {int(np.isnan(array).sum())} NaN in it; leave those rows out, or give them a label"
        )
    return array


def _from_objects(values: list[object], what: str) -> "np.ndarray[Any, Any]":
    """Make one column of objects that say they are numbers or text (enums, categories, None)."""
    import numpy as np

    if any(value is None or value != value for value in values):  # noqa: PLR0124 - NaN alone differs from itself
        raise ValueError(f"{what} has missing labels in it; leave those rows out, or give them a label")
    if not (
        all(isinstance(value, str) for value in values) or all(isinstance(value, (int, float)) for value in values)
    ):
        raise ValueError(
            f"{what} mixes {', '.join(sorted({type(value).__name__ for value in values}))}; use one kind of label"
        )
    return np.array(values)


def _is_text(array: "np.ndarray[Any, Any]") -> bool:
    return array.dtype.kind in "US"


def _contents(array: "np.ndarray[Any, Any]") -> str:
    return "text" if _is_text(array) else "numbers"


def _some(labels: "np.ndarray[Any, Any]") -> str:
    return ", ".join(map(repr, labels[:10].tolist())) + (", ..." if len(labels) > 10 else "")
