"""Histories: one metric of one run as two columns, in the order of x."""

from typing import Literal, NamedTuple

import numpy as np

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]


class Even(NamedTuple):
    """x's at even distances, which need no memory: start, start + stride, ..."""

    start: float
    stride: float
    size: int


class History(NamedTuple):
    """One metric of one run, in the order of x."""

    x: Floats | Even
    """Rising, finite; repeated where several points have one x."""
    y: Floats
    """NaN for what isn't finite."""
    odd: Integers
    """Places of y that aren't finite, rising."""
    words: Floats
    """What was logged there: NaN, inf or -inf."""
    by_order: bool = False
    """Whether x is the order of the points, for want of steps."""

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return self.y.nbytes + self.odd.nbytes + self.words.nbytes + (0 if isinstance(self.x, Even) else self.x.nbytes)

    def xs(self, begin: int = 0, end: int | None = None) -> Floats:
        """The x's of some places."""
        if not isinstance(self.x, Even):
            return self.x[begin:end]
        return self.x.start + self.x.stride * np.arange(begin, self.x.size if end is None else end, dtype=np.float64)

    def logged(self, begin: int, end: int) -> Floats:
        """The values of some places as they were logged."""
        values = self.y[begin:end].copy()
        first, last = np.searchsorted(self.odd, [begin, end])
        values[self.odd[first:last] - begin] = self.words[first:last]
        return values

    def places(self, edges: Floats, side: Literal["left", "right"] = "left") -> Integers:
        """For each edge how many x's lie before it; with side "right" those at it count as before."""
        if not isinstance(self.x, Even):
            return np.searchsorted(self.x, edges, side).astype(np.int64)
        ranks = (edges - self.x.start) / self.x.stride
        ranks = np.ceil(ranks) if side == "left" else np.floor(ranks) + 1
        return np.clip(ranks, 0, self.x.size).astype(np.int64)


NOTHING = History(np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0))


def in_order(x: Floats, y: Floats) -> History:
    """Points in the order in which they were logged, x NaN where there is none, as a history."""
    known = ~np.isnan(x)
    if len(y) and not known.any():
        return made(np.arange(len(y), dtype=np.float64), y)._replace(by_order=True)
    if not known.all():
        x, y = x[known], y[known]
    if (x[1:] < x[:-1]).any():
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
    return made(x, y)


def made(x: Floats, y: Floats) -> History:
    """A history of rising x's and values as logged."""
    finite = np.isfinite(x)
    if not finite.all():
        x, y = x[finite], y[finite]
    odd = np.flatnonzero(~np.isfinite(y))
    words = y[odd]
    if len(odd):
        y = y.copy()
        y[odd] = np.nan
    return History(_even(x), np.ascontiguousarray(y, np.float64), odd, words)


def _even(x: Floats) -> Floats | Even:
    """The x's without their memory, where they are at even distances (and exactly so)."""
    if len(x) < 2 or not x[0] < x[1]:
        return x
    even = Even(float(x[0]), float(x[1] - x[0]), len(x))
    exact = even.stride.is_integer() and even.start.is_integer() and bool((np.diff(x) == even.stride).all())
    return even if exact else x


def joined(one: History, other: History) -> History:
    """Two histories of one metric as one; of equal x's those of `other` come last."""
    if not len(one.y) or not len(other.y):
        return one if len(one.y) else other
    if one.by_order != other.by_order:  # points without a step are left out where others have one
        return other if one.by_order else one
    x = np.concatenate([one.xs(), other.xs() + (len(one.y) if one.by_order else 0)])
    y = np.concatenate([one.logged(0, len(one.y)), other.logged(0, len(other.y))])
    if x[len(one.y)] >= x[len(one.y) - 1]:
        return made(x, y)._replace(by_order=one.by_order)
    order = np.argsort(x, kind="stable")
    return made(x[order], y[order])
