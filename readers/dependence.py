"""Dependence: how a metric goes with one param, or with two together, as a forest fits it and as the runs have it.

A Landscape is some runs with a finite metric and their params; it is fitted once, and asked for curves of one param,
surfaces or cells of two, and how strongly two act together. Curves and surfaces are partial dependence: the other
params are averaged over as the runs have them (see readers.response for method and sources). The fit is of all params
that vary, also of those that no picture was asked of. A surface says where it has runs nearby; elsewhere it is a guess.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.best import Direction
from readers.paramaxes import Axis, axes_of
from readers.response import FEWEST_RUNS, Response
from readers.runtable import RunTable

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Grid = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Near = np.ndarray[tuple[int, int], np.dtype[np.bool_]]

_MOST_PARAMS = 40
_CURVE, _SIDE, _BACKGROUND = 60, 28, 40
_BAND, _UNRELIABLE = 1.96, 0.1
_MOST_CELLS_A_SIDE, _BINS = 10, 5
_REACH_LEAST, _REACH_MOST = 0.08, 0.2


class Dependence(NamedTuple):
    """A metric over one param."""

    axis: Axis
    """Over n runs."""
    values: "Floats"
    """The metric, shape (n,)."""
    grid: "Floats"
    """Places of the fit, shape (m,); none where nothing could be fitted."""
    mean: "Floats"
    lower: "Floats"
    upper: "Floats"
    """The fit and its band, shape (m,): about 95 % of trees that were each grown on a resample of the runs."""
    notes: tuple[str, ...] = ()


class Surface(NamedTuple):
    """A metric over two params; n runs, a fit of (rows, columns) cells."""

    x: Axis
    y: Axis
    values: "Floats"
    """The metric, shape (n,)."""
    x_edges: "Floats"
    y_edges: "Floats"
    """Where the cells end: shapes (columns + 1,) and (rows + 1,). In the param's unit; a level's ends are 0.5 off."""
    fitted: "Grid"
    """Shape (rows, columns); (0, 0) where nothing could be fitted."""
    near: "Near"
    """Which cells have a run nearby."""
    share: float
    """Which share of the fit's variance only both params together tell."""
    notes: tuple[str, ...] = ()


class Cells(NamedTuple):
    """A metric over two params of few values, or in bins: the mean of the runs in each cell."""

    x_name: str
    y_name: str
    x_labels: tuple[str, ...]
    y_labels: tuple[str, ...]
    means: "Grid"
    """Shape (len(y_labels), len(x_labels)); NaN where no run is."""
    counts: "np.ndarray[tuple[int, int], np.dtype[np.intp]]"
    """Runs in each cell, likewise."""
    share: float
    """Which share of the fit's variance only both params together tell; NaN where nothing could be fitted."""
    notes: tuple[str, ...] = ()


