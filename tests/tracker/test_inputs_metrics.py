"""What a log call may be given: values, keys and steps, each accepted and read back exactly, or refused by name."""

import decimal
import enum
import fractions
import math
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
import pytest

from readers.store import Store
from tracker import ExperimentTracker


class _Half(float):
    """A float subclass."""


class _Hostile:
    def __float__(self) -> float:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


class _Colour(enum.Enum):
    RED = 1


class _Text(str):
    """A str subclass."""

    __slots__ = ()


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker with a run."""
    with ExperimentTracker(tmp_path / "store", "inputs", auto_log=False) as made:
        made.start_run("run")
        yield made


def rows(tracker: ExperimentTracker) -> list[tuple[str, int | None, float | None, float]]:
    """(key, step, step_float, value) in the order logged; by key within a call, whose points have no order."""
    tracker.flush()
    frame = (
        Store(tracker.layout.root).metrics().sort("seq", "key").select("key", "step", "step_float", "value").collect()
    )
    return list(frame.rows())


def same(left: float, right: float) -> bool:
    """Equal to the bit, NaN included."""
    return struct.pack("d", left) == struct.pack("d", right) or (math.isnan(left) and math.isnan(right))


ACCEPTED_VALUES: list[tuple[Any, float]] = [
    (math.nan, math.nan),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (-0.0, -0.0),
    (5e-324, 5e-324),
    (1.797e308, 1.797e308),
    (True, 1.0),
    (7, 7.0),
    (decimal.Decimal("0.1"), 0.1),
    (fractions.Fraction(1, 4), 0.25),
    (_Half(0.5), 0.5),
    (np.float16(0.5), 0.5),
    (np.float32(0.25), 0.25),
    (np.float64(0.1), 0.1),
    (np.longdouble(0.5), 0.5),
    (np.int64(-3), -3.0),
    (np.uint64(2**64 - 1), float(2**64 - 1)),
    (np.bool_(True), 1.0),  # noqa: FBT003 - the value under test
    (np.array(2.5), 2.5),
    (2**53 + 1, float(2**53)),
]


@pytest.mark.parametrize(("value", "expected"), ACCEPTED_VALUES, ids=lambda value: f"{type(value).__name__}:{value}")
def test_a_real_number_reads_back_exactly(tracker: ExperimentTracker, value: Any, expected: float) -> None:
    """Every kind of real number is kept as the float64 it is, by the first call of its shape and by later ones."""
    tracker.log_metrics({"x": value}, step=0)
    tracker.log_metrics({"x": value}, step=1)
    tracker.log_metrics({"probe": 1.0})

    found = rows(tracker)

    assert [key for key, *_ in found] == ["x", "x", "probe"]
    assert all(same(value, expected) for _, _, _, value in found[:2])


def test_a_masked_value_is_nan_never_zero(tracker: ExperimentTracker) -> None:
    """numpy.ma.masked has no value, so NaN is kept."""
    tracker.log_metrics({"x": 1.0})
    tracker.log_metrics({"x": np.ma.masked})

    assert math.isnan(rows(tracker)[1][3])


REFUSED_VALUES = [
    10**400,
    1j,
    "0.5",
    "good",
    None,
    b"1",
    [1.0],
    {1.0},
    datetime(2026, 1, 1, tzinfo=UTC),
    _Colour.RED,
    _Hostile(),
    np.zeros(2),
    np.zeros(1),
    np.zeros(0),
    np.datetime64("2026-01-01"),
    np.str_("0.5"),
    np.array([1.0, None], dtype=object),
    np.array("0.5", dtype=object),
    np.array("0.5"),
    np.complex128(1 + 2j),
    np.void(b"12345678"),
    np.array(None, dtype=object),
]


@pytest.mark.parametrize("value", REFUSED_VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("known", [False, True], ids=["first call", "known shape"])
def test_what_is_not_one_real_number_is_refused_by_name(tracker: ExperimentTracker, value: Any, known: bool) -> None:
    """The error names the metric, nothing of the call is kept, and the tracker goes on."""
    if known:
        tracker.log_metrics({"fine": 1.0, "the_metric": 1.0})

    with pytest.raises((TypeError, ValueError), match="the_metric"):
        tracker.log_metrics({"fine": 2.0, "the_metric": value})
    tracker.log_metrics({"probe": 1.0})

    assert [value for key, _, _, value in rows(tracker) if key == "fine"] == [1.0] * known
    assert rows(tracker)[-1][0] == "probe"


ACCEPTED_KEYS = [
    "epoch_0/train_loss",
    "../../x",
    "/abs",
    "a\\..\\b",
    "new\nline",
    "🎯",
    "é",
    "\u202eevil",
    "<script>alert(1)</script>",
    "CON",
    "=cmd|' /C calc'!A0",
    "__proto__",
    " ",
    "nul\0byte",
    "x" * 4096,
]


def test_odd_keys_are_kept_as_they_are(tracker: ExperimentTracker, tmp_path: Path) -> None:
    """A key is data: it names no file, and distinct keys stay distinct."""
    tracker.log_metrics(dict.fromkeys(ACCEPTED_KEYS, 1.0))
    tracker.log_metrics({"Loss/loss": 1.0, "loss/loss": 2.0})
    tracker.log_metrics({_Text("subclass"): 1.0})

    assert [key for key, *_ in rows(tracker)] == [*sorted(ACCEPTED_KEYS), "Loss/loss", "loss/loss", "subclass"]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_the_two_unicode_forms_of_a_letter_are_two_keys(tracker: ExperimentTracker) -> None:
    """NFC and NFD are different texts; nothing is normalised behind the user's back."""
    tracker.log_metrics({"\u00e9": 1.0, "e\u0301": 2.0})

    assert [(key, value) for key, _, _, value in rows(tracker)] == [("e\u0301", 2.0), ("\u00e9", 1.0)]


