"""Importance finds what is known to be there: functions whose shares, ranks or emptiness are known."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pytest

from readers.bins import binned
from readers.importance import Method, ParameterImportance, parameter_importance
from readers.paramspace import parameter_space
from readers.runtable import RunTable
from readers.treescores import forest_r2

METHODS: tuple[Method, ...] = get_args(Method)
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
SLOPES = np.array([4.0, 3.0, 2.0, 1.0, 0.0, 0.0, 0.0])
SHARES = SLOPES**2 / np.sum(SLOPES**2)
"""Of the variance of a sum of evenly spread params with these slopes."""


def ask(values: Matrix, metric: Floats, method: Method = "permutation", **options: Any) -> ParameterImportance:
    """The importance of params p0, p1, ... with these values."""
    options = {"direction": "minimize"} | options
    return parameter_importance(table_of(values), metric, "y", method=method, **options)


def table_of(params: Sequence[Mapping[str, Any]] | Matrix) -> RunTable:
    """Runs with these params; of a matrix, with p0, p1, ..., one row a run."""
    if isinstance(params, np.ndarray):
        params = [{f"p{column}": value for column, value in enumerate(row)} for row in params.tolist()]
    records = [{"run_id": str(place), "params": dict(each), "metrics": {}} for place, each in enumerate(params)]
    return RunTable.of_records(records)


def slopes(n: int, seed: int, noise: float = 0.3) -> tuple[Matrix, Floats]:
    """Runs whose metric is a sum, with noise."""
    random = np.random.default_rng(seed)
    values = random.uniform(size=(n, len(SLOPES)))
    return values, values @ SLOPES + noise * random.normal(size=n)


@pytest.mark.parametrize("method", ["permutation", "fanova", "mdi"])
def test_shares_of_a_sum_are_those_of_its_variance(method: Method) -> None:
    """Main effects of a sum are its params' variances: 16 : 9 : 4 : 1."""
    found = ask(*slopes(1500, 0), method)
    assert [found[f"p{place}"] for place in range(7)] == pytest.approx(SHARES, abs=0.05)


def test_correlations_of_a_sum_are_its_slopes() -> None:
    """The correlation of a part with a sum goes as its standard deviation: 4 : 3 : 2 : 1."""
    found = ask(*slopes(2000, 0), "spearman")
    assert [found[f"p{place}"] for place in range(7)] == pytest.approx(SLOPES / SLOPES.sum(), abs=0.04)


def test_fanova_finds_the_sobol_indices_of_ishigamis_function() -> None:
    """0.3139 : 0.4424 : 0 (Ishigami & Homma 1990): the third param acts only together with the first."""
    random = np.random.default_rng(0)
    values = random.uniform(-np.pi, np.pi, (2500, 3))
    a, b, c = values.T
    found = ask(values, np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a), "fanova")
    truth = np.array([0.3139, 0.4424, 0.0]) / 0.7563
    assert [found[name] for name in ("p0", "p1", "p2")] == pytest.approx(truth, abs=0.05)


def test_permutation_sees_a_param_that_acts_only_together_with_another() -> None:
    """Where fANOVA's main effects say 0."""
    random = np.random.default_rng(0)
    values = random.uniform(-1, 1, (1000, 3))
    metric = values[:, 0] * values[:, 1] + 0.2 * values[:, 0]
    assert ask(values, metric)["p1"] > 0.25
    assert ask(values, metric, "fanova")["p1"] < 0.1


@pytest.mark.parametrize("method", METHODS)
def test_params_that_do_nothing_rank_last(method: Method) -> None:
    """Behind all that do something."""
    found = ask(*slopes(600, 1), method)
    assert {name for name, rank in found.ranks.items() if rank > 4} == {"p4", "p5", "p6"}
    assert max(found[name] for name in ("p4", "p5", "p6")) < 0.03


def test_rank_intervals_cover_the_true_rank() -> None:
    """In 24 sets of 80 runs, nine times in ten and more; equal params may have any of their ranks."""
    covered = []
    for seed in range(24):
        intervals = ask(*slopes(80, seed)).rank_intervals
        for place in range(7):
            best, worst = intervals[f"p{place}"]
            covered.append(best <= min(place + 1, 5) <= worst if place < 4 else worst >= 5)
    assert np.mean(covered) >= 0.9


def test_rank_intervals_are_not_merely_wide() -> None:
    """Four hundred runs settle the ranks of the first three."""
    intervals = ask(*slopes(400, 0)).rank_intervals
    assert [intervals[name] for name in ("p0", "p1", "p2")] == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("method", METHODS)
