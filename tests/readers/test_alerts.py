"""Alerts: rules over what a watcher finds, of many runs, live and past."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from readers.alert import Alert
from readers.alerts import Alerts, watch
from readers.watcher import Watcher
from tracker import ExperimentTracker


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The seconds now."""
        return self.now


T0 = 1_700_000_000.0
"""When the recorder of the tests begins; it logs once a second."""


@pytest.fixture
def clock() -> Clock:
    """One that stands at the beginning."""
    made = Clock()
    made.now = T0
    return made


@pytest.fixture
def look(recorder: Any, clock: Clock) -> Iterator[Callable[[Alerts], list[Alert]]]:
    """Take what is new."""
    with Watcher(recorder.layout.root) as watcher:

        def take(alerts: Alerts, **options: Any) -> list[Alert]:
            recorder.flush()
            clock.now = max(clock.now, recorder.now_ns / 1e9)
            return alerts.take(watcher.poll(), **options)

        yield take


Look = Callable[..., list[Alert]]


def test_alerts_of_several_runs_and_metrics_come_in_the_order_of_time(recorder: Any, look: Look) -> None:
    """Each once, with where it happened."""
    alerts = Alerts(["* is nan", "loss > 10"])
    for run in ("a", "b"):
        recorder.start(run, name=f"name of {run}")
    recorder.log("b", {"loss": 11.0}, step=1)
    recorder.log("a", {"loss": 1.0, "acc": math.nan}, step=2)
    recorder.log("a", {"loss": math.nan}, step=2.5)
    found = look(alerts)
    recorder.log("a", {"loss": math.nan}, step=3)

    assert [(alert.run_name, alert.key, alert.rule, alert.step) for alert in found] == [
        ("name of b", "loss", "loss > 10", 1),
        ("name of a", "acc", "* is nan", 2),
        ("name of a", "loss", "* is nan", 2.5),
    ]
    assert look(alerts) == []
    assert str(found[0]) == "loss is 11, more than 10 (step 1, run name of b, rule: loss > 10)"
    assert found[0].time.timestamp() == T0 + 3


def test_an_alert_is_valid_json(recorder: Any, look: Look) -> None:
    """NaN and infinities are strings, times are in UTC; the listing has the newest first and what is so still."""
    alerts = Alerts(["* is not finite"])
    recorder.start("a")
    recorder.log("a", {"x": math.nan, "y": -math.inf})
    recorder.log("a", {"x": math.inf, "z": math.inf})
    look(alerts)
    for _ in range(10):
        recorder.log("a", {"z": 1.0})
    look(alerts)
    listing = json.loads(json.dumps(alerts.listing(), allow_nan=False))

    assert [(alert["key"], alert["value"], alert["active"]) for alert in listing["alerts"]] == [
        ("z", "Infinity", False),
        ("y", "-Infinity", True),
        ("x", "NaN", True),
    ]
    assert listing["alerts"][0]["time"].endswith("Z")
    assert listing["rules"] == ["* is not finite"]


def test_a_silent_run_is_noticed_once_and_again_after_a_point(recorder: Any, look: Look, clock: Clock) -> None:
    """By the median interval of its calls; the machine's own metrics are no sign of life."""
    alerts = Alerts(["stalled 10x", "loss stalled 1 min"], now=clock)
    recorder.start("a")
    for _ in range(20):
        recorder.log("a", {"loss": 1.0})
    assert look(alerts) == []
    clock.now += 11
    recorder.log("a", {"system/cpu": 50.0})
    (stalled,) = look(alerts)
    clock.now += 50
    (loss,) = look(alerts)
    recorder.now_ns = int(clock.now * 1e9)
    recorder.log("a", {"loss": 1.0})

    assert (stalled.key, stalled.rule) == (None, "stalled 10x")
    assert stalled.words.startswith("no point of the run for 1")
    assert (loss.key, loss.words) == ("loss", f"no point of loss for 1 min {loss.value - 60:.0f} s")
    assert alerts.is_active(stalled)
    assert look(alerts) == []
    assert not alerts.is_active(stalled)


