"""The tie set: the corrected resampled t test, Holm over all pairs, and what can't be tested."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from readers.automl.resampledt import resampled_t_test, split_of
from readers.automl.tieset import MOST_TESTED, TieSet, tie_set
from tests.readers.automl.searching import row

A = [0.91, 0.93, 0.90, 0.94, 0.92]
B = [0.90, 0.91, 0.90, 0.92, 0.91]
C = [0.80, 0.84, 0.79, 0.85, 0.82]


def by_hand(first: list[float], second: list[float], ratio: float) -> tuple[float, float, float]:
    """(difference, half the 95 % interval, p) from the paper's formula 5 and scipy's distribution."""
    apart = np.array(first) - np.array(second)
    error = math.sqrt((1 / len(apart) + ratio) * apart.var(ddof=1))
    t = stats.t(len(apart) - 1)
    return float(apart.mean()), float(t.ppf(0.975) * error), float(2 * t.sf(abs(apart.mean()) / error))


@pytest.mark.parametrize("ratio", [1 / 4, 1 / 9, 3 / 7])
def test_the_test_is_nadeau_and_bengios(ratio: float) -> None:
    """Difference, interval and p are those of the paper's formula."""
    found = resampled_t_test(B, A, ratio)

    assert (found.difference, found.reach, found.p_value) == pytest.approx(by_hand(B, A, ratio), rel=1e-12)
    assert (found.folds, found.why) == (5, "")


def test_without_overlap_it_is_the_paired_t_test() -> None:
    """With nothing to correct for, scipy's paired test gives the same p."""
    assert resampled_t_test(A, B, 0.0).p_value == pytest.approx(stats.ttest_rel(A, B).pvalue, rel=1e-10)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=3, max_size=12),
    st.integers(-40, 40),
    st.randoms(use_true_random=False),
)
def test_neither_unit_nor_order_of_folds_matters(pairs: list[tuple[float, float]], power: int, order: Any) -> None:
    """Scores in thousandths, or folds shuffled together, give the same p; exchanged, the opposite difference."""
    shuffled = order.sample(pairs, len(pairs))
    first, second = zip(*pairs, strict=True)
    found = resampled_t_test(first, second, 0.25)
    scaled = resampled_t_test([2.0**power * x for x, _ in shuffled], [2.0**power * y for _, y in shuffled], 0.25)
    turned = resampled_t_test(second, first, 0.25)

    assert scaled.p_value == pytest.approx(found.p_value, rel=1e-6, nan_ok=True)
    assert turned.p_value == pytest.approx(found.p_value, nan_ok=True)
    assert turned.difference == pytest.approx(-found.difference)


def test_holms_correction_is_over_all_pairs() -> None:
    """Three algorithms make three tests, also the one that the best has no part in."""
    found = tie_set([row("a", A), row("b", B), row("c", C)], {"folds": 5})
    every = {"".join(pair): by_hand(*scores, 1 / 4)[2] for pair, scores in zip(
        combinations("abc", 2), combinations((A, B, C), 2), strict=True
    )}  # fmt: skip
    ordered = sorted(every, key=lambda pair: every[pair])
    adjusted = {pair: max(every[other] * (3 - place) for place, other in enumerate(ordered[: ordered.index(pair) + 1]))
                for pair in ordered}  # fmt: skip

    assert [one["p_adjusted"] for one in found["comparisons"]] == pytest.approx([adjusted["ab"], adjusted["ac"]])
    assert found["tests"] == 3
    assert found["algorithms"] == ["a", "b"]
    assert [one["told_apart"] for one in found["comparisons"]] == [False, True]
    assert found["words"] == "a can't be told from b; a is better than 1 other."


@pytest.mark.parametrize(
    ("told", "ratio", "words"),
    [
        ({"test_fraction": 0.2, "folds": 3}, 0.25, "with 0.2 of the rows tested on"),
        ({"folds": 5, "repeats": 4}, 0.25, "for 5-fold cross-validation"),
        ({}, 1 / 9, "for one 10-fold cross-validation, which is assumed"),
        ({"folds": "many", "test_fraction": 2}, 1 / 9, "which is assumed"),
    ],
)
def test_the_split_is_that_of_the_cross_validation(told: dict[str, Any], ratio: float, words: str) -> None:
    """Repeated or not, k-fold tests on a k-th; what is assumed is said."""
    found = split_of(told, 10)

    assert found.ratio == pytest.approx(ratio)
    assert words in found.words


