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
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from ingest.catalog import LiveSegment, Snapshot
from ingest.columns import PointBlock
from readers.dashboard.growing import LivePoints
from readers.dashboard.store_view import LAG_S, GrowingTables
from readers.names import TrueNames
from readers.places import find
from readers.query import Found, Query

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
Axis = Literal["step", "time"]
MOST_BYTES = 1 << 30
"""Memory that decoded histories may take: 50 of a million points each take 400 MB."""
_TRIES = 5


class Even(NamedTuple):
    """x's at even distances, which need no memory: start, start + stride, ..."""

    start: float
    stride: float
    size: int


class History(NamedTuple):
    """One metric of one run, in the order of x."""

    x: Floats | Even
    """Rising, finite; repeated where several points have one x."""
    y: Floats
    """NaN for what isn't finite."""
    odd: Integers
    """Places of y that aren't finite, rising."""
    words: Floats
    """What was logged there: NaN, inf or -inf."""
    by_order: bool = False
    """Whether x is the order of the points, for want of steps."""

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return self.y.nbytes + self.odd.nbytes + self.words.nbytes + (0 if isinstance(self.x, Even) else self.x.nbytes)

    def xs(self, begin: int = 0, end: int | None = None) -> Floats:
        """The x's of some places."""
        if not isinstance(self.x, Even):
            return self.x[begin:end]
        return self.x.start + self.x.stride * np.arange(begin, self.x.size if end is None else end, dtype=np.float64)

    def logged(self, begin: int, end: int) -> Floats:
        """The values of some places as they were logged."""
        values = self.y[begin:end].copy()
        first, last = np.searchsorted(self.odd, [begin, end])
        values[self.odd[first:last] - begin] = self.words[first:last]
        return values

    def places(self, edges: Floats, side: Literal["left", "right"] = "left") -> Integers:
        """For each edge how many x's lie before it; with side "right" those at it count as before."""
        if not isinstance(self.x, Even):
            return np.searchsorted(self.x, edges, side).astype(np.int64)
        ranks = (edges - self.x.start) / self.x.stride
        ranks = np.ceil(ranks) if side == "left" else np.floor(ranks) + 1
        return np.clip(ranks, 0, self.x.size).astype(np.int64)


class _Read(NamedTuple):
    """A history and the parts that it was read from."""

    history: History
    parts: frozenset[str]


NOTHING = History(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0))


class Look(NamedTuple):
    """The metrics table at one moment."""

    shot: Snapshot
    live: dict[LiveSegment, LivePoints]
    by_experiment: dict[str, list[Found]]


