"""Lightning's logger: fit, test and validate in one run, exceptions, checkpoints, resumption, copies."""

import copy
import math
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.control import request_stop
from readers.store import Store
from tracker import ExperimentTracker

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning.pytorch")
from tracker.integrations.lightning import SteplogLogger, StopOnRequest  # noqa: E402 - needs lightning

torch.set_num_threads(1)
Module: Any = lightning.LightningModule
# Lightning's own advice on this machine and on so small a training, and its use of what torch deprecates.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.rank_zero.LightningDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


class Small(Module):  # type: ignore[misc] # untyped library
    """A module of 4 parameters; its loss doesn't matter."""

    def __init__(self, lr: float = 0.1, boom: type[BaseException] | None = None, *, uphill: bool = False) -> None:
        super().__init__()
        self.save_hyperparameters({"lr": lr, "head": {"width": 3, "api_key": "s3cret"}})
        self.layer = torch.nn.Linear(3, 1)
        self.boom, self.uphill = boom, uphill

    def training_step(self, batch: Any, index: int) -> Any:
        """Log a loss; perhaps raise, at the third batch."""
        if self.boom is not None and index == 2:
            raise self.boom
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        """Log a loss."""
        self.log("val_loss", self.layer(batch[0]).square().mean())

    def test_step(self, batch: Any, index: int) -> None:
        """Log a NaN."""
        self.log("test_loss", torch.tensor(float("nan")))

    def configure_optimizers(self) -> Any:
        """Any."""
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr, maximize=self.uphill)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "lit/small", auto_log=False) as made:
        yield made


@pytest.fixture
def rows() -> Any:
    """Eight rows, in batches of two."""
    torch.manual_seed(0)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 3)), batch_size=2)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Lightning ignores Ctrl-C for good once it has seen one."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def trainer(folder: Path, logger: Any, *callbacks: Any, **options: Any) -> Any:
    """A quiet one."""
    settings = {"max_epochs": 2, "log_every_n_steps": 1, "enable_checkpointing": False, "accelerator": "cpu"}
    return lightning.Trainer(
        logger=logger,
        callbacks=list(callbacks),
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{**settings, **options},
    )


