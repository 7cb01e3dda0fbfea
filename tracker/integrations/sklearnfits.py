"""FitLog: each fit of an estimator as a run: params, training data, time, training scores, the fitted model.

A fit logs to the tracker's current run; a second one there gets a nested run, so that no params are mixed; where no run
is active one is started, and ended. Whatever fails here is said once and leaves the fit as it was: what `fit` returns
or raises goes through untouched.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline

from tracker.experiment import ExperimentTracker
from tracker.integrations.faults import Faults
from tracker.integrations.joined import Joined
from tracker.integrations.sklearncandidates import last_step
from tracker.integrations.sklearndata import FitData
from tracker.integrations.sklearnscores import TrainingScores
from tracker.integrations.sklearnsearches import SearchLog
from tracker.run import status_after

_LONGEST_ARRAY = 16
"""Values of an array that is a param; of a longer one its type and shape are logged."""


class FitLog:
    """Logs fits: what tracker.integrations.sklearnpatches asks.

    Args:
        tracker: where to; None for one by the environment, made at the first fit.
        models: log the fitted models.
        datasets: log rows, columns, classes, and a hash of what is fitted to.
        training_metrics: score the fitted models on it.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None,
        *,
        models: bool = True,
        datasets: bool = True,
        training_metrics: bool = True,
    ) -> None:
        self.models = models
        self.datasets = datasets
        self.training_metrics = training_metrics
        self.faults = Faults("sklearn.autolog")
        self._joined = Joined(tracker)
        self._given = tracker
        self._made_here: ExperimentTracker | None = None
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        """Runs that others have started and that have the params of a fit."""
        self._own: dict[str, str | None] = {}
        """Runs that were started for a fit that goes on, with their parents."""

    def fit(self, fit: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a fit, and log it where it is one that makes a model."""
        record = None
        with self.faults.kept("the start of a fit"):
            record = self._begin(fit, estimator, args, kwargs)
        if record is None:
            return fit(estimator, *args, **kwargs)
        try:
            result = fit(estimator, *args, **kwargs)
        except BaseException as error:
            record.end(error)
            raise
        record.end(None)
        return result

    def close(self) -> None:
        """Close a tracker that was made here."""
        if self._made_here is not None:
            self._made_here.close()

    def _begin(
        self, fit: Callable[..., Any], estimator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> "_FitRecord | None":
        if not _makes_a_model(estimator):
            return None
        with self._lock:
            tracker = self._joined.tracker
            if tracker is not self._given:
                self._made_here = tracker
        if tracker.settings.disabled:
            return None
        try:
            data = FitData.of(fit, (estimator, *args), kwargs)
        except TypeError:  # the fit will say so
            return None
        return _FitRecord(self, self._run(tracker, type(estimator).__name__), estimator, data)

    def _run(self, tracker: ExperimentTracker, name: str) -> "_FitRun":
        with self._lock:
            parent = tracker.active_run()
            while parent in self._own:  # the process-wide run is that of a fit in another thread
                parent = self._own[parent]
            if parent is not None and parent not in self._taken:
                self._taken.add(parent)
                return _FitRun(tracker, parent, own=False)
            nested = parent is not None and parent == tracker.active_run()
            run_id = str(tracker.start_run(name, nested=nested, parent=parent))
            self._own[run_id] = parent
        return _FitRun(tracker, run_id, own=True)

    def end_run(self, run: "_FitRun", status: str) -> None:
        """End the run of a fit, if it is the fit's own."""
        if run.own:
            try:
                run.tracker.end_run(status, run_id=run.run_id)
            finally:
                self._own.pop(run.run_id, None)


class _FitRun(NamedTuple):
    """The run of a fit."""

    tracker: ExperimentTracker
    run_id: str
    own: bool
    """Whether it is ended with the fit."""


class _FitRecord:
    """The log of one fit."""

    def __init__(self, log: FitLog, run: _FitRun, estimator: Any, data: FitData) -> None:
        self._tracker, self._run_id, self._run = run.tracker, run.run_id, run
        self._log, self._estimator, self._data = log, estimator, data
        self._search: SearchLog | None = None
        self._described: dict[str, object] = {}
        with log.faults.kept("a fit's params"):
            self._tell_params()
        if log.datasets:
            with log.faults.kept("a fit's data"):
                self._described = data.described(classification=is_classifier(estimator))
                self._tracker.set_tags({"data": self._described}, run_id=self._run_id)
        if isinstance(estimator, BaseSearchCV):
            with log.faults.kept("the start of a search"):
                search = SearchLog(estimator, self._tracker, self._run_id, data=self._described)
                search.begin()
                self._search = search
        self._began = time.perf_counter()

    def end(self, error: BaseException | None) -> None:
        """Log what came of it."""
        seconds = time.perf_counter() - self._began
        kept = self._log.faults.kept
        if self._search is not None:
            with kept("a search's candidates"):
                self._search.end(error)
        with kept("a fit's end"):
            if error is None:
                self._tracker.log_metrics({"fit_time_s": seconds}, run_id=self._run_id)
                self._finished()
            else:
                told = {"error_type": type(error).__name__, "error": str(error)[:500]}
                self._tracker.set_tags(told, run_id=self._run_id)
        with kept("the end of a run"):
            self._log.end_run(self._run, status_after(error))

    def _tell_params(self) -> None:
        kind = type(self._estimator)
        tags = {
            "autolog": "sklearn",
            "estimator_name": kind.__name__,
            "estimator_class": f"{kind.__module__}.{kind.__qualname__}",
        }
        self._tracker.set_tags(tags, run_id=self._run_id)
        self._tracker.log_params(shown_params(self._estimator), run_id=self._run_id)

    def _finished(self) -> None:
        """Log the best params, the training scores, the model."""
        fitted: Any = self._estimator
        if self._search is not None:
            fitted = getattr(fitted, "best_estimator_", None)
            self._log_best()
        if fitted is None:
            return
        if self._log.training_metrics:
            with self._log.faults.kept("a fit's training scores"):
                scores = TrainingScores.of(fitted, self._data)
                self._tracker.log_metrics(scores.values, run_id=self._run_id)
                if scores.left_out:
                    self._tracker.set_tags({"left_out": scores.left_out}, run_id=self._run_id)
        if self._log.models:
            with self._log.faults.kept("a fit's model"):
                self._tracker.log_model(fitted, last_step(fitted), run_id=self._run_id)

    def _log_best(self) -> None:
        search = self._estimator
        best = {f"best_{name}": shown(value) for name, value in getattr(search, "best_params_", {}).items()}
        self._tracker.log_params(best, run_id=self._run_id)
        score = getattr(search, "best_score_", None)
        if score is not None:
            self._tracker.log_metrics({"best_cv_score": float(score)}, run_id=self._run_id)


def shown_params(estimator: Any) -> dict[str, object]:
    """An estimator's params and those of its parts, as "part__param"; a part itself by the name of its class."""
    params = estimator.get_params(deep=True)
    return {name: shown(value) for name, value in params.items() if not _holds_parts(value)}


def shown(value: Any) -> object:
    """A param as it is logged."""
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and int(np.prod(shape)) > _LONGEST_ARRAY:
        return f"{type(value).__name__}{shape}"
    return value


def _holds_parts(value: Any) -> bool:
    """Whether it is the list of a pipeline's steps, or the like: each has a name of its own among the params."""
    if not isinstance(value, list | tuple):
        return False
    return any(isinstance(part, BaseEstimator) or _holds_parts(part) for part in value)


def _makes_a_model(estimator: Any) -> bool:
    """Whether its fit is worth a run: a scaler's or an encoder's isn't."""
    return isinstance(estimator, Pipeline | BaseSearchCV) or any(
        hasattr(estimator, method) for method in ("predict", "fit_predict")
    )
