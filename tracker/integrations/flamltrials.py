"""AutoMLLog: what FLAML's AutoML tried, as trials of a search; and Watching, which is told of each while it goes on.

FLAML has no callback. All that it tries passes through `SearchState.update`, one state for each estimator, with the
result of the trial; that is where Watching listens, as long as somebody watches.
"""

import functools
import math
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flaml import AutoML
from flaml.automl.state import SearchState

from tracker.automl.search import Search
from tracker.automl.trial import Trial
from tracker.experiment import ExperimentTracker
from tracker.integrations.faults import Faults

METRIC = "val_loss"
_FROM_ONE = frozenset(
    {
        "accuracy",
        "ap",
        "f1",
        "macro_f1",
        "micro_f1",
        "ndcg",
        "r2",
        *(f"roc_auc{way}" for way in ("", "_ovo", "_ovo_weighted", "_ovr", "_ovr_weighted", "_weighted")),
    }
)
"""Metrics of which FLAML's loss is one minus the score."""
_OWN_PARAMS = ("FLAML_sample_size", "learner", "_choice_")


class Tried(NamedTuple):
    """A configuration that was tried."""

    estimator: str
    config: Mapping[str, Any]
    loss: float
    wall_clock_s: float
    """When it was over, since the beginning of the fit."""
    took_s: float
    predict_s: float | None = None
    """Seconds that a row's prediction took."""
    sample_size: int | None = None


class AutoMLLog:
    """Logs what an AutoML tried.

    Args:
        automl: fitted, or being fitted.
        tracker, run_id: where to; the run is active.
    """

    def __init__(self, automl: AutoML, tracker: ExperimentTracker, run_id: str) -> None:
        self._automl, self._tracker, self._run_id = automl, tracker, run_id
        self._best: tuple[float, Trial] | None = None
        self.search: Search | None = None
        """Made with the first trial: only then FLAML knows its metric."""

    def log(self, tried: Tried) -> None:
        """Log a trial that has ended."""
        search = self.search or self._start()
        state, ended = self._automl._state, self._moment(tried.wall_clock_s)  # noqa: SLF001 - nothing public tells
        params = {name: value for name, value in _flat(tried.config).items() if name not in _OWN_PARAMS}
        metric = state.metric if isinstance(state.metric, str) else ""
        valid = math.isfinite(tried.loss)
        others = {metric: 1.0 - tried.loss} if valid and metric in _FROM_ONE else {}
        if tried.predict_s is not None:
            others["predict_time_per_row_s"] = float(tried.predict_s)
        trial = search.log_trial(
            tried.estimator,
            params,
            float(tried.loss) if valid else None,
            state="complete" if valid else "failed",
            fit_time_s=tried.took_s,
            metrics=others,
            error=None
            if valid
            else f"FLAML gave it the loss {tried.loss}: it was over a limit, or could not be fitted",
            error_type="NoLoss",
            tags={} if tried.sample_size is None else {"sample_size": int(tried.sample_size)},
            start_time=ended - timedelta(seconds=tried.took_s),
            end_time=ended,
        )
        if valid and (self._best is None or tried.loss < self._best[0]):
            self._best = float(tried.loss), trial

    def end(self, error: BaseException | None = None) -> None:
        """Log the best trial, and that the search is over."""
        automl = self._automl
        if self.search is None and not hasattr(automl, "_start_time_flag"):
            return
        search = self.search or self._start()  # with max_iter=1 nothing is searched
        best = getattr(automl, "_best_estimator", None)
        if best is not None and automl.best_config is not None and math.isfinite(automl.best_loss):
            mine = self._best is not None and math.isclose(self._best[0], automl.best_loss)
            params = {name: value for name, value in _flat(automl.best_config).items() if name not in _OWN_PARAMS}
            search.log_selection(
                best, params, float(automl.best_loss), trial=self._best[1] if mine and self._best else None
            )
        spent = {"time_s": float(automl._state.time_from_start)}  # noqa: SLF001
        search.end(stopped_by=_stopped_by(automl, error), spent=spent)

    def _start(self) -> Search:
        automl = self._automl
        state = automl._state  # noqa: SLF001
        size = getattr(state, "data_size", None)
        folds = getattr(getattr(state, "kf", None), "n_splits", None)
        metric = state.metric if isinstance(state.metric, str) else getattr(state.metric, "__name__", "custom")
        seed = getattr(automl, "_seed", None)
        budget = {"time_s": state.time_budget, "trials": getattr(automl, "_max_iter", None)}
        self.search = Search(
            self._tracker,
            METRIC,
            direction="minimize",
            task=str(getattr(state.task, "name", state.task)),
            engine="flaml",
            algorithms=automl.estimator_list,
            budget={name: limit for name, limit in budget.items() if limit is not None and 0 < limit < 10**6},
            seed=seed if isinstance(seed, int) else None,
            cross_validation={"method": state.eval_method, "metric": metric, **({"folds": folds} if folds else {})},
            data={} if not size else {"rows": int(size[0]), "columns": int(size[1])},
            run_id=self._run_id,
            start_time=self._moment(0),
        )
        return self.search

    def _moment(self, wall_clock_s: float) -> datetime:
        return datetime.fromtimestamp(self._automl._start_time_flag + wall_clock_s, UTC)  # noqa: SLF001


