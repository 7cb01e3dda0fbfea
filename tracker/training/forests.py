"""Forests: random forest (Breiman 2001) and extremely randomized trees (Geurts, Ernst & Wehenkel 2006).

Ranges as in FLAML 2 and auto-sklearn: a part of the features a cut (log scale), leaves of 1 to 20 rows. The number of
trees is no matter of tuning: more are never worse (Probst & Boulesteix 2018), so it is only what a fit costs.
"""

from collections.abc import Mapping
from typing import Any

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor

from tracker.training.algorithm import EVERY, Algorithm
from tracker.training.preprocessing import by_order
from tracker.training.problem import Problem
from tracker.training.space import Choice, Dimension, Integer, Real, Space

TREES = 100


def _space(problem: Problem) -> Space:
    classes = problem.classes is not None
    part = max(0.05, problem.n_features**-0.5) if classes else 0.5
    dimensions: dict[str, Dimension] = {
        "n_estimators": Choice((TREES,)),
        "max_features": Real(0.05, 1.0, part, log=True),
        "min_samples_leaf": Integer(1, max(2, min(20, problem.n_rows // 20)), 1, log=True),
    }
    if classes:
        dimensions |= {"criterion": Choice(("gini", "entropy")), "class_weight": Choice((None, "balanced"))}
    return Space(dimensions)


def _forest(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    made = RandomForestRegressor if problem.classes is None else RandomForestClassifier
    return by_order(problem, made(**params, random_state=seed), seed=seed)


def _extra_trees(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    made = ExtraTreesRegressor if problem.classes is None else ExtraTreesClassifier
    return by_order(problem, made(**params, random_state=seed), seed=seed)


FORESTS = (
    Algorithm("random_forest", EVERY, 6, _space, _forest, fidelity="n_estimators"),
    Algorithm("extra_trees", EVERY, 5, _space, _extra_trees, fidelity="n_estimators"),
)
