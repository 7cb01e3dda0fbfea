"""Optimal ranges: those of the best runs, whatever the params hold, with a p-value that means what it says."""

import math
from typing import Any

import numpy as np
import pytest

from readers.ranges import OptimalRange, optimal_ranges
from readers.runtable import RunTable

NAN = float("nan")


def ranges(
    values: list[float], percentile: float = 90, direction: Any = "maximize", **params: list[Any]
) -> dict[str, OptimalRange]:
    """The ranges of runs with these metric values and params; a param that is ... is missing."""
    rows = [
        {name: held[place] for name, held in params.items() if held[place] is not ...} for place in range(len(values))
    ]
    records = [
        {"run_id": f"r{place}", "params": row, "metrics": {"m": value}}
        for place, (row, value) in enumerate(zip(rows, values, strict=True))
    ]
    table = RunTable.of_records(records)
    return optimal_ranges(table, np.array(values), direction=direction, percentile=percentile)


def test_a_range_is_that_of_the_best_tenth() -> None:
    """Of 30 runs 3: their lowest, highest and median value, beside those of all runs."""
    found = ranges([float(n) for n in range(30)], x=list(range(100, 130)))["x"]

    assert (found["min"], found["max"], found["median"], found["n_top"], found["n"]) == (127, 129, 128, 3, 30)
    assert (found["overall_min"], found["overall_max"]) == (100, 129)
    assert (found["kind"], sorted(found["values"]), found["share"]) == ("numeric", [127, 128, 129], {})


def test_less_is_better_where_one_minimizes() -> None:
    """The best tenth are the runs with the lowest values then."""
    found = ranges([float(n) for n in range(30)], direction="minimize", x=list(range(100, 130)))["x"]

    assert (found["min"], found["max"]) == (100, 102)


@pytest.mark.parametrize(
    ("percentile", "n_top"), [(0, 21), (50, 11), (90, 3), (99, 1), (100, 1), (99.999, 1), (np.float64(90), 3)]
)
def test_percentile_says_how_many_runs_are_the_best(percentile: float, n_top: int) -> None:
    """A part of a run counts as one, and there is always one; 0 is all, 100 the best alone."""
    found = ranges([float(n) for n in range(21)], percentile, x=list(range(21)))["x"]

    assert (found["n_top"], found["max"]) == (n_top, 20)


@pytest.mark.parametrize("percentile", [150, -1, NAN, math.inf, True])
def test_any_other_percentile_is_refused(percentile: float) -> None:
    """The message says what it may be."""
    with pytest.raises(ValueError, match=r"percentile is .*; it lies in \[0, 100\]"):
        ranges([1.0, 2.0], percentile, x=[1, 2])


def test_runs_that_tie_are_all_in_or_all_out() -> None:
    """No answer depends on the order of the runs."""
    values = [1.0] * 5 + [0.5] * 15

    forward = ranges(values, x=list(range(20)))["x"]
    backward = ranges(values[::-1], x=list(range(20))[::-1])["x"]

    assert (forward["n_top"], forward["min"], forward["max"]) == (5, 0, 4)
    assert (backward["n_top"], backward["min"], backward["max"]) == (5, 0, 4)


@pytest.mark.parametrize(
    ("held", "values", "kind"),
    [
        ([True, True, True, False], [True, False], "categorical"),
        (["adam", "adam", "adam", "sgd"], ["adam", "sgd"], "categorical"),
        ([[64, 64], [64, 64], [64, 64], [32]], ["[64, 64]", "[32]"], "categorical"),
        ([None, None, None, 3], ["None", "3"], "categorical"),
        ([0.1, 0.1, 0.1, "auto"], ["0.1", "auto"], "categorical"),
        ([3, 3, 3, 2], [3, 2], "numeric"),
        ([3, 3, 3, 2.5], [3.0, 2.5], "numeric"),
    ],
)
def test_values_are_what_the_best_runs_hold(held: list[Any], values: list[Any], kind: str) -> None:
    """Most frequent first; what isn't a number in all runs has no lowest and no highest, and prints all the same."""
    found = ranges([1.0, 1.0, 1.0, 1.0, 0.0], x=[*held, held[-1]])["x"]

    assert [str(value) for value in found["values"]] == [
        str(value).replace(",", ", ").replace(",  ", ", ") for value in values
    ]
    assert found["kind"] == kind
    assert f"{found['min']:.2f}" == ("nan" if kind == "categorical" else f"{values[-1]:.2f}")
    if kind == "categorical":
        assert list(found["share"].values()) == [0.75, 0.25]
        assert list(found["share"]) == found["values"]


