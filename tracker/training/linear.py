"""Linear models: logistic regression, ridge, elastic net, and discriminant analysis.

Ranges: C of logistic regression as in FLAML 2 (2^-5 to 2^15), lower at the small end, where few rows need it; the
elastic net's as in auto-sklearn's SGD (1e-7 to 1e-1), on a target of variance 1.
"""

from collections.abc import Mapping
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.preprocessing import PowerTransformer, StandardScaler

from tracker.training.algorithm import CLASSIFICATION, REGRESSION, Algorithm
from tracker.training.preprocessing import SCALINGS, on_one_scale
from tracker.training.problem import Problem
from tracker.training.space import Choice, Real, Space


def _logistic_space(problem: Problem) -> Space:  # noqa: ARG001
    return Space(
        {
            "C": Real(1e-4, 1e4, 1.0, log=True),
            "class_weight": Choice((None, "balanced")),
            "scaling": Choice(SCALINGS),
        }
    )


def _logistic(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    model = LogisticRegression(C=params["C"], class_weight=params["class_weight"], max_iter=500, random_state=seed)
    return on_one_scale(problem, model, scaling=params["scaling"], seed=seed)


def _discriminant_space(problem: Problem) -> Space:  # noqa: ARG001
    return Space({"shrinkage": Real(1e-4, 1.0, 0.05, log=True), "scaling": Choice(SCALINGS)})


def _discriminant(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=params["shrinkage"])
    return on_one_scale(problem, model, scaling=params["scaling"], seed=seed)


def _ridge_space(problem: Problem) -> Space:  # noqa: ARG001
    return Space(
        {
            "alpha": Real(1e-3, 1e4, 1.0, log=True),
            "scaling": Choice(SCALINGS),
            "target": Choice(("standard", "power")),
        }
    )


def _ridge(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    model = on_target(Ridge(alpha=params["alpha"]), params["target"])
    return on_one_scale(problem, model, scaling=params["scaling"], seed=seed)


def _elastic_net_space(problem: Problem) -> Space:  # noqa: ARG001
    return Space(
        {
            "alpha": Real(1e-5, 1.0, 1e-2, log=True),
            "l1_ratio": Real(0.05, 1.0, 0.5),
            "scaling": Choice(SCALINGS),
            "target": Choice(("standard", "power")),
        }
    )


def _elastic_net(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    model = ElasticNet(alpha=params["alpha"], l1_ratio=params["l1_ratio"], max_iter=5000, random_state=seed)
    return on_one_scale(problem, on_target(model, params["target"]), scaling=params["scaling"], seed=seed)


def on_target(model: Any, target: str) -> TransformedTargetRegressor:
    """Fit a regression to a target of variance 1, "power": one that is made symmetric first (Yeo & Johnson 2000)."""
    transformer = PowerTransformer() if target == "power" else StandardScaler()
    return TransformedTargetRegressor(model, transformer=transformer, check_inverse=False)


LINEAR = (
    Algorithm("logistic_regression", CLASSIFICATION, 2, _logistic_space, _logistic),
    Algorithm("linear_discriminant", CLASSIFICATION, 1, _discriminant_space, _discriminant),
    Algorithm("ridge", REGRESSION, 1, _ridge_space, _ridge),
    Algorithm("elastic_net", REGRESSION, 2, _elastic_net_space, _elastic_net),
)
