"""Looking up one run without Polars, for the process that logs.

A forked child that uses Polars after its parent did hangs, and importing it costs a quarter of a second; so what a
training process asks by itself (does this run exist? what was logged last?) is answered with Arrow alone. Live segments
are read before the sealed parts are listed; one that is sealed in between is met twice, which changes no answer here.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.alive import is_alive
from ingest.arrays import strings, values
from ingest.catalog import live_segments, snapshot
from ingest.digests import verify
from ingest.errors import SegmentCorrupt
from ingest.layout import Layout, Table
from ingest.recovery import read_segment
from ingest.sealing import Contents

_TRIES = 20
_STEPS = ("first_step", "last_step")


class Fact(NamedTuple):
    """A row of the facts table."""

    time_us: int
    seq: int
    run_id: str
    key: str
    value: str
    """JSON."""


def find_run(layout: Layout, run_id: str) -> tuple[str, str] | None:
    """(experiment, run_name) of a run, or None when it isn't in the store."""
    found: dict[str, str] = {}
    for rows in _rows(layout, "facts", run_id):
        facts = rows.filter(pc.equal(rows["kind"], strings(["run"])[0]))
        found |= dict(zip(facts["key"].to_pylist(), facts["value"].to_pylist(), strict=True))
    return (json.loads(found["experiment"]), json.loads(found["run_name"])) if "experiment" in found else None


def is_running(layout: Layout, run_id: str) -> bool:
    """Whether a writer that lives takes part in a run, and has not ended it."""
    last: dict[str, tuple[int, str]] = {}
    for rows in _rows(layout, "facts", run_id):
        lives = rows.filter(pc.is_in(rows["kind"], strings(["run", "end"])))
        columns = (lives[name].to_pylist() for name in ("writer", "seq", "kind"))
        for writer, seq, kind in zip(*columns, strict=True):
            last[writer] = max(last.get(writer, (-1, "")), (seq, kind))
    return any(kind == "run" and is_alive(layout.writer(writer)) for writer, (_, kind) in last.items())


def last_metrics(layout: Layout, run_id: str) -> dict[str, float]:
    """The last value of each metric of a run: by the order of its writer, and across writers by time."""
    last: dict[str, tuple[tuple[int, int], float]] = {}
    for rows in _rows(layout, "summaries", run_id):
        places = zip(values(rows["last_time"]).tolist(), values(rows["last_seq"]).tolist(), strict=True)
        for key, place, value in zip(rows["key"].to_pylist(), places, values(rows["last"]).tolist(), strict=True):
            last[key] = max(last.get(key, (place, value)), (place, value), key=lambda found: found[0])
    return {key: value for key, (_, value) in sorted(last.items())}


def extremes(layout: Layout, run_id: str) -> list[tuple[str, float, float]]:
    """Each metric of a run with its lowest and highest value; a metric comes once for each file that it is in.

    One that has nothing but NaN is left out.
    """
    return [
        (key, low, high)
        for rows in _rows(layout, "summaries", run_id)
        for key, low, high in zip(*(rows[name].to_pylist() for name in ("key", "min", "max")), strict=True)
        if low is not None and low == low  # noqa: PLR0124 - NaN is what differs from itself
    ]


def last_step(layout: Layout, run_id: str) -> float | None:
    """The highest step with which a metric of a run begins or ends, or None where none has steps."""
    found = [values(rows[name]) for rows in _rows(layout, "summaries", run_id) for name in _STEPS]
    return max((float(step) for steps in found for step in steps if step == step), default=None)  # noqa: PLR0124 - NaN


def facts_of(layout: Layout, kind: str, run_id: str | None = None) -> list[Fact]:
    """The facts of one kind, of one run or of all, in the order of time."""
    found: set[Fact] = set()  # one that is sealed between two looks is met twice
    for rows in _rows(layout, "facts", run_id):
        facts = rows.filter(pc.equal(rows["kind"], strings([kind])[0]))
        times, seqs = values(facts["time"]).tolist(), values(facts["seq"]).tolist()
        columns = (facts[name].to_pylist() for name in ("run_id", "key", "value"))
        found.update(Fact(*row) for row in zip(times, seqs, *columns, strict=True))
    return sorted(found)


def _rows(layout: Layout, table: Table, run_id: str | None) -> list[pa.Table]:
    """One run's rows of a table, or all. A file that is moved between listing and reading makes it begin anew."""
    for left in reversed(range(_TRIES)):
        try:
            found = [*_live(layout, table), *_sealed(layout, table)]
        except FileNotFoundError:
            if not left:
                raise
        else:
            if run_id is None:
                return found
            return [rows.filter(pc.equal(rows["run_id"], strings([run_id])[0])) for rows in found]
    return []


def _live(layout: Layout, table: Table) -> Iterator[pa.Table]:
    for segment in reversed(live_segments(layout)):
        folder = segment.queue_file.parent
        try:
            alive = is_alive(folder)
            contents = Contents.of_live(segment.writer, folder, segment.number) if alive else read_segment(segment)[0]
        except FileNotFoundError:  # sealed meanwhile: listed among the parts below
            continue
        for experiment in contents.experiments():
            yield contents.facts(experiment) if table == "facts" else contents.metrics(experiment)[1]


def _sealed(layout: Layout, table: Table) -> Iterator[pa.Table]:
    for part in snapshot(layout, table).parts:
        layout.obtain(part.path)
        try:
            verify(part.path)
        except SegmentCorrupt:  # the store's reader reports it
            continue
        yield pq.ParquetFile(part.path).read()
