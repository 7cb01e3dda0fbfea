"""Training scores: how a fitted estimator does on the data that it was fitted to, under MLflow's names for them.

A classifier: training_accuracy_score, and weighted training_precision_score, training_recall_score, training_f1_score;
with predict_proba training_log_loss and training_roc_auc (one against one where there are more than two classes). A
regressor: training_r2_score, training_mean_absolute_error, training_mean_squared_error,
training_root_mean_squared_error. Any other: training_score, what its own `score` says. They tell how well a model
remembers, not how well it does.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier, is_regressor

from tracker.integrations.sklearndata import FitData

_PREFIX = "training_"


class TrainingScores(NamedTuple):
    """What could be scored, and why the rest could not."""

    values: dict[str, float]
    left_out: dict[str, str]

    @classmethod
    def of(cls, estimator: Any, data: FitData) -> "TrainingScores":
        """Score a fitted estimator; a score that fails is left out, with its reason."""
        values: dict[str, float] = {}
        left_out: dict[str, str] = {}
        for name, score in _scores(estimator, data):
            try:
                values[_PREFIX + name] = float(score())
            except Exception as error:  # noqa: BLE001 - each score has its own conditions, and a user's estimator may raise anything
                left_out[_PREFIX + name] = f"{type(error).__name__}: {error}"[:200]
        return cls(values, left_out)


def _scores(estimator: Any, data: FitData) -> Iterator[tuple[str, Callable[[], float]]]:
    """Each score's name, and how it is made."""
    X, y, weight = data
    if X is None:
        return
    if is_classifier(estimator) and y is not None:
        yield from _classification(estimator, X, np.asarray(y), weight)
    elif is_regressor(estimator) and y is not None:
        yield from _regression(estimator, X, np.asarray(y), weight)
    elif callable(getattr(estimator, "score", None)):
        yield "score", lambda: estimator.score(X) if y is None else estimator.score(X, y)


def _classification(estimator: Any, X: Any, y: Any, weight: Any) -> Iterator[tuple[str, Callable[[], float]]]:
    predicted = _Once(lambda: estimator.predict(X))
    averaged = {"average": "weighted", "sample_weight": weight, "zero_division": 0}
    yield "accuracy_score", lambda: metrics.accuracy_score(y, predicted(), sample_weight=weight)
    yield "precision_score", lambda: metrics.precision_score(y, predicted(), **averaged)
    yield "recall_score", lambda: metrics.recall_score(y, predicted(), **averaged)
    yield "f1_score", lambda: metrics.f1_score(y, predicted(), **averaged)
    if hasattr(estimator, "predict_proba"):
        chances = _Once(lambda: estimator.predict_proba(X))
        yield "log_loss", lambda: metrics.log_loss(y, chances(), sample_weight=weight)
        yield "roc_auc", lambda: _roc_auc(y, chances(), weight)


def _roc_auc(y: Any, chances: Any, weight: Any) -> float:
    """With two classes by the chance of the second."""
    if len(chances[0]) == 2:
        chances = np.asarray(chances)[:, 1]
    return float(metrics.roc_auc_score(y, chances, average="weighted", sample_weight=weight, multi_class="ovo"))


def _regression(estimator: Any, X: Any, y: Any, weight: Any) -> Iterator[tuple[str, Callable[[], float]]]:
    predicted = _Once(lambda: estimator.predict(X))
    yield "r2_score", lambda: metrics.r2_score(y, predicted(), sample_weight=weight)
    yield "mean_absolute_error", lambda: metrics.mean_absolute_error(y, predicted(), sample_weight=weight)
    yield "mean_squared_error", lambda: metrics.mean_squared_error(y, predicted(), sample_weight=weight)
    yield (
        "root_mean_squared_error",
        lambda: metrics.mean_squared_error(y, predicted(), sample_weight=weight) ** 0.5,
    )


class _Once:
    """A value that is made when it is first asked for; the error of one that can't be made likewise."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._value: Any = None
        self._error: Exception | None = None

    def __call__(self) -> Any:
        make, self._make = self._make, None
        if make is not None:
            try:
                self._value = make()
            except Exception as error:  # noqa: BLE001 - raised below, each time
                self._error = error
        if self._error is not None:
            raise self._error
        return self._value
