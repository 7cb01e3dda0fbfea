"""should_stop: a wish from outside reaches each process of a run, and lasts as long as that life of it."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.control import is_stop_requested, request_stop
from ingest.layout import Layout
from readers.store import Store
from tracker import ExperimentTracker, stopping


class Hands:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:  # noqa: D102 - what a clock gives is known
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The clock by which should_stop looks."""
    hands = Hands()
    monkeypatch.setattr(stopping, "_monotonic", hands)
    return hands


@pytest.fixture
def tracker(tmp_path: Path, clock: Hands) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", auto_log=False) as made:
        yield made


def ask(tracker: ExperimentTracker, run_id: str) -> None:
    """Ask a run to stop."""
    request_stop(tracker.layout, run_id, "test")


def test_it_becomes_true_once_somebody_asked_and_only_for_that_run(tracker: ExperimentTracker, clock: Hands) -> None:
    """Of two runs that are active only the one that was asked hears of it."""
    outer = tracker.start_run()
    inner = tracker.start_run(nested=True)

    assert (tracker.should_stop(), tracker.should_stop(outer)) == (False, False)
    ask(tracker, outer)
    clock.now += stopping.LOOK_S
    assert (tracker.should_stop(), tracker.should_stop(inner), tracker.should_stop(outer)) == (False, False, True)


def test_between_two_looks_the_last_answer_stands(
    tracker: ExperimentTracker, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million calls in half a second are one look at the disk."""
    looks: list[str] = []

    def look(layout: Layout, run_id: str) -> bool:
        looks.append(run_id)
        return is_stop_requested(layout, run_id)

    monkeypatch.setattr(stopping, "is_stop_requested", look)
    run = tracker.start_run()
    assert tracker.should_stop() is False
    ask(tracker, run)
    clock.now += stopping.LOOK_S - 0.01

    assert [tracker.should_stop() for _ in range(1_000)] == [False] * 1_000
    assert looks == [run]
    clock.now += 0.01
    assert [tracker.should_stop() for _ in range(1_000)] == [True] * 1_000
    assert looks == [run, run]


def test_it_is_false_where_no_run_is_meant(tracker: ExperimentTracker) -> None:
    """Before the start, after the end, for a run of others, for nonsense: an answer, never an error."""
    assert tracker.should_stop() is False
    run = tracker.start_run()
    tracker.end_run()

    assert tracker.should_stop() is False
    for other in (run, "elsewhere", "../../etc", "", 7, ["a"]):
        assert tracker.should_stop(other) is False  # type: ignore[arg-type]


def test_a_tracker_that_does_nothing_never_wants_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under STEPLOG_MODE=disabled too the loop goes on, and nothing is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    tracker = ExperimentTracker(tmp_path / "store")
    tracker.start_run()

    assert tracker.should_stop() is False
    assert list(tmp_path.iterdir()) == []


def test_what_was_known_stands_when_the_disk_fails(
    tracker: ExperimentTracker, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount that is away neither stops a training nor takes a wish back."""
    run = tracker.start_run()
    ask(tracker, run)
    assert tracker.should_stop() is True

    def fail(*_: object) -> bool:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(stopping, "is_stop_requested", fail)
    clock.now += stopping.LOOK_S
    assert tracker.should_stop() is True


def test_children_and_copies_of_the_run_hear_of_it(tracker: ExperimentTracker) -> None:
    """A forked child, and a process that was sent the tracker."""
    run = tracker.start_run()
    ask(tracker, run)
    child = os.fork()
    if not child:
        os._exit(7 if tracker.should_stop() else 8)
    _, status = os.waitpid(child, 0)
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).should_stop())"
    sent = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(tracker), capture_output=True, check=False, timeout=15
    )

    assert os.waitstatus_to_exitcode(status) == 7
    assert sent.stdout == b"True\n", sent.stderr


def test_another_rank_hears_of_it(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Who joins a run by its id, however late."""
    run = tracker.start_run()
    ask(tracker, run)
    with ExperimentTracker(tmp_path / "store", auto_log=False) as rank:
        rank.start_run(run_id=run)
        assert rank.should_stop() is True


@pytest.mark.parametrize("resume", [True, "allow"])
def test_a_resumed_run_begins_without_it(tracker: ExperimentTracker, resume: bool) -> None:
    """The wish was for the life that has ended; the fact of it stays."""
    run = tracker.start_run()
    ask(tracker, run)
    tracker.end_run()
    tracker.start_run(run_id=run, resume=resume)

    assert tracker.should_stop() is False
    assert not tracker.layout.stop_file(run).exists()


def test_a_killed_run_too_begins_without_it(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Nobody withdraws the wish when its process is killed."""
    code = (
        "import os, sys; from tracker import ExperimentTracker;"
        "ExperimentTracker(sys.argv[1], auto_log=False).start_run(run_id='killed'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "store"], check=False, timeout=15)
    ask(tracker, "killed")
    tracker.start_run(run_id="killed", resume=True)

    assert tracker.should_stop() is False


def test_ranks_that_resume_later_leave_it_to_those_that_run(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """Rank 0 has resumed, somebody asks it to stop, rank 1 resumes: both stop."""
    run = tracker.start_run()
    tracker.end_run()
    tracker.start_run(run_id=run, resume=True)
    ask(tracker, run)
    with ExperimentTracker(tmp_path / "store", auto_log=False) as rank:
        rank.start_run(run_id=run, resume=True)

        assert (rank.should_stop(), tracker.should_stop()) == (True, True)


def test_a_run_id_that_is_a_path_names_no_file_elsewhere(tmp_path: Path) -> None:
    """A store that somebody made by hand may hold any run id."""
    layout = Layout(tmp_path / "store")
    layout.create()

    with pytest.raises(ValueError, match="id"):
        request_stop(layout, "../../evil", "test")
    assert is_stop_requested(layout, "../store.json\0") is False
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_the_file_says_who_asked(tracker: ExperimentTracker) -> None:
    """For people who find it."""
    run = tracker.start_run()
    ask(tracker, run)

    assert json.loads(tracker.layout.stop_file(run).read_text())["by"] == "test"


def test_a_removed_tag_is_gone_and_its_history_stays(tracker: ExperimentTracker) -> None:
    """And a user's own value that looks like the mark of removal is a value."""
    from ingest.jsontext import from_json, to_json

    tracker.start_run()
    tracker.set_tags({"mark": {"__removed__": True}})
    tracker.flush()

    assert tracker.get_experiment_runs()[0]["tags"] == {"mark": {"__removed__": True}}
    assert from_json(to_json({"__removed__": True})) == {"__removed__": True}
    assert Store(tracker.root).tags().collect().height == 1
