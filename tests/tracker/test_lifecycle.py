"""A run's life: start, nest, resume, end; which run a call means; what its status becomes."""

import asyncio
import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from readers.store import Store
from tracker import ExperimentNotFound, ExperimentTracker, NoActiveRun, RunNotFound, WriterClosed


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "lives", auto_log=False) as made:
        yield made


def statuses(tracker: ExperimentTracker) -> dict[str, str]:
    """Status by run name."""
    return {run["run_name"]: run["status"] for run in tracker.get_experiment_runs()}


def points(tracker: ExperimentTracker) -> dict[str, list[float]]:
    """Values of every metric of each run, by run name."""
    tracker.flush()
    store = Store(tracker.layout.root)
    names = {run["run_id"]: run["run_name"] for run in tracker.get_experiment_runs()}
    found: dict[str, list[float]] = {}
    for run_id, value in store.metrics().sort("seq").select("run_id", "value").collect().rows():
        found.setdefault(names[run_id], []).append(value)
    return found


def run_script(tmp_path: Path, body: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code in a process of its own, in `tmp_path`."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )


def test_start_run_returns_an_id_that_is_text_and_ends_its_run_as_a_context(tracker: ExperimentTracker) -> None:
    """The id prints, compares and pickles as a str; leaving the block ends the run."""
    with tracker.start_run("block") as run_id:
        assert tracker.active_run() == run_id

    assert isinstance(run_id, str)
    assert type(pickle.loads(pickle.dumps(run_id))) is str
    assert tracker.active_run() is None
    assert statuses(tracker) == {"block": "FINISHED"}


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("x"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(0), "FINISHED")]
)
def test_leaving_the_block_by_an_exception_sets_the_status(
    tracker: ExperimentTracker, error: BaseException, status: str
) -> None:
    """FAILED, KILLED on Ctrl-C, FINISHED on a clean sys.exit; the exception goes on."""
    with pytest.raises(type(error)), tracker.start_run("block"):
        raise error

    assert statuses(tracker) == {"block": status}


def test_an_explicit_status_survives_end_run(tracker: ExperimentTracker) -> None:
    """set_run_status("FAILED") then end_run() is FAILED."""
    tracker.start_run("failing")
    tracker.set_run_status("failed")
    tracker.end_run()

    assert statuses(tracker) == {"failing": "FAILED"}


def test_an_unknown_status_is_refused_with_those_there_are(tracker: ExperimentTracker) -> None:
    """The error lists the statuses."""
    tracker.start_run("run")

    with pytest.raises(ValueError, match=r"'DONE'.*FINISHED"):
        tracker.set_run_status("DONE")


def test_logging_without_a_run_says_what_to_do(tracker: ExperimentTracker) -> None:
    """Before start_run and after end_run."""
    calls: list[Callable[[], None]] = [
        lambda: tracker.log_metrics({"x": 1.0}),
        lambda: tracker.log_params({"x": 1}),
        lambda: tracker.set_tag("a", 1),
    ]
    for call in calls:
        with pytest.raises(NoActiveRun, match="start_run"):
            call()
    tracker.start_run("run")
    tracker.end_run()

    with pytest.raises(NoActiveRun, match="start_run"):
        tracker.log_metrics({"x": 1.0})


def test_end_run_twice_or_without_a_run_is_nothing(tracker: ExperimentTracker) -> None:
    """`finally: end_run()` is always right."""
    tracker.end_run()
    tracker.start_run("run")
    tracker.end_run()
    tracker.end_run()

    assert statuses(tracker) == {"run": "FINISHED"}


def test_starting_twice_ends_the_first_with_a_warning(tracker: ExperimentTracker) -> None:
    """Nothing of the first run is lost, and the second gets what follows."""
    tracker.start_run("first")
    tracker.log_metrics({"x": 1.0})
    with pytest.warns(UserWarning, match="'first'.*still active"):
        tracker.start_run("second")
    tracker.log_metrics({"x": 2.0})

    assert statuses(tracker) == {"first": "FINISHED", "second": "RUNNING"}
    assert points(tracker) == {"first": [1.0], "second": [2.0]}


