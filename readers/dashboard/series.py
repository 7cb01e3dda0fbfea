"""Series: what a chart draws of one metric of many runs, or of ranks of them, reduced to what a screen can show.

A run with at most as many points in the range as there are buckets goes out as it is. Of any other, each bucket of the
range (the same for all runs) gives its lowest, highest and last value and how many points weren't finite; so a single
odd point in a million stays visible. A bucket without a finite point has NaN for the three.

The answer is binary: u32 (little-endian) the length of a JSON header, the header padded with spaces so that what
follows begins at a multiple of eight, then float64 (little-endian) arrays one after the other. In the header `runs`
tells for each line (a run, or a rank of it: see lines): `points` in the range, `raw`, `n`, and `at`, where its arrays
begin, counted in float64s: x[n], y[n] when raw, else min[n], max[n], last[n], nan[n]; `origin` is what relative time
counts from, in ms since 1970. A raw run has one more point on each side of a range, where there is one, so that its
line goes on to the edge. `reached` says of each writer that goes on the seq of its last point that counts here: those
with a larger one, as they are pushed (see live), aren't in the answer.
"""

import math
import struct
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import numpy as np
import polars as pl

from ingest.errors import MetricNotFound
from readers.dashboard.buckets import bucketed
from readers.dashboard.histories import NOTHING, Floats, History, joined, made
from readers.dashboard.jsonform import encoded
from readers.dashboard.lines import Line
from readers.dashboard.points import Axis, Look, Points
from readers.dashboard.sketch import MOST_BUCKETS as MOST_SKETCHED
from readers.dashboard.sketch import Drawn, drawn
from readers.dashboard.store_view import StoreView
from readers.runtable import RunTable

MOST_RUNS = 500
MOST_BUCKETS = 4_000
PATIENCE_S = 0.15
"""How long an answer waits for histories that must be decoded first; those not there then are `pending`."""
_THREADS = 2
_AXES: dict[str, Axis] = {"step": "step", "time": "time", "relative_time": "time"}


class Asked(NamedTuple):
    """What a chart asks for."""

    runs: Sequence[str]
    key: str
    x: str = "step"
    """"step", "time" (milliseconds since 1970), "relative_time" (seconds since the run's start), or a metric."""
    lower: float | None = None
    upper: float | None = None
    buckets: int = 1000

    @property
    def whole(self) -> bool:
        """Whether the range is that of all points."""
        return self.lower is None and self.upper is None


