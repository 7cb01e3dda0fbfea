"""A study of real random forests: the run of "Basic Experiment Tracking", and more with other hyperparameters.

What the specification's comparisons and analyses are run on. The data is that of the basic example; the hyperparameters
are drawn at random, by a seed.
"""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from tracker import ExperimentTracker

BASIC = Path(__file__).parent / "spec" / "basic_experiment_tracking.py"


def forest_study(runs: int, seed: int = 0) -> ExperimentTracker:
    """Run the basic example in this process, then so many runs more with its tracker; gives the tracker."""
    basic = runpy.run_path(str(BASIC))
    tracker: ExperimentTracker = basic["tracker"]
    rng = np.random.default_rng(seed)
    for number in range(runs):
        params = {
            "n_estimators": int(rng.integers(2, 40)),
            "max_depth": int(rng.integers(1, 12)),
            "min_samples_split": int(rng.integers(2, 30)),
        }
        one_run(tracker, f"rf_{number}", params, basic)
    return tracker


def one_run(tracker: ExperimentTracker, name: str, params: dict[str, int], basic: dict[str, Any]) -> None:
    """Train a forest and log it, as the basic example does."""
    tracker.start_run(run_name=name)
    tracker.log_params(params)
    model = RandomForestClassifier(**params, random_state=42).fit(basic["X_train"], basic["y_train"])
    accuracy = model.score(basic["X_test"], basic["y_test"])
    train_accuracy = model.score(basic["X_train"], basic["y_train"])
    tracker.log_metrics({"accuracy": accuracy, "train_accuracy": train_accuracy, "test_accuracy": accuracy})
    tracker.end_run()
