"""FLAML: each configuration that its AutoML tries as a trial, while it goes on, or read out of what it leaves.

    with watch(automl, tracker):                          live, each trial with its times
        automl.fit(X, y, task="classification", time_budget=60)

    log_automl(automl, tracker, log_file="flaml.log")     afterwards: what its log has (fit with log_type="all"),
                                                          without one the best of each estimator
    log_tune(flaml.tune.run(...), tracker)                what flaml.tune tried

FLAML minimizes a loss (1 - roc_auc, log_loss, ...): the metric is "val_loss"; where it is one minus a score, that score
is there, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from numbers import Real
from types import TracebackType
from typing import Any, Self, cast

try:
    from flaml import AutoML
    from flaml.automl.training_log import training_log_reader
    from flaml.tune.tune import ExperimentAnalysis  # where ray is installed it derives from ray's
except ImportError as error:
    raise ImportError("tracker.integrations.flaml needs FLAML: pip install 'flaml[automl]'") from error

from ingest.errors import WriterClosed
from tracker.automl.search import Search
from tracker.experiment import ExperimentTracker
from tracker.integrations.faults import Faults
from tracker.integrations.flamltrials import AutoMLLog, Tried, Watching, best_of_each
from tracker.integrations.joined import Joined
from tracker.run import status_after

__all__ = ["WatchedAutoML", "log_automl", "log_tune", "watch"]


def watch(automl: AutoML, tracker: ExperimentTracker | None = None) -> "WatchedAutoML":
    """Log each trial of an AutoML that is fitted in a `with` block, as soon as it has ended.

    Args:
        automl: not fitted yet, or to be fitted again.
        tracker: its current run is logged to, else one is started and ended. None: a tracker by the environment.

    Where FLAML runs trials in parallel (n_concurrent_trials, Spark), it tells of them when all have ended.
    Raises: TypeError: no AutoML, no tracker. WriterClosed. At the block's end: ValueError: nothing was fitted in it.
    """
    return WatchedAutoML(automl, tracker)


class WatchedAutoML:
    """An AutoML that is watched while it is fitted."""

    def __init__(self, automl: AutoML, tracker: ExperimentTracker | None) -> None:
        _check(automl, AutoML, "flaml.AutoML")
        self._joined = _joined(tracker, "flaml.AutoML")
        self._automl = automl
        self._before = getattr(automl, "_start_time_flag", None)
        self._watching: Watching | None = None
        self._log: AutoMLLog | None = None

    @property
    def search(self) -> Search | None:
        """The search as it is logged; None before the first trial has ended."""
        return None if self._log is None else self._log.search

    def __enter__(self) -> Self:
        run_id = self._joined.begin()
        self._log = AutoMLLog(self._automl, self._joined.tracker, run_id)
        self._watching = Watching(self._automl, self._log.log)
        self._watching.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log, watching = self._log, self._watching
        if log is None or watching is None:
            return
        watching.end()
        fitted = getattr(self._automl, "_start_time_flag", None) != self._before
        with Faults("flaml.watch").kept("the end of a search"):  # what was fitted is not lost with its log
            log.end(error)
        self._joined.end(status_after(error) if fitted or error is not None else "FAILED")
        if error is None and not fitted:
            raise ValueError("this AutoML was not fitted in the block: call its fit there")


def log_automl(
    automl: AutoML, tracker: ExperimentTracker | None = None, *, log_file: str | os.PathLike[str] | None = None
) -> Search:
    """Log a fitted AutoML.

    Args:
        automl: fitted.
        tracker: its current run is logged to, else one is started and ended. None: a tracker by the environment.
        log_file: what fit was given as log_file_name. With log_type="all" it has every trial, else those that were
            better than the ones before. None: only the best trial of each estimator is known.

    Returns: the search as it is logged; it is ended.
    Raises: ValueError: not fitted; no trial in the file. FileNotFoundError. TypeError. WriterClosed.
    """
    _check(automl, AutoML, "flaml.AutoML")
    if getattr(automl, "_best_estimator", None) is None:
        raise ValueError("this AutoML isn't fitted: call its fit first")
    trials = best_of_each(automl) if log_file is None else _read(os.fspath(log_file))
    joined = _joined(tracker, "flaml.AutoML")
    with _ended(joined) as run_id:
        log = AutoMLLog(automl, joined.tracker, run_id)
        for tried in trials:
            log.log(tried)
        log.end()
    return cast("Search", log.search)


def log_tune(
    analysis: ExperimentAnalysis,
    tracker: ExperimentTracker | None = None,
    *,
    metric: str | None = None,
    mode: str | None = None,
    algorithm: str = "flaml.tune",
) -> Search:
    """Log what flaml.tune.run tried.

    Args:
        analysis: what it returned.
        tracker: its current run is logged to, else one is started and ended. None: a tracker by the environment.
        metric, mode: what is searched for, and "min" or "max"; None: as of tune.run.
        algorithm: what was tried, for the leaderboard; or the name of the param that tells it.

    Returns: the search as it is logged; it is ended.
    Raises: ValueError: no metric, no trial, or none that has it. TypeError. WriterClosed.
    """
    _check(analysis, ExperimentAnalysis, "what flaml.tune.run returns")
    metric, mode = metric or analysis.default_metric, mode or analysis.default_mode
    if metric is None or mode not in {"min", "max"}:
        raise ValueError(f"say metric= and mode= (min, max): tune.run was given {metric!r} and {mode!r}")
    results = [trial.last_result or {} for trial in analysis.trials]
    if not any(metric in result for result in results):
        there = sorted({name for result in results for name, value in result.items() if _is_number(value)})
        raise ValueError(f"no trial has {metric!r}; there is: {', '.join(there) or 'no result'}")
    joined = _joined(tracker, "flaml.tune")
    with _ended(joined) as run_id:
        starts = [trial.start_time for trial in analysis.trials if trial.start_time]
        search = Search(
            joined.tracker,
            metric,
            direction="minimize" if mode == "min" else "maximize",
            engine="flaml.tune",
            run_id=run_id,
            start_time=_moment(min(starts, default=None)),
        )
        for trial in analysis.trials:
            _log_tuned(search, trial, algorithm)
        search.end(stopped_by="trials")
    return search


def _log_tuned(search: Search, trial: Any, algorithm: str) -> None:
    result, config = trial.last_result or {}, dict(trial.config or {})
    numbers = {name: float(value) for name, value in result.items() if "/" not in name and _is_number(value)}
    score = numbers.pop(search.metric, None)
    valid = score is not None and score == score  # noqa: PLR0124 - not NaN
    search.log_trial(
        str(config.get(algorithm, algorithm)),
        config,
        score if valid else None,
        state="complete" if valid else "failed",
        fit_time_s=numbers.pop("time_total_s", None),
        metrics={name: value for name, value in numbers.items() if name != "training_iteration"},
        error=None if valid else f"the trial is {trial.status} and has no {search.metric}",
        error_type="NoResult",
        tags={"flaml.trial_id": trial.trial_id},
        start_time=_moment(trial.start_time),
        end_time=_moment(trial.last_update_time),
    )


def _read(log_file: str) -> list[Tried]:
    with training_log_reader(log_file) as reader:
        found = [
            Tried(
                record.learner,
                record.config,
                record.validation_loss,
                record.wall_clock_time,
                record.trial_time,
                sample_size=record.sample_size,
            )
            for record in reader.records()
        ]
    if not found:
        raise ValueError(f"{log_file!r} has no trial: give fit log_file_name= and log_type='all'")
    return found


@contextmanager
def _ended(joined: Joined) -> Iterator[str]:
    """The run that is logged to, ended with the block if it was started here."""
    status = "FAILED"
    try:
        yield joined.begin()
        status = "FINISHED"
    finally:
        joined.end(status)


def _joined(tracker: ExperimentTracker | None, name: str) -> Joined:
    joined = Joined(tracker, run_name=name)
    if tracker is not None and not tracker.settings.disabled and tracker._pipeline.closed:  # noqa: SLF001
        raise WriterClosed("the tracker is closed; make a new ExperimentTracker")
    return joined


def _check(given: object, kind: type, what: str) -> None:
    if not isinstance(given, kind):
        raise TypeError(f"{type(given).__name__} isn't {what}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