class Series:
    """Answers charts. Any thread."""

    def __init__(self, view: StoreView, points: Points | None = None) -> None:
        self._view = view
        self._points = points or Points(view.tables)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="steplog-series")
        self._reading: dict[tuple[str, str, Axis, frozenset[str]], Future[History]] = {}
        self._lock = threading.RLock()  # a reading that was done at once calls back under it

    def answer(self, asked: Asked, patience_s: float | None = PATIENCE_S) -> bytes:
        """The answer, as above.

        Args:
            patience_s: seconds to wait for what must be read; None for as long as it takes.

        Raises: RunNotFound. MetricNotFound: none of the runs has it. ValueError: too many runs or buckets.
        """
        _check(asked)
        until = None if patience_s is None else time.monotonic() + patience_s
        lines = {name: Line.of(name) for name in dict.fromkeys(asked.runs)}
        table = self._view.these([line.run_id for line in lines.values()])
        self._check_metrics(table, asked)
        look = self._points.look()
        found = self._found(look, _experiments(table, lines), asked, until)
        scales = _scales(table, lines, asked.x)
        lower, upper = _range(found, scales, asked)
        edges = 2 * np.linspace(lower / 2, upper / 2, asked.buckets + 1)  # halves: their distance is finite
        arrays: list[Floats] = []
        told: list[dict[str, object]] = []
        at = 0
        for name in lines:
            history = found.get(name)
            part = _reduced(history or NOTHING, edges, scales[name], whole=asked.whole)
            own = {"run_id": name, **part.told(), "at": at, "origin": scales[name].origin}
            told.append(own | ({} if history else {"pending": True}))
            arrays += part.arrays
            at += sum(map(len, part.arrays))
        header = {
            "key": asked.key,
            "x": asked.x,
            "edges": {"lo": lower, "hi": upper, "n": asked.buckets},
            "runs": told,
            "partial": len(found) < len(lines),
            "reached": look.reached,
        }
        return packed(header, arrays)

    def _check_metrics(self, table: RunTable, asked: Asked) -> None:
        for key in (asked.key,) if asked.x in _AXES else (asked.key, asked.x):
            if table.summaries.filter(pl.col("key") == key).is_empty():
                raise MetricNotFound.among("metric", key[:200], table.metric_names[:2000], "none of these runs has it")

    def _found(self, look: Look, own: dict[str, str], asked: Asked, until: float | None) -> dict[str, History | Drawn]:
        """What can be drawn by then of the lines, given with their experiments, by line."""
        axis = _AXES.get(asked.x)
        if axis is not None:
            coarse = asked.whole and asked.buckets <= MOST_SKETCHED
            return self._drawable(look, own, asked.key, axis, until, coarse=coarse)
        ys, xs = (self._drawable(look, own, key, "step", until, coarse=False) for key in (asked.key, asked.x))
        return {
            line: against(y, x)
            for line in own
            if isinstance(y := ys.get(line), History) and isinstance(x := xs.get(line), History)
        }

    def _drawable(
        self, look: Look, lines: dict[str, str], key: str, axis: Axis, until: float | None, *, coarse: bool
    ) -> dict[str, History | Drawn]:
        """The points of the lines, or where `coarse` allows it, sketches; what isn't in memory is read by threads.

        A thread reads each history once for all who ask for it meanwhile.
        """
        live = self._points.live(look, list(lines), key, axis)
        found: dict[str, History | Drawn] = {}
        reading: dict[str, Future[History]] = {}
        for line, experiment in lines.items():
            own = live.get(line, NOTHING)
            kept = self._points.kept(look, experiment, line, key, axis)
            if isinstance(kept, History):
                found[line] = joined(kept, own)
            elif kept is not None and coarse and (sketch := drawn(kept, own)) is not None:
                found[line] = sketch
            else:
                reading[line] = self._begun(look, experiment, line, key, axis)
        wait(reading.values(), None if until is None else max(0.0, until - time.monotonic()))
        for line, future in reading.items():
            if future.done():
                found[line] = joined(future.result(), live.get(line, NOTHING))
        return found

    def _begun(self, look: Look, experiment: str, line: str, key: str, axis: Axis) -> Future[History]:
        """The reading of a history from these very parts, begun now unless it goes on already."""
        name = (line, key, axis, frozenset(look.parts(experiment, Line.of(line))))
        with self._lock:
            future = self._reading.get(name)
            if future is None:
                future = self._pool.submit(self._read, look, experiment, line, key, axis)
                self._reading[name] = future
                future.add_done_callback(lambda _: self._reading.pop(name, None))
            return future

    def _read(self, look: Look, experiment: str, line: str, key: str, axis: Axis) -> History:
        if not threading.main_thread().is_alive():  # the server ends, and waits for this thread
            raise CancelledError
        return self._points.sealed(look, experiment, line, key, axis)


class Reduced(NamedTuple):
    """What goes out of one run."""

    points: int
    """In the range."""
    odd: int
    """Of these, not finite."""
    raw: bool
    arrays: list[Floats]

    def told(self) -> dict[str, object]:
        """For the header."""
        return {
            "points": self.points,
            "nan": self.odd,
            "raw": self.raw,
            "n": len(self.arrays[0]) if self.arrays else 0,
        }


class Scale(NamedTuple):
    """How the x's of a history become those of a chart."""

    origin: float = 0.0
    unit: float = 1.0

    def shown(self, x: Floats) -> Floats:
        """As the chart has them."""
        return x if self == _AS_THEY_ARE else (x - self.origin) / self.unit

    def kept(self, x: Floats) -> Floats:
        """The other way round."""
        return x if self == _AS_THEY_ARE else x * self.unit + self.origin


_AS_THEY_ARE = Scale()


