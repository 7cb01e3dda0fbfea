"""Training data as a fit takes it: where it is among the arguments, its size, its classes, a hash of its content."""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

_MOST_CLASSES = 100
"""Of a target with more of them, only their number is told."""


class FitData(NamedTuple):
    """What an estimator is fitted to."""

    X: Any
    y: Any = None
    sample_weight: Any = None

    @classmethod
    def of(cls, fit: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "FitData":
        """Find them in a call, by the names that scikit-learn's own `fit` methods have.

        Args:
            fit: the unbound method.
            args: with the estimator as the first.

        Raises: TypeError: it can't be called so.
        """
        given = inspect.signature(fit).bind(*args, **kwargs).arguments
        named = {**given, **given.get("kwargs", {}), **given.get("fit_params", {}), **given.get("params", {})}
        X = next((named[name] for name in ("X", "data") if name in named), None)
        y = next((named[name] for name in ("y", "Y", "target") if name in named), None)
        return cls(X, y, named.get("sample_weight"))

    def described(self, *, classification: bool = False) -> dict[str, object]:
        """Tell rows, columns, target, sha256 of names and values, missing values, and of a classification the classes.

        What can't be told (of a list of texts the columns, say) is left out.
        """
        told: dict[str, object] = {}
        shape = np.shape(self.X) if not scipy.sparse.issparse(self.X) else self.X.shape
        if shape:
            told["rows"] = int(shape[0])
        if len(shape) > 1:
            told["columns"] = int(np.prod(shape[1:]))
        name = getattr(self.y, "name", None)
        if self.y is not None:
            told["target"] = name if isinstance(name, str) and name else "y"
        digest = hashlib.sha256()
        if _feed(digest.update, self.X) and (self.y is None or _feed(digest.update, self.y)):
            told["sha256"] = digest.hexdigest()
        missing = _missing(self.X)
        if missing is not None:
            told["missing"] = missing
        return told | _classes(self.y) if classification and self.y is not None else told


def _feed(update: Callable[[Any], object], values: Any) -> bool:
    """Put a table's content into a hash; False where there is no sure way to."""
    if scipy.sparse.issparse(values):
        rows = values.tocsr()
        return all(_feed(update, part) for part in (rows.data, rows.indices, rows.indptr))
    columns = getattr(values, "columns", None)
    if columns is not None:
        update(repr([str(column) for column in columns]).encode())
    if hasattr(values, "to_numpy"):  # a frame or a series, of pandas or polars
        values = values.to_numpy()
    array = np.asarray(values)
    if array.dtype.hasobject:
        update(repr(array.tolist()).encode("utf-8", "surrogatepass"))
        return all(isinstance(value, str | int | float | bool | None) for value in array.ravel())
    update(f"{array.dtype.str}{array.shape}".encode())
    if array.size:
        update(np.ascontiguousarray(array).view(np.uint8))
    return True


def _missing(X: Any) -> int | None:
    if scipy.sparse.issparse(X):
        return int(np.isnan(X.data).sum()) if X.data.dtype.kind == "f" else 0
    if hasattr(X, "isna"):
        return int(np.asarray(X.isna()).sum())
    array = np.asarray(X)
    if array.dtype.kind == "f":
        return int(np.isnan(array).sum())
    return 0 if array.dtype.kind in "biu" else None


def _classes(y: Any) -> dict[str, object]:
    """The classes with their rows; of a great many, and of several outputs, only how many there are."""
    labels = np.asarray(y)
    if labels.ndim != 1:
        return {"outputs": int(np.prod(labels.shape[1:]))}
    names, counts = np.unique(labels, return_counts=True)
    if len(names) > _MOST_CLASSES:
        return {"class_count": len(names)}
    return {"classes": [str(name) for name in names], "class_sizes": [int(count) for count in counts]}