class Points:
    """Histories by run, metric and x-axis. Any thread."""

    def __init__(
        self, tables: GrowingTables, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tables = tables
        self._names = TrueNames(tables.layout, tables.verified)
        self._live: tuple[float, dict[LiveSegment, LivePoints]] | None = None
        self._kept: OrderedDict[tuple[str, str, Axis], _Read] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._live_lock = threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """Memory that histories take now."""
        return self._bytes

    def look(self) -> Look:
        """What is there now: the parts, and what isn't sealed."""
        for left in reversed(range(_TRIES)):
            live = self._read_live()
            shot = self._tables.snapshot("metrics")
            try:
                found = [
                    Found(part, self._names.of(part), *find(self._tables.layout, "metrics", part))
                    for part in shot.parts
                ]
            except FileNotFoundError:  # deleted by hand since it was listed
                if not left:
                    raise
                continue
            by_experiment: dict[str, list[Found]] = {}
            for each in sorted(found, key=lambda each: each.part.segment):
                by_experiment.setdefault(each.experiment, []).append(each)
            return Look(shot, {segment: live[segment] for segment in shot.live if segment in live}, by_experiment)
        raise AssertionError

    def sealed(self, look: Look, experiment: str, run_id: str, key: str, axis: Axis) -> History:
        """A run's sealed points."""
        name = (run_id, key, axis)
        parts = {found.path.name: found for found in look.by_experiment.get(experiment, [])}
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None:
                self._kept.move_to_end(name)
        if kept is not None and kept.parts == parts.keys():
            return kept.history
        if kept is not None and kept.parts < parts.keys():
            new = [found for part, found in parts.items() if part not in kept.parts]
            history = joined(kept.history, self._read(new, run_id, key, axis))
        else:
            history = self._read(list(parts.values()), run_id, key, axis)
        self._keep(name, _Read(history, frozenset(parts)))
        return history

    def is_kept(self, look: Look, experiment: str, run_id: str, key: str, axis: Axis) -> bool:
        """Whether `sealed` would answer from memory."""
        kept = self._kept.get((run_id, key, axis))
        return kept is not None and kept.parts == {found.path.name for found in look.by_experiment.get(experiment, [])}

    def live(self, look: Look, runs: Sequence[str], key: str, axis: Axis) -> dict[str, History]:
        """The points of runs that aren't sealed yet."""
        found: dict[str, History] = {}
        for points in look.live.values():
            for run_id in runs:
                new = _of_blocks(points.blocks.get(run_id, ()), key, axis)
                if len(new.y):
                    found[run_id] = joined(found.get(run_id, NOTHING), new)
            if points.rows is not None:
                wanted = (pl.col("key") == key) & pl.col("run_id").is_in(list(runs))
                parts = points.rows.filter(wanted).partition_by("run_id", as_dict=True)
                for (name,), part in parts.items():
                    run_id = str(name)
                    found[run_id] = joined(found.get(run_id, NOTHING), _history(part, axis))
        return found

    def _read_live(self) -> dict[LiveSegment, LivePoints]:
        with self._live_lock:
            now = self._clock()
            if self._live is None or now - self._live[0] > LAG_S:
                self._live = now, self._tables.growing.points()
            return self._live[1]

    def _read(self, parts: list[Found], run_id: str, key: str, axis: Axis) -> History:
        """Decode one metric of one run."""
        wanted = (pl.col("run_id") == run_id) & (pl.col("key") == key)
        for left in reversed(range(_TRIES)):
            try:
                whole = self._tables.verified.whole({found.path: found.stamp for found in parts})
                there = [found for found in parts if found.path in whole]
                return _history(_scan(there, _QUICK[axis], wanted), axis, partial(_scan, there, _FULL, wanted))
            except FileNotFoundError:  # compaction moved it since it was found
                if not left:
                    raise
                places = [find(self._tables.layout, "metrics", found.part) for found in parts]
                parts = [Found(old.part, old.experiment, *place) for old, place in zip(parts, places, strict=True)]
        raise AssertionError

    def _keep(self, name: tuple[str, str, Axis], read: _Read) -> None:
        with self._lock:
            before = self._kept.pop(name, None)
            self._bytes += read.history.nbytes - (before.history.nbytes if before else 0)
            self._kept[name] = read
            while self._bytes > self._most_bytes and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.history.nbytes


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
    return _in_order(_steps(full).fill_null(np.nan).to_numpy() if x is None else x, full["value"].to_numpy())


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
    return _in_order(x, y)


def _steps_of(block: PointBlock) -> Floats:
    return np.full(len(block.seq), np.nan) if block.step is None else block.step.astype(np.float64)


def _in_order(x: Floats, y: Floats) -> History:
    """Points in the order in which they were logged, x NaN where there is none, as a history."""
    known = ~np.isnan(x)
    if len(y) and not known.any():
        return made(np.arange(len(y), dtype=np.float64), y)._replace(by_order=True)
    if not known.all():
        x, y = x[known], y[known]
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return made(x, y)


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


def made(x: Floats, y: Floats) -> History:
    """A history of rising x's and values as logged."""
    finite = np.isfinite(x)
    if not finite.all():
        x, y = x[finite], y[finite]
    odd = np.flatnonzero(~np.isfinite(y))
    words = y[odd]
    if len(odd):
        y = y.copy()
        y[odd] = np.nan
    return History(_even(x), np.ascontiguousarray(y, np.float64), odd, words)


def _even(x: Floats) -> Floats | Even:
    """The x's without their memory, where they are at even distances (and exactly so)."""
    if len(x) < 2 or not x[0] < x[1]:
        return x
    even = Even(float(x[0]), float(x[1] - x[0]), len(x))
    exact = even.stride.is_integer() and even.start.is_integer() and bool((np.diff(x) == even.stride).all())
    return even if exact else x


def joined(one: History, other: History) -> History:
    """Two histories of one metric as one; of equal x's those of `other` come last."""
    if not len(one.y) or not len(other.y):
        return one if len(one.y) else other
    if one.by_order != other.by_order:  # points without a step are left out where others have one
        return other if one.by_order else one
    x = np.concatenate([one.xs(), other.xs() + (len(one.y) if one.by_order else 0)])
    y = np.concatenate([one.logged(0, len(one.y)), other.logged(0, len(other.y))])
    if x[len(one.y)] >= x[len(one.y) - 1]:
        return made(x, y)._replace(by_order=one.by_order)
    order = np.argsort(x, kind="stable")
    return made(x[order], y[order])
