"""A stream: what is known in memory of one run's metrics, so that asking for the best so far costs a look-up.

Lowest and highest only ever move apart, so a value that is taken in twice, as it was streamed here and is read from the
store as well, changes nothing.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from readers.checkpoints import AXES
from tracker.metrics import metric_items, metric_step

NOTHING = (math.inf, -math.inf)
"""Lowest and highest of no values."""


class Stream:
    """What was streamed to one run."""

    def __init__(self, *, known: bool) -> None:
        self.known = known
        """Whether all of the run was streamed here, or was read from the store."""
        self.extremes: dict[str, tuple[float, float]] = {}
        """Lowest and highest value of each metric, NaN left out."""
        self.last: dict[str, float] = {}
        self.step: float | None = None

    def add(self, metrics: Mapping[str, Any], step: float | None) -> None:
        """Take in the values of one call, which were logged and so are numbers."""
        self.step = step
        for key, value in zip(*metric_items(metrics), strict=True):
            self.last[key] = value
            low, high = self.extremes.get(key, NOTHING)
            if value < low or value > high:  # never of NaN
                self.extremes[key] = min(low, value), max(high, value)

    def take_in(self, stored: Iterable[tuple[str, float, float]]) -> None:
        """Take in lowest and highest values; what is known already stays true."""
        for key, lowest, highest in stored:
            low, high = self.extremes.get(key, NOTHING)
            self.extremes[key] = min(low, lowest), max(high, highest)
        self.known = True


def own_step(metrics: object) -> float | None:
    """The step that a call's own metrics give: the first of AXES among them; None where that is none."""
    if not isinstance(metrics, Mapping):
        return None
    for name in AXES:
        if name in metrics:
            try:
                return metric_step(metrics[name])[0]
            except (TypeError, ValueError):  # NaN, say: a metric still, but no step
                return None
    return None
