"""Lightning: a logger for the Trainer of lightning.pytorch, or of pytorch_lightning.

    trainer = Trainer(logger=SteplogLogger(tracker), callbacks=[ModelCheckpoint(monitor="val_loss"), StopOnRequest()])

One logger is one run: `fit`, then `test` or `validate`, go on in it, and each ends it as it ended (FAILED after an
exception, KILLED after Ctrl-C or SIGTERM). What is logged is safe when the call returns, so `save` has nothing to do.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

try:
    if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
        from pytorch_lightning.callbacks import Callback
        from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
    else:
        from lightning.pytorch.callbacks import Callback
        from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback
        from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
    except ImportError as error:
        raise ImportError("tracker.integrations.lightning needs Lightning: pip install lightning") from error

from lightning_utilities.core.rank_zero import rank_zero_only

from ingest.layout import encode_name, new_run_id
from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingrun import TrainingRun
from tracker.run import Status

_FOLDER = "checkpoints"
_AGREE_EVERY = 50
_STATUSES: dict[str, Status] = {
    "success": "FINISHED",
    "finished": "FINISHED",
    "interrupted": "KILLED",
    "aborted": "KILLED",
    "failed": "FAILED",
}


class SteplogLogger(Logger):  # type: ignore[misc] # untyped library
    """Logs what a Trainer and its module log: to the current run, or to one that the Trainer begins and ends.

    Args:
        tracker: default: one of its own; see Joined. `logger.experiment` is this tracker, with the run as its current
            one: `self.logger.experiment.log_plot(...)`.
        run_name, experiment_name: of a run, and a tracker, that is made here.
        run_id: of the run to go on with, when a training is resumed from a checkpoint; or to make.
        tags: of the run.
        prefix: put before the names of metrics, with "/".
        log_checkpoints: True logs ModelCheckpoint's best and last files as artifacts when the Trainer ends, "all" each
            file as it is written. checkpoints/checkpoints.json tells the score of each.
        save_dir: where ModelCheckpoint puts its files, below the experiment's and the run's names; default: the
            Trainer's default_root_dir. LightningCLI needs one for its config.yaml.

    Raises: ValueError, TypeError: of the arguments.

    Of many ranks, rank 0 logs. A copy that another process gets (a launcher that spawns) logs to the same run.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        prefix: str = "",
        log_checkpoints: bool | Literal["all"] = False,
        save_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        if log_checkpoints not in {True, False, "all"}:
            raise ValueError(f"log_checkpoints is {log_checkpoints!r}; it is True, False or 'all'")
        self._run = TrainingRun(  # a Trainer tells of exceptions: a run that is still open was only looked at
            tracker,
            run_name=run_name,
            experiment_name=experiment_name,
            run_id=run_id,
            untold_status="FINISHED",
        )
        self._experiment_name = experiment_name or ("default" if tracker is None else tracker.experiment_name)
        self._tags = dict(tags or {})
        self._prefix = f"{prefix}/" if prefix else ""
        self._log_checkpoints = log_checkpoints
        self._save_dir = None if save_dir is None else str(save_dir)
        self._checkpoints: list[Any] = []
        """The ModelCheckpoints that saved something."""
        self._logged: dict[str, tuple[float, dict[str, object]]] = {}
        """By path: when the file that was logged was written, and what is told of it."""

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator, unused-ignore]
    def experiment(self) -> ExperimentTracker:
        """The tracker, with the logger's run as its current one."""
        if self._run.run_id is None:
            if self._run.trainings:
                self._run.reopen(keep_status=False)
            else:
                self._run.begin("lightning", tags=self._tags)
        return self._run.tracker

    @property
    def run_id(self) -> str | None:
        """The id of the run; begins it in rank 0, None in the others unless it was given."""
        _ = self.experiment
        return self._run.last_run_id

    @property
    def version(self) -> str | None:
        """The run's id, once there is one; Lightning names folders by it."""
        return self._run.last_run_id

    @property
    def name(self) -> str:
        """The experiment's name, as a folder of one level."""
        return encode_name(self._experiment_name)

    @property
    def save_dir(self) -> str | None:
        """Where ModelCheckpoint puts its files, if that was said."""
        return self._save_dir

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace | None, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - others' loggers take more
        """Log params: a dict or Namespace, nested as you like."""
        found = vars(params) if isinstance(params, Namespace) else dict(params or {})
        self._open()
        with self._run.safely("hyperparameters"):
            self._run.tracker.log_params(found, run_id=self._run.run_id)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics at the Trainer's global step."""
        self._open()
        if self._prefix:
            metrics = {f"{self._prefix}{name}": value for name, value in metrics.items()}
        self._run.log(metrics, step)

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Log nothing: there is no graph here."""

    def save(self) -> None:
        """Do nothing: what was logged is safe. The Trainer calls this after each call."""

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Note that there are new checkpoints; log them now where all are wanted."""
        if not self._log_checkpoints:
            return
        if all(known is not checkpoint_callback for known in self._checkpoints):
            self._checkpoints.append(checkpoint_callback)
        if self._log_checkpoints == "all":
            self._open()
            self._keep_checkpoints()

    @rank_zero_only  # type: ignore[untyped-decorator, unused-ignore]
    def finalize(self, status: str) -> None:
        """End the run: "success" is FINISHED, "failed" FAILED, and KILLED where Ctrl-C or SIGTERM was the reason."""
        if self._run.run_id is None:
            return
        if self._log_checkpoints:
            self._keep_checkpoints()
        ended = _STATUSES.get(status, "FAILED")
        reason = sys.exc_info()[1]
        if ended == "FAILED" and isinstance(reason, (KeyboardInterrupt, SystemExit)):
            ended = "KILLED"  # Lightning's SIGTERMException is a SystemExit
        self._run.end(ended)

    def _open(self) -> None:
        """Begin, or go on, where no run is open."""
        if self._run.run_id is None:
            _ = self.experiment

    def _keep_checkpoints(self) -> None:
        """Log the files that are new or newly written, and what is known of all."""
        if self._run.disabled:
            return
        with self._run.safely("checkpoints"):
            kept = [
                self._keep(Path(path), _FOLDER if number == 1 else f"{_FOLDER}/{number}", about)
                for number, callback in enumerate(self._checkpoints, start=1)
                for path, about in _saved(callback, everything=self._log_checkpoints == "all").items()
            ]
            if any(kept):
                told: list[object] = [about for _, about in self._logged.values()]
                self._run.tracker.log_dict(told, f"{_FOLDER}/checkpoints.json", run_id=self._run.run_id)

    def _keep(self, path: Path, folder: str, about: dict[str, object]) -> bool:
        """Log a file, or a folder of shards, unless that was done; whether there is something new to tell."""
        if not path.exists():
            return False
        written, known = path.stat().st_mtime, self._logged.get(str(path))
        if known is None or known[0] < written:
            self._run.tracker.log_artifact(path, folder, run_id=self._run.run_id)
        self._logged[str(path)] = (written, {"file": f"{folder}/{path.name}", **about})
        return known != self._logged[str(path)]

    def __getstate__(self) -> dict[str, Any]:
        """Give it to another process: with the id of the run, so that what that process logs is this logger's."""
        if self._run.last_run_id is None:
            current = None if self._run.disabled else self._run.tracker.active_run()
            self._run.wanted_run_id = self._run.last_run_id = current or new_run_id()
        return {**vars(self), "_checkpoints": []}


