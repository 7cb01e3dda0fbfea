"""Histories: all points of metrics, as a server gives them; what was read once is kept.

A history is asked for again when its run goes on: while it is RUNNING always, later when its status, its end or the
metric's last point are others. The histories of one metric come for many runs at once where the server can do that.
"""

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from readers.mlflow.remoterun import LARGEST, RemoteRun, moment
from readers.mlflow.server import RETRIES, TrackingServer

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_RUNS, MOST_POINTS = 100, 25_000
"""What a server gives at once."""
_MOST_KEPT = 10_000_000
_AT_ONCE = 4
_BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
Ints = npt.NDArray[np.int64]


class Point(NamedTuple):
    """A point as MLflow has it."""

    timestamp: int
    value: float
    step: int


class History(NamedTuple):
    """Points in the order of time, shape (n,) each."""

    time_ms: Ints
    step: Ints
    value: npt.NDArray[np.float64]


Place = tuple[str, str]
"""MLflow's run id, and the metric's name at the server."""


class Histories:
    """The histories of one server."""

    def __init__(self, server: TrackingServer) -> None:
        self._server = server
        self._kept: dict[Place, tuple[object, History]] = {}
        self._points = 0

    def read(self, runs: Iterable[RemoteRun], metrics: Sequence[str] | None) -> dict[Place, History]:
        """The histories of these metrics (None: of all) of these runs, as far as a run has them.

        Raises: ServerUnavailable.
        """
        stamps: dict[Place, object] = {}
        for run in runs:
            for name in run.metrics if metrics is None else metrics:
                if name in run.metrics:
                    latest = run.metrics[name]
                    stamps[run.mlflow_id, latest.written] = (
                        None if run.status == "RUNNING" else (run.state, latest.seen)
                    )
        found = {}
        for place, stamp in stamps.items():
            kept = self._kept.get(place)
            if kept is not None and stamp is not None and kept[0] == stamp:
                found[place] = kept[1]
        for place, history in self._fetched([place for place in stamps if place not in found]):
            found[place] = history
            if stamps[place] is not None:
                self._keep(place, stamps[place], history)
        return found

    def _keep(self, place: Place, stamp: object, history: History) -> None:
        if self._points + len(history.value) > _MOST_KEPT:
            self._kept.clear()
            self._points = 0
        self._points += len(history.value)
        self._kept[place] = stamp, history

    def _fetched(self, places: Sequence[Place]) -> Iterable[tuple[Place, History]]:
        """Ask for them, metric by metric, for many runs at once; several questions at a time of a server."""
        by_metric: dict[str, list[str]] = {}
        for mlflow_id, written in places:
            by_metric.setdefault(written, []).append(mlflow_id)
        parts = [
            (written, ids[at : at + MOST_RUNS])
            for written, ids in by_metric.items()
            for at in range(0, len(ids), MOST_RUNS)
        ]
        if not parts:
            return
        with ThreadPoolExecutor(_AT_ONCE if self._server.is_remote else 1, "steplog-mlflow") as pool:
            for (written, _), found in zip(parts, pool.map(lambda part: self._of_runs(*part), parts), strict=True):
                for mlflow_id, points in found.items():
                    yield (mlflow_id, written), _history(points)

    def _of_runs(self, written: str, ids: Sequence[str]) -> dict[str, list[Point]]:
        """The points of one metric of at most MOST_RUNS runs."""
        ask, client = self._server.ask, self._server.client
        what = f"the history of metric {written!r}"
        found: dict[str, list[Point]] = {mlflow_id: [] for mlflow_id in ids}
        waiting = set(ids)
        while waiting:
            rows = ask(what, lambda: bulk(client, sorted(waiting), written, MOST_POINTS, RETRIES))  # noqa: B023 - called at once
            cut = rows is None or len(rows) >= MOST_POINTS
            for mlflow_id, point in rows or ():
                found[mlflow_id].append(point)
            if not cut:
                return found
            # Runs come one after the other: the last in the answer may be cut, those before it are whole.
            last = rows[-1][0] if rows else min(waiting)
            alone = waiting if rows is None else {last}
            for mlflow_id in alone:
                whole = ask(what, lambda: client.get_metric_history(mlflow_id, written))  # noqa: B023
                found[mlflow_id] = [Point(one.timestamp, one.value, one.step) for one in whole]
            waiting = waiting - alone - {mlflow_id for mlflow_id, _ in rows or ()}
        return found


def bulk(
    client: "MlflowClient", run_ids: Sequence[str], key: str, most: int, max_retries: int | None = None
) -> list[tuple[str, Point]] | None:
    """The points of one metric of several runs, run by run, at most so many; None where the server can't do that."""
    store = client._tracking_client.store  # noqa: SLF001 - the client itself asks for one run at a time
    if hasattr(store, "get_metric_history_bulk"):
        rows = store.get_metric_history_bulk(run_ids, key, most)
        return [(row.run_id, Point(row.timestamp, row.value, row.step)) for row in rows]
    if not hasattr(store, "get_host_creds"):
        return None
    from mlflow.utils.rest_utils import http_request

    asked = [("run_id", run_id) for run_id in run_ids]
    params = [*asked, ("metric_key", key), ("max_results", str(most))]
    answer = http_request(store.get_host_creds(), _BULK, "GET", params=params, max_retries=max_retries)
    if answer.status_code != 200:
        return None
    try:
        found = json.loads(answer.text)["metrics"]
        return [(row["run_id"], Point(int(row["timestamp"]), float(row["value"]), int(row["step"]))) for row in found]
    except (ValueError, KeyError, TypeError):  # another server's answer: the client's own way tells what is wrong
        return None


def _history(points: Sequence[Point]) -> History:
    times = np.array([moment(point.timestamp) for point in points], np.int64)
    steps = np.array([point.step for point in points], np.int64)
    values = np.array([point.value for point in points], np.float64)
    values[np.abs(values) == LARGEST] *= np.inf
    order = np.lexsort((values, steps, times))
    return History(times[order], steps[order], values[order])
