"""Diagnostics: confusion matrix, feature importance, learning curve, each stored as numbers and as a picture of them.

The numbers are what counts: `<name>.json` can be loaded and compared, `<name>.png` is drawn from it (readers.figures).
Both are made before either is stored, so what can't be computed leaves nothing behind.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingest.paths import check_path
from readers.figures.diagnostics import confusion_matrix_figure, feature_importance_figure, learning_curve_figure
from readers.figures.style import png
from tracker.confusion import confusion
from tracker.encoding import encode_json
from tracker.facade import Facade
from tracker.featureimportance import feature_importance
from tracker.mediatypes import suffix

TRAIN_SIZES = (0.1, 0.325, 0.55, 0.775, 1.0)
"""Shares of the training rows at which a learning curve is measured."""


class DiagnosticLogging(Facade):
    """The diagnostic methods of the tracker."""

    def log_confusion_matrix(
        self,
        y_true: object,
        y_pred: object,
        labels: Sequence[object] | None = None,
        name: str = "confusion_matrix",
        normalize: bool = False,
        *,
        display_labels: Iterable[object] | None = None,
        run_id: str | None = None,
    ) -> None:
        """Count how often each true class was taken for each other.

        Args:
            y_true, y_pred: labels, one a row; numbers or text.
            labels: classes to count, in the order to show them; default: all that occur, sorted.
            name: of the two artifacts, without a suffix.
            normalize: show shares of the true class instead of counts in the picture; the numbers hold both.
            display_labels: names of the classes for the picture, in the order of labels, as scikit-learn's
                ConfusionMatrixDisplay takes them (`iris.target_names`); the numbers hold both.

        Raises: ValueError: empty, unequal or many-columned input, missing labels, more than 1,000 classes, or another
            number of display_labels.
        """
        if self._disabled:
            return
        counted = confusion(y_true, y_pred, labels)
        shown = counted.shown_as(display_labels)
        numbers = {
            "labels": counted.labels,
            "display_labels": shown,
            "matrix": counted.matrix,
            "shares": counted.shares(),
            "accuracy": counted.accuracy,
            "rows": int(counted.matrix.sum()),
            "left_out": counted.left_out,
        }
        figure = confusion_matrix_figure(counted.matrix, shown, normalize=normalize)
        self._keep_both(name, numbers, figure, run_id)

    def log_feature_importance(
        self,
        model: object,
        feature_names: Sequence[object] | None = None,
        X: object = None,
        y: object = None,
        name: str = "feature_importance",
        *,
        run_id: str | None = None,
    ) -> None:
        """Record what each feature counts in a fitted model.

        Of trees their feature_importances_, of linear models the size of coef_ (mean over the classes), of a search its
        best model, of a pipeline its last step. Of anything else permutation importance, measured on X and y.

        Raises: ValueError: names of the wrong number, or the model tells nothing and X and y are missing.
        """
        if self._disabled:
            return
        found = feature_importance(model, feature_names, X, y)
        numbers = {
            "method": found.method,
            "features": found.names,
            "importances": found.importances,
            "spread": found.spread,
        }
        figure = feature_importance_figure(
            found.names, found.importances, found.spread, method=found.method, never_negative=found.never_negative
        )
        self._keep_both(name, numbers, figure, run_id)

    def log_learning_curve(  # noqa: PLR0917 - the order is scikit-learn's
        self,
        model: object,
        X: object,
        y: object,
        cv: Any = 5,
        train_sizes: Sequence[float] = TRAIN_SIZES,
        scoring: Any = None,
        name: str = "learning_curve",
        *,
        run_id: str | None = None,
    ) -> None:
        """Measure how the score grows with the number of training rows; the model itself is left as it is.

        Trains len(train_sizes) x cv copies of the model, here and now, on shuffled rows (seed 0): the first rows of a
        sorted data set would be of one class.

        Args:
            model: an estimator as scikit-learn's; fitted or not.
            X, y: the rows.
            cv: folds, or a splitter.
            train_sizes: shares in (0, 1], or numbers of rows.
            scoring: as scikit-learn's; default: the model's own score.

        Raises: ValueError: no fold could be scored; as scikit-learn's.
        """
        if self._disabled:
            return
        import numpy as np
        from sklearn.model_selection import learning_curve

        sizes, train, test = learning_curve(
            model, X, y, cv=cv, train_sizes=np.asarray(train_sizes), scoring=scoring, shuffle=True, random_state=0
        )[:3]
        if not np.isfinite(test).any():
            raise ValueError(
                f"no fold of the learning curve of {type(model).__name__} could be scored; see the warnings"
            )
        label = scoring if isinstance(scoring, str) else "score"
        numbers = {"scoring": label, "train_sizes": sizes, "train_scores": train, "test_scores": test}
        self._keep_both(name, numbers, learning_curve_figure(sizes, train, test, scoring=label), run_id)

    def _keep_both(self, name: str, numbers: Mapping[str, object], figure: Any, run_id: str | None) -> None:
        """Store the numbers and their picture."""
        run = self._run(run_id)
        check_path(name)
        stem = name.removesuffix(suffix(name)) if suffix(name) in {".png", ".json"} else name
        content = encode_json(numbers, f"{stem}.json")
        picture = png(figure)
        self._keep(run, f"{stem}.json", content.data, content.kind)
        self._keep(run, f"{stem}.png", picture, "figure")
