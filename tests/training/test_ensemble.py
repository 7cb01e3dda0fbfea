"""Ensembles weigh models by predictions that they made for rows they hadn't seen, and are judged likewise."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB

from tests.training.tables import diabetes, wine
from tracker.training.ensemble import (
    Stack,
    StackedEnsemble,
    WeightedEnsemble,
    best_alone,
    cross_fitted,
    greedy,
    greedy_ensemble,
    stacked,
    weighted_mean,
)
from tracker.training.scoring import scorer_for

RMSE = scorer_for("rmse", "regression")
LOSS = scorer_for("log_loss", "multiclass")
ACCURACY = scorer_for("accuracy", "multiclass")


def noisy(n: int = 200, models: int = 4, seed: int = 0) -> tuple[dict[str, Any], Any]:
    """A quantity, and models that err each in its own way, each more than the one before."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    return {f"model {place}": y + rng.normal(scale=1 + 0.2 * place, size=n) for place in range(models)}, y


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), models=st.integers(1, 6))
def test_weights_sum_to_one_and_the_mean_is_no_worse_than_that_of_the_three_best(seed: int, models: int) -> None:
    """With which it begins, on the rows that they were chosen with."""
    predictions, y = noisy(60, models, seed)

    weights = greedy_ensemble(predictions, y, RMSE)

    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) > 0
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    best = sorted(predictions.values(), key=lambda output: RMSE(y, output))[:3]
    assert RMSE(y, weighted_mean(predictions, weights)) <= RMSE(y, np.mean(best, axis=0)) + 1e-12


def test_models_that_err_apart_are_better_together() -> None:
    """And the better ones weigh more."""
    predictions, y = noisy(2000)

    weights = greedy_ensemble(predictions, y, RMSE)

    assert len(weights) == 4
    assert weights["model 0"] > weights["model 3"]
    assert RMSE(y, weighted_mean(predictions, weights)) < 0.75 * RMSE(y, predictions["model 0"])


def test_it_begins_with_models_of_several_kinds() -> None:
    """Not with the same one thrice; and one alone is weighed against what it is elsewhere."""
    predictions, y = noisy(60, 4)
    same = {"a 1": predictions["model 0"], "a 2": predictions["model 0"], "b": predictions["model 3"]}

    apart = greedy_ensemble(same, y, RMSE, rounds=2, kinds={"a 1": "a", "a 2": "a", "b": "b"})

    assert apart == {"a 1": 0.5, "b": 0.5}
    folds = [test for _, test in KFold(5).split(y)]
    alone = RMSE(y, cross_fitted(best_alone(RMSE), predictions, y, folds))
    assert alone >= min(RMSE(y, output) for output in predictions.values())


def test_of_models_with_as_many_hits_the_one_that_is_surer_weighs_most() -> None:
    """A metric of labels has ties; the log loss decides."""
    y = np.array([0, 1, 2] * 10)
    sure, unsure = 0.9 * np.eye(3)[y] + 0.1 / 3, 0.4 * np.eye(3)[y] + 0.6 / 3

    assert greedy_ensemble({"unsure": unsure, "sure": sure}, y, ACCURACY)["sure"] > 0.9


def test_a_model_with_nan_is_left_out() -> None:
    """It failed on some fold; with no other there is nothing to weigh."""
    predictions, y = noisy(50, 2)
    predictions["broken"] = np.full(50, np.nan)

    assert "broken" not in greedy_ensemble(predictions, y, RMSE)
    with pytest.raises(ValueError, match="none of the 1 models"):
        greedy_ensemble({"broken": predictions["broken"]}, y, RMSE)


def test_predictions_of_several_shapes_or_none_are_refused() -> None:
    """They would be of other rows."""
    predictions, y = noisy(50, 2)

    with pytest.raises(ValueError, match="one shape for 50 rows"):
        greedy_ensemble(predictions | {"short": np.zeros(40)}, y, RMSE)
    with pytest.raises(ValueError, match="one shape"):
        greedy_ensemble({}, y, RMSE)


