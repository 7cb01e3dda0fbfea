"""Sparks: a metric's course in a dozen characters, of any number of points in bounded memory."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
ASCII = "_.-~=+*#"
GAP = {BLOCKS: "\u00b7", ASCII: "?"}
_MOST = 128


class Course:
    """A series in at most `_MOST` means of equally many points; when they are full, two become one."""

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._means: list[float] = []
        self._each = 1
        self._sum, self._finite, self._count = 0.0, 0, 0
        self.add(values)

    def add(self, values: Iterable[float]) -> None:
        """Take in the next values, in their order."""
        for value in values:
            self._count += 1
            if math.isfinite(value):
                self._sum += value
                self._finite += 1
            if self._count == self._each:
                self._means.append(self._mean())
                self._sum, self._finite, self._count = 0.0, 0, 0
                if len(self._means) == _MOST:
                    self._means = reduced(self._means, _MOST // 2)
                    self._each *= 2

    @property
    def means(self) -> list[float]:
        """The course so far; NaN where no value was finite."""
        return [*self._means, self._mean()] if self._count else list(self._means)

    def _mean(self) -> float:
        return self._sum / self._finite if self._finite else math.nan


def reduced(values: Sequence[float], count: int) -> list[float]:
    """At most so many means of neighbours; NaN counts for nothing."""
    if len(values) <= count:
        return list(values)
    edges = [place * len(values) // count for place in range(count + 1)]
    parts = ([v for v in values[low:high] if math.isfinite(v)] for low, high in pairwise(edges))
    return [sum(part) / len(part) if part else math.nan for part in parts]


def spark(values: Sequence[float], width: int, blocks: str = BLOCKS) -> str:
    """The course of values as characters, from the lowest to the highest; a gap where there is no finite value."""
    points = reduced(values, width)
    finite = [value for value in points if math.isfinite(value)]
    if not finite:
        return GAP[blocks] * len(points)
    low, high = min(finite), max(finite)
    return "".join(
        blocks[_level(value, low, high, len(blocks))] if math.isfinite(value) else GAP[blocks] for value in points
    )


def _level(value: float, low: float, high: float, levels: int) -> int:
    if high == low:
        return 0
    return min(levels - 1, int((value / 2 - low / 2) / (high / 2 - low / 2) * levels))  # halves can't overflow
