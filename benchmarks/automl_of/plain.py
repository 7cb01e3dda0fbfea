"""Plain baselines: one fit with scikit-learn's defaults, no search."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.automl_of.contract import DATA


@dataclass(frozen=True)
class Plain:
    """Codes for categories, which both take as numbers; missing cells as they are."""

    name: str
    kind: str
    requirements: tuple[str, ...] = DATA
    settings: str = "defaults, one fit; categories as codes"

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing to set."""
        return {}

    def load(self) -> None:
        """Import the models."""
        import sklearn.compose
        import sklearn.ensemble  # noqa: F401

    def fit(self, X: Any, y: Any, *, task: str, metric: str, budget_s: float, seed: int, folder: Path) -> Any:  # noqa: ARG002
        """Fit."""
        import numpy as np
        from sklearn import ensemble
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        made = getattr(ensemble, self.kind + ("Regressor" if task == "regression" else "Classifier"))
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        texts = make_column_selector(dtype_exclude="number")
        columns = make_column_transformer((codes, texts), remainder="passthrough")
        return make_pipeline(columns, made(random_state=seed)).fit(X, y)

    def predict(self, model: Any, X: Any, task: str) -> Any:
        """Probabilities or quantities."""
        return model.predict(X) if task == "regression" else model.predict_proba(X)

    def chosen(self, model: Any) -> str:  # noqa: ARG002
        """Itself."""
        return self.name


TOOLS = {
    "histogram_boosting": Plain("histogram_boosting", "HistGradientBoosting"),
    "random_forest": Plain("random_forest", "RandomForest"),
}