REFUSED_MAPPINGS: list[tuple[Any, str]] = [
    (None, "dict of name to number, not NoneType"),
    ([("a", 1.0)], "dict of name to number, not list"),
    ({1: 1.0}, "a metric's name is a str, not int"),
    ({None: 1.0}, "not NoneType"),
    ({("a", "b"): 1.0}, "not tuple"),
    ({b"a": 1.0}, "not bytes"),
    ({"": 1.0}, "name is empty"),
    ({"\ud800": 1.0}, "not valid Unicode"),
    ({"x" * 5000: 1.0}, "at most 4096"),
]


@pytest.mark.parametrize(("metrics", "message"), REFUSED_MAPPINGS, ids=[message for _, message in REFUSED_MAPPINGS])
def test_what_is_no_dict_of_names_is_refused(tracker: ExperimentTracker, metrics: Any, message: str) -> None:
    """The error says what a metric's name is."""
    with pytest.raises((TypeError, ValueError), match=message):
        tracker.log_metrics(metrics)


def test_an_empty_dict_logs_nothing(tracker: ExperimentTracker) -> None:
    """{} is a no-op."""
    tracker.log_metrics({})

    assert rows(tracker) == []


def test_ten_thousand_keys_in_one_call(tracker: ExperimentTracker) -> None:
    """A wide call is many rows."""
    tracker.log_metrics({f"layer_{i}/norm": float(i) for i in range(10_000)}, step=3)

    found = {key: value for key, _, _, value in rows(tracker)}
    assert found == {f"layer_{i}/norm": float(i) for i in range(10_000)}


def test_a_dict_changed_after_the_call_does_not_change_what_was_logged(tracker: ExperimentTracker) -> None:
    """The values are those at the call."""
    metrics = {"x": 1.0}
    tracker.log_metrics(metrics)
    metrics["x"] = 2.0

    assert [value for *_, value in rows(tracker)] == [1.0]


def test_nested_dicts_are_flattened_and_other_mappings_taken(tracker: ExperimentTracker) -> None:
    """{"train": {"loss": 1}} is the metric train/loss."""
    tracker.log_metrics({"train": {"loss": 1.0, "acc": 2.0}, "lr": 3.0})
    tracker.log_metrics(MappingProxyType({"lr": 4.0}))

    found = [(key, value) for key, _, _, value in rows(tracker)]
    assert found == [("lr", 3.0), ("train/acc", 2.0), ("train/loss", 1.0), ("lr", 4.0)]


