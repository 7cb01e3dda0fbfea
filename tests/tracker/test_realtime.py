"""RealTimeTracker: streams, bests, checkpoints and a dashboard; none of them stops a training."""

import copy
import json
import logging
import math
import os
import pickle
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.errors import NoActiveRun, SinkFailed
from readers.alert import Alert
from readers.store import Store
from tests.readers.test_webhook import Server
from tracker import ExperimentTracker, RealTimeTracker
from tracker.checkpoints import check_retention


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without a run."""
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as made:
        yield made


@pytest.fixture
def realtime(tracker: ExperimentTracker) -> RealTimeTracker:
    """A real-time tracker with an active run."""
    made = RealTimeTracker(tracker)
    made.start_run("live")
    return made


def steps(tracker: ExperimentTracker, key: str) -> list[float | int | None]:
    """The steps of a metric's points, in the order they were logged."""
    rows = tracker._store().metrics(keys=[key]).collect().sort("seq")
    return [step if step_float is None else step_float for step, step_float in rows.select("step", "step_float").rows()]


# --- streams


@pytest.mark.parametrize(
    ("metrics", "step"),
    [
        ({"iteration": 7, "loss": 1.0}, 7),
        ({"step": np.int64(7), "loss": 1.0}, 7),
        ({"epoch": 7.0, "loss": 1.0}, 7),
        ({"epoch": 0.5, "loss": 1.0}, 0.5),
        ({"epoch": 1, "step": 500, "loss": 1.0}, 500),
        ({"epoch": 1, "step": 500, "iteration": 7, "loss": 1.0}, 7),
        ({"iteration": math.nan, "loss": 1.0}, None),
        ({"iteration": 2**64, "loss": 1.0}, None),
        ({"loss": 1.0}, None),
    ],
    ids=str,
)
def test_the_step_is_taken_from_the_metrics(
    realtime: RealTimeTracker, metrics: dict[str, Any], step: float | None
) -> None:
    """From "iteration", "step" or "epoch", which are logged as metrics too; where that is no step, there is none."""
    realtime.stream_metrics(metrics)

    assert steps(realtime.tracker, "loss") == [step]
    assert all(steps(realtime.tracker, key) == [step] for key in metrics)


def test_a_given_step_goes_before_the_metrics_own(realtime: RealTimeTracker) -> None:
    """Also when it is 0."""
    realtime.stream_metrics({"iteration": 7, "loss": 1.0}, 0)

    assert steps(realtime.tracker, "loss") == [0]


@pytest.mark.parametrize("metrics", [{"loss": "0.5"}, {"loss": None}, {3: 1.0}, [("loss", 1.0)], None, {"a": [1]}])
def test_what_is_no_metric_is_refused_and_changes_nothing(realtime: RealTimeTracker, metrics: Any) -> None:
    """As log_metrics refuses it."""
    with pytest.raises((TypeError, ValueError)):
        realtime.stream_metrics(metrics)

    assert realtime.get_best_metric("loss") == math.inf


def test_streaming_without_a_run_says_so(tracker: ExperimentTracker) -> None:
    """And what to do."""
    with pytest.raises(NoActiveRun, match="call start_run"):
        RealTimeTracker(tracker).stream_metrics({"loss": 1.0})


def test_each_thread_streams_into_its_own_run(tracker: ExperimentTracker) -> None:
    """And has the best of that."""
    realtime = RealTimeTracker(tracker)

    def train(number: int) -> float:
        realtime.start_run(f"run {number}")
        for step in range(50):
            realtime.stream_metrics({"step": step, "accuracy": number + step / 100})
        best = realtime.get_best_metric("accuracy")
        realtime.end_run()
        return best

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == [0.49, 1.49, 2.49, 3.49]
    assert tracker._store().metrics(keys=["accuracy"]).collect().height == 200


# --- bests


def test_the_best_is_known_right_after_it_was_streamed(realtime: RealTimeTracker) -> None:
    """By the name's direction or the one that is asked for; NaN doesn't count, infinities do."""
    for value in (0.3, math.nan, 0.9, 0.5):
        realtime.stream_metrics({"accuracy": value, "loss": value, "np": np.float32(value), "nested": {"f1": value}})

    assert realtime.get_best_metric("accuracy") == 0.9
    assert realtime.get_best_metric("loss") == 0.3
    assert realtime.get_best_metric("loss", mode="max") == 0.9
    assert realtime.get_best_metric("accuracy", "min") == 0.3
    assert realtime.get_best_metric("np") == pytest.approx(0.9)
    assert realtime.get_best_metric("nested/f1") == 0.9
    realtime.stream_metrics({"loss": -math.inf})
    assert realtime.get_best_metric("loss") == -math.inf


