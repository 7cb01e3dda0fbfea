"""Every way in which a process ends: what was logged is there, and the run's status says how it ended.

Guarantee (ending), and guarantee (acknowledged) for the ends that ask nobody.
"""

import signal
from pathlib import Path

import pytest

from readers.store import RunRecord, Store
from tests.crash.test_fork import numbers
from tests.crash.victims import Script, run


def runs(folder: Path) -> list[RunRecord]:
    """All runs, first started first."""
    return Store(folder / "store").experiment_runs("default")


BEGIN = """
tracker = ExperimentTracker(store, auto_log=False)
tracker.start_run("run", params={"p": 1})
for n in range(100):
    tracker.log_metrics({"m": float(n)}, step=n)
"""


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("pass", "FINISHED", 0),
        ("tracker.end_run()", "FINISHED", 0),
        ("sys.exit(0)", "FINISHED", 0),
        ("raise KeyError('x')", "FAILED", 1),
        ("raise KeyboardInterrupt", "KILLED", -signal.SIGINT),
        ("os._exit(7)", "INTERRUPTED", 7),
        ("os.kill(os.getpid(), signal.SIGTERM)", "INTERRUPTED", -signal.SIGTERM),
        ("os.abort()", "INTERRUPTED", -signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", "INTERRUPTED", -signal.SIGSEGV),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); signal.raise_signal(signal.SIGTERM)", "FINISHED", 3),
        ("tracker.set_run_status('FAILED')", "FAILED", 0),
        ("os.execv(sys.executable, [sys.executable, '-c', 'pass'])", "INTERRUPTED", 0),
        ("threading.Thread(target=threading.main_thread().join).start()", "FINISHED", 0),
        ("del tracker; import gc; gc.collect()", "FINISHED", 0),
    ],
)
def test_an_end_keeps_what_was_logged_and_says_how_it_was(tmp_path: Path, ending: str, status: str, code: int) -> None:
    """Exit, exception, signal, crash, exec: all points and params, and the status."""
    ended = run(tmp_path, BEGIN + ending)
    (found,) = runs(tmp_path)

    assert ended.status == code, ended.err
    assert (found["status"], found["params"]) == (status, {"p": 1})
    assert numbers(tmp_path) == list(range(100))


@pytest.mark.parametrize("ending", ["pass", "os._exit(0)", "raise SystemExit"])
@pytest.mark.parametrize("log", ["tracker.log_metrics({'m': 0.0})", "tracker.log_params({'p': 1})"])
def test_a_script_that_ends_with_its_first_log_call(tmp_path: Path, log: str, ending: str) -> None:
    """The background thread has hardly begun to import what it needs."""
    ended = run(
        tmp_path, f"tracker = ExperimentTracker(store, auto_log=False)\ntracker.start_run('run')\n{log}\n{ending}"
    )
    (found,) = runs(tmp_path)

    assert ended.status == 0, ended.err
    assert ended.err == ""
    assert found["status"] == ("INTERRUPTED" if ending == "os._exit(0)" else "FINISHED")
    assert (numbers(tmp_path), found["params"]) in (([0], {}), ([], {"p": 1}))


def test_daemon_threads_that_still_log_at_exit(tmp_path: Path) -> None:
    """They are refused once the tracker is closed; what they were told is logged is there; the exit isn't held up."""
    ended = run(
        tmp_path,
        """
        import threading
        threading.excepthook = lambda args: None  # refused calls raise in their thread
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        run_id = tracker.start_run("run")
        acknowledged = open("acknowledged", "wb", buffering=0)
        def work(thread):
            n = 0
            while True:
                tracker.log_metrics({f"m{thread}": float(n)}, step=n, run_id=run_id)
                if thread == 0:
                    acknowledged.write(b".")
                n += 1
                if n == 500:
                    enough.wait()
        enough = threading.Barrier(4)
        for thread in range(3):
            threading.Thread(target=work, args=(thread,), daemon=True).start()
        enough.wait()
        """,
    )
    acknowledged = (tmp_path / "acknowledged").stat().st_size

    assert ended.status == 0, ended.err
    found = numbers(tmp_path, "m0")
    assert found == list(range(len(found)))
    assert acknowledged <= len(found) <= acknowledged + 1
    assert runs(tmp_path)[0]["status"] == "FINISHED"


def test_the_exit_of_a_process_with_several_trackers_closes_all_of_them(tmp_path: Path) -> None:
    """One that fails, for being strict on a store that is gone, doesn't keep the others open."""
    ended = run(
        tmp_path,
        """
        import shutil
        trackers = [ExperimentTracker(f"{store}{n}", auto_log=False, strict=n == 1) for n in range(4)]
        for tracker in trackers:
            tracker.start_run("run")
            tracker.log_metrics({"m": 1.0})
            tracker.flush()
        shutil.rmtree(f"{store}1")
        open(f"{store}1", "w").close()
        """,
    )

    assert ended.status == 0, ended.err
    for number in (0, 2, 3):
        assert [run["status"] for run in Store(tmp_path / f"store{number}").experiment_runs("default")] == ["FINISHED"]


def test_imports_on_the_main_thread_at_the_same_time(tmp_path: Path) -> None:
    """The background thread imports NumPy and Arrow while the user imports pandas: both get whole modules."""
    ended = run(
        tmp_path,
        BEGIN
        + """
import pandas, numpy, pyarrow, pyarrow.parquet, pyarrow.compute
assert pandas.DataFrame({"a": [1]}).to_parquet(engine="pyarrow")
tracker.flush(seal=True)
assert tracker.stats().faults == 0, tracker.stats()
""",
    )

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == list(range(100))


