"""What an engine does is in the store: each trial a run, each decision a fact, the model loadable; whatever happens."""

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.control import request_stop
from ingest.jsontext import from_json
from readers.store import Store
from tests.training.learners import Bad
from tests.training.tables import diabetes, wine
from tracker import AutoMLTracker, ExperimentTracker, MLTrainingEngine, WriterClosed

QUICK: dict[str, Any] = {
    "max_trials": 6,
    "algorithms": ["naive_bayes", "nearest_neighbours"],
    "cv": 3,
    "search": "random",
    "feature_selection": False,
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def tracker(root: Path) -> Iterator[AutoMLTracker]:
    """A tracker of searches."""
    with AutoMLTracker(root, "searches", auto_log=False) as made:
        yield made


def quick(tracker: ExperimentTracker | None, **options: Any) -> MLTrainingEngine:
    """An engine that is done soon."""
    return MLTrainingEngine(tracker, **{**QUICK, **options})


def runs(root: Path) -> dict[str, dict[str, Any]]:
    """All runs of the store, with params, tags, metrics, by id."""
    store = Store(root)
    lives = {row["run_id"]: row for row in store.runs().collect().to_dicts()}
    return {run["run_id"]: {**run, **lives[run["run_id"]]} for run in store.experiment_runs()}


def trials(root: Path) -> list[dict[str, Any]]:
    """Those that are trials, in their order."""
    return sorted(
        (run for run in runs(root).values() if "trial.number" in run["tags"]),
        key=lambda run: (run["parent_run_id"], run["tags"]["trial.number"]),
    )


def parents(root: Path) -> list[dict[str, Any]]:
    """Those that aren't."""
    return [run for run in runs(root).values() if "trial.number" not in run["tags"]]


def facts(root: Path) -> dict[str, Any]:
    """What the searches told of themselves."""
    frame = Store(root).facts(kinds=["automl"]).sort("seq").collect()
    return {key: from_json(value) for key, value in frame.select("key", "value").rows()}


def test_the_folds_that_are_told_are_those_that_there_were(tracker: AutoMLTracker) -> None:
    """A rare class makes fewer folds than asked for, and a test of ties needs to know how many rows each tests on."""
    X, y = wine()
    rows = np.flatnonzero((y != 0) | (np.arange(len(y)) < 3))
    quick(tracker, cv=5, max_trials=3).fit(X[rows], y[rows])
    report = tracker.get_automl_report()

    assert report["cross_validation"]["folds"] == 3
    assert len(report["leaderboard"][0]["fold_scores"]) == 3
    assert report["tie_set"]["test_train_ratio"] == pytest.approx(1 / 2)


def test_each_trial_is_a_run_with_what_the_results_say(tracker: AutoMLTracker, root: Path) -> None:
    """Algorithm, params, state, score, fold scores, times; children of the run that was active, which stays open."""
    run_id = tracker.start_run("mine")
    results = quick(tracker).fit(*wine())
    found = trials(root)

    assert tracker.active_run() == run_id
    assert results.run_id == run_id
    assert [run["run_id"] for run in found] == [trial.run_id for trial in results.trials]
    for run, trial in zip(found, results.trials, strict=True):
        assert run["parent_run_id"] == run_id
        assert (run["tags"]["trial.algorithm"], run["params"]) == (trial.algorithm, trial.params)
        assert (run["tags"]["trial.state"], run["status"]) == (trial.state, "FINISHED")
        assert run["metrics"]["log_loss"] == trial.score
        assert {"fit_time_s", "predict_time_s"} <= set(run["metrics"])
        points = Store(root).metrics(runs=[run["run_id"]], keys=["fold/log_loss"]).sort("step").collect()
        assert points["value"].to_list() == trial.fold_scores


def test_each_decision_is_a_fact_of_the_run(tracker: AutoMLTracker, root: Path) -> None:
    """How the search was set up, features, the single model, the ensemble, the evaluation, the end."""
    tracker.start_run("mine")
    engine = quick(tracker, feature_selection=True, seed=7)
    results = engine.fit(*wine())
    told = facts(root)

    assert (
        told["1/search"].items() >= {"metric": "log_loss", "task": "multiclass", "engine": "steplog", "seed": 7}.items()
    )
    assert told["1/search"]["algorithms"] == ["baseline", "naive_bayes", "nearest_neighbours"]
    assert told["1/search"]["budget"] == {"time_s": 60.0, "trials": 6}
    assert told["1/search"]["cross_validation"] == {"folds": 3, "repeats": 1, "nested_folds": 0}
    assert told["1/search"]["data"].items() >= {"rows": 178, "columns": 13, "classes": ["0", "1", "2"]}.items()
    assert len(told["1/feature_selection/001"]["before"]) == 13
    assert set(told["1/feature_selection/002"]["selected"]) < set(told["1/feature_selection/001"]["selected"])
    assert told["1/selection"]["algorithm"] == results.best_algorithm
    assert told["1/selection"]["params"] == results.best_params
    assert told["1/selection"]["trial"] in {trial.run_id for trial in results.trials}
    trial = next(one for one in trials(root) if one["run_id"] == told["1/selection"]["trial"])
    assert trial["tags"].get("trial.features", 13) == len(told["1/selection"]["features"])
    assert results.evaluation is not None
    assert told["1/evaluation"]["metrics"] == {"log_loss": results.cv_score}
    assert told["1/evaluation"]["fold_scores"] == results.evaluation.fold_scores
    assert told["1/end"]["stopped_by"] == results.stopped_by == "trials"
    assert told["1/end"]["spent"]["trials"] == len(results.trials)


def test_the_report_is_of_what_the_engine_found(tracker: AutoMLTracker) -> None:
    """The answers of the tracker and those of the engine are the same."""
    tracker.start_run("mine")
    results = quick(tracker).fit(*wine())
    report = tracker.get_automl_report()

    assert report["best_algorithm"] == results.best_algorithm
    assert report["hyperparameter_trials"] == len(results.trials) == 6
    assert report["ensemble_size"] == len(results.ensemble)
    assert report["cv_score"] == pytest.approx(results.cv_score)
    assert report["feature_selection_iterations"] == 0


def test_an_ensembles_gain_is_over_choosing_a_single_model(tracker: AutoMLTracker, root: Path) -> None:
    """Scored like the ensemble, on rows that the choice didn't see: what is kept for being no worse has no loss."""
    tracker.start_run("mine")
    results = quick(tracker, algorithms=["nearest_neighbours"]).fit(*diabetes())
    made = tracker.get_automl_report()["ensemble"]

    assert made["size"] == len(results.ensemble) > 1
    assert made["gain"] == made["score"] - facts(root)["1/ensemble"]["best_single"] >= 0


def test_the_model_is_logged_and_comes_back_without_trust(tracker: AutoMLTracker, root: Path) -> None:
    """By the safe format, with labels and table inside; its score stands with the run, so that runs are compared."""
    X, y = wine()
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    tracker.start_run("mine")
    engine = quick(tracker, algorithms=["random_forest"], max_trials=2)
    results = engine.fit(X, names)
    [model] = tracker.list_models("automl/searches")
    loaded = tracker.load_model("automl/searches")

    assert loaded.predict(X).tolist() == engine.predict(X).tolist()
    assert set(loaded.predict(X)) == {"barolo", "grignolino", "barbera"}
    assert model["run_id"] == results.run_id
    assert parents(root)[0]["metrics"]["cv/log_loss"] == pytest.approx(results.cv_score)


@pytest.mark.parametrize(("asked", "names"), [(False, []), ("wine/quick", ["wine/quick"])])
def test_the_model_is_logged_as_is_asked(tracker: AutoMLTracker, asked: bool | str, names: list[str]) -> None:
    """Under a name of one's own, or not at all."""
    quick(tracker, log_model=asked, max_trials=2).fit(*wine())

    assert [model["name"] for model in tracker.list_models()] == names


def test_an_experiment_of_any_name_names_its_model(root: Path) -> None:
    """What could lead out of the store is encoded."""
    with AutoMLTracker(root, "../a b/é", auto_log=False) as tracker:
        quick(tracker, max_trials=2).fit(*wine())
        [model] = tracker.list_models()

    assert model["name"] == "automl/..%2Fa%20b%2F%C3%A9"


def test_without_a_run_fit_starts_one_and_ends_it(tracker: AutoMLTracker, root: Path) -> None:
    """FINISHED, or FAILED when nothing could be fitted; a second search is another run."""
    results = quick(tracker).fit(*wine())
    with pytest.raises(RuntimeError, match="none of 1 candidates"):
        MLTrainingEngine(tracker, enable_automl=False, estimator=Bad()).fit(*wine())

    assert tracker.active_run() is None
    assert [run["status"] for run in parents(root)] == ["FINISHED", "FAILED"]
    assert parents(root)[0]["run_id"] == results.run_id
    failed = [run for run in trials(root) if run["status"] == "FAILED"]
    assert [run["tags"]["trial.error_type"] for run in failed] == ["ArithmeticError"]
    assert failed[0]["tags"]["trial.error"] == "no fit for 1.0"


def test_ctrl_c_keeps_what_is_known_and_kills_the_run(tracker: AutoMLTracker, root: Path) -> None:
    """It goes on its way; the best so far can be trained. A run of the user's own is left to the user."""
    X, y = wine()
    engine = MLTrainingEngine(tracker, enable_automl=False, estimator=Bad("interrupt"))
    with pytest.raises(KeyboardInterrupt):
        engine.fit(X, y)
    mine = tracker.start_run("mine")
    with pytest.raises(KeyboardInterrupt):
        MLTrainingEngine(tracker, enable_automl=False, estimator=Bad("interrupt")).fit(X, y)

    assert [run["status"] for run in parents(root)] == ["KILLED", "RUNNING"]
    assert tracker.active_run() == mine
    assert engine.results_.stopped_by == facts(root)["1/end"]["stopped_by"] == "interrupt"
    assert [trial.state for trial in engine.results_.trials] == ["complete", "failed"]
    assert engine.refit(X, y).predict(X).shape == (len(X),)


def test_a_run_that_is_asked_to_stop_is_finished_early(tracker: AutoMLTracker) -> None:
    """The search ends after the trial under way; what was found is evaluated, trained and logged."""
    run_id = tracker.start_run("mine")
    request_stop(tracker.layout, run_id, "test")
    with pytest.warns(UserWarning, match="stopped by stop requested before any algorithm"):
        results = quick(tracker).fit(*wine())

    assert (results.stopped_by, len(results.trials)) == ("stop requested", 1)
    assert results.evaluation is not None
    assert [model["name"] for model in tracker.list_models()] == ["automl/searches"]


def test_any_tracker_will_do(root: Path) -> None:
    """Also one that isn't made for searches."""
    with ExperimentTracker(root, "plain", auto_log=False) as plain:
        results = quick(plain).fit(*wine())

    assert [run["run_id"] for run in trials(root)] == [trial.run_id for trial in results.trials]


def test_what_isnt_to_be_tracked_isnt(root: Path) -> None:
    """Without trials' runs, choices and ensembles the engine finds the same."""
    flags = dict.fromkeys(("track_hyperparameter_search", "track_model_selection", "track_ensemble_creation"), False)
    with AutoMLTracker(root, "less", auto_log=False, **flags) as less:  # type: ignore[arg-type]
        results = quick(less).fit(*wine())
    free = quick(None).fit(*wine())

    assert trials(root) == []
    assert {key for key in facts(root) if "selection" in key or "ensemble" in key} == set()
    assert (results.best_params, results.cv_score) == (free.best_params, free.cv_score)


def test_a_closed_tracker_is_refused_at_once(tracker: AutoMLTracker) -> None:
    """Before anything is fitted."""
    engine = quick(tracker)
    tracker.close()

    with pytest.raises(WriterClosed, match="closed"):
        engine.fit(*wine())
    assert not hasattr(engine, "results_")


def test_a_disabled_tracker_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same model, no file."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    tracker = AutoMLTracker(tmp_path / "store")
    tracker.start_run("mine")
    results = quick(tracker).fit(*wine())

    assert results.cv_score == quick(None).fit(*wine()).cv_score
    assert list(tmp_path.iterdir()) == []


def test_two_engines_in_two_threads_share_a_tracker(tracker: AutoMLTracker, root: Path) -> None:
    """Each has a run of its own, with its own trials."""
    found: dict[int, str] = {}

    def search(seed: int) -> None:
        found[seed] = quick(tracker, seed=seed, max_trials=4).fit(*wine()).run_id

    threads = [threading.Thread(target=search, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found.values())) == 2
    assert {run["status"] for run in parents(root)} == {"FINISHED"}
    for run_id in found.values():
        own = [run["tags"]["trial.number"] for run in trials(root) if run["parent_run_id"] == run_id]
        assert own == [1, 2, 3, 4]


def test_candidates_in_processes_are_logged_by_this_one(tracker: AutoMLTracker, root: Path) -> None:
    """The same trials as ever, and a hanging fit is a failed one."""
    engine = MLTrainingEngine(tracker, enable_automl=False, estimator=Bad("hang"), trial_timeout_s=2.0)
    with pytest.raises(RuntimeError, match="TimeoutError"):
        engine.fit(*wine())
    first, second = trials(root)

    assert (first["tags"]["trial.state"], second["tags"]["trial.state"]) == ("complete", "failed")
    assert second["tags"]["trial.error_type"] == "TimeoutError"


def test_a_fitted_engine_is_pickled_without_its_tracker(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """It predicts where there is no store, and makes none."""
    import pickle

    X, y = wine()
    engine = quick(tracker, max_trials=2)
    engine.fit(X, y)
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "engine.pickle"
    file.write_bytes(pickle.dumps(engine))
    code = f"""
        import pickle, pathlib
        from sklearn.datasets import load_wine
        engine = pickle.loads(pathlib.Path({str(file)!r}).read_bytes())
        print(engine.predict(load_wine().data).tolist(), engine.experiment_tracker)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path / "elsewhere",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == f"{engine.predict(X).tolist()} None", done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_warnings_of_a_fit_are_counted_in_its_trial(tracker: AutoMLTracker, root: Path) -> None:
    """And not shown: a search would show hundreds."""
    from sklearn.linear_model import LogisticRegression

    given = LogisticRegression(max_iter=1)
    results = MLTrainingEngine(tracker, enable_automl=False, estimator=given, cv=3).fit(*wine())

    assert results.trials[1].warnings == {"ConvergenceWarning": 3}
    assert trials(root)[1]["tags"]["trial.warnings"] == "ConvergenceWarning 3x"
