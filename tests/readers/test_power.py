"""Power figures are those of the tables, and hold in simulation."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from readers.power import Spread, detectable_difference, power_of, runs_needed


@pytest.mark.parametrize(("difference", "n"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_runs_of_two_groups_are_cohens(difference: float, n: int) -> None:
    """Cohen 1988, table 2.4.1 as corrected by G*Power, two-sided 5 %, 80 %: small, medium and large effects."""
    assert runs_needed(difference, Spread(1, 1), 0.05) == n
    assert runs_needed(-difference * 1e200, Spread(1e200, 1e200), 0.05) == n


@pytest.mark.parametrize(("difference", "n"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_pairs_are_g_powers(difference: float, n: int) -> None:
    """One-sample t test of the differences."""
    assert runs_needed(difference, Spread(1, None), 0.05) == n


@pytest.mark.parametrize("spread", [Spread(1, 1), Spread(1, 3), Spread(2, None)])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_the_runs_needed_are_the_fewest(spread: Spread, alpha: float) -> None:
    """They have the power, one fewer hasn't; and what they can detect is no larger than the difference."""
    n = runs_needed(0.9, spread, alpha)

    assert n is not None
    assert power_of(0.9, spread, n, n, alpha) >= 0.8 > power_of(0.9, spread, n - 1, n - 1, alpha)
    assert detectable_difference(spread, n, n, alpha) <= 0.9 < detectable_difference(spread, n - 1, n - 1, alpha)


def test_the_detectable_difference_is_found_in_80_percent_of_experiments() -> None:
    """By Welch's test, in groups of unequal size and spread; chance moves the share by 0.6 %."""
    difference = detectable_difference(Spread(1, 2), 8, 15, 0.05)
    rng = np.random.default_rng(0)
    first, second = rng.normal(difference, 1, (8, 5_000)), rng.normal(0, 2, (15, 5_000))

    p_values = scipy_stats.ttest_ind(first, second, equal_var=False).pvalue

    assert np.mean(p_values <= 0.05) == pytest.approx(0.8, abs=0.025)


def test_without_spread_or_difference_there_is_no_figure() -> None:
    """Nor for a million runs."""
    for spread in (Spread(0, 0), Spread(0, None), Spread(math.nan, math.nan)):
        assert math.isnan(detectable_difference(spread, 5, 5, 0.05))
        assert runs_needed(1, spread, 0.05) is None
    assert math.isnan(detectable_difference(Spread(1, 1), 1, 5, 0.05))
    assert runs_needed(0, Spread(1, 1), 0.05) is None
    assert runs_needed(math.nan, Spread(1, 1), 0.05) is None
    assert runs_needed(1e-12, Spread(1, 1), 0.05) is None
    assert runs_needed(1e-3, Spread(1, 1), 0.05) is None


def test_a_spread_of_one_group_is_enough() -> None:
    """The other always gives the same value."""
    assert detectable_difference(Spread(1, 0), 6, 6, 0.05) == pytest.approx(
        detectable_difference(Spread(1, None), 6, 6, 0.05)
    )
