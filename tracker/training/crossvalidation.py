"""Cross-validation: a candidate is fitted on the rows outside each fold and scored on those inside.

All candidates see the same folds, so that their scores can be compared in pairs. Classes keep their shares in each fold
(stratification: Kohavi 1995, "A study of cross-validation and bootstrap"). Warnings of a fit are counted, not shown: a
search would show hundreds. A prediction that isn't a number is an error of the candidate's, never a score.
"""

import time
import warnings
from collections import Counter
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, train_test_split

from tracker.training.problem import Problem
from tracker.training.scoring import Scorer


class Fold(NamedTuple):
    """One split of the rows."""

    number: int
    train: np.ndarray
    """Indices of rows to fit on."""
    test: np.ndarray
    """Indices of rows to score on."""


class Model(Protocol):
    """What can be fitted: a candidate, or an ensemble of them."""

    @property
    def name(self) -> str:
        """What errors call it."""
        ...

    def build(self, problem: Problem, fold: int | None = None) -> Any:
        """Give an estimator that isn't fitted: for a fold, or for all rows."""
        ...


class Job(msgspec.Struct, frozen=True):
    """One model on one fold."""

    candidate: Model
    fold: Fold
    owner: int
    """The number of the trial that it belongs to: a trial's jobs share its time limit."""
    rows: float = 1.0
    """Share of the training rows to fit on."""
    limit_s: float = float("inf")
    """Seconds that all of the trial's jobs together may still take."""


class FitFailed(Exception):
    """A fit that failed in another process: the error's class and text."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind = kind
        self.text = text

    @classmethod
    def of(cls, error: BaseException) -> "FitFailed":
        """An error, so that it can be sent."""
        return cls(type(error).__name__, text_of(error))

    def __str__(self) -> str:
        return self.text


def text_of(error: BaseException) -> str:
    """An error's text; one whose own text fails says so."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - an error of a user's estimator, which may be anything
        return f"(its text can't be had: {type(broken).__name__})"


class FoldResult(NamedTuple):
    """What one fit gave."""

    score: float
    prediction: np.ndarray
    """(rows, classes) probabilities, or (rows,) predictions of a quantity, or of what gives no probabilities."""
    fit_time_s: float
    predict_time_s: float
    warnings: dict[str, int]


def fold_count(problem: Problem, cv: int) -> int:
    """Folds that there can be of `cv`: a row of each class in each; of a quantity two rows, as r2 of one is none.

    At least two, which Problem.of has seen to.
    """
    most = problem.n_rows // 2 if problem.classes is None else int(np.bincount(problem.y).min())
    return max(2, min(cv, most))


def make_folds(problem: Problem, cv: int, repeats: int, seed: int) -> list[Fold]:
    """Split the rows `repeats` times into `cv` folds, or as many as there can be, shuffled, stratified by class."""
    splitter = RepeatedKFold if problem.classes is None else RepeatedStratifiedKFold
    folds = fold_count(problem, cv)
    splits = splitter(n_splits=folds, n_repeats=repeats, random_state=seed).split(problem.X, problem.y)
    return [Fold(number, train, test) for number, (train, test) in enumerate(splits)]


def run_fold(job: Job, problem: Problem, scorer: Scorer) -> FoldResult:
    """Fit a candidate on a fold's training rows, and score it on its test rows. Raises: whatever the candidate does."""
    train = _share_of(job, problem)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        began = time.perf_counter()
        estimator = job.candidate.build(problem, job.fold.number)
        estimator.fit(problem.rows(train), problem.y[train])
        fitted = time.perf_counter()
        prediction = predict(estimator, problem.rows(job.fold.test), problem, scorer)
        predicted = time.perf_counter()
    score = scored(problem.y[job.fold.test], prediction, scorer)
    counts = dict(Counter(warning.category.__name__ for warning in caught))
    return FoldResult(score, prediction, fitted - began, predicted - fitted, counts)


def predict(estimator: Any, X: np.ndarray, problem: Problem, scorer: Scorer) -> np.ndarray:
    """A fitted estimator's output: probabilities of all classes where it gives them, else predictions.

    A class that wasn't among the training rows has probability 0. Raises: TypeError: the metric needs probabilities,
    and it gives none. ValueError: some of what it predicts isn't a number.
    """
    if problem.classes is None:
        return finite(np.asarray(estimator.predict(X), dtype=float))
    if not hasattr(estimator, "predict_proba"):
        if scorer.needs == "proba":
            kind = type(estimator).__name__
            raise TypeError(f"{kind} has no predict_proba, which {scorer.name!r} needs; metric='accuracy' doesn't")
        return np.asarray(estimator.predict(X))
    found = finite(np.asarray(estimator.predict_proba(X), dtype=float))
    if found.shape[1] == problem.n_classes:
        return found
    whole = np.zeros((len(found), problem.n_classes))
    whole[:, np.asarray(estimator.classes_, dtype=int)] = found
    return whole


def scored(y: np.ndarray, prediction: np.ndarray, scorer: Scorer) -> float:
    """A score that is a number. Raises: ValueError: it isn't."""
    score = scorer.of_output(y, prediction)
    if not np.isfinite(score):
        raise ValueError(f"{scorer.name} is {score} on {len(y)} rows")
    return score


def finite(prediction: np.ndarray) -> np.ndarray:
    """The prediction, if all of it are numbers. Raises: ValueError."""
    broken = ~np.isfinite(prediction).reshape(len(prediction), -1).all(axis=1)
    if broken.any():
        raise ValueError(f"its predictions aren't finite in {int(broken.sum())} of {len(prediction)} rows")
    return prediction


def _share_of(job: Job, problem: Problem) -> np.ndarray:
    """The training rows of a job: all, or a stratified share, the same for all candidates."""
    train = job.fold.train
    if job.rows >= 1:
        return train
    y = None if problem.classes is None else problem.y[train]
    if y is not None and np.bincount(y).min() * job.rows < 1:
        y = None  # too few of a class to keep shares; the draw is by chance then
    kept, _ = train_test_split(train, train_size=job.rows, stratify=y, random_state=job.fold.number)
    return np.sort(np.asarray(kept))
