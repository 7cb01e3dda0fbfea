"""Effect sizes are those of the literature, and their intervals hold the truth as often as they promise."""

import math

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as scipy_stats

from readers.effect import cliffs_delta, even_chance_p, hedges_g, probability_better, probability_better_in_a_pair
from readers.stats import Floats


def _with(mean: float, std: float, n: int) -> Floats:
    values = np.random.default_rng(0).normal(size=n)
    standard: Floats = (values - values.mean()) / values.std(ddof=1)
    return mean + std * standard


def test_hedges_g_of_borenstein() -> None:
    """The worked example of Borenstein et al. 2009, chapter 4: d = 0.5970, g = 0.5924."""
    g = hedges_g(_with(103, 5.5, 50), _with(100, 4.5, 50))

    assert g.value == pytest.approx(0.5924, abs=1e-4)


def test_the_interval_of_g_inverts_the_noncentral_t() -> None:
    """At its bounds, scipy's noncentral t leaves 2.5 % beyond what was observed."""
    first, second = _with(1, 1, 8), _with(0, 1, 12)
    t = scipy_stats.ttest_ind(first, second).statistic
    g = hedges_g(first, second)

    unit = g.value / t
    for tail, bound in ((0.975, g.interval.lower), (0.025, g.interval.upper)):

        def beyond(noncentrality: float, tail: float = tail) -> float:
            return float(scipy_stats.nct.cdf(t, 18, noncentrality)) - tail

        assert bound / unit == pytest.approx(optimize.brentq(beyond, -5, 10), rel=1e-5)


def test_g_of_pairs_has_the_same_size_and_a_narrower_interval() -> None:
    """Where pairs go together: the size is in units of the groups' spread either way."""
    rng = np.random.default_rng(1)
    seeds = rng.normal(size=20)
    first, second = seeds + rng.normal(0.5, 0.1, 20), seeds + rng.normal(0, 0.1, 20)

    alone, paired = hedges_g(first, second), hedges_g(first, second, paired=True)

    assert paired.value == pytest.approx(alone.value)
    assert paired.interval.lower < paired.value < paired.interval.upper
    assert paired.interval.upper - paired.interval.lower < 0.6 * (alone.interval.upper - alone.interval.lower)


def test_probability_is_mann_whitneys_u() -> None:
    """Divided by the number of pairs; ties count half; Cliff's delta is twice that, less one."""
    rng = np.random.default_rng(2)
    first, second = rng.integers(0, 9, 17).astype(float), rng.integers(2, 12, 11).astype(float)
    u = scipy_stats.mannwhitneyu(first, second).statistic / (17 * 11)

    assert probability_better(first, second, "maximize").value == pytest.approx(u)
    assert probability_better(first, second, "minimize").value == pytest.approx(1 - u)
    assert cliffs_delta(first, second) == pytest.approx(2 * u - 1)


def test_the_probability_of_a_direction_mirrors_that_of_the_other() -> None:
    """Interval included."""
    first, second = np.array([1.0, 2, 3, 7, 8]), np.array([0.0, 2.5, 4, 9])
    more, less = (probability_better(first, second, way) for way in ("maximize", "minimize"))

    assert less.interval[:2] == pytest.approx((1 - more.interval.upper, 1 - more.interval.lower))


def test_groups_that_dont_overlap_still_leave_doubt() -> None:
    """The probability is 1, its interval isn't."""
    found = probability_better(np.arange(5.0) + 10, np.arange(5.0), "maximize")

    assert found.value == 1
    assert 0.5 < found.interval.lower < 0.8
    assert found.interval.upper == 1


@pytest.mark.parametrize(
    ("n_first", "n_second", "shift", "spread"),
    [(5, 5, 0, 1), (5, 5, 2.5, 1), (10, 10, 1, 4), (30, 30, 1, 1), (30, 30, 0, 4), (40, 10, 0, 4), (10, 40, 0, 4)],
)
def test_the_interval_of_the_probability_holds_it(n_first: int, n_second: int, shift: float, spread: float) -> None:
    """At least 93 % of the 95 % intervals do, also where spreads and numbers of runs differ."""
    rng = np.random.default_rng(3)
    truth = scipy_stats.norm.cdf(shift / math.hypot(1, spread))
    held = []
    for _ in range(1_500):
        interval = probability_better(
            rng.normal(shift, 1, n_first), rng.normal(0, spread, n_second), "maximize"
        ).interval
        held.append(interval.lower <= truth <= interval.upper)

    assert np.mean(held) >= 0.93


def test_the_p_value_of_an_even_chance_goes_with_the_interval() -> None:
    """It is 1 - level where a bound is 1/2, from either side of it."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        first, second = rng.normal(0.7, 1, 9), rng.normal(0, 2, 12)
        p = even_chance_p(first, second)
        for level in (1 - p - 1e-6, 1 - p + 1e-6):
            interval = probability_better(first, second, "maximize", level).interval
            assert (interval.lower <= 0.5 <= interval.upper) == (level > 1 - p)


def test_within_pairs_the_share_and_wilsons_interval() -> None:
    """Seven of ten pairs: 0.3968 to 0.8922, as in scipy."""
    differences = np.array([1.0] * 7 + [-1.0] * 3)
    found = probability_better_in_a_pair(differences, "maximize")

    expected = scipy_stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert found.value == 0.7
    assert found.interval[:2] == pytest.approx(tuple(expected))
    assert probability_better_in_a_pair(differences, "minimize").value == pytest.approx(0.3)
    assert probability_better_in_a_pair(np.zeros(4), "minimize").value == 0.5


def test_what_cant_be_said_is_nan() -> None:
    """Empty groups, single runs, no spread; sizes of equal constants are 0."""
    none, one, same = np.empty(0), np.ones(1), np.ones(4)

    assert math.isnan(probability_better(none, same, "maximize").value)
    assert math.isnan(probability_better_in_a_pair(none, "maximize").value)
    assert math.isnan(cliffs_delta(same, none))
    assert math.isnan(hedges_g(one, same).value)
    assert math.isnan(hedges_g(same, same + 1).value)
    assert hedges_g(same, same).value == 0
    assert math.isnan(probability_better(one, same, "maximize").interval.lower)
    constant_gain = hedges_g(np.arange(4.0) + 1, np.arange(4.0), paired=True)
    assert constant_gain.value > 0
    assert math.isnan(constant_gain.interval.lower)


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_sizes_have_no_unit(scale: float) -> None:
    """Huge and tiny values give those of ordinary ones."""
    first, second = np.array([1.0, 2, 3, 5]), np.array([2.0, 4, 6, 7])

    plain, scaled = hedges_g(first, second), hedges_g(first * scale, second * scale)
    assert scaled.value == pytest.approx(plain.value)
    assert scaled.interval[:2] == pytest.approx(plain.interval[:2])
