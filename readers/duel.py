"""Duel: two groups of runs in numbers: how far apart, how sure, what these runs could show and what it would take."""

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from readers.best import Direction
from readers.effect import Effect, cliffs_delta, hedges_g, probability_better, probability_better_in_a_pair
from readers.grouptests import FEWEST, GroupTest, independent_test, paired_test
from readers.pairing import paired
from readers.power import Spread, detectable_difference, runs_needed
from readers.stats import Floats, Interval, mean_of, no_interval, power_of_two, std_of


class Matchup(NamedTuple):
    """The values of two groups that are compared, in units of a power of two, so that no difference overflows."""

    first: Floats
    second: Floats
    """When paired, in the order of the first."""
    unit: float
    paired: bool
    left_out: int
    """Runs without a partner."""
    note: str
    """What there is to say of the pairing."""

    @property
    def testable(self) -> bool:
        """Whether there are runs enough for a test."""
        return min(len(self.first), len(self.second)) >= FEWEST

    @property
    def differences(self) -> Floats:
        """First minus second of each pair; differences that differ only by rounding are made the same."""
        apart = self.first - self.second
        rounding = 4 * np.finfo(float).eps * max(np.abs(self.first).max(initial=0), np.abs(self.second).max(initial=0))
        if len(apart) and apart.max() - apart.min() <= rounding:
            middle = float(np.median(apart))
            return np.full(len(apart), 0.0 if abs(middle) <= rounding else middle)
        return apart


class Duel(NamedTuple):
    """What two groups of runs say about the first against the second; the fields are those of a Verdict."""

    n_a: int
    n_b: int
    paired: bool
    mean_a: float
    mean_b: float
    estimate: float
    interval: Interval
    probability_better: float
    probability_interval: Interval
    hedges_g: float
    hedges_interval: Interval
    cliffs_delta: float
    test: str
    why: str
    p_value: float
    detectable_difference: float
    runs_needed: int | None
    left_out: int
    note: str
    by_ranks: bool


Keys = Sequence[Hashable]


def matched(first: Floats, second: Floats, first_keys: Keys | None = None, second_keys: Keys | None = None) -> Matchup:
    """Bring two groups of finite values together, by key where both have keys and share enough of them."""
    unit = power_of_two(np.concatenate([first, second]))
    a, b = first / unit, second / unit
    if first_keys is None or second_keys is None:
        return Matchup(a, b, unit, paired=False, left_out=0, note="")
    pairs = paired(a, first_keys, b, second_keys)
    if len(pairs.first) < FEWEST <= min(len(a), len(b)):
        shared = f"share {len(pairs.first)} keys" if len(pairs.first) != 1 else "share one key"
        return Matchup(a, b, unit, paired=False, left_out=0, note=f"the groups {shared}, too few to pair runs by")
    note = "of several runs of one key the mean was taken" if pairs.repeated else ""
    return Matchup(pairs.first, pairs.second, unit, paired=True, left_out=pairs.left_out, note=note)


def duel(matchup: Matchup, direction: Direction, level: float, comparisons: int) -> Duel:
    """Compare two groups.

    Args:
        comparisons: how many are made in all: the level of each is stricter by that, where it is about power.
    Returns: without a test and without intervals where a group has three runs or fewer.
    """
    first, second, unit = matchup.first, matchup.second, matchup.unit
    better, delta, spread = _sizes(matchup, direction, level)
    g = hedges_g(first, second, level, paired=matchup.paired)
    estimate = mean_of(matchup.differences) if matchup.paired else mean_of(first) - mean_of(second)
    alpha = (1 - level) / comparisons
    needed = runs_needed(estimate, spread, alpha)
    test = _test(matchup, level, comparisons)
    few = no_interval(level, "none: too few runs")
    return Duel(
        n_a=len(first),
        n_b=len(second),
        paired=matchup.paired,
        mean_a=mean_of(first) * unit,
        mean_b=mean_of(second) * unit,
        estimate=estimate * unit,
        interval=test.interval._replace(lower=test.interval.lower * unit, upper=test.interval.upper * unit),
        probability_better=better.value,
        probability_interval=better.interval if matchup.testable else few,
        hedges_g=g.value,
        hedges_interval=g.interval if matchup.testable else few,
        cliffs_delta=delta,
        test=test.test,
        why=f"{test.why}; {matchup.note}" if matchup.note else test.why,
        p_value=test.p_value,
        detectable_difference=detectable_difference(spread, len(first), len(second), alpha) * unit,
        runs_needed=None if needed is None else max(needed, FEWEST),
        left_out=matchup.left_out,
        note=matchup.note,
        by_ranks=test.by_ranks,
    )


def _sizes(matchup: Matchup, direction: Direction, level: float) -> tuple[Effect, float, Spread]:
    first, second = matchup.first, matchup.second
    if not matchup.paired:
        better = probability_better(first, second, direction, level)
        return better, cliffs_delta(first, second), _spread(first, second)
    differences = matchup.differences
    better = probability_better_in_a_pair(differences, direction, level)
    return better, cliffs_delta(differences, np.zeros(1)), Spread(std_of(differences), None)


def _spread(first: Floats, second: Floats) -> Spread:
    """Of a group with one run the spread isn't known; the other's stands in."""
    a, b = std_of(first), std_of(second)
    return Spread(b if math.isnan(a) else a, a if math.isnan(b) else b)


def _test(matchup: Matchup, level: float, comparisons: int) -> GroupTest:
    if not matchup.testable:
        why = f"a test needs {FEWEST} {'pairs' if matchup.paired else 'runs of each group'} at least"
        return GroupTest("none", why, math.nan, no_interval(level, "none: too few runs"))
    if matchup.paired:
        return paired_test(matchup.differences, level, comparisons)
    return independent_test(matchup.first, matchup.second, level, comparisons)
