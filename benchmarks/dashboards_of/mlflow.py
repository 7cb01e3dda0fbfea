"""MLflow's UI."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.dashboards_of.contract import Client, Told
from benchmarks.queries_of.mlflow import TOOL as QUERIED

if TYPE_CHECKING:
    from benchmarks.dashboard_jobs import LongRun

_API = "/ajax-api/2.0/mlflow"
_MOST_RUNS_A_CHART = 100
_BATCH = 1000


class Mlflow:
    """`mlflow server` over SQLite. The table is one search of all runs; a chart the sampled history of up to 100."""

    name = "mlflow"
    requirements = QUERIED.requirements
    settings = (
        "mlflow server --workers 1, SQLite; runs/search of all at once, get-history-bulk-interval (320 points a run)"
    )
    environment: Mapping[str, str] = {**QUERIED.environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def log_long(self, folder: Path, runs: "Iterable[LongRun]") -> list[str]:
        """Batches of a thousand points, the most that one takes."""
        import mlflow
        from mlflow.entities import Metric

        client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = client.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
        ids = []
        for run in runs:
            run_id = client.create_run(experiment, run_name=run.name).info.run_id
            points = [Metric(run.key, value, step * 10, step) for step, value in enumerate(run.values())]
            for start in range(0, len(points), _BATCH):
                client.log_batch(run_id, metrics=points[start : start + _BATCH])
            client.set_terminated(run_id)
            ids.append(run_id)
        return ids

    def command(self, folder: Path, port: int) -> list[str]:
        """As on the command line, with one worker."""
        store = f"sqlite:///{folder / 'mlflow.db'}"
        return ["-m", "mlflow", "server", "--backend-store-uri", store, "--port", str(port), "--workers", "1"]

    def ready(self, client: Client, metric: str, run_ids: Sequence[str]) -> None:
        """Its experiments are there."""
        del metric, run_ids
        client.post(f"{_API}/experiments/search", {"max_results": 10})

    def ask(self, client: Client, question: str, metric: str, run_ids: Sequence[str]) -> list[bytes]:
        """One request."""
        if question == "table":
            found = json.loads(client.post(f"{_API}/experiments/search", {"max_results": 10}))
            ids = [each["experiment_id"] for each in found["experiments"]]
            return [client.post(f"{_API}/runs/search", {"experiment_ids": ids, "max_results": 50_000})]
        asked: list[tuple[str, Any]] = [("run_ids", run_id) for run_id in run_ids[:_MOST_RUNS_A_CHART]]
        query = urlencode([*asked, ("metric_key", metric), ("max_results", 320)])
        return [client.get(f"{_API}/metrics/get-history-bulk-interval?{query}")]

    def told(self, question: str, metric: str, answer: list[bytes]) -> Told:
        """Of a chart: the points of all runs in one list."""
        del metric
        if question == "table":
            return {"runs": len(json.loads(answer[0])["runs"])}
        points = json.loads(answer[0])["metrics"]
        runs = {point["run_id"] for point in points}
        return {"runs": len(runs), "points": len(points), "highest": max(float(point["value"]) for point in points)}


TOOL = Mlflow()
