"""Models of distances (nearest neighbours, support vectors), naive Bayes, and the baseline, which looks at nothing.

Ranges: neighbours 1 to 100 on a log scale (auto-sklearn), p 1 or 2; C from 2^-5 to 2^10 and gamma around scikit-learn's
"scale" by 2^-8 to 2^4 (Hsu, Chang & Lin 2003, "A practical guide to support vector classification", narrowed).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

from tracker.training.algorithm import CLASSIFICATION, EVERY, Algorithm
from tracker.training.linear import on_target
from tracker.training.preprocessing import SCALINGS, on_one_scale
from tracker.training.problem import Problem
from tracker.training.space import Choice, Dimension, Integer, Real, Space


def _nothing(problem: Problem) -> Space:  # noqa: ARG001
    return Space({})


def _baseline(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:  # noqa: ARG001
    return DummyRegressor() if problem.classes is None else DummyClassifier(strategy="prior")


def _bayes_space(problem: Problem) -> Space:  # noqa: ARG001
    return Space({"var_smoothing": Real(1e-9, 10.0, 0.1, log=True), "scaling": Choice(("quantile", "standard"))})


def _bayes(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    model = GaussianNB(var_smoothing=params["var_smoothing"])
    return on_one_scale(problem, model, scaling=params["scaling"], indicator=False, seed=seed)


def _neighbours_space(problem: Problem) -> Space:
    most = max(2, min(100, problem.n_rows // 4))
    return Space(
        {
            "n_neighbors": Integer(1, most, min(7, most), log=True),
            "weights": Choice(("distance", "uniform")),
            "p": Choice((2, 1)),
            "scaling": Choice(SCALINGS),
        }
    )


def _neighbours(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    made = KNeighborsRegressor if problem.classes is None else KNeighborsClassifier
    own = {name: value for name, value in params.items() if name != "scaling"}
    return on_one_scale(problem, made(**own), scaling=params["scaling"], seed=seed)


def _support_space(problem: Problem) -> Space:
    dimensions: dict[str, Dimension] = {
        "C": Real(2.0**-5, 2.0**10, 1.0, log=True),
        "gamma": Real(2.0**-8, 2.0**4, 1.0, log=True),
        "scaling": Choice(SCALINGS),
    }
    if problem.classes is None:
        dimensions |= {"epsilon": Real(1e-3, 1.0, 0.1, log=True), "target": Choice(("standard", "power"))}
    else:
        dimensions["class_weight"] = Choice((None, "balanced"))
    return Space(dimensions)


def _support(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    gamma = params["gamma"] / problem.n_features  # features have variance 1: as "scale", and known beforehand
    if problem.classes is None:
        model: Any = on_target(SVR(C=params["C"], gamma=gamma, epsilon=params["epsilon"]), params["target"])
    else:
        machine = SVC(C=params["C"], gamma=gamma, class_weight=params["class_weight"], random_state=seed)
        folds = max(2, min(5, int(np.bincount(problem.y).min()) // 2))
        model = CalibratedClassifierCV(machine, ensemble=False, cv=folds)  # its probabilities (Platt 1999)
    return on_one_scale(problem, model, scaling=params["scaling"], seed=seed)


NEIGHBOURS = (
    Algorithm("baseline", EVERY, 0, _nothing, _baseline),
    Algorithm("naive_bayes", CLASSIFICATION, 1, _bayes_space, _bayes),
    Algorithm("nearest_neighbours", EVERY, 2, _neighbours_space, _neighbours, most_rows=50_000),
    Algorithm("support_vectors", EVERY, 4, _support_space, _support, most_rows=5_000),
)
