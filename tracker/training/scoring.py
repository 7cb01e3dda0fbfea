"""What a model is judged by: scikit-learn's metrics by their names, of predictions that are there already."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from readers.best import Direction, direction
from tracker.training.problem import Task

Array = np.ndarray[Any, Any]
Score = Callable[[Array, Array], float]


class Scorer:
    """A metric with its direction; call it with labels and predictions.

    Attributes:
        name: the metric's.
        direction: "maximize" or "minimize". Losses and errors are minimized under their own name.
        needs: "proba": predictions are probabilities, shape (rows, classes); "predict": they are classes' codes or
            quantities, shape (rows,).
    """

    def __init__(
        self, name: str, direction: Direction, needs: Literal["proba", "predict"], score: Score, origin: "_Origin"
    ) -> None:
        self.name, self.direction, self.needs, self._score, self._origin = name, direction, needs, score, origin

    def __call__(self, y_true: Array, prediction: Array) -> float:
        """Score predictions of the kind that `needs` says."""
        return float(self._score(np.asarray(y_true), np.asarray(prediction)))

    def of_output(self, y_true: Array, output: Array) -> float:
        """Score a model's output: probabilities, shape (rows, classes), from which labels follow; or quantities."""
        output = np.asarray(output)
        return self(y_true, output.argmax(axis=1) if self.needs == "predict" and output.ndim == 2 else output)

    def better(self, score: float, than: float) -> bool:
        """Whether one score is better than another; any is better than NaN."""
        if np.isnan(score) or np.isnan(than):
            return bool(np.isnan(than) and not np.isnan(score))
        return score > than if self.direction == "maximize" else score < than

    def clearly_worse(self, fold_scores: Sequence[float], than: Sequence[float]) -> bool:
        """Whether one is worse than another by more than the standard error of their differences, fold by fold.

        The one-standard-error rule (Breiman, Friedman, Olshen & Stone 1984, section 3.4.3), of the same folds.
        """
        sign = 1.0 if self.direction == "maximize" else -1.0
        lost = sign * (np.array(than, dtype=float) - np.array(fold_scores, dtype=float))
        error = lost.std(ddof=1) / len(lost) ** 0.5 if len(lost) > 1 else 0.0
        return bool(lost.mean() > error)

    def __reduce__(self) -> "tuple[Callable[..., Scorer], _Origin]":
        """Another process asks by the name again."""
        return scorer_for, self._origin

    def __repr__(self) -> str:
        return f"Scorer({self.name!r}, {self.direction!r})"


_Origin = tuple[str | Callable[..., float], Task]


class _Metric(NamedTuple):
    direction: Direction
    needs: Literal["proba", "predict"]
    tasks: tuple[Task, ...]
    score: Score


def _log_loss(y: Array, proba: Array) -> float:
    """Mean of -log of what was given to the class that came; shares are made of probabilities first."""
    shares = np.clip(proba[np.arange(len(y)), y] / proba.sum(axis=1), np.finfo(np.float64).eps, 1.0)
    return float(-np.log(shares).mean())


def _brier(y: Array, proba: Array) -> float:
    """Mean squared distance of the probabilities from what came; of two classes half of it, as Brier's is for one."""
    distance = ((proba - np.eye(proba.shape[1])[y]) ** 2).sum(axis=1).mean()
    return float(distance / 2 if proba.shape[1] == 2 else distance)


def _averaged(metric: Callable[..., float], average: str) -> Score:
    return lambda y, labels: float(metric(y, labels, average=average, zero_division=0.0))


def _roc_auc(average: str) -> Score:
    def score(y: Array, proba: Array) -> float:
        if proba.shape[1] == 2:
            return float(metrics.roc_auc_score(y, proba[:, 1]))
        shares = proba / proba.sum(axis=1, keepdims=True)
        return float(metrics.roc_auc_score(y, shares, multi_class=average, labels=range(proba.shape[1])))

    return score


def _positive(metric: Callable[..., float]) -> Score:
    return lambda y, proba: float(metric(y, proba[:, 1]))


_TWO: tuple[Task, ...] = ("binary",)
_MANY: tuple[Task, ...] = ("multiclass",)
_ANY: tuple[Task, ...] = ("binary", "multiclass")
_NUMBER: tuple[Task, ...] = ("regression",)

