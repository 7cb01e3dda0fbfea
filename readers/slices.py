"""Slices: a metric against each param as the runs have it, with a trend and nothing else taken into account.

What a slice shows may come from another param that the runs changed along with this one; a dependence (see
readers.dependence) takes the others into account. Slices fit nothing but a line through the points, so they are there
for any number of runs, and are the first thing to look at.

Source of the trend over numbers: locally weighted regression, robust against outliers (Cleveland 1979, "Robust locally
weighted regression and smoothing scatterplots"), of two thirds of the runs at each place.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.best import Direction
from readers.paramaxes import Axis, axes_of
from readers.runtable import RunTable

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

FEWEST_FOR_TREND = 8
"""Runs below which no trend is drawn."""
_PLACES, _SPAN, _ROUNDS = 40, 2 / 3, 2
_FEW_VALUES = 8


class Slice(NamedTuple):
    """A metric against one param."""

    axis: Axis
    """Over n runs."""
    values: "Floats"
    """The metric, shape (n,)."""
    trend_at: "Floats"
    trend: "Floats"
    """A line through the points; for a param of few values their medians. Shape (m,); none for few runs."""
    missing: int
    """How many runs with the metric don't have the param."""


class Slices(NamedTuple):
    """A metric against some params."""

    metric: str
    direction: Direction
    slices: tuple[Slice, ...]
    n: int
    """Runs with a finite metric."""
    notes: tuple[str, ...]
    """What isn't drawn, and why."""


def slices(
    table: RunTable, target: "Floats", metric: str, names: Sequence[str] | None = None, *, direction: Direction
) -> Slices:
    """The metric against each param that varies, in the order asked for, else by name.

    Args:
        target: shape (len(table),); NaN and infinite ones are left out, with a note.

    Raises: LookupFailed: no run has a param of that name.
    """
    rows = np.isfinite(target)
    values = target[rows]
    axes = axes_of(table, None if names is None else list(dict.fromkeys(names)), rows)
    without = f"{len(target) - len(values)} of {len(target)} runs without {metric} are left out"
    notes = [without] if len(values) < len(target) else []
    notes += axes.why()
    return Slices(
        metric, direction, tuple(_slice(axis, values) for axis in axes.drawable.values()), len(values), tuple(notes)
    )


def lowess(x: "Floats", y: "Floats", at: "Floats") -> "Floats":
    """The trend of n points at m places; see the module. More than two thirds of equal x make a mean of it."""
    robust = np.ones(len(x))
    fitted = _local_lines(x, y, robust, at)
    for _ in range(_ROUNDS):
        residuals = np.abs(y - np.interp(x, at, fitted))
        middle = float(np.median(residuals))
        if middle == 0:
            break
        robust = np.clip(1 - (residuals / (6 * middle)) ** 2, 0, None) ** 2
        fitted = _local_lines(x, y, robust, at)
    return fitted


def _slice(axis: Axis, values: "Floats") -> Slice:
    present = np.isfinite(axis.places)
    here, own = axis.at(present), values[present]
    distinct = here.distinct
    at, trend = np.empty(0), np.empty(0)
    if len(own) >= FEWEST_FOR_TREND and len(distinct) > 1:
        if axis.kind == "categorical" or len(distinct) <= _FEW_VALUES:
            at = distinct
            trend = np.array([np.median(own[here.places == place]) for place in distinct])
        else:
            at = here.grid(_PLACES)
            trend = lowess(here.scaled(here.places), own, here.scaled(at))
    return Slice(here, own, at, trend, int((~present).sum()))


def _local_lines(x: "Floats", y: "Floats", robust: "Floats", at: "Floats") -> "Floats":
    """A weighted straight line at each place, by the runs nearest to it (tricube weights)."""
    distance = np.abs(at[:, None] - x[None, :])
    rank = max(2, int(np.ceil(_SPAN * len(x)))) - 1
    reach = np.partition(distance, rank, axis=1)[:, rank]
    reach = np.maximum(reach, 1e-9 * max(float(np.ptp(x)), 1e-300))
    weights = np.clip(1 - np.clip(distance / reach[:, None], 0, 1) ** 3, 0, None) ** 3 * robust[None, :]
    weights += 1e-12
    total = weights.sum(axis=1)
    mean_x, mean_y = weights @ x / total, weights @ y / total
    away = x[None, :] - mean_x[:, None]
    spread = (weights * away**2).sum(axis=1)
    slope = (weights * away * (y[None, :] - mean_y[:, None])).sum(axis=1) / np.maximum(spread, 1e-300)
    slope[spread <= 1e-12 * total * max(float(np.ptp(x)), 1e-300) ** 2] = 0.0
    line: Floats = mean_y + slope * (at - mean_x)
    return line
