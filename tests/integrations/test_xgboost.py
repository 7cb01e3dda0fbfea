"""XGBoost's callback: evaluations, params, importance; train, cv, scikit-learn's way; trainings that fail."""

import copy
import pickle
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.control import request_stop
from readers.store import RunRecord, Store
from tracker import ExperimentTracker

xgb = pytest.importorskip("xgboost")
from tracker.integrations.xgboost import SteplogCallback  # noqa: E402 - needs xgboost

TrainingCallback: Any = xgb.callback.TrainingCallback
PARAMS = {"objective": "binary:logistic", "max_depth": 2, "eta": 0.3, "nthread": 1, "eval_metric": ["logloss", "auc"]}
RNG = np.random.default_rng(0)
X = RNG.random((200, 3))
Y = (X[:, 0] + 0.3 * RNG.random(200) > 0.6).astype(int)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[ExperimentTracker]:
    """A tracker without auto_log."""
    with ExperimentTracker(tmp_path / "store", "xgb", auto_log=False) as made:
        yield made


def data(first: int = 0, last: int = 200) -> Any:
    """Rows with named features."""
    return xgb.DMatrix(X[first:last], Y[first:last], feature_names=["a", "b", "c"])


def train(callback: Any, rounds: int = 5, **options: Any) -> Any:
    """A training with a held-out part."""
    held_out = data(100)
    evals = [(data(0, 100), "train"), (held_out, "valid")]
    return xgb.train(PARAMS, evals[0][0], rounds, evals=evals, verbose_eval=False, callbacks=[callback], **options)


def history(tracker: ExperimentTracker, key: str, run: RunRecord | None = None) -> list[tuple[int, float]]:
    """Steps and values of a metric, in the order they were logged."""
    tracker.flush()
    rows = Store(tracker.root).metrics(keys=[key], runs=None if run is None else [run["run_id"]])
    return [(step, value) for step, value in rows.sort("seq").select("step", "value").collect().rows()]


class Broken(TrainingCallback):  # type: ignore[misc] # untyped library
    """Leaves a training by an exception."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """At the third iteration."""
        if epoch == 2:
            raise RuntimeError("boom")
        return False


def test_each_iterations_evaluations_are_logged_as_xgboost_tells_them(tracker: ExperimentTracker) -> None:
    """Under "<data>/<metric>", one point an iteration; the run that was begun for it is finished."""
    result: dict[str, Any] = {}
    train(SteplogCallback(tracker, run_name="boosted"), evals_result=result)

    (run,) = tracker.get_experiment_runs()
    assert (run["run_name"], run["status"]) == ("boosted", "FINISHED")
    for part in ("train", "valid"):
        for metric in ("logloss", "auc"):
            assert history(tracker, f"{part}/{metric}") == list(enumerate(result[part][metric]))


def test_params_are_the_boosters_configuration_as_numbers(tracker: ExperimentTracker) -> None:
    """What was given, and the defaults of what wasn't."""
    train(SteplogCallback(tracker))

    params = tracker.get_experiment_runs()[0]["params"]
    expected = {"eta": 0.3, "max_depth": 2, "objective": "binary:logistic", "lambda": 1, "booster": "gbtree"}
    assert {name: params[name] for name in expected} == expected
    assert params["eval_metric"] == ["logloss", "auc"]


def test_importance_is_an_artifact_with_all_features(tracker: ExperimentTracker) -> None:
    """Those that no tree splits on count 0; kinds are XGBoost's."""
    booster = train(SteplogCallback(tracker, importance_type="total_gain"), rounds=1)
    run_id = tracker.get_experiment_runs()[0]["run_id"]

    told: Any = tracker.load_artifact("feature_importance.json", run_id)
    scores = booster.get_score(importance_type="total_gain")
    assert told["features"] == ["a", "b", "c"]
    assert told["importances"] == pytest.approx([scores.get(name, 0.0) for name in "abc"])
    assert told["method"] == "total_gain"


