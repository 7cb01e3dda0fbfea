"""LightGBM's callback: evaluations, params, importance; train, cv, scikit-learn's way; ends that nobody tells."""

import copy
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.control import request_stop
from readers.store import Store
from tracker import ExperimentTracker

lgb = pytest.importorskip("lightgbm")
from tracker.integrations.lightgbm import log_evaluation  # noqa: E402 - needs lightgbm

PARAMS = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_threads": 1, "verbosity": -1, "max_depth": 2}
RNG = np.random.default_rng(0)
X = RNG.random((300, 3))
Y = (X[:, 0] + 0.3 * RNG.random(300) > 0.6).astype(int)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "lgb", auto_log=False) as made:
        yield made


def data(labels: Any = Y) -> Any:
    """Rows with named features."""
    return lgb.Dataset(X, labels, feature_name=["a", "b", "c"])


def train(*callbacks: Any, rounds: int = 5, labels: Any = Y) -> Any:
    """A training that is evaluated on its own rows, and on others' labels."""
    rows = data()
    held_out = rows.create_valid(X, labels)
    return lgb.train(PARAMS, rows, rounds, valid_sets=[rows, held_out], callbacks=list(callbacks))


def boom(env: Any) -> None:
    """Leaves a training by an exception, at its third iteration."""
    if env.iteration == 2:
        raise RuntimeError("boom")


boom.order = 99  # type: ignore[attr-defined] # LightGBM's way to say: after the others


