"""A space's settings lie in it, whoever draws them, and are plain Python."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tables import cancer, diabetes
from tracker.training.portfolio import portfolio
from tracker.training.problem import Problem
from tracker.training.space import Choice, Integer, Real, Space

SPACES = [(f"{algorithm.name}-{problem.task}", algorithm.space(problem))
          for problem in (Problem.of(*cancer()), Problem.of(*diabetes()))
          for algorithm in portfolio(problem)]  # fmt: skip


@given(
    low=st.floats(1e-6, 1e3),
    factor=st.floats(1.0, 1e6),
    log=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_draws_lie_in_the_range(low: float, factor: float, log: bool, seed: int) -> None:
    """Also at the ends, and in a range of one value."""
    high = low * factor
    whole = Integer(math.ceil(low), math.ceil(high), math.ceil(low), log)
    real = Real(low, high, low, log)
    rng = np.random.default_rng(seed)

    assert real.sample(rng) in real
    assert whole.sample(rng) in whole


def test_a_log_scale_makes_each_order_of_magnitude_as_likely() -> None:
    """Half of the draws from 1 to 10,000 are below 100."""
    rng = np.random.default_rng(1)

    drawn = [Real(1.0, 1e4, 1.0, log=True).sample(rng) for _ in range(2000)]
    whole = [Integer(1, 3, 1, log=True).sample(rng) for _ in range(3000)]

    assert 0.45 < np.mean(np.array(drawn) < 100) < 0.55
    assert sorted(set(whole)) == [1, 2, 3]
    assert np.bincount(whole)[1] > np.bincount(whole)[2] > np.bincount(whole)[3] > 300


@pytest.mark.parametrize(("name", "space"), SPACES, ids=[name for name, _ in SPACES])
def test_an_algorithms_space_draws_and_begins_within_itself(name: str, space: Space) -> None:
    """Defaults are in range, draws too, both survive JSON, and one seed draws one setting."""
    rng = np.random.default_rng(3)

    for params in [space.default(), *(space.sample(rng) for _ in range(20))]:
        assert params in space
        assert json.loads(json.dumps(params)) == params
    assert space.sample(np.random.default_rng(7)) == space.sample(np.random.default_rng(7))


@pytest.mark.parametrize(("name", "space"), SPACES, ids=[name for name, _ in SPACES])
def test_optuna_suggests_within_the_space(name: str, space: Space) -> None:
    """And takes the default as a trial to begin with."""
    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(space.default())

    assert space.suggest(study.ask()) == space.default()
    assert space.suggest(study.ask()) in space


def test_a_size_counts_settings() -> None:
    """One without dimensions, as many as there are, or more than can be counted."""
    assert Space({}).size == 1
    assert Space({}).default() == {}
    assert Space({"a": Choice(("x", "y")), "b": Integer(3, 7, 5)}).size == 10
    assert Space({"a": Choice(("x",)), "c": Real(0.0, 1.0, 0.5)}).size == math.inf


def test_settings_with_other_names_values_or_types_are_not_in_it() -> None:
    """True is no 1, and 1 no choice of True."""
    space = Space({"a": Choice((None, True)), "b": Integer(0, 5, 1)})

    assert {"a": None, "b": 5} in space
    for other in (
        {"a": 1, "b": 1},
        {"a": True, "b": True},
        {"a": True, "b": 6},
        {"a": True},
        {"a": True, "b": 1, "c": 1},
    ):
        assert other not in space
    assert 5 not in space
