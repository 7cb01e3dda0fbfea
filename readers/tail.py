"""Follow a run: its points as they arrive, each once, until the run has ended and nothing is left.

A Watcher (see watcher) finds what is new; here it becomes point after point, with a cursor that moves along with what
was taken, and an end.

The end: the status is read before the points, so an end that was seen came after all points of its writer, and these
are the last. Under a queue in memory it is not so: there the facts of a batch become visible a moment before its
points. Hence the watch is over when the run had ended and all segments were sealed (a segment is sealed as a whole)
before the points were read; else when, after the end was seen, one more look brought nothing new. The status is asked
when a fact of the run came, and now and then, as a writer that dies says nothing.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import zip_longest
from typing import NamedTuple

from ingest.catalog import live_segments
from ingest.errors import RunNotFound
from readers.store import Store
from readers.watcher import Watcher

Cursor = dict[str, int]
"""writer -> seq; all events of the writer up to and including it were taken."""

RUNNING = "RUNNING"
_STATUS_S = 2.0
"""Seconds after which the status is asked again though no fact came."""


class Point(NamedTuple):
    """One value of one metric."""

    time: datetime
    key: str
    step: int | float | None
    value: float
    writer: str
    seq: int


def follow(
    store: Store,
    run_id: str,
    keys: Sequence[str] | None = None,
    since: Cursor | None = None,
    *,
    wait: bool = True,
    wakeups: Iterator[object] | None = None,
) -> Iterator[Point]:
    """Yield the run's points in the order they were logged, then wait for more; return when the run has ended.

    Args:
        store: where the run lies.
        run_id: the full id.
        keys: only these metrics, also ones that the run has not logged yet; None for all.
        since: begin after this cursor. It is moved on in place, each time all points of an event were taken, so that
            it can be kept and given to a later call. A watcher that stops amid an event gets that event again.
        wait: False returns as soon as nothing is left, whether or not the run has ended.
        wakeups: what to wait on, one item a look; its end ends the watch. Default: until it is time to look again.
    Raises: RunNotFound: the store has no such run.
    """
    cursor = {} if since is None else since
    with closing(Watcher(store, [run_id], keys, {"points": dict(cursor)})) as watcher:
        waiting = _pauses(watcher) if wakeups is None else wakeups
        ended = _status(store, run_id) != RUNNING
        had_ended, asked_at = False, time.monotonic()
        while True:
            sealed = ended and not live_segments(store.layout)
            found = told = False
            more = True
            while more:
                points, facts, more = _read(watcher)
                yield from _take(points, cursor)
                found, told = found or bool(points), told or facts
            if not wait or sealed or (had_ended and not found):
                return
            had_ended = ended
            if next(waiting, None) is None:
                return
            if told or ended or time.monotonic() - asked_at > _STATUS_S:
                ended, asked_at = _status(store, run_id) != RUNNING, time.monotonic()


def _pauses(watcher: Watcher) -> Iterator[object]:
    """A wake-up each time that it is time to look again."""
    while True:
        watcher.wait()
        yield "time"


def _status(store: Store, run_id: str) -> str:
    """The run's status now."""
    found = store.find_run(run_id)
    if found is None:
        raise RunNotFound.among("run", run_id, store.run_ids())
    return str(found["status"])


def _read(watcher: Watcher) -> tuple[list[Point], bool, bool]:
    """(points that are new, each writer's in its own order; whether there are new facts; whether there is more)."""
    batch = watcher.poll()
    columns = batch.points.select("time", "key", "step", "step_float", "value", "writer", "seq")
    points = [
        Point(at, key, step if step_float is None else step_float, value, writer, seq)
        for at, key, step, step_float, value, writer, seq in columns.iter_rows()
    ]
    return points, not batch.facts.is_empty(), batch.more


def _take(points: list[Point], cursor: Cursor) -> Iterator[Point]:
    """Hand the points out; move the cursor past an event when the consumer asks for what follows it."""
    for point, following in zip_longest(points, points[1:]):
        yield point
        if following is None or (following.writer, following.seq) != (point.writer, point.seq):
            cursor[point.writer] = point.seq
