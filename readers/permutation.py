"""Permutation: how a statistic would fall if only chance had put the runs into their groups.

All distinct ways are gone through where there are at most 8,192; otherwise a sample of them, the same for the same
numbers of runs (its seed is fixed), so that an answer doesn't change from call to call. The ways are the rows of a
matrix, and a statistic over all of them is a few products with it. With a sample, the observed way is counted among
them, so that p is never 0 and the test keeps its level (Phipson & Smyth 2010, "Permutation p-values should never be
zero").
"""

import math
from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from readers.stats import Floats

_MOST = 8_192
_MOST_CELLS = 200_000
LARGEST = 400
"""Of more runs than these together (or more pairs) no permutations are made: the limit laws do as well there."""


class Ways(NamedTuple):
    """Ways to divide runs into two groups, or to give signs to differences."""

    rows: Floats
    """Shape (n_ways, n_runs): 1 for the first group and 0 for the second; or signs, 1 and -1."""
    complete: bool
    """Whether these are all there are."""

    @property
    def least_p(self) -> float:
        """The smallest p-value that can come out."""
        return 1 / (len(self.rows) + (not self.complete))


class Null(NamedTuple):
    """A statistic over all ways, were there no difference."""

    statistics: Floats
    """Shape (n_ways,), none negative."""
    complete: bool

    def p_value(self, observed: float) -> float:
        """Share of the ways whose statistic is at least the observed one, but for rounding."""
        reached = int(np.count_nonzero(self.statistics >= observed * (1 - 1e-9)))
        return (reached + (not self.complete)) / (len(self.statistics) + (not self.complete))

    def critical_value(self, alpha: float) -> float:
        """Just above the largest of the statistics whose p-value is above alpha: a larger one is significant."""
        many = len(self.statistics)
        within = math.floor(alpha * many if self.complete else alpha * (many + 1) - 1)
        return float(-np.partition(-self.statistics, within)[within]) * (1 + 1e-9)


@lru_cache(maxsize=16)
def splits(first: int, total: int) -> Ways:
    """Ways to choose `first` of `total` runs; of two mirrored ones, where groups are of one size, only one."""
    mirrored = 2 * first == total
    count = math.comb(total - 1, first - 1) if mirrored else math.comb(total, first)
    if count <= _MOST:
        chosen = combinations(range(1, total), first - 1) if mirrored else combinations(range(total), first)
        places = np.array([(0, *places) if mirrored else places for places in chosen])
    else:
        draws = np.random.default_rng(0).random((_sample_size(total), total))
        places = draws.argpartition(first, axis=1)[:, :first]
    rows = np.zeros((len(places), total))
    np.put_along_axis(rows, places, 1.0, axis=1)
    return Ways(rows, count <= _MOST)


@lru_cache(maxsize=16)
def signs(total: int) -> Ways:
    """Ways to give signs to `total` differences; of two opposite ones only one."""
    if 2 ** (total - 1) <= _MOST:
        return Ways(np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=total - 1)]), complete=True)
    rows = np.random.default_rng(0).choice((-1.0, 1.0), size=(_sample_size(total), total))
    return Ways(rows, complete=False)


def of_welch(pooled: Floats, ways: Ways, first: int) -> Null:
    """|Welch's t| for each way to split the values, which are of magnitude 1 and centred at 0.

    Studentized, a permutation test of means is exact where the groups come from one distribution, and right in the
    limit where only their means agree (Janssen 1997; Chung & Romano 2013).
    """
    second = len(pooled) - first
    sums, squares = (ways.rows @ np.column_stack([pooled, pooled**2])).T
    others, other_squares = pooled.sum() - sums, (pooled**2).sum() - squares
    spread = (squares - sums**2 / first) / (first * (first - 1))
    other_spread = (other_squares - others**2 / second) / (second * (second - 1))
    return Null(_studentized(np.abs(sums / first - others / second), spread + other_spread), ways.complete)


def of_brunner_munzel(pooled: Floats, ways: Ways, first: int) -> Null:
    """|Brunner-Munzel's statistic| for each way to split the values (Neubert & Brunner 2007)."""
    second = len(pooled) - first
    above = (pooled[:, None] > pooled) + 0.5 * (pooled[:, None] == pooled)
    over_first = ways.rows @ above.T  # how many of the first group each value is above, ties half
    over_second = above.sum(axis=1) - over_first
    share = (ways.rows * over_second).sum(axis=1) / (first * second)
    spread = (ways.rows * over_second**2).sum(axis=1) / second**2 - first * share**2
    other_spread = ((1 - ways.rows) * over_first**2).sum(axis=1) / first**2 - second * (1 - share) ** 2
    error = spread / (first * (first - 1)) + other_spread / (second * (second - 1))
    return Null(_studentized(np.abs(share - 0.5), error), ways.complete)


def of_signs(differences: Floats, ways: Ways) -> Null:
    """|t of the differences| for each way to give them signs; differences of magnitude 1, or their signed ranks."""
    n = len(differences)
    means = ways.rows @ differences / n
    return Null(_studentized(np.abs(means), ((differences**2).mean() - means**2) / (n - 1)), ways.complete)


def _studentized(apart: Floats, squared_error: Floats) -> Floats:
    """Apart in standard errors; infinite where there is no error but for rounding, 0 where nothing is apart."""
    apart = np.where(apart < 1e-12, 0.0, apart)
    error = np.sqrt(np.maximum(squared_error, 0.0))
    return np.divide(apart, error, out=np.where(apart > 0, np.inf, 0.0), where=error > 1e-8)


def _sample_size(total: int) -> int:
    return max(999, min(4_999, _MOST_CELLS // total))
