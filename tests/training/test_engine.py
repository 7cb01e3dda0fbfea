"""The engine finds a model, trains it, and says how well it does; without a tracker, as any scikit-learn estimator."""

import json
import math
import pickle
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Perceptron, Ridge
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.training.learners import Bad
from tests.training.tables import LIBRARIES, as_library, cancer, diabetes, mixed, mixed_labels, wine
from tracker import MLTrainingEngine
from tracker.training.ensemble import StackedEnsemble, WeightedEnsemble

QUICK: dict[str, Any] = {"max_trials": 5, "feature_selection": False, "cv": 3, "search": "random"}
CLASSIFIERS = ["linear_discriminant", "naive_bayes"]


def quick(*algorithms: str, **options: Any) -> MLTrainingEngine:
    """An engine that is done soon."""
    return MLTrainingEngine(**{**QUICK, "algorithms": list(algorithms) or CLASSIFIERS, **options})


@pytest.mark.parametrize(
    ("table", "algorithms", "task", "metric"),
    [
        (cancer, CLASSIFIERS, "binary", "roc_auc"),
        (wine, CLASSIFIERS, "multiclass", "log_loss"),
        (diabetes, ["ridge", "nearest_neighbours"], "regression", "r2"),
    ],
)
def test_it_finds_a_model_that_has_learned(table: Any, algorithms: list[str], task: str, metric: str) -> None:
    """Each task by its usual metric; far better than the baseline on rows that it never saw."""
    X, X_new, y, y_new = train_test_split(*table(), random_state=0)
    engine = quick(*algorithms)
    results = engine.fit(X, y)

    assert (results.task, results.metric, results.stopped_by) == (task, metric, "trials")
    assert results.best_algorithm in algorithms
    assert [row.rank for row in results.leaderboard] == [1, 2, 3]
    assert results.leaderboard[-1].algorithm == "baseline"
    assert [trial.number for trial in results.trials] == [1, 2, 3, 4, 5]
    sign = 1 if results.direction == "maximize" else -1
    assert sign * (results.cv_score - results.baseline_score) > 0.2
    assert engine.score(X_new, y_new) - sign * results.baseline_score > 0.2
    assert results.evaluation is not None
    assert len(results.evaluation.fold_scores) == 6
    assert results.cv_score == pytest.approx(np.mean(results.evaluation.fold_scores))


def test_the_same_seed_and_trials_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last digit, as no clock decides; another seed another."""
    X, y = wine()
    first, second, other = (quick(seed=seed, search="auto", max_trials=9).fit(X, y) for seed in (3, 3, 4))

    def told(results: Any) -> Any:
        trials = [(one.algorithm, one.params, one.state, one.fold_scores) for one in results.trials]
        return trials, results.ensemble, results.cv_score, results.best_params

    assert told(first) == told(second)
    assert told(first) != told(other)


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables_of_any_library_and_labels_of_text(library: str) -> None:
    """Text, missing cells, dates: in, and labels as they came out."""
    X, y = as_library(mixed(), library), mixed_labels()
    engine = quick("naive_bayes", max_trials=2)
    engine.fit(X, y)

    assert engine.classes_.tolist() == ["no", "yes"]
    assert set(engine.predict(X).tolist()) <= {"no", "yes"}
    assert engine.predict_proba(X).shape == (40, 2)
    assert engine.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(40))
    assert 0 <= engine.score(X, y) <= 1


def test_new_data_is_checked() -> None:
    """A column that lacks is named; more columns, in another order, do no harm."""
    table = mixed()
    engine = quick("naive_bayes", max_trials=2)
    engine.fit(table, mixed_labels())
    turned = {name: table[name] for name in reversed(table)} | {"more": list(range(40))}

    assert np.array_equal(engine.predict(turned), engine.predict(table))
    with pytest.raises(ValueError, match="'city'"):
        engine.predict({name: cells for name, cells in table.items() if name != "city"})
    with pytest.raises(ValueError, match="maybe"):
        engine.score(table, ["maybe"] * 40)


def test_without_automl_one_estimator_is_cross_validated() -> None:
    """Histogram boosting, or another of ours, or one of the user's; two trials with the baseline."""
    X, y = wine()
    ours = MLTrainingEngine(enable_automl=False, algorithms=["naive_bayes"]).fit(X, y)
    given = MLTrainingEngine(
        enable_automl=False, estimator=DecisionTreeClassifier(max_depth=2), cv=3, metric="accuracy"
    )
    results = given.fit(X, y)

    assert [row.algorithm for row in ours.leaderboard] == ["naive_bayes", "baseline"]
    assert MLTrainingEngine(enable_automl=False).fit(X, y).best_algorithm == "histogram_boosting"
    assert results.best_algorithm == "DecisionTreeClassifier"
    assert (len(results.trials), results.stopped_by, results.ensemble) == (2, "exhausted", [])
    assert given.best_estimator_.estimator_.max_depth == 2
    assert given.best_estimator_.estimator_.random_state == 0


