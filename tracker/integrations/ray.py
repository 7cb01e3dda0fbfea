"""Ray Tune: a callback by which each trial is a trial of a search, while it goes on.

    tune.Tuner(train, param_space=..., run_config=tune.RunConfig(callbacks=[TuneCallback(tracker, metric="accuracy")]))

Tune calls it in the process that called `fit`; the workers need not know of it.
"""

import threading
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

try:
    from ray.tune import Callback
    from ray.tune.experiment import Trial as TuneTrial
    from ray.tune.result import AUTO_RESULT_KEYS
except ImportError as error:
    raise ImportError("tracker.integrations.ray needs Ray Tune: pip install 'ray[tune]'") from error

from ingest.errors import WriterClosed
from tracker.automl.search import Search
from tracker.automl.trial import Trial
from tracker.experiment import ExperimentTracker
from tracker.integrations.faults import Faults
from tracker.integrations.joined import Joined
from tracker.integrations.tracebacks import error_of

__all__ = ["TuneCallback"]
_DIRECTIONS = {"max": "maximize", "min": "minimize", None: None}


class TuneCallback(Callback):  # type: ignore[misc]
    """Logs an experiment of Ray Tune: each trial a child run, each result its values at the training iteration.

    Args:
        tracker: its current run is logged to, else one is started, and ended with the experiment. None: a tracker by
            the environment (STEPLOG_DIR).
        metric: what is searched for; a trial's score is its last value, as Tune's get_best_result has it. Nested
            results are named with "/".
        mode: "max" or "min"; None: by the metric's name.
        algorithm: the name of the param that tells what is tried; None: the trainable's name.

    A trial that a scheduler stops early is complete, with the iteration that it came to as "training_iteration": Tune
    doesn't tell it from one that was done. What fails here is said once in the log "steplog", and ends no experiment.
    Raises: TypeError: tracker is none; metric is no text. ValueError: mode. WriterClosed.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        metric: str,
        mode: str | None = None,
        algorithm: str | None = None,
    ) -> None:
        if not isinstance(metric, str):
            raise TypeError(f"metric is the name of a result, not {type(metric).__name__}")
        if mode not in _DIRECTIONS:
            raise ValueError(f"mode is {mode!r}; it can be 'max', 'min', or None for by the metric's name")
        self._joined = Joined(tracker, run_name="ray.tune")
        if tracker is not None and not tracker.settings.disabled and tracker._pipeline.closed:  # noqa: SLF001
            raise WriterClosed("the tracker is closed; make a new ExperimentTracker")
        self._metric, self._mode, self._algorithm = metric, mode, algorithm
        self._budget: dict[str, object] = {}
        self._begin_empty()

    def setup(self, *, num_samples: int | None = None, total_num_samples: int | None = None, **_: Any) -> None:
        """Note the number of trials that are to come."""
        total = total_num_samples or num_samples
        self._budget = {"trials": total} if isinstance(total, int) and 0 < total < 10**9 else {}

    def on_trial_start(self, *, trial: TuneTrial, **_: Any) -> None:
        """Start a trial; one that goes on after a pause, or is tried again, stays the one it was."""
        with self._faults.kept("the start of a trial"):
            self._trial(trial)

    def on_trial_result(self, *, trial: TuneTrial, result: dict[str, Any], **_: Any) -> None:
        """Log a result."""
        with self._faults.kept("a result"):
            mine, values = self._trial(trial), _numbers(result)
            step = int(result.get("training_iteration", 0))
            if self._metric in values:
                mine.report(values.pop(self._metric), step)
            if values and mine.run_id != self._search_now().run_id:
                self._joined.tracker.log_metrics(values, step, run_id=mine.run_id)

    def on_trial_complete(self, *, trial: TuneTrial, **_: Any) -> None:
        """End a trial with its last value."""
        with self._faults.kept("the end of a trial"):
            mine = self._ended(trial)
            result = trial.last_result or {}
            values = _numbers(result)
            score = values.get(self._metric)
            if score is None:
                there = ", ".join(sorted(values)) or "nothing"
                mine.fail(f"no result has {self._metric!r}; there is: {there}", error_type="NoResult")
                return
            steps = {"training_iteration": float(result.get("training_iteration", 0))}
            mine.complete(score, fit_time_s=result.get("time_total_s"), metrics=steps)

    def on_trial_error(self, *, trial: TuneTrial, **_: Any) -> None:
        """Fail a trial with its error."""
        with self._faults.kept("a trial's error"):
            kind, message = error_of(_error_text(trial))
            self._ended(trial).fail(message, error_type=kind)

    def on_experiment_end(self, **_: Any) -> None:
        """End the search, and the run that was started here."""
        with self._lock:
            search, running = self._search, list(self._trials.values())
            self._begin_empty()
        status = "FINISHED"
        with self._faults.kept("the end of an experiment"):
            for trial in running:
                trial.fail("the experiment ended before the trial", error_type="Interrupted")
                status = "KILLED"
            if search is not None:
                search.end(stopped_by="interrupt" if running else "")
        with self._faults.kept("the end of a run"):
            self._joined.end(status)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_joined", "_metric", "_mode", "_algorithm", "_budget")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Tune saves its callbacks with an experiment, to go on with it in another process."""
        for name, value in state.items():
            setattr(self, name, value)
        self._begin_empty()

    def _begin_empty(self) -> None:
        self._lock = threading.RLock()
        self._faults = Faults("TuneCallback")
        self._search: Search | None = None
        self._trials: dict[str, Trial] = {}
        """Those that go on, by Tune's id."""

    def _search_now(self) -> Search:
        with self._lock:
            if self._search is None:
                run_id = self._joined.begin()
                self._search = Search(
                    self._joined.tracker,
                    self._metric,
                    direction=_DIRECTIONS[self._mode],  # type: ignore[arg-type]
                    engine="ray.tune",
                    budget=self._budget,
                    run_id=run_id,
                )
            return self._search

    def _trial(self, trial: TuneTrial) -> Trial:
        with self._lock:
            known = self._trials.get(trial.trial_id)
            if known is None:
                algorithm = trial.config.get(self._algorithm) if self._algorithm else None
                name, tags = str(algorithm or trial.trainable_name), {"ray.trial_id": trial.trial_id}
                known = self._search_now().start_trial(name, trial.config, tags=tags)
                self._trials[trial.trial_id] = known
            return known

    def _ended(self, trial: TuneTrial) -> Trial:
        """Give a trial that is over, and forget it; its config may have changed on the way (PBT)."""
        mine = self._trial(trial)
        with self._lock:
            del self._trials[trial.trial_id]
        if mine.run_id != self._search_now().run_id:
            with self._faults.kept("a trial's config"):  # the trial is over all the same
                self._joined.tracker.log_params(trial.config, run_id=mine.run_id)
        return mine


def _error_text(trial: TuneTrial) -> str:
    """The traceback that Tune has written for a trial that failed."""
    file = trial.error_file
    if file is None or not Path(file).is_file():
        return "TuneError: Tune has written no error of it"
    return Path(file).read_text(encoding="utf-8", errors="replace")


def _numbers(result: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """What is a number in a result, without what Tune adds by itself."""
    found: dict[str, float] = {}
    for name, value in result.items():
        if not prefix and (name in AUTO_RESULT_KEYS or name in {"config", "experiment_tag", "checkpoint_dir_name"}):
            continue
        if isinstance(value, Mapping):
            found |= _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, Real):
            found[f"{prefix}{name}"] = float(value)
    return found
