"""Trackio's dashboard."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.dashboards_of.contract import Client, Told
from benchmarks.queries_of.trackio import TOOL as QUERIED

if TYPE_CHECKING:
    from benchmarks.dashboard_jobs import LongRun

_LAST = "SELECT run_id, metrics, MAX(step) AS step FROM metrics GROUP BY run_id"
_SERVE = "import sys, trackio; trackio.show(open_browser=False, block_thread=True, server_port=int(sys.argv[1]))"


class Trackio:
    """Its own server. The table is its SQL for the last metrics and get_run_configs; a chart its page's get_logs_batch.

    That gives 3,000 points of each run at most, of all its metrics.
    """

    name = "trackio"
    requirements = QUERIED.requirements
    settings = "trackio.show; query_project (last metrics) and get_run_configs, get_logs_batch (3,000 points a run)"
    environment: Mapping[str, str] = {**QUERIED.environment, "TRACKIO_DIR": "{store}"}

    def log_long(self, folder: Path, runs: "Iterable[LongRun]") -> list[str]:
        """One bulk call a run."""
        os.environ["TRACKIO_DIR"] = str(folder)
        from trackio.sqlite_storage import SQLiteStorage

        storage: Any = SQLiteStorage
        ids = []
        for run in runs:
            metrics = [{run.key: value} for value in run.values()]
            storage.bulk_log("bench", run.name, metrics, list(range(len(metrics))), config={}, run_id=run.name)
            ids.append(run.name)
        return ids

    def command(self, folder: Path, port: int) -> list[str]:
        """`show`; the folder is told by the environment."""
        del folder
        return ["-c", _SERVE, str(port)]

    def ready(self, client: Client, metric: str, run_ids: Sequence[str]) -> None:
        """Its projects are there."""
        del metric, run_ids
        client.post("/api/get_all_projects", {})

    def ask(self, client: Client, question: str, metric: str, run_ids: Sequence[str]) -> list[bytes]:
        """Two requests for the table, one for a chart."""
        del metric
        if question == "table":
            last = client.post("/api/query_project", {"project": "bench", "query": _LAST})
            return [last, client.post("/api/get_run_configs", {"project": "bench"})]
        runs = [{"run": run_id, "run_id": run_id} for run_id in run_ids]
        return [client.post("/api/get_logs_batch", {"project": "bench", "runs": runs, "scalar_only": True})]

    def told(self, question: str, metric: str, answer: list[bytes]) -> Told:
        """Of a chart: each run's log."""
        if question == "table":
            return {"runs": len(json.loads(answer[1])["data"])}
        logs = [run["logs"] for run in json.loads(answer[0])["data"]]
        values = [float(row[metric]) for rows in logs for row in rows if metric in row]
        return {"runs": len(logs), "points": len(values), "highest": max(values)}


TOOL = Trackio()