def test_an_estimator_without_probabilities_takes_a_metric_of_labels() -> None:
    """One that needs probabilities is refused by what it says."""
    X, y = cancer()
    labels = MLTrainingEngine(enable_automl=False, estimator=make_pipeline(StandardScaler(), Perceptron()), metric="f1")

    assert labels.fit(X, y).cv_score > 0.9
    assert not hasattr(labels, "predict_proba")
    with pytest.raises(RuntimeError, match=r"TypeError.*Perceptron has no predict_proba.*roc_auc.*accuracy"):
        MLTrainingEngine(enable_automl=False, estimator=Perceptron()).fit(X, y)


def test_a_search_in_which_nothing_fits_is_an_error() -> None:
    """That names the causes; there is no model then, and the trials can be looked at."""
    engine = MLTrainingEngine(enable_automl=False, estimator=Bad())

    with pytest.raises(
        RuntimeError, match=r"none of 1 candidates could be fitted: ArithmeticError \(1x: Bad\): no fit"
    ):
        engine.fit(*wine())
    assert [trial.state for trial in engine.results_.trials] == ["complete", "failed"]
    with pytest.raises(NotFittedError):
        engine.predict(wine()[0])


def test_a_budget_for_nothing_gives_the_baseline_and_says_so() -> None:
    """A model all the same."""
    X, y = wine()
    engine = MLTrainingEngine(time_budget_s=1e-6)
    with pytest.warns(UserWarning, match="stopped by time before any algorithm was tried"):
        results = engine.fit(X, y)

    assert results.best_algorithm == "baseline"
    assert results.cv_score == results.baseline_score
    assert any("no time was left to evaluate" in note for note in results.notes)
    assert set(engine.predict(X)) <= set(y)


def test_the_time_budget_of_the_environment_stands_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only there; nonsense is refused."""
    monkeypatch.setenv("STEPLOG_TIME_BUDGET_S", "0.000001")
    X, y = wine()
    with pytest.warns(UserWarning, match="stopped by time"):
        unsaid = MLTrainingEngine(algorithms=["naive_bayes"], max_trials=2).fit(X, y)
    said = quick("naive_bayes", time_budget_s=30, max_trials=2).fit(X, y)

    assert (unsaid.stopped_by, said.stopped_by) == ("time", "trials")
    monkeypatch.setenv("STEPLOG_TIME_BUDGET_S", "soon")
    with pytest.raises(ValueError, match="STEPLOG_TIME_BUDGET_S is 'soon'"):
        MLTrainingEngine()


@pytest.mark.parametrize("kind", ["greedy", "stacking", "none"])
def test_an_ensemble_is_kept_only_if_it_scores_no_worse(kind: str) -> None:
    """By its own cross-validation; its weights sum to one, and it is what predicts."""
    X, y = diabetes()
    engine = quick("nearest_neighbours", ensemble=kind)
    results = engine.fit(X, y)

    if kind == "none":
        assert (results.ensemble, results.ensemble_method) == ([], "")
        return
    assert results.ensemble_method == kind  # it is better here
    assert len(results.ensemble) > 1
    assert sum(member.weight for member in results.ensemble) == pytest.approx(1)
    assert type(engine.best_estimator_.estimator_) is {"greedy": WeightedEnsemble, "stacking": StackedEnsemble}[kind]
    assert engine.score(X, y) > results.baseline_score


def test_nested_folds_search_again_for_each() -> None:
    """The score is the procedure's, on rows that no part of it saw."""
    X, y = wine()
    results = quick("naive_bayes", nested_folds=3, max_trials=3).fit(X, y)

    assert results.evaluation is not None
    assert results.evaluation.on == "nested cross-validation"
    assert len(results.evaluation.fold_scores) == 3
    assert len(results.trials) == 3
    assert results.cv_score == results.evaluation.score


