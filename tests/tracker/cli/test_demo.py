"""steplog demo: a real study ends up in the store, and what it prints is true."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from readers.store import Store
from tracker import ExperimentTracker
from tracker.cli import demo, study


@pytest.fixture
def shown(steplog: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a small study prints; its store is ./out."""
    monkeypatch.chdir(tmp_path)
    said = steplog("demo", "--runs", 3, "--epochs", 2, "--output-dir", "out")
    assert said.code == 0, said.err
    return str(said.out)


def test_demo_logs_a_study_and_shows_how_to_read_it(shown: str) -> None:
    """Every run and point is there, the model loads, and the printed lines of code run as printed."""
    store = Store("out")
    runs = {run["run_name"]: run for run in store.experiment_runs(demo.EXPERIMENT)}
    with ExperimentTracker("out", demo.EXPERIMENT, auto_log=False) as tracker:
        model = tracker.load_model(demo.MODEL, trust=True)
    polars_line = re.search(r"polars +(.+)", shown)
    duckdb_line = re.search(r"duckdb +(.+)", shown)

    assert list(runs) == ["trial-00", "trial-01", "trial-02", "final"]
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert (
        runs["final"]["metrics"]["test_accuracy"]
        == (model.predict(study.load_digits().test_images) == (study.load_digits().test_digits)).mean()
    )
    points = store.metrics(keys=list(study.Epoch._fields)).collect()
    assert points.height == 4 * 2 * 4
    assert polars_line is not None
    assert eval(polars_line[1], {"pl": pl}).filter(key="val_loss").height == 4 * 2  # noqa: S307 - our own output
    assert duckdb_line is not None
    assert {*study.Epoch._fields} <= {key for key, _, _ in duckdb.execute(duckdb_line[1]).fetchall()}


def test_demo_prints_the_runs_the_files_and_what_it_took(shown: str) -> None:
    """What a new user sees."""
    for text in (
        "4 runs",
        "log_metrics calls",
        "trial-0",
        "experiment=digits%2Fmlp-grid/",
        "digits-mlp/1/",
        "steplog ls",
    ):
        assert text in shown


def test_trials_go_through_the_grid_and_then_change_the_seed() -> None:
    """No two trials are the same; the grid comes again with the next seed."""
    trials = study.trials(130)

    assert len(set(trials)) == 130
    assert {trial.seed for trial in trials[:64]} == {0}
    assert {trial._replace(seed=0) for trial in trials[:64]} == {trial._replace(seed=0) for trial in trials[64:128]}


def test_an_impossible_variable_is_a_usage_error(
    steplog: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback."""
    monkeypatch.setenv("STEPLOG_FLUSH_INTERVAL", "soon")
    said = steplog("demo", "--runs", 1, "--epochs", 1, "--output-dir", tmp_path / "out")

    assert said.code == 2
    assert "STEPLOG_FLUSH_INTERVAL" in said.err
