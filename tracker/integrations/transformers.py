"""Hugging Face transformers: a callback for the Trainer.

    Trainer(model, TrainingArguments(..., report_to="none"), callbacks=[SteplogCallback(tracker)], ...)

Metrics: what the Trainer logs, at its global step, under train/, eval/ and test/ as in Hugging Face's own integrations.
Params: the training arguments by their names (tokens masked), the model's configuration below "model_config",
model_parameters. Each trial of `hyperparameter_search` is a run of its own, below the current one if there is one. What
`evaluate` and `predict` log after the training goes to its run.

The Trainer doesn't tell its callbacks of exceptions: see tracker.integrations.trainingrun for how a training is found
to have failed, or write `with SteplogCallback(tracker) as callback:` around it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

try:
    from transformers import TrainerCallback
    from transformers.integrations import rewrite_logs
except ImportError as error:
    raise ImportError("tracker.integrations.transformers needs: pip install 'transformers[torch]'") from error

from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingblock import TrainingBlock
from tracker.integrations.trainingrun import TrainingRun

_FOLDER = "checkpoints"
_STATE = "SteplogRun"
"""Under this name the run's id is kept in the Trainer's state, and so in its checkpoints."""


class SteplogCallback(TrainingBlock, TrainerCallback):  # type: ignore[misc] # untyped library
    """Logs a training to the current run, or to one that begins and ends with it.

    Args:
        tracker: default: one of its own; see Joined.
        run_name: of a run that is made here; default: the training arguments' run_name.
        experiment_name: of a tracker that is made here.
        run_id: of the run to go on with, when a training is resumed; or to make.
        resume: go on with the run whose checkpoint the Trainer resumes from, where this store has it.
        log_checkpoints: True logs the folders of the best and the last checkpoint as artifacts at the end of the
            training, "all" each as it is written. checkpoints/checkpoints.json tells the best metric.

    Raises: ValueError, TypeError: of the arguments.

    The main process logs. Where one process trains, somebody who stops the run, on its page or by `steplog stop`, stops
    the training at the end of the step.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
        run_id: str | None = None,
        resume: bool = False,
        log_checkpoints: bool | Literal["all"] = False,
    ) -> None:
        super().__init__()
        if log_checkpoints not in {True, False, "all"}:
            raise ValueError(f"log_checkpoints is {log_checkpoints!r}; it is True, False or 'all'")
        self._run = TrainingRun(tracker, run_name=run_name, experiment_name=experiment_name, run_id=run_id)
        self._resume = resume
        self._log_checkpoints = log_checkpoints
        self._trials = 0
        self._training = False
        self._alone = False
        """Whether no other process trains with this one; the arguments take 10 µs to tell."""
        self._last: Path | None = None
        """The checkpoint that was written last."""

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Begin the run; each trial of a search has one of its own."""
        if not state.is_world_process_zero:
            return
        if self._training and getattr(args, "auto_find_batch_size", False) and self._run.run_id is not None:
            self._log_params(args, model)  # the same training, with fewer rows a batch
            return
        self._training, self._last, self._alone = True, None, args.world_size == 1
        if state.is_hyper_param_search:
            self._trials += 1
            self._run.begin_part(state.trial_name or f"trial {self._trials}", group=args.run_name or args.output_dir)
        else:
            before = state.stateful_callbacks.get(_STATE, {}).get("run_id") if state.global_step else None
            self._run.begin(args.run_name, resume_id=before if self._resume else None)
        state.stateful_callbacks[_STATE] = {"run_id": self._run.run_id}
        self._log_params(args, model)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:  # noqa: ARG002 - the Trainer's signature
        """Log what the Trainer logs; after the end of a training, to its run."""
        if not state.is_world_process_zero or not logs:
            return
        self._log(rewrite_logs(dict(logs)), state.global_step)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None, **_: Any) -> None:  # noqa: ARG002 - the Trainer's signature
        """Log the metrics of a prediction, which the Trainer itself doesn't log."""
        if state.is_world_process_zero and metrics:
            self._log(rewrite_logs(dict(metrics)), state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - likewise
        """Stop where somebody asked for it; of several processes, none may stop alone."""
        if self._alone and self._run.should_stop():
            control.should_training_stop = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - likewise
        """Note the checkpoint, and log it where all are wanted."""
        if not (state.is_world_process_zero and self._log_checkpoints) or self._run.disabled:
            return
        with self._run.safely("checkpoint"):
            self._last = _checkpoint(args, state)
            if self._last is not None and self._log_checkpoints == "all":
                self._run.tracker.log_artifact(self._last, _FOLDER, run_id=self._run.run_id)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - likewise
        """Log the checkpoints that are wanted, and end the run."""
        if not state.is_world_process_zero:
            return
        self._training = False
        if self._log_checkpoints and not self._run.disabled:
            with self._run.safely("checkpoints"):
                self._keep_checkpoints(args, state)
        self._run.end()

    def _log(self, metrics: Mapping[str, Any], step: int) -> None:
        if self._training:
            self._run.log(metrics, step)
            return
        with self._run.safely("evaluation"):
            self._run.reopen()
            self._run.log(metrics, step)
        self._run.end()

    def _log_params(self, args: Any, model: Any) -> None:
        if self._run.disabled:
            return
        with self._run.safely("params"):
            self._run.tracker.log_params(_params(args, model), run_id=self._run.run_id)

    def _keep_checkpoints(self, args: Any, state: Any) -> None:
        best = None if state.best_model_checkpoint is None else Path(state.best_model_checkpoint)
        told: list[object] = []
        for folder in dict.fromkeys(path for path in (best, self._last) if path is not None and path.is_dir()):
            if self._log_checkpoints != "all":
                self._run.tracker.log_artifact(folder, _FOLDER, run_id=self._run.run_id)
            is_best = best is not None and folder.samefile(best)
            about = {"metric": args.metric_for_best_model, "score": state.best_metric} if is_best else {}
            told.append({"file": f"{_FOLDER}/{folder.name}", "best": is_best, "last": folder == self._last, **about})
        if told:
            self._run.tracker.log_dict(told, f"{_FOLDER}/checkpoints.json", run_id=self._run.run_id)


def _params(args: Any, model: Any) -> dict[str, object]:
    """The training arguments, and what the model is."""
    found: dict[str, object] = dict(args.to_dict())
    for name in ("config", "peft_config"):
        config = getattr(model, name, None)
        if config is not None:
            found[f"model_{name}"] = config.to_dict() if hasattr(config, "to_dict") else config
    if hasattr(model, "num_parameters"):
        found["model_parameters"] = model.num_parameters()
    return found


def _checkpoint(args: Any, state: Any) -> Path | None:
    """The folder that was just written; a search's trials write below folders that callbacks aren't told of."""
    name, root = f"checkpoint-{state.global_step}", Path(args.output_dir)
    if (root / name).is_dir() and not state.is_hyper_param_search:
        return root / name
    return max(root.glob(f"*/{name}"), key=lambda folder: folder.stat().st_mtime, default=None)