def test_several_processes_write_one_run(tmp_path: Path) -> None:
    """Ranks that share a run id need no lock between them; the run is one row, with all that each has logged."""
    body = """
    tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
    tracker.start_run("shared", run_id="shared-run")
    for n in range(300):
        tracker.log_metrics({"r%d": float(n)}, step=n)
    tracker.log_params({"p%d": %d})
    tracker.end_run()
    """
    scripts = [Script(tmp_path, body % (rank, rank, rank)) for rank in range(3)]
    for script in scripts:
        ended = script.end()
        assert ended.status == 0, ended.err
    (found,) = runs(tmp_path)

    assert found["status"] == "FINISHED"
    assert found["params"] == {"p0": 0, "p1": 1, "p2": 2}
    for rank in range(3):
        assert numbers(tmp_path, f"r{rank}") == list(range(300))


def test_a_clock_that_goes_backwards_keeps_the_order_and_loses_nothing(tmp_path: Path) -> None:
    """The order is the sequence's, not the time's; back-off and intervals use a clock that only grows."""
    ended = run(
        tmp_path,
        """
        import tracker.metriclogging
        real, shift = time.time_ns, [0]
        tracker.metriclogging._time_ns = lambda: real() + shift[0]
        time.time_ns = lambda: real() + shift[0]
        one = ExperimentTracker(store, auto_log=False, pipeline=small)
        one.start_run("run")
        for n in range(2000):
            one.log_metrics({"m": float(n)}, step=n)
            if n % 200 == 199:
                shift[0] -= 3600 * 10**9
        one.end_run()
        """,
    )
    frame = Store(tmp_path / "store").metrics().collect().sort("seq")

    assert ended.status == 0, ended.err
    assert frame["value"].to_list() == [float(n) for n in range(2000)]
    assert not frame["time"].is_sorted()
    assert runs(tmp_path)[0]["metrics"] == {"m": 1999.0}
    assert runs(tmp_path)[0]["status"] == "FINISHED"


def test_logging_from_finalizers(tmp_path: Path) -> None:
    """`__del__` runs anywhere, also inside a log call, and on the background thread; what it logs is there."""
    ended = run(
        tmp_path,
        """
        import gc
        gc.set_threshold(20)  # collect all the time, on every thread
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        tracker.start_run("run")
        class Node:
            count = 0
            def __init__(self):
                self.me = self  # only the collector frees it
            def __del__(self):
                number, Node.count = Node.count, Node.count + 1
                tracker.log_metrics({"d": float(number)}, step=number)
        for n in range(3000):
            if n % 3 == 0:
                Node()
            tracker.log_metrics({"m": float(n)}, step=n)
            if n % 50 == 0:
                tracker.log_params({f"p{n}": [n]})
        while Node.count < 1000:  # another thread may be collecting, and then this one does nothing
            gc.collect()
        print(Node.count)
        tracker.end_run()
        """,
    )

    assert ended.status == 0, ended.err
    assert "Exception ignored" not in ended.err
    assert numbers(tmp_path) == list(range(3000))
    assert numbers(tmp_path, "d") == list(range(int(ended.out)))
    assert int(ended.out) == 1000


def test_an_exit_while_the_store_is_gone_and_cannot_be_made_does_not_hang(tmp_path: Path) -> None:
    """A dead disk at exit: it says what is left, within the deadline, and the process ends."""
    ended = run(
        tmp_path,
        """
        import logging, shutil
        logging.basicConfig(format="%(message)s")
        tracker = ExperimentTracker(store, auto_log=False)
        tracker.start_run("run")
        tracker.log_metrics({"m": 0.0})
        tracker.flush()
        shutil.rmtree(store)
        open(store, "w").close()
        """,
    )

    assert ended.status == 0
    assert "steplog:" in ended.err
    assert "Traceback" not in ended.err


def test_a_script_run_twice_at_once_in_one_store(tmp_path: Path) -> None:
    """Two processes make the store at the same moment."""
    scripts = [Script(tmp_path, BEGIN) for _ in range(3)]
    for script in scripts:
        assert script.end().status == 0

    assert [run["status"] for run in runs(tmp_path)] == ["FINISHED"] * 3
    assert numbers(tmp_path) == sorted(list(range(100)) * 3)


def test_sigterm_while_four_threads_log_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """The default action kills; the queue file has everything."""
    script = Script(
        tmp_path,
        """
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        run_id = tracker.start_run("run")
        acknowledged = [open(f"acknowledged{thread}", "wb", buffering=0) for thread in range(4)]
        def work(thread):
            n = 0
            while True:
                tracker.log_metrics({f"m{thread}": float(n)}, step=n, run_id=run_id)
                acknowledged[thread].write(b".")
                n += 1
                if n == 500:
                    enough.wait()
        enough = threading.Barrier(5)
        for thread in range(4):
            threading.Thread(target=work, args=(thread,), daemon=True).start()
        enough.wait()
        print("go", flush=True)
        signal.pause()
        """,
    )
    assert script.line() == "go"
    script.send(signal.SIGTERM)

    assert script.end().status == -signal.SIGTERM
    assert runs(tmp_path)[0]["status"] == "INTERRUPTED"
    for thread in range(4):
        acknowledged = (tmp_path / f"acknowledged{thread}").stat().st_size
        found = numbers(tmp_path, f"m{thread}")
        assert found == list(range(len(found)))
        assert acknowledged <= len(found) <= acknowledged + 1
