"""Rates: how often something may happen, for each of many visitors."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_KEPT = 4096
"""Visitors remembered; one who was forgotten begins anew, so that their number can't fill the memory."""


class Rates:
    """One bucket for each name, full at first, filled at a steady rate, emptied by what happens.

    Args:
        rate: how often a second in the long run.
        burst: how often at once.
        clock: seconds that only grow.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst = rate, float(burst)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Whether it may happen once more now; if so it counts as happened."""
        now = self._clock()
        level, since = self._levels.pop(name, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._rate)
        allowed = level >= 1
        self._levels[name] = (level - allowed, now)
        while len(self._levels) > MOST_KEPT:
            self._levels.popitem(last=False)
        return allowed

    def give_back(self, name: str) -> None:
        """It didn't count after all."""
        level, since = self._levels.get(name, (self._burst, self._clock()))
        self._levels[name] = (min(self._burst, level + 1), since)
