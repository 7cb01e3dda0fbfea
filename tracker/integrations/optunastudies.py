"""StudyLog: a study of Optuna as a search, each of its trials a trial with its own times, logged once."""

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import optuna
from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial, TrialState

from ingest.values import plain
from tracker.automl.search import Search
from tracker.automl.trial import State, Trial
from tracker.experiment import ExperimentTracker
from tracker.integrations.optunaknown import FINISHED, KnownStudy, moment

Algorithm = str | Callable[[FrozenTrial], str] | None
_STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_ALGORITHM_PARAMS = ("algorithm", "model", "classifier", "regressor", "estimator", "learner")
_UNNAMED = "no-name-"
_LONGEST_NAME = 1000
"""Characters of a tag's name: less than a name may have in any alphabet."""
_NO_REASON = "Optuna keeps no error of a trial that failed; OptunaCallback.track(objective) does"


class StudyLog:
    """Logs a study's trials.

    Args:
        study: with at least one trial, or one to come.
        tracker, run_id: where to; the run is active.
        metrics: the names of its values; None: the study's own, else "value", or "value_0" and so on.
        algorithm: the name of the param that tells what is tried, or a function of the trial that does; None: a param
            "algorithm", "model", "classifier", "regressor", "estimator" or "learner", where it has one.
        known: what the store has of it: that isn't logged again, and where it is in this run, its search goes on.

    Raises: ValueError: there are not as many metrics as values.
    """

    def __init__(
        self,
        study: optuna.Study,
        tracker: ExperimentTracker,
        run_id: str,
        *,
        metrics: str | Sequence[str] | None = None,
        algorithm: Algorithm = None,
        known: KnownStudy | None = None,
    ) -> None:
        self.study = study
        self.metrics = metric_names(study, metrics)
        self._tracker = tracker
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._runs: dict[int, str] = {} if known is None else dict(known.trials)
        """The run of each trial that is logged or begun, by Optuna's number."""
        kinds = {"sampler": study.sampler, "pruner": study.pruner}
        tags = {f"optuna.{name}": type(kind).__name__ for name, kind in kinds.items()}
        tracker.set_tags({**tags, "optuna.values": ", ".join(self.metrics)}, run_id=run_id)
        starts = [trial.datetime_start for trial in study.get_trials(deepcopy=False) if trial.datetime_start]
        self.search = Search(
            tracker,
            self.metrics[0],
            direction="maximize" if study.directions[0] == optuna.study.StudyDirection.MAXIMIZE else "minimize",
            engine="optuna",
            run_id=run_id,
            number=known.search if known is not None and known.run_id == run_id else None,
            start_time=min(starts, default=None),
        )

    def log_finished(self) -> int:
        """Log all trials that have ended and aren't logged yet; tells how many."""
        trials = self.study.get_trials(deepcopy=False, states=FINISHED)
        return sum(self.log(trial) for trial in trials)

    def log(self, trial: FrozenTrial) -> bool:
        """Log a trial that has ended; twice is once. Tells whether it was new."""
        state = _STATES.get(trial.state)
        with self._lock:
            if state is None or trial.number in self._runs:
                return False
            self._runs[trial.number] = ""
        logged = self.search.log_trial(
            self.algorithm_of(trial),
            trial.params,
            trial.values[0] if trial.values else None,
            state=state,
            metrics=self._others(trial.values),
            intermediate=trial.intermediate_values,
            error=_NO_REASON if state == "failed" else None,
            error_type="TrialFailed",
            tags={**self._tags(trial), **_details(trial)},
            start_time=trial.datetime_start,
            end_time=trial.datetime_complete,
        )
        self._runs[trial.number] = logged.run_id
        return True

    def start(self, trial: optuna.Trial) -> "LiveTrial":
        """Begin a trial whose objective is about to be called."""
        frozen = self.frozen(trial)
        child = self.search.start_trial(
            self.algorithm_of(frozen),
            {},
            name=f"trial {trial.number}",
            tags=self._tags(frozen),
            start_time=frozen.datetime_start,
        )
        with self._lock:
            self._runs[trial.number] = child.run_id
        return LiveTrial(self, self._tracker, child, trial)

    def end(self) -> None:
        """Log the best trial, of a study with one value, and that it is over as far as is known."""
        if len(self.study.directions) == 1:
            try:
                best = self.study.best_trial
            except ValueError:  # none is complete
                best = None
            if best is not None and best.value is not None:
                run_id = self._runs.get(best.number) or None
                self.search.log_selection(self.algorithm_of(best), best.params, best.value, trial=run_id)
        trials = self.study.get_trials(deepcopy=False, states=FINISHED)
        ends = [trial.datetime_complete for trial in trials if trial.datetime_complete]
        self.search.end(spent={"trials": len(trials)}, end_time=max(ends, default=None))

    def algorithm_of(self, trial: FrozenTrial) -> str:
        """What is tried in a trial; the study's name where nothing tells."""
        told: object = None
        if callable(self._algorithm):
            told = self._algorithm(trial)
        else:
            names = _ALGORITHM_PARAMS if self._algorithm is None else (self._algorithm,)
            told = next((trial.params[name] for name in names if isinstance(trial.params.get(name), str)), None)
        name = self.study.study_name
        return str(told) if told else "objective" if name.startswith(_UNNAMED) else name

    def _others(self, values: Sequence[float] | None) -> dict[str, float]:
        return dict(zip(self.metrics[1:], (values or ())[1:], strict=False))

    def _tags(self, trial: FrozenTrial) -> dict[str, object]:
        return {
            "optuna.study": self.study.study_name,
            "optuna.number": trial.number,
            "optuna.start": moment(trial.datetime_start),
        }

    def frozen(self, trial: optuna.Trial) -> FrozenTrial:
        """A trial as Optuna has it by now."""
        return self.study.get_trials(deepcopy=False)[trial.number]


