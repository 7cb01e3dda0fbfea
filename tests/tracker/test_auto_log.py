"""auto_log: the surroundings of a run are recorded without being asked for, and without being in the way."""

import subprocess
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from ingest.jsontext import from_json
from readers.store import Store
from tracker import ExperimentTracker


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with an uncommitted change, as the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    (folder / "train.py").write_text("lr = 0.1\n")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], check=True)
    (folder / "train.py").write_text("lr = 0.2\n")
    return folder


def environment(tracker: ExperimentTracker) -> dict[str, object]:
    """What was recorded, by name."""
    facts = Store(tracker.layout.root).facts().filter(kind="env").select("key", "value").collect()
    return {key: from_json(value) for key, value in facts.rows()}


def test_environment_and_git_state_are_there_when_the_run_has_ended(repository: Path) -> None:
    """Platform, packages, commit, and the diff of what was not committed."""
    with ExperimentTracker("../store") as tracker, tracker.start_run("run") as run_id:
        pass

    found = environment(tracker)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert found["git.commit"] == head
    assert found["git.dirty"] is True
    assert {"platform", "python", "packages", "cpu_count", "command"} <= found.keys()
    diff = tracker.layout.run_artifacts(run_id) / "environment" / "git.diff"
    assert "+lr = 0.2" in diff.read_text()


def test_a_nested_run_records_nothing_twice(tmp_path: Path) -> None:
    """The surroundings of a child are its parent's."""
    with ExperimentTracker(tmp_path, auto_log=True) as tracker, tracker.start_run("parent") as parent:
        for _ in range(3):
            with tracker.start_run("child", nested=True):
                tracker.log_metrics({"x": 1.0})

    recorded = Store(tmp_path).facts().filter(kind="env").collect()["run_id"].unique().to_list()
    assert recorded == [parent]


def test_without_auto_log_nothing_is_recorded(tmp_path: Path) -> None:
    """auto_log=False: only what the user logs, and no model params."""
    with ExperimentTracker(tmp_path, auto_log=False) as tracker, tracker.start_run("run"):
        tracker.log_model(LogisticRegression(C=0.5).fit([[0], [1]], [0, 1]), "model")

    assert environment(tracker) == {}
    assert tracker.get_experiment_runs()[0]["params"] == {}


def test_a_logged_estimator_gives_its_params(tmp_path: Path) -> None:
    """auto_log=True records get_params() of a model given to log_model."""
    with ExperimentTracker(tmp_path, auto_log=True) as tracker, tracker.start_run("run"):
        tracker.log_model(LogisticRegression(C=0.5).fit([[0], [1]], [0, 1]), "logistic")

    params = tracker.get_experiment_runs()[0]["params"]
    assert params["logistic.C"] == 0.5
    assert params["logistic.max_iter"] == 100


def test_system_metrics_are_sampled_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPU and memory appear as system/... while the run goes on."""
    with ExperimentTracker(tmp_path, auto_log=True) as tracker, tracker.start_run("run") as run_id:
        sampler = tracker._automatic._samplers[str(run_id)]  # type: ignore[union-attr]
        sampler.sample_once()  # what the thread does every ten seconds; CPU use is against the one before
        sampler.sample_once()

    metrics = tracker.get_experiment_runs()[0]["metrics"]
    assert any(key.startswith("system/cpu") for key in metrics), metrics
    assert any(key.startswith("system/memory") for key in metrics), metrics