def test_nested_folds_need_rows_of_each_class() -> None:
    """Two of each must be left for the search."""
    X, y = wine()
    rows = np.flatnonzero((y != 0) | (np.arange(len(y)) < 3))

    with pytest.raises(ValueError, match=r"nested_folds=2 needs more rows.*class .*0.* has 3, and two"):
        quick(nested_folds=2, cv=2).fit(X[rows], y[rows])


def test_features_that_say_nothing_are_left_out() -> None:
    """Beside columns of noise those that tell are found; the model uses these alone, on a whole table."""
    X, y = wine()
    noisy = np.hstack([X[:, [0, 6, 9, 12]], np.random.default_rng(0).normal(size=(len(X), 4))])
    engine = quick("naive_bayes", feature_selection=True, max_trials=4, ensemble="none")
    results = engine.fit(noisy, y)

    assert results.features == ["feature_0", "feature_1", "feature_2", "feature_3"]
    assert len(results.trials) == 4
    assert engine.predict(noisy).shape == (len(X),)


def test_it_is_trained_again_by_refit() -> None:
    """The chosen model on other rows; nothing is searched."""
    X, y = wine()
    engine = quick()
    engine.fit(X[::2], y[::2])
    before = engine.predict_proba(X)
    trials = engine.results_.trials

    assert engine.refit(X, y) is engine
    assert engine.results_.trials is trials
    assert not np.array_equal(engine.predict_proba(X), before)
    with pytest.raises(NotFittedError, match="call fit"):
        quick().refit(X, y)


def test_it_is_a_scikit_learn_estimator() -> None:
    """It clones, goes into pipelines and scikit-learn's helpers, and is of a kind once that is known."""
    X, y = wine()
    engine = quick("naive_bayes", max_trials=2, task="classification", metric="accuracy")
    copy = clone(engine)

    assert copy.get_params() == engine.get_params()
    assert copy.set_params(seed=5).seed == 5
    assert is_classifier(engine)
    assert is_regressor(quick("ridge", task="regression"))
    assert cross_val_score(engine, X, y, cv=3).mean() > 0.9
    piped = make_pipeline(StandardScaler(), engine).fit(X, y)
    assert piped.score(X, y) > 0.9
    with pytest.raises(NotFittedError, match="no trained model yet: call fit"):
        copy.predict(X)


def test_a_fitted_engine_and_its_model_are_pickled() -> None:
    """They predict the same wherever they are loaded."""
    X, y = wine()
    engine = quick()
    engine.fit(X, y)
    loaded, model = pickle.loads(pickle.dumps((engine, engine.best_estimator_)))

    assert np.array_equal(loaded.predict_proba(X), engine.predict_proba(X))
    assert np.array_equal(model.predict(X), engine.predict(X))
    assert loaded.results_ == engine.results_
    assert loaded.refit(X, y).predict(X).shape == (len(X),)


def test_the_model_is_an_estimator_of_its_own() -> None:
    """It clones and is fitted to another sample of the same table; another table is refused."""
    X, y = wine()
    engine = quick("naive_bayes", max_trials=2)
    engine.fit(X, y)
    anew = clone(engine.best_estimator_).fit(X[::2], y[::2])

    assert anew.score(X, y) > 0.9
    with pytest.raises(ValueError, match="built for the features"):
        engine.best_estimator_.fit(X[:, :5], y)


def test_the_leaderboard_is_a_frame_and_results_print_it() -> None:
    """One row an algorithm, the best first."""
    engine = quick("naive_bayes", max_trials=3)
    results = engine.fit(*wine())
    frame = engine.leaderboard()

    assert isinstance(frame, pl.DataFrame)
    assert frame["algorithm"].to_list() == ["naive_bayes", "baseline"]
    assert json.loads(frame["params"][0]) == results.best_params
    text = repr(results)
    assert "log_loss" in text
    assert "stopped by trials" in text
    assert text.index("naive_bayes") < text.rindex("baseline")
    with pytest.raises(NotFittedError, match="call fit"):
        quick().leaderboard()


