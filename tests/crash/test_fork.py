"""Fork: a child never touches its parent's queue, opens its own at its first log call, and loses nothing.

Guarantee (fork). The parents here log from other threads and seal all the time, so that a fork falls into the middle of
something.
"""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from readers.store import Store
from tests.crash.victims import Script, run
from tests.waiting import until


def numbers(folder: Path, key: str = "m") -> list[int]:
    """The numbers of a metric over all runs and writers, sorted."""
    frame = Store(folder / "store").metrics().collect()
    return sorted(int(value) for name, value in frame.select("key", "value").rows() if name == key)


def statuses(folder: Path) -> Counter[str]:
    """How many runs ended how."""
    return Counter(run["status"] for run in Store(folder / "store").experiment_runs("default"))


PARENT = """
tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
tracker.start_run("parent")
import zlib
logged, batch = [0], bytes(200_000)
stop = threading.Event()
def work():
    while not stop.is_set():
        tracker.log_metrics({"m": float(logged[0])}, step=logged[0])
        logged[0] += 1
        zlib.crc32(batch)  # a step's own work, which lets the other threads run
        if logged[0] == 200:
            going.set()
going = threading.Event()
worker = threading.Thread(target=work)
worker.start()
going.wait()
"""
END = """
stop.set()
worker.join()
tracker.end_run()
tracker.close()
print(logged[0])
"""


@pytest.mark.parametrize("ending", ["os._exit(0)", "pass", "sys.exit(0)", "raise KeyError('child')"])
@pytest.mark.parametrize("logs", [False, True])
def test_children_of_a_parent_that_logs_and_seals(tmp_path: Path, ending: str, logs: bool) -> None:
    """Twelve children in a row, that log or don't, and end in every way: nothing lost, nobody hangs."""
    work = "[tracker.log_metrics({'c': float(child * 100 + n)}, step=n) for n in range(100)]" if logs else "pass"
    ended = run(
        tmp_path,
        PARENT
        + f"""
def in_child(child):
    {work}
    {ending}

longest = 0.0
for child in range(12):
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        stop.set()
        os.close(2)
        in_child(child)
        sys.exit(0)
    longest = max(longest, time.monotonic() - began)
    os.waitpid(pid, 0)
print(longest)
"""
        + END,
    )
    longest, logged = ended.out.split()

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == list(range(int(logged)))
    assert numbers(tmp_path, "c") == (list(range(1200)) if logs else [])
    assert statuses(tmp_path) == {"FINISHED": 1}
    assert float(longest) < 5


def test_a_child_s_files_are_its_own_and_the_parent_s_are_not_changed(tmp_path: Path) -> None:
    """The child has another writer folder, and holds no lock of its parent's."""
    ended = run(
        tmp_path,
        """
        tracker = ExperimentTracker(store, auto_log=False)
        tracker.start_run("parent")
        tracker.log_metrics({"m": 0.0})
        parents = set(os.listdir(f"{store}/live"))
        pid = os.fork()
        if not pid:
            before = set(os.listdir(f"/proc/self/fd"))
            held = [os.readlink(f"/proc/self/fd/{fd}") for fd in before if os.path.exists(f"/proc/self/fd/{fd}")]
            assert not [path for path in held if path.startswith(store)], held
            assert store not in open("/proc/self/maps").read()
            tracker.log_metrics({"m": 1.0})
            assert len(set(os.listdir(f"{store}/live")) - parents) == 1
            tracker.flush()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        assert status == 0, status
        tracker.log_metrics({"m": 2.0})
        tracker.close()
        """,
    )

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == [0, 1, 2]
    assert statuses(tmp_path) == {"FINISHED": 1}


