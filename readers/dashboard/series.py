"""Series: what a chart draws of one metric of many runs, reduced to what a screen can show.

A run with at most as many points in the range as there are buckets goes out as it is. Of any other, each bucket of the
range (the same for all runs) gives its lowest, highest and last value and how many points weren't finite; so a single
odd point in a million stays visible. A bucket without a finite point has NaN for the three.

The answer is binary: u32 (little-endian) the length of a JSON header, the header padded with spaces so that what
follows begins at a multiple of eight, then float64 (little-endian) arrays one after the other. In the header `runs`
tells for each run: `points` in the range, `raw`, `n`, and `at`, where its arrays begin, counted in float64s: x[n], y[n]
when raw, else min[n], max[n], last[n], nan[n]; `origin` is what relative time counts from, in ms since 1970. A raw run
has one more point on each side of a range, where there is one, so that its line goes on to the edge.
"""

import struct
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import numpy as np
import polars as pl

from ingest.errors import MetricNotFound
from readers.dashboard.jsonform import encoded
from readers.dashboard.points import NOTHING, Axis, Floats, History, Integers, Look, Points, joined, made
from readers.dashboard.store_view import StoreView
from readers.runtable import RunTable

MOST_RUNS = 500
MOST_BUCKETS = 4_000
PATIENCE_S = 0.2
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


class Series:
    """Answers charts. Any thread."""

    def __init__(self, view: StoreView, points: Points | None = None) -> None:
        self._view = view
        self._points = points or Points(view.tables)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="steplog-series")
        self._reading: dict[tuple[str, ...], Future[History]] = {}

    def answer(self, asked: Asked, patience_s: float | None = PATIENCE_S) -> bytes:
        """The answer, as above.

        Args:
            patience_s: seconds to wait for what must be read; None for as long as it takes.

        Raises: RunNotFound. MetricNotFound: none of the runs has it. ValueError: too many runs or buckets.
        """
        _check(asked)
        until = None if patience_s is None else time.monotonic() + patience_s
        table = self._view.these(asked.runs)
        self._check_metrics(table, asked)
        found = self._histories(table, asked, until)
        scales = _scales(table, asked.x)
        lower, upper = _range(found, scales, asked)
        edges = np.linspace(lower, upper, asked.buckets + 1)
        whole = asked.lower is None and asked.upper is None
        arrays: list[Floats] = []
        told: list[dict[str, object]] = []
        at = 0
        for run_id in table.run_ids:
            history = found.get(run_id)
            part = _reduced(history or NOTHING, edges, scales[run_id], whole=whole)
            own = {"run_id": run_id, **part.told(), "at": at, "origin": scales[run_id].origin}
            told.append(own | ({} if history else {"pending": True}))
            arrays += part.arrays
            at += sum(map(len, part.arrays))
        header = {
            "key": asked.key,
            "x": asked.x,
            "edges": {"lo": lower, "hi": upper, "n": asked.buckets},
            "runs": told,
            "partial": len(found) < len(table),
        }
        return packed(header, arrays)

    def _check_metrics(self, table: RunTable, asked: Asked) -> None:
        for key in (asked.key, asked.x):
            if key in _AXES and key == asked.x:
                continue
            if table.summaries.filter(pl.col("key") == key).is_empty():
                raise MetricNotFound.among("metric", key[:200], table.metric_names[:2000], "none of these runs has it")

    def _histories(self, table: RunTable, asked: Asked, until: float | None) -> dict[str, History]:
        """The histories that are there by then, by run."""
        look = self._points.look()
        axis = _AXES.get(asked.x, "step")
        keys = [asked.key] if asked.x in _AXES else [asked.key, asked.x]
        own = dict(table.runs.select("run_id", "experiment").iter_rows())
        sealed = {key: self._sealed(look, own, key, axis, until) for key in keys}
        live = {key: self._points.live(look, table.run_ids, key, axis) for key in keys}
        found = {}
        for run_id in own:
            histories = [sealed[key].get(run_id) for key in keys]
            if all(history is not None for history in histories):
                whole = [
                    joined(history or NOTHING, live[key].get(run_id, NOTHING))
                    for key, history in zip(keys, histories, strict=True)
                ]
                found[run_id] = whole[0] if len(whole) == 1 else against(*whole)
        return found

    def _sealed(
        self, look: Look, runs: dict[str, str], key: str, axis: Axis, until: float | None
    ) -> dict[str, History]:
        """The sealed points of the runs; what isn't in memory is read in the background, by all who ask for it once."""
        reading = {}
        for run_id, experiment in runs.items():
            name = (run_id, key, axis)
            if self._points.is_kept(look, experiment, run_id, key, axis):
                reading[run_id] = _done(self._points.sealed(look, experiment, run_id, key, axis))
                continue
            future = self._reading.get(name)
            if future is None or future.done():
                future = self._pool.submit(self._points.sealed, look, experiment, run_id, key, axis)
                self._reading[name] = future
            reading[run_id] = future
        wait(reading.values(), None if until is None else max(0.0, until - time.monotonic()))
        for run_id in runs:
            if reading[run_id].done():
                self._reading.pop((run_id, key, axis), None)
        return {run_id: future.result() for run_id, future in reading.items() if future.done()}


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


