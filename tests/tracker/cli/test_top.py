"""steplog top: many runs at a glance, and the course of their metrics."""

import json
import math
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.store import Store
from tracker import ExperimentTracker
from tracker.cli.board import Board
from tracker.cli.sparks import ASCII, BLOCKS, Course, reduced, spark

Steplog = Callable[..., Any]


def test_a_row_for_each_run_newest_first(steplog: Steplog, store: Path) -> None:
    """Its status, its step, its metrics with their course; counts of all above."""
    lines = steplog("top", "--once", "--store", store).out.splitlines()

    assert lines[0] == "4 runs: 3 finished, 1 failed"
    assert lines[2].split()[:6] == ["run", "experiment", "status", "for", "step", "points/s"]
    assert [line.split()[0] for line in lines[3:7]] == ["bert", "fair", "bad", "good"]
    assert "█▅▁" in lines[6]
    assert "0.25" in lines[6]


def test_running_runs_come_first(steplog: Steplog, store: Path) -> None:
    """And the limit leaves the oldest out."""
    with ExperimentTracker(store, "text", auto_log=False) as tracker:
        tracker.start_run("old and running")
        with ExperimentTracker(store, "text", auto_log=False) as other, other.start_run("new and ended"):
            pass
        found = json.loads(steplog("top", "--json", "--limit", 2, "--store", store).out)

    assert [run["run_name"] for run in found] == ["old and running", "new and ended"]


def test_json_has_the_numbers(steplog: Steplog, store: Path) -> None:
    """Of the metrics that are asked for, for scripts."""
    found = json.loads(steplog("top", "--once", "--json", "-m", "loss", "-e", "vision/resnet", "--store", store).out)
    good = found[-1]

    assert (good["run_name"], good["status"], good["step"], good["points"]) == ("good", "FINISHED", 2.0, 6)
    assert good["last"] == {"loss": 0.25}
    assert good["courses"] == {"loss": [2.25, 1.25, 0.25]}


def test_an_unknown_experiment_is_named_with_those_that_there_are(steplog: Steplog, store: Path) -> None:
    """Exit code 2."""
    said = steplog("top", "-e", "vision", "--store", store)

    assert said.code == 2
    assert "vision/resnet" in said.err


def test_an_empty_store_is_said(steplog: Steplog, tmp_path: Path) -> None:
    """Without a table."""
    ExperimentTracker(tmp_path, "e").close()

    assert steplog("top", "--store", tmp_path).out.splitlines() == ["0 runs", "No runs yet."]


def test_hostile_names_do_nothing(steplog: Steplog, tmp_path: Path) -> None:
    """Escapes, markup and turned directions in a run's, an experiment's and a metric's name."""
    with ExperimentTracker(tmp_path, "e\x1b[1m\u202e", auto_log=False) as tracker, tracker.start_run("[red]x\x1b]0;"):
        tracker.log_metrics({"\x1b[2J[/]": 1.0})
    said = steplog("top", "--once", "--store", tmp_path).out

    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "[red]x" in said


def test_the_board_follows_what_is_logged(tmp_path: Path) -> None:
    """New runs, new metrics and new points; the rate is known after a second, and not before."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker, Board(Store(tmp_path)) as board:
        assert board.refresh() == []
        first = tracker.start_run("a")
        tracker.log_metrics({"loss": 3.0}, step=1)
        board.refresh()
        tracker.log_metrics({"loss": 2.0}, step=2)
        with tracker.start_run("b", nested=True):
            tracker.log_metrics({"acc": 1.0})
            rows = {row.run_name: row for row in board.refresh()}
        board._began -= 10
        (running, ended) = board.refresh()

    assert rows["a"].last == {"loss": 2.0}
    assert rows["a"].courses["loss"] == [3.0, 2.0]
    assert (rows["a"].step, rows["a"].points, rows["a"].rate) == (2, 2, None)
    assert rows["b"].courses["acc"] == [1.0]
    assert (running.run_id, running.status, ended.status) == (first, "RUNNING", "FINISHED")
    assert running.rate == pytest.approx(0.2, abs=0.2)
    assert ended.rate is None
    assert board.counts == {"RUNNING": 1, "FINISHED": 1}


def test_it_is_live_on_a_terminal_until_interrupted(tmp_path: Path) -> None:
    """On the terminal's other screen; the last look stays."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        tracker.start_run("seen")
        tracker.log_metrics({"loss": 1.0})
        tracker.flush()
        ours, theirs = pty.openpty()
        command = [sys.executable, "-c", "from tracker.cli import main; main()", "top", "-i", "0.1"]
        process = subprocess.Popen(
            [*command, "--store", str(tmp_path)],
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "20"},
        )
        os.close(theirs)
        try:
            shown = until(ours, b"seen")
            tracker.start_run("later", nested=True)
            shown += until(ours, b"later")
            process.send_signal(signal.SIGINT)
            shown += until(ours, None)
            code = process.wait(10)
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    assert b"\x1b[?1049h" in shown
    assert shown.rindex(b"later") > shown.rindex(b"\x1b[?1049l")
    assert code == 0


def until(terminal: int, wanted: bytes | None) -> bytes:
    """What a terminal shows until that comes, or to its end."""
    shown = b""
    while wanted is None or wanted not in shown:
        assert select.select([terminal], [], [], 15)[0], shown
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            part = b""
        if not part:
            assert wanted is None, shown
            return shown
        shown += part
    return shown


# --- sparks


def test_a_spark_goes_from_the_lowest_to_the_highest() -> None:
    """A gap where there is no number; a constant is flat; plain characters where the terminal has no others."""
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == BLOCKS
    assert spark([1, math.nan, 3, math.inf], 8) == "▁·█·"
    assert spark([5, 5], 8) == "▁▁"
    assert spark([math.nan], 8) == "·"
    assert spark([], 8) == ""
    assert spark([0, 7], 8, ASCII) == "_#"
    assert spark([-1.7e308, 1.7e308], 8) == "▁█"


@given(st.lists(st.floats(), max_size=600), st.integers(1, 40))
def test_a_spark_is_never_wider_than_it_may(values: list[float], width: int) -> None:
    """Whatever the values are."""
    shown = spark(values, width)

    assert len(shown) == min(len(values), width)
    assert set(shown) <= {*BLOCKS, "·"}


def test_a_course_keeps_its_shape_in_bounded_memory() -> None:
    """A hundred thousand points that rise still rise, and come to the same mean."""
    course = Course()
    for start in range(0, 100_000, 1000):
        course.add(range(start, start + 1000))

    assert len(course.means) <= 129
    assert course.means == sorted(course.means)
    assert reduced(course.means, 4) == pytest.approx([12_500, 37_500, 62_500, 87_500], rel=0.05)


def test_a_few_points_are_kept_as_they_are() -> None:
    """And given half, the means of neighbours."""
    assert Course([1.0, 2.0, math.nan]).means[:2] == [1.0, 2.0]
    assert reduced([1, 3, 5, 7], 2) == [2, 6]
