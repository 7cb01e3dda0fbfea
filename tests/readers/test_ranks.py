"""Methods over data sets: Demšar's example, scipy's tests, and defined answers where there is little to rank."""

import math
from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from readers.ranks import MethodRanks, critical_difference, friedman_p, rank_methods

DEMSAR = np.array([
    [0.763, 0.768, 0.771, 0.798],
    [0.599, 0.591, 0.590, 0.569],
    [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657],
    [0.882, 0.888, 0.886, 0.898],
    [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685],
    [0.583, 0.583, 0.563, 0.625],
    [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000],
    [0.940, 0.962, 0.965, 0.962],
    [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9752, 0.975],
    [0.957, 0.978, 0.946, 0.970],
])  # fmt: skip
"""Table 6 of Demšar 2006: accuracies of C4.5, with -m, with -cf, with both, over 14 data sets.

In the thirteenth row the paper prints 0.975 twice and ranks the first of them before the second.
"""
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
SETS = tuple(f"set {place}" for place in range(14))


def _ranked(scores: np.ndarray, direction: str = "maximize") -> MethodRanks:
    n, k = scores.shape
    return rank_methods(
        scores,
        [f"m{place}" for place in range(k)],
        [f"d{place}" for place in range(n)],
        direction="maximize" if direction == "maximize" else "minimize",
    )


def test_the_example_of_demsar() -> None:
    """Mean ranks 3.143, 2.000, 2.893, 1.964; critical difference 1.25 at 5 %."""
    found = rank_methods(DEMSAR, NAMES, SETS, direction="maximize")

    assert found.methods == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert found.mean_ranks == pytest.approx([1.964, 2.0, 2.893, 3.143], abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert found.p_value < 0.05
    assert found.cliques == (found.methods,)
    assert "none is told apart" in found.words
    assert found.scores[:, 0].tolist() == DEMSAR[:, 3].tolist()


@pytest.mark.parametrize(("k", "quantile"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_values_are_demsars(k: int, quantile: float) -> None:
    """Table 5 of Demšar 2006."""
    assert critical_difference(k, 20) / math.sqrt(k * (k + 1) / 120) == pytest.approx(quantile, abs=1.1e-3)


def test_the_p_value_is_iman_and_davenports() -> None:
    """From scipy's chi-squared, ties corrected for; permutations say the same here, to their last digit but two."""
    chi_squared = scipy_stats.friedmanchisquare(*DEMSAR.T).statistic
    statistic = 13 * chi_squared / (14 * 3 - chi_squared)

    expected = scipy_stats.f.sf(statistic, 3, 39)
    found = rank_methods(DEMSAR, NAMES, SETS, direction="maximize")
    assert expected * (1 - 1e-9) <= found.p_value <= expected + 0.01


def test_of_many_data_sets_the_p_value_is_iman_and_davenports_alone() -> None:
    """To the last digit."""
    scores = np.random.default_rng(0).normal(size=(800, 3)) + np.array([0, 0.1, 0])
    chi_squared = scipy_stats.friedmanchisquare(*scores.T).statistic

    statistic = 799 * chi_squared / (800 * 2 - chi_squared)
    assert _ranked(scores).p_value == pytest.approx(scipy_stats.f.sf(statistic, 2, 2 * 799), rel=1e-9)


def test_the_p_value_of_few_data_sets_is_exact() -> None:
    """For each outcome of three methods over four data sets: the share of outcomes as far apart, to 2 %."""
    rows = np.array(list(permutations((1.0, 2.0, 3.0))))
    outcomes = rows[np.array(list(product(range(6), repeat=3)))]
    first = np.broadcast_to(rows[0], (len(outcomes), 1, 3))
    tables = np.concatenate([first, outcomes], axis=1)
    apart = ((tables.sum(axis=1) - 8) ** 2).sum(axis=1)

    for place in range(0, 216, 9):
        assert friedman_p(tables[place]) >= np.mean(apart >= apart[place]) - 0.02


def test_methods_a_critical_difference_apart_are_in_no_common_clique() -> None:
    """Neighbours closer than that are; each clique is as large as can be."""
    rng = np.random.default_rng(0)
    found = _ranked(rng.normal(size=(30, 6)) + np.array([0, 0.1, 1, 1.3, 3, 3.1]))
    rank = dict(zip(found.methods, found.mean_ranks.tolist(), strict=True))

    cliques = [set(clique) for clique in found.cliques]
    for a, b in combinations(rank, 2):
        together = any({a, b} <= clique for clique in cliques)
        assert together == (abs(rank[a] - rank[b]) < found.critical_difference)
    assert not any(one < other for one in cliques for other in cliques)


def test_two_methods_are_compared_by_wilcoxons_test() -> None:
    """Scipy's exact p-value; no critical difference."""
    scores = np.random.default_rng(1).normal(size=(12, 2)) + np.array([0, 1.2])
    found = _ranked(scores)

    assert found.p_value == pytest.approx(scipy_stats.wilcoxon(*scores.T, method="exact").pvalue)
    assert found.methods == ("m1", "m0")
    assert math.isnan(found.critical_difference)
    assert found.cliques == ()


def test_a_data_set_with_a_missing_cell_is_left_out_and_said() -> None:
    """The rest is ranked as if it weren't there."""
    scores = DEMSAR.copy()
    scores[2, 1] = math.nan
    found = rank_methods(scores, NAMES, SETS, direction="maximize")
    rest = rank_methods(np.delete(scores, 2, axis=0), NAMES, SETS[:2] + SETS[3:], direction="maximize")

    assert found.left_out == ("set 2",)
    assert "1 data set, 'set 2'" in found.words
    assert found.mean_ranks.tolist() == rest.mean_ranks.tolist()
    assert found.p_value == rest.p_value


def test_less_can_be_better() -> None:
    """The ranks turn round."""
    more, less = _ranked(DEMSAR), _ranked(DEMSAR, "minimize")

    assert less.mean_ranks == pytest.approx(5 - more.mean_ranks[::-1])


def test_infinite_scores_rank_last_or_first() -> None:
    """A run that diverged loses."""
    losses = np.array([[1.0, math.inf, 2.0], [1.0, math.inf, math.inf], [3.0, 2.0, 1.0]])

    assert _ranked(losses, "minimize").mean_ranks == pytest.approx([5 / 3, 5.5 / 3, 2.5])


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (1, 3), (3, 1), (3, 0), (2, 2), (4, 3)])
def test_little_or_alike_data_have_defined_answers(shape: tuple[int, int]) -> None:
    """In words; all scores alike tie."""
    found = _ranked(np.ones(shape))

    n, k = shape
    assert found.words
    assert math.isnan(found.p_value) == (n < 2 or k < 2)
    assert math.isnan(found.p_value) or found.p_value == 1
    assert found.cliques == ((found.methods,) if k > 1 and n else ())
    assert np.isnan(found.mean_ranks).all() == (n == 0 or k == 0)
    assert found.to_frame().height == k


def test_agreement_of_few_data_sets_is_not_certainty() -> None:
    """Two data sets that agree on three methods: chance does that once in six times."""
    found = _ranked(np.array([[1.0, 2, 3], [1, 2, 3]]))

    assert found.p_value == pytest.approx(1 / 6, abs=0.02)


def test_scores_of_another_shape_are_refused() -> None:
    """Saying which shape there is and which there should be."""
    with pytest.raises(ValueError, match=r"shape \(14, 4\); for 14 data sets and 3 methods it is \(14, 3\)"):
        rank_methods(DEMSAR, NAMES[:3], SETS, direction="maximize")
