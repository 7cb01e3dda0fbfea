"""Alert rules: what can be said, what is meant, and what happens when it is so."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from readers.alertrules import DEFAULT_RULES, Rule, parse_rule
from readers.alertstates import REARM, BadValue, Plateau, Stall, machine_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("loss is nan", {"kind": "value", "metric": "loss", "sign": "nan"}),
        ("  loss   IS  NaN ", {"kind": "value", "metric": "loss", "sign": "nan", "text": "loss IS NaN"}),
        ("loss is infinite", {"kind": "value", "sign": "inf"}),
        ("val/* is not finite", {"kind": "value", "metric": "val/*", "sign": "not finite"}),
        ("loss > 10", {"kind": "threshold", "metric": "loss", "sign": ">", "number": 10.0}),
        ("loss>=-1.5e-3", {"kind": "threshold", "metric": "loss", "sign": ">=", "number": -0.0015}),
        ("acc<.5", {"kind": "threshold", "metric": "acc", "sign": "<", "number": 0.5}),
        ("loss == inf", {"kind": "threshold", "sign": "=", "number": math.inf}),
        ("train loss != 0", {"kind": "threshold", "metric": "train loss", "sign": "!=", "number": 0.0}),
        ('"a > b" > 3', {"kind": "threshold", "metric": "a > b", "literal": True, "number": 3.0}),
        ("`epoch_*` <= 2", {"kind": "threshold", "metric": "epoch_*", "literal": True}),
        ("accuracy no improvement for 20", {"kind": "plateau", "metric": "accuracy", "number": 20, "mode": "auto"}),
        ("x no improvement in 5 points by 0.01 max", {"kind": "plateau", "number": 5, "by": 0.01, "mode": "max"}),
        ("x no improvement for 1 (min)", {"kind": "plateau", "mode": "min"}),
        ("stalled 10x", {"kind": "stall", "metric": None, "number": 10.0, "relative": True}),
        ("stalled for 5 min", {"kind": "stall", "metric": None, "number": 300.0, "relative": False}),
        ("loss stalled 2.5x", {"kind": "stall", "metric": "loss", "number": 2.5, "relative": True}),
        ("loss stalled 1h", {"kind": "stall", "metric": "loss", "number": 3600.0}),
        ("is nan is nan", {"kind": "value", "metric": "is nan"}),
    ],
)
def test_a_rule_is_understood(text: str, wanted: dict[str, Any]) -> None:
    """However the spaces and the capitals of its words are."""
    rule = parse_rule(text)

    assert {name: getattr(rule, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loss",
        "loss is",
        "is nan",
        "loss is weird",
        "loss > ten",
        "loss > nan",
        "> 3",
        "loss no improvement",
        "loss no improvement for 0",
        "loss no improvement for -3",
        "loss no improvement for 3 by -1",
        "stalled",
        "stalled 0.5x",
        "stalled 0 s",
        "stalled 1e999 s",
        "stalled 10 days",
        "a" * 2000 + " is nan",
        "loss > 1; import os",
    ],
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    """With what can be said."""
    with pytest.raises(ValueError, match=r"no alert rule; it can be: METRIC is nan|is meant for|a stall is"):
        parse_rule(text)


def test_a_rule_is_text() -> None:
    """Not a number, and not None."""
    with pytest.raises(TypeError, match="is a text such as 'loss is nan', not int"):
        parse_rule(3)  # type: ignore[arg-type]


def test_hostile_texts_take_no_time() -> None:
    """No pattern goes back and forth over a long text."""
    for text in ("a " * 499, "> " * 499, "a no improvement for " * 40, "stalled " * 120, "1" * 999, "e" * 999 + " is"):
        with pytest.raises(ValueError, match="no alert rule"):
            parse_rule(text)


def test_which_metrics_a_rule_means() -> None:
    """Stars and question marks, but not in quotes; the machine's own metrics only when they are named."""
    assert parse_rule("val/* > 1").means("val/loss")
    assert parse_rule("* is nan").means("any thing\nat all")
    assert parse_rule("loss.? > 1").means("loss.1")
    assert not parse_rule("loss.? > 1").means("lossx1")
    assert not parse_rule("'val/*' > 1").means("val/loss")
    assert parse_rule("'val/*' > 1").means("val/*")
    assert not parse_rule("* is nan").means("system/cpu")
    assert parse_rule("system/* > 90").means("system/cpu")
    assert not parse_rule("loss > 1").means("Loss")
    assert not parse_rule("stalled 2x").means("loss")
    assert all(isinstance(parse_rule(text), Rule) for text in DEFAULT_RULES)