def test_an_ensemble_is_judged_on_rows_that_did_not_choose_it() -> None:
    """Of a hundred models of pure chance the best look good where they were chosen, and like chance elsewhere."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=60)
    chance = {f"{place}": rng.normal(scale=0.5, size=60) for place in range(100)}
    r2 = scorer_for("r2", "regression")
    folds = [test for _, test in KFold(5).split(y)]

    flattered = r2(y, weighted_mean(chance, greedy_ensemble(chance, y, r2, candidates=100)))
    fair = r2(y, cross_fitted(greedy(r2), chance, y, folds))

    assert flattered > 0.1
    assert fair < 0.0


def test_rows_in_no_fold_are_not_combined() -> None:
    """They are NaN."""
    predictions, y = noisy(50)

    combined = cross_fitted(greedy(RMSE), predictions, y, [np.arange(20), np.arange(20, 40)])

    assert np.isfinite(combined[:40]).all()
    assert np.isnan(combined[40:]).all()


def test_a_stack_learns_what_a_mean_cannot() -> None:
    """Models that are off by a factor each, and probabilities whose classes are mixed up."""
    rng = np.random.default_rng(0)
    y = rng.normal(10, 3, size=300)
    folds = [test for _, test in KFold(5).split(y)]
    off = {"half": y / 2 + rng.normal(size=300) / 4, "third": y / 3 + rng.normal(size=300) / 4}

    assert RMSE(y, cross_fitted(stacked(list(off)), off, y, folds)) < 1.0
    assert RMSE(y, cross_fitted(greedy(RMSE), off, y, folds)) > 1.0
    codes = rng.integers(0, 3, 300)
    turned = {"turned": 0.6 * np.eye(3)[(codes + 1) % 3] + 0.4 * rng.dirichlet(np.ones(3), 300)}
    assert ACCURACY.of_output(codes, turned["turned"]) < 0.2
    assert ACCURACY.of_output(codes, cross_fitted(stacked(["turned"]), turned, codes, folds)) > 0.95


def test_a_stacks_weights_of_quantities_are_not_negative() -> None:
    """Breiman's condition, with models that say nearly the same."""
    predictions, y = noisy(100, 4)
    outputs = [*predictions.values(), predictions["model 0"] + 1e-6]

    assert (Stack().fit(outputs, y).model_.coef_ >= 0).all()


def classifiers() -> list[Any]:
    """Two."""
    return [LinearDiscriminantAnalysis(), GaussianNB()]


def regressors() -> list[Any]:
    """Two."""
    return [LinearRegression(), Ridge(1.0)]


@pytest.mark.parametrize("kind", ["weighted", "stacked"])
@pytest.mark.parametrize("task", ["classes", "quantity"])
def test_an_ensemble_is_an_estimator_that_survives_clone_and_pickle(kind: str, task: str) -> None:
    """It is of its models' kind, scikit-learn cross-validates it, and its mean is the models'."""
    X, y = wine() if task == "classes" else diabetes()
    models = classifiers() if task == "classes" else regressors()
    method = "predict_proba" if task == "classes" else "predict"
    if kind == "weighted":
        ensemble: Any = WeightedEnsemble(models, [0.75, 0.25])
    else:
        outputs = [cross_val_predict(model, X, y, cv=5, method=method) for model in models]
        ensemble = StackedEnsemble(models, Stack().fit(outputs, y))

    fitted = clone(ensemble).fit(X, y) if kind == "weighted" else ensemble.fit(X, y)

    assert is_classifier(fitted) == (task == "classes")
    assert is_regressor(fitted) == (task == "quantity")
    assert hasattr(fitted, "predict_proba") == (task == "classes")
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
    if kind == "weighted":
        own = [getattr(model, method)(X) for model in fitted.estimators_]
        np.testing.assert_allclose(getattr(fitted, method)(X), 0.75 * own[0] + 0.25 * own[1])
        assert cross_val_predict(ensemble, X, y, cv=3, method=method).shape[0] == len(y)
    if task == "classes":
        assert fitted.classes_.tolist() == [0, 1, 2]
        assert (fitted.predict(X) == y).mean() > 0.95


def test_an_ensemble_takes_models_that_are_fitted_already() -> None:
    """They aren't fitted again."""
    X, y = wine()
    fitted = LogisticRegression(max_iter=5000).fit(X, y)

    ensemble = WeightedEnsemble([LogisticRegression()], [1.0]).of_fitted([fitted])

    assert ensemble.estimators_[0] is fitted
    np.testing.assert_array_equal(ensemble.predict(X), fitted.predict(X))
