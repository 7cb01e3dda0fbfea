"""MLflow: a metric's history, whole each time."""
# mypy: disable-error-code="import-not-found, import-untyped, no-untyped-call"

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.followers.contract import LOOK_S


class Mlflow:
    """`get_metric_history`, as its pages ask it."""

    how = f"MlflowClient.get_metric_history every {LOOK_S} s"

    def steps(self, folder: Path, metric: str) -> Iterator[list[int]]:
        """The steps behind the last one."""
        import mlflow

        yield []
        path, last, run = folder / "mlflow.db", -1, None
        while run is None:  # until the writer has made the tables: two that make them at once get in each other's way
            time.sleep(LOOK_S)
            run = _first_run(path)
        client = mlflow.MlflowClient(f"sqlite:///{path}")
        while True:
            found = [point.step for point in client.get_metric_history(run, metric)]
            steps = sorted(step for step in found if step > last)
            last = max([last, *steps])
            yield steps
            time.sleep(LOOK_S)


def _first_run(path: Path) -> str | None:
    """The id of the only run, when there is one."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT run_uuid FROM runs").fetchone()
    except sqlite3.Error:
        return None
    return str(found[0]) if found else None


TOOL = Mlflow()
