"""FLAML: what its AutoML and its tune try, live and afterwards."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flaml")
pytest.importorskip("lightgbm")

from flaml import AutoML, tune
from flaml.automl.state import SearchState
from sklearn.datasets import load_iris, make_regression

from readers.store import RunRecord, Store
from tracker import AutoMLTracker, ExperimentTracker, WriterClosed
from tracker.integrations.flaml import log_automl, log_tune, watch

X, y = load_iris(return_X_y=True)
X, y = X[:100], y[:100]
SETTINGS: dict[str, Any] = {
    "task": "classification",
    "estimator_list": ["lgbm", "rf"],
    "max_iter": 4,
    "time_budget": 15,
    "n_jobs": 1,
    "seed": 0,
    "verbose": 0,
    "mlflow_logging": False,
    "log_type": "all",
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna, which FLAML's tune sets up, speaks of each study."""
    log = logging.getLogger("optuna")
    before, log.disabled = log.disabled, True
    yield
    log.disabled = before


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[AutoMLTracker]:
    """A tracker without auto_log."""
    with AutoMLTracker(tmp_path / "store", "flaml", auto_log=False) as made:
        yield made


def trials(tracker: ExperimentTracker) -> list[RunRecord]:
    """The trials, in their order."""
    found = [run for run in tracker.get_experiment_runs() if "trial.number" in run["tags"]]
    return sorted(found, key=lambda run: int(run["tags"]["trial.number"]))


def parent(tracker: ExperimentTracker) -> RunRecord:
    """The only run that is no trial."""
    (run,) = (run for run in tracker.get_experiment_runs() if "trial.number" not in run["tags"])
    return run