def test_fewer_rows_of_a_class_than_folds_make_fewer_folds() -> None:
    """Said in a note."""
    X, y = wine()
    rows = np.flatnonzero((y != 0) | (np.arange(len(y)) < 3))
    results = quick("naive_bayes", cv=5, max_trials=2).fit(X[rows], y[rows])

    assert "3 folds instead of 5: the rarest class has no more rows" in results.notes
    assert len(results.trials[1].fold_scores) == 3


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("featureselection", "features could not be selected: ZeroDivisionError: of "),
        ("choosing", "no ensemble could be made: ZeroDivisionError: of "),
        ("evaluation", "the final model could not be evaluated, its score is that by which it was chosen: ZeroDiv"),
        (
            "nested",
            "the final model could not be evaluated, its score is that by which it was chosen: RuntimeError: none",
        ),
    ],
)
def test_a_metric_that_fails_after_the_search_costs_no_model(where: str, said: str) -> None:
    """What it fails in is left out, with a warning and a note that say so; the rest is done."""

    def share(y: np.ndarray, labels: np.ndarray) -> float:
        frames = traceback.extract_stack()
        if any(Path(frame.filename).stem == where for frame in frames):
            raise ZeroDivisionError(f"of {len(y)}")
        return float((y == labels).mean())

    X, y = wine()
    nested = 2 if where == "nested" else 0
    engine = quick(
        "naive_bayes", "nearest_neighbours", metric=share, max_trials=6, feature_selection=True, nested_folds=nested
    )
    with pytest.warns(UserWarning, match=said) as caught:
        results = engine.fit(X, y)

    assert [str(one.message) for one in caught] == [note for note in results.notes if note.startswith(said)]
    assert caught[0].filename == __file__
    assert (results.evaluation is None) == (where in {"evaluation", "nested"})
    assert results.cv_score > 0.8
    assert engine.score(X, y) > 0.8


def test_a_quantity_of_few_rows_has_folds_of_two_rows_at_least() -> None:
    """R2 of one row is no number: fewer folds, said in a note, rather than no model."""
    rows = np.arange(7.0)
    results = quick("ridge", cv=5, max_trials=2).fit(np.column_stack([rows, rows % 3]), 2 * rows + 1)

    assert "3 folds instead of 5: two rows are left in each" in results.notes
    assert [trial.state for trial in results.trials] == ["complete", "complete"]
    assert len(results.trials[1].fold_scores) == 3


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"time_budget_s": 0}, ValueError),
        ({"time_budget_s": -1}, ValueError),
        ({"time_budget_s": math.nan}, ValueError),
        ({"time_budget_s": "60"}, TypeError),
        ({"time_budget_s": None}, ValueError),
        ({"max_trials": 0}, ValueError),
        ({"max_trials": 1.5}, TypeError),
        ({"trial_timeout_s": 0}, ValueError),
        ({"task": "clustering"}, ValueError),
        ({"search": "grid"}, ValueError),
        ({"ensemble": "bagging"}, ValueError),
        ({"ensemble": True}, ValueError),
        ({"feature_selection": "yes"}, ValueError),
        ({"feature_selection": 1}, ValueError),
        ({"cv": 1}, ValueError),
        ({"cv": "5"}, TypeError),
        ({"repeats": 0}, ValueError),
        ({"nested_folds": 1}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**40}, ValueError),
        ({"n_jobs": 0}, ValueError),
        ({"algorithms": []}, ValueError),
        ({"algorithms": "ridge"}, TypeError),
        ({"enable_automl": 1}, TypeError),
        ({"enable_automl": False, "algorithms": ["ridge", "naive_bayes"]}, ValueError),
        ({"enable_automl": False, "estimator": Ridge}, TypeError),
        ({"estimator": Ridge()}, ValueError),
        ({"progress": 3}, TypeError),
        ({"log_model": 3}, TypeError),
        ({"experiment_tracker": "mlflow"}, TypeError),
    ],
)
def test_misuse_is_refused_when_the_engine_is_made(options: dict[str, Any], error: type[Exception]) -> None:
    """By the name of the argument, which set_params can't get round."""
    name = next((name for name in options if name != "enable_automl"), "enable_automl")
    with pytest.raises(error, match=name):
        MLTrainingEngine(**options)
    engine = MLTrainingEngine()
    engine.set_params(**options)
    with pytest.raises(error, match=name):
        engine.fit(*wine())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithms": ["ridge"]}, "no algorithms \\['ridge'\\] for multiclass"),
        ({"metric": "r2"}, "r2"),
        ({"metric": "goodness"}, "no metric 'goodness'"),
        ({"task": "binary"}, "3 classes"),
    ],
)
def test_what_doesnt_fit_the_data_is_refused_before_anything_is_tried(options: dict[str, Any], message: str) -> None:
    """And says what there is."""
    with pytest.raises(ValueError, match=message):
        MLTrainingEngine(**options).fit(*wine())
