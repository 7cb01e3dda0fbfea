"""The run of a training whose loop is somebody else's: ends that nobody tells, faults that stop nobody."""

import copy
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from readers.store import Store
from tracker import ExperimentTracker, SinkFailed
from tracker.integrations.trainingblock import TrainingBlock
from tracker.integrations.trainingrun import TrainingRun


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "loops", auto_log=False) as made:
        yield made


def statuses(tracker: ExperimentTracker) -> list[str]:
    """Of the runs, in their order."""
    return [run["status"] for run in tracker.get_experiment_runs()]


def test_a_training_that_is_dropped_has_failed(tracker: ExperimentTracker) -> None:
    """One that was ended has not, nor has a copy's."""
    dropped, ended = TrainingRun(tracker), TrainingRun(tracker)
    ended.begin("ended")
    copied = copy.deepcopy(ended)
    del copied
    ended.end()
    dropped.begin("dropped")
    del dropped, ended

    assert statuses(tracker) == ["FINISHED", "FAILED"]


def test_a_training_that_begins_ends_the_one_before(tracker: ExperimentTracker) -> None:
    """As what it is by then: untold."""
    run = TrainingRun(tracker)
    run.begin()
    run.begin()
    run.end()

    assert statuses(tracker) == ["FAILED", "FINISHED"]


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ("", "FAILED"),
        ("run.end()", "FINISHED"),
        ("raise SystemExit(3)", "FAILED"),
        ("raise KeyboardInterrupt", "KILLED"),
    ],
)
def test_the_end_of_the_process_is_the_end_of_what_is_open(tmp_path: Path, last: str, status: str) -> None:
    """A tracker alone would call it finished."""
    script = f"""
        from tracker import ExperimentTracker
        from tracker.integrations.trainingrun import TrainingRun

        run = TrainingRun(ExperimentTracker("store", "loops", auto_log=False))
        run.begin()
        {last}
        """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, check=False, timeout=15, capture_output=True
    )

    assert [run["status"] for run in Store(tmp_path / "store").experiment_runs("loops")] == [status]


def test_a_run_is_gone_on_with_by_its_id_or_made(tracker: ExperimentTracker) -> None:
    """Twice the same; beneath a run that is current, not in its place."""
    for _ in range(2):
        run = TrainingRun(tracker, run_id="job-1")
        assert run.begin("named") == "job-1"
        run.end()
    with tracker.start_run("outer") as outer:
        run = TrainingRun(tracker, run_id="job-2")
        run.begin()
        run.end()
        assert tracker.active_run() == outer

    assert [run["run_id"] for run in tracker.get_experiment_runs()] == ["job-1", outer, "job-2"]


def test_what_comes_after_the_end_leaves_the_status(tracker: ExperimentTracker) -> None:
    """An evaluation of a training that failed doesn't make it finished."""
    run = TrainingRun(tracker)
    run.begin()
    run.end("FAILED")
    run.reopen()
    run.log({"test/loss": 1.0})
    run.end()

    (found,) = tracker.get_experiment_runs()
    assert (found["status"], found["metrics"]) == ("FAILED", {"test/loss": 1.0})


def test_without_a_training_before_it_begins_one(tracker: ExperimentTracker) -> None:
    """An evaluation alone is a run, too."""
    run = TrainingRun(tracker)
    run.reopen()
    run.end()

    assert statuses(tracker) == ["FINISHED"]


def test_only_numbers_are_logged_and_the_rest_is_said_once(
    tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """Each name once."""
    run = TrainingRun(tracker)
    run.begin()
    for step in range(3):
        run.log({"loss": Decimal("0.5"), "note": "text", 3: 1.0}, step)  # type: ignore[dict-item]
    run.end()

    (found,) = tracker.get_experiment_runs()
    assert found["metrics"] == {"loss": 0.5, "3": 1.0}
    assert caplog.text.count("'note'") == 1


def test_a_step_that_is_none_stops_no_training(tracker: ExperimentTracker, caplog: pytest.LogCaptureFixture) -> None:
    """It is said."""
    run = TrainingRun(tracker)
    run.begin()
    run.log({"loss": 1.0}, float("nan"))
    run.end()

    assert "step is nan" in caplog.text
    assert statuses(tracker) == ["FINISHED"]


def test_faults_are_said_and_counted_and_raised_where_that_was_chosen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """strict=True raises them."""
    for strict in (None, True):
        with ExperimentTracker(tmp_path / str(strict), auto_log=False, strict=strict) as tracker:
            run = TrainingRun(tracker)
            run.begin()
            try:
                with run.safely("something"):
                    raise OSError("no space")
            except SinkFailed:
                assert strict
            run.end()
            assert tracker.stats().faults == 1

    assert "something of run" in caplog.text


def test_trainings_in_threads_have_a_run_each(tracker: ExperimentTracker) -> None:
    """Though a run of one thread is the current one of all that have none."""
    begun, logged = threading.Barrier(2), threading.Barrier(2)

    def train(number: int) -> None:
        run = TrainingRun(tracker)
        if number:
            begun.wait()  # the other has begun
        run.begin(f"thread {number}")
        if not number:
            begun.wait()
        run.log({"x": number})
        logged.wait()
        run.end()

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    runs = tracker.get_experiment_runs()
    assert [(run["run_name"], run["metrics"], run["parent_run_id"]) for run in runs] == [
        ("thread 0", {"x": 0.0}, None),
        ("thread 1", {"x": 1.0}, None),
    ]


def test_logging_before_the_beginning_is_nothing(tracker: ExperimentTracker) -> None:
    """So is ending, twice."""
    run = TrainingRun(tracker)
    run.log({"x": 1.0})
    run.end()
    run.settle()
    assert not run.should_stop()
    assert tracker.get_experiment_runs() == []


def test_it_can_be_pickled_in_the_middle(tracker: ExperimentTracker) -> None:
    """The copy logs to the same run, and doesn't end it."""
    run = TrainingRun(tracker)
    run.begin()
    copied = pickle.loads(pickle.dumps(run))
    copied.log({"x": 1.0})
    copied.end("FAILED")
    copied.tracker.close()
    run.end()

    (found,) = tracker.get_experiment_runs()
    assert (found["status"], found["metrics"]) == ("FINISHED", {"x": 1.0})


def test_a_block_ends_its_run_as_it_was_left(tracker: ExperimentTracker) -> None:
    """By no exception: untold, since the training would have told its end."""

    class Callback(TrainingBlock):
        """Any library's."""

        def __init__(self) -> None:
            self._run = TrainingRun(tracker)

    for error in (None, RuntimeError(), KeyboardInterrupt()):
        callback = Callback()
        callback._run.begin()
        callback.__exit__(None, error, None)

    assert statuses(tracker) == ["FAILED", "FAILED", "KILLED"]
