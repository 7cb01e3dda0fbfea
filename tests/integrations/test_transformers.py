"""The callback for Hugging Face's Trainer: logs, params, checkpoints, searches, resumption; trainings that fail."""

import copy
import math
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.control import request_stop
from readers.store import Store
from tracker import ExperimentTracker

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
from tracker.integrations.transformers import SteplogCallback  # noqa: E402 - needs transformers

torch.set_num_threads(1)
TrainerCallback: Any = transformers.TrainerCallback
# The libraries' own: torch without an accelerator, and what they use of each other that is deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:torch"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
ROWS = [{"input_ids": [index % 7, 1, 2, 3], "labels": [index % 7, 1, 2, 3]} for index in range(8)]


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of any server."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "hf", auto_log=False) as made:
        yield made


def make(_trial: Any = None) -> Any:
    """A tiny model with random weights."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        n_layer=1, n_head=1, n_embd=4, n_positions=8, vocab_size=8, bos_token_id=0, eos_token_id=0, pad_token_id=0
    )
    return transformers.GPT2LMHeadModel(config)


def trainer(folder: Path, *callbacks: Any, **options: Any) -> Any:
    """A quiet one, of 4 steps."""
    settings = {"max_steps": 4, "logging_steps": 1, "save_strategy": "no", "per_device_train_batch_size": 2}
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "out"), report_to="none", use_cpu=True, disable_tqdm=True, **{**settings, **options}
    )
    made = transformers.Trainer(
        args=arguments, train_dataset=ROWS, eval_dataset=ROWS[:2], callbacks=list(callbacks), model_init=make
    )
    made.remove_callback(transformers.PrinterCallback)
    return made


class Broken(TrainerCallback):  # type: ignore[misc] # untyped library
    """Leaves a training by an exception."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After the second step."""
        if state.global_step == 2:
            raise RuntimeError("boom")


