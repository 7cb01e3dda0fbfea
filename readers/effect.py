"""Effect: how large a difference is, in terms that don't hang on the metric's unit.

A p-value says how sure one may be that there is a difference; these say how much of one. Signs are those of the values
(positive where the first group's are larger), but for the probability of being better, which knows the direction.
"""

import math
from typing import NamedTuple

import numpy as np

from readers.best import Direction
from readers.stats import Floats, Interval, is_constant, no_interval, power_of_two


class Effect(NamedTuple):
    """A size and where it lies."""

    value: float
    interval: Interval


def probability_better(first: Floats, second: Floats, direction: Direction, level: float = 0.95) -> Effect:
    """P(a run of the first group is better than a run of the second), ties half.

    Args:
        first, second: finite values, shape (n_first,) and (n_second,).
    Returns: NaN where a group is empty; the interval is NaN for fewer than two runs in a group. It's never of no width,
        also where all runs of one group are better than all of the other.
    Source: the Mann-Whitney estimate. Interval: Newcombe 2006 ("Confidence intervals for an effect size measure based
        on the Mann-Whitney statistic, part 2", method 5), its variance raised to the one observed (Brunner & Munzel
        2000; DeLong et al. 1988) where that is larger, as it is when the group with fewer runs varies more. Measured,
        95 % nominal: 89 to 99 % for 4 to 40 runs a group, spreads in 1:4 to 4:1, P from 0.5 to 0.96; mostly 94 to 98.
        (The same without raising: 83 % at worst; the logit interval of DeLong: 32 %, and no width at P = 1.)
    """
    m, n = len(first), len(second)
    if not m or not n:
        return Effect(math.nan, no_interval(level, "none: a group has no values"))
    of_first, of_second = _share_below(first, second), _share_below(second, first)
    share = float(of_first.mean())
    if direction == "minimize":
        share = 1 - share
    if m < 2 or n < 2:
        return Effect(share, no_interval(level, "none: fewer than two runs in a group"))
    reach = _z(level) * math.sqrt(_raised(of_first, of_second))
    bounds = [_edge(share, end, reach, m, n) for end in (0.0, 1.0)]
    return Effect(share, Interval(bounds[0], bounds[1], level, "Newcombe's for the Mann-Whitney estimate"))


def even_chance_p(first: Floats, second: Floats) -> float:
    """P-value of "either group's run is better with probability 1/2"; at least two finite values in each.

    Two-sided; below 1 - level just where the interval of probability_better leaves out 1/2.
    """
    from scipy import special

    m, n = len(first), len(second)
    of_first, of_second = _share_below(first, second), _share_below(second, first)
    error = math.sqrt(_raised(of_first, of_second) * _newcombe(0.5, m, n))
    return 2 * float(special.ndtr(-abs(float(of_first.mean()) - 0.5) / error))


def probability_better_in_a_pair(differences: Floats, direction: Direction, level: float = 0.95) -> Effect:
    """P(the first of a pair is better than the second), ties half.

    Args:
        differences: first minus second, finite, shape (n_pairs,).
    Returns: NaN for no pairs.
    Source: share of the pairs; interval: Wilson 1927.
    """
    n = len(differences)
    if not n:
        return Effect(math.nan, no_interval(level, "none: no pairs"))
    wins = np.count_nonzero(differences > 0 if direction == "maximize" else differences < 0)
    share = float(wins + np.count_nonzero(differences == 0) / 2) / n
    z = _z(level)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Effect(share, Interval(max(0.0, centre - reach), min(1.0, centre + reach), level, "Wilson's, of the pairs"))


def cliffs_delta(first: Floats, second: Floats) -> float:
    """P(first > second) - P(first < second), in [-1, 1]; NaN where a group is empty.

    Source: Cliff 1993, "Dominance statistics: ordinal analyses to answer ordinal questions".
    """
    if not len(first) or not len(second):
        return math.nan
    return float(2 * _share_below(first, second).mean() - 1)


def hedges_g(first: Floats, second: Floats, level: float = 0.95, *, paired: bool = False) -> Effect:
    """The difference of means in pooled standard deviations, corrected for the bias that small samples give it.

    Args:
        first, second: finite values; when paired, of one length and in one order.
    Returns: NaN for fewer than two values in a group, or no spread in either (0, where the means agree too). When
        paired, still in standard deviations of the groups, not of the differences, so that it compares with unpaired
        ones (Lakens 2013, "Calculating and reporting effect sizes": d_av).
    Source: Hedges 1981, "Distribution theory for Glass's estimator of effect size". Interval: exact for normal data of
        one variance, by the noncentral t distribution (Hedges & Olkin 1985); when paired, that of the mean difference,
        in units of the pooled deviation.
    """
    m, n = len(first), len(second)
    if min(m, n) < 2:
        return Effect(math.nan, no_interval(level, "none: fewer than two runs in a group"))
    if is_constant(first) and is_constant(second):
        same = is_constant(np.concatenate([first, second]))
        return Effect(0.0 if same else math.nan, no_interval(level, "none: the values have no spread"))
    from scipy import special

    scale = power_of_two(np.concatenate([first, second]))
    a, b = first / scale, second / scale
    freedom = m + n - 2
    deviation = math.sqrt(((m - 1) * a.var(ddof=1) + (n - 1) * b.var(ddof=1)) / freedom)
    correction = math.exp(math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    estimate = float((a - b).mean() if paired else a.mean() - b.mean())
    error, error_freedom = deviation * math.sqrt(1 / m + 1 / n), freedom
    if paired:
        error, error_freedom = float((a - b).std(ddof=1)) / math.sqrt(n), n - 1
    value = correction * estimate / deviation
    if error < 1e-12 * deviation:
        return Effect(value, no_interval(level, "none: all differences are the same"))
    t, unit = estimate / error, correction * error / deviation
    lower, upper = (float(special.nctdtrinc(error_freedom, (1 + side * level) / 2, t)) * unit for side in (1, -1))
    return Effect(value, Interval(lower, upper, level, "noncentral t"))


def _share_below(values: Floats, others: Floats) -> Floats:
    """For each value the share of the others that it exceeds, ties half."""
    ordered = np.sort(others)
    below, through = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + through) / (2 * len(ordered))


def _raised(of_first: Floats, of_second: Floats) -> float:
    """How many times larger the observed variance of the estimate is than Newcombe's; at least 1."""
    m, n = len(of_first), len(of_second)
    share = float(of_first.mean())
    if not 0 < share < 1:
        return 1.0
    observed = float(of_first.var(ddof=1) / m + of_second.var(ddof=1) / n)
    return max(1.0, observed / _newcombe(share, m, n))


def _newcombe(share: float, m: int, n: int) -> float:
    """The variance of the Mann-Whitney estimate where the true share is this (Hanley & McNeil 1982, symmetrized)."""
    pairs = (m + n) / 2 - 1
    return share * (1 - share) * (1 + pairs * ((1 - share) / (2 - share) + share / (1 + share))) / (m * n)


def _edge(share: float, end: float, reach: float, m: int, n: int) -> float:
    """The true share, towards an end, from which the observed one is just within reach: by bisection."""
    inside, outside = share, end
    for _ in range(40):
        middle = (inside + outside) / 2
        if abs(middle - share) <= reach * math.sqrt(_newcombe(middle, m, n)):
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


def _z(level: float) -> float:
    from scipy import special

    return float(special.ndtri((1 + level) / 2))