class Watching:
    """Tells of each trial of one AutoML.

    Args:
        call: is called with each, in the thread of the fit.
    """

    def __init__(self, automl: AutoML, call: Callable[[Tried], object]) -> None:
        self._automl, self._call = automl, call
        self._faults = Faults("flaml.watch")

    def begin(self) -> None:
        """Listen from now on."""
        with _listeners.lock:
            if not _listeners.watching:
                _listeners.original = SearchState.update
                SearchState.update = _heard(SearchState.update)
            _listeners.watching.append(self)

    def end(self) -> None:
        """Listen no more; twice is once."""
        with _listeners.lock:
            if self in _listeners.watching:
                _listeners.watching.remove(self)
                if not _listeners.watching:
                    SearchState.update = _listeners.original

    def hear(self, state: SearchState, result: Mapping[str, Any]) -> None:
        """Tell of a result, if it is of this AutoML."""
        with self._faults.kept("a trial"):
            states: Mapping[str, SearchState] = getattr(self._automl, "_search_states", {})
            estimator = next((name for name, one in states.items() if one is state), None)
            if estimator is not None:
                self._call(_tried(estimator, result))


class _Listeners:
    """Who listens in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watching: list[Watching] = []
        self.original: Any = None


_listeners = _Listeners()


def _heard(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def update(self: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        heard = dict(result) if result else None  # the original takes the model out of it
        gave = original(self, result, *args, **kwargs)
        for one in list(_listeners.watching) if heard else ():
            one.hear(self, heard or {})
        return gave

    return update


def _tried(estimator: str, result: Mapping[str, Any]) -> Tried:
    config = dict(result.get("config") or {})
    return Tried(
        estimator,
        config,
        float(result["val_loss"]),
        float(result["wall_clock_time"]),
        float(result.get("time_total_s") or 0.0),
        result.get("pred_time"),
        config.get("FLAML_sample_size"),
    )


def best_of_each(automl: AutoML) -> list[Tried]:
    """The best trial of each estimator, which is what a fitted AutoML keeps."""
    states: Mapping[str, Any] = automl._search_states  # noqa: SLF001
    return [_tried(name, state.best_result) for name, state in states.items() if getattr(state, "best_result", None)]


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration; where the estimators are searched together FLAML has it under "ml"."""
    inner = config.get("ml", config)
    return dict(inner if isinstance(inner, Mapping) else config)


def _stopped_by(automl: AutoML, error: BaseException | None) -> str:
    if error is not None:
        return "interrupt" if isinstance(error, KeyboardInterrupt) else "error"
    budget = automl._state.time_budget  # noqa: SLF001
    return "time" if 0 < budget <= automl._state.time_from_start else "trials"  # noqa: SLF001
