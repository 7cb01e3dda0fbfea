"""The trained model: an estimator together with what makes its matrix of a table and labels of its codes.

It needs no engine and no tracker: it is what is saved, and it predicts wherever it is loaded.
"""

import copy
from typing import Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from tracker.training.ensemble import output_of
from tracker.training.problem import Problem
from tracker.training.scoring import Scorer


class _TableModel(BaseEstimator):  # type: ignore[misc]
    """What both kinds share.

    Args:
        estimator: takes rows of a problem's X; fitted as `estimator_`.
    """

    def __init__(self, estimator: Any = None) -> None:
        self.estimator = estimator

    def train(self, problem: Problem) -> Self:
        """Fit it on a problem's rows."""
        self.table_ = problem.coder
        self.n_features_in_ = len(problem.coder.columns_)
        self.feature_names_in_ = np.array(problem.coder.columns_, dtype=object)
        self.estimator_ = copy.deepcopy(self.estimator).fit(problem.X, problem.y)
        return self

    def score_by(self, scorer: Scorer, X: Any, y: Any) -> float:
        """A metric of what it predicts; negative where less is better.

        Raises: TypeError, ValueError: X isn't its table, or y has labels that it doesn't know.
        """
        matrix = self._matrix(X)
        score = scorer.of_output(self._codes(y), output_of(self.estimator_, matrix))
        return score if scorer.direction == "maximize" else -score

    def _codes(self, y: Any) -> np.ndarray:
        """What the estimator was fitted to, of labels."""
        return np.asarray(y, dtype=float).ravel()

    def _matrix(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "estimator_")
        return cast("np.ndarray", self.table_.transform(X))

    def _check(self, problem: Problem) -> Problem:
        """Refuse a table of other columns. Raises: ValueError."""
        known = getattr(self, "table_", None)
        if known is not None and list(known.features_) != list(problem.coder.features_):
            raise ValueError(
                f"this model was built for the features {list(known.features_)[:10]}, the table gives "
                f"{list(problem.coder.features_)[:10]}; let an engine's refit build it anew"
            )
        return problem


def _gives_probabilities(model: "TableClassifier") -> bool:
    return hasattr(getattr(model, "estimator_", model.estimator), "predict_proba")


class TableClassifier(ClassifierMixin, _TableModel):  # type: ignore[misc]
    """Predicts labels of a table's rows."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fit it on another sample of the same table. Raises: TypeError, ValueError: as Problem.of."""
        return self.train(self._check(Problem.of(X, y, "classification")))

    def train(self, problem: Problem) -> Self:
        """Fit it on a problem's rows."""
        self.classes_ = np.asarray(problem.classes)
        return super().train(problem)

    def predict(self, X: Any) -> np.ndarray:
        """Labels, shape (rows,). Raises: TypeError, ValueError: X isn't the table it was trained on."""
        matrix = self._matrix(X)
        return self.classes_[np.asarray(self.estimator_.predict(matrix), dtype=np.int64)]

    def _codes(self, y: Any) -> np.ndarray:
        known = {label: code for code, label in enumerate(self.classes_.tolist())}
        labels = np.asarray(y).ravel().tolist()
        unknown = sorted({str(label) for label in labels if label not in known})
        if unknown:
            raise ValueError(
                f"y has labels that the model doesn't know: {', '.join(unknown[:10])}; it knows {list(known)}"
            )
        return np.array([known[label] for label in labels], dtype=np.int64)

    @available_if(_gives_probabilities)  # type: ignore[misc, untyped-decorator, unused-ignore]
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (rows, classes), in the order of `classes_`."""
        matrix = self._matrix(X)
        return cast("np.ndarray", self.estimator_.predict_proba(matrix))


class TableRegressor(RegressorMixin, _TableModel):  # type: ignore[misc]
    """Predicts quantities of a table's rows."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fit it on another sample of the same table. Raises: TypeError, ValueError: as Problem.of."""
        return self.train(self._check(Problem.of(X, y, "regression")))

    def predict(self, X: Any) -> np.ndarray:
        """Values, shape (rows,). Raises: TypeError, ValueError: X isn't the table it was trained on."""
        matrix = self._matrix(X)
        return cast("np.ndarray", self.estimator_.predict(matrix))


def model_for(problem: Problem, estimator: Any) -> TableClassifier | TableRegressor:
    """A model of a problem's kind, not yet fitted."""
    return TableRegressor(estimator) if problem.classes is None else TableClassifier(estimator)
