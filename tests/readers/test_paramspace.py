"""Params of runs as numbers: what kind each is, and the design matrix."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from readers.paramspace import MOST_LEVELS, Parameter, ParameterSpace, parameter_space
from readers.runtable import RunTable


def space_of(params: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> ParameterSpace:
    """The space of runs with these params."""
    records = [{"run_id": f"r{place}", "params": dict(each), "metrics": {}} for place, each in enumerate(params)]
    return parameter_space(RunTable.of_records(records), names)


def one(values: Sequence[Any]) -> Parameter:
    """What a param with these values in the runs is; ... stands for a run without it."""
    return space_of([{} if value is ... else {"p": value} for value in values], ["p"]).parameters[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "numeric"),
        ([1, 2.5, 2.5], "numeric"),
        (["0.1", "1e-3", "5"], "numeric"),
        ([0.1, ..., 0.3], "numeric"),
        ([*range(40), None, None], "numeric"),
        (["adam", "sgd", "adam"], "categorical"),
        ([True, False, True], "categorical"),
        ([[64, 64], [64], [64]], "categorical"),
        ([None, 5, 10], "categorical"),
        (["sqrt", 0.5, "log2"], "categorical"),
        ([..., "x", "x"], "categorical"),
        ([..., 3, 3], "categorical"),
        ([3, 3.0, 3], "constant"),
        (["a", "a"], "constant"),
        ([7], "constant"),
        ([float("nan"), float("nan")], "constant"),
        ([..., ...], "missing"),
        ([f"run-{place}" for place in range(30)], "unique"),
        ([[place] for place in range(30)], "unique"),
    ],
)
def test_a_param_is_of_a_kind(values: Sequence[Any], kind: str) -> None:
    """Numbers, levels, nothing that varies, nothing at all, or a name of the run."""
    assert one(values).kind == kind


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([1e-5, 1e-4, 1e-3, 1e-2], True),
        ([1e-5, 1e-1], True),
        ([1e-3, 1e-2], False),
        ([0.0, 1e-5, 1e-1], False),
        ([-1.0, 1e-5, 1e-1], False),
        (np.linspace(0.001, 1, 100).tolist(), False),
    ],
)
def test_numbers_over_decades_are_looked_at_by_their_logarithm(values: Sequence[float], log: bool) -> None:
    """If they lie evenly by it; evenly spread numbers that begin near 0 do not."""
    assert one(values).log is log


def test_levels_are_in_order_numbers_first() -> None:
    """So that a plot's axis reads well."""
    assert one([10, None, 9, "auto", 100]).levels == ("9", "10", "100", "auto", "null")
    assert one([True, False]).levels == ("false", "true")


def test_another_param_may_decide_over_one() -> None:
    """Where an optimizer's value tells which runs have a momentum, and only then."""
    runs: list[dict[str, Any]] = [
        {"opt": "sgd", "momentum": place / 9} if place % 2 else {"opt": "adam"} for place in range(12)
    ]
    assert space_of(runs).parameter("momentum").decided_by == "opt"
    assert space_of(runs).parameter("opt").decided_by is None

    runs[0]["momentum"] = 0.5

    assert space_of(runs).parameter("momentum").decided_by is None


def test_one_value_where_another_param_says_so_is_constant() -> None:
    """It has nothing of its own to vary by."""
    runs = [{"opt": "sgd", "nesterov": True} if place % 2 else {"opt": "adam"} for place in range(12)]
    assert space_of(runs).parameter("nesterov").kind == "constant"


def test_the_matrix_has_columns_for_each_param() -> None:
    """Numbers and a column for their absence; a column for each level; none for what doesn't vary."""
    runs: list[dict[str, Any]] = [{"c": 1, "n": 1.0, "t": "a"}, {"c": 1, "t": "b"}, {"c": 1, "n": 3.0}]
    space = space_of(runs)

    assert [parameter.columns for parameter in space.parameters] == [slice(0, 0), slice(0, 2), slice(2, 4)]
    assert space.matrix.tolist() == [[1, 0, 1, 0], [2, 1, 0, 1], [3, 0, 0, 0]]


def test_the_logarithm_is_in_the_matrix_and_in_scaled() -> None:
    """A linear look at a learning rate is one at its logarithm."""
    space = space_of([{"lr": value} for value in (1e-4, 1e-3, 1e-2, 1e-1)])
    assert space.matrix[:, 0] == pytest.approx([-4, -3, -2, -1])
    assert space.scaled("lr") == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_scaled_leaves_missing_ones_out() -> None:
    """NaN where there is nothing, the middle where nothing varies."""
    space = space_of([{"a": 1}, {"a": 3, "b": "x"}, {"b": "x"}])
    assert space.scaled("a") == pytest.approx([0, 1, np.nan], nan_ok=True)
    assert space.scaled("b") == pytest.approx([np.nan, 0.5, 0.5], nan_ok=True)


def test_many_levels_share_a_column() -> None:
    """The rare ones beyond the most frequent count together."""
    values = [f"v{place}" for place in range(60) for _ in range(2 + (place < 31))]
    space = space_of([{"p": value} for value in values])
    assert space.parameter("p").kind == "categorical"
    assert space.matrix.shape == (len(values), MOST_LEVELS + 1)
    assert space.matrix[:, -1].sum() == 2 * 29


def test_names_are_asked_once_and_in_order() -> None:
    """Twice the same name is once; nested params have dotted names."""
    space = space_of([{"a": 1, "o": {"lr": 1}}, {"a": 2, "o": {"lr": 2}}], ["o.lr", "a", "o.lr"])
    assert [parameter.name for parameter in space.parameters] == ["o.lr", "a"]


@pytest.mark.parametrize("runs", [[], [{}], [{}, {}]])
def test_no_params_are_an_empty_space(runs: list[dict[str, Any]]) -> None:
    """No runs, or runs without params."""
    assert space_of(runs).matrix.shape == (len(runs), 0)
    assert space_of(runs, ["p"]).parameters[0].kind == "missing"


def test_rows_choose_runs() -> None:
    """What varies is looked at among those alone."""
    records = [{"run_id": str(place), "params": {"a": place % 2}, "metrics": {}} for place in range(4)]
    table = RunTable.of_records(records)
    assert parameter_space(table).parameters[0].kind == "numeric"
    assert parameter_space(table, rows=np.array([True, False, True, False])).parameters[0].kind == "constant"
