"""Verdicts say what the runs show and no more: their numbers agree, and nothing odd in the values makes them fail."""

import doctest
import math
from collections.abc import Callable

import numpy as np
import pytest

from ingest.errors import LookupFailed
from readers import verdict
from readers.best import Direction
from readers.stats import Floats
from readers.verdict import Verdicts, compare_groups, holm

NAN, INF = math.nan, math.inf


def _compare(groups: dict[str, Floats], direction: Direction = "maximize", **options: object) -> Verdicts:
    return compare_groups(groups, metric="score", by="optimizer", direction=direction, **options)  # type: ignore[arg-type]


def test_a_clear_difference_is_a_verdict_in_words() -> None:
    """Who is better, by how much, how sure, by which test."""
    rng = np.random.default_rng(0)
    found = _compare({"sgd": rng.normal(0.8, 0.02, 10), "adam": rng.normal(0.9, 0.02, 10)})
    pair = found.pairs[0]

    assert (pair.a, pair.b, pair.conclusion) == ("adam", "sgd", "a better")
    assert pair.estimate == pytest.approx(found.groups[0].mean - found.groups[1].mean)
    assert pair.interval.lower > 0
    assert pair.probability_better > 0.95
    assert str(found) == found.words == pair.words
    assert found.words.startswith("'adam' is better than 'sgd' on 'score' (higher is better): ")
    assert "95 % interval" in found.words
    assert "p < 0.001" in found.words


def test_less_can_be_better() -> None:
    """The better group comes first; sizes keep the sign of the values, probabilities don't."""
    rng = np.random.default_rng(1)
    groups = {"sgd": rng.normal(0.8, 0.02, 10), "adam": rng.normal(0.9, 0.02, 10)}
    pair = _compare(groups, "minimize").pairs[0]

    assert (pair.a, pair.conclusion) == ("sgd", "a better")
    assert pair.estimate < 0
    assert pair.hedges_g < 0
    assert pair.cliffs_delta < 0
    assert pair.probability_better > 0.95
    assert "(lower is better)" in pair.words


def test_where_nothing_is_shown_it_says_what_could_be() -> None:
    """The difference these runs would have shown, and the runs this one would take."""
    rng = np.random.default_rng(2)
    found = _compare({"a": rng.normal(0, 1, 6), "b": rng.normal(0.1, 1, 8)})
    pair = found.pairs[0]

    assert pair.conclusion == "no difference shown"
    assert pair.detectable_difference > abs(pair.estimate)
    assert pair.runs_needed is not None
    assert pair.runs_needed > 8
    assert "is found in 80 % of experiments" in pair.words
    assert f"about {pair.runs_needed:,} runs a group" in pair.words


def test_three_runs_are_too_few() -> None:
    """The estimate is given, no test, no interval; and how many more it takes."""
    found = _compare({"a": np.array([0.9, 0.91, 0.95]), "b": np.array([0.8, 0.86, 0.83, 0.87, 0.8])})
    pair = found.pairs[0]

    assert pair.conclusion == "too few runs"
    assert pair.estimate == pytest.approx(0.088)
    assert math.isnan(pair.p_value)
    assert math.isnan(pair.interval.lower)
    assert (pair.runs_needed, found.comparisons) == (4, 0)
    assert pair.words.startswith("Too few runs to tell 'a' from 'b'")
    assert "1 more of 'a' and 0 more of 'b'" in pair.words


def test_families_are_corrected_for_and_say_so() -> None:
    """All pairs, or all against a baseline; Holm's p-values, never below the plain ones."""
    rng = np.random.default_rng(3)
    groups = {name: rng.normal(mean, 1, 9) for name, mean in zip("abcd", (0, 0.2, 2, 4), strict=True)}
    everything, against = _compare(groups), _compare(groups, baseline="a")

    assert [group.name for group in everything.groups] == ["d", "c", "b", "a"]
    assert (everything.comparisons, len(everything.pairs)) == (6, 6)
    assert all(pair.p_adjusted >= pair.p_value for pair in everything.pairs)
    assert [pair.p_adjusted for pair in everything.pairs] == holm([pair.p_value for pair in everything.pairs])
    assert [(pair.a, pair.b) for pair in against.pairs] == [("d", "a"), ("c", "a"), ("b", "a")]
    assert "Of 6 comparisons, at 5 % for all together (Holm)" in everything.words
    assert "Of 3 comparisons with 'a'" in against.words
    assert "6 comparisons" in everything.pairs[0].words


