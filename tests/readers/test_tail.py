"""follow: each point once and in order, live, across sealing and compaction, and from a cursor."""

import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ingest.compact import compact
from ingest.errors import RunNotFound
from readers import tail
from readers.store import Store
from readers.tail import Cursor, Point, follow

DEADLINE_S = 10.0


def wakeups(*acts: Callable[[], object]) -> Iterator[object]:
    """Stand in for the file watcher: before each wake-up, something happens."""
    for act in acts:
        act()
        yield "changed"


def values(points: Iterator[Point]) -> list[float]:
    """What the points say."""
    return [point.value for point in points]


def test_follow_gives_what_is_there_and_ends_with_the_run(recorder: Any, store: Store) -> None:
    """Of a run that has ended, all points come, and the watch is over."""
    recorder.start("r")
    recorder.log("r", {"loss": 3.0}, step=0)
    recorder.log("r", {"loss": 2.0}, step=1)
    recorder.end("r")
    recorder.seal()

    points = list(follow(store, "r"))

    assert [(point.key, point.step, point.value) for point in points] == [("loss", 0, 3.0), ("loss", 1, 2.0)]


def test_follow_gives_points_as_they_are_flushed(recorder: Any, store: Store) -> None:
    """A wake-up brings what was logged since the last look, and nothing twice."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.flush()

    def more() -> None:
        recorder.log("r", {"loss": 2.0})
        recorder.log("r", {"loss": 3.0})
        recorder.flush()

    assert values(follow(store, "r", wakeups=wakeups(more, lambda: None, more))) == [1.0, 2.0, 3.0, 2.0, 3.0]


def test_follow_goes_on_across_sealing_and_compaction(recorder: Any, root: Path, store: Store) -> None:
    """Points that were seen live are not seen again as Parquet, and none is missed between the two."""

    def log(value: float) -> None:
        recorder.log("r", {"loss": value, "accuracy": -value})

    def seen_live_then_sealed() -> None:
        log(2.0)
        recorder.flush()
        recorder.seal()

    def sealed_unseen_beside_live() -> None:
        log(3.0)
        recorder.seal()
        log(4.0)
        recorder.flush()

    def compacted() -> None:
        recorder.seal()
        compact(recorder.layout)
        log(5.0)
        recorder.end("r")
        recorder.flush()

    recorder.start("r")
    log(1.0)
    recorder.flush()
    acts = wakeups(seen_live_then_sealed, sealed_unseen_beside_live, compacted, lambda: None, lambda: None)
    found = values(follow(store, "r", wakeups=acts))

    calls = [{*pair} for pair in zip(found[::2], found[1::2], strict=True)]
    assert calls == [{value, -value} for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert Store(root).metrics().collect().height == len(found)


def test_cursor_goes_on_where_it_stopped(recorder: Any, store: Store) -> None:
    """A watcher that comes back with its cursor gets the rest, also when all of it was sealed meanwhile."""
    recorder.start("r")
    for value in range(6):
        recorder.log("r", {"loss": float(value)})
    recorder.flush()
    cursor: Cursor = {}
    watch = follow(store, "r", since=cursor)
    first = values(islice(watch, 4))
    next(watch)  # asked for the fifth, so the fourth was taken
    recorder.end("r")
    recorder.seal()

    assert first == [0.0, 1.0, 2.0, 3.0]
    assert values(follow(store, "r", since=cursor)) == [4.0, 5.0]


def test_cursor_is_behind_an_event_only_when_all_of_it_was_taken(recorder: Any, store: Store) -> None:
    """Who stops amid the points of one call gets that call again, rather than losing the rest of it."""
    recorder.start("r")
    recorder.log("r", {"a": 1.0, "b": 2.0, "c": 3.0})
    recorder.flush()
    cursor: Cursor = {}
    list(islice(follow(store, "r", since=cursor, wait=False), 2))
    half = dict(cursor)
    list(follow(store, "r", since=cursor, wait=False))

    assert half == {}
    assert list(cursor) == [recorder.writer]


def test_points_of_a_call_stay_together_in_the_order_of_calls(recorder: Any, store: Store) -> None:
    """Parquet is sorted by key; a watcher sees calls."""
    recorder.start("r")
    for step in range(3):
        recorder.log("r", {"b": 1.0 + step, "a": 10.0 + step}, step=step)
    recorder.seal()

    assert [point.step for point in follow(store, "r", wait=False)] == [0, 0, 1, 1, 2, 2]


def test_a_clock_that_goes_back_does_not_change_the_order(recorder: Any, store: Store) -> None:
    """The order is the writer's own, whatever its clock says."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.now_ns -= 3_600_000_000_000
    recorder.log("r", {"loss": 2.0})
    recorder.seal()

    assert values(follow(store, "r", wait=False)) == [1.0, 2.0]


def test_only_the_keys_asked_for(recorder: Any, store: Store) -> None:
    """Other metrics are left out; one that the run hasn't logged yet may be asked for."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0, "accuracy": 0.5})
    recorder.flush()

    def later() -> None:
        recorder.log("r", {"late": 7.0, "loss": 2.0})
        recorder.flush()

    found = [(point.key, point.value) for point in follow(store, "r", ["late"], wakeups=wakeups(later))]

    assert found == [("late", 7.0)]


def test_steps_are_as_they_were_logged(recorder: Any, store: Store) -> None:
    """None, an integer too large for a float, and a fraction."""
    recorder.start("r")
    for step in (None, 2**62 + 1, 0.5):
        recorder.log("r", {"loss": 1.0}, step=step)
    recorder.flush()

    assert [point.step for point in follow(store, "r", wait=False)] == [None, 2**62 + 1, 0.5]


def test_other_runs_are_left_out(recorder: Any, store: Store) -> None:
    """Only the run that is followed, though one writer writes both."""
    for run in ("r", "s"):
        recorder.start(run)
        recorder.log(run, {"loss": float(ord(run))})
    recorder.flush()

    assert values(follow(store, "s", wait=False)) == [float(ord("s"))]


def test_unknown_run_is_refused(recorder: Any, store: Store) -> None:
    """There is nothing to wait for."""
    recorder.start("r")
    recorder.flush()

    with pytest.raises(RunNotFound, match=r"no run 'q'.*there is: r"):
        next(follow(store, "q"))


def test_the_file_system_wakes_the_watcher(recorder: Any, store: Store) -> None:
    """The real watcher on real files: points that are flushed meanwhile arrive, and the end ends it."""
    recorder.start("r")
    recorder.log("r", {"loss": 0.0})
    recorder.flush()
    found: list[float] = []
    first = threading.Event()

    def watch() -> None:
        for point in follow(store, "r"):
            found.append(point.value)
            first.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert first.wait(DEADLINE_S)
    for value in (1.0, 2.0):
        recorder.log("r", {"loss": value})
        recorder.flush()
    recorder.end("r")
    recorder.flush()
    watcher.join(DEADLINE_S)

    assert not watcher.is_alive()
    assert found == [0.0, 1.0, 2.0]


def test_points_that_show_just_after_the_end_are_not_missed(
    recorder: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one batch the end becomes visible before the points; the watch looks once more before it believes it."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.end("r")
    recorder.flush()
    looks = iter([False, True, True])

    read = tail._read
    monkeypatch.setattr(tail, "_read", lambda *args: read(*args) if next(looks) else ([], True, False))

    assert values(follow(store, "r", wakeups=wakeups(lambda: None, lambda: None))) == [1.0]
