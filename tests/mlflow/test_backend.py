"""Backends "mlflow" and "both": the training feels nothing, and the server has everything when a run has ended."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ForwardingError
from readers.mlflow.address import target_id
from readers.mlflow.forwarder import Forwarder
from tracker import ExperimentTracker

Same = Callable[..., None]


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a forwarder takes a second on a quiet machine, and more on others."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "120")


def free_uri() -> str:
    """Where nobody listens."""
    return "http://127.0.0.1:9"


def test_a_run_is_at_the_server_when_it_has_ended(root: Path, mlflow_uri: str, same: Same, asked: Any) -> None:
    """And in the store; a run that another tracker logs only locally into the same store stays there, until sync."""
    with ExperimentTracker(root, "backend", backend="both", mlflow_tracking_uri=mlflow_uri, auto_log=False) as tracker:
        run = tracker.start_run("sent", params={"lr": 0.1}, tags={"team": "red"})
        with ExperimentTracker(root, "private", auto_log=False) as other:
            private = other.start_run()
            other.log_metrics({"loss": 1.0}, step=1)
            other.end_run()
        for step in range(100):
            tracker.log_metrics({"loss": 1 / (step + 1)}, step=step)
        assert asked.runs(private) == []
        tracker.end_run()

        same(run)
        found = asked.run(run)
        assert (found.info.run_name, found.info.status) == ("sent", "FINISHED")
        assert (found.params, found.tags["team"]) == ({"lr": "0.1"}, "red")
        view = tracker.forwarding()
        assert view is not None
        assert (view.points, view.running, view.settled, view.error) == (100, True, True, None)
        assert tracker.get_experiment_runs()[0]["metrics"] == {"loss": 0.01}
    assert not tracker.forwarding().running  # type: ignore[union-attr]
    assert asked.runs(private) == []

    with Forwarder(root, mlflow_uri, everything=True) as forwarder:
        assert forwarder.drain()

    same(private)
    same(run)


def test_nothing_heavy_gets_into_the_training(root: Path, mlflow_uri: str) -> None:
    """Neither MLflow nor Polars, after a run with this backend."""
    code = (
        "import sys; from tracker import ExperimentTracker\n"
        "t = ExperimentTracker(sys.argv[1], 'light', 'mlflow', sys.argv[2], False)\n"
        "t.start_run(); t.log_metrics({'x': 1.0}, step=1); t.end_run(); view = t.forwarding(); t.close()\n"
        "print(view.points, *({'mlflow', 'polars', 'requests'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(root), mlflow_uri], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["1"], "")


def test_what_a_killed_training_logged_is_sent_all_the_same(
    root: Path, mlflow_uri: str, same: Same, asked: Any
) -> None:
    """Kill -9 right after the last log call: its forwarder sends the rest, and says that the run has failed."""
    code = (
        "import os, sys; from tracker import ExperimentTracker\n"
        "t = ExperimentTracker(sys.argv[1], 'killed training', 'both', sys.argv[2], False)\n"
        "t.start_run(run_id=sys.argv[3])\n"
        "for step in range(50): t.log_metrics({'x': step}, step=step)\n"
        "t.flush(); t.forwarding(); t._remote.settle('now')\n"
        "for step in range(50, 99): t.log_metrics({'x': step}, step=step)\n"
        "os.kill(os.getpid(), 9)"
    )
    run_id = f"killed-{os.getpid()}-{root.parent.name[-6:]}"
    subprocess.run([sys.executable, "-c", code, str(root), mlflow_uri, run_id], capture_output=True, check=False)

    with (root / "forward" / target_id(mlflow_uri) / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # its forwarder has ended

    same(run_id)
    found = asked.run(run_id)
    assert len(found.points) == 99
    assert (found.info.status, found.tags["steplog.status"]) == ("FAILED", "INTERRUPTED")


def test_a_dead_server_costs_the_deadline_once_and_is_said(
    root: Path, mlflow_uri: str, same: Same, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left is in the store; sync sends it to a server that lives."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "0.2")
    with ExperimentTracker(root, "dead", "both", free_uri(), auto_log=False) as tracker:
        ids = []
        for _ in range(3):
            ids.append(tracker.start_run())
            tracker.log_metrics({"loss": 1.0}, step=1)
            tracker.end_run()

    said = [record.message for record in caplog.records if "doesn't have everything after 0.2 s" in record.message]
    assert len(said) == 1
    with Forwarder(root, mlflow_uri, everything=True) as forwarder:
        assert forwarder.drain()
    for run_id in ids:
        same(run_id)


def test_the_users_own_mlflow_stays_as_it_is(root: Path, mlflow_uri: str, asked: Any) -> None:
    """Its tracking address, experiment and active run; and where it logs to is where we send to, if nothing else is."""
    import mlflow

    with pytest.raises(ForwardingError, match="where is the MLflow server"):
        ExperimentTracker(root, backend="mlflow")
    mlflow.set_tracking_uri(mlflow_uri)
    try:
        mlflow.set_experiment("the user's own")
        with mlflow.start_run() as own, ExperimentTracker(root, "ours", "mlflow", auto_log=False) as tracker:
            run = tracker.start_run()
            tracker.log_metrics({"loss": 1.0}, step=1)
            mlflow.log_metric("mine", 2.0)
            tracker.end_run()
            active = mlflow.active_run()
            assert active is not None
            assert active.info.run_id == own.info.run_id
            assert mlflow.get_tracking_uri() == mlflow_uri
        assert mlflow.get_run(own.info.run_id).data.metrics == {"mine": 2.0}
        assert [point[0] for point in asked.run(run).points] == ["loss"]
    finally:
        mlflow.set_tracking_uri(None)


def test_a_disabled_tracker_needs_no_server(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that STEPLOG_BACKEND keeps local."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    assert ExperimentTracker(root, backend="mlflow").forwarding() is None
    monkeypatch.delenv("STEPLOG_MODE")
    monkeypatch.setenv("STEPLOG_BACKEND", "local")
    with ExperimentTracker(root, backend="mlflow") as tracker:
        assert tracker.forwarding() is None


def test_two_trainings_share_one_store(root: Path, mlflow_uri: str, same: Same) -> None:
    """The first one's forwarder sends both; the second doesn't wait for a turn that doesn't come."""
    with ExperimentTracker(root, "two", "both", mlflow_uri, auto_log=False) as first:
        one = first.start_run()
        assert first._remote is not None
        assert first._remote._process is not None
        assert first._remote._process.settle(120)  # so that it is the first one that forwards
        with ExperimentTracker(root, "two", "both", mlflow_uri, auto_log=False) as second:
            other = second.start_run()
            second.log_metrics({"loss": 2.0}, step=1)
            second.end_run()
        first.log_metrics({"loss": 1.0}, step=1)
        first.end_run()

    same(one)
    same(other)
