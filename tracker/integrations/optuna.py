"""Optuna: a study's trials as trials of a search, while it goes on, or when it is over.

study.optimize(objective, n_trials=50, callbacks=[OptunaCallback(tracker, metric="accuracy")])

with OptunaCallback(tracker, metric="accuracy") as callback:          what the objective logs goes to its trial
    study.optimize(callback.track(objective), n_trials=50)

import_study("sqlite:///studies.db", tracker)                         all studies of a storage; again: what is new
"""

import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

try:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial
except ImportError as error:
    raise ImportError("tracker.integrations.optuna needs Optuna: pip install 'optuna'") from error

from tracker.experiment import ExperimentTracker
from tracker.integrations.faults import Faults
from tracker.integrations.optunaknown import KnownStudy
from tracker.integrations.optunaruns import StudyRuns
from tracker.integrations.optunastudies import Algorithm, LiveTrial, StudyLog, metric_names
from tracker.run import status_after

__all__ = ["ImportedStudy", "OptunaCallback", "import_study"]
Objective = Callable[[optuna.Trial], float | Sequence[float]]


class OptunaCallback:
    """A callback for study.optimize: each trial becomes a child run with its own times, state, params and values.

    Args:
        tracker: its current run is logged to. None: a tracker by the environment (STEPLOG_DIR).
        metric: what the objective's value is called; of several objectives a list of names, of which the first one is
            searched for. None: study.metric_names, else "value".
        algorithm: the name of the param that tells what is tried, or a function of the trial that does; the leaderboard
            has a row for each. None: a param "algorithm", "model", "classifier", "regressor", "estimator" or "learner".

    Where no run is active it starts one named as the study, or goes on with the one that has this study already, and
    ends it at `end()`, at the end of its `with` block, or with the tracker. Trials that the study had before, from a
    storage, are logged first, unless they are in the store. Trials that wait are left out. Any thread may call it
    (n_jobs). What fails in it is said once in the log "steplog", and ends no study.
    Raises: TypeError: tracker is none. WriterClosed: it is closed.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        metric: str | Sequence[str] | None = None,
        algorithm: Algorithm = None,
    ) -> None:
        self._runs = StudyRuns(tracker)
        self._metric = metric
        self._algorithm = algorithm
        self._lock = threading.RLock()
        self._logs: dict[str, StudyLog] = {}
        self._faults = Faults("OptunaCallback")

    def __call__(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Log a trial that has ended."""
        with self._faults.kept("a trial"):
            log = self._log_of(study)
            if log is not None:
                log.log(trial)

    def track(self, objective: Objective) -> Objective:
        """Wrap an objective: each call is a trial, from its start; what is logged inside without run_id goes to it.

        It keeps the error of a trial that fails, too. Give the callback as well, or not: a trial is logged once.
        """

        @functools.wraps(objective)
        def tracked(trial: optuna.Trial) -> float | Sequence[float]:
            log = None
            with self._faults.kept("the start of a trial"):
                log = self._log_of(trial.study)
            return objective(trial) if log is None else self._call(objective, trial, log)

        return tracked

    def end(self, status: str = "FINISHED") -> None:
        """Log the best trial, and end the run that was started here; twice is once."""
        with self._lock:
            logs, self._logs = self._logs, {}
            for log in logs.values():
                with self._faults.kept("the end of a study"):
                    log.end()
            with self._faults.kept("the end of a run"):
                self._runs.end(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(status_after(error))

    def _log_of(self, study: optuna.Study) -> StudyLog | None:
        with self._lock:
            if self._runs.tracker.settings.disabled:
                return None
            log = self._logs.get(study.study_name)
            if log is None:
                known = self._runs.begin(study)
                log = StudyLog(
                    study,
                    self._runs.tracker,
                    self._runs.run_id,
                    metrics=self._metric,
                    algorithm=self._algorithm,
                    known=known,
                )
                self._logs[study.study_name] = log
                self._runs.tracker._at_close(self.end)  # noqa: SLF001 - this is a part of the tracker
                log.log_finished()
        return log

    def _call(self, objective: Objective, trial: optuna.Trial, log: StudyLog) -> float | Sequence[float]:
        """Call an objective in its trial's run."""
        live: LiveTrial | None = None
        with self._faults.kept("the start of a trial"):
            live = log.start(trial)
        if live is None:
            return objective(trial)
        try:
            with live.current():
                value = objective(trial)
        except BaseException as error:
            with self._faults.kept("a trial that raised"):
                live.raised(error)
            raise
        with self._faults.kept("a trial's end"):
            live.returned(value)
        return value


class ImportedStudy(NamedTuple):
    """What an import made of a study."""

    name: str
    run_id: str
    trials: int
    """How many were new."""


def import_study(
    study: optuna.Study | BaseStorage | str,
    tracker: ExperimentTracker | None = None,
    *,
    metric: str | Sequence[str] | None = None,
    algorithm: Algorithm = None,
) -> list[ImportedStudy]:
    """Import a study, or all studies of a storage: each as a run, its finished trials as children with their times.

    Twice adds nothing; of a study that has grown, what is new goes to the run that has it already.

    Args:
        study: a study, a storage, or a storage's address ("sqlite:///studies.db").
        tracker: its current run is logged to, else a new one for each study. None: a tracker by the environment.
        metric, algorithm: as of OptunaCallback.

    Returns: one for each study with finished trials.
    Raises: ValueError: no finished trial, no such storage, not as many metrics as values. TypeError. WriterClosed.
    """
    runs = StudyRuns(tracker)
    studies = _studies(study)
    finished = [one for one in studies if any(trial.state.is_finished() for trial in one.get_trials(deepcopy=False))]
    if not finished:
        names = ", ".join(f"{one.study_name!r} ({len(one.trials)} trials)" for one in studies) or "no study"
        raise ValueError(f"there is no finished trial to import: there is {names}")
    if runs.tracker.settings.disabled:
        return []
    active = runs.tracker.active_run()
    try:
        with ThreadPoolExecutor(1) as apart:  # a thread has a current run of its own: the caller's stays what it is
            return [apart.submit(_imported, runs.tracker, one, metric, algorithm, active).result() for one in finished]
    finally:
        runs.close()


def _imported(
    tracker: ExperimentTracker,
    study: optuna.Study,
    metric: str | Sequence[str] | None,
    algorithm: Algorithm,
    active: str | None,
) -> ImportedStudy:
    metrics = metric_names(study, metric)
    name, known = study.study_name, KnownStudy.of(tracker, study)
    if known is not None and not known.lacks(study):
        return ImportedStudy(name, known.run_id, 0)
    run_id = active if known is None else known.run_id
    own = run_id is None or run_id not in tracker._runs.by_id  # noqa: SLF001 - no question has a public answer
    if own:
        tags = {"imported_from": f"optuna study {name!r}"}
        run_id = tracker.start_run(name, run_id=run_id, resume=known is not None, tags=tags)
    status = "FAILED"
    try:
        log = StudyLog(study, tracker, str(run_id), metrics=metrics, algorithm=algorithm, known=known)
        count = log.log_finished()
        log.end()
        status = "FINISHED"
    finally:
        if own:
            tracker.end_run(status, run_id=str(run_id))
    return ImportedStudy(name, str(run_id), count)


def _studies(study: object) -> list[optuna.Study]:
    if isinstance(study, optuna.Study):
        return [study]
    if not isinstance(study, BaseStorage | str):
        raise TypeError(f"{type(study).__name__} is no study: give an optuna Study, a storage, or a storage's address")
    try:
        names = optuna.get_all_study_names(study)
    except Exception as error:
        raise ValueError(f"there is no storage of Optuna at {study!r}: {error}") from error
    return [optuna.load_study(study_name=name, storage=study) for name in names]