def test_a_linear_booster_tells_its_coefficients(tracker: ExperimentTracker) -> None:
    """It has no gain."""
    booster = xgb.train({"booster": "gblinear", "nthread": 1}, data(), 2, callbacks=[SteplogCallback(tracker)])

    told: Any = tracker.load_artifact("feature_importance.json", tracker.get_experiment_runs()[0]["run_id"])
    scores = booster.get_score(importance_type="weight")
    assert told["method"] == "weight"
    assert told["importances"] == pytest.approx([scores[name] for name in "abc"])


def test_early_stopping_is_told(tracker: ExperimentTracker) -> None:
    """best_iteration and best_score, and no iteration after the last."""
    noise = xgb.DMatrix(X, RNG.integers(0, 2, 200), feature_names=["a", "b", "c"])
    callback = SteplogCallback(tracker)
    booster = xgb.train(
        {**PARAMS, "eval_metric": "logloss"},
        data(),
        50,
        evals=[(noise, "noise")],
        early_stopping_rounds=3,
        verbose_eval=False,
        callbacks=[callback],
    )

    run = tracker.get_experiment_runs()[0]
    assert run["metrics"]["best_iteration"] == booster.best_iteration
    assert run["metrics"]["best_score"] == pytest.approx(booster.best_score)
    assert len(history(tracker, "noise/logloss")) == booster.best_iteration + 4


def test_cross_validation_logs_means_and_deviations(tracker: ExperimentTracker) -> None:
    """As xgb.cv gives them itself."""
    table = xgb.cv(PARAMS, data(), 4, nfold=3, as_pandas=False, callbacks=[SteplogCallback(tracker)])

    assert [value for _, value in history(tracker, "test/logloss")] == pytest.approx(table["test-logloss-mean"])
    assert [value for _, value in history(tracker, "test/auc_std")] == pytest.approx(table["test-auc-std"])
    (run,) = tracker.get_experiment_runs()
    assert (run["status"], run["params"]["max_depth"]) == ("FINISHED", 2)


def test_early_stopping_of_cross_validation_is_told(tracker: ExperimentTracker) -> None:
    """The folds share one best iteration."""
    noise = xgb.DMatrix(X, RNG.integers(0, 2, 200))
    xgb.cv(
        {**PARAMS, "eval_metric": "logloss"},
        noise,
        50,
        nfold=3,
        early_stopping_rounds=2,
        as_pandas=False,
        callbacks=[SteplogCallback(tracker)],
    )

    metrics = tracker.get_experiment_runs()[0]["metrics"]
    points = history(tracker, "test/logloss")
    assert points[int(metrics["best_iteration"])][1] == pytest.approx(metrics["best_score"])