class LiveTrial:
    """A trial whose objective is being called."""

    def __init__(self, log: StudyLog, tracker: ExperimentTracker, child: Trial, trial: optuna.Trial) -> None:
        self._log, self._tracker, self._child, self._trial = log, tracker, child, trial

    def current(self) -> AbstractContextManager[None]:
        """Let what is logged in the block without run_id go to the trial's run."""
        runs = self._tracker._runs  # noqa: SLF001 - this is a part of the tracker
        return runs.within(runs.by_id[self._child.run_id])

    def returned(self, value: object) -> None:
        """End it by what the objective gave, as Optuna does."""
        try:
            given = value if isinstance(value, Sequence) else [value]
            values = [float(one) for one in given]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            values = []
        unfit = len(values) != len(self._log.metrics) or any(one != one for one in values)  # noqa: PLR0124 - NaN
        try:
            self._tell()
        finally:  # whatever of it can't be logged, the trial is over
            if unfit:
                self._child.fail(f"the objective returned {value!r:.80}", error_type="ValueError")
            else:
                self._child.complete(values[0], metrics=dict(zip(self._log.metrics[1:], values[1:], strict=True)))

    def raised(self, error: BaseException) -> None:
        """End it by what the objective raised."""
        last: float | None = None
        try:
            known = self._tell().intermediate_values
            last = known[max(known)] if known else None
        finally:
            if isinstance(error, optuna.TrialPruned):
                self._child.prune(last)
            else:
                self._child.fail(error)

    def _tell(self) -> FrozenTrial:
        """Log what is known by now: params, values on the way, attributes."""
        frozen, run_id = self._log.frozen(self._trial), self._child.run_id
        for step, value in frozen.intermediate_values.items():
            self._child.report(value, step)
        if run_id != self._log.search.run_id:
            self._child.algorithm = self._log.algorithm_of(frozen)
            self._tracker.log_params(frozen.params, run_id=run_id)
            self._tracker.set_tags({**_details(frozen), "trial.algorithm": self._child.algorithm}, run_id=run_id)
        return frozen


def metric_names(study: optuna.Study, metrics: str | Sequence[str] | None) -> list[str]:
    """The names of a study's values. Raises: ValueError: there are not as many of them."""
    count = len(study.directions)
    if metrics is None:
        own = study.metric_names
        return list(own) if own else ["value"] if count == 1 else [f"value_{place}" for place in range(count)]
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if len(names) != count:
        raise ValueError(f"study {study.study_name!r} has {count} value(s), and metric names {len(names)}: {names}")
    return names


def _details(trial: FrozenTrial) -> dict[str, object]:
    """What else a trial's tags tell: its space, and what the user attached to it."""
    space = {name: json.loads(distribution_to_json(one)) for name, one in trial.distributions.items()}
    told: dict[str, object] = {"optuna.distributions": json.dumps(space)}
    return told | {
        f"optuna.user_attrs.{name}"[:_LONGEST_NAME]: _shown(value) for name, value in trial.user_attrs.items()
    }


def _shown(value: object) -> object:
    """A user's attribute as it is kept; one that can't be costs no trial."""
    try:
        return plain(value)
    except ValueError as error:
        return f"not kept: {error}"