def test_a_record_tells_child_runs_apart(tracker: ExperimentTracker) -> None:
    """By the parent's id, and by the group; None where there is none."""
    parent = tracker.start_run("parent")
    with tracker.start_run("child", nested=True, group="fold 1"):
        pass
    tracker.end_run()
    records = tracker.get_experiment_runs()

    assert [(run["run_name"], run["parent_run_id"], run["group"]) for run in records] == [
        ("parent", None, None),
        ("child", parent, "fold 1"),
    ]


def test_a_nested_run_gives_way_to_its_parent(tracker: ExperimentTracker) -> None:
    """The child is current until it ends, and knows its parent."""
    parent = tracker.start_run("parent")
    with tracker.start_run("child", nested=True):
        tracker.log_metrics({"x": 1.0})
    tracker.log_metrics({"x": 2.0})
    tracker.end_run()

    assert points(tracker) == {"parent": [2.0], "child": [1.0]}
    runs = Store(tracker.layout.root).runs().collect()
    assert dict(zip(runs["run_name"], runs["parent_run_id"], strict=True)) == {"parent": None, "child": parent}


def test_each_thread_may_have_a_run_of_its_own(tracker: ExperimentTracker) -> None:
    """Eight threads, eight runs: every point lands in the run of its thread."""

    def work(number: int) -> None:
        with tracker.start_run(f"run{number}"):
            for _ in range(200):
                tracker.log_metrics({"x": float(number)})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert points(tracker) == {f"run{number}": [float(number)] * 200 for number in range(8)}


