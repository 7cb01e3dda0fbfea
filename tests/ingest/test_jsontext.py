"""What params, tags, facts and JSON artifacts hold: any value, once, as text that stays readable."""

import datetime as dt
import decimal
import enum
import fractions
import json
import math
import subprocess
import sys
import uuid
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.jsontext import from_json, to_json
from ingest.values import MAX_DEPTH, MAX_REPR, flatten, plain


class Optimizer(enum.Enum):
    """Members whose value says nothing, and one whose value does."""

    ADAM = 1
    SGD = "sgd"


class Level(enum.IntEnum):
    """An enum that is a number."""

    HIGH = 3


class Bits(enum.Flag):
    """An enum whose members combine."""

    A = 1
    B = 2


@dataclass
class Config:
    """Settings as users write them."""

    lr: float
    path: Path


class Options(msgspec.Struct):
    """The same as a Struct."""

    depth: int


Pair = namedtuple("Pair", ["left", "right"])  # noqa: PYI024 - the untyped kind is the one users have


class Plain:
    """An object about which nothing is known."""


class Worded:
    """An object whose repr leaves out its type."""

    def __repr__(self) -> str:
        return "seventeen"


class HostileRepr:
    """An object that can't be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


class HostileMapping(dict[str, int]):
    """A dict that can't be read."""

    def items(self) -> Any:
        """Fail."""
        raise KeyError("no items today")


class HostileClass:
    """An object that can't even be asked what it is."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class today")


def train(x: int) -> int:
    """Stand for a function given as a param."""
    return x


same = [
    None, True, False, 0, -1, 2**53 + 1, 2**64, -(10**400), 10**5000, 0.1, -0.0, 5e-324, 1.797e308, math.inf, -math.inf,
    "", "é", "e\u0301", "\ud800 alone", "\x00", "\u202e", "x" * 10_000_000, b"", b"\x00\xff", [], {}, [[], {}, [None]],
    {"a": {"b": [1, 2.5, "c"]}}, {"": 1, " ": 2, "a.b/c": 3, "\udfff": 4}, {"__float__": "nan"}, {"__bytes__": "!"},
    {"\\__float__": "nan"}, {"__int__": "zz"}, {"__float__": {"__float__": "inf"}}, {"__float__": "nan", "b": 1},
]  # fmt: skip


@pytest.mark.parametrize("value", same, ids=lambda value: type(value).__name__)
def test_plain_data_is_read_back_exactly(value: object) -> None:
    """Type, sign and every bit of plain data survive the text, and the text is valid JSON in UTF-8."""
    text = to_json(value)

    back = from_json(text.encode())
    assert back == value
    assert type(back) is type(value)
    assert not isinstance(value, float) or math.copysign(1, value) == math.copysign(1, back)  # type: ignore[arg-type]
    assert "NaN" not in text
    assert "Infinity" not in text


became: list[tuple[Any, object]] = [
    (np.float64(0.5), 0.5), (np.float16(0.5), 0.5), (np.longdouble(0.5), 0.5), (np.int64(7), 7), (np.bool_(1), True),
    (np.uint64(2**64 - 1), 2**64 - 1), (np.str_("é"), "é"), (np.bytes_(b"b"), b"b"), (np.array(3), 3),
    (np.array([[1.5, 2], [3, 4]]), [[1.5, 2.0], [3.0, 4.0]]), (np.array(["a", None], dtype=object), ["a", None]),
    (np.ma.masked, None), (np.ma.array([1, 2], mask=[False, True]), [1, None]), (np.complex64(1j), "1j"),
    (np.datetime64("2024-01-02"), "2024-01-02"), (np.datetime64("NaT", "s"), None), (np.timedelta64(1500, "ms"), 1.5),
    (np.timedelta64("NaT", "s"), None), (np.timedelta64(2, "Y"), "2 years"),
    (np.array(["2024-01-02T03", "NaT"], dtype="M8[ns]"), ["2024-01-02T03:00:00.000000000", None]),
    (np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), [[1, 2.5]]), (np.float32, "numpy.float32"),
    (dict(zip(*np.unique(["a", "b", "a"], return_counts=True), strict=True)), {"a": 2, "b": 1}),
    (dict(zip(*np.unique([0, 1, 1], return_counts=True), strict=True)), {"0": 1, "1": 2}),
    (dict(zip(*np.unique([True, False], return_counts=True), strict=True)), {"False": 1, "True": 1}),
    (pd.Series([1, 2]), [1, 2]), (pd.DataFrame({"a": [1, 2]}), {"a": [1, 2]}), (pd.NA, None), (pd.NaT, None),
    (pd.Timestamp("2024-01-02T03:04"), "2024-01-02T03:04:00"), (pd.Timedelta("2s"), 2.0), (pd.Index(["a"]), ["a"]),
    (pl.Series([1, None]), [1, None]), (pl.DataFrame({"a": [1.5]}), {"a": [1.5]}), (pa.scalar(4), 4),
    (pa.table({"a": [1]}), {"a": [1]}), (pa.array([1, None]), [1, None]),
    (decimal.Decimal("0.1"), 0.1), (decimal.Decimal("0.1000000000000000055511151231257827"),
                                    "0.1000000000000000055511151231257827"), (decimal.Decimal("1e400"), "1E+400"),
    (decimal.Decimal("-Infinity"), -math.inf), (fractions.Fraction(1, 3), "1/3"), (1 + 2j, "(1+2j)"),
    (dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC), "2024-01-02T03:00:00+00:00"), (dt.date(2024, 1, 2), "2024-01-02"),
    (dt.time(3, 4), "03:04:00"), (dt.timedelta(minutes=1), 60.0), (uuid.UUID(int=1), str(uuid.UUID(int=1))),
    (PurePosixPath("a/b"), "a/b"), (Optimizer.ADAM, "ADAM"), (Optimizer.SGD, "sgd"), (Level.HIGH, 3),
    (Bits.A | Bits.B, "A|B"), (Bits(0), "Bits(0)"),
    ((1, 2), [1, 2]), ({3, 1, 2}, [1, 2, 3]), ({"b", 1, None, "a"}, [None, 1, "a", "b"]), (range(3), [0, 1, 2]),
    ({"b": 1, "a": 2}.keys(), ["b", "a"]), (OrderedDict(a=1), {"a": 1}), (bytearray(b"x"), b"x"),
    (Config(0.1, PurePosixPath("data")), {"lr": 0.1, "path": "data"}), (Pair(1, "b"), {"left": 1, "right": "b"}),  # type: ignore[arg-type]
    (Options(3), {"depth": 3}), ({1: "a", None: "b", 2.5: "c", (1, 2): "d", Optimizer.SGD: "e"},
                                 {"1": "a", "None": "b", "2.5": "c", "[1, 2]": "d", "sgd": "e"}),
    (json, "json"), (len, "len"), (dict, "dict"), (fractions.Fraction.from_float, "fractions.Fraction.from_float"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), became, ids=lambda value: type(value).__name__)
def test_everything_else_becomes_the_plain_data_that_says_the_same(value: object, expected: object) -> None:
    """Each type of the module's table turns into what the table says, and `plain` and the text agree."""
    back = from_json(to_json(value))

    assert back == expected
    assert type(back) is type(expected)
    assert plain(value) == expected


