"""Ways to bring points to an MLflow server: ours, and those of MLflow's own client. For `forwarding`.

Each logs one scalar a step in one run. `open` is start-up: imports, the experiment, the run, a first point; it returns
when the server has that. `finish` returns when the client says that everything has arrived.
"""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.mlflow_server import SETTINGS, MlflowServer
from benchmarks.peers.contract import NUMPY, Installed

_MLFLOW = "mlflow==3.17.2"
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
_PATIENCE_S = 120.0
_BATCH = 1000
_PILOT, _GROWTH = 200, 20
KEY = "loss"


class Sender(Installed, Protocol):
    """One way."""

    most: int
    """Points that it is given at most."""

    def open(self, folder: Path, uri: str) -> None:
        """Start a run at the server, with one point."""

    def send(self, values: Sequence[float]) -> None:
        """Log the values as steps from 1 on; again goes on behind."""

    def finish(self) -> None:
        """Wait until all of it is at the server."""

    def close(self) -> None:
        """End the run."""


class Steplog:
    """`log_metrics` with backend="both": the store's files, read and sent by the forwarder's process."""

    name = "steplog"
    requirements = (".", _MLFLOW, NUMPY)
    settings = f'backend="both", auto_log=False; log_metrics a point; {SETTINGS}'
    environment: Mapping[str, str] = {**_QUIET, "STEPLOG_FORWARD_WAIT": str(_PATIENCE_S)}
    most = 500_000

    def open(self, folder: Path, uri: str) -> None:
        """The run is at the server when this returns."""
        from tracker import ExperimentTracker

        self._tracker: Any = ExperimentTracker(folder / "store", "bench", "both", uri, auto_log=False)
        self._tracker.start_run("r")
        self._step = 0
        self._log(0.0)
        self.finish()

    def send(self, values: Sequence[float]) -> None:
        """A call a point."""
        for value in values:
            self._log(value)

    def finish(self) -> None:
        """What `end_run` waits for, while the run goes on."""
        wanted = self._step
        until = time.monotonic() + _PATIENCE_S
        while (view := self._tracker.forwarding()) is None or view.points < wanted:
            if time.monotonic() > until:
                raise TimeoutError(f"{view}")
            time.sleep(0.005)

    def close(self) -> None:
        """End the run."""
        self._tracker.close()

    def _log(self, value: float) -> None:
        self._tracker.log_metrics({KEY: value}, step=self._step)
        self._step += 1


class Mlflow:
    """MLflow's client against the server."""

    requirements = (_MLFLOW, NUMPY)
    environment: Mapping[str, str] = _QUIET
    name = "mlflow-sync"
    settings = f"mlflow.log_metric a point; {SETTINGS}"
    most = 20_000

    def open(self, folder: Path, uri: str) -> None:
        """A run in an experiment of its own."""
        import mlflow

        os.chdir(folder)
        self._mlflow: Any = mlflow
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("bench")
        self._run_id = mlflow.start_run(run_name="r").info.run_id
        mlflow.log_metric(KEY, 0.0, step=0)
        self._step = 1

    def send(self, values: Sequence[float]) -> None:
        """A call a point."""
        for value in values:
            self._mlflow.log_metric(KEY, value, step=self._step)
            self._step += 1

    def finish(self) -> None:
        """Each call has waited for its answer."""

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


class MlflowAsync(Mlflow):
    """The same, asynchronous."""

    name = "mlflow-async"
    settings = f"mlflow.log_metrics(…, synchronous=False) a point; {SETTINGS}"

    def send(self, values: Sequence[float]) -> None:
        """A call a point."""
        for value in values:
            self._mlflow.log_metrics({KEY: value}, step=self._step, synchronous=False)
            self._step += 1

    def finish(self) -> None:
        """The documented way to wait."""
        self._mlflow.flush_async_logging()


class MlflowBuffered(MlflowAsync):
    """The same with the setting by which the client gathers calls into batches."""

    name = "mlflow-buffered"
    settings = f"mlflow.log_metrics(…, synchronous=False), MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS=1; {SETTINGS}"
    environment: Mapping[str, str] = {**_QUIET, "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS": "1"}
    most = 100_000


class MlflowBatch(Mlflow):
    """The most that a request takes, made by the caller."""

    name = "mlflow-batch"
    settings = f"MlflowClient.log_batch of {_BATCH:,} points, made beforehand by the caller; {SETTINGS}"
    most = 500_000

    def send(self, values: Sequence[float]) -> None:
        """A call for a thousand points."""
        from mlflow.entities import Metric

        client, now_ms = self._mlflow.MlflowClient(), time.time_ns() // 1_000_000
        for start in range(0, len(values), _BATCH):
            some = values[start : start + _BATCH]
            batch = [Metric(KEY, value, now_ms, self._step + place) for place, value in enumerate(some)]
            client.log_batch(self._run_id, metrics=batch)
            self._step += len(some)


SENDERS: dict[str, Sender] = {
    sender.name: sender for sender in (Steplog(), Mlflow(), MlflowAsync(), MlflowBuffered(), MlflowBatch())
}
"""Every way by its name, ours first."""


def named(name: str) -> Sender:
    """The way of that name."""
    return SENDERS[name]


def losses(count: int) -> list[float]:
    """Values as a training's."""
    return [math.exp(-3 * step / count) for step in range(count)]


def sending(sender: Sender, job: dict[str, Any]) -> dict[str, Any]:
    """Points against a fresh server, as many as fit `budget_s`; a pilot finds out how many.

    Returns: `points`, of the measured ones; `took_s`, from the first call until the server has all; `called_s`, until
        the last call returned; `arrived`, rows of the server's database beside those of start-up and pilot.
    """
    folder = Path(job["folder"])
    with MlflowServer(folder / "mlflow") as server:
        sender.open(folder, server.uri)
        count, before = _PILOT, server.points()
        while True:
            values = losses(count)
            began = time.monotonic()
            sender.send(values)
            called = time.monotonic()
            sender.finish()
            took_s = time.monotonic() - began
            arrived = server.points() - before
            fitting = min(int(count * job["budget_s"] / took_s), sender.most, _GROWTH * count)
            if fitting < 2 * count:
                break
            count, before = fitting, before + arrived
        sender.close()
    return {"points": count, "took_s": took_s, "called_s": called - began, "arrived": arrived}