def test_each_trial_of_a_watched_automl_is_there_as_it_ended(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Estimator, config, loss, score, times: what FLAML's own log says of all its trials."""
    automl = AutoML()
    before = SearchState.update
    with watch(automl, tracker) as watched:
        automl.fit(X, y, log_file_name=str(tmp_path / "flaml.log"), **SETTINGS)
    live = trials(tracker)

    assert SearchState.update is before
    assert watched.search is not None
    told = log_automl(automl, ExperimentTracker(tmp_path / "other", auto_log=False), log_file=tmp_path / "flaml.log")
    with ExperimentTracker(tmp_path / "other", "default", auto_log=False) as other:
        read = trials(other)
    assert told.metric == "val_loss"
    assert len(live) == len(read) == 4
    for first, second in zip(live, read, strict=True):
        assert first["tags"]["trial.algorithm"] == second["tags"]["trial.algorithm"]
        assert first["params"] == pytest.approx(second["params"])
        assert first["metrics"]["val_loss"] == pytest.approx(second["metrics"]["val_loss"])
        assert first["metrics"]["roc_auc"] == pytest.approx(1 - first["metrics"]["val_loss"])
        assert first["metrics"]["fit_time_s"] > 0
    run = parent(tracker)
    moments: list[Any] = [run["start_time"], *(trial["end_time"] for trial in live), run["end_time"]]
    assert moments == sorted(moments)


def test_the_report_of_a_watched_automl_is_flamls(tracker: AutoMLTracker) -> None:
    """Best estimator, its config and loss; a leaderboard of estimators."""
    automl = AutoML()
    with watch(automl, tracker):
        automl.fit(X, y, **SETTINGS)

    report = tracker.get_automl_report(parent(tracker)["run_id"])
    assert (report["engine"], report["metric"], report["direction"]) == ("flaml", "val_loss", "minimize")
    assert (report["best_algorithm"], report["cv_score"]) == (automl.best_estimator, automl.best_loss)
    assert report["best_params"] == pytest.approx(automl.best_config)
    assert report["hyperparameter_trials"] == 4
    assert report["budget"] == {"time_s": 15, "trials": 4}
    assert report["data"] == {"rows": 100, "columns": 4}
    assert {row["algorithm"] for row in report["leaderboard"]} <= {"lgbm", "rf"}
    assert report["best_trial"] is not None
    assert report["best_trial"]["run_id"] in {trial["run_id"] for trial in trials(tracker)}


def test_a_watched_automl_logs_to_the_current_run(tracker: AutoMLTracker) -> None:
    """Which stays open; two that are fitted side by side don't mix."""
    first, second = AutoML(), AutoML()
    with tracker.start_run("mine") as mine, watch(first, tracker) as one, watch(second, tracker) as two:
        second.fit(X, y, **{**SETTINGS, "max_iter": 3})
        first.fit(*make_regression(60, 3, random_state=0), **{**SETTINGS, "task": "regression", "max_iter": 2})
        assert tracker.active_run() == mine

    assert one.search is not None
    assert two.search is not None
    counts = {trial["tags"]["trial.search"]: 0 for trial in trials(tracker)}
    for trial in trials(tracker):
        counts[trial["tags"]["trial.search"]] += 1
    assert counts == {one.search.number: 2, two.search.number: 3}


def test_without_a_log_file_the_best_of_each_estimator_is_known(tracker: AutoMLTracker) -> None:
    """Which is what a fitted AutoML keeps."""
    automl = AutoML()
    automl.fit(X, y, **SETTINGS)

    log_automl(automl, tracker)

    best = {trial["tags"]["trial.algorithm"]: trial["metrics"]["val_loss"] for trial in trials(tracker)}
    tried = {name: loss for name, loss in automl.best_loss_per_estimator.items() if name in best}
    assert best == tried
    assert automl.best_estimator in best


def test_a_fit_without_a_search_is_a_search_without_trials(tracker: AutoMLTracker) -> None:
    """FLAML searches nothing with max_iter=1: it just fits."""
    with watch(automl := AutoML(), tracker):
        automl.fit(X, y, **{**SETTINGS, "max_iter": 1})

    report = tracker.get_automl_report(parent(tracker)["run_id"])
    assert (report["hyperparameter_trials"], parent(tracker)["status"]) == (0, "FINISHED")


def test_an_error_in_the_block_goes_through_and_what_was_tried_is_there(tracker: AutoMLTracker) -> None:
    """The search was stopped by it."""
    automl = AutoML()
    with suppress(KeyboardInterrupt), watch(automl, tracker):
        automl.fit(X, y, **{**SETTINGS, "max_iter": 2})
        raise KeyboardInterrupt

    assert parent(tracker)["status"] == "KILLED"
    assert tracker.get_automl_report(parent(tracker)["run_id"])["stopped_by"] == "interrupt"
    assert len(trials(tracker)) == 2


def test_what_was_not_fitted_is_refused(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Nor what is no AutoML, an empty log, a closed tracker."""
    with pytest.raises(ValueError, match="isn't fitted"):
        log_automl(AutoML(), tracker)
    with pytest.raises(ValueError, match="not fitted in the block"), watch(AutoML(), tracker):
        assert tracker.active_run()
    with pytest.raises(TypeError, match=r"str isn't flaml\.AutoML"):
        watch("automl", tracker)
    automl = AutoML()
    automl.fit(X, y, **{**SETTINGS, "max_iter": 1})
    (tmp_path / "empty.log").touch()
    with pytest.raises(ValueError, match="has no trial"):
        log_automl(automl, tracker, log_file=tmp_path / "empty.log")
    tracker.close()
    with pytest.raises(WriterClosed):
        watch(automl, tracker)


def tuned(**options: Any) -> Any:
    """Five points of a parabola."""
    return tune.run(
        lambda config: {"loss": (config["x"] - 3) ** 2, "cost": 2.0},
        config={"x": tune.randint(0, 10), "kind": tune.choice(["a", "b"])},
        num_samples=5,
        verbose=0,
        use_ray=False,
        **options,
    )


def test_what_tune_tried_is_a_search(tracker: AutoMLTracker) -> None:
    """Config, result, times; the best is the analysis's."""
    analysis = tuned(metric="loss", mode="min")

    search = log_tune(analysis, tracker, algorithm="kind")

    found = trials(tracker)
    assert [trial["params"] for trial in found] == [trial.config for trial in analysis.trials]
    assert [trial["metrics"]["loss"] for trial in found] == [trial.last_result["loss"] for trial in analysis.trials]
    assert all(trial["metrics"]["cost"] == 2.0 for trial in found)
    assert {trial["tags"]["trial.algorithm"] for trial in found} <= {"a", "b"}
    report = tracker.get_automl_report(search.run_id)
    assert report["cv_score"] == analysis.best_result["loss"]
    with pytest.raises(ValueError, match=r"no trial has 'gain'; there is: .*loss"):
        log_tune(analysis, tracker, metric="gain")
    with pytest.raises(ValueError, match="say metric= and mode"):
        log_tune(analysis, tracker, mode="best")
    with pytest.raises(TypeError, match=r"isn't what flaml\.tune\.run returns"):
        log_tune(analysis.trials, tracker)


def test_disabled_by_the_environment_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "none"))
    automl = AutoML()
    with watch(automl):
        automl.fit(X, y, **{**SETTINGS, "max_iter": 1})
    log_automl(automl)
    log_tune(tuned(metric="loss", mode="min"))

    assert list(tmp_path.iterdir()) == []


def test_without_a_tracker_it_logs_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_DIR."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    log_tune(tuned(metric="loss", mode="min"))

    assert Store(tmp_path / "store").runs().collect()["status"].to_list() == ["FINISHED"] * 6
