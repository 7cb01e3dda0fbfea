"""Axes: one param of some runs as the axis of an analysis: numbers on their own scale, or levels in a sensible order.

A param is numeric when all runs that have it hold numbers; booleans, texts, lists and mixtures are categorical, each
distinct value a level. A numeric param is laid out on a log scale when it is positive, wide, and most of its values
crowd at the low end of a linear one, as those of learning rates and powers of two do.
"""

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from readers.runtable import Values

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_LEVELS = 12
"""Levels that a categorical axis tells apart; the rarer ones share one that is called "others"."""
_WIDE = 30.0
_CROWDED = 0.25
_PYTHON_WORDS = {"null": "None", "true": "True", "false": "False"}


class Axis(NamedTuple):
    """One param over n runs."""

    name: str
    kind: Literal["numeric", "categorical"]
    places: "Floats"
    """Shape (n,): the number, or the index of the level; NaN where a run lacks the param or it isn't finite."""
    levels: tuple[str, ...] = ()
    """What the places of a categorical axis mean."""
    log: bool = False
    whole: bool = False
    """All numbers are whole ones."""

    @property
    def distinct(self) -> "Floats":
        """The places that occur, ascending."""
        return np.unique(self.places[np.isfinite(self.places)])

    def at(self, rows: "np.ndarray[tuple[int], np.dtype[np.bool_ | np.intp]]") -> "Axis":
        """The same axis over some of the runs."""
        return self._replace(places=self.places[rows])

    def scaled(self, places: "Floats") -> "Floats":
        """Places as distances count on this axis: log10 on a log scale, else as they are."""
        return np.log10(places) if self.log else places

    def grid(self, points: int) -> "Floats":
        """Places from the lowest to the highest, evenly spread on the axis's scale; levels or few numbers: each."""
        distinct = self.distinct
        if self.kind == "categorical" or len(distinct) <= 2:
            return distinct
        ends = self.scaled(distinct[[0, -1]])
        even = np.linspace(ends[0], ends[1], points)
        return np.clip(10**even if self.log else even, distinct[0], distinct[-1])


def axis_of(values: Values) -> Axis:
    """The axis of a param: see the module."""
    if values.kind in {"int", "float"}:
        places = np.where(np.isfinite(values.numbers), values.numbers, np.nan)
        return Axis(values.name, "numeric", places, (), _is_wide(places), values.kind == "int")
    labels = labels_of(values)
    levels = _levels(labels)
    index = {level: float(place) for place, level in enumerate(levels)}
    others = float(len(levels) - 1)
    places = np.array([np.nan if label is None else index.get(label, others) for label in labels], dtype=np.float64)
    return Axis(values.name, "categorical", places, levels)


def labels_of(values: Values) -> list[str | None]:
    """What each run holds, in words; what Python calls None, True and False is called so."""
    if values.kind == "text":
        return values.texts
    return [None if text is None else _PYTHON_WORDS.get(text, text) for text in values.texts]


def _levels(labels: list[str | None]) -> tuple[str, ...]:
    counts = Counter(label for label in labels if label is not None)
    if len(counts) <= MOST_LEVELS:
        return tuple(sorted(counts, key=_order))
    kept = [label for label, _ in sorted(counts.items(), key=lambda item: (-item[1], _order(item[0])))]
    return (*sorted(kept[: MOST_LEVELS - 1], key=_order), f"{len(counts) - MOST_LEVELS + 1} others")


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers by size, then texts by the alphabet."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _is_wide(places: "Floats") -> bool:
    known = places[np.isfinite(places)]
    if not len(known) or known.min() <= 0 or known.max() / known.min() < _WIDE:
        return False
    low, high = known.min(), known.max()
    return bool(np.median(known) < low + _CROWDED * (high - low))
