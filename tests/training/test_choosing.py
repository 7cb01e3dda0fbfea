"""An ensemble is chosen where it is no worse than the best single model, both judged by rows that they never saw."""

from typing import Any

import numpy as np
import pytest

from tests.training.learners import Bayes
from tests.training.tables import diabetes
from tracker.training.candidate import Candidate, Tried
from tracker.training.choosing import Chosen, choose
from tracker.training.crossvalidation import make_folds
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.scoring import scorer_for

PROBLEM = Problem.of(*diabetes())
FOLDS = make_folds(PROBLEM, 5, 1, 0)
RMSE = scorer_for("rmse", "regression")
NOISE = np.random.default_rng(0).normal(scale=30, size=(2, PROBLEM.n_rows))


class Named(Bayes):
    """An algorithm of a name."""

    def __init__(self, name: str) -> None:
        self.name = name


def tried(number: int, predicted: np.ndarray[Any, Any], fit_time_s: float = 0.1) -> Tried:
    """A candidate with these out-of-fold predictions."""
    scores = [RMSE(PROBLEM.y[fold.test], predicted[fold.test]) for fold in FOLDS]
    one = Tried(number, Candidate(Named(f"model {number}"), {}, 0), "complete", float(np.mean(scores)), 0.0, scores)
    one.predictions = [predicted[fold.test] for fold in FOLDS]
    one.fit_time_s = fit_time_s
    return one


def chosen(*these: Tried, kind: Any = "greedy", **limits: float) -> Chosen:
    """What is chosen of them."""
    best = min(these, key=lambda one: one.score or 0.0)
    return choose(these, best, problem=PROBLEM, scorer=RMSE, folds=FOLDS, options=Options(ensemble=kind), **limits)


@pytest.mark.parametrize("kind", ["greedy", "stacking"])
def test_models_that_err_apart_are_better_together(kind: str) -> None:
    """Two errors that have nothing to do with each other halve in the mean."""
    one, two = (tried(number, PROBLEM.y + noise) for number, noise in enumerate(NOISE))
    found = chosen(one, two, kind=kind)

    assert found.method == kind
    assert [member.weight for member in found.told()] == pytest.approx([0.5, 0.5], abs=0.1)
    assert found.score < 0.8 * min(one.score or 0.0, two.score or 0.0)


def test_a_model_that_needs_no_other_stays_alone() -> None:
    """Beside one that knows nothing a mean is worse."""
    good, bad = tried(1, PROBLEM.y + NOISE[0] / 30), tried(2, np.full(PROBLEM.n_rows, PROBLEM.y.mean()))
    found = chosen(good, bad)

    assert (found.members, found.single.number, found.score) == ([], 1, good.score)


def test_an_ensemble_that_there_is_no_time_to_train_isnt_chosen() -> None:
    """By what its models took on the folds."""
    models = [tried(number, PROBLEM.y + noise, fit_time_s=40.0) for number, noise in enumerate(NOISE)]

    assert chosen(*models, time_s=30.0).members != []
    assert chosen(*models, time_s=15.0).members == []


def test_none_is_made_where_none_is_asked_for() -> None:
    """However good it were."""
    models = [tried(number, PROBLEM.y + noise) for number, noise in enumerate(NOISE)]

    assert chosen(*models, kind="none").members == []
    assert chosen(models[0]).members == []
