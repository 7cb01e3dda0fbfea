"""Plain torch loops: ranks that write one run, norms and learning rates, states that go on where they stopped."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from readers.store import Store
from tracker import ExperimentTracker

torch = pytest.importorskip("torch")
from tracker.integrations.torch import start_run, watch  # noqa: E402 - needs torch

torch.set_num_threads(1)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "torch", auto_log=False) as made:
        yield made


def history(root: Path, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order of steps and values."""
    rows = Store(root).metrics(keys=[key]).select("step", "value").sort("step", "value").collect().rows()
    return [(step, value) for step, value in rows]


def make() -> tuple[Any, Any]:
    """A model of 4 parameters and its optimizer."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.5)


def train(model: Any, optimizer: Any, steps: int) -> list[float]:
    """Steps on the same rows; gives each step's gradient norm."""
    norms = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(torch.ones(2, 3)) - 1).square().mean()
        loss.backward()
        norms.append(float(torch.cat([value.grad.flatten() for value in model.parameters()]).norm()))
        optimizer.step()
    return norms


def processes(folder: Path, ranks: int, body: str) -> list[subprocess.CompletedProcess[str]]:
    """Run a script in as many processes of one gloo group, each to its end."""
    script = f"""
        import os, signal, sys
        import torch
        from torch import distributed
        from tracker import ExperimentTracker
        from tracker.integrations.torch import start_run, watch
        torch.set_num_threads(1)
        rank = int(sys.argv[1])
        distributed.init_process_group("gloo", init_method="file://" + os.path.abspath("meet"), rank=rank, world_size={ranks})
        tracker = ExperimentTracker("store", "ddp", auto_log=False)
        """  # noqa: E501 - it is one call
    text = textwrap.dedent(script) + textwrap.dedent(body)
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", text, str(rank)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]
    outputs = [process.communicate(timeout=18) for process in started]
    return [
        subprocess.CompletedProcess(process.args, process.returncode, *output)
        for process, output in zip(started, outputs, strict=True)
    ]


def test_ranks_write_one_run(tmp_path: Path) -> None:
    """Rank 0 starts it, both log to it with their rank, and rank 0 alone logs the norms they share."""
    body = """
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with start_run(tracker, "both", params={"seed": 1}), watch(model, optimizer, tracker, every=2):
            for step in range(4):
                optimizer.zero_grad()
                loss = model(torch.ones(2, 3)).mean()
                loss.backward()
                optimizer.step()
                tracker.log_metrics({"loss": float(loss), f"seen_by/{rank}": rank}, step=step)
        tracker.close()
        distributed.destroy_process_group()
        """
    done = processes(tmp_path, 2, body)

    assert [process.returncode for process in done] == [0, 0], done
    (run,) = Store(tmp_path / "store").experiment_runs("ddp")
    (row,) = Store(tmp_path / "store").runs().collect().to_dicts()
    assert (run["run_name"], run["status"], run["params"]["seed"]) == ("both", "FINISHED", 1)
    assert (row["ranks"], row["writers"]) == (2, 2)
    assert run["params"]["model"] == {"class": "Linear", "parameters": 4, "trainable_parameters": 4}
    assert [len(history(tmp_path / "store", key)) for key in ("loss", "seen_by/0", "seen_by/1")] == [8, 4, 4]
    assert [step for step, _ in history(tmp_path / "store", "gradients/norm")] == [0, 2]


def test_a_killed_rank_keeps_its_points_and_nobody_waits_for_it(tmp_path: Path) -> None:
    """The other two end, the run is INTERRUPTED, and what the dead one had logged is there."""
    body = """
        with start_run(tracker, "three"):
            for step in range(100):
                tracker.log_metrics({f"x{rank}": step}, step=step)
                if (rank, step) == (2, 49):
                    os.kill(os.getpid(), signal.SIGKILL)
        tracker.close()
        os._exit(0)  # gloo's own end would wait for the dead
        """
    done = processes(tmp_path, 3, body)

    assert [process.returncode for process in done] == [0, 0, -signal.SIGKILL], done
    (run,) = Store(tmp_path / "store").experiment_runs("ddp")
    assert (run["run_name"], run["status"]) == ("three", "INTERRUPTED")
    assert [len(history(tmp_path / "store", f"x{rank}")) for rank in range(3)] == [100, 100, 50]


def test_all_ranks_hear_that_rank_0_could_not_start(tmp_path: Path) -> None:
    """None waits for ever: each raises, and says why."""
    body = """
        try:
            start_run(tracker, run_id="not/an/id")
        except (RuntimeError, ValueError) as error:
            print(type(error).__name__, error)
        """
    done = processes(tmp_path, 2, body)

    assert done[0].stdout.startswith("ValueError run_id is 'not/an/id'"), done
    assert done[1].stdout.startswith("RuntimeError rank 0 could not start the run: ValueError: run_id is"), done


def test_without_a_group_it_is_the_trackers_start_run(tracker: ExperimentTracker) -> None:
    """The same script runs alone."""
    with start_run(tracker, "alone", tags={"a": 1}) as run_id:
        assert tracker.active_run() == run_id

    (run,) = tracker.get_experiment_runs()
    assert (run["run_name"], run["tags"], run["status"]) == ("alone", {"a": 1}, "FINISHED")


