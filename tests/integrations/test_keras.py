"""Keras's callback: epochs, batches, checkpoints, evaluations; trainings that fail."""

import copy
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.control import request_stop
from readers.store import Store
from tracker import ExperimentTracker

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
from tracker.integrations.keras import SteplogCallback  # noqa: E402 - needs keras

torch.set_num_threads(1)
# Keras' own way from torch's tensors to NumPy's arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
Callback: Any = keras.callbacks.Callback
RNG = np.random.default_rng(0)
X = RNG.random((32, 3)).astype("float32")
Y = (X[:, :1] > 0.5).astype("float32")


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "keras", auto_log=False) as made:
        yield made


def make() -> Any:
    """A small model."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)], name="small")
    model.compile(keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"], run_eagerly=True)
    return model


def fit(*callbacks: Any, model: Any = None, epochs: int = 2, **options: Any) -> Any:
    """A training of 4 batches an epoch."""
    model = make() if model is None else model
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)
    return model


class Broken(Callback):  # type: ignore[misc] # untyped library
    """Leaves a training by an exception."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After the first epoch."""
        raise RuntimeError("boom")


def history(tracker: ExperimentTracker, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order they were logged."""
    tracker.flush()
    rows = Store(tracker.root).metrics(keys=[key]).sort("seq").select("step", "value").collect().rows()
    return [(step, value) for step, value in rows]


def statuses(tracker: ExperimentTracker) -> list[str]:
    """Of the runs, in their order."""
    return [run["status"] for run in tracker.get_experiment_runs()]


def test_epochs_are_logged_as_keras_tells_them(tracker: ExperimentTracker) -> None:
    """By Keras's names, with validation and the learning rate; the run that was begun for it is finished."""
    model = fit(SteplogCallback(tracker), validation_split=0.25)

    (run,) = tracker.get_experiment_runs()
    assert (run["run_name"], run["status"]) == ("small", "FINISHED")
    for name in ("loss", "mae", "val_loss", "val_mae"):
        assert history(tracker, name) == list(enumerate(model.history.history[name]))
    assert [rate for _, rate in history(tracker, "learning_rate")] == pytest.approx([0.01, 0.01])
    assert set(run["metrics"]) == {"loss", "mae", "val_loss", "val_mae", "learning_rate"}


def test_params_and_summary_tell_what_is_trained(tracker: ExperimentTracker) -> None:
    """Optimizer, loss, size; the summary as Keras prints it."""
    fit(SteplogCallback(tracker))

    run = tracker.get_experiment_runs()[0]
    params = run["params"]
    assert (params["epochs"], params["steps"], params["loss"]) == (2, 4, "mse")
    assert (params["optimizer"]["class"], params["optimizer"]["beta_1"]) == ("Adam", 0.9)
    assert params["model"] == {"class": "Sequential", "parameters": 11, "trainable_parameters": 11}
    summary = tracker.load_artifact("model_summary.txt", run["run_id"])
    assert "Trainable params: 11" in str(summary)


def test_each_nth_batch_is_logged_over_all_epochs(tracker: ExperimentTracker) -> None:
    """Four batches an epoch, each third: 2, 5, 8, 11."""
    fit(SteplogCallback(tracker, batch_every=3), epochs=3)

    assert [step for step, _ in history(tracker, "batch/loss")] == [2, 5, 8, 11]
    assert [step for step, _ in history(tracker, "loss")] == [0, 1, 2]


def test_a_scheduled_learning_rate_is_the_epochs(tracker: ExperimentTracker) -> None:
    """As Keras's scheduler sets it."""
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    fit(scheduler, SteplogCallback(tracker))

    assert [rate for _, rate in history(tracker, "learning_rate")] == pytest.approx([0.1, 0.05])


def test_the_best_and_the_last_model_are_kept(tracker: ExperimentTracker) -> None:
    """As artifacts that Keras loads; the best by the monitored metric."""
    model = make()
    callback = SteplogCallback(tracker, log_checkpoints=True, monitor="val_loss")
    slower = keras.callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch < 2 else 5.0)  # then it gets worse
    fit(slower, callback, model=model, epochs=3, validation_data=(X, Y))

    names = [entry["path"] for entry in tracker.list_artifacts(callback.run_id)]
    assert names == ["checkpoints/best.json", "checkpoints/best.keras", "checkpoints/last.keras", "model_summary.txt"]
    about: Any = tracker.load_artifact("checkpoints/best.json", callback.run_id)
    losses = model.history.history["val_loss"]
    assert about == {"epoch": int(np.argmin(losses)), "monitor": "val_loss", "score": min(losses)}
    best = keras.saving.load_model(tracker.get_artifact("checkpoints/best.keras", callback.run_id))
    assert best.evaluate(X, Y, verbose=0)[0] == pytest.approx(min(losses))


