"""Stability of feature selection: Nogueira, Sechidis and Brown's measure, against what is known of it."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.automl.featureselection import feature_selection
from readers.automl.stability import stability_of_sets, stability_of_shares

FEATURES = list("abcdefgh")


def kuncheva(one: set[str], other: set[str], features: int) -> float:
    """The consistency of two sets of one size (Kuncheva 2007)."""
    size = len(one)
    return (len(one & other) * features - size**2) / (size * (features - size))


@given(st.integers(1, 7).flatmap(lambda size: st.lists(
    st.lists(st.sampled_from(FEATURES), min_size=size, max_size=size, unique=True), min_size=2, max_size=8
)))  # fmt: skip
def test_for_sets_of_one_size_it_is_the_mean_of_kunchevas_index(sets: list[list[str]]) -> None:
    """The paper proves that its measure is that one where all selections are equally large."""
    found = stability_of_sets(sets, FEATURES)
    every = [kuncheva(set(one), set(other), len(FEATURES)) for one, other in combinations(sets, 2)]

    assert found["index"] == pytest.approx(np.mean(every))
    assert found["lower"] <= found["index"] + 1e-9
    assert found["upper"] <= 1.0


def test_the_same_choice_each_time_is_one() -> None:
    """Fully stable, and no doubt about it."""
    found = stability_of_sets([["a", "b"]] * 5, FEATURES)

    assert (found["index"], found["lower"], found["upper"], found["words"]) == (1.0, 1.0, 1.0, "excellent")
    assert found["why"] == "5 selections from the same 8 features"


def test_the_interval_covers_and_is_no_wider_than_it_must_be() -> None:
    """Of 300 sets of 40 selections, nearly 95 % have the true stability within; its width is that of their spread."""
    rng = np.random.default_rng(3)
    chances = np.array([0.95] * 15 + [0.5] * 5)
    share = chances.mean()
    true = 1 - (chances * (1 - chances)).mean() / (share * (1 - share))
    names = [f"f{place}" for place in range(20)]
    inside, found = 0, []
    for _ in range(300):
        picked = rng.random((40, 20)) < chances
        found.append(stability_of_sets([[names[place] for place in np.flatnonzero(one)] for one in picked], names))
        inside += found[-1]["lower"] <= true <= found[-1]["upper"]
    spread = np.std([one["index"] for one in found])
    errors = np.mean([(one["index"] - one["lower"]) / 1.96 for one in found])

    assert 0.9 * 300 <= inside <= 0.99 * 300
    assert errors == pytest.approx(spread, rel=0.1)


@given(st.lists(st.lists(st.sampled_from(FEATURES), unique=True, max_size=7), min_size=2, max_size=9))
def test_shares_of_resamples_give_the_same_index(sets: list[list[str]]) -> None:
    """What each selected isn't needed for the index, only for its interval."""
    whole = stability_of_sets(sets, FEATURES)
    shares = {name: sum(name in one for one in sets) / len(sets) for name in FEATURES}
    found = stability_of_shares(shares, len(sets))

    assert found["index"] == pytest.approx(whole["index"], nan_ok=True)
    assert math.isnan(found["lower"])


def test_how_many_resamples_there_were_is_read_from_their_shares() -> None:
    """Tenths are of ten at least; that makes the index no larger than it is."""
    shares = {"a": 0.9, "b": 0.4, "c": 0.0}
    found = stability_of_shares(shares)

    assert found["resamples"] == 10
    assert found["index"] == pytest.approx(stability_of_shares(shares, 10)["index"])
    assert found["index"] < stability_of_shares(shares, 100)["index"]


@pytest.mark.parametrize(
    ("sets", "why"),
    [
        ([["a"]], "one selection has nothing to be alike with"),
        ([[], []], "no feature was selected"),
        ([FEATURES, FEATURES], "every feature was selected"),
    ],
)
def test_what_has_no_stability_says_why(sets: list[list[str]], why: str) -> None:
    """NaN with a reason."""
    found = stability_of_sets(sets, FEATURES)

    assert math.isnan(found["index"])
    assert why in found["why"]


@pytest.mark.parametrize("shares", [{}, {"a": 1.5}, {"a": math.nan, "b": 0.5}, {"a": 1 / math.pi, "b": 1 / math.e}])
def test_shares_that_are_none_have_no_stability(shares: dict[str, float]) -> None:
    """Nor those that fit no number of resamples."""
    assert math.isnan(stability_of_shares(shares)["index"])


def test_iterations_on_the_same_features_are_repeated_selections() -> None:
    """Steps that start with what the one before left aren't: that would count the same choice as a new one."""
    again = [
        {"method": "l1", "before": FEATURES, "selected": list("abc")},
        {"method": "l1", "before": FEATURES, "selected": list("abd")},
    ]
    step_by_step = [again[0], {"method": "l1", "before": list("abc"), "selected": list("ab")}]

    assert feature_selection(again)["stability"]["resamples"] == 2
    assert math.isnan(feature_selection(step_by_step)["stability"]["index"])
    assert feature_selection(step_by_step)["iterations"][1]["dropped"] == ["c"]


def test_frequencies_count_features_that_they_do_not_name() -> None:
    """A feature without a share was never selected."""
    told = {"method": "l1", "before": FEATURES, "selected": ["a"], "frequencies": {"b": 0.5, "a": 1.0}}
    found = feature_selection([told])

    assert list(found["frequencies"]) == ["a", "b"]
    assert found["stability"]["index"] == pytest.approx(
        stability_of_shares({name: {"a": 1.0, "b": 0.5}.get(name, 0.0) for name in FEATURES}, 2)["index"]
    )


def test_the_chosen_models_features_count_and_not_the_last_iterations() -> None:
    """A search may go on to drop features and choose an earlier step, or none of them."""
    told = [
        {"method": "rfe", "before": FEATURES, "selected": list("abcd"), "frequencies": dict.fromkeys("abcd", 1.0)},
        {"method": "rfe", "before": list("abcd"), "selected": ["a"], "frequencies": {"a": 0.5, "b": 0.5}},
    ]
    first, last, neither = (feature_selection(told, used) for used in (list("dcba"), None, list("xy")))

    assert (first["iteration"], first["selected"], first["stability"]["index"]) == (1, 4, 1.0)
    assert (last["iteration"], last["after"], list(last["frequencies"])) == (2, ["a"], ["a", "b"])
    assert (neither["iteration"], neither["after"], neither["frequencies"]) == (0, ["x", "y"], {})
    assert "those of no iteration" in neither["stability"]["why"]
    assert feature_selection([], FEATURES)["after"] == []
