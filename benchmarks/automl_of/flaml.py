"""FLAML (Wang, Wu, Weimer & Zhu 2021), as its documentation says; with and without its stacking."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.automl_of.contract import COMMON

_TASKS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}


@dataclass(frozen=True)
class Flaml:
    """Its defaults, but for one thread, and the ensemble."""

    name: str
    settings: str
    ensemble: bool
    requirements: tuple[str, ...] = ("flaml==2.7.0", "flaml[automl]==2.7.0", *COMMON)

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing to set."""
        return {}

    def load(self) -> None:
        """Import it; it brings what it may use."""
        import flaml.automl  # noqa: F401

    def fit(self, X: Any, y: Any, *, task: str, metric: str, budget_s: float, seed: int, folder: Path) -> Any:  # noqa: ARG002
        """Fit."""
        from flaml import AutoML

        model = AutoML()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(
                X,
                y,
                task=_TASKS[task],
                metric=metric,
                time_budget=budget_s,
                n_jobs=1,
                seed=seed,
                ensemble=self.ensemble,
                verbose=0,
            )
        return model

    def predict(self, model: Any, X: Any, task: str) -> Any:
        """Probabilities or quantities."""
        return model.predict(X) if task == "regression" else model.predict_proba(X)

    def chosen(self, model: Any) -> str:
        """Its best learner."""
        return str(model.best_estimator)


TOOLS = {
    "flaml": Flaml("flaml", "defaults, metric and time_budget given, n_jobs=1", ensemble=False),
    "ensemble": Flaml("flaml_ensemble", "likewise, ensemble=True", ensemble=True),
}