class Landscape:
    """A metric of runs over some params.

    Args:
        table: the runs; those without a finite metric are left out.
        target: shape (len(table),).
        asked: params; others that vary are taken into account too.
        seed: of the fit.

    Raises: LookupFailed: no run has a param of that name.
    """

    def __init__(
        self,
        table: RunTable,
        target: "Floats",
        metric: str,
        asked: Sequence[str],
        *,
        direction: Direction,
        seed: int = 0,
    ) -> None:
        rows = np.isfinite(target)
        self.metric, self.direction = metric, direction
        self.values = target[rows]
        self.asked = axes_of(table, list(dict.fromkeys(asked)), rows)
        self.left_out = len(target) - len(self.values)
        self._table, self._rows, self._seed = table, rows, seed

    @property
    def notes(self) -> tuple[str, ...]:
        """What holds of every picture of these runs."""
        without = f"{self.left_out} of {self.left_out + len(self.values)} runs without {self.metric} are left out"
        found = [without] if self.left_out else []
        if self.response is None and len(self.values):
            few = len(self.values) < FEWEST_RUNS
            found.append(f"no fit: {f'it takes {FEWEST_RUNS} runs' if few else f'{self.metric} does not vary'}")
        elif self.response is not None:
            found.append(self._quality(self.response))
        return (*found, *self.asked.why())

    @property
    def nothing(self) -> str:
        """Why there is nothing to draw, for the case that no param asked for varies."""
        if not len(self.values):
            return f"no run has a value of {self.metric}"
        return "; ".join(self.asked.why())

    @cached_property
    def response(self) -> Response | None:
        """The fit; None for fewer than 8 runs, and where the metric or all params are the same in all."""
        if len(self.values) < FEWEST_RUNS or not np.ptp(self.values) or not self.asked.drawable:
            return None
        everything = axes_of(self._table, None, self._rows).drawable
        others = [axis for name, axis in everything.items() if name not in self.asked.drawable]
        room = max(0, _MOST_PARAMS - len(self.asked.drawable))
        return Response([*self.asked.drawable.values(), *others[:room]], self.values, self._seed)

    def dependence(self, name: str) -> Dependence:
        """One of the params that vary."""
        axis = self.asked.drawable[name]
        present = np.isfinite(axis.places)
        notes = (*self.notes, *_missing(name, present))
        here, values = axis.at(present), self.values[present]
        if self.response is None:
            return Dependence(here, values, *(np.empty(0),) * 4, notes)
        grid = here.grid(_CURVE)
        fit = self.response.dependence([name], grid[:, None])
        return Dependence(
            here, values, grid, fit.mean, fit.mean - _BAND * fit.error, fit.mean + _BAND * fit.error, notes
        )

    def surface(self, x_name: str, y_name: str, side: int = _SIDE) -> Surface:
        """Two params that vary; numbers in `side` cells, levels in one each."""
        x, y, values, notes = self._pair(x_name, y_name)
        x_edges, y_edges = _edges(x, side), _edges(y, side)
        if self.response is None or not len(x_edges) or not len(y_edges):
            return Surface(x, y, values, x_edges, y_edges, np.empty((0, 0)), np.empty((0, 0), bool), np.nan, notes)
        centres = [axis.unscaled(_middles(axis.scaled(edges))) for axis, edges in ((x, x_edges), (y, y_edges))]
        places, shape = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, 2), (len(centres[1]), len(centres[0]))
        fitted = self.response.dependence([x_name, y_name], places, _BACKGROUND).mean.reshape(shape)
        near = _near(x, y, places).reshape(shape)
        return Surface(x, y, values, x_edges, y_edges, fitted, near, self.share(x_name, y_name), notes)

    def cells(self, x_name: str, y_name: str) -> Cells:
        """Two params that vary, numbers of many values in five bins of about as many runs each."""
        x, y, values, notes = self._pair(x_name, y_name)
        (x_codes, x_labels), (y_codes, y_labels) = _binned(x), _binned(y)
        shape = (len(y_labels), len(x_labels))
        flat = y_codes * shape[1] + x_codes
        counts = np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)
        sums = np.bincount(flat, values, minlength=shape[0] * shape[1]).reshape(shape)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        return Cells(x.name, y.name, x_labels, y_labels, means, counts, self.share(x_name, y_name), notes)

    def best_shown_as(self, x_name: str, y_name: str) -> str:
        """Say "surface" for two numeric params; "cells" where one isn't, or all combinations have about a run."""
        x, y, values, _ = self._pair(x_name, y_name)
        across, down = len(x.distinct), len(y.distinct)
        few = max(across, down) <= _MOST_CELLS_A_SIDE and across * down <= len(values)
        return "surface" if x.kind == y.kind == "numeric" and not few else "cells"

    def share(self, one: str, other: str) -> float:
        """Which share of the fit's variance only two params together tell; NaN where nothing could be fitted."""
        return self.response.pair_share(one, other) if self.response is not None else float("nan")

    def _pair(self, x_name: str, y_name: str) -> "tuple[Axis, Axis, Floats, tuple[str, ...]]":
        x, y = self.asked.drawable[x_name], self.asked.drawable[y_name]
        both = np.isfinite(x.places) & np.isfinite(y.places)
        notes = (*self.notes, *_missing(f"{x_name} or {y_name}", both))
        return x.at(both), y.at(both), self.values[both], notes

    def _quality(self, response: Response) -> str:
        others = len(response.axes) - len(self.asked.drawable)
        shown = "these" if len(self.asked.drawable) > 1 else "this"
        among = f" and {others} other param{'' if others == 1 else 's'}" if others else ""
        doubt = ": don't rely on it" if response.r2 < _UNRELIABLE else ""
        r2 = f"R\N{SUPERSCRIPT TWO} {response.r2:.2f} on runs it has not seen"
        return f"fit: a forest of {len(response.target):,} runs by {shown}{among}; {r2}{doubt}"


def _missing(names: str, present: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[str]:
    missing = int((~present).sum())
    return [f"{missing} of {len(present)} runs have no number or level for {names} and aren't drawn"] if missing else []


def _edges(axis: Axis, cells: int) -> "Floats":
    """Ends of the cells of an axis, evenly spread from the lowest place to the highest; none for one place."""
    distinct = axis.distinct
    if len(distinct) < 2:
        return np.empty(0)
    if axis.kind == "categorical":
        return np.linspace(-0.5, len(axis.levels) - 0.5, len(axis.levels) + 1)
    low, high = axis.scaled(distinct[[0, -1]])
    return axis.unscaled(np.linspace(low, high, cells + 1))


def _middles(edges: "Floats") -> "Floats":
    middles: Floats = (edges[1:] + edges[:-1]) / 2
    return middles


def _near(x: Axis, y: Axis, places: "Grid") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which places, shape (m, 2), have a run within reach: the usual gap between values, or more where runs are few.

    The reach of a level is its own cell.
    """
    squared = np.zeros((len(places), len(x.places)))
    for axis, own in zip((x, y), places.T, strict=True):
        distinct = axis.scaled(axis.distinct)
        span = distinct[-1] - distinct[0]
        least = np.clip(1.2 / np.sqrt(len(x.places)), _REACH_LEAST, _REACH_MOST)
        reach = span * max(least, min(0.75 * float(np.median(np.diff(distinct))) / span, 0.5))
        reach = reach if axis.kind == "numeric" else 1e-3
        squared += ((axis.scaled(own)[:, None] - axis.scaled(axis.places)[None, :]) / reach) ** 2
    near: np.ndarray[tuple[int], np.dtype[np.bool_]] = squared.min(axis=1) <= 1
    return near


def _binned(axis: Axis) -> "tuple[np.ndarray[tuple[int], np.dtype[np.intp]], tuple[str, ...]]":
    """Each run's cell along an axis, and what the cells are called."""
    if axis.kind == "categorical":
        used, codes = np.unique(axis.places.astype(int), return_inverse=True)
        return codes, tuple(axis.levels[place] for place in used)
    distinct, codes = np.unique(axis.places, return_inverse=True)
    if len(distinct) <= _MOST_CELLS_A_SIDE:
        return codes, tuple(f"{value:.4g}" for value in distinct)
    ends = np.unique(np.quantile(axis.places, np.linspace(0, 1, _BINS + 1)))
    codes = np.clip(np.searchsorted(ends, axis.places, side="right") - 1, 0, len(ends) - 2)
    return codes, tuple(f"{low:.2g}\N{EN DASH}{high:.2g}" for low, high in pairwise(ends))
