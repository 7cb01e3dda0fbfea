"""Real data sets that lie in installed packages, for `automl`: none is downloaded, none is made.

Of scikit-learn's bundled ones, and of those that its own tests read (OpenML's, whole ones only). One variant is marked
by its name: "-holes" has a fifth of its cells missing at random.
"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HOLES = 0.2


class DataSet(NamedTuple):
    """One, loaded."""

    X: Any
    """pandas DataFrame: text columns are categories, missing cells are."""
    y: Any
    """NumPy: codes of classes, or quantities."""
    task: str
    metric: str


METRIC_OF = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}
WORDS = {
    "breast_cancer": "569 x 30, two classes",
    "breast_cancer-holes": "the same, a fifth of the cells missing",
    "digits": "1797 x 64, ten classes",
    "wine": "178 x 13, three classes",
    "diabetes": "442 x 10, a quantity",
    "titanic": "1309 x 10, two classes; names, tickets, cabins are text; cells are missing",
    "kr-vs-kp": "3196 x 36 categories, two classes",
    "glass2": "163 x 9, two classes",
    "cpu": "209 x 7, a skewed quantity; one column of 30 categories",
}
"""Name -> what it is."""


def load(name: str) -> DataSet:
    """Read one."""
    X, y, task = _LOADERS[name]()
    return DataSet(X, y, task, METRIC_OF[task])


def _bundled(name: str, task: str, holes: float = 0.0) -> Callable[[], tuple[Any, Any, str]]:
    def read() -> tuple[Any, Any, str]:
        import numpy as np
        from sklearn import datasets

        X, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
        if holes:
            X = X.mask(np.random.default_rng(0).random(X.shape) < holes)
        return X, y.to_numpy(), task

    return read


def _openml(number: int, target: str, task: str, without: tuple[str, ...] = ()) -> Callable[[], tuple[Any, Any, str]]:
    """One of those that scikit-learn's tests read."""

    def read() -> tuple[Any, Any, str]:
        import pandas as pd
        import sklearn.datasets
        from sklearn.externals import _arff  # private, but it reads the file that lies beside it

        folder = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml" / f"id_{number}"
        told = _arff.loads(gzip.decompress(next(folder.glob("data-*.arff.gz")).read_bytes()).decode())
        names = [name for name, _ in told["attributes"]]
        texts = [name for name, kind in told["attributes"] if kind == "STRING" or isinstance(kind, list)]
        frame = pd.DataFrame(told["data"], columns=names).drop(columns=list(without))
        y = frame.pop(target)
        for name in set(texts) & set(frame.columns):
            frame[name] = frame[name].astype("category")
        labels = y.astype(float).to_numpy() if task == "regression" else pd.factorize(y, sort=True)[0]
        return frame, labels, task

    return read


_LOADERS: dict[str, Callable[[], tuple[Any, Any, str]]] = {
    "breast_cancer": _bundled("breast_cancer", "binary"),
    "breast_cancer-holes": _bundled("breast_cancer", "binary", HOLES),
    "digits": _bundled("digits", "multiclass"),
    "wine": _bundled("wine", "multiclass"),
    "diabetes": _bundled("diabetes", "regression"),
    "titanic": _openml(40945, "survived", "binary", ("boat", "body", "home.dest")),  # boat and body tell the outcome
    "kr-vs-kp": _openml(3, "class", "binary"),
    "glass2": _openml(40675, "class", "binary"),
    "cpu": _openml(561, "class", "regression"),
}