def history(tracker: ExperimentTracker, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order they were logged."""
    tracker.flush()
    rows = Store(tracker.root).metrics(keys=[key]).sort("seq").select("step", "value").collect().rows()
    return [(step, value) for step, value in rows]


def statuses(tracker: ExperimentTracker) -> list[str]:
    """Of the runs, in their order."""
    return [run["status"] for run in tracker.get_experiment_runs()]


def test_fit_test_and_validate_are_one_run(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """With hyperparameters, secrets masked; metrics at global steps; finished each time."""
    logger = SteplogLogger(tracker, run_name="small", tags={"team": "a"})
    ours = trainer(tmp_path, logger)
    model = Small()
    ours.fit(model, rows, rows)
    assert (tracker.active_run(), statuses(tracker)) == (None, ["FINISHED"])
    ours.validate(model, rows, verbose=False)
    ours.test(model, rows, verbose=False)

    (run,) = tracker.get_experiment_runs()
    assert (run["run_id"], run["run_name"], run["status"]) == (logger.version, "small", "FINISHED")
    assert run["params"]["lr"] == 0.1
    assert run["params"]["head"]["width"] == 3
    assert "s3cret" not in str(run["params"])
    assert run["tags"]["team"] == "a"
    assert [step for step, _ in history(tracker, "loss")] == list(range(8))
    assert [step for step, _ in history(tracker, "val_loss")] == [3, 7, 8]
    (nan,) = history(tracker, "test_loss")
    assert math.isnan(nan[1])


@pytest.mark.parametrize(
    ("boom", "raised", "status"),
    [(RuntimeError, RuntimeError, "FAILED"), (KeyboardInterrupt, SystemExit, "KILLED")],
)
def test_an_exception_ends_the_run_as_what_it_is(
    tracker: ExperimentTracker, rows: Any, tmp_path: Path, boom: type[Exception], raised: type[Exception], status: str
) -> None:
    """And goes on its way."""
    with pytest.raises(raised):
        trainer(tmp_path, SteplogLogger(tracker)).fit(Small(boom=boom), rows)

    assert statuses(tracker) == [status]
    assert len(history(tracker, "loss")) == 2


def test_a_training_that_goes_on_well_after_a_failure_is_finished(
    tracker: ExperimentTracker, rows: Any, tmp_path: Path
) -> None:
    """The same logger is the same run."""
    logger = SteplogLogger(tracker)
    with suppress(RuntimeError):
        trainer(tmp_path, logger).fit(Small(boom=RuntimeError), rows)
    trainer(tmp_path, logger).fit(Small(), rows)

    assert statuses(tracker) == ["FINISHED"]


@pytest.mark.parametrize("wanted", [True, "all", False])
def test_checkpoints_are_logged_once_with_their_scores(
    tracker: ExperimentTracker, rows: Any, tmp_path: Path, wanted: Any
) -> None:
    """The best and the last, or each; none by default."""
    logger = SteplogLogger(tracker, log_checkpoints=wanted)
    checkpoints = lightning.callbacks.ModelCheckpoint(monitor="val_loss", filename="{epoch}", save_last=True)
    rising = Small(uphill=True)  # the first epoch is the best
    trainer(tmp_path, logger, checkpoints, max_epochs=3, enable_checkpointing=True).fit(rising, rows, rows)

    names = [entry["path"] for entry in tracker.list_artifacts(logger.version)]
    if not wanted:
        assert names == []
        return
    assert names == ["checkpoints/checkpoints.json", "checkpoints/epoch=0.ckpt", "checkpoints/last.ckpt"]
    told: Any = tracker.load_artifact("checkpoints/checkpoints.json", logger.version)
    about = {entry["file"]: entry for entry in told}
    best = about["checkpoints/epoch=0.ckpt"]
    assert (best["monitor"], best["best"]) == ("val_loss", True)
    assert best["score"] == pytest.approx(float(checkpoints.best_model_score))
    assert (about["checkpoints/last.ckpt"]["best"], about["checkpoints/last.ckpt"]["last"]) == (False, True)
    saved = tracker.get_artifact("checkpoints/epoch=0.ckpt", logger.version).read_bytes()
    assert saved == Path(checkpoints.best_model_path).read_bytes()
    logged = Store(tracker.root).facts(kinds=["artifact"]).collect()["key"].to_list()
    assert logged.count("checkpoints/epoch=0.ckpt") == 1


def test_all_logs_what_the_trainer_has_removed_since(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """Each checkpoint as it is written."""
    logger = SteplogLogger(tracker, log_checkpoints="all")
    checkpoints = lightning.callbacks.ModelCheckpoint(monitor="val_loss", filename="{epoch}")
    trainer(tmp_path, logger, checkpoints, enable_checkpointing=True).fit(Small(lr=0.01), rows, rows)

    names = [entry["path"] for entry in tracker.list_artifacts(logger.version)]
    assert names == ["checkpoints/checkpoints.json", "checkpoints/epoch=0.ckpt", "checkpoints/epoch=1.ckpt"]
    assert [path.name for path in Path(checkpoints.dirpath).iterdir()] == ["epoch=1.ckpt"]
    assert Path(checkpoints.dirpath) == tmp_path / "lit%2Fsmall" / str(logger.version) / "checkpoints"


def test_a_training_is_resumed_in_its_run(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """From a checkpoint, by the run's id; the steps go on."""
    first = SteplogLogger(tracker, save_dir=tmp_path / "saved")
    ours = trainer(tmp_path, first, max_epochs=1, enable_checkpointing=True)
    ours.fit(Small(), rows)
    path = ours.checkpoint_callback.best_model_path
    assert path.startswith(str(tmp_path / "saved"))
    trainer(tmp_path, SteplogLogger(tracker, run_id=first.version)).fit(
        Small(), rows, ckpt_path=path, weights_only=False
    )

    assert statuses(tracker) == ["FINISHED"]
    assert [step for step, _ in history(tracker, "loss")] == list(range(8))


def test_it_joins_the_current_run_and_leaves_it_open(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """It is its owner's to end; names can have a prefix."""
    with tracker.start_run("mine") as run_id:
        logger = SteplogLogger(tracker, prefix="lit")
        trainer(tmp_path, logger).fit(Small(), rows)
        assert logger.version == tracker.active_run() == run_id

    assert statuses(tracker) == ["FINISHED"]
    assert len(history(tracker, "lit/loss")) == 8


def test_the_experiment_is_the_tracker(tracker: ExperimentTracker) -> None:
    """With the run as its current one, also where nothing has been logged yet."""
    logger = SteplogLogger(tracker)
    logger.experiment.log_text("hello", "note.txt")
    logger.log_hyperparams(Namespace(depth=3))
    logger.log_graph(torch.nn.Linear(1, 1))
    logger.save()
    logger.finalize("success")
    logger.experiment.log_metrics({"afterwards": 1.0})
    logger.finalize("success")

    (run,) = tracker.get_experiment_runs()
    assert (run["params"], run["metrics"], run["status"]) == ({"depth": 3}, {"afterwards": 1.0}, "FINISHED")
    assert [entry["path"] for entry in tracker.list_artifacts(run["run_id"])] == ["note.txt"]


def test_a_logger_that_never_logged_makes_no_run(tracker: ExperimentTracker) -> None:
    """Nor does its end."""
    SteplogLogger(tracker).finalize("success")

    assert tracker.get_experiment_runs() == []


def test_only_rank_zero_logs(tracker: ExperimentTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """In other ranks every call is accepted and does nothing."""
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = SteplogLogger(tracker)
    logger.log_metrics({"x": 1.0}, step=0)
    logger.log_hyperparams({"x": 1})
    logger.experiment.log_text("hello", "note.txt")
    logger.finalize("success")

    assert logger.version is None
    assert tracker.get_experiment_runs() == []


@pytest.mark.slow  # 10 s on an idle machine: two processes that import Lightning
@pytest.mark.timeout(120)
def test_two_ranks_write_one_run(tmp_path: Path) -> None:
    """Lightning's own ddp on gloo, the second rank launched by it."""
    script = f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        import torch
        from test_lightning import Small, trainer
        from tracker import ExperimentTracker
        from tracker.integrations.lightning import SteplogLogger

        logger = SteplogLogger(ExperimentTracker("store", "lit", auto_log=False))
        rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 3)), batch_size=2)
        trainer(Path.cwd(), logger, devices=2, strategy="ddp", max_epochs=1).fit(Small(), rows)
        """
    (tmp_path / "train.py").write_text(textwrap.dedent(script))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "train.py"],
        cwd=tmp_path,
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    (run,) = Store(tmp_path / "store").experiment_runs("lit")
    assert run["status"] == "FINISHED"
    assert Store(tmp_path / "store").metrics(keys=["loss"]).collect().height == 2


def test_copies_log_to_the_same_run(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """Also those that were made before it began, as a launcher that spawns makes them."""
    logger = SteplogLogger(tracker)
    copied = pickle.loads(pickle.dumps(logger))
    copied.log_metrics({"x": 1.0}, step=0)
    copied.finalize("success")
    copied._run.tracker.close()
    logger.log_metrics({"x": 2.0}, step=1)
    logger.finalize("success")
    copy.deepcopy(logger).log_metrics({"x": 3.0}, step=2)

    assert [run["run_id"] for run in tracker.get_experiment_runs()] == [logger.version]
    assert sorted(history(tracker, "x")) == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_somebody_who_stops_the_run_stops_the_training(tracker: ExperimentTracker, rows: Any, tmp_path: Path) -> None:
    """The button on the page, `steplog stop`; with the callback."""
    with tracker.start_run("stopped") as run_id:
        request_stop(tracker.layout, run_id, "a test")
        ours = trainer(tmp_path, SteplogLogger(tracker), StopOnRequest(), max_epochs=100)
        ours.fit(Small(), rows)

    assert ours.global_step == 1


def test_the_other_package_of_the_same_library_takes_it(tmp_path: Path) -> None:
    """pytorch_lightning, in a process that knows no other."""
    pytest.importorskip("pytorch_lightning")
    script = """
        import pytorch_lightning as pl
        import torch
        from tracker.integrations.lightning import SteplogLogger

        class Small(pl.LightningModule):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(3, 1)

            def training_step(self, batch, index):
                self.log("loss", self.layer(batch[0]).mean())
                return self.layer(batch[0]).mean()

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), lr=0.1)

        assert issubclass(SteplogLogger, pl.loggers.Logger)
        rows = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(8, 3)), batch_size=2)
        pl.Trainer(
            logger=SteplogLogger(experiment_name="pl"), max_epochs=1, enable_progress_bar=False,
            enable_model_summary=False, log_every_n_steps=1, accelerator="cpu",
        ).fit(Small(), rows)
        """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=18,
    )

    assert done.returncode == 0, done.stderr
    (run,) = Store(tmp_path / "experiments").experiment_runs("pl")
    assert (run["status"], "loss" in run["metrics"]) == ("FINISHED", True)


def test_what_makes_no_sense_is_refused(tracker: ExperimentTracker) -> None:
    """At the constructor, with what is allowed."""
    with pytest.raises(ValueError, match="log_checkpoints is 'best'"):
        SteplogLogger(tracker, log_checkpoints="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="run_id is 'a/b'"):
        SteplogLogger(tracker, run_id="a/b")
    with pytest.raises(ValueError, match="not both"):
        SteplogLogger(tracker, experiment_name="other")


def test_disabled_does_nothing(rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the training runs, no file of ours is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    ours = trainer(tmp_path / "lightning", SteplogLogger(log_checkpoints=True), enable_checkpointing=True)
    ours.fit(Small(), rows)

    assert [path.name for path in tmp_path.iterdir()] == ["lightning"]