def test_nan_stays_nan_wherever_it_stands() -> None:
    """Python's, numpy's and Decimal's NaN come back as a NaN, in valid JSON."""
    text = to_json([math.nan, np.float32("nan"), decimal.Decimal("sNaN"), np.array([np.nan])])

    back: Any = from_json(text)
    assert all(map(math.isnan, [*back[:3], back[3][0]]))
    json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize("value", [lambda: 0, train, Plain, Config.__init__, Worded(), Plain(), HostileRepr()])
def test_no_memory_address_gets_into_a_description(value: object) -> None:
    """What is no data is described by its name, in words that are the same in every process."""
    text = from_json(to_json(value))

    assert isinstance(text, str)
    assert "0x" not in text
    assert __name__.rpartition(".")[2] in text


def test_a_description_says_what_the_object_is() -> None:
    """Functions give their qualified name, objects their type, and a failing repr says that it failed."""
    assert to_json(train).endswith('.train"')
    assert to_json(Plain()).endswith('.Plain object>"')
    assert to_json(Worded()).endswith('.Worded: seventeen>"')
    assert to_json(HostileRepr()).endswith('.HostileRepr: its repr failed with RuntimeError>"')


@pytest.mark.parametrize(
    "make",
    [lambda: HostileMapping(a=1), HostileClass, lambda: [HostileRepr()], lambda: {HostileRepr(): 1}, lambda: iter([1])],
)  # made in the test, as pytest itself asks a parameter for its class
def test_an_object_whose_own_code_fails_costs_only_its_own_place(make: Callable[[], object]) -> None:
    """Nothing that a user's object raises gets out, and its neighbours are kept."""
    back = from_json(to_json({"before": 1, "it": make(), "after": 2}))

    assert isinstance(back, dict)
    assert (back["before"], back["after"]) == (1, 2)
    assert back["it"]


