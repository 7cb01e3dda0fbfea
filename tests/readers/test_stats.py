"""A sample of runs is described as the literature says, and its interval holds the mean as often as it promises."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from readers.stats import describe, mean_interval

NAN, INF = math.nan, math.inf


def test_numbers_are_those_of_numpy_and_scipy() -> None:
    """Mean, spread, quartiles, and the interquartile mean of rliable (a trimmed mean)."""
    values = np.random.default_rng(0).normal(3, 2, 23)

    found = describe(values, failed=2)

    assert (found["n"], found["missing"], found["failed"], found["level"]) == (23, 0, 2, 0.95)
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-14)
    assert found["std"] == pytest.approx(values.std(ddof=1), rel=1e-14)
    quartiles = [found[key] for key in ("min", "q1", "median", "q3", "max")]
    assert quartiles == pytest.approx(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]), rel=1e-14)
    assert found["iqm"] == pytest.approx(scipy_stats.trim_mean(values, 0.25), rel=1e-14)


def test_few_values_get_students_interval() -> None:
    """The one of scipy, at any level."""
    values = np.array([0.91, 0.93, 0.92, 0.95, 0.9])

    for level in (0.5, 0.95, 0.99):
        expected = scipy_stats.t.interval(level, 4, values.mean(), scipy_stats.sem(values))
        assert mean_interval(values, level)[:2] == pytest.approx(expected, rel=1e-12)
    assert mean_interval(values).method == "Student's t, 4 degrees of freedom"


def test_ten_values_get_halls_interval() -> None:
    """Hall's polynomial of the t statistic at the bounds is Student's quantile."""
    values = np.random.default_rng(1).exponential(size=15)
    interval = mean_interval(values)

    error = values.std(ddof=1) / math.sqrt(15)
    skewness = scipy_stats.skew(values) / math.sqrt(15)
    for bound, sign in ((interval.lower, 1), (interval.upper, -1)):
        t = (values.mean() - bound) / error
        polynomial = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
        assert polynomial == pytest.approx(sign * scipy_stats.t.ppf(0.975, 14), rel=1e-9)
    assert interval.upper - values.mean() > values.mean() - interval.lower
    assert "Hall" in interval.method


def test_symmetric_values_get_students_interval_at_any_n() -> None:
    """There is no skewness to correct."""
    values = np.array([*range(-10, 11)], dtype=float)

    expected = scipy_stats.t.interval(0.95, 20, 0, scipy_stats.sem(values))
    assert mean_interval(values)[:2] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [5, 10, 30])
def test_the_interval_holds_the_mean_of_normal_data(n: int) -> None:
    """93 to 97 % of the 95 % intervals do, of 4,000: chance moves that share by 0.3 %."""
    samples = np.random.default_rng(n).normal(7, 3, (4_000, n))

    held = np.mean([low <= 7 <= high for low, high, _, _ in map(mean_interval, samples)])

    assert 0.93 <= held <= 0.97


def test_the_interval_copes_with_moderate_skewness() -> None:
    """Exponential samples of 30: 94 % hold the mean (of Student's intervals 92.6 %), and misses lie on both sides."""
    samples = np.random.default_rng(0).exponential(size=(3_000, 30))
    bounds = np.array([mean_interval(sample)[:2] for sample in samples])

    below, above = np.mean(bounds[:, 1] < 1), np.mean(bounds[:, 0] > 1)

    assert 0.93 <= 1 - below - above <= 0.97
    assert below < 0.045
    assert above > 0.01


@pytest.mark.parametrize(
    ("values", "mean", "why"),
    [
        ([], NAN, "none: no values"),
        ([NAN, NAN], NAN, "none: no values"),
        ([3], 3, "none: one value has no spread"),
        ([0.1, 0.1, 0.1], 0.1, "none: all 3 values are the same"),
        ([INF, 1, 2], INF, "none: a value is infinite"),
        ([INF, -INF], NAN, "none: a value is infinite"),
        ([-INF] * 4, -INF, "none: a value is infinite"),
    ],
)
def test_values_that_tell_no_interval_give_nan_bounds(values: list[float], mean: float, why: str) -> None:
    """And say why; nothing raises or warns."""
    found = describe(np.array(values))

    assert found["mean"] == pytest.approx(mean, nan_ok=True)
    assert math.isnan(found["ci_lower"])
    assert math.isnan(found["ci_upper"])
    assert found["method"] == why
    assert math.isnan(found["std"]) == (len(values) < 2 or why in {"none: a value is infinite", "none: no values"})
    assert found["missing"] == sum(map(math.isnan, values))


def test_missing_values_are_left_out_and_counted() -> None:
    """As if they weren't there."""
    found = describe([1, NAN, 2, 4, NAN])

    assert found == describe([1, 2, 4]) | {"missing": 2}


def test_quartiles_between_infinities_are_defined() -> None:
    """They are infinite where both neighbours are, and never NaN."""
    found = describe([1, INF, INF, INF, -INF])

    assert (found["q1"], found["median"], found["q3"]) == (1, INF, INF)
    assert found["iqm"] == INF


@pytest.mark.parametrize("scale", [2.0**1000, 2.0**-1000, -1.0])
@pytest.mark.parametrize("n", [5, 15])
def test_units_dont_matter(scale: float, n: int) -> None:
    """Huge and tiny values give the numbers of ordinary ones, scaled; negated ones the mirrored interval."""
    values = np.random.default_rng(2).exponential(size=n)
    found, scaled = describe(values), describe(values * scale)

    assert scaled["mean"] == found["mean"] * scale
    assert scaled["std"] == pytest.approx(found["std"] * abs(scale), rel=1e-14)
    assert sorted([scaled["ci_lower"], scaled["ci_upper"]]) == pytest.approx(
        sorted([found["ci_lower"] * scale, found["ci_upper"] * scale]), rel=1e-12
    )


def test_a_large_offset_costs_no_digits() -> None:
    """The spread of 1e9 + x is that of x."""
    values = np.arange(12) / 8

    assert describe(values + 1e9)["std"] == pytest.approx(values.std(ddof=1), rel=1e-9)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95, NAN])
def test_a_level_is_between_0_and_1(level: float) -> None:
    """Also for no values."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        describe([], level)
