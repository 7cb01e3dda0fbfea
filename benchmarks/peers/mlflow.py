"""MLflow on SQLite, with `log_metrics` synchronous (its default) and asynchronous."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import NUMPY, LogCall


class Mlflow:
    """A run in a local SQLite store; current versions refuse the old file store."""

    requirements = ("mlflow==3.17.2", NUMPY)
    environment: Mapping[str, str] = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

    def __init__(self, *, synchronous: bool) -> None:
        self._synchronous = synchronous
        self.name = "mlflow-sync" if synchronous else "mlflow-async"
        self.settings = f"sqlite:/// store, log_metrics(synchronous={synchronous})"

    def open(self, folder: Path) -> LogCall:
        """Start a run that writes below `folder`."""
        import mlflow

        self._mlflow: Any = mlflow
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = mlflow.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
        mlflow.start_run(experiment_id=experiment, run_name="r")
        log_metrics, synchronous = mlflow.log_metrics, self._synchronous

        def log(metrics: dict[str, float], step: int) -> None:
            log_metrics(metrics, step=step, synchronous=synchronous)

        return log

    def close(self) -> None:
        """Flush what is under way and end the run."""
        if not self._synchronous:
            self._mlflow.flush_async_logging()
        self._mlflow.end_run()

    def count_points(self, folder: Path) -> int | None:
        """Rows of the metrics table."""
        with closing(sqlite3.connect(folder / "mlflow.db")) as database:
            return int(database.execute("SELECT count(*) FROM metrics").fetchone()[0])
