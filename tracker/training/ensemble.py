"""Several models as one: a weighted mean chosen greedily, and a linear model stacked on top.

Both learn from predictions for rows that a model wasn't fitted on (out-of-fold), and `cross_fitted` judges either
without reusing a row: a fold's rows are combined by what was learned from the other folds. Predictions are
probabilities, shape (rows, classes), or quantities, shape (rows,).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from tracker.training.scoring import Scorer, scorer_for

Array = np.ndarray[Any, Any]
Predictions = Mapping[str, Array]
Combined = Callable[[Predictions], Array]
ROUNDS = 20
"""Models that the greedy search draws, with replacement: a weight is a multiple of 1/20 or more."""
FIRST = 3
"""Models that it begins with."""
CANDIDATES = 20
"""Of more models than that only the best are considered."""
_PATIENCE = 4  # draws without a better mean


def greedy_ensemble(
    predictions: Predictions,
    y: Array,
    scorer: Scorer,
    *,
    rounds: int = ROUNDS,
    candidates: int = CANDIDATES,
    kinds: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Choose models' weights: begin with a few good ones, and add again and again the one that helps the mean most.

    Caruana, Niculescu-Mizil, Crew & Ksikes (2004), "Ensemble selection from libraries of models": with replacement, so
    that a model that is added often weighs more; of all rounds the best is kept, of equal ones the earliest. It begins
    with the best model of each of the three best kinds: with few rows the best score is luck in part, and a mean that
    is never of one alone does better on new rows. Where the metric is of labels, and so has many ties, the smaller log
    loss decides.

    Args:
        predictions: name -> out-of-fold predictions, all of the same rows.
        y: labels of these rows: classes' codes, or quantities.
        rounds: models that are drawn at most.
        candidates: models that are considered at most, best ones first.
        kinds: name -> its algorithm; None: each is one of its own.
    Returns: name -> weight, of the chosen ones; they sum to 1; largest first.
    Raises: ValueError: no predictions, or of several shapes, or none that can be scored.
    """
    outputs, alone = _usable(predictions, y, scorer)
    names = sorted(alone, key=lambda name: _place(alone[name], scorer))[:candidates]
    chosen = _best_of_kinds(names, kinds)[: max(1, rounds)]
    total: Array = np.sum([outputs[name] for name in chosen], axis=0)
    best, best_length = _graded(total / len(chosen), y, scorer), len(chosen)
    for size in range(len(chosen) + 1, rounds + 1):
        scores = {name: _graded((total + outputs[name]) / size, y, scorer) for name in names}
        name = min(names, key=lambda name: _place(scores[name], scorer))
        chosen.append(name)
        total += outputs[name]
        if _place(scores[name], scorer) < _place(best, scorer):
            best, best_length = scores[name], size
        elif size - best_length >= _PATIENCE:
            break
    kept = chosen[:best_length]
    counts = {name: kept.count(name) for name in dict.fromkeys(kept)}
    return {name: counts[name] / best_length for name in sorted(counts, key=lambda name: -counts[name])}


def weighted_mean(predictions: Predictions, weights: Mapping[str, float]) -> Array:
    """Combine predictions of the models that have a weight."""
    mean: Array = sum(weight * np.asarray(predictions[name]) for name, weight in weights.items())  # type: ignore[assignment]
    return mean


def cross_fitted(
    learn: Callable[[Predictions, Array], Combined], predictions: Predictions, y: Array, folds: Sequence[Array]
) -> Array:
    """Combine each fold's predictions by what is learned from the other folds' rows; what a combination truly scores.

    Args:
        learn: of out-of-fold predictions and their labels, how to combine (`greedy`, `stacked`).
        folds: row numbers of each fold; rows in none are NaN.
    """
    combined = np.full_like(np.asarray(next(iter(predictions.values())), dtype=float), np.nan)
    every = np.concatenate(list(folds))
    for fold in folds:
        rest = np.setdiff1d(every, fold)
        combine = learn({name: output[rest] for name, output in predictions.items()}, y[rest])
        combined[fold] = combine({name: output[fold] for name, output in predictions.items()})
    return combined