def test_noise_has_intervals_from_nothing_and_open_ranks(method: Method) -> None:
    """Of 8 sets of 60 runs with 4 params, at least nine in ten intervals begin at 0 and overlap all others' ranks."""
    from_nothing, first, last = [], [], []
    for seed in range(8):
        random = np.random.default_rng(seed)
        found = ask(random.uniform(size=(60, 4)), random.normal(size=60), method)
        from_nothing += [low == 0.0 for low, _ in found.intervals.values()]
        first += [best == 1 for best, _ in found.rank_intervals.values()]
        last += [worst == 4 for _, worst in found.rank_intervals.values()]
    assert min(np.mean(from_nothing), np.mean(first), np.mean(last)) >= 0.9


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_many_levels_is_noise(method: Method) -> None:
    """The usual impurity importance prefers params of many values; ours doesn't."""
    shares = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        params = [{"two": place % 2, "many": f"v{random.integers(25)}"} for place in range(300)]
        metric = np.arange(300) % 2 + random.normal(size=300)
        found = parameter_importance(table_of(params), metric, "y", method=method, direction="minimize")
        shares.append(found["many"])

        assert found.intervals["many"][0] == 0.0
    assert np.mean(shares) < 0.15


def test_two_params_that_go_together_share() -> None:
    """A copy takes half of what its original has; the sum is as before."""
    values, metric = slopes(400, 0)
    values[:, 6] = values[:, 0]
    found = ask(values, metric)
    assert found["p0"] + found["p6"] == pytest.approx(SHARES[0], abs=0.12)
    assert 0.25 < found["p6"] / (found["p0"] + found["p6"]) < 0.75


def test_a_conditional_param_answers_for_its_values_alone() -> None:
    """What its presence does is the deciding param's."""
    random = np.random.default_rng(0)
    momentum, sgd = random.uniform(size=400), random.integers(2, size=400) == 1
    of_sgd = [{"opt": "sgd", "momentum": value} for value in momentum.tolist()]
    table = table_of([one if chosen else {"opt": "adam"} for one, chosen in zip(of_sgd, sgd, strict=True)])
    noise = 0.05 * random.normal(size=400)
    for method in METHODS:
        by_choice = parameter_importance(table, sgd + noise, "y", method=method, direction="maximize")
        assert by_choice["momentum"] < 0.2, method
        assert by_choice.intervals["momentum"][0] == 0.0, method
    by_value = parameter_importance(table, np.where(sgd, momentum, 0.5) + noise, "y", direction="maximize")
    assert by_value["momentum"] > 0.8


def test_presence_that_no_param_decides_is_the_params_own() -> None:
    """A flag logged by some runs alone tells by its presence."""
    random = np.random.default_rng(0)
    there = random.integers(2, size=200) == 1
    table = table_of([{"x": float(random.uniform())} | ({"extra": 1} if has else {}) for has in there])
    target = there + 0.1 * random.normal(size=200)
    for method in METHODS:
        found = parameter_importance(table, target, "y", method=method, direction="maximize")
        assert found["extra"] > 0.9, method


def test_pedanova_asks_what_the_best_have_in_common() -> None:
    """A param that only decides how bad the bad runs are is nothing to it, and everything to the variance."""
    random = np.random.default_rng(0)
    values = random.uniform(size=(500, 2))
    metric = np.where(values[:, 0] > 0.5, values[:, 1], 10 + 100 * values[:, 0])
    assert ask(values, metric, "fanova")["p0"] > 0.9
    assert ask(values, metric, "pedanova", direction="minimize")["p1"] > 0.5
    assert ask(values, metric, "pedanova", direction="maximize")["p0"] > 0.9


def test_r2_is_that_of_scikit_learns_forest() -> None:
    """Out of bag, within a few hundredths; about 0 and no more where there is nothing."""
    from sklearn.ensemble import RandomForestRegressor

    values, metric = slopes(300, 0)
    theirs = RandomForestRegressor(100, oob_score=True, random_state=0).fit(values, metric).oob_score_
    ours = forest_r2(binned(parameter_space(table_of(values)).parameters), metric, seed=0)
    assert ours == pytest.approx(theirs, abs=0.05)

    noise = np.random.default_rng(9).normal(size=300)
    assert forest_r2(binned(parameter_space(table_of(values)).parameters), noise, seed=0) < 0.1
