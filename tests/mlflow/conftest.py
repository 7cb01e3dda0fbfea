"""A real MLflow server (SQLite, artifacts on local disk, one worker), one for all tests, and what it answers.

The workers of a parallel run share the first one's server; the last of them to leave ends it.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from readers.mlflow.moments import Moments
from readers.mlflow.names import metric_name
from readers.store import Store
from tests.mlflow.proxy import Proxy
from tests.waiting import until

LARGEST = 1.7976931348623157e308

START_S = 120.0
"""MLflow's server takes five seconds to start on a quiet machine, and a minute on one with much else to do."""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for the server, which is MLflow's time and not ours."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(START_S + 60))


class Server:
    """A server process on a port of its own; `kill` it and `start` it again, over the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **QUIET}, start_new_session=True
            )
        until(self._answers, (self.folder / "server.log").read_text, deadline_s=START_S)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5):  # noqa: S310
                return True
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill it and its worker at once, as a crash would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """Where the server of this test run answers."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "mlflow-server"
    shared.mkdir(exist_ok=True)
    state = shared / "state.json"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told: dict[str, Any] = json.loads(state.read_text()) if state.exists() else {"users": 0}
        server = Server(shared / "data")
        if not told["users"]:
            server.start()
            assert server.process is not None
            told = {"users": 0, "uri": server.uri, "pid": server.process.pid}
        state.write_text(json.dumps({**told, "users": told["users"] + 1}))
    yield told["uri"]
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = json.loads(state.read_text())
        told["users"] -= 1
        state.write_text(json.dumps(told))
        if not told["users"]:
            os.killpg(told["pid"], signal.SIGKILL)
        if server.process is not None:  # it is our child; where others still use it, the last of them ends it
            server.process.returncode = 0 if told["users"] else server.process.wait()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be killed and started again; not started yet."""
    server = Server(tmp_path / "mlflow")
    yield server
    server.kill()


@pytest.fixture
def proxy(mlflow_uri: str) -> Iterator[Proxy]:
    """A proxy before the server of this test run."""
    made = Proxy(mlflow_uri)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's client tells nobody, doesn't retry by itself, and isn't told of servers by the environment."""
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # set first, so that what mlflow sets there itself is undone
    monkeypatch.delenv("MLFLOW_TRACKING_URI")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a store that isn't there yet."""
    return tmp_path / "store"


class Answer(NamedTuple):
    """A run as the server has it."""

    info: Any
    params: dict[str, str]
    tags: dict[str, str]
    points: list[tuple[str, int, int, float]]
    """(metric, step, milliseconds, value), sorted; every one that the server has."""


class Asked:
    """What the server answers of the runs of one store; `uri` is where it is asked."""

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(uri)

    def runs(self, run_id: str) -> list[Answer]:
        """Every run that carries our id: one, if all is well."""
        every = [experiment.experiment_id for experiment in self.client.search_experiments()]
        found = self.client.search_runs(every, f"tags.`steplog.run_id` = '{run_id}'")
        return [self._answer(run) for run in found]

    def run(self, run_id: str) -> Answer:
        """The one run with our id."""
        (found,) = self.runs(run_id)
        return found

    def artifacts(self, run_id: str, folder: str = "") -> dict[str, bytes]:
        """The bytes of every artifact of a run, by path."""
        mlflow_id = self.run(run_id).info.run_id
        return dict(self._files(mlflow_id, folder))

    def _files(self, mlflow_id: str, folder: str) -> Iterator[tuple[str, bytes]]:
        for entry in self.client.list_artifacts(mlflow_id, folder):
            if entry.is_dir:
                yield from self._files(mlflow_id, entry.path)
            else:
                yield entry.path, Path(self.client.download_artifacts(mlflow_id, entry.path)).read_bytes()

    def _answer(self, run: Any) -> Answer:
        points = [
            (key, metric.step, metric.timestamp, metric.value)
            for key in run.data.metrics
            for metric in self.client.get_metric_history(run.info.run_id, key)
        ]
        return Answer(run.info, run.data.params, run.data.tags, sorted(points, key=_in_order))


def stored(root: Path, run_id: str) -> list[tuple[str, int, int, float]]:
    """The same of the store: every point as it ought to be at the server."""
    frame = Store(root).metrics(runs=[run_id]).collect().sort("writer", "seq")
    moments = Moments()
    found = []
    for key, step, time_ms, value in zip(
        frame["key"], frame["step"], frame["time"].dt.timestamp("ms"), frame["value"], strict=True
    ):
        name, at = metric_name(key), step or 0
        held = max(-LARGEST, min(LARGEST, value)) + 0.0 if value == value else value  # noqa: PLR0124 - NaN; SQL has no -0.0
        found.append((name, at, moments.free(run_id, name, time_ms, at, value), held))
    return sorted(found, key=_in_order)


def _in_order(point: tuple[str, int, int, float]) -> tuple[Any, ...]:
    return point[:3], repr(point[3])


@pytest.fixture
def asked(mlflow_uri: str) -> Asked:
    """What the server of this test run answers."""
    return Asked(mlflow_uri)


@pytest.fixture
def same(asked: Asked, root: Path) -> Callable[[str], None]:
    """Asserts that the server has every point of a run once, and none more."""

    def check(run_id: str, uri: str | None = None) -> None:
        there = asked if uri is None else Asked(uri)
        points = [(key, step, at, repr(value)) for key, step, at, value in there.run(run_id).points]
        assert points == [(key, step, at, repr(value)) for key, step, at, value in stored(root, run_id)]

    return check
