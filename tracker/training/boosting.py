"""Boosted trees: scikit-learn's histogram boosting, and LightGBM and XGBoost where they are installed.

Ranges after FLAML 2's and auto-sklearn 2's, narrowed to what fits a minute: a number of trees and a learning rate on
log scales, leaves, rows a leaf, parts of the features, penalties. The settings that a search begins with learn slower
and of fewer leaves than the libraries' own, which are for more rows. Early stopping is the search's matter (fewer trees
are cheaper settings), not the model's: it would take a tenth of the rows away from small data.
"""

from collections.abc import Mapping
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tracker.training.algorithm import EVERY, Algorithm
from tracker.training.preprocessing import by_order, code_places
from tracker.training.problem import Problem
from tracker.training.space import Dimension, Integer, Real, Space

_CODES = 250  # HistGradientBoosting takes up to 255 categories as such


def _leaves(problem: Problem) -> Integer:
    """Few leaves where rows are few, up to LightGBM's 31 to begin with."""
    return Integer(3, max(8, min(256, problem.n_rows // 4)), max(8, min(31, problem.n_rows // 100)), log=True)


def _rows_a_leaf(problem: Problem) -> Integer:
    return Integer(1, max(20, min(128, problem.n_rows // 10)), 10, log=True)


def _histogram_space(problem: Problem) -> Space:
    return Space(
        {
            "max_iter": Integer(10, 500, 150, log=True),
            "learning_rate": Real(0.01, 0.5, 0.06, log=True),
            "max_leaf_nodes": _leaves(problem),
            "min_samples_leaf": _rows_a_leaf(problem),
            "l2_regularization": Real(1e-8, 10.0, 1e-8, log=True),
            "max_features": Real(0.2, 1.0, 0.6),
        }
    )


def _histogram(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    made = HistGradientBoostingRegressor if problem.classes is None else HistGradientBoostingClassifier
    codes = code_places(problem, _CODES)
    model = made(**params, early_stopping=False, categorical_features=codes or None, random_state=seed)
    return by_order(problem, model, most=_CODES, seed=seed)


def _lightgbm_space(problem: Problem) -> Space:
    return Space(
        _shared(problem)
        | {
            "num_leaves": _leaves(problem),
            "min_child_samples": _rows_a_leaf(problem),
        }
    )


def _lightgbm(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    made = LGBMRegressor if problem.classes is None else LGBMClassifier
    model = made(**params, subsample_freq=1, random_state=seed, n_jobs=1, verbosity=-1, importance_type="gain")
    return by_order(problem, model, seed=seed)


def _xgboost_space(problem: Problem) -> Space:
    return Space(
        _shared(problem)
        | {
            "max_depth": Integer(1, 10, 4),
            "min_child_weight": Real(0.01, 128.0, 1.0, log=True),
        }
    )


def _xgboost(params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    made = XGBRegressor if problem.classes is None else XGBClassifier
    return by_order(problem, made(**params, tree_method="hist", random_state=seed, n_jobs=1), seed=seed)


def _shared(problem: Problem) -> dict[str, Dimension]:
    """What both libraries have. Of many classes each round is a tree for each: fewer rounds, and larger steps."""
    many = problem.n_classes > 4
    return {
        "n_estimators": Integer(10, 300 if many else 1000, 80 if many else 200, log=True),
        "learning_rate": Real(0.005, 0.5, 0.1 if many else 0.05, log=True),
        "subsample": Real(0.5, 1.0, 0.8),
        "colsample_bytree": Real(0.2, 1.0, 0.6),
        "reg_alpha": Real(1e-8, 100.0, 1e-8, log=True),
        "reg_lambda": Real(1e-8, 100.0, 1.0, log=True),
    }


BOOSTING = (
    Algorithm("histogram_boosting", EVERY, 7, _histogram_space, _histogram, fidelity="max_iter", unless="lightgbm"),
    Algorithm("lightgbm", EVERY, 3, _lightgbm_space, _lightgbm, fidelity="n_estimators", library="lightgbm"),
    Algorithm("xgboost", EVERY, 4, _xgboost_space, _xgboost, fidelity="n_estimators", library="xgboost"),
)