def test_eight_threads_log_to_one_run(tracker: ExperimentTracker) -> None:
    """A thread that started no run logs to the process-wide one; each thread's order is kept."""
    tracker.start_run("shared")

    def work(number: int) -> None:
        for step in range(500):
            tracker.log_metrics({f"t{number}": float(step)}, step=step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tracker.flush()

    frame = Store(tracker.layout.root).metrics().sort("seq").collect()
    for number in range(8):
        assert frame.filter(key=f"t{number}")["step"].to_list() == list(range(500))


def test_each_task_may_have_a_run_of_its_own(tracker: ExperimentTracker) -> None:
    """Concurrent asyncio tasks log to their own runs, also those started inside a run."""

    async def trial(number: int, barrier: asyncio.Barrier) -> None:
        tracker.start_run(f"trial{number}")
        await barrier.wait()
        tracker.log_metrics({"x": float(number)})
        await barrier.wait()
        tracker.end_run()

    async def study() -> None:
        barrier = asyncio.Barrier(3)
        await asyncio.gather(*(trial(number, barrier) for number in range(3)))
        tracker.log_metrics({"x": 9.0})

    with tracker.start_run("study"):
        asyncio.run(study())

    assert points(tracker) == {"study": [9.0], "trial0": [0.0], "trial1": [1.0], "trial2": [2.0]}


def test_cells_of_a_notebook_follow_each_other(tracker: ExperimentTracker) -> None:
    """A run started in a finished task (a cell) is replaced by the next one, as in a script."""

    async def cell(name: str) -> None:
        tracker.start_run(name)

    asyncio.run(cell("one"))
    with pytest.warns(UserWarning, match="'one'"):
        asyncio.run(cell("two"))
    tracker.log_metrics({"x": 2.0})

    assert points(tracker) == {"two": [2.0]}


def test_run_id_says_which_run_a_call_means(tracker: ExperimentTracker) -> None:
    """Every log call takes run_id."""
    outer = tracker.start_run("outer")
    tracker.start_run("inner", nested=True)
    tracker.log_metrics({"x": 1.0}, run_id=outer)
    tracker.log_params({"p": 1}, run_id=outer)

    assert points(tracker) == {"outer": [1.0]}
    with pytest.raises(NoActiveRun, match="nowhere"):
        tracker.log_metrics({"x": 1.0}, run_id="nowhere")


def test_a_finished_run_can_be_resumed(tracker: ExperimentTracker) -> None:
    """It is RUNNING again, keeps its name and its points, and ends again."""
    run_id = tracker.start_run("long")
    tracker.log_metrics({"x": 1.0})
    tracker.end_run("FAILED")

    tracker.start_run(run_id=str(run_id), resume=True)
    assert statuses(tracker) == {"long": "RUNNING"}
    tracker.log_metrics({"x": 2.0})
    tracker.end_run()

    assert statuses(tracker) == {"long": "FINISHED"}
    assert points(tracker) == {"long": [1.0, 2.0]}


def test_resuming_an_unknown_run_says_what_there_is(tracker: ExperimentTracker) -> None:
    """The error names the asked id and those there are; "allow" makes it."""
    known = tracker.start_run("known")
    tracker.end_run()

    with pytest.raises(RunNotFound, match=f"'nobody'.*{known}"):
        tracker.start_run(run_id="nobody", resume=True)
    assert tracker.start_run(run_id="nobody", resume="allow") == "nobody"


@pytest.mark.parametrize("run_id", ["../x", "a/b", "", ".", "-x", "x" * 200, 7])
def test_a_run_id_that_could_not_name_a_folder_is_refused(tracker: ExperimentTracker, run_id: Any) -> None:
    """The error says what an id may be."""
    with pytest.raises(ValueError, match="run_id is"):
        tracker.start_run(run_id=run_id)


@pytest.mark.parametrize("name", ["a/b/c", "x" * 10_000, "é🎯\n<b>", " "])
def test_run_names_are_only_text(tracker: ExperimentTracker, name: str) -> None:
    """Slashes, length and mark-up are kept, twice if asked."""
    for _ in range(2):
        tracker.start_run(name)
        tracker.end_run()

    assert [run["run_name"] for run in tracker.get_experiment_runs()] == [name, name]


def test_a_run_without_a_name_gets_one(tracker: ExperimentTracker) -> None:
    """The name comes from the id."""
    run_id = tracker.start_run()

    assert tracker.get_experiment_runs()[0]["run_name"] == f"run-{run_id[-6:]}"


def test_two_trackers_share_an_experiment(tmp_path: Path) -> None:
    """In one process, on one folder: both see both runs."""
    with (
        ExperimentTracker(tmp_path, "shared", auto_log=False) as one,
        ExperimentTracker(tmp_path, "shared", auto_log=False) as two,
    ):
        one.start_run("one")
        two.start_run("two")
        one.log_metrics({"x": 1.0})
        two.log_metrics({"x": 2.0})

        assert points(one) == points(two) == {"one": [1.0], "two": [2.0]}


def test_tracked_makes_each_call_a_run(tracker: ExperimentTracker) -> None:
    """Arguments are params, the returned dict is metrics, an exception is FAILED."""

    @tracker.tracked("train")
    def train(lr: float, depth: int = 3) -> dict[str, float]:
        if lr > 1:
            raise ValueError("diverged")
        return {"loss": lr * depth}

    train(0.5)
    with pytest.raises(ValueError, match="diverged"):
        train(2.0, depth=1)

    good, bad = tracker.get_experiment_runs()
    assert good["params"] == {"lr": 0.5, "depth": 3}
    assert good["metrics"] == {"loss": 1.5}
    assert (good["status"], bad["status"]) == ("FINISHED", "FAILED")


def test_a_changed_param_takes_the_new_value_and_keeps_its_history(tracker: ExperimentTracker) -> None:
    """A param logged again is no error."""
    tracker.start_run("run", params={"lr": 0.1})
    tracker.log_params({"lr": 0.2})

    assert tracker.get_experiment_runs()[0]["params"] == {"lr": 0.2}
    history = Store(tracker.layout.root).facts().filter(kind="param").sort("seq").collect()
    assert history["value"].to_list() == ["0.1", "0.2"]


def test_tracked_takes_async_functions_and_nests(tracker: ExperimentTracker) -> None:
    """The run of an async function lasts as long as its body; a tracked call inside another is its child."""

    @tracker.tracked()
    def inner(data: Any) -> dict[str, object]:
        return {"score": 2.0, "model": "not a number"}

    @tracker.tracked("outer")
    async def outer() -> str:
        await asyncio.sleep(0)
        inner(np.zeros((1000, 3)))
        tracker.log_metrics({"loss": 1.0})
        return "kept"

    assert asyncio.run(outer()) == "kept"

    first, second = tracker.get_experiment_runs()
    assert (first["run_name"], first["metrics"], first["status"]) == ("outer", {"loss": 1.0}, "FINISHED")
    assert (second["run_name"], second["metrics"]) == ("inner", {"score": 2.0})
    assert second["params"] == {"data": "ndarray(1000, 3)"}


def test_tracked_refuses_what_it_cannot_track(tracker: ExperimentTracker) -> None:
    """Generators run after the call; a decorator without parentheses would swallow the function."""
    with pytest.raises(TypeError, match="parentheses"):
        tracker.tracked(print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="generator"):

        @tracker.tracked()
        def batches() -> Iterator[int]:
            yield 1


BAD_STARTS: list[tuple[dict[str, Any], str]] = [
    ({"parent": "../x"}, "parent is"),
    ({"tags": ["a"]}, "tags are a dict"),
    ({"params": {"": 1}}, "a param's name is empty"),
    ({"resume": "never"}, "'allow' or 'must'"),
    ({"run_name": 7}, "run_name is a str"),
    ({"group": 7}, "group is a str"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_STARTS, ids=[message for _, message in BAD_STARTS])
def test_a_start_that_is_refused_leaves_no_run(
    tracker: ExperimentTracker, arguments: dict[str, Any], message: str
) -> None:
    """Nothing is started, the run before stays active, and the corrected call works."""
    tracker.start_run("before")
    with pytest.raises((TypeError, ValueError), match=message):
        tracker.start_run(**{"run_name": "refused", **arguments})
    tracker.log_metrics({"x": 1.0})

    assert statuses(tracker) == {"before": "RUNNING"}
    assert points(tracker) == {"before": [1.0]}


def test_nested_in_another_thread_knows_its_parent(tracker: ExperimentTracker) -> None:
    """The parent is the run that a log call there would go to."""
    parent = tracker.start_run("sweep")

    def trial() -> None:
        with tracker.start_run("trial", nested=True):
            tracker.log_metrics({"x": 1.0})

    thread = threading.Thread(target=trial)
    thread.start()
    thread.join()

    runs = Store(tracker.layout.root).runs().filter(run_name="trial").collect()
    assert runs["parent_run_id"].to_list() == [parent]
    assert tracker.active_run() == parent


def test_the_tracker_s_own_experiment_is_empty_before_its_first_run(tracker: ExperimentTracker) -> None:
    """No run yet is an answer, not an error; an unknown name is one."""
    assert tracker.get_experiment_runs() == []
    assert tracker.get_experiment_summary()["total_runs"] == 0
    with pytest.raises(ExperimentNotFound):
        tracker.get_experiment_runs("unknown")


def test_after_close_logging_says_so(tmp_path: Path) -> None:
    """Close ends the run; twice is once."""
    tracker = ExperimentTracker(tmp_path, auto_log=False)
    tracker.start_run("run")
    tracker.close()
    tracker.close()

    with pytest.raises((NoActiveRun, WriterClosed)):
        tracker.log_metrics({"x": 1.0})
    with pytest.raises(WriterClosed, match="closed"):
        tracker.start_run("again")


def test_a_copy_of_a_tracker_is_the_tracker(tracker: ExperimentTracker) -> None:
    """What deep-copies a callback that holds a tracker logs on to the same run."""
    tracker.start_run("run")
    copy.deepcopy({"callback": tracker})["callback"].log_metrics({"x": 1.0})

    assert points(tracker) == {"run": [1.0]}


def test_a_pickled_tracker_logs_to_the_same_run_from_another_process(
    tracker: ExperimentTracker, tmp_path: Path
) -> None:
    """A spawned worker writes by a writer of its own, and does not end its parent's run."""
    tracker.start_run("run")
    (tmp_path / "tracker.pickle").write_bytes(pickle.dumps(tracker))
    done = run_script(tmp_path, "import pickle; pickle.load(open('tracker.pickle', 'rb')).log_metrics({'x': 5.0})")

    assert done.returncode == 0, done.stderr
    assert points(tracker) == {"run": [5.0]}
    assert statuses(tracker) == {"run": "RUNNING"}


EXITS = [
    ("", "FINISHED", 0),
    ("raise RuntimeError('boom')", "FAILED", 1),
    ("raise KeyboardInterrupt", "KILLED", -signal.SIGINT),
    ("import os; os._exit(3)", "INTERRUPTED", 3),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "INTERRUPTED", -9),
    ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "INTERRUPTED", -15),
]