def test_holms_p_values_are_those_of_r() -> None:
    """p.adjust(c(0.01, 0.04, 0.03, 0.005)) in R; and the example of the docstring."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert doctest.testmod(verdict).failed == 0


def test_runs_of_one_key_are_compared_with_each_other() -> None:
    """Seeds that matter more than the method no longer hide it; unmatched runs are left out and counted."""
    rng = np.random.default_rng(4)
    seeds = rng.normal(0, 1, 12)
    a, b = seeds[:10] + rng.normal(0.2, 0.05, 10), seeds[2:][::-1] + rng.normal(0, 0.05, 10)
    keys = {"a": list(range(10)), "b": list(range(2, 12))[::-1]}

    alone, paired = _compare({"a": a, "b": b}).pairs[0], _compare({"a": a, "b": b}, keys=keys).pairs[0]
    assert alone.conclusion == "no difference shown"
    assert (paired.conclusion, paired.paired) == ("a better" if paired.a == "a" else "b better", True)
    assert (paired.n_a, paired.n_b, paired.left_out) == (8, 8, 4)
    assert abs(paired.estimate) == pytest.approx(np.mean(a[2:] - b[::-1][:8]))
    assert "8 pairs, 4 runs without a partner left out" in paired.words


def test_keys_that_hardly_overlap_are_not_used() -> None:
    """The groups are compared as they are, and the reason is given; None and NaN are no keys."""
    rng = np.random.default_rng(5)
    groups = {"a": rng.normal(size=6), "b": rng.normal(size=6)}
    pair = _compare(groups, keys={"a": [1, 2, 3, None, NAN, 4], "b": [3, None, NAN, 7, 8, 9]}).pairs[0]

    assert (pair.paired, pair.n_a, pair.left_out) == (False, 6, 0)
    assert "share one key, too few to pair runs by" in pair.why


def test_a_gain_that_differs_by_rounding_only_has_no_spread() -> None:
    """0.9 - 0.8 isn't 0.7 - 0.6 in binary; four such pairs are no proof."""
    values = np.array([0.9, 0.7, 0.4, 0.3])
    pair = _compare({"a": values, "b": values - 0.1}, keys=dict.fromkeys("ab", range(4))).pairs[0]

    assert (pair.test, pair.p_value, pair.conclusion) == ("changes of signs", 0.125, "no difference shown")
    assert _compare({"a": values, "b": values / 3 * 3}, keys=dict.fromkeys("ab", range(4))).pairs[0].estimate == 0


def test_several_runs_of_a_key_count_once() -> None:
    """By their mean."""
    values = np.array([1.0, 2, 3, 4, 5, 7])
    pair = _compare({"a": values, "b": values[:5] * 2}, keys={"a": [1, 2, 3, 4, 5, 5], "b": [1, 2, 3, 4, 5]}).pairs[0]

    assert (pair.n_a, pair.left_out) == (5, 0)
    assert abs(pair.estimate) == pytest.approx((10 - 6 + 4 + 3 + 2 + 1) / 5)
    assert pair.words.endswith("On pairing: of several runs of one key the mean was taken.")


def test_values_that_are_no_numbers_are_left_out_and_said() -> None:
    """With their keys."""
    a, b = np.array([1, NAN, 2, 3, INF, 2.5, 4]), np.array([5.0, 4, 6, 5, 7, 8, 9])
    found = _compare({"a": a, "b": b}, keys={"a": list("uvwxyzt"), "b": list("uvwxyzt")})

    assert found.pairs[0].n_a == 5
    assert {group.name: group.missing for group in found.groups} == {"a": 2, "b": 0}
    assert "Left out: 2 runs of 'a' without a finite value" in found.words


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({}, "No run has a finite value of 'score'"),
        ({"a": [], "b": []}, "No run has a finite value of 'score'"),
        ({"a": [1, 2]}, "There is one group only, 'a'"),
        ({"a": [1.0] * 5, "b": []}, "no run of 'b' has a finite value"),
        ({"a": [1.0] * 5, "b": [INF, NAN]}, "no run of 'b' has a finite value"),
        ({"a": [1.0], "b": [2.0]}, "Too few runs"),
        ({"a": [1.0] * 5, "b": [1.0] * 4}, "every run of both groups gave the same value"),
        ({"a": [1.0] * 5, "b": [2.0] * 5}, "repeats of one computation prove nothing"),
        ({"a": [1.0] * 5, "b": [2.0, 3, 2, 4]}, "'b' is better than 'a'"),
        ({"a": [1e300, 2e300, 3e300, 4e300], "b": [-1e300, -2e300, -3e300, -4e300]}, "'a' is better than 'b'"),
        ({"a": [1.7e308, 1.6e308, 1.5e308, 1.4e308], "b": [-1.7e308] * 4}, "'a' is better than 'b'"),
        ({"a": [1e-310, 2e-310, 3e-310, 4e-310], "b": [9e-310, 8e-310, 7e-310, 8e-310]}, "'b' is better than 'a'"),
        ({"a": [1, 2, 3, 1e300], "b": [4, 5, 6, 7]}, "No difference"),
        ({"a": [1.0] * 3, "b": [], "c": [2.0] * 4, "d": [3, 4, 3, 5, 4.5]}, "have too few"),
    ],
)
def test_odd_groups_get_an_answer_in_words(groups: dict[str, list[float]], words: str) -> None:
    """And a table; nothing raises or warns."""
    found = _compare({name: np.array(values, dtype=float) for name, values in groups.items()})

    assert words in found.words
    assert found.to_frame().height == len(found.pairs)
    for pair in found.pairs:
        assert pair.words
        assert pair.p_adjusted >= 0 or pair.conclusion == "too few runs"


