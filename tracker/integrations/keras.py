"""Keras: a callback for model.fit, and for model.evaluate.

    model.fit(X, y, validation_split=0.2, callbacks=[SteplogCallback(tracker)])

Metrics: those of each epoch by Keras's names (loss, val_loss, ...) and learning_rate, at the epoch's number; with
batch_every=N also batch/<metric> at each N-th batch; of an evaluation apart from training test/<metric>. Params:
epochs, steps, the optimizer's configuration, loss, the model's class and size. Artifact: model_summary.txt.
Keras 3, any of its backends.

Keras doesn't tell its callbacks of exceptions: see tracker.integrations.trainingrun for how a training is found to have
failed, or write `with SteplogCallback(tracker) as callback:` around it.
"""

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

try:
    import keras
except ImportError as error:
    raise ImportError("tracker.integrations.keras needs Keras 3: pip install keras, and one of its backends") from error

from readers.best import Mode, resolve_mode
from tracker.experiment import ExperimentTracker
from tracker.integrations.trainingblock import TrainingBlock
from tracker.integrations.trainingrun import TrainingRun


class SteplogCallback(TrainingBlock, keras.callbacks.Callback):  # type: ignore[misc] # untyped library
    """Logs a training to the current run, or to one that begins and ends with it.

    Args:
        tracker: default: one of its own; see Joined.
        run_name, experiment_name: of a run, and a tracker, that is made here.
        run_id: of the run to go on with, when a training is resumed; or to make.
        batch_every: log the metrics of each so many batches too, at the number of the batch, from 0, over all epochs.
        log_checkpoints: True keeps the best epoch's model and the last one's as artifacts, checkpoints/best.keras and
            checkpoints/last.keras; "all" each epoch's, checkpoints/epoch-0000.keras.
        monitor, mode: the metric that tells the best epoch, and which way it is better; default: val_loss where there
            is one, else loss; "auto" by its name.

    Raises: ValueError, TypeError: of the arguments.

    It may be used again: each training that finds no current run has one of its own. Somebody who stops the run, on its
    page or by `steplog stop`, stops the training at the end of the batch. Of several processes that train one model,
    give it to one: Keras doesn't tell which is the first.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
        run_id: str | None = None,
        batch_every: int | None = None,
        log_checkpoints: bool | Literal["all"] = False,
        monitor: str | None = None,
        mode: Mode = "auto",
    ) -> None:
        super().__init__()
        if batch_every is not None and batch_every < 1:
            raise ValueError(
                f"batch_every is {batch_every!r}; it is a number of batches from 1, or None for no batches"
            )
        if log_checkpoints not in {True, False, "all"}:
            raise ValueError(f"log_checkpoints is {log_checkpoints!r}; it is True, False or 'all'")
        resolve_mode(mode, monitor or "")
        self._run = TrainingRun(tracker, run_name=run_name, experiment_name=experiment_name, run_id=run_id)
        self.async_safe = batch_every is None  # Keras may then go on with the next batch meanwhile
        self._batch_every = batch_every
        self._log_checkpoints = log_checkpoints
        self._monitor, self._mode = monitor, mode
        self._best: float | None = None
        self._batches = 0
        """How many batches the earlier epochs had."""
        self._seen = 0
        self._training = False

    def on_train_begin(self, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        """Begin the run."""
        name = str(getattr(self.model, "name", "keras"))
        self._run.begin(name)
        self._training, self._best, self._batches, self._seen = True, None, 0, 0
        if self._run.disabled:
            return
        with self._run.safely("params"):
            self._run.tracker.log_params(_params(self.model, self.params), run_id=self._run.run_id)
        with self._run.safely("model summary"):
            self._run.tracker.log_text(_summary(self.model), "model_summary.txt", run_id=self._run.run_id)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log a batch, each N-th one."""
        if self._run.should_stop():
            self.model.stop_training = True
        every = self._batch_every
        if every is None:
            return
        before, self._seen = self._seen, self._batches + batch + 1
        if self._seen // every > before // every and logs:
            self._run.log({f"batch/{name}": value for name, value in logs.items()}, self._seen - 1)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log an epoch, and keep its model where that is wanted."""
        self._batches = self._seen
        metrics = dict(logs or {})
        with self._run.safely("learning rate"):
            metrics.setdefault("learning_rate", _learning_rate(self.model))
        self._run.log({name: value for name, value in metrics.items() if value is not None}, epoch)
        if self._log_checkpoints and not self._run.disabled:
            with self._run.safely("checkpoint"):
                self._checkpoint(epoch, metrics)

    def on_train_end(self, logs: object = None) -> None:  # noqa: ARG002 - Keras's signature
        """End the run."""
        self._training = False
        self._run.end()

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log an evaluation apart from training: to the current run, else to that of the last training."""
        if self._training or not logs:
            return
        with self._run.safely("evaluation"):
            self._run.reopen()
            self._run.log({f"test/{name}": value for name, value in logs.items()})
        self._run.end()

    def _checkpoint(self, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Keep the model as artifacts."""
        with tempfile.TemporaryDirectory(prefix="steplog-") as folder:
            saved = Path(folder) / "model.keras"
            self.model.save(saved)
            if self._log_checkpoints == "all":
                self._keep(saved, f"epoch-{epoch:04d}.keras")
                return
            saved = self._keep(saved, "last.keras")
            monitor = self._monitor or ("val_loss" if "val_loss" in metrics else "loss")
            value = metrics.get(monitor)
            if value is not None and self._is_best(float(value), monitor):
                self._keep(saved, "best.keras")
                about = {"epoch": epoch, "monitor": monitor, "score": float(value)}
                self._run.tracker.log_dict(about, "checkpoints/best.json", run_id=self._run.run_id)

    def _keep(self, saved: Path, name: str) -> Path:
        named = saved.rename(saved.with_name(name))
        self._run.tracker.log_artifact(named, "checkpoints", run_id=self._run.run_id)
        return named

    def _is_best(self, value: float, monitor: str) -> bool:
        """Whether a value is better than all before; NaN never is."""
        sign = 1 if resolve_mode(self._mode, monitor) == "maximize" else -1
        if math.isnan(value) or (self._best is not None and sign * value <= sign * self._best):
            return False
        self._best = value
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Leave the model behind: a copy is given its own by the training it is used in."""
        return {**vars(self), "_model": None, "_training": False}


def _params(model: Any, fit: Mapping[str, Any] | None) -> dict[str, object]:
    """What there is to know of a training."""
    found: dict[str, object] = {name: (fit or {})[name] for name in ("epochs", "steps") if name in (fit or {})}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        config = optimizer.get_config()  # Keras's own names count what the process has made: "adam_2"
        settings = {name: value for name, value in config.items() if value is not None and name != "name"}
        found["optimizer"] = {"class": type(optimizer).__name__, **settings}
    loss = getattr(model, "loss", None)
    if loss is not None:
        found["loss"] = loss if isinstance(loss, (str, list, dict)) else getattr(loss, "name", type(loss).__name__)
    about: dict[str, object] = {"class": type(model).__name__}
    if model.built:
        about["parameters"] = model.count_params()
        about["trainable_parameters"] = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {**found, "model": about}


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(line_length=100, expand_nested=True, print_fn=lambda line, **_: lines.append(str(line)))
    return "\n".join(lines) + "\n"


def _learning_rate(model: Any) -> float | None:
    rate = getattr(getattr(model, "optimizer", None), "learning_rate", None)
    return None if rate is None else float(rate)
