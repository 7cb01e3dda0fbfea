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