def test_the_best_of_an_unknown_metric_is_what_anything_is_better_than(realtime: RealTimeTracker) -> None:
    """No exception, before the first point and for a metric that never comes; nor without a run."""
    realtime.stream_metrics({"nan": math.nan})

    assert realtime.get_best_metric("accuracy") == -math.inf
    assert realtime.get_best_metric("loss") == math.inf
    assert realtime.get_best_metric("nan") == -math.inf
    assert max(0.5, realtime.get_best_metric("accuracy")) == 0.5
    assert RealTimeTracker(realtime.tracker).get_best_metric("accuracy", "min") == math.inf


def test_an_unknown_mode_is_refused(realtime: RealTimeTracker) -> None:
    """At the call."""
    with pytest.raises(ValueError, match="no mode 'biggest'"):
        realtime.get_best_metric("accuracy", mode="biggest")  # type: ignore[arg-type]


def test_a_resumed_run_remembers_its_best(tracker: ExperimentTracker) -> None:
    """From the store, sealed or not, and by another process's tracker."""
    first = RealTimeTracker(tracker)
    run_id = first.start_run("long")
    first.stream_metrics({"accuracy": 0.8, "only before": 3.0})
    first.end_run()
    with ExperimentTracker(tracker.root, "e", auto_log=False) as other:
        realtime = RealTimeTracker(other)
        realtime.start_run(run_id=run_id, resume=True)
        realtime.stream_metrics({"accuracy": 0.5})

        assert realtime.get_best_metric("accuracy") == 0.8
        assert realtime.get_best_metric("only before") == 3.0
        realtime.stream_metrics({"accuracy": 0.9})
        assert realtime.get_best_metric("accuracy") == 0.9


def test_what_was_only_logged_counts_too(realtime: RealTimeTracker) -> None:
    """It is looked up in the store; and so is an ended run."""
    realtime.tracker.log_metrics({"accuracy": 0.4})
    realtime.stream_metrics({"loss": 0.2})

    assert realtime.get_best_metric("accuracy") == 0.4
    realtime.end_run()
    assert realtime.get_best_metric("loss") == 0.2
    realtime.start_run("next")
    assert realtime.get_best_metric("loss") == math.inf