def words_at(rule: str, metric: str, values: Sequence[float]) -> dict[int, str]:
    """Where a rule speaks, and what it says."""
    machine = machine_of(parse_rule(rule), metric)
    said = {place: machine.feed(value) for place, value in enumerate(values)}
    return {place: words for place, words in said.items() if words is not None}


@pytest.mark.parametrize(
    ("rule", "values", "said"),
    [
        ("loss is nan", [1, math.nan, math.nan, 1, math.nan], {1: "loss is NaN"}),
        ("loss is inf", [math.nan, -math.inf], {1: "loss is -infinite"}),
        ("loss is not finite", [1, math.inf], {1: "loss is infinite"}),
        ("loss > 10", [9, 10, 10.5, 11], {2: "loss is 10.5, more than 10"}),
        ("loss >= 10", [math.nan, 10], {1: "loss is 10, 10 or more"}),
        ("loss < 1", [1, 0.123456789], {1: "loss is 0.12346, less than 1"}),
        ("loss <= 1", [1], {0: "loss is 1, 1 or less"}),
        ("loss = 0", [1, 0], {1: "loss is 0, as much as 0"}),
        ("loss != 0", [0, math.nan, 2], {2: "loss is 2, not 0"}),
        ("loss > 1", [], {}),
    ],
)
def test_a_bad_value_is_said_once(rule: str, values: list[float], said: dict[int, str]) -> None:
    """Where it begins."""
    assert words_at(rule, "loss", values) == said


def test_a_bad_value_is_said_again_after_many_good_ones() -> None:
    """So one that flickers isn't an alert each time."""
    good = [1.0] * REARM
    values = [20.0, *good[1:], 20.0, *good, 20.0]

    assert list(words_at("loss > 10", "loss", values)) == [0, len(values) - 1]


def test_no_improvement_is_said_after_so_many_points() -> None:
    """In the direction of the name or of the rule; NaN improves nothing; after an improvement it counts anew."""
    assert words_at("loss no improvement for 3", "loss", [5, 4, 4, 4, 4, 4, 3, 3, math.nan, 3, 3]) == {
        4: "loss has not improved for 3 points; the best is 4",
        9: "loss has not improved for 3 points; the best is 3",
    }
    assert list(words_at("accuracy no improvement for 2", "accuracy", [0.5, 0.6, 0.6, 0.5])) == [3]
    assert list(words_at("loss no improvement for 2 max", "loss", [1, 2, 3, 4])) == []
    assert list(words_at("loss no improvement for 2 by 0.5", "loss", [5, 4.8, 4.6, 4.4])) == [2]
    assert words_at("x no improvement for 2", "x", [math.nan] * 3) == {1: "x has not improved for 2 points"}


def test_a_stall_is_measured_by_the_usual_interval() -> None:
    """The median, so that one long pause doesn't make the next one usual; said once, until there is a point again."""
    stall = Stall("the run", parse_rule("stalled 10x"))
    for second in (0, 10, 20, 200, 210, 220):
        stall.seen(second, second)

    assert stall.limit_s() == 100
    assert stall.look(320) is None
    assert stall.look(321) == ("no point of the run for 1 min 41 s; usually one comes every 10 s", 101)
    assert (stall.look(400), stall.active) == (None, True)
    stall.seen(410, 410)
    assert not stall.active
    assert stall.look(620) is not None


def test_a_stall_of_quick_calls_takes_some_seconds_all_the_same() -> None:
    """What logs each millisecond isn't stalled after ten; and before there are a few points, nothing is usual."""
    stall = Stall("the run", parse_rule("stalled 10x"))
    stall.seen(0, 0)
    assert stall.look(1000) is None
    for millisecond in range(10):
        stall.seen(millisecond / 1000, 1)

    assert stall.look(5.9) is None
    assert stall.look(6.1) is not None


def test_a_stall_goes_by_the_watchers_clock() -> None:
    """A writer whose clock is an hour behind is not stalled."""
    stall = Stall("the run", parse_rule("stalled 30 s"))
    stall.seen(logged_s=0, now_s=3600)

    assert stall.look(3629) is None
    assert stall.look(3631) == ("no point of the run for 31 s", 31)


def test_machines_are_made_for_each_kind() -> None:
    """Of rules about values."""
    assert isinstance(machine_of(parse_rule("x is nan"), "x"), BadValue)
    assert isinstance(machine_of(parse_rule("x > 1"), "x"), BadValue)
    assert isinstance(machine_of(parse_rule("x no improvement for 1"), "x"), Plateau)