METRICS: dict[str, _Metric] = {
    "accuracy": _Metric("maximize", "predict", _ANY, metrics.accuracy_score),
    "balanced_accuracy": _Metric("maximize", "predict", _ANY, metrics.balanced_accuracy_score),
    "matthews_corrcoef": _Metric("maximize", "predict", _ANY, metrics.matthews_corrcoef),
    "cohen_kappa": _Metric("maximize", "predict", _ANY, metrics.cohen_kappa_score),
    "roc_auc": _Metric("maximize", "proba", _TWO, _roc_auc("ovr")),
    "roc_auc_ovr": _Metric("maximize", "proba", _ANY, _roc_auc("ovr")),
    "roc_auc_ovo": _Metric("maximize", "proba", _ANY, _roc_auc("ovo")),
    "average_precision": _Metric("maximize", "proba", _TWO, _positive(metrics.average_precision_score)),
    "log_loss": _Metric("minimize", "proba", _ANY, _log_loss),
    "brier_score": _Metric("minimize", "proba", _ANY, _brier),
    "r2": _Metric("maximize", "predict", _NUMBER, metrics.r2_score),
    "explained_variance": _Metric("maximize", "predict", _NUMBER, metrics.explained_variance_score),
    "rmse": _Metric("minimize", "predict", _NUMBER, lambda y, p: float(np.sqrt(np.mean((y - p) ** 2)))),
    "mse": _Metric("minimize", "predict", _NUMBER, metrics.mean_squared_error),
    "mae": _Metric("minimize", "predict", _NUMBER, metrics.mean_absolute_error),
    "median_absolute_error": _Metric("minimize", "predict", _NUMBER, metrics.median_absolute_error),
    "max_error": _Metric("minimize", "predict", _NUMBER, metrics.max_error),
    "mape": _Metric("minimize", "predict", _NUMBER, metrics.mean_absolute_percentage_error),
    "rmsle": _Metric("minimize", "predict", _NUMBER, lambda y, p: metrics.root_mean_squared_log_error(y, p.clip(0))),
}
"""By name. Of two classes, f1, precision, recall are those of the second, as in scikit-learn."""

for _name, _metric in (
    ("f1", metrics.f1_score),
    ("precision", metrics.precision_score),
    ("recall", metrics.recall_score),
):
    METRICS[_name] = _Metric("maximize", "predict", _TWO, _averaged(_metric, "binary"))
    METRICS |= {
        f"{_name}_{average}": _Metric("maximize", "predict", _ANY, _averaged(_metric, average))
        for average in ("macro", "micro", "weighted")
    }

ALIASES = {
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "root_mean_squared_log_error": "rmsle",
    "auc": "roc_auc",
    "logloss": "log_loss",
    "brier_score_loss": "brier_score",
}
"""Other names of the same."""

DEFAULTS: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}
"""Metrics that no threshold and no class's share decides; where an accuracy is asked for, say so."""


def scorer_for(metric: str | Callable[..., float] | Scorer | None, task: Task) -> Scorer:
    """Find a metric.

    Args:
        metric: a name (scikit-learn's, with "neg_" too: then the score is negative, and maximized), None for the
            task's usual one, a function of labels and predictions, or a scorer of scikit-learn's `make_scorer`.
        task: what the metric must fit.
    Raises: TypeError: no metric. ValueError: an unknown name, or one of another task; lists what there is.
    """
    if isinstance(metric, Scorer):
        return metric
    if metric is None:
        metric = DEFAULTS[task]
    if callable(metric):
        return _of_callable(metric, task)
    if not isinstance(metric, str):
        raise TypeError(f"a metric is a name or a function, not {type(metric).__name__}")
    negated = metric.startswith("neg_")
    name = metric.removeprefix("neg_")
    found = METRICS.get(ALIASES.get(name, name))
    there = ", ".join(sorted(known for known, told in METRICS.items() if task in told.tasks))
    if found is None or (negated and found.direction == "maximize"):
        raise ValueError(f"no metric {metric!r}; for {task} there is {there}")
    if task not in found.tasks:
        raise ValueError(f"metric {metric!r} is for {' and '.join(found.tasks)}, the task is {task}; there is {there}")
    if not negated:
        return Scorer(metric, found.direction, found.needs, found.score, (metric, task))
    return Scorer(metric, "maximize", found.needs, lambda y, prediction: -found.score(y, prediction), (metric, task))


def _of_callable(metric: Callable[..., float], task: Task) -> Scorer:
    """Make a scorer of a function (y_true, y_pred), or of scikit-learn's scorer (estimator, X, y)."""
    name = str(getattr(metric, "__name__", type(metric).__name__))
    origin = metric, task
    if not hasattr(metric, "_response_method"):
        return Scorer(name, direction(name), "predict", metric, origin)
    name = str(getattr(getattr(metric, "_score_func", None), "__name__", name))
    if task == "regression":
        return Scorer(name, "maximize", "predict", lambda y, values: metric(_GivenValues(values), None, y), origin)
    return Scorer(name, "maximize", "proba", lambda y, proba: metric(_GivenProbabilities(proba), None, y), origin)


class _GivenValues(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A model whose predictions are there: what scikit-learn's scorers ask for."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def predict(self, X: object) -> Array:  # noqa: ARG002
        """Give what was given."""
        return self.values


class _GivenProbabilities(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Likewise of classes."""

    def __init__(self, proba: Array) -> None:
        self.proba = proba
        self.classes_ = np.arange(proba.shape[1])

    def predict_proba(self, X: object) -> Array:  # noqa: ARG002
        """Give what was given."""
        return self.proba

    def predict(self, X: object) -> Array:  # noqa: ARG002
        """The likeliest classes."""
        return cast("Array", self.proba.argmax(axis=1))