def test_the_table_has_one_row_a_pair() -> None:
    """With bounds as columns."""
    frame = _compare({name: np.arange(5.0) + len(name) for name in ("a", "bb", "ccc")}).to_frame()

    assert frame.height == 3
    assert {"a", "b", "estimate", "ci_lower", "ci_upper", "p_adjusted", "conclusion", "words"} <= set(frame.columns)


def test_a_name_that_is_no_group_is_refused() -> None:
    """With the names there are; so are keys that don't match the values, and a level that is none."""
    groups = {"adam": np.arange(5.0), "sgd": np.arange(5.0)}

    with pytest.raises(LookupFailed, match="no group 'adm'; did you mean 'adam'"):
        _compare(groups, baseline="adm")
    with pytest.raises(ValueError, match="group 'sgd' has 5 values and 2 keys"):
        _compare(groups, keys={"adam": [1, 2, 3, 4, 5], "sgd": [1, 2]})
    with pytest.raises(ValueError, match="between 0 and 1"):
        _compare(groups, level=95)


Draw = Callable[[np.random.Generator, int], Floats]


def _normal(rng: np.random.Generator, n: int) -> Floats:
    return rng.normal(size=n)


def _exponential(rng: np.random.Generator, n: int) -> Floats:
    return rng.exponential(size=n)


def _lognormal(rng: np.random.Generator, n: int) -> Floats:
    return rng.lognormal(size=n)


def _false_alarms(draw: Draw, runs: list[int], spreads: list[float], many: int) -> float:
    """Share of families of groups of equal means in which any pair is called better."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(many):
        groups = {
            str(place): spread * draw(rng, n) for place, (n, spread) in enumerate(zip(runs, spreads, strict=True))
        }
        alarms += any(pair.conclusion.endswith("better") for pair in _compare(groups).pairs)
    return alarms / many


@pytest.mark.parametrize(
    ("draw", "n_first", "n_second", "spread"),
    [
        (_normal, 5, 5, 1),
        (_normal, 5, 6, 2),
        (_normal, 10, 5, 4),
        (_normal, 8, 8, 4),
        (_exponential, 5, 30, 1),
        (_lognormal, 9, 14, 1),
    ],
)
def test_two_groups_differ_by_chance_in_at_most_6_percent(
    draw: Draw, n_first: int, n_second: int, spread: float
) -> None:
    """Normal values of equal and unequal spread, skewed ones of equal spread (of unequal spread nothing holds it)."""
    assert _false_alarms(draw, [n_first, n_second], [spread, 1], 1_200) <= 0.06


@pytest.mark.parametrize(
    ("draw", "runs", "spreads"),
    [
        (_normal, [5, 5, 5, 5], [1, 1, 1, 1]),
        (_normal, [5, 8, 10, 12], [4, 1, 2, 1]),
        (_exponential, [8, 8, 10, 12], [1, 1, 1, 1]),
    ],
)
def test_families_have_a_false_alarm_in_at_most_6_percent(draw: Draw, runs: list[int], spreads: list[float]) -> None:
    """Any of the six comparisons of four groups counts."""
    assert _false_alarms(draw, runs, spreads, 300) <= 0.06


def test_pairs_differ_by_chance_in_at_most_6_percent() -> None:
    """Eight seeds, of much more weight than the rest, whose spreads differ."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(1_500):
        seeds = 10 * rng.exponential(size=8)
        groups = {"a": seeds + rng.normal(size=8), "b": seeds + rng.normal(0, 3, size=8)}
        found = _compare(groups, keys=dict.fromkeys("ab", range(8)))
        alarms += found.pairs[0].conclusion.endswith("better")

    assert alarms / 1_500 <= 0.06


def test_the_interval_of_the_difference_holds_it() -> None:
    """At least 93 % of 95 % intervals do, unequal spreads and numbers included."""
    rng, held = np.random.default_rng(1), 0
    for _ in range(1_000):
        pair = _compare({"a": rng.normal(2, 1, 6), "b": rng.normal(0, 3, 9)}).pairs[0]
        sign = 1 if pair.a == "a" else -1
        held += pair.interval.lower <= 2 * sign <= pair.interval.upper

    assert held / 1_000 >= 0.93
