"""Pairs: several params of a metric, each alone and each with each, those that act together first."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from readers.dependence import Dependence, Landscape, Surface

MOST = 6
"""Params of one picture; of more, those that tell most of the metric's variance."""
_SIDE = 14
_MOST_MEASURED = 12


class Pairs(NamedTuple):
    """k params: a curve for each, a surface for each two."""

    names: tuple[str, ...]
    curves: tuple[Dependence, ...]
    surfaces: dict[tuple[int, int], Surface]
    """(row, column) to the surface with names[column] along x and names[row] along y; column < row."""
    notes: tuple[str, ...] = ()


def pairs(landscape: Landscape, names: Sequence[str]) -> Pairs:
    """Params that vary, at least two, strongest interaction first.

    More than 12 are first cut to those whose curves vary most, more than 6 then to those that tell most of the fit's
    variance, alone and in pairs; the notes name the others.
    """
    curves = {name: landscape.dependence(name) for name in names}
    measured = sorted(names, key=lambda name: -_variance(curves[name]))[:_MOST_MEASURED]
    shares = {pair: landscape.share(*pair) for pair in combinations(measured, 2)}
    whole = max(float(landscape.response.fitted().var()), 1e-300) if landscape.response else 1.0
    own = {name: sum(np.nan_to_num(share) for pair, share in shares.items() if name in pair) for name in measured}
    if len(names) > MOST:
        kept = sorted(measured, key=lambda name: -(own[name] + _variance(curves[name]) / whole))[:MOST]
        own = {name: own[name] for name in kept}
    ordered = tuple(sorted(own, key=lambda name: -own[name]))
    surfaces = {
        (row, column): landscape.surface(ordered[column], ordered[row], _SIDE)
        for column, row in combinations(range(len(ordered)), 2)
    }
    left_out = [name for name in names if name not in ordered]
    notes = (f"not drawn, as they tell less: {', '.join(left_out)}",) if left_out else ()
    return Pairs(ordered, tuple(curves[name] for name in ordered), surfaces, (*landscape.notes, *notes))


def _variance(curve: Dependence) -> float:
    """Variance of the fitted curve over the runs; 0 where nothing was fitted."""
    if not len(curve.grid):
        return 0.0
    places = curve.axis.scaled(curve.axis.places)
    return float(np.interp(places, curve.axis.scaled(curve.grid), curve.mean).var())
