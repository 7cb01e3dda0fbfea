"""Points: the histories that charts ask for, decoded once and kept in the order of x, within a bound of bytes.

What is sealed never changes, so a history read from some parts stays right: when a part is added (a running run seals
every minute) only that one is read and put behind; when compaction replaced parts, all are read anew. What isn't sealed
is read for all runs at once, at most every `LAG_S`, and joined at each request. Argument for the order: live rows are
read before the catalog is listed, and of these only segments count that are live in that listing (see readers.scan), so
no point counts twice, and what is missed is younger than `LAG_S`.

An x-axis is "step" (in a run without any steps the order of its points; else points without a step are left out) or
"time" (milliseconds since 1970). Points at the same x stay in the order in which they were logged.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from ingest.catalog import LiveSegment, Part, Snapshot
from ingest.columns import PointBlock, first_seq
from ingest.errors import StoreError
from readers.dashboard.growing import LivePoints
from readers.dashboard.histories import NOTHING, Floats, History, in_order, joined, made
from readers.dashboard.lines import Line
from readers.dashboard.sketch import Sketch, sketched
from readers.dashboard.store_view import LAG_S, GrowingTables
from readers.names import TrueNames
from readers.places import find
from readers.query import Found, Query
from readers.verified import Stamp

Axis = Literal["step", "time"]
MOST_BYTES = 1 << 30
"""Memory that decoded histories may take: 50 of a million points each take 400 MB."""
MOST_SKETCH_BYTES = 256 << 20
"""Memory that sketches may take: 400 of them."""
_TRIES = 5


_Name = tuple[str, str, Axis]


class _Read(NamedTuple):
    """A history, or a sketch of one, and the parts that it was read from."""

    what: History | Sketch
    parts: frozenset[str]


class _Shelf:
    """What was read, by line, metric and axis; the least recently used goes first. Any thread."""

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_Name, _Read] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: _Name) -> _Read | None:
        """What lies there; used just now."""
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def put(self, name: _Name, read: _Read) -> None:
        """Keep it, in place of what lay there."""
        with self._lock:
            before = self._kept.pop(name, None)
            self.bytes += read.what.nbytes - (before.what.nbytes if before else 0)
            self._kept[name] = read
            while self.bytes > self._most_bytes and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self.bytes -= dropped.what.nbytes


class Look(NamedTuple):
    """The metrics table at one moment."""

    shot: Snapshot
    live: dict[LiveSegment, LivePoints]
    by_experiment: dict[str, dict[str, Found]]

    def parts(self, experiment: str, line: Line | None = None) -> dict[str, Found]:
        """An experiment's parts by name, in the order of their segments; or those that may have points of a line."""
        parts = self.by_experiment.get(experiment, {})
        if line is None or line.rank is None:
            return parts
        return {name: found for name, found in parts.items() if line.may_be_in(found.part.segment)}

    @property
    def reached(self) -> dict[str, int]:
        """Of each writer that has something unsealed: the seq up to which its points are in this look.

        Segments before the first live one are sealed, so they are whole; what is seen of the live ones is a prefix.
        """
        found: dict[str, int] = {}
        for segment in self.shot.live:  # sorted
            found.setdefault(segment.writer, first_seq(segment.number) - 1)
            last = self.live[segment].last if segment in self.live else None
            if last is not None:
                found[segment.writer] = max(last, found[segment.writer])
        return found


