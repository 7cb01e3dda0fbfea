"""Buckets: consecutive points summed up as lowest, highest and last value, and how many weren't finite."""

from typing import NamedTuple

import numpy as np

from readers.dashboard.histories import Floats, History, Integers


class Buckets(NamedTuple):
    """Shape (n_buckets,) each; NaN in a bucket without a finite point."""

    lowest: Floats
    highest: Floats
    last: Floats
    """The last that is finite."""
    odd: Floats
    """How many aren't."""


def bucketed(history: History, bounds: Integers) -> Buckets:
    """The buckets that begin and end at these places, rising."""
    values = history.y[bounds[0] : bounds[-1]]
    odd = np.diff(np.searchsorted(history.odd, bounds)).astype(np.float64)
    return _folded((values, values, values), odd, bounds - bounds[0], clean=not len(history.odd))


def folded(blocks: Buckets, bounds: Integers) -> Buckets:
    """Buckets of buckets: those between these places as one each, from 0 to all."""
    odd = np.diff(np.concatenate([[0.0], np.cumsum(blocks.odd)])[bounds])
    return _folded(blocks[:3], odd, bounds, clean=False)


def together(one: Buckets, other: Buckets) -> Buckets:
    """The same buckets of two stretches of points, of which the other lies behind."""
    return Buckets(
        np.fmin(one.lowest, other.lowest),
        np.fmax(one.highest, other.highest),
        np.where(np.isnan(other.last), one.last, other.last),
        one.odd + other.odd,
    )


def _folded(parts: tuple[Floats, Floats, Floats], odd: Floats, bounds: Integers, *, clean: bool) -> Buckets:
    """Fold (lowest, highest, last) between bounds; `clean` says that there is no NaN."""
    n = len(bounds) - 1
    lowest, highest, last = (np.full(n, np.nan) for _ in range(3))
    there = np.flatnonzero(np.diff(bounds))
    if len(there):
        least, most = (np.minimum, np.maximum) if clean else (np.fmin, np.fmax)
        lowest[there] = least.reduceat(parts[0], bounds[there])
        highest[there] = most.reduceat(parts[1], bounds[there])
        last[there] = parts[2][bounds[there + 1] - 1]
        for bucket in there[np.isnan(last[there]) & ~np.isnan(lowest[there])]:
            own = parts[2][bounds[bucket] : bounds[bucket + 1]]
            last[bucket] = own[np.flatnonzero(~np.isnan(own))[-1]]
    return Buckets(lowest, highest, last, odd)
