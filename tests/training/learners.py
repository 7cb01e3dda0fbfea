"""Learners that misbehave, as real ones do."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.naive_bayes import GaussianNB

from tracker.training.candidate import Learner
from tracker.training.problem import Problem
from tracker.training.space import Real, Space


class Bad(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that fails in the way that is asked for; it notes each fit in a file."""

    def __init__(self, how: str = "raise", note: str = "", size: float = 1.0) -> None:
        self.how = how
        self.note = note
        self.size = size

    def fit(self, X: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Self:
        """Fail."""
        if self.note:
            with Path(self.note).open("a") as opened:
                opened.write(f"{os.getpid()}\n")
        if self.how == "raise":
            raise ArithmeticError(f"no fit for {self.size}")
        if self.how == "hang":
            threading.Event().wait()  # nothing ends it but a signal
        if self.how == "die":
            os._exit(41)
        if self.how == "interrupt":
            raise KeyboardInterrupt
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """One class for all."""
        return np.full(len(X), self.classes_[0])

    def predict_proba(self, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Probabilities that aren't numbers."""
        return np.full((len(X), len(self.classes_)), np.nan)


class Broken:
    """An algorithm whose every candidate is a bad one."""

    def __init__(self, how: str, note: str = "") -> None:
        self.name = how
        self._note = note

    def space(self, problem: Problem) -> Space:
        """One number, so that there is always something new to try."""
        return Space({"size": Real(0.0, 1.0, 0.5)})

    def build(self, params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
        """Make one."""
        return Bad(self.name, self._note, **params)


class Bayes:
    """A good one, quick."""

    name = "bayes"

    def space(self, problem: Problem) -> Space:
        """How much the variances are smoothed."""
        return Space({"var_smoothing": Real(1e-9, 1.0, 1e-3, log=True)})

    def build(self, params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
        """Make one."""
        return GaussianNB(**params)


def learners(*more: Learner) -> list[Learner]:
    """The baseline, and those given."""
    from tracker.training.portfolio import ALGORITHMS

    return [ALGORITHMS["baseline"], *more]
