"""Alignment: the curves of several runs brought to the same x's, and what they come to there.

A run says nothing about x's outside its own range: nothing is extrapolated, so at the end of a band fewer runs may
stand behind it than at its beginning. How many do is kept for each x, and where it is one run there is no interval.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Integers = np.ndarray[tuple[int], np.dtype[np.int64]]
    Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

Align = Literal["interpolate", "exact", "last"]
"""A run's value at an x: on the line between its two neighbouring points; only at the x's that all runs have; its last
point at or before x."""
BandKind = Literal["ci", "std", "minmax", "iqr"]
"""What a band is: the interval of the mean, one standard deviation, all runs, the middle half of them."""
MOST_X = 1_000
"""x's of a band. Of more, so many are taken, evenly by rank: the ends always, and more where there are more points."""


class Band(NamedTuple):
    """A group of runs: shape (m,) each."""

    group: str
    x: "Floats"
    """Rising."""
    centre: "Floats"
    """The mean over the runs; their median for the band "iqr"."""
    lower: "Floats"
    upper: "Floats"
    """NaN where fewer than two runs are behind it."""
    n: "Integers"
    """Runs behind each x, at least 1."""


def band_of(
    group: str, xs: Sequence["Floats"], ys: Sequence["Floats"], *, kind: BandKind, align: Align, level: float
) -> Band:
    """The band of some curves.

    Args:
        xs, ys: one array a run, x rising; what isn't finite in y is a gap, which no line bridges.
    """
    grid = shared(xs) if align == "exact" else union(xs)
    values = aligned(xs, ys, grid, align)
    n = np.isfinite(values).sum(axis=0)
    there = n > 0
    with np.errstate(over="ignore", invalid="ignore"):
        centre, lower, upper = _summary(values[:, there], n[there], kind, level)
    return Band(group, grid[there], centre, lower, upper, n[there])


def union(xs: Sequence["Floats"]) -> "Floats":
    """The x's of any run, at most MOST_X of them."""
    every: Floats = np.unique(np.concatenate(xs)) if len(xs) else np.empty(0)
    if len(every) <= MOST_X:
        return every
    return np.asarray(every[np.linspace(0, len(every) - 1, MOST_X).round().astype(int)])


def shared(xs: Sequence["Floats"]) -> "Floats":
    """The x's of all runs, at most MOST_X of them."""
    if not len(xs):
        return np.empty(0)
    every, counts = np.unique(np.concatenate(xs), return_counts=True)
    return union([every[counts == len(xs)]])


def aligned(xs: Sequence["Floats"], ys: Sequence["Floats"], grid: "Floats", align: Align) -> "Table":
    """Each run's values at the x's of the grid, shape (runs, x's); NaN outside a run's own range and in its gaps."""
    values = np.full((len(xs), len(grid)), np.nan)
    for row, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if len(x):
            finite = np.where(np.isfinite(y), y, np.nan)
            values[row] = _at(x, finite, grid) if align == "last" else np.interp(grid, x, finite, np.nan, np.nan)
    return values


def _at(x: "Floats", y: "Floats", grid: "Floats") -> "Floats":
    """The last point at or before each x of the grid, up to the run's end."""
    place = np.searchsorted(x, grid, side="right") - 1
    return np.where((place >= 0) & (grid <= x[-1]), y[place], np.nan)


def _summary(values: "Table", n: "Integers", kind: BandKind, level: float) -> "tuple[Floats, Floats, Floats]":
    """Centre, lower and upper at each x, from columns that have at least one value each."""
    if not values.shape[1]:
        return np.empty(0), np.empty(0), np.empty(0)
    alone = n < 2
    if kind == "iqr":
        lower, centre, upper = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
    else:
        present = np.isfinite(values)
        centre = np.where(present, values / n, 0.0).sum(axis=0)
        if kind == "minmax":
            lower, upper = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        else:
            squares = (np.where(present, values - centre, 0.0) ** 2).sum(axis=0)
            half = np.sqrt(squares / np.maximum(n - 1, 1)) * (_student(n, level) if kind == "ci" else 1.0)
            lower, upper = centre - half, centre + half
    return centre, np.where(alone, np.nan, lower), np.where(alone, np.nan, upper)


def _student(n: "Integers", level: float) -> "Floats":
    """Half the width of the interval of a mean, in standard deviations: Student's t, n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    counts, places = np.unique(n, return_inverse=True)
    halves = stdtrit(np.maximum(counts - 1, 1), (1 + level) / 2) / np.sqrt(counts)
    return np.asarray(halves[places], dtype=np.float64)
