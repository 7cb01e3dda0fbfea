"""Candidate: one algorithm with its hyperparameters, and what came of trying it."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from tracker.automl.trial import State
from tracker.training.problem import Problem
from tracker.training.space import Space

BASELINE = "baseline"
"""The algorithm of the portfolio that doesn't look at X: what isn't better has learned nothing."""


class Learner(Protocol):
    """What can be tried: an algorithm of the portfolio, one estimator that a user gives, an ensemble."""

    @property
    def name(self) -> str:
        """Its name, which is that of its row in the leaderboard."""
        ...

    def space(self, problem: Problem) -> Space:
        """The hyperparameters that may be searched."""
        ...

    def build(self, params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
        """Give an estimator that isn't fitted, for rows of the problem's X, with its preprocessing."""
        ...


class Features(msgspec.Struct, frozen=True):
    """Features that were selected: by each fold's training rows for that fold, by all rows for the final model."""

    all_rows: list[str]
    by_fold: list[list[str]]

    def of(self, fold: int | None) -> list[str]:
        """Those for a fold, or for all rows."""
        return self.all_rows if fold is None else self.by_fold[fold]


class Candidate(msgspec.Struct, frozen=True):
    """One algorithm with its hyperparameters."""

    algorithm: Learner
    params: Mapping[str, Any]
    seed: int
    features: Features | None = None
    """None: all."""

    @property
    def name(self) -> str:
        """Its algorithm's."""
        return self.algorithm.name

    def build(self, problem: Problem, fold: int | None = None) -> Any:
        """Give an estimator for rows of the problem's X that isn't fitted: for a fold, or for all rows."""
        if self.features is None:
            return self.algorithm.build(dict(self.params), problem, self.seed)
        names = self.features.of(fold)
        places = [place for place, name in enumerate(problem.feature_names) if name in set(names)]
        model = self.algorithm.build(dict(self.params), problem.select(names), self.seed)
        return Pipeline([("features", ColumnTransformer([("selected", "passthrough", places)])), ("model", model)])


class Tried(msgspec.Struct):
    """What came of a candidate."""

    number: int
    """From 1, in the order in which they began."""
    candidate: Candidate
    state: State = "running"
    score: float | None = None
    """Mean over the folds; of a pruned one over those that it got."""
    std: float | None = None
    """Standard deviation over the folds (n - 1)."""
    fold_scores: list[float] = msgspec.field(default_factory=list)
    fit_time_s: float = 0.0
    predict_time_s: float = 0.0
    error_type: str = ""
    error: str = ""
    warnings: dict[str, int] = msgspec.field(default_factory=dict)
    """How often each category of warning came while it was fitted."""
    predictions: list[np.ndarray] = msgspec.field(default_factory=list)
    """Of each fold's test rows, in the order of the folds; empty where they aren't kept."""
    run_id: str = ""
    """Of its trial; "" when untracked."""

    @property
    def algorithm(self) -> str:
        """The algorithm's name."""
        return self.candidate.algorithm.name

    @property
    def params(self) -> dict[str, Any]:
        """Its hyperparameters."""
        return dict(self.candidate.params)