def test_the_scikit_learn_classes_take_it_and_its_clones(tracker: ExperimentTracker) -> None:
    """Each fit of a cross-validation, with a clone of the callback, has a run of its own."""
    from sklearn.model_selection import cross_val_score

    model = xgb.XGBClassifier(n_estimators=3, n_jobs=1, callbacks=[SteplogCallback(tracker)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's and XGBoost's about each other
        cross_val_score(model, X, Y, cv=2)
        model.fit(X, Y, eval_set=[(X, Y)], verbose=False)

    runs = tracker.get_experiment_runs()
    assert [run["status"] for run in runs] == ["FINISHED"] * 3
    assert [step for step, _ in history(tracker, "validation_0/logloss")] == [0, 1, 2]


def test_it_joins_the_current_run_and_leaves_it_open(tracker: ExperimentTracker) -> None:
    """Two trainings in one run; it is its owner's to end."""
    callback = SteplogCallback(tracker)
    with tracker.start_run("mine") as run_id:
        train(callback, 2)
        train(callback, 2)
        assert callback.run_id == tracker.active_run() == run_id

    (run,) = tracker.get_experiment_runs()
    assert run["status"] == "FINISHED"
    assert len(history(tracker, "valid/auc")) == 4


def test_without_a_tracker_it_has_one_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment; closed with the run."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    train(SteplogCallback(experiment_name="own"))

    (run,) = Store(tmp_path / "store").experiment_runs("own")
    assert run["status"] == "FINISHED"


@pytest.mark.parametrize("kept", [True, False])
def test_a_training_that_raises_is_failed(tracker: ExperimentTracker, *, kept: bool) -> None:
    """At once, whether or not somebody keeps the callback; its points are there."""
    callbacks = [SteplogCallback(tracker)] if kept else []
    with suppress(RuntimeError):
        xgb.train(PARAMS, data(), 5, evals=[(data(), "train")], verbose_eval=False, callbacks=[
            *(callbacks or [SteplogCallback(tracker)]), Broken(),
        ])  # fmt: skip

    assert [run["status"] for run in tracker.get_experiment_runs()] == ["FAILED"]
    assert tracker.active_run() is None
    assert len(history(tracker, "train/auc")) == 3


def test_the_death_of_an_earlier_booster_ends_nothing(tracker: ExperimentTracker) -> None:
    """A callback that is used again, in one run, while the first booster goes."""
    callback = SteplogCallback(tracker)

    class Dropping(TrainingCallback):  # type: ignore[misc] # untyped library
        """Drops the first booster in the middle of the second training."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 1:
                boosters.clear()
            return False

    with tracker.start_run("both"):
        boosters = [train(callback, 1)]
        xgb.train(PARAMS, data(), 4, evals=[(data(), "second")], verbose_eval=False, callbacks=[Dropping(), callback])

    assert len(history(tracker, "second/auc")) == 4


def test_as_a_context_it_knows_at_once_how_the_training_ended(tracker: ExperimentTracker) -> None:
    """Ctrl-C makes it KILLED."""
    callback = SteplogCallback(tracker)

    class Interrupted(TrainingCallback):  # type: ignore[misc] # untyped library
        """Ctrl-C."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), callback:
        xgb.train(PARAMS, data(), 5, callbacks=[Interrupted(), callback])

    assert [run["status"] for run in tracker.get_experiment_runs()] == ["KILLED"]


def test_nan_is_kept(tracker: ExperimentTracker) -> None:
    """An evaluation that is not a number is a point all the same."""

    def score(predicted: Any, rows: Any) -> tuple[str, float]:
        return "mine", float("nan")

    with suppress(RuntimeError):
        xgb.train(
            {"nthread": 1, "disable_default_eval_metric": 1},
            data(),
            2,
            evals=[(data(), "train")],
            custom_metric=score,
            verbose_eval=False,
            callbacks=[SteplogCallback(tracker)],
        )

    values = [value for _, value in history(tracker, "train/mine")]
    assert len(values) == 2
    assert all(np.isnan(values))


def test_somebody_who_stops_the_run_stops_the_training(tracker: ExperimentTracker) -> None:
    """The button on the page, `steplog stop`."""

    class Somebody(TrainingCallback):  # type: ignore[misc] # untyped library
        """Presses it."""

        def before_training(self, model: Any) -> Any:
            run_id = tracker.active_run()
            assert run_id is not None
            request_stop(tracker.layout, run_id, "a test")
            return model

    booster = xgb.train(PARAMS, data(), 500, callbacks=[SteplogCallback(tracker), Somebody()])

    assert booster.num_boosted_rounds() < 500


def test_copies_log_to_runs_of_their_own(tracker: ExperimentTracker) -> None:
    """Deep copies and pickles, before and after a training."""
    callback = SteplogCallback(tracker)
    train(callback, 1)
    train(copy.deepcopy(callback), 1)

    assert [run["status"] for run in tracker.get_experiment_runs()] == ["FINISHED"] * 2
    assert pickle.loads(pickle.dumps(callback)).run_id == callback.run_id


def test_an_unknown_importance_is_refused() -> None:
    """With those there are."""
    with pytest.raises(ValueError, match=r"'shap'.*total_gain"):
        SteplogCallback(importance_type="shap")  # type: ignore[arg-type]


def test_disabled_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: the training runs, no file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    train(SteplogCallback(), 2)

    assert list(tmp_path.iterdir()) == []
