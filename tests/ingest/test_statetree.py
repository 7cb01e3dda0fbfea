"""Training states: taken apart and put together again they are equal, and what can't be kept is named."""

from collections import OrderedDict, defaultdict, namedtuple
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.statebuilder import rebuild
from ingest.statetree import Part, State


def round_trip(value: object) -> Any:
    """The value after a way through text and tensors."""
    state = State.of(value)
    return rebuild(state.text(), state.tensors, lambda index: state.parts[index].value)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text()) | st.booleans() | st.none()
STATES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def same(a: object, b: object) -> bool:
    """Equal, of equal types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return [*map(repr, a)] == [*map(repr, b)] and all(map(same, a.values(), b.values()))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)


@given(STATES)
def test_any_state_of_data_comes_back_the_same(state: object) -> None:
    """Types and orders included: -0.0, long ints, keys that are no text."""
    assert same(round_trip(state), state)


def test_floats_that_json_lacks_come_back() -> None:
    """NaN and the infinities, alone and in lists."""
    back = round_trip([float("nan"), float("inf"), float("-inf"), complex(float("nan"), 1)])

    assert repr(back) == "[nan, inf, -inf, (nan+1j)]"


@pytest.mark.parametrize(
    "array",
    [
        np.eye(3),
        np.array(2.5, np.float32),
        np.array(["a", "bc"]),
        np.array(["2026-01-01", "NaT"], "datetime64[ns]"),
        np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]),
        np.array([1 + 2j]),
        np.zeros((0, 3), np.int8),
        np.array([1.5], np.longdouble),
    ],
    ids=lambda array: str(array.dtype)[:20],
)
def test_arrays_of_any_plain_type_come_back(array: Any) -> None:
    """Those that tensor files lack too, and none of them needs trust."""
    state = State.of({"x": array})
    back = round_trip({"x": array})["x"]

    assert state.parts == []
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int64(-3), np.bool_(True), np.datetime64("2026-01-01")])  # noqa: FBT003
def test_numpy_scalars_keep_their_type(scalar: Any) -> None:
    """float32's 0.1 isn't float's."""
    back = round_trip({"x": scalar})["x"]

    assert (type(back), back) == (type(scalar), scalar)


Point = namedtuple("Point", "x y")  # noqa: PYI024 - as users have them


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (Point(1, 2), (1, 2)),
        ({1, 2}, {1, 2}),
        (frozenset({"a"}), {"a"}),
        (bytearray(b"ab"), b"ab"),
        (np.str_("a"), "a"),
        (Path("/a/b"), Path("/a/b")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_come_back_as_what_they_are_made_of(given: object, back: object) -> None:
    """Plain containers, as state dicts are."""
    assert same(round_trip([given]), [back])


class Colour(IntEnum):
    """A number that isn't only one."""

    RED = 1


class Custom:
    """Nothing that is known."""


@pytest.mark.parametrize(
    "thing",
    [Custom(), Colour.RED, len, np.array([None]), np.ma.masked_array([1], [True]), slice(1)],
    ids=["object", "enum", "function", "objects", "masked", "slice"],
)
def test_what_is_neither_data_nor_array_is_a_part_with_its_place(thing: object) -> None:
    """Who saves it decides how; it comes back where it stood."""
    state = State.of({"a": [0, thing]})

    assert state.parts == [Part("['a'][1]", thing)]
    assert rebuild(state.text(), state.tensors, lambda index: ("made", index))["a"][1] == ("made", 0)


def test_tensors_have_the_names_of_their_places() -> None:
    """So that another reader of the format knows them; equal ones are told apart."""
    state = State.of({"model": {"0.weight": np.zeros(1)}, "model.0": {"weight": np.ones(1)}, "opt": [np.zeros(2)]})

    assert list(state.tensors) == ["model.0.weight", "model.0.weight#2", "opt.0"]
    assert list(State.of(np.zeros(1)).tensors) == ["state"]


def test_a_state_that_contains_itself_or_is_too_deep_is_refused() -> None:
    """With the place, not with a RecursionError."""
    cyclic: dict[str, Any] = {"a": {}}
    cyclic["a"]["b"] = cyclic
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]

    with pytest.raises(ValueError, match=r"at \['a'\]\['b'\] contains itself"):
        State.of(cyclic)
    with pytest.raises(ValueError, match="nested deeper than 64 levels"):
        State.of(deep)


HOSTILE = [
    "",
    "nonsense",
    '["os.system", "true"]',
    '["array", "nothing"]',
    '["array"]',
    '["float", "1e999"]',
    '["int", null]',
    '["scalar", ["list", []]]',
    '["list", 3]',
    '["part", 99]',
    '["torch", ["array", "nothing"]]',
    '["dict", [[["list", []], 1]]]',
    "[" * 100_000,
    '["list", [' * 300 + "1" + "]]" * 300,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_tree_that_nobody_saved_is_a_value_error(text: str) -> None:
    """Whatever stands in it."""
    with pytest.raises((ValueError, IndexError)):
        rebuild(text, {}, [].__getitem__)
