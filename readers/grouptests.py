"""Group tests: whether two groups of runs differ by more than chance, and why this test.

Two p-values are computed where that can be, and the larger one counts: the limit distribution's (t), and that of
permutations. Each fails where the other holds. Of 10,000 comparisons of groups of equal means, at 5 %, so many per cent
came out significant (`python -m benchmarks.error_rates`):

    =================================  ====  ============  ============
    groups: values, runs, spreads      t     permutations  as done here
    =================================  ====  ============  ============
    normal, 5 and 5, 1:1                4.2           4.7           3.9
    normal, 5 and 5, 4:1                5.7           7.8           5.5
    normal, 5 and 10, 4:1               5.3           8.6           5.3
    normal, 8 and 20, 4:1               4.8           6.9           3.2
    exponential, 5 and 40, 1:1         11.0           4.9           4.9
    lognormal, 5 and 40, 1:1           13.6           5.2           5.1
    lognormal, 20 and 20, 1:1           3.7           4.8           4.1
    lognormal, 20 and 20, 4:1          11.4          12.1          35.2
    =================================  ====  ============  ============

Of families of six comparisons, with Holm's correction, 2 to 4 % had a false alarm (four groups of 5 to 20 runs; normal
of spreads up to 4:1, exponential, lognormal). Nothing holds the level for the means of skewed groups of unequal spread,
the last line: so few of such values don't tell means apart. That they are then compared by ranks is no false alarm of
that test: with equal means, a run of one group does exceed a run of the other more often than not.

The data have a say in which test it is only by what permutations leave as it is, so that no false alarms come of it:
ranks of independent groups, from eight runs a group on, where all values together are strongly skewed (beyond 1);
signed ranks of pairs, from eight on, where some differences lie far out by their absolute values. The permutations of
ranks are Brunner and Munzel's, not Mann and Whitney's, which take unequal spreads for a difference; the limit is that
of the interval of P(a better than b): where ranks are found to differ, it leaves out 1/2.
"""

import math
from typing import NamedTuple

import numpy as np

from readers import permutation
from readers.effect import even_chance_p
from readers.permutation import Null, Ways
from readers.stats import Floats, Interval, is_constant, no_interval, power_of_two

FEWEST = 4
"""Runs in a group, or pairs: with fewer there is no test."""
_FEWEST_FOR_RANKS = 8
_SKEWED = 1.0
_FAR_OUT = 3.0
_MOST_WAYS_OF_RANKS = 2_000
_LARGEST_OF_RANKS = 100


class GroupTest(NamedTuple):
    """What a test of no difference said."""

    test: str
    why: str
    """Why this test, in plain words."""
    p_value: float
    """Two-sided."""
    interval: Interval
    """Of the difference of means, first minus second; where means are tested, it leaves out 0 just where the test finds
    a difference at that level (of this comparison alone)."""
    by_ranks: bool = False
    """Whether it tests how often one is larger, instead of the means."""


def independent_test(first: Floats, second: Floats, level: float = 0.95, comparisons: int = 1) -> GroupTest:
    """Test two independent groups of at least four finite values each.

    Args:
        comparisons: how many tests are made in all; where permutations are too few for a p-value that would be small
            enough among so many, they have no say.
    Source: Welch 1947; its permutations, Janssen 1997. Ranks: readers.effect.even_chance_p, and the permutations of
        Brunner and Munzel's statistic, Neubert & Brunner 2007.
    """
    if len(first) > len(second):  # a against b and b against a shall go through the same permutations
        turned = independent_test(second, first, level, comparisons)
        lower, upper = turned.interval.lower, turned.interval.upper
        return turned._replace(interval=turned.interval._replace(lower=-upper, upper=-lower))
    m, n = len(first), len(second)
    if is_constant(np.concatenate([first, second])):
        return _all_alike(level, "every run of both groups gave the same value")
    if is_constant(first) and is_constant(second):
        p = (2 if m == n else 1) / math.comb(m + n, m)  # of all ways to divide the runs, this one and its mirror image
        why = "the runs of each group all gave one value: there is no spread for a t test"
        return GroupTest("permutations", why, p, no_interval(level, "none: the values have no spread"))
    a, b, scales = _standard(first, second)
    pooled = np.sort(np.concatenate([a, b]))  # sorted: the order of the runs changes nothing
    by_ranks = m >= _FEWEST_FOR_RANKS and abs(_skewness(pooled)) > _SKEWED
    ways = _splits(m, m + n, by_ranks=by_ranks)
    usable = _usable(ways, level, comparisons)
    null = permutation.of_welch(pooled, usable, m) if usable and not by_ranks else None
    error, freedom = _welch(a.var(ddof=1) / m, b.var(ddof=1) / n, m, n)
    p, interval = _t_test(a.mean() - b.mean(), error, freedom, null, level)
    test, reason = "Welch's t", "means of two groups that may vary differently"
    if by_ranks:
        p, test = _ranks(a, b, pooled, usable), "Mann-Whitney" if usable is None else "Brunner-Munzel"
        reason = f"together the values are strongly skewed, and {_FEWEST_FOR_RANKS} runs a group are enough for ranks"
    why = _why(reason, ways, usable, "divide the runs", comparisons)
    return GroupTest(_named(test, usable, "permutations"), why, p, _in_units(interval, scales), by_ranks)