def test_a_child_outlives_its_parent(tmp_path: Path) -> None:
    """The parent ends its run and is gone; what the child still logs is there, and the parent's files were adopted."""
    script = Script(
        tmp_path,
        """
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        tracker.start_run("parent")
        for n in range(50):
            tracker.log_metrics({"m": float(n)}, step=n)
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(write)
            tracker.log_metrics({"c": 0.0})
            os.read(read, 1)  # returns when the parent is gone
            for n in range(1, 50):
                tracker.log_metrics({"c": float(n)}, step=n)
            tracker.flush()
            print("done", flush=True)
            os._exit(0)
        os.close(read)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert script.line() == "done"
    script.end()

    assert numbers(tmp_path) == list(range(50))
    assert numbers(tmp_path, "c") == list(range(50))


def test_what_an_idle_child_logs_later_is_visible_while_it_lives(tmp_path: Path) -> None:
    """Regression: a child's background thread slept for good after its first events were sealed."""
    script = Script(
        tmp_path,
        """
        quick = PipelineSettings(flush_interval_s=0.01, end_seal_delay_s=0.01, stream_interval_s=0.01)
        tracker = ExperimentTracker(store, auto_log=False, pipeline=quick)
        tracker.start_run("parent")
        if not os.fork():
            for n in range(4):
                tracker.log_metrics({"c": float(n)}, step=n)
                while input() == "queued?":
                    print(tracker.stats().queued, flush=True)
            os._exit(0)
        _, status = os.wait()
        print(status, flush=True)
        """,
    )

    def none_is_queued() -> bool:
        script.go_on("queued?")
        return script.line() == "0"

    for number in range(4):
        until(none_is_queued, "it is written while the child lives")
        assert numbers(tmp_path, "c") == list(range(number + 1))
        script.go_on()
    assert script.line() == "0"
    assert script.end().status == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("logs", [True, False])
def test_a_pool_of_workers_like_a_data_loader_s(tmp_path: Path, method: str, logs: bool) -> None:
    """Workers log into their parent's run by an inherited or pickled tracker; they run no atexit, and lose nothing."""
    (tmp_path / "loader.py").write_text(
        f"""
import multiprocessing, os, sys, time
from tracker import ExperimentTracker, PipelineSettings

def load(tracker, number):
    if {logs}:
        tracker.log_metrics({{"c": float(number)}}, step=number)
    return number

def main():
    context = multiprocessing.get_context({method!r})
    small = PipelineSettings(first_segment_bytes=4096, segment_bytes=16384, flush_interval_s=0.005)
    tracker = ExperimentTracker("store", auto_log=False, pipeline=small)
    tracker.start_run("parent")
    with context.Pool(3) as pool:
        answers = [pool.apply_async(load, (tracker, number)) for number in range(60)]
        for number in range(500):
            tracker.log_metrics({{"m": float(number)}}, step=number)
        assert [answer.get(15) for answer in answers] == list(range(60))
        pool.close()
        pool.join()
    tracker.end_run()

if __name__ == "__main__":
    main()
"""
    )
    ended = run(tmp_path, "sys.exit(os.spawnl(os.P_WAIT, sys.executable, sys.executable, 'loader.py'))")

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == list(range(500))
    assert numbers(tmp_path, "c") == (list(range(60)) if logs else [])
    assert statuses(tmp_path) == {"FINISHED": 1}


def test_threads_that_fork_at_once_wait_for_nobody_for_ever(tmp_path: Path) -> None:
    """Regression: two forks at the same time, with two trackers, could each hold what the other waited for."""
    ended = run(
        tmp_path,
        PARENT
        + """
other = ExperimentTracker(store, auto_log=False, pipeline=small)
other.start_run("other")
def forks():
    for _ in range(15):
        other.log_metrics({"o": 1.0})
        pid = os.fork()
        if not pid:
            tracker.log_metrics({"c": 1.0})
            os._exit(0)
        os.waitpid(pid, 0)
forkers = [threading.Thread(target=forks) for _ in range(3)]
[forker.start() for forker in forkers]
[forker.join() for forker in forkers]
other.close()
"""
        + END,
    )

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == list(range(int(ended.out)))
    assert len(numbers(tmp_path, "c")) == 45
    assert len(numbers(tmp_path, "o")) == 45


def test_a_child_of_a_child_has_a_writer_of_its_own(tmp_path: Path) -> None:
    """Three generations write one run."""
    ended = run(
        tmp_path,
        """
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        tracker.start_run("parent")
        generation = 0
        while generation < 3:
            tracker.log_metrics({"m": float(generation)}, step=generation)
            pid = os.fork()
            if pid:
                os.waitpid(pid, 0)
                break
            generation += 1
        os._exit(0) if generation else tracker.close()
        """,
    )

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == [0, 1, 2]
    assert Store(tmp_path / "store").metrics().collect()["writer"].n_unique() == 3


def test_a_child_that_seals_and_compacts_does_not_hang_on_what_arrow_had_in_its_parent(tmp_path: Path) -> None:
    """The parent used Arrow in its background thread; the child uses it in its own, sealing and merging."""
    ended = run(
        tmp_path,
        """
        many = PipelineSettings(first_segment_bytes=1024, segment_bytes=1024, flush_interval_s=0.005, compact_files=4)
        tracker = ExperimentTracker(store, auto_log=False, pipeline=many)
        tracker.start_run("parent")
        def log(key):
            for n in range(300):
                tracker.log_metrics({key: float(n)}, step=n)
        log("m")
        tracker.flush(seal=True)
        pid = os.fork()
        if not pid:
            log("c")
            tracker.flush(10, seal=True)
            assert tracker.stats().segments > 4, tracker.stats()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        tracker.close()
        """,
    )

    assert ended.status == 0, ended.err
    assert numbers(tmp_path) == list(range(300))
    assert numbers(tmp_path, "c") == list(range(300))


def test_a_subprocess_is_not_kept_waiting_and_holds_no_lock(tmp_path: Path) -> None:
    """subprocess.run in the middle of logging; a child that was exec'ed doesn't keep a dead parent's folder alive."""
    script = Script(
        tmp_path,
        PARENT
        + """
import subprocess
for _ in range(5):
    assert subprocess.run(["true"], preexec_fn=lambda: None).returncode == 0
sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
print(sleeper.pid, flush=True)
print(logged[0], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    sleeper, logged = int(script.line()), int(script.line())
    found = numbers(tmp_path)
    os.kill(sleeper, signal.SIGKILL)

    assert found[:logged] == list(range(logged))
    assert statuses(tmp_path) == {"INTERRUPTED": 1}
    script.end()
