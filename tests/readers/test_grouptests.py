"""The tests of groups are scipy's where they overlap, and their p-value and interval never contradict each other."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from readers.grouptests import independent_test, paired_test, signed_rank_p
from readers.permutation import of_brunner_munzel, splits

_MANY = 10**9
"""Comparisons: so many that permutations have no say."""


def _welch(first: Any, second: Any, axis: int = -1) -> Any:
    return np.abs(scipy_stats.ttest_ind(first, second, equal_var=False, axis=axis).statistic)


def test_without_permutations_it_is_welchs_test() -> None:
    """P-value and interval are scipy's."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 1, 9), rng.normal(0, 3, 6)
    found = independent_test(first, second, comparisons=_MANY)

    expected = scipy_stats.ttest_ind(first, second, equal_var=False)
    assert found.test == "Welch's t"
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval[:2] == pytest.approx(tuple(expected.confidence_interval()), rel=1e-9)
    assert "too few for" in found.why


@pytest.mark.parametrize("seed", range(6))
def test_the_larger_of_two_p_values_counts(seed: int) -> None:
    """Welch's, and that of all its permutations, as scipy goes through them."""
    rng = np.random.default_rng(seed)
    first, second = rng.exponential(3, size=4), rng.exponential(1, size=6)

    permuted = scipy_stats.permutation_test((first, second), _welch, vectorized=True, alternative="greater").pvalue
    limit = scipy_stats.ttest_ind(first, second, equal_var=False).pvalue
    assert independent_test(first, second).p_value == pytest.approx(max(permuted, limit), rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_within_pairs_likewise(seed: int) -> None:
    """The paired t test, and all changes of signs."""
    differences = np.random.default_rng(seed).normal(0.7, 1, 7)

    permuted = scipy_stats.permutation_test(
        (differences,), lambda x, axis: np.abs(np.mean(x, axis=axis)), permutation_type="samples", vectorized=True,
        alternative="greater",
    ).pvalue  # fmt: skip
    limit = scipy_stats.ttest_1samp(differences, 0)
    found = paired_test(differences)
    assert found.p_value == pytest.approx(max(permuted, limit.pvalue), rel=1e-9)
    alone = paired_test(differences, comparisons=_MANY)
    assert alone.p_value == pytest.approx(limit.pvalue, rel=1e-9)
    assert alone.interval[:2] == pytest.approx(tuple(limit.confidence_interval()), rel=1e-9)


@pytest.mark.parametrize("n", [4, 5, 9, 30])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_leaves_out_0_just_where_the_test_finds_a_difference(n: int, level: float) -> None:
    """Also where permutations decide."""
    rng = np.random.default_rng(n)
    for _ in range(60):
        for found in (
            independent_test(rng.normal(0.9, 1, n), rng.normal(0, 2, n + 1), level),
            paired_test(rng.normal(0.7, 1, n), level),
        ):
            if not found.by_ranks:
                assert (found.interval.lower <= 0 <= found.interval.upper) == (found.p_value > 1 - level)


def test_skewed_values_are_compared_by_ranks() -> None:
    """From eight runs a group on; fewer by their means, and so are symmetric ones."""
    skewed = np.array([[1.0, 1, 2, 2, 3, 4, 6, 30], [2, 3, 3, 4, 5, 8, 11, 70]])
    symmetric = np.random.default_rng(1).normal(size=(2, 20))

    assert independent_test(*skewed).test == "Brunner-Munzel with permutations"
    assert "skewed" in independent_test(*skewed).why
    assert independent_test(*skewed[:, :7]).test == "Welch's t with permutations"
    assert independent_test(*symmetric).test == "Welch's t with permutations"


def test_permutations_of_ranks_are_those_of_brunner_and_munzel() -> None:
    """The statistic of each way to divide the runs is scipy's, ties included."""
    pooled = np.array([1.0, 2, 2, 3, 5, 8, 8, 9, 13])
    ways = splits(4, 9)
    found = of_brunner_munzel(pooled, ways, 4)

    for row, statistic in list(zip(ways.rows.astype(bool), found.statistics, strict=True))[5::11]:
        assert statistic == pytest.approx(abs(scipy_stats.brunnermunzel(pooled[row], pooled[~row]).statistic))
    assert found.complete
    assert len(found.statistics) == math.comb(9, 4)


@pytest.mark.parametrize("n", [8, 11, 14])
def test_signed_ranks_are_wilcoxons(n: int) -> None:
    """The exact p-value of scipy, where nothing ties."""
    differences = np.random.default_rng(n).normal(0.5, 1, n)

    expected = scipy_stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)
    assert signed_rank_p(np.zeros(5)) == 1
    assert signed_rank_p(np.array([math.inf, math.inf, 1, 2, 3, 4])) == pytest.approx(2 / 64)


