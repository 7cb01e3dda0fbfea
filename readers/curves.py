"""Curves: the histories of one metric over many runs, on one x-axis, smoothed, and summed up by groups.

The x-axis is one of
    "step"           the step; in a run that gave no steps at all, the order of its points: 0, 1, 2 ...
    "time"           the wall clock: seconds since 1970, UTC
    "relative_time"  seconds since the run's start (its first point, where the start isn't known)
    another metric   its value at the same step of the same run

Points are sorted by x, whenever they were logged. Of several points at one x the one that was logged last counts. What
isn't finite stays in a curve's `y` as it was logged, and is a gap in what is drawn and computed from it. What is left
out is said in `notes`.
"""

from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np
import polars as pl

from ingest.errors import MetricNotFound
from readers.alignment import MOST_X, Align, Band, BandKind, band_of
from readers.grouping import labels
from readers.runtable import RunTable
from readers.smoothing import smoothed

if TYPE_CHECKING:
    from readers.source import RunFrames

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

__all__ = ["Align", "Band", "BandKind", "Curve", "Curves", "read_curves"]
_LABELS = {"step": "step", "time": "time (UTC)", "relative_time": "time since the run's start (s)"}
_FEW = 2_000  # run ids that are worth looking for in the files; of more, all runs of their experiments are read


class Curve(NamedTuple):
    """One run: shape (m,) each, in the order of x; each x once."""

    run_id: str
    name: str
    group: str | None
    """None when the run lacks what the groups are made by, or there are no groups."""
    x: "Floats"
    y: "Floats"
    """As logged; NaN and infinities stay."""
    smooth: "Floats"
    """Smoothed; NaN where y isn't finite."""


class Curves(NamedTuple):
    """A metric over several runs."""

    metric: str
    x_label: str
    curves: tuple[Curve, ...]
    """In the order of the runs; runs without a point have none."""
    bands: tuple[Band, ...]
    """One a group, of the smoothed values; groups called by numbers in their order, others by their first run."""
    notes: tuple[str, ...]
    """What was left out, in words."""
    x: str = "step"
    """What x is, as asked."""
    smoothing: float = 0.0
    group_by: str | None = None
    band: str = "ci"
    level: float = 0.95


def read_curves(
    frames: "RunFrames",
    table: RunTable,
    metric: str,
    *,
    x: str = "step",
    smoothing: float = 0.0,
    group_by: str | None = None,
    band: BandKind = "ci",
    align: Align = "interpolate",
    level: float = 0.95,
) -> Curves:
    """The curves of the runs of a table.

    Args:
        x: see above.
        smoothing: in [0, 1); see readers.smoothing. Bands are of the smoothed values then.
        group_by: a param, a tag, or a column of the runs; see RunTable.value.
        band: what a group's band is: "ci", "std", "minmax" or "iqr"; see readers.alignment.
        align: how the runs of a group are brought to the same x's: "interpolate", "exact" or "last".
        level: coverage of "ci", in (0, 1): Student's t interval of the mean over runs, at each x by itself.

    Raises: MetricNotFound: no run has it, or the one on the x-axis. LookupFailed: nothing of the name to group by.
        ValueError: an option out of its range, naming those there are.
    """
    _check(smoothing, band, align, level)
    notes: list[str] = []
    points = _points(frames, table, metric, x, notes) if len(table) else _NOTHING
    run, at, y = (points[name].to_numpy() for name in ("run", "x", "y"))
    smooth = smoothed(at, y, run, smoothing)
    groups = _groups(table, group_by, notes)
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    ends = np.append(starts, len(run))[1:]
    ids, names = table.run_ids, table.names
    curves = tuple(
        Curve(ids[run[begin]], names[run[begin]], groups[run[begin]], at[begin:end], y[begin:end], smooth[begin:end])
        for begin, end in zip(starts, ends, strict=True)
    )
    if len(curves) < len(table):
        notes.append(f"{_runs(len(table) - len(curves))} of {len(table)} without a point of {metric!r}")
    gaps = int((~np.isfinite(y)).sum())
    if gaps:
        notes.append(f"{_count(gaps, 'point')} NaN or infinite, shown as gaps")
    bands = tuple(_bands(curves, band, align, level, notes))
    return Curves(metric, _LABELS.get(x, x), curves, bands, tuple(notes), x, smoothing, group_by, band, level)


_NOTHING = pl.DataFrame(schema={"run": pl.Int64(), "x": pl.Float64(), "y": pl.Float64()})


def _check(smoothing: float, band: str, align: str, level: float) -> None:
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing!r}; it lies in [0, 1), 0 for none")
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; it lies between 0 and 1, as in 0.95")
    for what, asked, there in (("band", band, get_args(BandKind)), ("align", align, get_args(Align))):
        if asked not in there:
            raise ValueError(f"no {what} {asked!r}; there is: {', '.join(map(repr, there))}")