@pytest.mark.parametrize(("end", "status", "code"), EXITS, ids=[status + str(code) for _, status, code in EXITS])
def test_the_end_of_the_process_ends_the_run(tmp_path: Path, end: str, status: str, code: int) -> None:
    """However a script ends without end_run, its points are there and its status says how it ended."""
    script = """
        from tracker import ExperimentTracker
        tracker = ExperimentTracker("store", "ends", auto_log=False)
        tracker.start_run("script")
        tracker.log_metrics({"x": 1.0})
        """
    done = run_script(tmp_path, textwrap.dedent(script) + end)

    assert done.returncode == code, done.stderr
    (run,) = Store(tmp_path / "store").experiment_runs("ends")
    assert (run["status"], run["metrics"]) == (status, {"x": 1.0})


def test_ranks_write_one_run(tmp_path: Path) -> None:
    """Processes that share STEPLOG_RUN_ID write one run, each with its rank."""
    script = """
        import os
        from tracker import ExperimentTracker
        with ExperimentTracker("store", "ddp", auto_log=False) as tracker, tracker.start_run("train"):
            tracker.log_metrics({"loss": float(os.environ["RANK"])})
        """
    for rank in "01":
        assert run_script(tmp_path, script, STEPLOG_RUN_ID="job-42", RANK=rank).returncode == 0

    store = Store(tmp_path / "store")
    (run,) = store.experiment_runs("ddp")
    assert (run["run_id"], run["status"]) == ("job-42", "FINISHED")
    assert sorted(store.metrics().collect()["value"]) == [0.0, 1.0]


def test_disabled_does_nothing_and_makes_no_file(tmp_path: Path) -> None:
    """STEPLOG_MODE=disabled: the script runs, every call is accepted."""
    script = """
        from tracker import ExperimentTracker
        tracker = ExperimentTracker("store", "off")
        with tracker.start_run("run") as run_id:
            tracker.log_metrics({"x": 1.0}, step=1)
            tracker.log_params({"p": 1})
            tracker.log_text("hello", "a.txt")
            tracker.set_run_status("FAILED")
        print(tracker.get_experiment_runs(), tracker.stats().appended)
        tracker.close()
        """
    done = run_script(tmp_path, script, STEPLOG_MODE="disabled")

    assert (done.returncode, done.stdout.strip()) == (0, "[] 0"), done.stderr
    assert list(tmp_path.iterdir()) == []