def best_alone(scorer: Scorer) -> Callable[[Predictions, Array], Combined]:
    """Give the choice of the best single model as `cross_fitted` wants it: what an ensemble must be no worse than.

    The score that the best of many was chosen by flatters it; an ensemble's cross-fitted score doesn't.
    """

    def learn(predictions: Predictions, y: Array) -> Combined:
        _, alone = _usable(predictions, y, scorer)
        best = min(alone, key=lambda name: _place(alone[name], scorer))
        return lambda others: np.asarray(others[best])

    return learn


def greedy(
    scorer: Scorer, *, rounds: int = ROUNDS, kinds: Mapping[str, str] | None = None
) -> Callable[[Predictions, Array], Combined]:
    """Give the greedy ensemble as `cross_fitted` wants it."""

    def learn(predictions: Predictions, y: Array) -> Combined:
        weights = greedy_ensemble(predictions, y, scorer, rounds=rounds, kinds=kinds)
        return lambda others: weighted_mean(others, weights)

    return learn


def stacked(names: Sequence[str]) -> Callable[[Predictions, Array], Combined]:
    """Give the stacked model as `cross_fitted` wants it."""

    def learn(predictions: Predictions, y: Array) -> Combined:
        top = Stack().fit([predictions[name] for name in names], y)
        return lambda others: top.combine([others[name] for name in names])

    return learn


class Stack(BaseEstimator):  # type: ignore[misc]
    """A linear model of models' predictions (Wolpert 1992, "Stacked generalization"), as little of it as generalizes.

    Classes: a logistic regression of the models' log odds. Quantities: a ridge regression whose weights aren't negative
    (Breiman 1996, "Stacked regressions"). The penalty is chosen by five folds.
    """

    def fit(self, outputs: Sequence[Array], y: Array) -> Self:
        """Learn of out-of-fold predictions, one array a model."""
        self.codes_ = np.asarray(outputs[0]).ndim == 2
        folds = 5
        if self.codes_:
            model, grid, scoring = LogisticRegression(max_iter=1000), {"C": np.logspace(-4, 1, 6)}, "neg_log_loss"
            folds = int(max(2, min(5, np.bincount(y)[np.unique(y)].min())))
            self.center_, self.scale_ = 0.0, 1.0
        else:
            model, grid = Ridge(positive=True), {"alpha": len(y) * np.logspace(-4, 1, 6)}
            scoring = "neg_mean_squared_error"
            self.center_, self.scale_ = float(np.mean(y)), float(np.std(y)) or 1.0
            y = (y - self.center_) / self.scale_
        self.model_ = GridSearchCV(model, grid, scoring=scoring, cv=folds).fit(self._table(outputs), y).best_estimator_
        return self

    def combine(self, outputs: Sequence[Array]) -> Array:
        """Combine predictions, one array a model, in the same order."""
        table = self._table(outputs)
        if self.codes_:
            return cast("Array", self.model_.predict_proba(table))
        return cast("Array", self.model_.predict(table) * self.scale_ + self.center_)

    def _table(self, outputs: Sequence[Array]) -> Array:
        if not self.codes_:
            return (np.column_stack(list(outputs)) - self.center_) / self.scale_
        clipped = [np.clip(np.asarray(output), 1e-4, 1.0) for output in outputs]  # no vote is worth more than a lot
        odds = [np.log(proba[:, 1:]) - np.log(proba[:, :1]) for proba in clipped]
        return np.hstack(odds)


def _classifies(self: "Ensemble") -> bool:
    return any(hasattr(model, "predict_proba") for model in getattr(self, "estimators_", self.estimators))