def _reduced(history: History, edges: Floats, scale: Scale, *, whole: bool) -> Reduced:
    """A run's points between the edges: as they are when few, else by buckets."""
    own = scale.kept(edges)
    size = len(history.y)
    begin = 0 if whole else int(history.places(own[:1])[0])
    end = size if whole else int(history.places(own[-1:], "right")[0])
    points = max(0, end - begin)
    odd = int(np.diff(np.searchsorted(history.odd, [begin, begin + points]))[0])
    if points <= len(edges) - 1:
        first, last = (begin, end) if whole else (max(0, begin - 1), min(size, end + 1))
        arrays = [scale.shown(history.xs(first, last)), history.logged(first, last)]
        return Reduced(points, odd, raw=True, arrays=arrays)
    bounds = np.concatenate([[begin], history.places(own[1:-1]), [end]])
    return Reduced(points, odd, raw=False, arrays=bucketed(history, np.clip(bounds, begin, end)))


def bucketed(history: History, bounds: Integers) -> list[Floats]:
    """[min, max, last, nan] of the buckets that begin and end at these places, shape (n_buckets,) each."""
    n = len(bounds) - 1
    lowest, highest, last = (np.full(n, np.nan) for _ in range(3))
    there = np.flatnonzero(np.diff(bounds))
    odd = np.diff(np.searchsorted(history.odd, bounds)).astype(np.float64)
    if len(there):
        values = history.y[bounds[0] : bounds[-1]]
        starts = bounds[there] - bounds[0]
        least, most = (np.fmin, np.fmax) if len(history.odd) else (np.minimum, np.maximum)
        lowest[there] = least.reduceat(values, starts)
        highest[there] = most.reduceat(values, starts)
        last[there] = history.y[bounds[there + 1] - 1]
        for bucket in there[np.isnan(last[there]) & ~np.isnan(lowest[there])]:
            own = history.y[bounds[bucket] : bounds[bucket + 1]]
            last[bucket] = own[np.flatnonzero(~np.isnan(own))[-1]]
    return [lowest, highest, last, odd]


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


def _range(found: dict[str, History], scales: dict[str, Scale], asked: Asked) -> tuple[float, float]:
    """The range asked for, or that of all runs."""
    ends = [
        scales[run_id].shown(np.concatenate([history.xs(0, 1), history.xs(len(history.y) - 1)]))
        for run_id, history in found.items()
        if len(history.y)
    ]
    lower = min((float(low) for low, _ in ends), default=0.0) if asked.lower is None else asked.lower
    upper = max((float(high) for _, high in ends), default=1.0) if asked.upper is None else asked.upper
    return lower, upper if upper > lower else lower + 1.0


def _scales(table: RunTable, x: str) -> dict[str, Scale]:
    """Relative time is seconds since each run's start, made of milliseconds since 1970; all else is as it is kept."""
    if x != "relative_time":
        return dict.fromkeys(table.run_ids, _AS_THEY_ARE)
    starts = (table.runs["start_time"].dt.epoch("us") / 1e3).fill_null(0.0)
    return {run_id: Scale(start, 1e3) for run_id, start in zip(table.run_ids, starts, strict=True)}


def packed(header: dict[str, object], arrays: Sequence[Floats]) -> bytes:
    """Header and arrays as the bytes that go out."""
    text = encoded(header)
    text += b" " * (-(len(text) + 4) % 8)
    return struct.pack("<I", len(text)) + text + b"".join(array.astype("<f8", copy=False).tobytes() for array in arrays)


def _done(history: History) -> "Future[History]":
    future: Future[History] = Future()
    future.set_result(history)
    return future


def _check(asked: Asked) -> None:
    if not 1 <= asked.buckets <= MOST_BUCKETS:
        raise ValueError(f"buckets is {asked.buckets}; it lies between 1 and {MOST_BUCKETS:,}")
    if len(asked.runs) > MOST_RUNS:
        raise ValueError(f"{len(asked.runs):,} runs don't fit one chart; choose at most {MOST_RUNS}")
    if asked.lower is not None and asked.upper is not None and not asked.lower < asked.upper:
        raise ValueError(f"the range is from {asked.lower} to {asked.upper}; 'from' is less than 'to'")
