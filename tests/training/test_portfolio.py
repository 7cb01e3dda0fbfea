"""Algorithms solve what they are listed for: any table, missing cells, wide data, new rows; a seed makes one model."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict

from tests.training.tables import ROWS, cancer, diabetes, mixed, mixed_labels, wine
from tracker.training.algorithm import Algorithm
from tracker.training.portfolio import ALGORITHMS, portfolio
from tracker.training.problem import Problem
from tracker.training.scoring import scorer_for
from tracker.training.space import Integer

TASKS = {"binary": cancer, "multiclass": wine, "regression": diabetes}
EACH = [(algorithm.name, task) for algorithm in ALGORITHMS.values() for task in algorithm.tasks]
BETTER = {"binary": 0.95, "multiclass": 0.5, "regression": 0.25}


def fewest(algorithm: Algorithm, problem: Problem) -> dict[str, Any]:
    """Its default, with fewer trees."""
    params: dict[str, Any] = algorithm.space(problem).default()
    if algorithm.fidelity:
        params[algorithm.fidelity] = min(80, params[algorithm.fidelity])
    return params


def one(name: str, problem: Problem) -> Algorithm:
    """One algorithm; skips the test where its library isn't installed."""
    pytest.importorskip(ALGORITHMS[name].library)
    return portfolio(problem, [name])[0]


@pytest.mark.parametrize(("name", "task"), EACH, ids=[f"{name}-{task}" for name, task in EACH])
def test_an_algorithm_learns_real_data_with_holes(name: str, task: str) -> None:
    """One cell in ten missing, defaults: clearly better than the baseline, which itself is as it should be."""
    X, y = TASKS[task]()
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    problem = Problem.of(holes, y)
    algorithm = one(name, problem)
    model = algorithm.build(fewest(algorithm, problem), problem, 0)
    method = "predict" if problem.classes is None else "predict_proba"

    output = cross_val_predict(clone(model), problem.X, problem.y, cv=3, method=method)

    score = scorer_for(None, problem.task).of_output(problem.y, output)
    if name == "baseline":
        assert score == pytest.approx({"binary": 0.5, "multiclass": 1.09, "regression": 0.0}[task], abs=0.05)
    else:
        assert score < BETTER[task] if task == "multiclass" else score > BETTER[task]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_takes_a_table_of_every_kind_of_column(name: str) -> None:
    """Many categories too, and few; new rows may have missing cells and categories that no row had, in any column."""
    many = [f"{'abcdefghijklmnopqrst'[row % 20]}" for row in range(ROWS)]
    table = mixed() | {"many": many}
    labels: Any = (
        mixed_labels() if "binary" in ALGORITHMS[name].tasks else [float(row % 4 < 2) + row for row in range(ROWS)]
    )
    problem = Problem.of(table, labels)
    algorithm = one(name, problem)

    model = algorithm.build(fewest(algorithm, problem), problem, 0).fit(problem.X, problem.y)

    assert problem.cardinalities[-1] == 20
    fresh = {column: [None, cells[1]] for column, cells in table.items()} | {
        "city": ["Paris", None],
        "many": ["?", "a"],
    }
    predicted = model.predict(problem.take(fresh))
    assert predicted.shape == (2,)
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("name", [name for name, one in ALGORITHMS.items() if "binary" in one.tasks])
def test_an_algorithm_takes_more_features_than_rows(name: str) -> None:
    """30 rows of 200 features, one of which tells."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 200))
    problem = Problem.of(X, X[:, 5] > 0)
    algorithm = one(name, problem)

    model = algorithm.build(fewest(algorithm, problem), problem, 0).fit(problem.X, problem.y)

    np.testing.assert_allclose(model.predict_proba(problem.X).sum(axis=1), 1.0, atol=1e-6)
    assert model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_seed_gives_one_model_which_survives_a_pickle(name: str) -> None:
    """Same settings, same seed, same predictions; in another process too."""
    X, y = wine() if "multiclass" in ALGORITHMS[name].tasks else diabetes()
    problem = Problem.of(X, y)
    algorithm = one(name, problem)
    params = fewest(algorithm, problem)

    first, again = (algorithm.build(params, problem, 7).fit(problem.X, problem.y) for _ in range(2))

    expected = first.predict(problem.X)
    np.testing.assert_array_equal(again.predict(problem.X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(problem.X), expected)


def test_a_portfolio_has_what_fits_the_task_cheapest_first() -> None:
    """The baseline begins; what is for other tasks isn't in it; a fidelity is a hyperparameter that can shrink."""
    for data in TASKS.values():
        problem = Problem.of(*data())
        chosen = portfolio(problem)
        assert chosen[0].name == "baseline"
        assert len(chosen) >= 8
        assert [algorithm.rank for algorithm in chosen] == sorted(algorithm.rank for algorithm in chosen)
        for algorithm in chosen:
            assert problem.task in algorithm.tasks
            assert algorithm.fidelity is None or isinstance(algorithm.space(problem).default()[algorithm.fidelity], int)


def test_what_takes_too_long_for_many_rows_is_left_out_unless_asked_for() -> None:
    """Support vectors take the square of the rows."""
    X = np.arange(12_000.0).reshape(6000, 2)
    problem = Problem.of(X, X[:, 0] > 5)

    assert "support_vectors" not in {algorithm.name for algorithm in portfolio(problem)}
    assert [algorithm.name for algorithm in portfolio(problem, ["support_vectors"])] == ["support_vectors"]


def test_of_two_boosters_that_do_the_same_the_faster_one_is_tried() -> None:
    """Both where both are asked for."""
    pytest.importorskip("lightgbm")
    problem = Problem.of(*cancer())

    assert "histogram_boosting" not in {algorithm.name for algorithm in portfolio(problem)}
    assert len(portfolio(problem, ["histogram_boosting", "lightgbm"])) == 2


def test_unknown_algorithms_are_refused_with_those_that_there_are() -> None:
    """And those that can't do the task, and one text in place of a list."""
    problem = Problem.of(*cancer())

    with pytest.raises(ValueError, match=r"no algorithms \['deep magic'\] for binary; there is baseline, "):
        portfolio(problem, ["deep magic"])
    with pytest.raises(ValueError, match=r"\['ridge'\].*'ridge' can't do it"):
        portfolio(problem, ["ridge"])
    with pytest.raises(ValueError, match="no algorithms"):
        portfolio(problem, [])
    with pytest.raises(TypeError, match=r"\['random_forest'\]"):
        portfolio(problem, "random_forest")


def test_hyperparameters_of_another_name_are_refused() -> None:
    """A misspelled one would else be ignored."""
    problem = Problem.of(*cancer())
    algorithm = portfolio(problem, ["random_forest"])[0]
    params = algorithm.space(problem).default()

    with pytest.raises(ValueError, match=r"random_forest has the hyperparameters \['class_weight'"):
        algorithm.build(params | {"trees": 5}, problem, 0)


@pytest.mark.parametrize("task", TASKS)
def test_spaces_hold_settings_that_fit_the_problem(task: str) -> None:
    """No more leaves than rows, no more neighbours than a fold has."""
    X, y = TASKS[task]()
    rows = np.random.default_rng(0).permutation(len(y))[:60]
    problem = Problem.of(X[rows], y[rows], "regression" if task == "regression" else "auto")

    for algorithm in portfolio(problem):
        for name, dimension in algorithm.space(problem).dimensions.items():
            if isinstance(dimension, Integer) and ("leaf" in name or "neighbors" in name):
                assert dimension.high <= 30