STEPS: list[tuple[Any, tuple[int | None, float | None]]] = [
    (-1, (-1, None)),
    (0, (0, None)),
    (None, (None, None)),
    (np.int64(5), (5, None)),
    (np.array(6), (6, None)),
    (-(2**63), (-(2**63), None)),
    (2**63 - 1, (2**63 - 1, None)),
    (10**12, (10**12, None)),
    (1.0, (1, None)),
    (1.5, (None, 1.5)),
    (np.float32(0.25), (None, 0.25)),
]


def test_steps_are_kept_exactly_in_the_order_logged(tracker: ExperimentTracker) -> None:
    """Any order, repeats, gaps, ints and fractions: the step read back is the one given, never cut."""
    for step, _ in [*STEPS, *STEPS]:
        tracker.log_metrics({"x": 1.0}, step=step)

    assert [(step, fraction) for _, step, fraction, _ in rows(tracker)] == [kept for _, kept in [*STEPS, *STEPS]]


@pytest.mark.parametrize("step", [math.nan, math.inf, "7", 2**63, -(2**63) - 1, [1], np.zeros(2), True, b"1", 1j])
@pytest.mark.parametrize("known", [False, True], ids=["first call", "known shape"])
def test_what_is_no_step_is_refused(tracker: ExperimentTracker, step: Any, known: bool) -> None:
    """NaN, text, and what doesn't fit 64 bits are no place on an axis; a bool is a mistake."""
    if known:
        tracker.log_metrics({"x": 1.0}, step=1)

    with pytest.raises((TypeError, ValueError), match="step"):
        tracker.log_metrics({"x": 1.0}, step=step)

    assert len(rows(tracker)) == known


def test_repeated_steps_are_all_kept_and_the_last_wins(tracker: ExperimentTracker) -> None:
    """The history keeps each point; the last value is what was logged last."""
    for value in (1.0, 3.0, 2.0):
        tracker.log_metrics({"x": value}, step=7)

    assert [value for *_, value in rows(tracker)] == [1.0, 3.0, 2.0]
    assert tracker.get_experiment_runs()[0]["metrics"] == {"x": 2.0}


ALIASES: list[Callable[[ExperimentTracker], None]] = [
    lambda tracker: tracker.log_metric("x", 1.0, step=2),
    lambda tracker: tracker.log({"x": 1.0}, step=2),
    lambda tracker: tracker.log_metrics({"x": 1.0}, 2),
]


@pytest.mark.parametrize("log", ALIASES)
def test_the_familiar_names_log_the_same(tracker: ExperimentTracker, log: Callable[[ExperimentTracker], None]) -> None:
    """log_metric, log and log_metrics are one thing."""
    log(tracker)

    assert rows(tracker) == [("x", 2, None, 1.0)]


def test_torch_like_scalars_cost_one_conversion(tracker: ExperimentTracker) -> None:
    """An object with __float__ and an empty shape, such as a torch or JAX scalar, is converted once a call."""

    class Scalar:
        shape = ()
        conversions = 0

        def __float__(self) -> float:
            Scalar.conversions += 1
            return 0.5

    tracker.log_metrics({"x": 0.0})
    tracker.log_metrics({"x": Scalar()})

    assert [value for *_, value in rows(tracker)] == [0.0, 0.5]
    assert Scalar.conversions == 1


def test_the_metrics_table_has_one_row_a_point(tracker: ExperimentTracker) -> None:
    """Run, writer and experiment stand beside each point."""
    tracker.log_metrics({"a": 1.0, "b": 2.0}, step=1)
    tracker.flush()

    frame = Store(tracker.layout.root).metrics().collect()

    assert frame.height == 2
    assert frame["run_id"].unique().to_list() == [tracker.active_run()]
    assert frame["experiment"].unique().to_list() == ["inputs"]
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
