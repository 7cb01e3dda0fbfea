"""How much each feature counts in a fitted model, by the best means that the model offers.

Trees tell it themselves (mean decrease in impurity, or gain), linear models by the size of their coefficients (which
compares features only if they are on one scale). For any other model it is measured: by how much the score drops when
one feature's values are shuffled (Breiman 2001, "Random forests", section 10; in the form of Fisher, Rudin & Dominici
2019).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

REPEATS = 5
"""Shuffles of each feature, where importance is measured."""


class Importance(NamedTuple):
    """One number a feature."""

    names: list[str]
    importances: "np.ndarray[Any, Any]"
    """shape (n,)"""
    spread: "np.ndarray[Any, Any] | None"
    """shape (n,): standard deviation over a forest's trees, or over the shuffles."""
    method: str
    never_negative: bool = False
    """Shares or sizes, as a model tells them; shuffling a feature may well improve a score."""


def feature_importance(model: Any, names: Sequence[object] | None = None, X: Any = None, y: Any = None) -> Importance:
    """Find out what each feature counts; of a search its best model, of a pipeline its last step.

    Args:
        model: fitted.
        names: of the features that the model was given, or of those that its last step gets.
        X, y: rows to measure with, where the model doesn't tell by itself.

    Raises: ValueError: names of the wrong number, or the model tells nothing and X and y are missing.
    """
    import numpy as np

    model = getattr(model, "best_estimator_", model)
    steps = getattr(model, "steps", None)
    last = steps[-1][1] if isinstance(steps, list) and steps else model
    told = _told(last)
    if told is not None:
        values, spread, method = told
        front = model[:-1] if last is not model and len(steps or ()) > 1 else None
        return Importance(_names(model, front, names, X, len(values)), values, spread, method, never_negative=True)
    if X is None or y is None:
        raise ValueError(
            f"{type(last).__name__} has no feature_importances_ and no coef_ (is it fitted?); "
            "give X and y, and importance is measured by shuffling each feature"
        )
    from sklearn.inspection import permutation_importance

    measured = permutation_importance(model, X, y, n_repeats=REPEATS, random_state=0)
    values = np.asarray(measured.importances_mean, dtype=float)
    own = _names(model, None, names, X, len(values))
    return Importance(own, values, np.asarray(measured.importances_std, dtype=float), "permutation importance")


def _told(model: Any) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None, str] | None":
    """Give values, spread and method as the model itself tells them."""
    import numpy as np

    importances = getattr(model, "feature_importances_", None)
    if importances is not None:
        return np.asarray(importances, dtype=float), _spread(model), "feature importance"
    coefficients = getattr(model, "coef_", None)
    if coefficients is None:
        return None
    sizes = np.abs(
        np.asarray(coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients, dtype=float)
    )
    if sizes.ndim > 1:
        return sizes.mean(axis=0), None, "mean size of the coefficients"
    return sizes, None, "size of the coefficients"


def _spread(model: Any) -> "np.ndarray[Any, Any] | None":
    """Give the standard deviation over a forest's trees."""
    import numpy as np

    trees = getattr(model, "estimators_", None)
    if not isinstance(trees, list) or not all(hasattr(tree, "feature_importances_") for tree in trees):
        return None
    spread: np.ndarray[Any, Any] = np.std([tree.feature_importances_ for tree in trees], axis=0)
    return spread


def _names(model: Any, front: Any, given: Sequence[object] | None, X: Any, n: int) -> list[str]:
    """Name n features: as given, as the model or X name them, as the pipeline's front makes them, or by number."""
    known = given
    for source in (getattr(model, "feature_names_in_", None), getattr(X, "columns", None)):
        known = source if known is None else known
    if front is not None and hasattr(front, "get_feature_names_out"):
        enter = _numbered(getattr(front, "n_features_in_", 0)) if known is None else [str(name) for name in known]
        try:
            made = front.get_feature_names_out(enter)
        except (AttributeError, ValueError):  # a step can't tell, or the names are those of the last step's input
            made = ()
        if len(made) == n:
            return [str(name) for name in made]
    if given is not None and len(given) != n:
        raise ValueError(f"{len(given)} feature names are given for {n} features; give one for each, or none")
    return _numbered(n) if known is None or len(known) != n else [str(name) for name in known]


def _numbered(n: int) -> list[str]:
    return [f"feature_{index}" for index in range(n)]