class StopOnRequest(Callback):  # type: ignore[misc] # untyped library
    """Ends `fit` at the end of a batch when somebody asked its run to stop, on its page or by `steplog stop`."""

    def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Lightning's
        """Look: one file, every half second at most. Many ranks agree on it, at each 50th batch."""
        if trainer.world_size > 1 and trainer.fit_loop.batch_idx % _AGREE_EVERY:
            return
        ours = [logger._run for logger in trainer.loggers if isinstance(logger, SteplogLogger)]  # noqa: SLF001 - its own
        wanted = any(run.should_stop() for run in ours)
        if trainer.world_size > 1:
            wanted = trainer.strategy.reduce_boolean_decision(wanted, all=False)
        trainer.should_stop = trainer.should_stop or wanted


def _saved(callback: Any, *, everything: bool) -> dict[str, dict[str, object]]:
    """By path, what a ModelCheckpoint tells of its files: of the best and the last, or of everything it keeps."""
    best, last = str(getattr(callback, "best_model_path", "")), str(getattr(callback, "last_model_path", ""))
    scores = {str(path): score for path, score in getattr(callback, "best_k_models", {}).items()}
    scores.setdefault(best, getattr(callback, "best_model_score", None))
    scores.setdefault(last, getattr(callback, "current_score", None))
    newest = last or str(getattr(callback, "_last_checkpoint_saved", ""))
    wanted = {*scores, newest} if everything else {best, newest}
    monitor, mode = getattr(callback, "monitor", None), getattr(callback, "mode", None)
    return {
        path: {
            "score": None if scores.get(path) is None else float(scores[path]),
            "monitor": monitor,
            "mode": mode,
            "best": path == best,
            "last": path == newest,
        }
        for path in sorted(wanted - {""})
    }