def _points(frames: "RunFrames", table: RunTable, metric: str, x: str, notes: list[str]) -> pl.DataFrame:
    """The columns run (its place in the table), x, y, sorted by these; each x of a run once."""
    rows = _read(frames, table, metric)
    if x == "time":
        points = rows.with_columns(x=_seconds("time"))
    elif x == "relative_time":
        starts = table.runs.select(start=pl.col("start_time")).with_row_index("run").cast({"run": pl.Int64})
        begun = pl.coalesce("start", pl.col("time").min().over("run"))
        points = rows.join(starts, on="run", how="left").with_columns(start=begun)
        points = points.with_columns(x=_seconds("time") - _seconds("start"))
    else:
        points = _by_step(rows, notes)
    if x not in _LABELS:
        points = _against(points, _by_step(_read(frames, table, x), notes), x, notes)
    return _each_once(points).select("run", "x", y="value")


def _read(frames: "RunFrames", table: RunTable, metric: str) -> pl.DataFrame:
    """The points of a metric with their run's place in the table."""
    few = table.run_ids if len(table) <= _FEW else None
    names = table.runs["experiment"]
    experiments = None if names.null_count() else names.unique().to_list()
    places = table.runs.select("run_id").with_row_index("run").cast({"run": pl.Int64})
    columns = ["run_id", "step", "step_float", "time", "seq", "value"]
    found = frames.metrics([metric], few, experiments).select(columns).collect().join(places, on="run_id")
    if found.is_empty():
        raise MetricNotFound.among("metric", metric, table.metric_names)
    return found


def _by_step(rows: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """The x-axis is the step, or the order in a run without any; points without one are left out of other runs."""
    rows = rows.with_columns(x=pl.coalesce("step_float", pl.col("step").cast(pl.Float64)))
    lacking = rows["x"].null_count()
    if not lacking:
        return _each_once(rows)
    rows = rows.sort("run", "time", "seq")
    order = pl.int_range(pl.len()).over("run").cast(pl.Float64)
    rows = rows.with_columns(x=pl.when(pl.col("x").is_null().all().over("run")).then(order).otherwise("x"))
    left_out = rows["x"].null_count()
    if left_out:
        notes.append(f"{_count(left_out, 'point')} without a step left out, of runs that have steps")
    return _each_once(rows.drop_nulls("x"))


def _against(points: pl.DataFrame, others: pl.DataFrame, x: str, notes: list[str]) -> pl.DataFrame:
    """The x-axis is another metric's value at the same step of the same run; later steps count as logged later."""
    joined = points.join(others.select("run", "x", at="value"), on=["run", "x"])
    joined = joined.filter(pl.col("at").is_finite())
    if joined.height < points.height:
        lost = _count(points.height - joined.height, "point")
        notes.append(f"{lost} left out: {x!r} has no finite value at that step")
    return joined.drop("time", "seq").rename({"x": "time", "at": "x"}).with_columns(seq=0)


def _each_once(points: pl.DataFrame) -> pl.DataFrame:
    """Sorted by run and x, of several points at one x the one that was logged last; x is finite."""
    points = points.filter(pl.col("x").is_finite()).sort("run", "x", "time", "seq")
    repeated = (pl.col("run").shift(-1) == pl.col("run")) & (pl.col("x").shift(-1) == pl.col("x"))
    return points.filter(~repeated.fill_null(value=False))


def _seconds(column: str) -> pl.Expr:
    return pl.col(column).dt.epoch("us") / 1e6


def _groups(table: RunTable, group_by: str | None, notes: list[str]) -> list[str | None]:
    """The group of each run."""
    if group_by is None or not len(table):
        return [None] * len(table)
    groups = labels(table.value(group_by))
    lacking = groups.count(None)
    if lacking:
        notes.append(f"{_runs(lacking)} of {len(table)} without {group_by!r}, in no group")
    return groups


def _bands(curves: tuple[Curve, ...], kind: BandKind, align: Align, level: float, notes: list[str]) -> list[Band]:
    """A band for each group."""
    members: dict[str, list[Curve]] = {}
    for curve in curves:
        if curve.group is not None:
            members.setdefault(curve.group, []).append(curve)
    bands = []
    for group in _in_order(list(members)):
        xs, ys = [curve.x for curve in members[group]], [curve.smooth for curve in members[group]]
        bands.append(band_of(group, xs, ys, kind=kind, align=align, level=level))
        if not len(bands[-1].x):
            why = "its runs share no x" if align == "exact" else "none of its points is finite"
            notes.append(f"no band for {group!r}: {why}")
    if any(len(band.x) >= MOST_X for band in bands):
        notes.append(f"bands at {MOST_X:,} x's at most")
    return bands


def _in_order(groups: list[str]) -> list[str]:
    """Numbers by size, else as they came."""
    try:
        return sorted(groups, key=float)
    except ValueError:
        return groups


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _runs(n: int) -> str:
    return _count(n, "run")
