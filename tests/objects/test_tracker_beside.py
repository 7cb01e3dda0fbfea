"""What goes on beside a tracker with an address: its dashboard, and an MLflow server that gets its runs, too."""

import os
import re
import urllib.request
from pathlib import Path

import pytest

from tests.mlflow.conftest import mlflow_uri  # noqa: F401 - a fixture
from tests.objects.conftest import S3
from tests.objects.uploaded import OtherHost, run
from tracker import ExperimentTracker, RealTimeTracker

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def other_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherHost:
    """Who sees only what is in the bucket."""
    return OtherHost(tmp_path / "other hosts", monkeypatch)


def shown(dashboard: str | None) -> set[bytes]:
    """The ids of the runs that a dashboard shows."""
    assert dashboard is not None
    with urllib.request.urlopen(f"{dashboard.rstrip('/')}/api/runs", timeout=10) as answer:  # noqa: S310 - ours
        return set(re.findall(rb'"(there|here)"', answer.read()))


def test_the_dashboard_of_a_training_shows_all_nodes_runs(s3: S3, tmp_path: Path) -> None:
    """What others have uploaded, and what was logged here a moment ago."""
    address = s3.address("shown")
    code = """
        with ExperimentTracker(sys.argv[1], 'exp', auto_log=False) as t, t.start_run(run_id='there'):
            t.log_metrics({'x': 1.0})
    """
    assert run(code, address, env={**os.environ, "STEPLOG_SPOOL_DIR": str(tmp_path / "elsewhere")}).returncode == 0

    with ExperimentTracker(address, "exp", auto_log=False) as tracker, RealTimeTracker(tracker) as realtime:
        tracker.start_run(run_id="here")
        tracker.log_metrics({"x": 2.0})
        assert shown(realtime.start_dashboard(port=0)) == {b"there", b"here"}


def test_a_dashboard_without_a_network_shows_what_this_host_has(
    s3: S3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", DEAD)
    monkeypatch.setenv("STEPLOG_UPLOAD_WAIT", "0.1")
    with ExperimentTracker(s3.address("dark"), "exp", auto_log=False) as tracker, RealTimeTracker(tracker) as realtime:
        tracker.start_run(run_id="here")
        tracker.log_metrics({"x": 2.0})
        assert shown(realtime.start_dashboard(port=0)) == {b"here"}

    assert "the dashboard shows what this host has" in capsys.readouterr().err


def test_the_same_runs_go_to_an_mlflow_server(
    s3: S3,
    other_host: OtherHost,
    mlflow_uri: str,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With backend "both"; neither waits for the other."""
    from mlflow import MlflowClient

    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "60")
    address = s3.address("both")
    with ExperimentTracker(address, "s3 and mlflow", "both", mlflow_uri, auto_log=False) as tracker:
        run_id = tracker.start_run("run")
        for step in range(20):
            tracker.log_metrics({"x": float(step)}, step=step)
        tracker.end_run()

    client = MlflowClient(mlflow_uri)
    every = [experiment.experiment_id for experiment in client.search_experiments()]
    (found,) = client.search_runs(every, f"tags.`steplog.run_id` = '{run_id}'")
    assert len(client.get_metric_history(found.info.run_id, "x")) == 20
    assert other_host.points(address) == list(range(20))