def test_many_signed_ranks_are_wilcoxons() -> None:
    """The normal limit, zeros as in Pratt."""
    differences = np.round(np.random.default_rng(0).normal(0.05, 1, 500), 1)

    expected = scipy_stats.wilcoxon(differences, zero_method="pratt", method="asymptotic").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-6)


def test_differences_that_lie_far_out_are_compared_by_ranks() -> None:
    """From eight pairs on."""
    differences = np.array([1.0, 2, 1.5, 1.2, 0.8, 1.1, 1.4, -60])

    assert paired_test(differences).test == "Wilcoxon signed rank with changes of signs"
    assert "far out" in paired_test(differences).why
    assert paired_test(differences[-7:]).test == "paired t with changes of signs"


def test_the_order_of_runs_and_groups_changes_nothing() -> None:
    """Not even the last digit of p, also where permutations are drawn by chance."""
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.5, 1, 14), rng.normal(0, 1, 12)
    found, shuffled = independent_test(first, second), independent_test(rng.permutation(first), second[::-1])
    turned = independent_test(second, first)

    assert found.p_value == shuffled.p_value == turned.p_value
    assert turned.interval[:2] == pytest.approx((-found.interval.upper, -found.interval.lower))


@pytest.mark.parametrize("scale", [1e300, 1e-300])
@pytest.mark.parametrize("offset", [0, 1e3])
def test_units_and_offsets_dont_matter(scale: float, offset: float) -> None:
    """Huge and tiny values have the p-value of ordinary ones, and the interval in their unit."""
    first, second = np.array([1.0, 2, 4, 3, 3]), np.array([3.0, 5, 4, 6])
    found = independent_test(first, second)
    other = independent_test((first + offset) * scale, (second + offset) * scale)

    assert other.p_value == pytest.approx(found.p_value)
    assert other.interval.lower / scale == pytest.approx(found.interval.lower)
    assert paired_test((first - 2) * scale).p_value == pytest.approx(paired_test(first - 2).p_value)


def test_groups_without_spread_have_permutations_only() -> None:
    """Five runs of one value against five of another: 1 of 126 ways; nothing to test where all are one value."""
    ones = np.ones(5)

    assert independent_test(ones, ones + 1).p_value == pytest.approx(1 / 126)
    assert math.isnan(independent_test(ones, ones + 1).interval.lower)
    assert independent_test(ones, ones).p_value == 1
    assert paired_test(ones).p_value == pytest.approx(1 / 16)
    assert paired_test(ones - 1).p_value == 1
    assert independent_test(np.zeros(20_000), np.ones(30_000)).p_value < 1e-9
    assert paired_test(np.ones(50_000)).p_value < 1e-9
    assert 0 < independent_test(ones, np.array([1.0, 2, 3, 4])).p_value < 1


def test_values_that_mostly_tie_are_defined() -> None:
    """Scores of a few steps."""
    zeros_and_ones = np.array([0.0, 0, 0, 0, 0, 0, 0, 0, 1])

    for other in (zeros_and_ones[::-1], 1 - zeros_and_ones, zeros_and_ones[-4:]):
        assert 0 < independent_test(zeros_and_ones, other).p_value <= 1
    assert paired_test(zeros_and_ones).p_value == 1