def history(tracker: ExperimentTracker, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order they were logged."""
    tracker.flush()
    rows = Store(tracker.root).metrics(keys=[key]).sort("seq").select("step", "value").collect().rows()
    return [(step, value) for step, value in rows]


def statuses(tracker: ExperimentTracker) -> list[str]:
    """Of the runs, in their order."""
    return [run["status"] for run in tracker.get_experiment_runs()]


def test_what_the_trainer_logs_is_logged(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Under train/ and eval/, at global steps; evaluations and predictions afterwards in the same run."""
    ours = trainer(tmp_path, SteplogCallback(tracker), run_name="tiny", eval_strategy="steps", eval_steps=2)
    ours.train()
    assert (tracker.active_run(), statuses(tracker)) == (None, ["FINISHED"])
    evaluated = ours.evaluate()
    predicted = ours.predict(ROWS[:2])

    (run,) = tracker.get_experiment_runs()
    assert (run["run_name"], run["status"]) == ("tiny", "FINISHED")
    logged = [(entry["step"], entry["loss"]) for entry in ours.state.log_history if "loss" in entry]
    assert history(tracker, "train/loss") == logged
    assert [step for step, _ in logged] == [1, 2, 3, 4]
    assert [step for step, _ in history(tracker, "eval/loss")] == [2, 4, 4]
    assert history(tracker, "eval/loss")[-1][1] == evaluated["eval_loss"]
    assert history(tracker, "test/loss") == [(4, predicted.metrics["test_loss"])]
    assert {"train/learning_rate", "train/grad_norm", "train/epoch", "train/train_runtime"} <= set(run["metrics"])


def test_params_are_arguments_and_configuration(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """With the number of parameters; tokens are masked."""
    ours = trainer(tmp_path, SteplogCallback(tracker), learning_rate=0.01, hub_token="s3cret")  # noqa: S106 - a fake
    ours.train()

    params = tracker.get_experiment_runs()[0]["params"]
    assert (params["learning_rate"], params["max_steps"]) == (0.01, 4)
    assert (params["model_config"]["n_embd"], params["model_config"]["model_type"]) == (4, "gpt2")
    assert params["model_parameters"] == ours.model.num_parameters()
    assert "s3cret" not in str(params)


@pytest.mark.parametrize("wanted", [True, "all", False])
def test_checkpoints_are_artifacts_where_that_is_wanted(
    tracker: ExperimentTracker, tmp_path: Path, wanted: Any
) -> None:
    """The best and the last, or each."""
    callback = SteplogCallback(tracker, log_checkpoints=wanted)
    ours = trainer(
        tmp_path,
        callback,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        max_steps=3,
        metric_for_best_model="loss",
        greater_is_better=True,  # the first is the best
        load_best_model_at_end=True,
    )
    ours.train()

    paths = [entry["path"] for entry in tracker.list_artifacts(callback.run_id)]
    weights = [path for path in paths if path.endswith("model.safetensors")]
    if not wanted:
        assert paths == []
        return
    best = Path(ours.state.best_model_checkpoint).name
    kept = ["checkpoint-1", "checkpoint-2", "checkpoint-3"] if wanted == "all" else sorted({best, "checkpoint-3"})
    assert weights == [f"checkpoints/{name}/model.safetensors" for name in kept]
    told: Any = tracker.load_artifact("checkpoints/checkpoints.json", callback.run_id)
    (about,) = [entry for entry in told if entry["best"]]
    assert (about["file"], about["metric"]) == (f"checkpoints/{best}", "loss")
    assert about["score"] == ours.state.best_metric


@pytest.mark.parametrize("by", ["id", "checkpoint"])
def test_a_training_is_resumed_in_its_run(tracker: ExperimentTracker, tmp_path: Path, by: str) -> None:
    """By the run's id, or by the checkpoint that tells it."""
    first = SteplogCallback(tracker)
    trainer(tmp_path, first, max_steps=2, save_strategy="steps", save_steps=2).train()
    second = SteplogCallback(tracker, run_id=first.run_id) if by == "id" else SteplogCallback(tracker, resume=True)
    trainer(tmp_path, second).train(resume_from_checkpoint=True)

    assert statuses(tracker) == ["FINISHED"]
    assert [step for step, _ in history(tracker, "train/loss")] == [1, 2, 3, 4]


def test_unasked_a_resumed_training_is_a_run_of_its_own(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Several may begin from one checkpoint."""
    trainer(tmp_path, SteplogCallback(tracker), max_steps=2, save_strategy="steps", save_steps=2).train()
    trainer(tmp_path, SteplogCallback(tracker)).train(resume_from_checkpoint=True)

    assert statuses(tracker) == ["FINISHED"] * 2


def test_each_trial_of_a_search_is_a_run(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Below the current one, named as the search names it, with its params."""
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    ours = trainer(tmp_path, SteplogCallback(tracker), max_steps=2, run_name="search")
    with tracker.start_run("parent") as parent:
        ours.hyperparameter_search(
            hp_space=lambda trial: {"learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2)},
            hp_name=lambda trial: f"try {trial.number}",
            n_trials=2,
            direction="minimize",
            backend="optuna",
        )

    runs = tracker.get_experiment_runs()
    assert [run["run_name"] for run in runs] == ["parent", "try 0", "try 1"]
    assert {(run["parent_run_id"], run["group"], run["status"]) for run in runs[1:]} == {
        (str(parent), "search", "FINISHED")
    }
    rates = [run["params"]["learning_rate"] for run in runs[1:]]
    assert len(set(rates)) == 2


def test_it_joins_the_current_run_and_leaves_it_open(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """It is its owner's to end."""
    callback = SteplogCallback(tracker)
    with tracker.start_run("mine") as run_id:
        ours = trainer(tmp_path, callback)
        ours.train()
        ours.evaluate()
        assert callback.run_id == tracker.active_run() == run_id

    assert statuses(tracker) == ["FINISHED"]


def test_a_training_that_raises_is_failed(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """When its Trainer is gone; when its next training begins; when its block is left."""
    import gc

    with suppress(RuntimeError):
        trainer(tmp_path, SteplogCallback(tracker), Broken()).train()
    gc.collect()  # a Trainer is in circles of its own
    assert statuses(tracker) == ["FAILED"]

    callback = SteplogCallback(tracker)
    ours = trainer(tmp_path, callback, Broken())
    with suppress(RuntimeError):
        ours.train()
    with suppress(RuntimeError), callback:
        ours.train()
    assert statuses(tracker) == ["FAILED"] * 3
    assert tracker.active_run() is None


def test_smaller_batches_are_the_same_training(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """auto_find_batch_size begins anew where memory was too small."""

    class TooLarge(TrainerCallback):  # type: ignore[misc] # untyped library
        """Fails once, as a GPU does."""

        failed = False

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if not self.failed:
                self.failed = True
                raise RuntimeError("CUDA out of memory.")

    trainer(tmp_path, SteplogCallback(tracker), TooLarge(), auto_find_batch_size=True).train()

    assert statuses(tracker) == ["FINISHED"]


def test_only_the_main_process_logs(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """In others every call is accepted and does nothing."""
    callback = SteplogCallback(tracker, log_checkpoints=True)
    ours = trainer(tmp_path, callback)
    state = transformers.TrainerState(is_world_process_zero=False)
    callback.on_train_begin(ours.args, state, ours.control)
    callback.on_log(ours.args, state, ours.control, logs={"loss": 1.0})
    callback.on_save(ours.args, state, ours.control)
    callback.on_predict(ours.args, state, ours.control, metrics={"test_loss": 1.0})
    callback.on_train_end(ours.args, state, ours.control)

    assert tracker.get_experiment_runs() == []


def test_nan_is_kept_and_texts_are_left_out(
    tracker: ExperimentTracker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A loss that is not a number is a point all the same; a text is no metric, said once."""
    callback = SteplogCallback(tracker)
    ours = trainer(tmp_path, callback)
    with callback:
        callback.on_train_begin(ours.args, ours.state, ours.control, model=ours.model)
        for _ in range(2):
            callback.on_log(ours.args, ours.state, ours.control, logs={"loss": float("nan"), "note": "hello"})

    assert [math.isnan(value) for _, value in history(tracker, "train/loss")] == [True, True]
    assert caplog.text.count("train/note") == 1


def test_somebody_who_stops_the_run_stops_the_training(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """The button on the page, `steplog stop`: after the step."""
    with tracker.start_run("stopped") as run_id:
        request_stop(tracker.layout, run_id, "a test")
        ours = trainer(tmp_path, SteplogCallback(tracker), max_steps=100)
        ours.train()

    assert ours.state.global_step == 1


def test_copies_work_apart(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Deep copies and pickles of one that was used."""
    callback = SteplogCallback(tracker)
    trainer(tmp_path, callback, max_steps=1).train()
    trainer(tmp_path, copy.deepcopy(callback), max_steps=1).train()

    assert statuses(tracker) == ["FINISHED"] * 2
    assert pickle.loads(pickle.dumps(callback)).run_id == callback.run_id


def test_what_makes_no_sense_is_refused() -> None:
    """At the constructor, with what is allowed."""
    with pytest.raises(ValueError, match="log_checkpoints is 'best'"):
        SteplogCallback(log_checkpoints="best")  # type: ignore[arg-type]


def test_disabled_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the training runs, no file of ours is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    ours = trainer(tmp_path, SteplogCallback(log_checkpoints=True), save_strategy="steps", save_steps=2)
    ours.train()
    ours.evaluate()

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
