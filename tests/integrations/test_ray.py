"""Ray Tune: an experiment in a small cluster of this machine, told by the callback as it goes."""

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")
tune = pytest.importorskip("ray.tune")

from readers.store import RunRecord, Store  # noqa: E402 - ray may be missing
from tracker import AutoMLTracker, ExperimentTracker, WriterClosed  # noqa: E402
from tracker.integrations.ray import TuneCallback  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own: pipes and files of its processes
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[AutoMLTracker]:
    """A tracker without auto_log."""
    with AutoMLTracker(tmp_path / "store", "ray", auto_log=False) as made:
        yield made


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Ray, as small and as quiet as it can be."""
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "RAY_AUTH_MODE": "disabled"}
    for name, value in quiet.items():
        monkeypatch.setenv(name, value)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=80 * 2**20,
        configure_logging=False,
    )
    yield
    ray.shutdown()


def trials(tracker: ExperimentTracker) -> dict[int, RunRecord]:
    """The trials by their x."""
    found = [run for run in tracker.get_experiment_runs() if "trial.number" in run["tags"]]
    return {int(run["params"]["x"]): run for run in found}


def train(config: dict[str, Any]) -> None:
    """Three results; x = 2 fails after the first."""
    for epoch in range(3):
        tune.report({"score": config["x"] * epoch, "inner": {"loss": 1.0 / (epoch + 1)}, "name": "text"})
        if config["x"] == 2:
            raise ArithmeticError("no way")


@pytest.mark.slow
@pytest.mark.timeout(120)  # a cluster, and a process for each trial, begin first: 12 s, on a busy machine 40 s
def test_each_trial_of_an_experiment_is_a_child_run(cluster: None, tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Config, results by iteration, the last as the score, the error of one that failed."""
    tuner = tune.Tuner(
        train,
        param_space={"x": tune.grid_search([1, 2, 3]), "optimizer": {"lr": 0.1}},
        tune_config=tune.TuneConfig(metric="score", mode="max", max_concurrent_trials=2),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path / "ray"), verbose=0, callbacks=[TuneCallback(tracker, metric="score", mode="max")]
        ),
    )
    with tracker.start_run("mine") as mine:
        results = tuner.fit()
        assert tracker.active_run() == mine

    found = trials(tracker)
    assert {x: run["tags"]["trial.state"] for x, run in found.items()} == {1: "complete", 2: "failed", 3: "complete"}
    assert (found[2]["tags"]["trial.error_type"], found[2]["tags"]["trial.error"]) == ("ArithmeticError", "no way")
    assert found[3]["params"] == {"x": 3, "optimizer": {"lr": 0.1}}
    assert found[3]["metrics"]["score"] == results.get_best_result().metrics["score"] == 6
    assert found[3]["metrics"]["inner/loss"] == pytest.approx(1 / 3)
    points = Store(tracker.root).metrics(keys=["intermediate/score"]).collect()
    assert points.filter(run_id=found[3]["run_id"]).sort("step")["value"].to_list() == [0, 3, 6]
    report = tracker.get_automl_report(str(mine))
    assert (report["engine"], report["best_params"]["x"], report["cv_score"]) == ("ray.tune", 3, 6)
    assert report["budget"] == {"trials": 3}
    assert report["trials_by_status"]["running"] == 0


def experiment(callback: TuneCallback, results: list[dict[str, Any]]) -> None:
    """An experiment of one trial, told by Tune's own calls; no cluster."""
    trial = tune.experiment.Trial("train", config={"x": 1}, stub=True)
    callback.setup(num_samples=1)
    callback.on_trial_start(iteration=0, trials=[trial], trial=trial)
    for number, result in enumerate(results):
        trial.run_metadata.last_result = {**result, "training_iteration": number + 1, "trial_id": trial.trial_id}
        callback.on_trial_result(iteration=number, trials=[trial], trial=trial, result=trial.last_result)
    callback.on_trial_complete(iteration=9, trials=[trial], trial=trial)
    callback.on_experiment_end(trials=[trial])


def test_a_trial_without_the_metric_is_failed_with_what_there_is(tracker: AutoMLTracker) -> None:
    """A run of the callback's own is ended."""
    experiment(TuneCallback(tracker, metric="accuracy"), [{"loss": 1.0}])

    trial = trials(tracker)[1]
    assert trial["tags"]["trial.error"] == "no result has 'accuracy'; there is: loss"
    assert {run["run_name"]: run["status"] for run in tracker.get_experiment_runs()} == {
        "ray.tune": "FINISHED",
        "train 1": "FAILED",
    }


def test_the_callback_is_pickled_with_its_experiment(tracker: AutoMLTracker) -> None:
    """What comes back logs to the same store."""
    callback = pickle.loads(pickle.dumps(TuneCallback(tracker, metric="loss")))
    experiment(callback, [{"loss": 2.0}, {"loss": 1.0}])

    assert trials(tracker)[1]["metrics"]["loss"] == 1.0


def test_a_fault_ends_no_experiment(tracker: AutoMLTracker, caplog: pytest.LogCaptureFixture) -> None:
    """Said once a kind."""
    callback = TuneCallback(tracker, metric="loss")
    tracker.close()
    with caplog.at_level(logging.WARNING, logger="steplog"):
        experiment(callback, [{"loss": 2.0}, {"loss": 1.0}])

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3  # a start, a result, an end
    assert all("the tracker is closed" in text for text in said)


def test_a_trial_that_is_not_over_with_the_experiment_is_interrupted(tracker: AutoMLTracker) -> None:
    """And so is a run of the callback's own: killed."""
    callback = TuneCallback(tracker, metric="loss")
    trial = tune.experiment.Trial("train", config={"x": 1}, stub=True)
    callback.on_trial_start(iteration=0, trials=[trial], trial=trial)
    callback.on_trial_start(iteration=1, trials=[trial], trial=trial)  # paused, and goes on
    callback.on_experiment_end(trials=[trial])

    assert trials(tracker)[1]["tags"]["trial.error_type"] == "Interrupted"
    assert {run["run_name"]: run["status"] for run in tracker.get_experiment_runs()} == {
        "ray.tune": "KILLED",
        "train 1": "FAILED",
    }


def test_misuse_is_refused(tracker: AutoMLTracker) -> None:
    """At the constructor."""
    with pytest.raises(ValueError, match="mode is 'best'"):
        TuneCallback(tracker, metric="loss", mode="best")
    with pytest.raises(TypeError, match="metric is the name"):
        TuneCallback(tracker, metric=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ExperimentTracker"):
        TuneCallback("here", metric="loss")  # type: ignore[arg-type]
    tracker.close()
    with pytest.raises(WriterClosed):
        TuneCallback(tracker, metric="loss")


def test_disabled_by_the_environment_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("RAY_AIR_LOCAL_CACHE_DIR", str(tmp_path / "none"))
    experiment(TuneCallback(metric="loss"), [{"loss": 2.0}])

    assert not (tmp_path / "none").exists()
