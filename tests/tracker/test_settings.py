"""What a tracker is told by arguments and environment, and the folders it can and can't use."""

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from ingest.settings import PipelineSettings
from readers.store import Store
from tracker import ExperimentTracker, FormatTooNew, ForwardingError, StoreUnavailable
from tracker.settings import read_settings


def settings_for(environment: dict[str, str], **arguments: Any) -> Any:
    """Settings under a given environment."""
    given = {"output_dir": "./experiments", "experiment_name": None, "backend": "local", "mlflow_tracking_uri": None}
    flags: dict[str, Any] = {"auto_log": True, "strict": None, "pipeline": None}
    return read_settings(**{**given, **flags, **arguments}, environment=environment)


def test_the_environment_fills_what_arguments_leave_open() -> None:
    """STEPLOG_DIR, STEPLOG_RUN_ID, STEPLOG_FLUSH_INTERVAL and MLFLOW_TRACKING_URI."""
    environment = {
        "STEPLOG_DIR": "elsewhere",
        "STEPLOG_RUN_ID": "job-1",
        "STEPLOG_FLUSH_INTERVAL": "0.05",
        "MLFLOW_TRACKING_URI": "sqlite:///x.db",
    }
    found = settings_for(environment)

    assert (found.output_dir, found.run_id) == ("elsewhere", "job-1")
    assert (found.pipeline.flush_interval_s, found.mlflow_tracking_uri) == (0.05, "sqlite:///x.db")
    assert settings_for(environment, output_dir="mine").output_dir == "mine"


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, 0),
        ({"SLURM_PROCID": "3"}, 3),
        ({"RANK": "2", "SLURM_PROCID": "3"}, 2),
        ({"STEPLOG_RANK": "1", "RANK": "2"}, 1),
        ({"OMPI_COMM_WORLD_RANK": "4", "PMIX_RANK": "4", "SLURM_PROCID": "0"}, 4),
        ({"PMI_RANK": "5", "SLURM_PROCID": "1"}, 5),
        ({"RANK": "6", "OMPI_COMM_WORLD_RANK": "0", "PMI_RANK": "0"}, 6),
        ({"RANK": "first", "SLURM_PROCID": "7"}, 7),
    ],
)
def test_the_rank_comes_from_the_launcher(environment: dict[str, str], rank: int) -> None:
    """Ours before torchrun's before MPI's before Slurm's; one that is no number isn't a rank."""
    assert settings_for(environment).rank == rank


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"STEPLOG_MODE": "off"}, "STEPLOG_MODE is 'off'"),
        ({"STEPLOG_RANK": "one"}, "STEPLOG_RANK is 'one'"),
        ({"STEPLOG_FLUSH_INTERVAL": "soon"}, "STEPLOG_FLUSH_INTERVAL is 'soon'"),
        ({"STEPLOG_FLUSH_INTERVAL": "0"}, "from 0.001"),
        ({"STEPLOG_BACKEND": "s3"}, "backend is 's3'"),
    ],
)
def test_a_variable_that_makes_no_sense_is_refused(environment: dict[str, str], message: str) -> None:
    """The error names the variable, its value and what it may be."""
    with pytest.raises(ValueError, match=message):
        settings_for(environment)


def test_a_backend_that_is_not_there_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backends "mlflow" and "both" need a server; unknown names list the known."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for backend in ("mlflow", "both"):
        with pytest.raises(ForwardingError, match="where is the MLflow server"):
            ExperimentTracker(tmp_path, backend=backend)
    with pytest.raises(ForwardingError, match="takes folders"):
        ExperimentTracker(tmp_path, backend="mlflow", mlflow_tracking_uri="file:./mlruns")
    with pytest.raises(ValueError, match="'local', 'mlflow', 'both'"):
        ExperimentTracker(tmp_path, backend="wandb")


@pytest.mark.parametrize("name", ["with space", "ünïcode", "100%", "new\nline", "a=b"])
def test_any_folder_name_works(tmp_path: Path, name: str) -> None:
    """Missing folders are made, whatever they are called."""
    with ExperimentTracker(tmp_path / name / "store", "x=1/y", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})

    store = Store(tmp_path / name / "store")
    assert store.experiment_runs("x=1/y")[0]["metrics"] == {"x": 1.0}
    assert store.metrics().collect()["experiment"].to_list() == ["x=1/y"]


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing directory during a run moves nothing."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with ExperimentTracker("store", auto_log=False) as tracker, tracker.start_run("run"):
        monkeypatch.chdir(tmp_path / "elsewhere")
        tracker.log_metrics({"x": 1.0})

    assert Store(tmp_path / "store").metrics().collect().height == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """The error names it; strict=False goes on in a temporary folder and says where."""
    (tmp_path / "store").write_text("not a folder")

    with pytest.raises(StoreUnavailable, match=r"store.*give another output_dir"):
        ExperimentTracker(tmp_path / "store")
    with pytest.warns(UserWarning, match="Logging to .* instead"):
        tracker = ExperimentTracker(tmp_path / "store", auto_log=False, strict=False)
    with tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
    assert Store(tracker.layout.root).metrics().collect().height == 1


def test_a_store_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    """Reading it might misread it; the error says how to update."""
    (tmp_path / "store.json").write_text('{"format_version": 99}')

    with pytest.raises(FormatTooNew, match=r"format 99.*pip install -U"):
        ExperimentTracker(tmp_path)


def test_the_store_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Folders 0700, files 0600."""
    with ExperimentTracker(tmp_path / "store", auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
        tracker.log_text("hello", "a.txt")

    for path in (tmp_path / "store").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("name", ["a/b/c", "..", ".", "x" * 300, "é" * 200, "CON", "a~b", "~", "%41", "A", "a"])
def test_distinct_experiment_names_stay_distinct(tmp_path: Path, name: str) -> None:
    """Whatever an experiment is called, its runs are found under that name and no other."""
    for experiment in (name, name + "_"):
        with ExperimentTracker(tmp_path, experiment, auto_log=False) as tracker, tracker.start_run(experiment):
            tracker.log_metrics({"x": 1.0})

    assert [run["run_name"] for run in Store(tmp_path).experiment_runs(name)] == [name]
    assert sorted(os.listdir(tmp_path)) == ["facts", "live", "metrics", "store.json", "summaries", "tmp"]  # noqa: PTH208


@pytest.mark.parametrize(("name", "error"), [("", ValueError), ("\ud800", ValueError), (7, TypeError)])
def test_what_is_no_name_is_refused(tmp_path: Path, name: Any, error: type[Exception]) -> None:
    """An experiment's name is a non-empty text."""
    with pytest.raises(error, match="experiment_name"):
        ExperimentTracker(tmp_path, name)


def test_importing_the_tracker_warns_of_nothing() -> None:
    """Every public name can be had."""
    import tracker

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in tracker.__all__:
            assert getattr(tracker, name) is not None


def test_a_queue_in_memory_works_the_same(tmp_path: Path) -> None:
    """queue="memory" trades crash safety for nothing else: close seals all."""
    settings = PipelineSettings(queue="memory", first_segment_bytes=4096, segment_bytes=8192)
    with ExperimentTracker(tmp_path, auto_log=False, pipeline=settings) as tracker, tracker.start_run("run"):
        for step in range(1000):
            tracker.log_metrics({"x": float(step)}, step=step)

    assert Store(tmp_path).metrics().sort("seq").collect()["step"].to_list() == list(range(1000))
