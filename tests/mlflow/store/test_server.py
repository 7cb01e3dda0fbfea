"""A real `mlflow server` on our store, asked over HTTP: by MLflow's client, and as MLflow's pages ask."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from readers.store import Store
from tests.mlflow.conftest import QUIET, START_S, Server
from tests.waiting import until
from tracker import ExperimentTracker


class OurServer(Server):
    """Two workers, over a store of ours, that hand artifacts on to it."""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        address = f"steplog://{self.folder}/store"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "2", "--backend-store-uri", address, "--artifacts-destination", address]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **QUIET}, start_new_session=True
            )
        until(self._answers, (self.folder / "server.log").read_text, deadline_s=START_S)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OurServer]:
    """A server of the test's own."""
    made = OurServer(tmp_path)
    made.start()
    yield made
    made.kill()


def _asked(server: Server, path: str, **body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{server.uri}/ajax-api/2.0/mlflow/{path}", json.dumps(body).encode() if body else None
    )
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def test_runs_are_logged_and_read_over_http(server: OurServer, root: Path) -> None:
    """A client elsewhere logs runs with artifacts; a tracker's runs and they are shown, and are the store's own."""
    import mlflow
    from mlflow import MlflowClient

    store = server.folder / "store"
    with ExperimentTracker(store, "over http", auto_log=False) as tracker, tracker.start_run("ours") as ours:
        tracker.log_metrics({"loss": 0.5}, step=3)
        tracker.log_text("of a tracker", "ours.txt")
    client: Any = MlflowClient(server.uri)
    mlflow.set_tracking_uri(server.uri)
    mlflow.set_experiment("over http")
    ids = []
    for number in range(3):
        with mlflow.start_run(run_name=f"theirs {number}") as run:
            mlflow.log_params({"lr": 0.1, "number": number})
            for step in range(5):
                mlflow.log_metric("loss", step / 4, step=step)
            mlflow.log_text("of a client", "deep/theirs.txt")
        ids.append(run.info.run_id)
    text = mlflow.artifacts.load_text(f"runs:/{ids[0]}/deep/theirs.txt")
    ours_text = mlflow.artifacts.load_text(f"runs:/{ours}/ours.txt")
    experiment = client.get_experiment_by_name("over http").experiment_id
    found = client.search_runs([experiment], order_by=["start_time"])
    page = _asked(server, "runs/search", experiment_ids=[experiment], max_results=100)
    query = "&".join(f"run_ids={each}" for each in [ours, *ids])
    points = _asked(server, f"metrics/get-history-bulk-interval?{query}&metric_key=loss")["metrics"]
    listed = _asked(server, f"artifacts/list?run_id={ids[0]}&path=deep")["files"]

    assert (text, ours_text) == ("of a client", "of a tracker")
    assert [run.info.run_name for run in found] == ["ours", "theirs 0", "theirs 1", "theirs 2"]
    assert {run.info.status for run in found} == {"FINISHED"}
    assert [len(client.get_metric_history(each, "loss")) for each in [ours, *ids]] == [1, 5, 5, 5]
    assert len(page["runs"]) == 4
    assert len(points) == 16
    assert [each["path"] for each in listed] == ["deep/theirs.txt"]
    assert (store / "artifacts" / ids[0] / "deep/theirs.txt").read_text() == "of a client"
    assert _asked(server, "registered-models/search") == {}

    server.kill()
    rows = {row["run_name"]: row["status"] for row in Store(store).runs().collect().iter_rows(named=True)}
    assert rows == dict.fromkeys(["ours", "theirs 0", "theirs 1", "theirs 2"], "FINISHED")
