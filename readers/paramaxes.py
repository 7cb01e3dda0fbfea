"""Axes: one param of some runs as the axis of a picture: numbers on their own scale, or levels in a sensible order.

What kind a param is, its order and whether it is looked at by its logarithm, ParameterSpace says; an axis is that for
the eye: few levels, the words that Python uses, and places to draw a fit at.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ingest.errors import LookupFailed
from readers.paramspace import Parameter, parameter_space
from readers.runtable import RunTable
from readers.runvalues import Values

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Rows = np.ndarray[tuple[int], np.dtype[np.bool_ | np.intp]]

MOST_LEVELS = 12
"""Levels that a categorical axis tells apart; the rarer ones share one that is called "others"."""
_DOUBLINGS, _MOST_NAMED = 8.0, 6
_PYTHON_WORDS = {"null": "None", "true": "True", "false": "False"}
_NOTHING_TO_DRAW = {
    "constant": "the same in all runs",
    "missing": "in none of the runs that have the metric",
    "unique": "different in nearly every run: it names runs and explains nothing",
}


class Axis(NamedTuple):
    """One param over n runs."""

    name: str
    kind: Literal["numeric", "categorical"]
    places: "Floats"
    """Shape (n,): the number, or the index of the level; NaN where a run has none."""
    levels: tuple[str, ...] = ()
    """What the places of a categorical axis mean."""
    log: bool = False

    @property
    def distinct(self) -> "Floats":
        """The places that occur, ascending."""
        return np.unique(self.places[np.isfinite(self.places)])

    def at(self, rows: "Rows") -> "Axis":
        """The same axis over some of the runs."""
        return self._replace(places=self.places[rows])

    def scaled(self, places: "Floats") -> "Floats":
        """Places as distances count on this axis: log10 on a log scale, else as they are."""
        return np.log10(places) if self.log else places

    def unscaled(self, scaled: "Floats") -> "Floats":
        """The other way round."""
        return 10**scaled if self.log else scaled

    def grid(self, points: int) -> "Floats":
        """Places from the lowest to the highest, evenly spread on the axis's scale; of a categorical one each."""
        distinct = self.distinct
        if self.kind == "categorical" or len(distinct) <= 2:
            return distinct
        low, high = self.scaled(distinct[[0, -1]])
        return np.clip(self.unscaled(np.linspace(low, high, points)), distinct[0], distinct[-1])


class Axes(NamedTuple):
    """Params of some runs as axes, in the order asked for."""

    drawable: dict[str, Axis]
    left_out: dict[str, str]
    """Param to why there is nothing to draw: it doesn't vary, or varies with every run."""

    def why(self) -> list[str]:
        """The reasons, a sentence for each."""
        reasons: dict[str, list[str]] = {}
        for name, reason in self.left_out.items():
            reasons.setdefault(reason, []).append(name)
        return [f"{listed(names)} {'is' if len(names) == 1 else 'are'} {why}" for why, names in reasons.items()]


def axes_of(table: RunTable, names: Sequence[str] | None, rows: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Axes:
    """The axes of params over the chosen runs; None for all params.

    Raises: LookupFailed: no run of the table has a param of that name (and there are runs).
    """
    there = table.param_names
    for name in names or ():
        if name not in there and len(table):
            raise LookupFailed.among("param", name, there)
    drawable, left_out = {}, {}
    for parameter in parameter_space(table, names, rows=rows).parameters:
        if not parameter.varies:
            left_out[parameter.name] = _NOTHING_TO_DRAW[parameter.kind]
            continue
        axis = _axis(parameter, words=table.param(parameter.name).kind != "text")
        if len(axis.distinct) > 1:
            drawable[parameter.name] = axis
        else:
            left_out[parameter.name] = "the same in all runs that have it"
    return Axes(drawable, left_out)


def labels_of(values: Values) -> list[str | None]:
    """What each run holds, in words; what Python calls None, True and False is called so."""
    if values.kind == "text":
        return values.texts
    return [None if text is None else _PYTHON_WORDS.get(text, text) for text in values.texts]


def listed(names: Sequence[str]) -> str:
    """A few names, each cut to what a line has room for, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(name if len(name) <= 40 else f"{name[:20]}...{name[-17:]}" for name in names[:_MOST_NAMED]) + more


def _axis(parameter: Parameter, *, words: bool) -> Axis:
    if parameter.kind == "numeric":
        return Axis(parameter.name, "numeric", parameter.values, (), parameter.log or _doubling(parameter.values))
    levels = tuple(_PYTHON_WORDS.get(level, level) if words else level for level in parameter.levels)
    if len(levels) <= MOST_LEVELS:
        return Axis(parameter.name, "categorical", parameter.values, levels)
    known = np.isfinite(parameter.values)
    codes = parameter.values[known].astype(int)
    frequent = np.sort(np.argsort(-np.bincount(codes, minlength=len(levels)), kind="stable")[: MOST_LEVELS - 1])
    place = np.full(len(levels), float(len(frequent)))
    place[frequent] = np.arange(len(frequent))
    places = np.full(len(known), np.nan)
    places[known] = place[codes]
    rest = f"{len(levels) - len(frequent)} others"
    return Axis(parameter.name, "categorical", places, (*(levels[index] for index in frequent), rest))


def _doubling(values: "Floats") -> bool:
    """Whether numbers lie evenly by the logarithm, as powers of two do; less wide ones than those that make a log."""
    distinct = np.unique(values[np.isfinite(values)])
    low, middle, high = distinct[0], distinct[(len(distinct) - 1) // 2], distinct[-1]
    if len(distinct) < 3 or low <= 0 or high < _DOUBLINGS * low:
        return False
    by_log = np.log(middle / low) / np.log(high / low)
    return bool(abs(by_log - 0.5) < abs((middle - low) / (high - low) - 0.5))
