"""What each family of algorithms needs of the matrix: fitted inside a pipeline, so on a fold's training rows only.

A category of up to 16 values becomes one column a value where distances or weights count, and stays a code for trees,
which cut a range twice where they must. One of more values becomes the mean label of its rows, shrunk to that of all
rows and cross-fitted (Micci-Barreca 2001; scikit-learn's TargetEncoder): for several classes one mean each.
"""

from typing import Any, Literal

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils.fixes import parse_version

from tracker.training.problem import Problem

FEW = 16
"""Categories that may become a column each."""
Scaling = Literal["standard", "robust", "quantile"]
SCALINGS: tuple[Scaling, ...] = ("standard", "quantile", "robust")


def on_one_scale(
    problem: Problem, model: Any, *, scaling: str = "standard", indicator: bool = True, seed: int = 0
) -> Pipeline:
    """A model that sums or compares features: no missing cells, one scale, a column a category.

    A missing number becomes the median.

    Args:
        scaling: "standard" (mean 0, variance 1), "robust" (median and quartiles), "quantile" (a normal distribution).
        indicator: for each number that is missing somewhere one more column, which says where.
    """
    numbers, few, many = _groups(problem, FEW)
    steps: list[tuple[str, Any, list[int]]] = []
    if numbers:
        filled = SimpleImputer(strategy="median", add_indicator=indicator, keep_empty_features=True)
        steps.append(("numbers", make_pipeline(filled, _scaler(problem, scaling)), numbers))
    if few:
        steps.append(("few", OneHotEncoder(handle_unknown="ignore", sparse_output=False), few))
    if many:
        steps.append(("many", make_pipeline(_by_label(problem, seed), StandardScaler()), many))
    return Pipeline([("columns", ColumnTransformer(steps)), ("model", model)])


def by_order(problem: Problem, model: Any, *, most: int = FEW, seed: int = 0) -> Pipeline:
    """A model that only cuts ranges: missing cells stay, codes of up to `most` categories too, and come last."""
    numbers, few, many = _groups(problem, most)
    steps: list[tuple[str, Any, list[int]]] = [("numbers", "passthrough", numbers)] if numbers else []
    if many:
        steps.append(("many", _by_label(problem, seed), many))
    if few:
        steps.append(("few", "passthrough", few))
    columns: Any = ColumnTransformer(steps) if many else FunctionTransformer()
    return Pipeline([("columns", columns), ("model", model)])


def code_places(problem: Problem, most: int) -> list[int]:
    """Where `by_order` with the same `most` puts codes."""
    numbers, few, many = _groups(problem, most)
    if not many:
        return few
    wide = problem.n_classes if problem.task == "multiclass" else 1
    first = len(numbers) + len(many) * wide
    return list(range(first, first + len(few)))


def _groups(problem: Problem, most: int) -> tuple[list[int], list[int], list[int]]:
    """Places of numbers, of categories of at most `most` values, of other categories."""
    sizes = problem.cardinalities
    numbers = [place for place, size in enumerate(sizes) if not size]
    few = [place for place, size in enumerate(sizes) if 0 < size <= most]
    return numbers, few, [place for place, size in enumerate(sizes) if size > most]


def _scaler(problem: Problem, scaling: str) -> Any:
    if scaling == "robust":
        return RobustScaler()
    if scaling == "quantile":  # few enough of them for a part of the rows, too
        steps = max(5, min(200, problem.n_rows // 20))
        return QuantileTransformer(n_quantiles=steps, output_distribution="normal", subsample=None, random_state=0)
    return StandardScaler()


def _by_label(problem: Problem, seed: int) -> TargetEncoder:
    kinds = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}
    kind = kinds[problem.task]
    folds = 5 if problem.classes is None else max(2, min(5, int(np.bincount(problem.y).min()) // 2))
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        return TargetEncoder(target_type=kind, cv=folds, random_state=seed)
    splitter = KFold if problem.classes is None else StratifiedKFold
    return TargetEncoder(target_type=kind, cv=splitter(folds, shuffle=True, random_state=seed))