def test_asking_for_the_best_reads_nothing_from_disk(
    realtime: RealTimeTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a run that was begun here it is in memory."""
    realtime.stream_metrics({"accuracy": 0.4})
    monkeypatch.setattr(realtime.tracker, "_read_extremes", None)

    assert realtime.get_best_metric("accuracy") == 0.4


# --- alerts


def test_a_function_is_called_when_a_streamed_metric_breaks_a_rule(realtime: RealTimeTracker) -> None:
    """Once, with where and when; each run for itself."""
    alerts: list[Alert] = []
    realtime.on_alert("* is nan", alerts.append)
    realtime.on_alert("train/loss > 10", alerts.append)
    for step, loss in enumerate([1.0, 11.0, 12.0, math.nan, math.nan]):
        realtime.stream_metrics({"step": step, "train": {"loss": np.float32(loss)}})
    realtime.start_run("next", nested=True)
    realtime.stream_metrics({"acc": math.nan})

    assert [(alert.run_name, alert.key, alert.words, alert.step) for alert in alerts] == [
        ("live", "train/loss", "train/loss is 11, more than 10", 1),
        ("live", "train/loss", "train/loss is NaN", 3),
        ("next", "acc", "acc is NaN", None),
    ]


def test_what_an_alert_function_raises_may_end_the_training(realtime: RealTimeTracker) -> None:
    """The value is logged all the same."""

    def stop(alert: Alert) -> None:
        raise RuntimeError(alert.words)

    realtime.on_alert("loss is nan", stop)
    with pytest.raises(RuntimeError, match="loss is NaN"):
        realtime.stream_metrics({"loss": math.nan})

    assert steps(realtime.tracker, "loss") == [None]


@pytest.mark.parametrize("rule", ["stalled 10x", "loss stalled 5 s", "loss"])
def test_a_rule_that_can_not_be_kept_is_refused(realtime: RealTimeTracker, rule: str) -> None:
    """Silence is found from outside, and that is said."""
    with pytest.raises(ValueError, match=r"steplog watch|no alert rule"):
        realtime.on_alert(rule, print)
    with pytest.raises(TypeError, match="is a function, not NoneType"):
        realtime.on_alert("loss is nan", None)  # type: ignore[arg-type]


# --- checkpoints


def test_a_checkpoint_knows_the_streamed_step_and_metrics(realtime: RealTimeTracker) -> None:
    """And is loaded as it was."""
    realtime.stream_metrics({"iteration": 3, "loss": 0.5})
    saved = realtime.save_checkpoint({"w": np.eye(2), "best": realtime.get_best_metric("loss")})

    assert saved is not None
    assert (saved.step, saved.metrics) == (3, {"iteration": 3, "loss": 0.5})
    assert realtime.load_checkpoint()["best"] == 0.5
    assert realtime.list_checkpoints("live") == [saved]


def test_retention_is_the_trackers_own(tracker: ExperimentTracker) -> None:
    """As it was made: the last two and the best."""
    realtime = RealTimeTracker(tracker, monitor="score", mode="min", keep_last=2, keep_best=1)
    realtime.start_run()
    for number, score in enumerate([3.0, 1.0, 2.0, 4.0, 5.0]):
        realtime.stream_metrics({"step": number, "score": score, "accuracy": number})
        realtime.save_checkpoint({"number": number})

    assert [(saved.number, saved.metrics["score"]) for saved in realtime.list_checkpoints()] == [
        (2, 1.0),
        (4, 4.0),
        (5, 5.0),
    ]
    assert realtime.load_checkpoint(which="best") == {"number": 1}
    with pytest.raises(ValueError, match="keep_last is 0"):
        RealTimeTracker(tracker, keep_last=0)
    check_retention(None, 0)


def test_a_monitored_metric_that_was_not_streamed_is_read_from_the_store(tracker: ExperimentTracker) -> None:
    """It was logged by log_metrics, say."""
    realtime = RealTimeTracker(tracker, monitor="val/loss")
    realtime.start_run()
    for number, loss in enumerate([1.0, 2.0]):
        realtime.stream_metrics({"step": number})
        tracker.log_metrics({"val/loss": loss})
        realtime.save_checkpoint(number)

    assert realtime.load_checkpoint(which="best") == 0


# --- the dashboard


def test_a_dashboard_serves_the_store_and_ends_with_the_tracker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Started before a run, twice, from two threads: one server; its address is said once; stopped twice."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        realtime = RealTimeTracker(tracker)
        realtime.stop_dashboard()
        with ThreadPoolExecutor(2) as pool:
            addresses = set(pool.map(lambda _: realtime.start_dashboard(port="0"), range(2)))  # type: ignore[arg-type]
        (address,) = addresses
        assert address is not None
        realtime.start_run("seen")
        realtime.stream_metrics({"loss": 1.0})
        with urllib.request.urlopen(f"{address}/api/runs", timeout=10) as answer:  # noqa: S310 - this machine's own
            runs = json.loads(answer.read())["data"]
        server = realtime._dashboard.process
    assert server is not None

    assert runs["run_name"] == ["seen"]
    assert capsys.readouterr().err == f"steplog: the dashboard is at {address}\n"
    assert not server.alive
    realtime.stop_dashboard()


def test_a_dashboard_watches_the_rules_that_it_is_given(realtime: RealTimeTracker) -> None:
    """And posts what it finds to the webhook, though no page is open."""
    came, server = threading.Event(), Server()

    def answer(_: int) -> tuple[int, dict[str, str]]:
        came.set()
        return 200, {}

    server.answers = answer
    realtime.start_dashboard(port=0, alerts=["loss is nan"], webhook=server.url())
    while not came.wait(0.1):  # it watches what comes once it has begun
        realtime.stream_metrics({"loss": math.nan})
    realtime.stop_dashboard()
    server.http.shutdown()
    server.http.server_close()

    assert json.loads(server.asked[0].body)["alert"]["rule"] == "loss is nan"


@pytest.mark.parametrize("port", ["http", "80 ", None, 1.5, True, b"80"])
def test_what_is_no_number_is_no_port(tracker: ExperimentTracker, port: Any) -> None:
    """Text of digits is one, as environment variables have it."""
    with pytest.raises(TypeError, match="a number from 0 to 65535"):
        RealTimeTracker(tracker).start_dashboard(port=port)


@pytest.mark.parametrize("port", [-1, 70000, "70000"])
def test_a_number_beyond_the_last_port_is_refused(tracker: ExperimentTracker, port: Any) -> None:
    """At the call, as it is a mistake and no bad luck."""
    with pytest.raises(ValueError, match="a number from 0 to 65535"):
        RealTimeTracker(tracker).start_dashboard(port=port)


def test_a_taken_port_is_said_and_stops_no_training(
    realtime: RealTimeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """With what to do about it; strict raises."""
    with socket.create_server(("127.0.0.1", 0)) as other, caplog.at_level(logging.WARNING, "steplog"):
        port = other.getsockname()[1]
        address = realtime.start_dashboard(port=port)
        strict = ExperimentTracker(realtime.tracker.root, "e", auto_log=False, strict=True)
        with strict, pytest.raises(SinkFailed, match=f"port {port} on 127.0.0.1 is taken"):
            RealTimeTracker(strict).start_dashboard(port=port)
    realtime.stream_metrics({"loss": 1.0})

    assert address is None
    assert f"port {port} on 127.0.0.1 is taken by another program" in caplog.text
    assert realtime.tracker.stats().faults == 1


def test_the_next_free_port_is_taken_when_asked(realtime: RealTimeTracker) -> None:
    """And the address says which."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        address = realtime.start_dashboard(port=port, next_free=True)
        realtime.stop_dashboard()

    assert address is not None
    assert int(address.rpartition(":")[2]) > port


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alerts": ["loss is bad"]}, "no alert rule"),
        ({"alerts": "loss is bad"}, "no alert rule"),
        ({"webhook": "file:///etc/passwd"}, "http or https"),
        ({"token": "short"}, "token must have"),
        ({"host": ""}, "host must be"),
    ],
)
def test_wrong_arguments_of_a_dashboard_are_refused(
    realtime: RealTimeTracker, options: dict[str, Any], message: str
) -> None:
    """At the call, before a process is started."""
    with pytest.raises(ValueError, match=message):
        realtime.start_dashboard(port=0, **options)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_a_privileged_port_is_said(realtime: RealTimeTracker, caplog: pytest.LogCaptureFixture) -> None:
    """It isn't ours to take."""
    assert realtime.start_dashboard(port=80) is None

    assert "80" in caplog.text