def test_norms_and_learning_rates_are_those_of_the_asked_steps(tracker: ExperimentTracker) -> None:
    """Each third step, from the first, as torch itself computes them."""
    model, optimizer = make()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    with tracker.start_run("watched"), watch(model, optimizer, tracker, every=3, layers=True):
        norms = []
        for _ in range(4):
            norms += train(model, optimizer, 1)
            scheduler.step()

    root = tracker.root
    assert [step for step, _ in history(root, "gradients/norm")] == [0, 3]
    assert [value for _, value in history(root, "gradients/norm")] == pytest.approx([norms[0], norms[3]])
    assert history(root, "learning_rate") == [(0, 0.5), (3, 0.5**4)]
    layers = [dict(history(root, f"gradients/{name}"))[3] for name in ("weight", "bias")]
    assert sum(norm**2 for norm in layers) ** 0.5 == pytest.approx(norms[3])
    assert len(history(root, "parameters/norm")) == len(history(root, "parameters/weight")) == 2


def test_norms_that_are_not_finite_are_kept(tracker: ExperimentTracker) -> None:
    """A gradient of NaN is what one watches for; without gradients the parameters' norm is told all the same."""
    model, optimizer = make()
    with watch(model, optimizer, tracker, every=1):
        optimizer.step()
        train(model, optimizer, 1)
        model.weight.grad[0, 0] = float("nan")
        optimizer.step()

    values = dict(history(tracker.root, "gradients/norm"))
    assert list(values) == [1, 2]
    assert math.isnan(values[2])
    assert len(history(tracker.root, "parameters/norm")) == 3


def test_half_precision_norms_do_not_overflow(tracker: ExperimentTracker) -> None:
    """Squares of 300 don't fit float16; their sum's root does float32."""
    model = torch.nn.Linear(2, 1, bias=False).half()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    model.weight.grad = torch.tensor([[300.0, float("nan")]]).half()
    with watch(model, optimizer, tracker, every=1):
        optimizer.step()
        model.weight.grad = torch.tensor([[300.0, 400.0]]).half()
        optimizer.step()

    values = [value for _, value in history(tracker.root, "gradients/norm")]
    assert math.isnan(values[0])
    assert values[1] == 500.0


def test_a_watch_that_is_left_by_an_error_fails_its_own_run(tracker: ExperimentTracker) -> None:
    """And looks no more."""
    model, optimizer = make()

    def left() -> None:
        with watch(model, optimizer, tracker, every=1):
            train(model, optimizer, 2)
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        left()
    train(model, optimizer, 2)

    assert [run["status"] for run in tracker.get_experiment_runs()] == ["FAILED"]
    assert len(history(tracker.root, "gradients/norm")) == 2


def test_a_run_that_its_owner_ended_stops_no_training(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be logged any more is said once, and counted."""
    model, optimizer = make()
    with tracker.start_run("short"):
        watched = watch(model, optimizer, tracker, every=1)
    train(model, optimizer, 3)
    watched.remove()

    assert caplog.text.count("Training goes on") == 1
    assert tracker.stats().faults == 3
    assert history(tracker.root, "gradients/norm") == []


def test_a_loss_is_logged_as_it_is(tracker: ExperimentTracker) -> None:
    """A scalar with its graph, of any precision; torch's own warning is for those who lose the graph unawares."""
    loss = torch.ones(1, requires_grad=True).sum()
    with tracker.start_run("plain"):
        tracker.log_metrics({"loss": loss, "half": torch.tensor(0.5).bfloat16()}, step=0)

    assert tracker.get_experiment_runs()[0]["metrics"] == {"loss": 1.0, "half": 0.5}
    assert loss.requires_grad


def test_what_cannot_be_watched_is_refused(tracker: ExperimentTracker) -> None:
    """No such interval, no optimizer."""
    model, optimizer = make()

    with pytest.raises(ValueError, match="every is 0"):
        watch(model, optimizer, tracker, every=0)
    with pytest.raises(TypeError, match="not Linear"):
        watch(model, model, tracker)


def test_a_training_goes_on_from_its_checkpoint(tracker: ExperimentTracker) -> None:
    """Model, momentum, schedule and random numbers: what follows is what would have followed."""

    def state() -> tuple[Any, Any, Any]:
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        return model, optimizer, torch.optim.lr_scheduler.StepLR(optimizer, 2)

    def go(model: Any, optimizer: Any, scheduler: Any, steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            losses.append(train(model, optimizer, 1)[0])
            scheduler.step()
        return losses

    model, optimizer, scheduler = state()
    with tracker.start_run("first"):
        go(model, optimizer, scheduler, 3)
        parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "random": torch.get_rng_state()}
        tracker.save_checkpoint(parts, step=3)
        expected = go(model, optimizer, scheduler, 3)

    saved = tracker.load_checkpoint("first")
    model, optimizer, scheduler = state()
    for name, part in {"model": model, "optimizer": optimizer, "scheduler": scheduler}.items():
        part.load_state_dict(saved[name])
    torch.set_rng_state(saved["random"])
    assert go(model, optimizer, scheduler, 3) == expected


def test_disabled_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the loop runs, no file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    model, optimizer = make()
    with watch(model, optimizer):
        train(model, optimizer, 2)

    assert list(tmp_path.iterdir()) == []
