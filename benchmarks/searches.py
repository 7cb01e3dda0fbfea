"""What logging other people's fits and searches costs: the same with it and without, in turns.

Times are CPU of the thread that fits, of the quickest of several rounds, as other programs on the machine only add to
them. The estimator is as small as it gets (naive Bayes, 2,000 rows of 20), so a figure is nearly all logging; training
scores are scikit-learn's own predictions and metrics, and grow with the data. Of candidates only the logging is timed.

    python -m benchmarks.searches [--rounds 5]
"""

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from benchmarks.table import table
from tracker import ExperimentTracker

Job = Callable[[ExperimentTracker | None], object]
_FITS, _CANDIDATES, _TRIALS = 20, 100, 300


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows = []
    with tempfile.TemporaryDirectory() as folder, ExperimentTracker(folder, auto_log=False) as tracker:
        for name, (job, count) in {**_sklearn(), **_optuna()}.items():
            job(tracker)
            pairs = [(_seconds(job, None), _seconds(job, tracker)) for _ in range(rounds)]
            plain, logged = min(one for one, _ in pairs) / count, min(two for _, two in pairs) / count
            rows.append([name, f"{1e3 * plain:.2f}", f"{1e3 * (logged - plain):.2f}"])
    print(table(("what", "plain ms", "added ms"), rows))


def _seconds(job: Job, tracker: ExperimentTracker | None) -> float:
    start = time.thread_time()
    job(tracker)
    return time.thread_time() - start


def _sklearn() -> dict[str, tuple[Job, int]]:
    from sklearn.datasets import make_classification
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.naive_bayes import GaussianNB

    from tracker.integrations.sklearn import autolog, log_search

    X, y = make_classification(2000, 20, random_state=0)
    grid = {"var_smoothing": np.logspace(-9, 0, _CANDIDATES)}

    def logged(job: Callable[[], object], **wanted: bool) -> Job:
        def run(tracker: ExperimentTracker | None) -> None:
            with nullcontext() if tracker is None else autolog(tracker, **wanted):
                job()

        return run

    def fits() -> None:
        for _ in range(_FITS):
            GaussianNB().fit(X, y)

    bare: dict[str, bool] = {"log_models": False, "log_training_metrics": False}
    search = GridSearchCV(GaussianNB(), grid, cv=3).fit(X[:60], y[:60])

    def candidates(tracker: ExperimentTracker | None) -> None:
        if tracker is not None:
            log_search(search, tracker)

    return {
        "a fit: params, data, time": (logged(fits, **bare), _FITS),
        "a fit with training scores": (logged(fits, log_models=False), _FITS),
        "a fit with scores and model": (logged(fits), _FITS),
        "a fit inside of cross_val_score": (logged(lambda: cross_val_score(GaussianNB(), X, y, cv=_FITS)), _FITS),
        "a candidate of GridSearchCV, 3 folds": (candidates, _CANDIDATES),
    }


def _optuna() -> dict[str, tuple[Job, int]]:
    import optuna

    from tracker.integrations.optuna import OptunaCallback

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: Any) -> float:
        return float(trial.suggest_float("x", 0, 1))

    def study() -> Any:
        return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def told(tracker: ExperimentTracker | None) -> None:
        if tracker is None:
            study().optimize(objective, n_trials=_TRIALS)
            return
        with OptunaCallback(tracker) as callback:
            study().optimize(objective, n_trials=_TRIALS, callbacks=[callback])

    def tracked(tracker: ExperimentTracker | None) -> None:
        if tracker is None:
            study().optimize(objective, n_trials=_TRIALS)
            return
        with OptunaCallback(tracker) as callback:
            study().optimize(callback.track(objective), n_trials=_TRIALS)

    return {"a trial of Optuna, by the callback": (told, _TRIALS), "a trial of Optuna, tracked": (tracked, _TRIALS)}


if __name__ == "__main__":
    main()