def test_missing_values_are_left_out_and_said() -> None:
    """A run without the param, with a NaN, or without the metric is in no range; the warnings count them."""
    found = ranges([5.0, 4.0, 3.0, 2.0, NAN], 50, x=[1.0, ..., NAN, 7.0, 99.0], y=[1, 1, 1, 1, 1])

    assert (found["x"]["min"], found["x"]["max"], found["x"]["n"], found["x"]["n_top"]) == (1, 1, 2, 1)
    assert "missing in 2 of 4 runs, which are left out" in found["x"]["warnings"]
    assert found["y"]["warnings"] == ["the same in all runs", "a range of 2 runs of 4 says little"]


@pytest.mark.parametrize("values", [[], [NAN, NAN], [math.inf]])
def test_no_run_with_a_finite_metric_is_no_error(values: list[float]) -> None:
    """Each param that is there has a range without numbers."""
    found = ranges(values, x=[1] * len(values))

    assert list(found) == (["x"] if values else [])
    for each in found.values():
        assert math.isnan(each["min"])
        assert (each["n"], each["values"]) == (0, [])


def test_a_param_nobody_has_is_no_error() -> None:
    """As for importance: the same list of names can be asked of both."""
    table = RunTable.of_records([{"run_id": "r", "params": {"x": 1}, "metrics": {"m": 1.0}}])
    found = optimal_ranges(table, np.array([1.0]), ["x", "y"], direction="maximize")

    assert list(found) == ["x", "y"]
    assert found["y"]["warnings"] == ["in no run that has the metric"]


def test_a_constant_metric_informs_about_nothing() -> None:
    """All runs are the best then, and there is nobody to differ from."""
    found = ranges([1.0] * 20, x=list(range(20)))["x"]

    assert (found["n_top"], found["informative"]) == (20, False)
    assert math.isnan(found["p_value"])


def test_a_param_that_matters_is_informative_and_others_are_not() -> None:
    """The metric is made of `x`, in the middle of its range, and of a level; nine other params are noise."""
    rng = np.random.default_rng(0)
    x, level = rng.random(120), rng.integers(0, 3, 120)
    noise: dict[str, list[Any]] = {f"n{place}": rng.random(120).tolist() for place in range(9)}
    values = -((x - 0.5) ** 2) + 0.05 * (level == 2)
    found = ranges(values.tolist(), 90, "maximize", x=x.tolist(), level=[f"l{each}" for each in level], **noise)

    assert {name for name, each in found.items() if each["informative"]} == {"x", "level"}
    assert found["x"]["p_value"] < 0.05
    assert found["level"]["values"] == ["l2"]


def test_noise_is_rarely_called_informative() -> None:
    """Of 60 studies of four params that do nothing, about 3 call any of them informative; 11 would be a mistake."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = ranges(
            rng.random(30).tolist(),
            80,
            a=rng.random(30).tolist(),
            b=rng.integers(0, 4, 30).tolist(),
            c=[str(each) for each in rng.integers(0, 3, 30)],
            d=(rng.random(30) < 0.3).tolist(),
        )
        wrong += any(each["informative"] for each in found.values())

    assert wrong <= 10


def test_the_p_value_of_a_yes_or_no_is_fishers() -> None:
    """8 of the best 10 but 12 of the other 50 have it: the permutation test is Fisher's exact one, near enough."""
    from scipy.stats import fisher_exact

    flags = [True] * 8 + [False] * 2 + [True] * 12 + [False] * 38
    values = [1.0] * 10 + [0.0] * 50
    found = ranges(values, 85, x=flags)["x"]

    assert found["n_top"] == 10
    assert found["p_value"] == pytest.approx(fisher_exact([[8, 2], [12, 38]]).pvalue, abs=0.002)


def test_the_statistic_is_kuipers() -> None:
    """With ties and without: the largest distances of the two distributions, above and below, counted by hand."""
    from readers.ranges import _kuiper

    rng = np.random.default_rng(1)
    for levels in (3, 8, 1_000):
        groups = np.unique(rng.integers(levels, size=40), return_inverse=True)[1]
        draws = np.stack([rng.permutation(40)[:7] for _ in range(5)])
        counted = []
        for draw in draws:
            rest = np.setdiff1d(np.arange(40), draw)
            at = np.arange(groups.max() + 1)
            apart = [(groups[draw] <= place).mean() - (groups[rest] <= place).mean() for place in at]
            counted.append(max(*apart, 0) - min(*apart, 0))

        assert _kuiper(groups, draws) == pytest.approx(counted)
