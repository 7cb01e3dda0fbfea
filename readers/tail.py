"""Follow a run: its points as they arrive, each once, until the run has ended and nothing is left.

A cursor says how far a watcher has come: for each writer, the `seq` up to which everything was taken. Why that is
enough: a writer's events are numbered in order and become visible in order, whole events only, and neither sealing nor
compaction changes a `seq`. So "all rows with a larger seq" gives each point once, wherever the point lies by then, and
a watcher that was stopped goes on from its cursor as if it had never been away.

The end: the status is read before the points, so an end that was seen came after all points of its writer, and these
are the last. Under a queue in memory it is not so: there the facts of a batch become visible a moment before its
points. Hence the watch is over when the run had ended and all segments were sealed (a segment is sealed as a whole)
before the points were read; else when, after the end was seen, one more wake-up brought nothing new.

A log call writes through a memory mapping, and network mounts report no changes at all: the watcher notices neither. So
it looks every `POLL_S`, too; what it can miss is time, never a point, as the cursor decides what is new.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import polars as pl
from watchfiles import watch

from ingest.catalog import live_segments
from ingest.errors import RunNotFound
from readers.store import Store

Cursor = dict[str, int]
"""writer -> seq; all events of the writer up to and including it were taken."""

RUNNING = "RUNNING"
POLL_S = 0.25
_STEP_MS = 10  # how soon after a change the watcher wakes
_DEBOUNCE_MS = 100  # changes within this time are one wake-up; the default of 1,600 ms would be seen


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
        wakeups: what to wait on, one item a wake-up; its end ends the watch. Default: changes in the live folder.
    Raises: RunNotFound: the store has no such run.
    """
    cursor = {} if since is None else since
    waiting = _changes(store.layout.live) if wakeups is None else wakeups
    had_ended = False
    while True:
        ended = _status(store, run_id) != RUNNING
        sealed = ended and not live_segments(store.layout)
        new = _read(store, run_id, keys, cursor)
        yield from _take(new, cursor)
        if not wait or sealed or (had_ended and not new):
            return
        had_ended = ended
        if next(waiting, None) is None:
            return


def _changes(live: Path) -> Iterator[object]:
    """A wake-up each time a file below changes, at the latest after POLL_S."""
    return watch(
        live,
        watch_filter=None,
        step=_STEP_MS,
        debounce=_DEBOUNCE_MS,
        rust_timeout=int(POLL_S * 1000),
        yield_on_timeout=True,
    )


def _status(store: Store, run_id: str) -> str:
    """The run's status now."""
    found = store.find_run(run_id)
    if found is None:
        raise RunNotFound.among("run", run_id, store.run_ids())
    return str(found["status"])


def _read(store: Store, run_id: str, keys: Sequence[str] | None, cursor: Cursor) -> list[Point]:
    """The points beyond the cursor; each writer's in its own order, several writers' merged by time."""
    rows = store.metrics(runs=[run_id]).filter(_beyond(cursor))
    if keys is not None:
        rows = rows.filter(pl.col("key").is_in(list(keys)))
    columns = rows.select("time", "key", "step", "step_float", "value", "writer", "seq").collect()
    # A clock may go backwards; the running maximum of a writer's times never puts its events out of order.
    in_order = pl.col("time").cum_max().over("writer")
    columns = columns.sort("writer", "seq", maintain_order=True).with_columns(at=in_order)
    columns = columns.sort("at", "writer", "seq", maintain_order=True).drop("at")
    return [
        Point(time, key, step if step_float is None else step_float, value, writer, seq)
        for time, key, step, step_float, value, writer, seq in columns.iter_rows()
    ]


def _beyond(cursor: Cursor) -> pl.Expr:
    """The rows that the cursor has not passed; simple comparisons, so that whole files can be skipped."""
    return pl.all_horizontal(
        pl.lit(value=True), *((pl.col("writer") != writer) | (pl.col("seq") > seq) for writer, seq in cursor.items())
    )


def _take(points: list[Point], cursor: Cursor) -> Iterator[Point]:
    """Hand the points out; move the cursor past an event when the consumer asks for what follows it."""
    for point, following in zip_longest(points, points[1:]):
        yield point
        if following is None or (following.writer, following.seq) != (point.writer, point.seq):
            cursor[point.writer] = point.seq
