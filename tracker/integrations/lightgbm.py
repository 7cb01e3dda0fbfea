"""LightGBM: a callback that logs each iteration's evaluations, for lgb.train, lgb.cv and the scikit-learn classes.

    lgb.train(params, data, valid_sets=[held_out], callbacks=[log_evaluation(tracker), lgb.early_stopping(50)])

Metrics: "<data>/<metric>" at each iteration, of cross-validation the folds' mean, with "<data>/<metric>_std"; at the
end best_iteration (LightGBM's, from 1) and best_score/<data>/<metric>, where training stopped early. Params: those that
LightGBM was given. Artifact: feature_importance.json.

LightGBM tells its callbacks of iterations, of no end. A training is over when its callback is dropped: as written
above, in the moment in which lgb.train returns or its exception has been dealt with. Whoever keeps the callback writes
`with log_evaluation(tracker) as logged:` around the training, calls `logged.finish()` after it, or lets the next
training or the end of the process end it. The booster itself tells how it went.
"""

from collections.abc import Iterable
from typing import Any, Literal

try:
    import lightgbm
except ImportError as error:
    raise ImportError("tracker.integrations.lightgbm needs LightGBM: pip install lightgbm") from error

from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingblock import TrainingBlock
from tracker.integrations.trainingrun import TrainingRun

ImportanceType = Literal["split", "gain"]
IMPORTANCE_TYPES: tuple[ImportanceType, ...] = ("split", "gain")
_ORDER = 25  # after LightGBM's own loggers, before early_stopping: its exception ends the iteration's callbacks


def log_evaluation(
    tracker: ExperimentTracker | None = None,
    *,
    run_name: str | None = None,
    experiment_name: str | None = None,
    importance_type: ImportanceType | None = "gain",
) -> "LogEvaluation":
    """Make a callback that logs a training to the current run, or to one that begins and ends with it.

    Args:
        tracker: default: one of its own; see Joined.
        run_name, experiment_name: of a run, and a tracker, that is made here.
        importance_type: which importance of features is logged at the end; None for none.

    Raises: ValueError, TypeError: of the arguments.

    It may be used again and again, and copied: each training that finds no current run has one of its own. The model is
    yours to log: `tracker.log_model(booster, "name")`. Somebody who stops the run, on its page or by `steplog stop`,
    stops the training, as early stopping does.
    """
    if importance_type is not None and importance_type not in IMPORTANCE_TYPES:
        raise ValueError(f"importance_type is {importance_type!r}; it is None or one of {IMPORTANCE_TYPES}")
    return LogEvaluation(BoostingRun(tracker, run_name=run_name, experiment_name=experiment_name), importance_type)


class BoostingRun(TrainingRun):
    """The run of a training whose booster tells how it ended."""

    importance_type: ImportanceType | None = None
    booster: Any = None
    """Of the training that is open."""
    complete = False
    """Whether the last iteration was seen."""

    def untold(self) -> str:
        """Log what the training came to; FINISHED where it reached its last iteration, or stopped early."""
        booster, self.booster = self.booster, None
        best = max(0, getattr(booster, "best_iteration", 0))  # set by train and cv once they stopped early
        if booster is None or not (self.complete or best):
            return "FAILED"
        with self.safely("summary"):
            if best:
                self.log({"best_iteration": best, **_best_scores(booster)})
            if self.importance_type is not None and isinstance(booster, lightgbm.Booster) and not self.disabled:
                _log_importance(self, booster, self.importance_type)
        return "FINISHED"

    def end(self, status: str = "FINISHED") -> None:
        """End what was begun here; twice is once."""
        super().end(status)
        self.booster = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "booster": None}


class LogEvaluation(TrainingBlock):
    """What `log_evaluation` makes; LightGBM calls it after each iteration."""

    def __init__(self, run: BoostingRun, importance_type: ImportanceType | None) -> None:
        self.order = _ORDER
        self.before_iteration = False
        self._run: BoostingRun = run
        run.importance_type = importance_type

    def finish(self) -> None:
        """End the run of a training that is over; twice is once."""
        self._run.settle()

    def __call__(self, env: Any) -> None:
        """Log an iteration, a lightgbm.callback.CallbackEnv; with the first one a training begins."""
        run = self._run
        if env.model is not run.booster:
            run.begin("lightgbm")
            run.booster, run.complete = env.model, False
            with run.safely("params"):
                run.tracker.log_params(env.params, run_id=run.run_id)
        results = env.evaluation_result_list or ()
        metrics = _metrics(results)
        if metrics:
            run.log(metrics, env.iteration)
        run.complete = env.iteration == env.end_iteration - 1
        if run.should_stop():
            raise lightgbm.callback.EarlyStopException(env.iteration, results)


def _metrics(results: Iterable[Any]) -> dict[str, float]:
    """Name to value, of LightGBM's result tuples; in cross-validation their fifth member is the deviation."""
    metrics = {}
    for data, metric, value, _, *deviation in results:
        if data == "cv_agg":  # before 4.6: ("cv_agg", "valid l2", ...)
            data, metric = metric.split(" ", 1)  # noqa: PLW2901 - its parts
        metrics[f"{data}/{metric}"] = value
        if deviation and deviation[0] is not None:
            metrics[f"{data}/{metric}_std"] = deviation[0]
    return metrics


def _best_scores(booster: Any) -> dict[str, float]:
    """best_score/<data>/<metric> of a booster; a cross-validation's keeps none."""
    scores = booster.best_score if isinstance(booster, lightgbm.Booster) else {}
    return {f"best_score/{data}/{metric}": value for data, found in scores.items() for metric, value in found.items()}


def _log_importance(run: TrainingRun, booster: Any, kind: ImportanceType) -> None:
    """Log what each feature counts, in the form of tracker.log_feature_importance."""
    numbers = {
        "method": kind,
        "features": booster.feature_name(),
        "importances": [float(value) for value in booster.feature_importance(kind)],
        "spread": None,
    }
    run.tracker.log_dict(numbers, "feature_importance.json", run_id=run.run_id)