class Ensemble(BaseEstimator):  # type: ignore[misc]
    """Models whose predictions are combined; a scikit-learn estimator, of classes or of quantities as its models are.

    Attributes: estimators_: the fitted models. classes_: classes' codes, where they are classifiers.
    """

    def __init__(self, estimators: Sequence[Any]) -> None:
        self.estimators = estimators

    def fit(self, X: Array, y: Array) -> Self:
        """Fit each model anew to all rows."""
        return self.of_fitted([clone(model).fit(X, y) for model in self.estimators])

    def of_fitted(self, estimators: Sequence[Any]) -> Self:
        """Take models that are fitted already."""
        self.estimators_ = list(estimators)
        if _classifies(self):
            self.classes_ = self.estimators_[0].classes_
        return self

    def predict(self, X: Array) -> Array:
        """Classes' codes, or quantities; shape (rows,)."""
        output = self._combined(X)
        return cast("Array", self.classes_[output.argmax(axis=1)]) if output.ndim == 2 else output

    @available_if(_classifies)  # type: ignore[misc, untyped-decorator, unused-ignore]
    def predict_proba(self, X: Array) -> Array:
        """Probabilities, shape (rows, classes)."""
        return self._combined(X)

    def _combined(self, X: Array) -> Array:
        return self._combine([output_of(model, X) for model in self.estimators_])

    def _combine(self, outputs: list[Array]) -> Array:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        member = self.estimators[0].__sklearn_tags__() if self.estimators else None
        if member is not None:
            tags.estimator_type = member.estimator_type
            tags.classifier_tags, tags.regressor_tags = member.classifier_tags, member.regressor_tags
            tags.input_tags.allow_nan = True
        return tags


class WeightedEnsemble(Ensemble):
    """A weighted mean of models' predictions; the weights are `greedy_ensemble`'s, or whoever's."""

    def __init__(self, estimators: Sequence[Any], weights: Sequence[float]) -> None:
        super().__init__(estimators)
        self.weights = weights

    def _combine(self, outputs: list[Array]) -> Array:
        return np.average(outputs, axis=0, weights=list(self.weights))


class StackedEnsemble(Ensemble):
    """A fitted `Stack` over models' predictions."""

    def __init__(self, estimators: Sequence[Any], stack: Stack) -> None:
        super().__init__(estimators)
        self.stack = stack

    def _combine(self, outputs: list[Array]) -> Array:
        return self.stack.combine(outputs)


def output_of(model: Any, X: Array) -> Array:
    """Give a model's probabilities, or its quantities."""
    return np.asarray(model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X))


def _usable(predictions: Predictions, y: Array, scorer: Scorer) -> tuple[dict[str, Array], dict[str, "_Grade"]]:
    """Give the predictions that can be scored, with their scores."""
    outputs = {name: np.asarray(output, dtype=float) for name, output in predictions.items()}
    shapes = {output.shape for output in outputs.values()}
    if len(shapes) != 1 or next(iter(shapes))[0] != len(y):
        raise ValueError(f"an ensemble needs predictions of one shape for {len(y)} rows; given are {sorted(shapes)}")
    finite = {name: output for name, output in outputs.items() if np.isfinite(output).all()}
    graded = {name: _graded(output, y, scorer) for name, output in finite.items()}
    alone = {name: grade for name, grade in graded.items() if not np.isnan(grade[0])}
    if not alone:
        raise ValueError(f"none of the {len(outputs)} models has finite predictions that {scorer.name} can score")
    return finite, alone


_Grade = tuple[float, float]


def _best_of_kinds(names: Sequence[str], kinds: Mapping[str, str] | None) -> list[str]:
    """The first name of each of the first kinds."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name if kinds is None else kinds[name], name)
    return list(first.values())[:FIRST]


def _graded(output: Array, y: Array, scorer: Scorer) -> _Grade:
    """The score, and the log loss that decides between equal ones; 0 where ties are rare."""
    tied = _LOG_LOSS(y, output) if scorer.needs == "predict" and output.ndim == 2 else 0.0
    return scorer.of_output(y, output), tied


def _place(grade: _Grade, scorer: Scorer) -> _Grade:
    """Smaller is better."""
    score, tied = grade
    return (-score if scorer.direction == "maximize" else score), tied


_LOG_LOSS = scorer_for("log_loss", "multiclass")