def test_only_folds_that_both_have_are_paired() -> None:
    """A fold that failed in one of them is left out for this pair alone."""
    holed = [B[0], math.nan, *B[2:]]
    found = tie_set([row("a", A), row("b", holed, score=0.9), row("c", C)], {"folds": 5})["comparisons"]

    assert [one["folds"] for one in found] == [4, 5]
    expected = by_hand(B[:1] + B[2:], A[:1] + A[2:], 1 / 4)
    assert (found[0]["difference"], found[0]["p_value"]) == pytest.approx((expected[0], expected[2]))


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ([], "the two share no fold"),
        (B[:2], "a test needs 3 folds that both have"),
        ([score - 0.25 for score in [0.5, 0.75, 1.0, 0.5, 0.75]], "the same amount on every fold"),
    ],
)
def test_what_cannot_be_tested_is_neither_tied_nor_worse(other: list[float], why: str) -> None:
    """It's listed apart, with the reason."""
    best = row("a", [0.5, 0.75, 1.0, 0.5, 0.75])
    found = tie_set([best, row("b", other, score=0.4)], {"folds": 5})

    assert (found["algorithms"], found["untested"], found["tests"]) == (["a"], ["b"], 0)
    assert why in found["comparisons"][0]["why"]
    assert math.isnan(found["comparisons"][0]["p_adjusted"])
    assert found["words"] == "1 could not be tested."


def test_equal_scores_are_a_tie() -> None:
    """The same model twice: no difference, p is 1."""
    found = tie_set([row("a", A), row("b", A)], {"folds": 5})

    assert found["algorithms"] == ["a", "b"]
    assert (found["comparisons"][0]["difference"], found["comparisons"][0]["p_value"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("rows", "algorithms", "untested", "why"),
    [
        ([], [], [], "no algorithm has the score of a whole trial"),
        ([row("a", A)], ["a"], [], "only one algorithm has a score"),
        ([row("a", A), row("b", B, status="pruned")], ["a"], [], "only one algorithm has a score"),
        ([row("a", [], score=0.9), row("b", B)], [], ["a", "b"], "the best trial of a has no scores by fold"),
        ([row("a", [0.9]), row("b", [0.8])], [], ["a", "b"], "there is only one fold"),
    ],
)
def test_where_there_is_no_test_the_reason_is_given(
    rows: list[Any], algorithms: list[str], untested: list[str], why: str
) -> None:
    """Never a guess."""
    found: TieSet = tie_set(rows, {})

    assert (found["algorithms"], found["untested"], found["comparisons"]) == (algorithms, untested, [])
    assert found["method"].startswith(f"none: {why}")
    assert why in found["words"]


def test_very_many_algorithms_are_not_all_tested() -> None:
    """Those beyond the best MOST_TESTED are said to be untested."""
    rng = np.random.default_rng(0)
    rows = [row(f"a{place}", list(0.9 - place / 1000 + rng.normal(0, 0.01, 5))) for place in range(MOST_TESTED + 3)]
    found = tie_set(rows, {"folds": 5})

    assert found["untested"] == [f"a{place}" for place in range(MOST_TESTED, MOST_TESTED + 3)]
    assert found["tests"] == MOST_TESTED * (MOST_TESTED - 1) // 2


def test_false_alarms_keep_the_level() -> None:
    """Of 300 searches over five equal algorithms, few find any worse than the best; an ordinary t test finds most."""
    rng = np.random.default_rng(1)
    share = 1 / 5
    alarms = naive = 0
    for _ in range(300):
        common = rng.normal(size=(5, 1)) * math.sqrt(share)
        folds = common + rng.normal(size=(5, 5)) * math.sqrt(1 - share)
        rows = sorted((row(f"a{n}", list(of_it)) for n, of_it in enumerate(folds)), key=lambda one: -one["score"])
        alarms += len(tie_set(rows, {"folds": 5})["algorithms"]) < 5
        scores = [one["fold_scores"] for one in rows]
        naive += min(stats.ttest_rel(scores[0], other).pvalue for other in scores[1:]) < 0.05

    assert alarms <= 0.05 * 300
    assert naive > 0.3 * 300


def test_a_level_outside_its_range_is_refused() -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match="level is 95"):
        tie_set([], {}, level=95)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"folds": 10, "splitter": "ShuffleSplit"}, False),
        ({"folds": 10, "splitter": "RepeatedStratifiedKFold"}, False),
        ({"folds": 5, "repeats": 2, "splitter": "RepeatedStratifiedKFold"}, True),
        ({"folds": 10, "splitter": "ShuffleSplit", "test_fraction": 0.3}, True),
        ({"folds": 5, "splitter": "StratifiedGroupKFold"}, True),
    ],
)
def test_folds_of_another_splitter_tell_no_ratio(told: dict[str, Any], known: bool) -> None:
    """Ten random splits don't test on a tenth each: without the fraction no test is made, and that is said."""
    found = tie_set([row("a", A), row("b", B)], told)

    assert (found["tests"] == 1) == known
    if not known:
        assert f"how many rows {told['splitter']} tests on isn't told" in found["words"]