def history(tracker: ExperimentTracker, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order they were logged."""
    tracker.flush()
    rows = Store(tracker.root).metrics(keys=[key]).sort("seq").select("step", "value").collect().rows()
    return [(step, value) for step, value in rows]


def statuses(tracker: ExperimentTracker) -> list[str]:
    """Of the runs, in their order."""
    return [run["status"] for run in tracker.get_experiment_runs()]


def test_each_iterations_evaluations_are_logged_as_lightgbm_tells_them(tracker: ExperimentTracker) -> None:
    """Under "<data>/<metric>"; the run is finished when train returns."""
    result: dict[str, Any] = {}
    train(log_evaluation(tracker, run_name="boosted"), lgb.record_evaluation(result))

    (run,) = tracker.get_experiment_runs()
    assert (run["run_name"], run["status"]) == ("boosted", "FINISHED")
    for part in ("training", "valid_1"):
        for metric in ("auc", "binary_logloss"):
            assert history(tracker, f"{part}/{metric}") == list(enumerate(result[part][metric]))


def test_params_are_those_given(tracker: ExperimentTracker) -> None:
    """With the number of iterations."""
    train(log_evaluation(tracker))

    params = tracker.get_experiment_runs()[0]["params"]
    assert (params["objective"], params["max_depth"], params["num_iterations"]) == ("binary", 2, 5)
    assert params["metric"] == ["auc", "binary_logloss"]


def test_importance_is_an_artifact(tracker: ExperimentTracker) -> None:
    """As the booster tells it."""
    booster = train(log_evaluation(tracker, importance_type="split"))

    told: Any = tracker.load_artifact("feature_importance.json", tracker.get_experiment_runs()[0]["run_id"])
    assert told["features"] == ["a", "b", "c"]
    assert told["importances"] == booster.feature_importance("split").tolist()


@pytest.mark.parametrize("kept", [True, False])
def test_early_stopping_is_told(tracker: ExperimentTracker, *, kept: bool) -> None:
    """best_iteration and best_score, also when the last iteration is reached, whoever keeps the callback."""
    noise = RNG.integers(0, 2, 300)
    logged = log_evaluation(tracker)
    booster = train(logged, lgb.early_stopping(3, verbose=False), rounds=50, labels=noise)
    if kept:
        assert statuses(tracker) == ["RUNNING"]
        logged.finish()
    del logged

    (run,) = tracker.get_experiment_runs()
    assert run["status"] == "FINISHED"
    assert run["metrics"]["best_iteration"] == booster.best_iteration
    assert run["metrics"]["best_score/valid_1/auc"] == booster.best_score["valid_1"]["auc"]
    assert 0 < len(history(tracker, "valid_1/auc")) < 50


def test_cross_validation_logs_means_and_deviations(tracker: ExperimentTracker) -> None:
    """As lgb.cv gives them itself."""
    stopping = lgb.early_stopping(2, verbose=False)
    table = lgb.cv(PARAMS, data(), 4, nfold=3, callbacks=[log_evaluation(tracker), stopping])

    points = [value for _, value in history(tracker, "valid/auc")]
    assert points[: len(table["valid auc-mean"])] == table["valid auc-mean"]
    assert [value for _, value in history(tracker, "valid/auc_std")][:2] == table["valid auc-stdv"][:2]
    (run,) = tracker.get_experiment_runs()
    assert (run["status"], run["metrics"]["best_iteration"]) == ("FINISHED", len(table["valid auc-mean"]))


def test_the_scikit_learn_classes_take_it(tracker: ExperimentTracker) -> None:
    """Each fit has a run of its own; a copied callback too."""
    logged = log_evaluation(tracker)
    for callback in (logged, copy.deepcopy(logged)):
        model = lgb.LGBMClassifier(n_estimators=3, num_threads=1, verbosity=-1)
        model.fit(X, Y, eval_X=(X,), eval_y=(Y,), callbacks=[callback])
        callback.finish()

    assert statuses(tracker) == ["FINISHED"] * 2
    assert [step for step, _ in history(tracker, "valid_0/binary_logloss")] == [0, 1, 2] * 2


def test_it_joins_the_current_run_and_leaves_it_open(tracker: ExperimentTracker) -> None:
    """Two trainings with one callback in one run; it is its owner's to end."""
    logged = log_evaluation(tracker)
    with tracker.start_run("mine") as run_id:
        train(logged, rounds=2)
        train(logged, rounds=2)
        assert logged.run_id == tracker.active_run() == run_id

    assert statuses(tracker) == ["FINISHED"]
    assert len(history(tracker, "valid_1/auc")) == 4


def test_the_next_training_ends_the_one_before(tracker: ExperimentTracker) -> None:
    """A callback that is kept: finished, failed, finished."""
    logged = log_evaluation(tracker)
    train(logged)
    with suppress(RuntimeError):
        train(logged, boom)
    train(logged)
    logged.finish()

    assert statuses(tracker) == ["FINISHED", "FAILED", "FINISHED"]


def test_a_training_that_raises_is_failed(tracker: ExperimentTracker) -> None:
    """As soon as the exception has been dealt with; its points are there."""
    with suppress(RuntimeError):
        train(log_evaluation(tracker), boom)

    assert statuses(tracker) == ["FAILED"]
    assert tracker.active_run() is None
    assert len(history(tracker, "training/auc")) == 3


def test_as_a_context_it_knows_how_the_training_ended(tracker: ExperimentTracker) -> None:
    """Finished with its importance, or killed by Ctrl-C."""
    with log_evaluation(tracker) as logged:
        train(logged)
    assert len(tracker.list_artifacts(logged.run_id)) == 1

    def interrupted(env: Any) -> None:
        raise KeyboardInterrupt

    interrupted.order = 99  # type: ignore[attr-defined] # after the others

    with pytest.raises(KeyboardInterrupt), logged:
        train(logged, interrupted)

    assert statuses(tracker) == ["FINISHED", "KILLED"]


@pytest.mark.parametrize(("last", "status"), [("train()", "FINISHED"), ("train(boom)", "FAILED")])
def test_the_end_of_the_process_ends_what_is_open(tmp_path: Path, last: str, status: str) -> None:
    """A callback that is kept: a training that was whole is finished, one whose exception was dealt with failed."""
    script = f"""
        import lightgbm, numpy
        from contextlib import suppress
        from tracker import ExperimentTracker
        from tracker.integrations.lightgbm import log_evaluation

        logged = log_evaluation(ExperimentTracker("store", "lgb", auto_log=False))

        def boom(env):
            raise RuntimeError

        boom.order = 99

        def train(*more):
            rows = lightgbm.Dataset(numpy.random.rand(100, 2), numpy.arange(100) % 2)
            params = {{"num_threads": 1, "verbosity": -1}}
            lightgbm.train(params, rows, 2, valid_sets=[rows], callbacks=[logged, *more])

        with suppress(RuntimeError):
            {last}
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, check=True, timeout=15)

    assert [run["status"] for run in Store(tmp_path / "store").experiment_runs("lgb")] == [status]


def test_nan_is_kept(tracker: ExperimentTracker) -> None:
    """An evaluation that is not a number is a point all the same."""

    def score(predicted: Any, rows: Any) -> tuple[str, float, bool]:
        return "mine", float("nan"), True

    rows = data()
    callbacks = [log_evaluation(tracker)]
    lgb.train(PARAMS, rows, 2, valid_sets=[rows], feval=score, callbacks=callbacks)

    values = [value for _, value in history(tracker, "training/mine")]
    assert len(values) == 2
    assert all(np.isnan(values))


def test_somebody_who_stops_the_run_stops_the_training(tracker: ExperimentTracker) -> None:
    """The button on the page, `steplog stop`: as early stopping does."""
    with tracker.start_run("stopped") as run_id:
        request_stop(tracker.layout, run_id, "a test")
        booster = train(log_evaluation(tracker), rounds=500)

    assert booster.best_iteration == 1
    assert len(history(tracker, "training/auc")) == 1


def test_results_of_older_versions_are_understood(tracker: ExperimentTracker) -> None:
    """Cross-validation's were once of one data set, "cv_agg", with the part in the metric's name."""
    model = object()
    with log_evaluation(tracker, importance_type=None) as logged:
        for iteration in range(2):
            results = [("cv_agg", "valid l2", 0.5, False, 0.1), ("cv_agg", "train l2", 0.25, False, 0.2)]
            logged(lgb.callback.CallbackEnv(model, {"x": 1}, iteration, 0, 2, results))

    (run,) = tracker.get_experiment_runs()
    assert run["metrics"] == {"valid/l2": 0.5, "valid/l2_std": 0.1, "train/l2": 0.25, "train/l2_std": 0.2}


def test_it_can_be_pickled(tracker: ExperimentTracker) -> None:
    """After a training too."""
    logged = log_evaluation(tracker)
    train(logged)

    assert pickle.loads(pickle.dumps(logged)).run_id == logged.run_id


def test_an_unknown_importance_is_refused() -> None:
    """With those there are."""
    with pytest.raises(ValueError, match=r"'shap'.*'gain'"):
        log_evaluation(importance_type="shap")  # type: ignore[arg-type]


def test_disabled_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the training runs, no file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    train(log_evaluation())

    assert list(tmp_path.iterdir()) == []