def test_a_huge_repr_is_cut_and_says_so() -> None:
    """Text of users is kept whole; the repr of an unknown object is not."""

    class Huge:
        def __repr__(self) -> str:
            return "Huge" * MAX_REPR

    text = from_json(to_json(Huge()))

    assert isinstance(text, str)
    assert text.endswith(f"and {3 * MAX_REPR} characters more")


def cyclic_list() -> object:
    """A list in a dict in itself."""
    found: list[object] = [1]
    found.append({"deeper": found})
    return found


def cyclic_array() -> object:
    """An object array in itself."""
    found = np.empty(1, dtype=object)
    found[0] = found
    return found


def cyclic_dataclass() -> object:
    """A dataclass in its own field."""
    found = Config(0.1, Path())
    found.path = found  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("make", [cyclic_list, cyclic_array, cyclic_dataclass])
def test_a_value_that_contains_itself_is_refused(make: Callable[[], object]) -> None:
    """A cycle is a ValueError that names the value, never a RecursionError."""
    with pytest.raises(ValueError, match=r"param 'x'.* contains itself"):
        to_json(make(), where="param 'x'")


def test_the_same_object_twice_is_no_cycle() -> None:
    """Only a way round in a circle is refused, not a part that is shared."""
    part = [1]

    assert from_json(to_json([part, part])) == [[1], [1]]


def test_nesting_beyond_the_limit_is_refused() -> None:
    """A tower of lists, or an object that makes ever new children, ends in a ValueError."""
    tower: list[object] = []
    for _ in range(MAX_DEPTH - 1):
        tower = [tower]

    assert from_json(to_json(tower)) == tower
    with pytest.raises(ValueError, match="nested deeper than"):
        to_json([tower])


def test_a_stack_that_is_nearly_full_is_no_recursion_error() -> None:
    """Near the end of the caller's own stack the refusal is still a ValueError."""

    def dive(depth: int) -> None:
        try:
            dive(depth + 1)
        except RecursionError:
            tower: list[object] = []
            for _ in range(MAX_DEPTH - 1):
                tower = [tower]
            with pytest.raises(ValueError, match="nested too deep"):
                to_json(tower)

    dive(0)


def test_two_keys_of_one_text_are_refused() -> None:
    """Neither of two values may be lost without a word."""
    with pytest.raises(ValueError, match="two keys that are both '1'"):
        to_json({1: "a", "1": "b"})


@pytest.mark.parametrize("value", [Plain(), train, lambda: 0, HostileMapping(a=1), HostileRepr()])
def test_strict_names_the_place_of_what_is_no_data(value: object) -> None:
    """A JSON artifact never holds a repr in place of data: the refusal says where it is and what."""
    with pytest.raises(TypeError, match=r"report.json: the value at \['model'\]\[1\] is "):
        to_json({"model": [0, value]}, where="report.json", strict=True)


def test_foreign_json_is_data() -> None:
    """A poisoned text gives plain data or a ValueError, whatever it looks like."""
    assert from_json('{"__int__": 5}') == {"__int__": 5}
    assert from_json('{"__bytes__": "not base64!"}') == {"__bytes__": "not base64!"}
    with pytest.raises(ValueError, match="nested too deep"):
        from_json("[" * 100_000)
    with pytest.raises(ValueError, match="Expecting"):
        from_json("{")


def test_readable_text_stays_readable() -> None:
    """Only a lone surrogate costs the other characters their form."""
    assert to_json("é 漢") == '"é 漢"'
    assert to_json("é \ud800") == '"\\u00e9 \\ud800"'
    assert to_json({"a": 1}, indent=2) == '{\n  "a": 1\n}'


def test_nested_params_get_dotted_names() -> None:
    """Queries see leaves, lists and empty dicts whole, and a name that was written out wins."""
    nested = {"optimizer": {"lr": 0.1, "betas": [0.9, 0.99], "extra": {}}, "seed": 1}

    assert flatten(nested) == {"optimizer.lr": 0.1, "optimizer.betas": [0.9, 0.99], "optimizer.extra": {}, "seed": 1}
    assert flatten({"a.b": 1, "a": {"b": 2}}) == flatten({"a": {"b": 2}, "a.b": 1}) == {"a.b": 1}
    assert flatten(3) == {"": 3}


def test_numpy_is_not_imported_for_the_values_of_others() -> None:
    """Logging plain params costs no import of a library that the user doesn't use."""
    code = (
        "import sys; from ingest.jsontext import to_json; to_json({'a': [1, object()]}); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
names = st.text() | st.sampled_from(["__float__", "\\__float__", "__bytes__", "\\\\__int__"])


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=20))
def test_any_plain_data_is_read_back_exactly(value: object) -> None:
    """Whatever is built of plain data comes back equal, and `plain` leaves it as it is."""
    assert from_json(to_json(value)) == value == plain(value)
