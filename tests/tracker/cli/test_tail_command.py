"""steplog tail: history, then live, until the run ends."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def test_a_line_for_each_log_call(steplog: Steplog, store: Path) -> None:
    """Its time, its step, its values; then how the run ended."""
    lines = steplog("tail", "good", "--store", store).out.splitlines()

    assert len(lines) == 4
    assert "step 2" in lines[2]
    assert "loss 0.25" in lines[2]
    assert "accuracy 0.9" in lines[2]
    assert lines[3].startswith("good: finished after")


def test_only_some_metrics(steplog: Steplog, store: Path) -> None:
    """--key leaves the others out."""
    said = steplog("tail", "good", "-k", "loss", "--store", store)

    assert "loss" in said.out
    assert "accuracy" not in said.out


def test_json_lines(steplog: Steplog, store: Path) -> None:
    """One object a line, one a point."""
    points = [json.loads(line) for line in steplog("tail", "good", "--json", "--store", store).out.splitlines()]

    assert len(points) == 6
    assert {(point["key"], point["step"], point["value"]) for point in points} >= {
        ("loss", 2, 0.25),
        ("accuracy", 0, 0.9),
    }


def test_no_follow_stops_at_a_running_run(steplog: Steplog, tmp_path: Path) -> None:
    """What is there is printed, and that it runs."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker, tracker.start_run("r"):
        tracker.log_metrics({"loss": 1.0})
        tracker.flush()
        lines = steplog("tail", "r", "-n", "--store", tmp_path).out.splitlines()

    assert [line.split()[-1] for line in lines] == ["1", "running"]


def test_tail_follows_another_process_live(tmp_path: Path) -> None:
    """Points appear while the run goes on, and the command ends when it ends."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        tracker.start_run("r")
        tracker.log_metrics({"loss": 1.0}, step=0)
        tracker.flush()
        command = [sys.executable, "-c", "from tracker.cli import main; main()"]
        arguments = ["tail", "r", "--json", "--store", str(tmp_path)]
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            steps = [json.loads(process.stdout.readline())["step"]]
            for step in (1, 2):
                tracker.log_metrics({"loss": 1.0}, step=step)
                steps.append(json.loads(process.stdout.readline())["step"])
            tracker.end_run()
            rest = process.stdout.read()

    assert steps == [0, 1, 2]
    assert (rest, process.returncode) == ("", 0)
