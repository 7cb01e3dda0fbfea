"""A store with a few runs in it, and `steplog` as a function."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tracker import ExperimentTracker
from tracker.cli import main


class Said(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def steplog(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command line in this process."""
    monkeypatch.delenv("STEPLOG_DIR", raising=False)

    def run(*args: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["steplog", *map(str, args)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two experiments: "vision/resnet" with three runs, of which one failed, and "text" with one."""
    folder = tmp_path / "store"
    with ExperimentTracker(folder, "vision/resnet", auto_log=False) as tracker:
        for number, (name, loss, accuracy) in enumerate([("good", 0.25, 0.9), ("bad", 0.75, 0.1), ("fair", 0.5, 0.5)]):
            tracker.start_run(name, tags={"team": "a"}, params={"lr": 0.1 * number, "net": {"depth": number}})
            for step in range(3):
                tracker.log_metrics({"loss": loss + 2 - step, "accuracy": accuracy}, step=step)
            tracker.end_run("FAILED" if name == "bad" else "FINISHED")
    with ExperimentTracker(folder, "text", auto_log=False) as tracker, tracker.start_run("bert") as run:
        tracker.log_metrics({"perplexity": float("nan")})
        tracker.log_text("hello", "notes/a.txt", run_id=run)
    return folder


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen runs of "study": two optimizers, two learning rates, four seeds; and one of "other". To be read only."""
    folder = tmp_path_factory.mktemp("study")
    with ExperimentTracker(folder, "study", auto_log=False) as tracker:
        for number in range(16):
            seed, optimizer, lr = number // 4, ("adam", "sgd")[number % 2], (0.001, 0.1)[number // 2 % 2]
            tracker.start_run(f"trial-{number:02d}", tags={"team": "a"})
            tracker.log_params({"optimizer": {"name": optimizer, "lr": lr}, "seed": seed, "depth": 4})
            accuracy = 0.9 - 0.3 * (optimizer == "sgd") + 0.01 * seed + 0.001 * number
            for step in range(3):
                tracker.log_metrics({"val/accuracy": accuracy - 0.1 * (2 - step), "val/loss": 1 - accuracy}, step=step)
                tracker.log_metrics({"train/loss": 0.5 / (step + 1), "epoch_time": 1.0, f"epoch_{step}/f1": 0.5})
            tracker.end_run("FAILED" if number == 15 else "FINISHED")
    with ExperimentTracker(folder, "other", auto_log=False) as tracker, tracker.start_run("=cmd"):
        tracker.log_params({"note": "=1+1"})
    return folder
