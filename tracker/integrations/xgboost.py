"""XGBoost: a callback that logs each iteration's evaluations, for xgb.train, xgb.cv and the scikit-learn classes.

    xgb.train(params, data, evals=[(data, "train"), (held_out, "valid")], callbacks=[SteplogCallback(tracker)])

Metrics: "<data>/<metric>" at each iteration, of cross-validation the folds' mean, with "<data>/<metric>_std"; at the
end best_iteration and best_score, where training stopped early. Params: what the booster was configured with, defaults
included. Artifact: feature_importance.json, in the form of tracker.log_feature_importance. A booster that dies in the
middle of a training has failed: its run says so as soon as the exception has been dealt with.
"""

import json
import weakref
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

try:
    import xgboost
except ImportError as error:
    raise ImportError("tracker.integrations.xgboost needs XGBoost: pip install xgboost") from error

from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingblock import TrainingBlock
from tracker.integrations.trainingrun import TrainingRun

ImportanceType = Literal["weight", "gain", "cover", "total_gain", "total_cover"]
IMPORTANCE_TYPES: tuple[ImportanceType, ...] = ("weight", "gain", "cover", "total_gain", "total_cover")


class SteplogCallback(TrainingBlock, xgboost.callback.TrainingCallback):  # type: ignore[misc] # untyped library
    """Logs a training to the current run, or to one that begins and ends with it.

    Args:
        tracker: default: one of its own; see Joined.
        run_name, experiment_name: of a run, and a tracker, that is made here.
        importance_type: which importance of features is logged at the end; None for none.

    Raises: ValueError, TypeError: of the arguments.

    It may be used again and again, and copied: each training that finds no current run has one of its own. The model is
    yours to log: `tracker.log_model(booster, "name")`. Somebody who stops the run, on its page or by `steplog stop`,
    stops the training, where one process trains. Of several, rank 0 logs.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
        importance_type: ImportanceType | None = "gain",
    ) -> None:
        super().__init__()
        if importance_type is not None and importance_type not in IMPORTANCE_TYPES:
            raise ValueError(f"importance_type is {importance_type!r}; it is None or one of {IMPORTANCE_TYPES}")
        self._importance_type = importance_type
        self._run = TrainingRun(tracker, run_name=run_name, experiment_name=experiment_name)
        self._logs = self._alone = True

    def before_training(self, model: Any) -> Any:
        """Begin the run."""
        self._logs, self._alone = xgboost.collective.get_rank() == 0, xgboost.collective.get_world_size() == 1
        if self._logs:
            self._run.begin("xgboost")
            with self._run.safely("params"):
                self._run.tracker.log_params(_params(_booster(model)), run_id=self._run.run_id)
            weakref.finalize(model, _died, weakref.ref(self._run), self._run.trainings).atexit = False
        return model

    def after_iteration(
        self,
        model: Any,  # noqa: ARG002 - XGBoost's signature
        epoch: int,
        evals_log: Mapping[str, Mapping[str, list[Any]]],
    ) -> bool:
        """Log the iteration's evaluations; True stops the training, when somebody asked the run to stop."""
        if not self._logs:
            return False
        metrics = {}
        for data, scores in evals_log.items():
            for metric, history in scores.items():
                last = history[-1]
                if isinstance(last, tuple):
                    metrics[f"{data}/{metric}"], metrics[f"{data}/{metric}_std"] = last
                else:
                    metrics[f"{data}/{metric}"] = last
        if metrics:
            self._run.log(metrics, epoch)
        return self._alone and self._run.should_stop()  # of several processes, none may stop alone

    def after_training(self, model: Any) -> Any:
        """Log what the training came to, and end the run."""
        if self._logs:
            with self._run.safely("summary"):
                self._summarise(model)
            self._run.end()
        return model

    def _summarise(self, model: Any) -> None:
        folds = getattr(model, "cvfolds", None)
        best = _best(_booster(model) if folds is None else model)
        if best:
            self._run.log(best)
        if folds is None and self._importance_type is not None and not self._run.disabled:
            names, values, kind = _importance(model, self._importance_type)
            numbers = {"method": kind, "features": names, "importances": values, "spread": None}
            self._run.tracker.log_dict(numbers, "feature_importance.json", run_id=self._run.run_id)


def _booster(model: Any) -> Any:
    """The booster, of a cross-validation that of its first fold."""
    folds = getattr(model, "cvfolds", None)
    return model if folds is None else folds[0].bst


def _best(model: Any) -> dict[str, float]:
    """best_iteration and best_score, where early stopping found them; of a cross-validation the mean over its folds."""
    try:
        iteration, score = int(model.best_iteration), model.best_score
    except (AttributeError, TypeError, ValueError):  # no early stopping
        return {}
    return {"best_iteration": iteration, "best_score": float(score[0] if isinstance(score, tuple) else score)}


def _importance(booster: Any, kind: str) -> tuple[list[str], list[float], str]:
    """Names and importances of all features, and their kind; those that no tree uses count 0.

    A linear booster has nothing but weights: its coefficients, of several outputs the mean of their sizes.
    """
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear":
        kind = "weight"
    scores = booster.get_score(importance_type=kind)
    names = booster.feature_names or [f"f{index}" for index in range(booster.num_features())]
    found = [scores.get(name, 0.0) for name in names]
    values = [float(np.mean(np.abs(value)) if isinstance(value, list) else value) for value in found]
    return list(names), values, kind


def _params(booster: Any) -> dict[str, object]:
    """What the booster was configured with: the leaves of every "..._param" in its configuration, by their names."""
    learner = json.loads(booster.save_config())["learner"]
    found: dict[str, object] = {"eval_metric": [metric["name"] for metric in learner.get("metrics", ())]}

    def collect(node: Any) -> None:
        for name, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict) and str(name).endswith("_param"):
                found.update({key: _value(text) for key, text in value.items() if isinstance(text, str)})
            elif isinstance(value, (dict, list)):
                collect(value)

    collect(learner)
    return found


def _value(text: str) -> object:
    """A setting's text as the number that it is; floats are printed with more digits than their 32 bits hold."""
    for kind in (int, lambda number: float(str(np.float32(number)))):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _died(run: "weakref.ref[TrainingRun]", training: int) -> None:
    """Settle the run of a booster that is gone, unless its training has ended."""
    held = run()
    if held is not None and held.trainings == training:
        held.settle()
