"""PED-ANOVA: which params tell the best runs from the rest.

Where a param matters for being among the best, its values there are spread differently from its values everywhere; the
Pearson divergence of the two says how much. That asks another question than the variance of the metric does: a param
that only decides how bad the bad runs are counts for nothing.

Source: Watanabe, Bansal & Hutter 2023, "PED-ANOVA: Efficiently quantifying hyperparameter importance in arbitrary
subspaces", with the densities of Optuna's implementation (50 steps, Scott's rule, a flat prior that weighs one run);
conditional params: Optuna's docs name "Conditional PED-ANOVA: Hyperparameter importance in hierarchical & dynamic
search spaces" (2026). Our own: at least five runs make up the best, and what as many runs picked by chance would
differ by is taken off, so that a param that does nothing has 0 on average.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.best import Direction
from readers.paramspace import Parameter, grouped
from readers.uncertainty import Scores, deviations, halves

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]

QUANTILE = 0.1
"""The share of the runs that count as the best."""
_FEWEST = 5
_STEPS = 50
_BY_CHANCE = 20
_TINY = 1e-12


class _Grid(NamedTuple):
    """A param on a grid: the step of each run that has it, -1 for the others."""

    steps: "Integers"
    size: int
    ordered: bool
    decided: bool


def pedanova_scores(parameters: Sequence[Parameter], target: "Floats", direction: Direction, *, seed: int) -> Scores:
    """Divergence of the best runs from all, for each param; shape (n_params,).

    Args:
        target: shape (n_runs,), finite.
        direction: which way is better.
    """
    random = np.random.default_rng(seed)
    grids = [_grid(parameter) for parameter in parameters]
    loss = target if direction == "minimize" else -target
    quantile = min(max(QUANTILE, _FEWEST / len(loss)), 0.5)

    def scores(rows: "Integers", best: "Bools") -> "Floats":
        return np.array([_divergence(grid, grid.steps[rows], best) for grid in grids])

    everything = np.arange(len(loss))
    best = best_of(loss, quantile)
    chance = [[_by_chance(grid, best, random) for grid in grids] for _ in range(_BY_CHANCE)]
    parts = [scores(rows, best_of(loss[rows], quantile)) for rows in halves(len(loss), random)]
    return Scores(scores(everything, best) - np.mean(chance, axis=0), deviations(np.array(parts), len(loss)))


def best_of(loss: "Floats", quantile: float) -> "Bools":
    """Which runs are among the best; more than the quantile asks for where some are equally good."""
    last = max(math.ceil(quantile * len(loss)) - 1, 0)
    found: Bools = loss <= np.partition(loss, last)[last]
    return found


def divergence(parameter: Parameter, best: "Bools") -> float:
    """Pearson divergence of a param's values among the best runs from those among all; 0 when there is no best."""
    grid = _grid(parameter)
    return _divergence(grid, grid.steps, best)


def _divergence(grid: _Grid, steps: "Integers", best: "Bools") -> float:
    having: Bools = steps >= 0
    if best.all() or not having.any():
        return 0.0
    among_all, among_best = float(having.mean()), float(having[best].mean())
    found = 0.0
    if among_best > 0:
        everywhere, top = _density(grid, steps[having]), _density(grid, steps[having & best])
        found = among_best**2 / among_all * float(everywhere @ (top / everywhere - 1) ** 2)
    if grid.decided or among_all == 1:
        return found
    return found + among_best**2 / among_all + (1 - among_best) ** 2 / (1 - among_all) - 1


def _by_chance(grid: _Grid, best: "Bools", random: np.random.Generator) -> float:
    """The divergence if chance had picked the best; not those that lack the param, where another one decides."""
    chosen = best.copy()
    among = np.flatnonzero(grid.steps >= 0) if grid.decided else np.arange(len(best))
    chosen[among] = random.permutation(best[among])
    return _divergence(grid, grid.steps, chosen)


def _grid(parameter: Parameter) -> _Grid:
    decided = parameter.decided_by is not None
    if parameter.kind == "categorical":
        steps = grouped(parameter)
        return _Grid(steps, int(steps.max()) + 1, ordered=False, decided=decided)
    values = np.log(parameter.values) if parameter.log else parameter.values
    known = ~np.isnan(values)
    low, high = values[known].min(), values[known].max()
    whole = not parameter.log and bool(np.all(values[known] == np.round(values[known])))
    size = int(min(high - low + 1, _STEPS)) if whole else _STEPS
    places = np.ceil((values[known] - low) / (high - low) * (size - 1) - 0.5)
    steps = np.full(len(values), -1)
    steps[known] = np.clip(places, 0, size - 1)
    return _Grid(steps, size, ordered=True, decided=decided)


def _density(grid: _Grid, steps: "Integers") -> "Floats":
    """Probability of each step of the grid, shape (size,)."""
    counts = np.bincount(steps, minlength=grid.size)
    return (_smooth(counts) if grid.ordered else _levels(counts)) + _TINY


def _levels(counts: "Integers") -> "Floats":
    """Each level that was met is a kernel with a little of all levels, and the prior is one with all alike."""
    met = np.flatnonzero(counts)
    little = 1 / (len(met) + 1)
    kernels = np.full((len(met) + 1, len(counts)), little)
    kernels[np.arange(len(met)), met] += 1
    kernels /= kernels.sum(axis=1, keepdims=True)
    weights = np.append(counts[met], 1.0)
    found: Floats = weights / weights.sum() @ kernels
    return found


def _smooth(counts: "Integers") -> "Floats":
    """Normal kernels of one width, cut off at the ends of the grid, and a wide one as the prior."""
    places = np.flatnonzero(counts)
    weights = counts[places].astype(np.float64)
    middles = np.append(places, (len(counts) - 1) / 2)
    widths = np.append(np.full(len(places), _width(places, weights)), len(counts))
    edges = np.arange(len(counts) + 1) - 0.5
    below = _normal_cdf((edges[:, None] - middles) / widths)
    mass = np.diff(below, axis=0) / (below[-1] - below[0])
    weights = np.append(weights, 1.0)
    found: Floats = mass @ (weights / weights.sum())
    return found


def _width(places: "Integers", weights: "Floats") -> float:
    """Scott's rule, and no less than what keeps nine tenths of a kernel within its own step."""
    total = weights.sum()
    mean = places @ weights / total
    deviation = math.sqrt((places - mean) ** 2 @ weights / max(1.0, total - 1))
    summed = weights.cumsum()
    first = np.searchsorted(summed, total // 4, side="left")
    third = min(np.searchsorted(summed, total * 3 // 4, side="right"), len(places) - 1)
    spread = min((places[third] - places[first]) / 1.34, deviation)
    return float(max(1.059 * spread * total**-0.2, 0.5 / 1.64))


def _normal_cdf(z: "Floats") -> "Floats":
    from scipy.special import ndtr

    found: Floats = ndtr(z)
    return found