def test_each_epochs_model_is_kept_where_that_is_wanted(tracker: ExperimentTracker) -> None:
    """log_checkpoints="all"."""
    callback = SteplogCallback(tracker, log_checkpoints="all")
    fit(callback)

    names = [entry["path"] for entry in tracker.list_artifacts(callback.run_id)]
    assert names[:2] == ["checkpoints/epoch-0000.keras", "checkpoints/epoch-0001.keras"]


def test_an_evaluation_afterwards_goes_to_the_same_run(tracker: ExperimentTracker) -> None:
    """Which is finished again."""
    callback = SteplogCallback(tracker)
    model = fit(callback)
    loss = model.evaluate(X, Y, verbose=0, callbacks=[callback])[0]

    assert [value for _, value in history(tracker, "test/loss")] == [loss]
    assert statuses(tracker) == ["FINISHED"]


def test_it_joins_the_current_run_and_leaves_it_open(tracker: ExperimentTracker) -> None:
    """Two trainings in one run; it is its owner's to end."""
    callback = SteplogCallback(tracker)
    with tracker.start_run("mine") as run_id:
        model = fit(callback)
        fit(callback, model=model, epochs=4, initial_epoch=2)
        assert callback.run_id == tracker.active_run() == run_id

    assert statuses(tracker) == ["FINISHED"]
    assert [step for step, _ in history(tracker, "loss")] == [0, 1, 2, 3]


def test_a_resumed_training_goes_on_in_its_run(tracker: ExperimentTracker) -> None:
    """By the run's id."""
    callback = SteplogCallback(tracker)
    model = fit(callback)
    fit(SteplogCallback(tracker, run_id=callback.run_id), model=model, epochs=3, initial_epoch=2)

    assert statuses(tracker) == ["FINISHED"]
    assert [step for step, _ in history(tracker, "loss")] == [0, 1, 2]


def test_a_training_that_raises_is_failed(tracker: ExperimentTracker) -> None:
    """As soon as the exception has been dealt with."""
    with suppress(RuntimeError):
        fit(SteplogCallback(tracker), Broken())

    assert statuses(tracker) == ["FAILED"]
    assert len(history(tracker, "loss")) == 1


def test_a_kept_callback_tells_the_failure_with_its_next_training(tracker: ExperimentTracker) -> None:
    """Or when its block is left."""
    callback = SteplogCallback(tracker)
    with suppress(RuntimeError):
        fit(callback, Broken())
    fit(callback)
    with suppress(RuntimeError), callback:
        fit(callback, Broken())

    assert statuses(tracker) == ["FAILED", "FINISHED", "FAILED"]


def test_nan_is_kept(tracker: ExperimentTracker) -> None:
    """A loss that is not a number is a point all the same."""
    model = make()
    model.compile(keras.optimizers.SGD(float("inf")), loss="mse", run_eagerly=True)
    fit(SteplogCallback(tracker, log_checkpoints=True), model=model)

    assert np.isnan([value for _, value in history(tracker, "loss")][-1])


def test_somebody_who_stops_the_run_stops_the_training(tracker: ExperimentTracker) -> None:
    """The button on the page, `steplog stop`: after the batch."""
    with tracker.start_run("stopped") as run_id:
        request_stop(tracker.layout, run_id, "a test")
        fit(SteplogCallback(tracker, batch_every=1), epochs=100)

    assert len(history(tracker, "batch/loss")) == 1


def test_copies_work_apart(tracker: ExperimentTracker) -> None:
    """Deep copies and pickles of one that was used."""
    callback = SteplogCallback(tracker)
    model = fit(callback)
    fit(copy.deepcopy(callback), model=model)

    assert statuses(tracker) == ["FINISHED", "FINISHED"]
    assert pickle.loads(pickle.dumps(callback)).run_id == callback.run_id


def test_what_makes_no_sense_is_refused() -> None:
    """At the constructor, with what is allowed."""
    with pytest.raises(ValueError, match="batch_every is 0"):
        SteplogCallback(batch_every=0)
    with pytest.raises(ValueError, match="log_checkpoints is 'best'"):
        SteplogCallback(log_checkpoints="best")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not Sequential"):
        SteplogCallback(make())


def test_disabled_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the training runs, no file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    model = fit(SteplogCallback(log_checkpoints=True, batch_every=1))
    model.evaluate(X, Y, verbose=0, callbacks=[SteplogCallback()])

    assert list(tmp_path.iterdir()) == []
