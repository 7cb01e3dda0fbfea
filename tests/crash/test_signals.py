"""Signals: Ctrl-C at any moment of a notebook's loop, and handlers that log."""

import itertools
import random
import signal
from pathlib import Path

import pytest

from readers.store import Store
from tests.crash.test_fork import numbers
from tests.crash.victims import Script, run

TINY = """
tiny = PipelineSettings(first_segment_bytes=512, segment_bytes=1024, flush_interval_s=0.002, compact_files=8)
tracker = ExperimentTracker(store, auto_log=False, pipeline=tiny)
"""


@pytest.mark.parametrize("part", range(2))
def test_ctrl_c_hundreds_of_times_between_and_inside_log_calls(scratch: Path, part: int) -> None:
    """An interrupted call isn't acknowledged: it may be there or not. Every other is there, in order; it goes on."""
    seed = random.randrange(2**32)
    ended = run(
        scratch,
        TINY
        + f"""
import random
chance = random.Random({seed})
inside = False
def handler(*_):
    again()
    if inside:
        raise KeyboardInterrupt
def again():
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00005, 0.001))
tracker.start_run("run")
acknowledged, interrupted, n = [], 0, 0
signal.signal(signal.SIGALRM, handler)
again()
while interrupted < 300:
    n += 1
    try:
        inside = True
        if n % 5 == 3:
            tracker.log_params({{"p": n}})
        elif n % 7 == 4:
            tracker.log_metrics({{f"k{{n}}": float(n)}})
        else:
            tracker.log_metrics({{"m": float(n)}}, step=n)
        inside = False
        acknowledged.append(n)
    except KeyboardInterrupt:
        inside = False
        interrupted += 1
    if n % 500 == 0:
        tracker.flush(10)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
for n in range(n + 1, n + 100):
    tracker.log_metrics({{"m": float(n)}}, step=n)
    acknowledged.append(n)
tracker.flush(10, seal=True)
stats = tracker.stats()
assert (stats.queued, stats.dropped, stats.failed, stats.faults) == (0, 0, 0, 0), stats
print(n, *acknowledged)
tracker.end_run()
tracker.close()
""",
    )
    assert ended.status == 0, f"seed {seed}: {ended.err}"
    last, *acknowledged = map(int, ended.out.split())
    store = Store(scratch / "store")
    metrics = store.metrics().collect().sort("seq")
    facts = store.facts().collect().sort("seq")
    found = [(seq, int(value)) for seq, value in metrics.select("seq", "value").rows()]
    found += [(seq, int(value)) for kind, seq, value in facts.select("kind", "seq", "value").rows() if kind == "param"]
    order = [number for _, number in sorted(found)]

    assert len(order) == len(set(order)), f"seed {seed}"
    assert set(acknowledged) <= set(order) <= set(range(1, last + 1)), f"seed {seed}"
    assert order == sorted(order), f"seed {seed}"
    assert ended.err == "", f"seed {seed}"


def test_sigint_from_outside_in_an_interactive_loop(scratch: Path) -> None:
    """A notebook's stop button: the cell ends, the next cell logs on into the same run."""
    script = Script(
        scratch,
        TINY
        + """
tracker.start_run("notebook")
cells, n, in_cell = 0, 0, False
def handler(*_):
    os.write(1, b"interrupted\\n")
    if in_cell:
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, handler)
print("ready", flush=True)
while cells < 15:
    try:
        in_cell = True
        while True:
            tracker.log_metrics({"m": float(n)}, step=n)
            n += 1
    except KeyboardInterrupt:
        in_cell = False
        cells += 1
        n += 1  # the interrupted call may be there or not
signal.signal(signal.SIGINT, signal.SIG_IGN)
tracker.end_run()
""",
    )
    assert script.line() == "ready"
    chance = random.Random(3)
    for _ in range(15):
        assert not script.ends_within(chance.uniform(0.001, 0.01))
        script.send(signal.SIGINT)
        assert script.line() == "interrupted"
    while not script.ends_within(0.005):  # those that came between two cells ended none
        script.send(signal.SIGINT)
    ended = script.end()

    assert ended.status == 0, ended.err
    found = numbers(scratch)
    assert len(found) == len(set(found))
    gaps = [after - before for before, after in itertools.pairwise(found)]
    assert sum(gaps) - len(gaps) <= 15


def test_a_handler_that_logs_while_the_loop_logs(scratch: Path) -> None:
    """Whatever the interrupted call was about to do, the handler's events and the loop's are there, once, in order."""
    ended = run(
        scratch,
        TINY
        + """
tracker.start_run("run")
handled = 0
busy = False
def handler(*_):
    global handled, busy
    if busy:  # handlers may interrupt each other
        return
    busy = True
    tracker.log_metrics({"h": float(handled)}, step=handled)
    tracker.log_params({"ph": handled})
    handled += 1
    busy = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0003)
n = 0
while handled < 300:
    tracker.log_metrics({"m": float(n)}, step=n)
    if n % 100 == 0:
        tracker.log_params({"p": n})
    n += 1
signal.setitimer(signal.ITIMER_REAL, 0)
tracker.flush(10)
assert tracker.stats().faults == 0, tracker.stats()
print(n, handled)
tracker.end_run()
""",
    )
    assert ended.status == 0, ended.err
    logged, handled = map(int, ended.out.split())

    assert numbers(scratch) == list(range(logged))
    assert numbers(scratch, "h") == list(range(handled))
    frame = Store(scratch / "store").metrics().collect().sort("seq")
    for key in ("m", "h"):
        assert frame.filter(key=key)["value"].is_sorted()


def test_sigterm_handler_that_ends_the_run(scratch: Path) -> None:
    """What many training scripts do: log a last word, end the run as KILLED, exit."""
    script = Script(
        scratch,
        """
        tracker = ExperimentTracker(store, auto_log=False, pipeline=small)
        tracker.start_run("run")
        def handler(*_):
            tracker.log_params({"last": "word"})
            tracker.end_run("KILLED")
            sys.exit(0)
        signal.signal(signal.SIGTERM, handler)
        n = 0
        while True:
            tracker.log_metrics({"m": float(n)}, step=n)
            n += 1
            if n == 5000:
                print("ready", flush=True)
        """,
    )
    assert script.line() == "ready"
    script.send(signal.SIGTERM)
    ended = script.end()
    (found,) = Store(scratch / "store").experiment_runs("default")

    assert ended.status == 0, ended.err
    assert (found["status"], found["params"]) == ("KILLED", {"last": "word"})
    assert numbers(scratch) == list(range(len(numbers(scratch))))


def test_the_users_own_signal_handlers_and_hooks_stay(scratch: Path) -> None:
    """Nothing of the process is taken over: signals, excepthook, threading's, unraisable's."""
    ended = run(
        scratch,
        """
        names = ("SIGINT", "SIGTERM", "SIGCHLD", "SIGUSR1", "SIGALRM", "SIGPIPE", "SIGHUP")
        def look():
            return [signal.getsignal(getattr(signal, name)) for name in names] + [
                sys.excepthook, threading.excepthook, sys.unraisablehook, sys.gettrace(), sys.getprofile()]
        before = look()
        tracker = ExperimentTracker(store)
        tracker.start_run("run")
        tracker.log_metrics({"m": 1.0})
        tracker.flush()
        assert look() == before
        tracker.close()
        assert look() == before
        """,
    )

    assert ended.status == 0, ended.err