def test_a_run_that_was_silent_before_the_watch_began_is_noticed_at_once(
    recorder: Any, look: Look, clock: Clock
) -> None:
    """Its points count as of when they were logged."""
    recorder.start("a")
    for _ in range(5):
        recorder.log("a", {"loss": 1.0})
    clock.now = T0 + 1000

    assert [alert.rule for alert in look(Alerts(["stalled 10x"], now=clock))] == ["stalled 10x"]


def test_an_ended_run_does_not_stall(recorder: Any, look: Look, clock: Clock) -> None:
    """Nor does one that is known not to be running; what it broke before is told all the same."""
    alerts = Alerts(["stalled 10x", "loss > 3"], now=clock)
    for run in ("ended", "dead"):
        recorder.start(run)
        for value in range(5):
            recorder.log(run, {"loss": float(value)})
    recorder.end("ended")
    found = look(alerts, running=[])
    clock.now += 1000

    assert [(alert.run_id, alert.rule) for alert in found] == [("ended", "loss > 3"), ("dead", "loss > 3")]
    assert [alerts.is_active(alert) for alert in found] == [False, True]
    assert look(alerts, running=[]) == []
    assert [alert.run_id for alert in look(alerts)] == ["dead"]


def test_a_run_whose_end_is_known_before_its_points_does_not_stall(recorder: Any, clock: Clock) -> None:
    """A long history comes in batches, facts first; what was broken in it is told once, and is over."""
    alerts = Alerts(["stalled 10x", "stalled 2 s", "loss is nan"], now=clock)
    recorder.start("a")
    for _ in range(20):
        recorder.log("a", {"loss": math.nan})
    recorder.end("a")
    recorder.seal()
    clock.now = T0 + 1000
    found: list[Alert] = []
    with Watcher(recorder.layout.root, most=5) as watcher:
        while not (batch := watcher.poll()).empty:
            found += alerts.take(batch)
            clock.now += 1000

    assert [(alert.run_id, alert.rule) for alert in found] == [("a", "loss is nan")]
    assert not alerts.is_active(found[0])


def test_a_run_that_one_process_of_several_has_left_can_stall(recorder: Any, look: Look, clock: Clock) -> None:
    """What another one logs after that end shows that it goes on."""
    alerts = Alerts(["stalled 10x"], now=clock)
    recorder.start("a")
    for _ in range(5):
        recorder.log("a", {"loss": 1.0})
    recorder.end("a")
    recorder.log("a", {"loss": 1.0})
    assert look(alerts) == []
    clock.now += 1000

    assert [alert.rule for alert in look(alerts)] == ["stalled 10x"]


def test_rules_that_watched_nothing_are_known(recorder: Any, look: Look) -> None:
    """They may be misspelt; a run's own silence needs no metric."""
    alerts = Alerts(["loss > 10", "los > 10", "stalled 2x", "acc stalled 2x", "loss stalled 2x"])
    recorder.start("a")
    recorder.log("a", {"loss": 1.0})
    look(alerts)

    assert [rule.text for rule in alerts.unmet()] == ["los > 10", "acc stalled 2x"]


def test_only_so_many_alerts_are_remembered(recorder: Any, look: Look) -> None:
    """A store of a million broken metrics takes no memory for each for ever."""
    alerts = Alerts(["* is nan"])
    recorder.start("a")
    for number in range(1100):
        recorder.log("a", {f"m{number}": math.nan})

    assert len(look(alerts)) == 1100
    assert len(alerts.recent) == 1000


def test_watching_calls_functions_and_yields(tmp_path: Path) -> None:
    """Until it is told to stop."""
    called: list[Alert] = []
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        run_id = tracker.start_run("r")
        tracker.log_metrics({"loss": math.nan}, step=7)
        looks = iter([False, True])
        found = list(watch(tracker, ["loss is nan"], [run_id], notify=[called.append], stop=lambda: next(looks)))

    assert called == found
    assert [(alert.run_name, alert.experiment, alert.step) for alert in found] == [("r", "e", 7)]


def test_a_wrong_rule_is_refused_at_the_call(tmp_path: Path) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="no alert rule"):
        next(watch(str(tmp_path), ["loss is bad"]))