def test_a_host_that_is_not_ours_is_said(realtime: RealTimeTracker, caplog: pytest.LogCaptureFixture) -> None:
    """192.0.2.1 is nobody's."""
    assert realtime.start_dashboard(port=0, host="192.0.2.1") is None

    assert "no address of this machine" in caplog.text


# --- the rest


def test_leaving_it_ends_the_run(tracker: ExperimentTracker) -> None:
    """FAILED when the block raises, and FINISHED otherwise."""
    with RealTimeTracker(tracker) as realtime:
        realtime.start_run("good")
    with suppress(ZeroDivisionError), RealTimeTracker(tracker) as realtime:
        realtime.start_run("bad")
        raise ZeroDivisionError

    assert [run["status"] for run in tracker.get_experiment_runs()] == ["FINISHED", "FAILED"]


def test_a_disabled_tracker_makes_everything_a_no_op(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the best so far, which early stopping may need; misuse included."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    realtime = RealTimeTracker(ExperimentTracker(tmp_path / "store"))
    realtime.start_run("no")
    realtime.stream_metrics({"loss": 0.5})
    realtime.stream_metrics({"loss": "x"})

    assert realtime.get_best_metric("loss") == 0.5
    assert realtime.save_checkpoint({"a": 1}) is None
    assert realtime.list_checkpoints() == []
    assert realtime.start_dashboard(port=0) is None
    realtime.end_run()
    assert not (tmp_path / "store").exists()


def test_copies_and_pickles_stream_to_the_same_run(realtime: RealTimeTracker) -> None:
    """A callback that holds one may be copied, or sent to a worker."""
    realtime.stream_metrics({"accuracy": 0.5})
    assert copy.deepcopy(realtime) is realtime
    sent = pickle.loads(pickle.dumps(realtime))
    sent.stream_metrics({"accuracy": 0.7})
    best = sent.get_best_metric("accuracy")
    sent.tracker.close()

    assert best == 0.7
    assert Store(realtime.tracker.root).metrics(keys=["accuracy"]).collect().height == 2


def test_it_wants_a_tracker() -> None:
    """A path isn't one."""
    with pytest.raises(TypeError, match="tracker is an ExperimentTracker, not str"):
        RealTimeTracker("experiments")  # type: ignore[arg-type]


def test_streaming_and_saving_load_no_polars(tmp_path: Path) -> None:
    """The training process stays light, and safe to fork."""
    code = f"""
import sys
from tracker import ExperimentTracker, RealTimeTracker
realtime = RealTimeTracker(ExperimentTracker({str(tmp_path)!r}, "e", auto_log=False), keep_last=1)
realtime.start_run("r")
realtime.stream_metrics({{"iteration": 1, "accuracy": 0.5}})
realtime.save_checkpoint({{"best": realtime.get_best_metric("accuracy"), "none": realtime.get_best_metric("nope")}})
realtime.load_checkpoint()
realtime.end_run()
print(*(name for name in ("polars", "starlette", "sklearn", "matplotlib") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_nothing_is_left_behind_by_a_tracker_that_is_closed(tracker: ExperimentTracker) -> None:
    """No thread of the dashboard's stays."""
    before = set(threading.enumerate())
    realtime = RealTimeTracker(tracker)
    realtime.start_dashboard(port=0)
    tracker.close()

    assert [thread.name for thread in set(threading.enumerate()) - before if "dashboard" in thread.name] == []
