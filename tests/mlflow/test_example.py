"""The specification's MLflow snippet against a real server: as it stands, but for the server's address."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from readers.store import Store

EXAMPLES = Path(__file__).parents[1] / "examples"
ADDRESS = "http://localhost:5000"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the snippet's tracker puts its store."""
    return tmp_path / "experiments"


def test_mlflow_integration(
    tmp_path: Path, root: Path, mlflow_uri: str, asked: Any, same: Callable[[str], None]
) -> None:
    """Three runs with params, metrics, a model and its plots: each thing is in the store and at the server."""
    text = (EXAMPLES / "spec" / "mlflow_integration.py").read_text()
    assert text.count(ADDRESS) == 1
    example = tmp_path / "example.py"
    example.write_text(text.replace(ADDRESS, mlflow_uri))
    environment = {"MPLBACKEND": "Agg", "MLFLOW_TRACKING_URI": mlflow_uri, "STEPLOG_FORWARD_WAIT": "120"}

    done = subprocess.run(
        [sys.executable, EXAMPLES / "record.py", example, tmp_path / "calls.pickle"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    calls = pickle.loads((tmp_path / "calls.pickle").read_bytes())
    params = [args[0] for name, args, _, _ in calls if name == "log_params" and "max_depth" in args[0]]
    metrics = [args[0] for name, args, _, _ in calls if name == "log_metrics" and "test_accuracy" in args[0]]
    runs = Store(root).experiment_runs("automl_comparison")
    assert [run["run_name"] for run in runs] == ["rf_experiment_0", "rf_experiment_1", "rf_experiment_2"]
    for run, given, measured in zip(runs, params, metrics, strict=True):
        found = asked.run(run["run_id"])
        assert (found.info.run_name, found.info.status) == (run["run_name"], "FINISHED")
        assert found.params.items() >= {name: str(value) for name, value in given.items()}.items()
        assert {key: value for key, _, _, value in found.points}.items() >= measured.items()
        same(run["run_id"])
    best = next(line for line in done.stdout.splitlines() if line.startswith("Best run: ")).split()[2]
    there = asked.artifacts(best)
    stored = root / "artifacts" / best
    for file in (path for path in stored.rglob("*") if path.is_file()):
        assert there[str(file.relative_to(stored))] == file.read_bytes()
    assert any(path.startswith("models/best_model/") for path in there)