def _reduced(found: History | Drawn, edges: Floats, scale: Scale, *, whole: bool) -> Reduced:
    """A run's points between the edges: as they are when few, else by buckets."""
    own = scale.kept(edges)
    if isinstance(found, Drawn):
        points, odd = found.sketch.size + len(found.live.y), found.sketch.odd + len(found.live.odd)
        return Reduced(points, odd, raw=False, arrays=list(found.buckets(own)))
    size = len(found.y)
    begin = 0 if whole else int(found.places(own[:1])[0])
    end = size if whole else int(found.places(own[-1:], "right")[0])
    points = max(0, end - begin)
    odd = int(np.diff(np.searchsorted(found.odd, [begin, begin + points]))[0])
    if points <= len(edges) - 1:
        first, last = (begin, end) if whole else (max(0, begin - 1), min(size, end + 1))
        arrays = [scale.shown(found.xs(first, last)), found.logged(first, last)]
        return Reduced(points, odd, raw=True, arrays=arrays)
    bounds = np.concatenate([[begin], found.places(own[1:-1]), [end]])
    return Reduced(points, odd, raw=False, arrays=list(bucketed(found, np.clip(bounds, begin, end))))


def against(history: History, other: History) -> History:
    """The values of one metric over those of another at the same step; where a step is repeated the last one counts."""
    (at, y), (at_other, x) = (_each_once(one) for one in (history, other))
    _, mine, theirs = np.intersect1d(at, at_other, assume_unique=True, return_indices=True)
    y, x = y[mine], x[theirs]
    order = np.argsort(x, kind="stable")
    return made(x[order], y[order])


def _each_once(history: History) -> tuple[Floats, Floats]:
    x = history.xs()
    keep = np.append(x[1:] != x[:-1], [True] * bool(len(x)))
    return x[keep], history.logged(0, len(x))[keep]


def _range(found: dict[str, History | Drawn], scales: dict[str, Scale], asked: Asked) -> tuple[float, float]:
    """The range asked for, or that of all runs."""
    ends = [scales[run_id].shown(_ends(one)) for run_id, one in found.items() if isinstance(one, Drawn) or len(one.y)]
    lower = min((float(low) for low, _ in ends), default=0.0) if asked.lower is None else asked.lower
    upper = max((float(high) for _, high in ends), default=1.0) if asked.upper is None else asked.upper
    return lower, upper if upper > lower else lower + 1.0


def _ends(found: History | Drawn) -> Floats:
    """The first and the last x."""
    if isinstance(found, History):
        return np.concatenate([found.xs(0, 1), found.xs(len(found.y) - 1)])
    last = found.live.xs(len(found.live.y) - 1)[0] if len(found.live.y) else found.sketch.end
    return np.array([found.sketch.starts[0], last])


def _experiments(table: RunTable, lines: dict[str, Line]) -> dict[str, str]:
    """The experiment of each line's run."""
    own = dict(table.runs.select("run_id", "experiment").iter_rows())
    return {name: own[line.run_id] for name, line in lines.items()}


def _scales(table: RunTable, lines: dict[str, Line], x: str) -> dict[str, Scale]:
    """Relative time is seconds since each run's start, made of milliseconds since 1970; all else is as it is kept."""
    if x != "relative_time":
        return dict.fromkeys(lines, _AS_THEY_ARE)
    starts = (table.runs["start_time"].dt.epoch("us") / 1e3).fill_null(0.0)
    by_run = {run_id: Scale(start, 1e3) for run_id, start in zip(table.run_ids, starts, strict=True)}
    return {name: by_run[line.run_id] for name, line in lines.items()}


def packed(header: dict[str, object], arrays: Sequence[Floats]) -> bytes:
    """Header and arrays as the bytes that go out."""
    text = encoded(header)
    text += b" " * (-(len(text) + 4) % 8)
    return struct.pack("<I", len(text)) + text + b"".join(array.astype("<f8", copy=False).tobytes() for array in arrays)


def _check(asked: Asked) -> None:
    if not 1 <= asked.buckets <= MOST_BUCKETS:
        raise ValueError(f"buckets is {asked.buckets}; it lies between 1 and {MOST_BUCKETS:,}")
    if len(asked.runs) > MOST_RUNS:
        raise ValueError(f"{len(asked.runs):,} runs don't fit one chart; choose at most {MOST_RUNS}")
    for end in (asked.lower, asked.upper):
        if end is not None and not math.isfinite(end):
            raise ValueError(f"the range ends at {end}; its ends are numbers")
    if asked.lower is not None and asked.upper is not None and not asked.lower < asked.upper:
        raise ValueError(f"the range is from {asked.lower} to {asked.upper}; 'from' is less than 'to'")