class Points:
    """Histories by line (a run, or a rank of it), metric and x-axis. Any thread."""

    def __init__(
        self, tables: GrowingTables, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tables = tables
        self._names = TrueNames(tables.layout, tables.verified)
        self._live: tuple[float, dict[LiveSegment, LivePoints]] | None = None
        self._histories, self._sketches = _Shelf(most_bytes), _Shelf(MOST_SKETCH_BYTES)
        self._clock = clock
        self._live_lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """Memory that histories take now."""
        return self._histories.bytes

    def look(self) -> Look:
        """What is there now: the parts, and what isn't sealed."""
        for left in reversed(range(_TRIES)):
            live = self._read_live()
            shot = self._tables.snapshot("metrics")
            try:
                found = [Found(part, self._names.of(part), *self._place(part)) for part in shot.parts]
            except FileNotFoundError as gone:  # deleted by hand since it was listed
                if not left:
                    raise StoreError(f"{gone.filename} was deleted while it was read; ask again") from gone
                continue
            by_experiment: dict[str, dict[str, Found]] = {}
            for each in sorted(found, key=lambda each: each.part.segment):
                by_experiment.setdefault(each.experiment, {})[each.path.name] = each
            return Look(shot, {segment: live[segment] for segment in shot.live if segment in live}, by_experiment)
        raise AssertionError

    def sealed(self, look: Look, experiment: str, line: str, key: str, axis: Axis) -> History:
        """The sealed points of a run, or of a rank of it (see lines), from memory or the files."""
        own = Line.of(line)
        name, parts = (line, key, axis), look.parts(experiment, own)
        kept = self._histories.get(name)
        if kept is None or not isinstance(kept.what, History) or not kept.parts <= parts.keys():
            history = self._read(list(parts.values()), own, key, axis)
        elif kept.parts == parts.keys():
            return kept.what
        else:
            new = [found for part, found in parts.items() if part not in kept.parts]
            history = joined(kept.what, self._read(new, own, key, axis))
        self._histories.put(name, _Read(history, frozenset(parts)))
        sketch = sketched(history)
        if sketch is not None:
            self._sketches.put(name, _Read(sketch, frozenset(parts)))
        return history

    def kept(self, look: Look, experiment: str, line: str, key: str, axis: Axis) -> History | Sketch | None:
        """What `sealed` would give, or a sketch of it, if that is in memory."""
        parts = look.parts(experiment, Line.of(line))
        for shelf in (self._histories, self._sketches):
            found = shelf.get((line, key, axis))
            if found is not None and found.parts == parts.keys():
                return found.what
        return None

    def live(self, look: Look, lines: Sequence[str], key: str, axis: Axis) -> dict[str, History]:
        """The points of runs, or of ranks of them, that aren't sealed yet."""
        found: dict[str, History] = {}
        asked = [(name, Line.of(name)) for name in lines]
        for segment, points in look.live.items():
            mine = [(name, line.run_id) for name, line in asked if line.takes(segment.writer)]
            for name, run_id in mine:
                new = _of_blocks(points.blocks.get(run_id, ()), key, axis)
                if len(new.y):
                    found[name] = joined(found.get(name, NOTHING), new)
            if points.rows is not None and mine:
                wanted = (pl.col("key") == key) & pl.col("run_id").is_in([run_id for _, run_id in mine])
                parts = points.rows.filter(wanted).partition_by("run_id", as_dict=True)
                for name, run_id in mine:
                    if (run_id,) in parts:
                        found[name] = joined(found.get(name, NOTHING), _history(parts[run_id,], axis))
        return found

    def _place(self, part: Part) -> tuple[Path, Stamp]:
        """Where a part lies; one that would have to be fetched is looked for when it is read."""
        layout = self._tables.layout
        return find(layout, "metrics", part) if layout.adopts else (part.path, _AWAY)

    def _read_live(self) -> dict[LiveSegment, LivePoints]:
        with self._live_lock:
            now = self._clock()
            if self._live is None or now - self._live[0] > LAG_S:
                self._live = now, self._tables.growing.points()
            return self._live[1]

    def _read(self, parts: list[Found], line: Line, key: str, axis: Axis) -> History:
        """Decode one metric of one line."""
        wanted = line.points & (pl.col("key") == key)
        layout = self._tables.layout
        if not layout.adopts:
            parts = self._tables.found("metrics", [p.part for p in parts if layout.may_hold(p.path, [line.run_id])])
        for left in reversed(range(_TRIES)):
            try:
                whole = self._tables.verified.whole({found.path: found.stamp for found in parts})
                there = [found for found in parts if found.path in whole]
                return _history(_scan(there, _QUICK[axis], wanted), axis, partial(_scan, there, _FULL, wanted))
            except FileNotFoundError as gone:  # compaction moved it since it was found
                if not left:
                    raise StoreError(f"{gone.filename} was deleted while it was read; ask again") from gone
                places = [find(self._tables.layout, "metrics", found.part) for found in parts]
                parts = [Found(old.part, old.experiment, *place) for old, place in zip(parts, places, strict=True)]
        raise AssertionError


_AWAY = Stamp(-1, -1, -1)
_STEP = ["step", "step_float"]
_QUICK: dict[Axis, list[str]] = {"step": [*_STEP, "value"], "time": ["time", "value"]}
_FULL = [*_STEP, "time", "writer", "seq", "value"]


def _scan(parts: list[Found], columns: list[str], wanted: pl.Expr) -> pl.DataFrame:
    return Query("metrics", columns, wanted).scan(parts, None)


def _history(rows: pl.DataFrame, axis: Axis, again: Callable[[], pl.DataFrame] | None = None) -> History:
    """Rows in the order of x.

    Args:
        rows: with what the axis needs, and the value.
        again: gives the rows with all columns, if these have fewer; needed only when they aren't in order.
    """
    x = _x_of(rows, axis)
    if x is not None and (len(x) < 2 or bool((x[1:] > x[:-1]).all())):
        return made(x, rows["value"].to_numpy())
    full = (rows if again is None else again()).sort("writer", "seq", maintain_order=True)
    full = full.with_columns(at=pl.col("time").cum_max().over("writer")).sort(
        "at", "writer", "seq", maintain_order=True
    )
    x = _x_of(full, axis)
    return in_order(_steps(full).fill_null(np.nan).to_numpy() if x is None else x, full["value"].to_numpy())


def _of_blocks(blocks: Sequence[PointBlock], key: str, axis: Axis) -> History:
    """The points of one run and metric in the order of x."""
    mine = [(block, block.keys.index(key)) for block in blocks if key in block.keys]
    if not mine:
        return NOTHING
    y = np.concatenate([block.values[:, place] for block, place in mine])
    seq = np.concatenate([block.seq for block, _ in mine])
    if axis == "time":
        x = np.concatenate([block.time_ns for block, _ in mine]) // 1000 / 1e3
    else:
        x = np.concatenate([_steps_of(block) for block, _ in mine])
    if (seq[1:] < seq[:-1]).any():
        order = np.argsort(seq, kind="stable")
        x, y = x[order], y[order]
    return in_order(x, y)


def _steps_of(block: PointBlock) -> Floats:
    return np.full(len(block.seq), np.nan) if block.step is None else block.step.astype(np.float64)


def _x_of(rows: pl.DataFrame, axis: Axis) -> Floats | None:
    """The x's of the rows; None when some have no step."""
    if axis == "time":
        return (rows["time"].dt.epoch("us") / 1e3).to_numpy()
    steps = _steps(rows)
    return None if steps.null_count() else steps.to_numpy()


def _steps(rows: pl.DataFrame) -> pl.Series:
    if rows["step_float"].null_count() == rows.height:
        return rows["step"].cast(pl.Float64)
    return rows.select(pl.coalesce("step_float", pl.col("step").cast(pl.Float64))).to_series()
