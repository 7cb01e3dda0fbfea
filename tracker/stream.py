"""A stream: what is known in memory of one run's metrics, so that asking for the best so far costs a look-up.

Lowest and highest only ever move apart, so a value that is taken in twice, as it was streamed here and is read from the
store as well, changes nothing.
"""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from readers.checkpoints import AXES
from tracker.alarms import Alarms
from tracker.metrics import metric_items, metric_step


class Stream:
    """What was streamed to one run."""

    def __init__(self, *, known: bool) -> None:
        self.known = known
        """Whether all of the run was streamed here, or was read from the store."""
        self.lowest: dict[str, float] = {}
        """The lowest value of each metric, NaN left out."""
        self.highest: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.step: float | None = None
        self.alarms = Alarms()

    def add(self, metrics: Mapping[str, Any], step: float | None) -> None:
        """Take in the values of one call, which were logged and so are numbers."""
        self.step = step
        plain = all(value.__class__ is float or value.__class__ is int for value in metrics.values())
        self.last.update(metrics if plain else zip(*metric_items(metrics), strict=True))
        self._widen(metrics.items() if plain else zip(*metric_items(metrics), strict=True))

    def take_in(self, stored: Iterable[tuple[str, float, float]]) -> None:
        """Take in lowest and highest values; what is known already stays true."""
        for key, low, high in stored:
            self._widen([(key, low), (key, high)])
        self.known = True

    def _widen(self, values: Iterable[tuple[str, float]]) -> None:
        lowest, highest = self.lowest, self.highest
        for key, value in values:
            if value < lowest.get(key, inf):  # never of NaN; inf is the lowest of nothing as of itself
                lowest[key] = value
            if value > highest.get(key, -inf):
                highest[key] = value


def own_step(metrics: object) -> float | None:
    """The step that a call's own metrics give: the first of AXES among them; None where that is none."""
    if not isinstance(metrics, Mapping):
        return None
    for name in AXES:
        if name in metrics:
            value = metrics[name]
            try:
                return value if value.__class__ is int and abs(value) < 2**63 else metric_step(value)[0]
            except (TypeError, ValueError):  # NaN, say: a metric still, but no step
                return None
    return None