def paired_test(differences: Floats, level: float = 0.95, comparisons: int = 1) -> GroupTest:
    """Test the differences (first minus second, finite) within at least four pairs.

    Source: Student 1908; its changes of signs, Fisher 1935. Signed ranks: Wilcoxon 1945, with zeros as in Pratt 1959,
        and also exact where values tie, as all changes of signs are gone through.
    """
    n = len(differences)
    if not differences.any():
        return _all_alike(level, "both runs of every pair gave the same value")
    ways = permutation.signs(n) if n <= permutation.LARGEST else None
    usable = _usable(ways, level, comparisons)
    if is_constant(differences):
        why = "all pairs differ by the same amount: there is no spread for a t test"
        p = 2.0 ** (1 - n)
        return GroupTest("changes of signs", why, p, no_interval(level, "none: the differences have no spread"))
    scale = power_of_two(differences)
    scaled = np.sort(differences / scale)
    by_ranks = n >= _FEWEST_FOR_RANKS and _far_out(np.abs(scaled))
    null = permutation.of_signs(scaled, usable) if usable and not by_ranks else None
    p, interval = _t_test(scaled.mean(), scaled.std(ddof=1) / math.sqrt(n), n - 1, null, level)
    reason = "runs of one key are compared with each other"
    if by_ranks:
        p = _signed_rank(scaled, usable)
        reason += f", some differences lie far out, and {_FEWEST_FOR_RANKS} pairs are enough for ranks"
    test = "Wilcoxon signed rank" if by_ranks else "paired t"
    why = _why(reason, ways, usable, "give signs to the differences", comparisons, alone=by_ranks)
    return GroupTest(_named(test, usable, "changes of signs"), why, p, _in_units(interval, (scale,)), by_ranks)


def signed_rank_p(differences: Floats) -> float:
    """P-value of Wilcoxon's signed rank test of at least two differences, infinite ones included; 1 where all are 0."""
    n = len(differences)
    if not differences.any():
        return 1.0
    return _signed_rank(differences, permutation.signs(n) if n <= permutation.LARGEST else None)


def _t_test(estimate: float, error: float, freedom: float, null: Null | None, level: float) -> tuple[float, Interval]:
    """The larger p-value, and the interval that leaves out 0 just where that is significant."""
    from scipy import special

    t = abs(estimate) / error
    p, quantile = 2 * float(special.stdtr(freedom, -t)), float(special.stdtrit(freedom, (1 + level) / 2))
    method = f"t, {freedom:.3g} degrees of freedom"
    if null is not None:
        p, permuted = max(p, null.p_value(t)), null.critical_value(1 - level)
        if permuted > quantile:
            quantile, method = permuted, "t, its quantile from permutations"
    if not math.isfinite(quantile):
        return p, no_interval(level, "none: too few different values")
    return p, Interval(float(estimate - quantile * error), float(estimate + quantile * error), level, method)


def _welch(first: float, second: float, m: int, n: int) -> tuple[float, float]:
    """Standard error and degrees of freedom of a difference, from the two squared errors (Satterthwaite 1946)."""
    error = math.sqrt(first + second)
    return error, error**4 / (first**2 / (m - 1) + second**2 / (n - 1)) if error > 0 else 1.0


