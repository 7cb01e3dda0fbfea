"""Ours, with a tracker that logs the whole search, as it is meant to be used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.automl_of.contract import COMMON


class Steplog:
    """The engine with its defaults."""

    name = "steplog"
    requirements = (".", *COMMON, "optuna==5.0.0")
    settings = "defaults, each trial logged by an AutoMLTracker(auto_log=False); log_model=False, as no peer saves one"
    environment: Mapping[str, str] = {}

    def load(self) -> None:
        """Import the engine and what it may use."""
        import lightgbm  # noqa: F401
        import xgboost  # noqa: F401

        import tracker.training.engine
        import tracker.training.tpe  # noqa: F401

    def fit(self, X: Any, y: Any, *, task: str, metric: str, budget_s: float, seed: int, folder: Path) -> Any:
        """Fit, tracked into `folder`."""
        from tracker import AutoMLTracker, MLTrainingEngine

        with AutoMLTracker(output_dir=folder, experiment_name="bench", auto_log=False) as tracker:
            engine = MLTrainingEngine(
                tracker,
                enable_automl=True,
                task=task,
                metric=metric,
                time_budget_s=budget_s,
                seed=seed,
                progress=False,
                log_model=False,
            )
            engine.fit(X, y)
        return engine

    def predict(self, model: Any, X: Any, task: str) -> Any:
        """Probabilities or quantities."""
        return model.predict(X) if task == "regression" else model.predict_proba(X)

    def chosen(self, model: Any) -> str:
        """The ensemble's size, or the algorithm; and how many were tried."""
        results = model.results_
        made_of = (
            f"{results.ensemble_method} of {len(results.ensemble)}" if results.ensemble else results.best_algorithm
        )
        return f"{made_of}, {len(results.trials)} trials"


TOOLS = {"steplog": Steplog()}