def _ranks(a: Floats, b: Floats, pooled: Floats, ways: Ways | None) -> float:
    """The larger p-value of ranks."""
    p = even_chance_p(a, b)
    if ways is None:
        return p
    observed = permutation.of_brunner_munzel(np.concatenate([a, b]), _as_observed(len(a), len(b)), len(a))
    return max(p, permutation.of_brunner_munzel(pooled, ways, len(a)).p_value(float(observed.statistics[0])))


def _signed_rank(differences: Floats, ways: Ways | None) -> float:
    from scipy import special

    sizes = np.abs(differences)
    ordered = np.sort(sizes)
    ranks = (np.searchsorted(ordered, sizes, "left") + np.searchsorted(ordered, sizes, "right") + 1) / 2
    signed = np.sign(differences) * ranks / len(ranks)
    if ways is None:
        return 2 * float(special.ndtr(-abs(signed.sum()) / math.sqrt((signed**2).sum())))
    n = len(signed)
    error = math.sqrt(max((signed**2).mean() - signed.mean() ** 2, 0.0) / (n - 1))
    return permutation.of_signs(signed, ways).p_value(abs(signed.mean()) / error if error > 1e-8 else math.inf)


def _splits(first: int, total: int, *, by_ranks: bool) -> Ways | None:
    """The ways to divide the runs; fewer for ranks, which are dearer; none for many runs."""
    if total > (_LARGEST_OF_RANKS if by_ranks else permutation.LARGEST):
        return None
    ways = permutation.splits(first, total)
    return ways._replace(rows=ways.rows[:_MOST_WAYS_OF_RANKS]) if by_ranks and not ways.complete else ways


def _usable(ways: Ways | None, level: float, comparisons: int) -> Ways | None:
    """The ways, if they can bring out a p-value that is significant among so many comparisons."""
    return None if ways is None or ways.least_p > (1 - level) / comparisons else ways


def _all_alike(level: float, why: str) -> GroupTest:
    return GroupTest("none needed", why, 1.0, no_interval(level, "none: the values have no spread"))


def _standard(first: Floats, second: Floats) -> tuple[Floats, Floats, tuple[float, float]]:
    """Both, centred together and of magnitude 1, and the two scales that take a difference back to its unit."""
    pooled = np.concatenate([first, second])
    outer = power_of_two(pooled)
    centre = (pooled / outer).mean()
    inner = power_of_two(pooled / outer - centre)
    return (first / outer - centre) / inner, (second / outer - centre) / inner, (inner, outer)


def _in_units(interval: Interval, scales: tuple[float, ...]) -> Interval:
    for scale in scales:
        interval = interval._replace(lower=interval.lower * scale, upper=interval.upper * scale)
    return interval


def _skewness(values: Floats) -> float:
    """Adjusted for the number of values (Joanes & Gill 1998, G1)."""
    apart = values - values.mean()
    n = len(apart)
    return float((apart**3).mean() / (apart**2).mean() ** 1.5 * math.sqrt(n * (n - 1)) / (n - 2))


def _far_out(sizes: Floats) -> bool:
    """Whether one lies beyond Tukey's outer fence."""
    q1, q3 = np.quantile(sizes, [0.25, 0.75])
    return bool(sizes.max() > q3 + _FAR_OUT * (q3 - q1))


def _as_observed(first: int, second: int) -> Ways:
    return Ways(np.array([[1.0] * first + [0.0] * second]), complete=False)


def _named(test: str, ways: Ways | None, what: str) -> str:
    return test if ways is None else f"{test} with {what}"


def _why(
    reason: str, ways: Ways | None, usable: Ways | None, what: str, comparisons: int, *, alone: bool = False
) -> str:
    """The reason, and what part permutations have."""
    if ways is None:
        return f"{reason}; for so many runs the limit distribution alone"
    if usable is None:
        return (
            f"{reason}; the limit distribution alone, as there are only {len(ways.rows):,} ways to {what}, "
            f"too few for {comparisons} comparison{'s' * (comparisons > 1)}"
        )
    number = f"all {len(usable.rows):,}" if usable.complete else f"{len(usable.rows):,} random"
    limit = "" if alone else "the larger of the limit distribution's and "
    return f"{reason}; p is {limit}that of {number} ways to {what}"
