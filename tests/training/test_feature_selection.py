"""Features are chosen inside each fold, step by step; noise goes, and no score comes of having looked."""

from itertools import pairwise

import numpy as np
import pytest

from tests.training.tables import cancer, diabetes
from tracker.training.featureselection import best_iteration, select_features
from tracker.training.problem import Problem
from tracker.training.scoring import scorer_for

AUC = scorer_for("roc_auc", "binary")


def needles(rows: int = 120, noise: int = 29) -> Problem:
    """Three features that tell, among noise."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 3 + noise))
    return Problem.of(X, X[:, 0] + X[:, 1] + X[:, 2] > 0)


def test_features_are_halved_and_the_telling_ones_stay() -> None:
    """The first iteration has all; in the last that has four, the three are."""
    problem = needles()

    iterations = list(select_features(problem, AUC, 0))

    assert [len(iteration.selected) for iteration in iterations] == [32, 16, 8, 4, 2, 1]
    assert {"feature_0", "feature_1", "feature_2"} <= set(iterations[3].selected)
    assert iterations[3].score > iterations[0].score
    for before, after in pairwise(iterations):
        assert after.before == before.selected
        assert set(after.selected) < set(before.selected)
    for iteration in iterations:
        assert set(iteration.frequencies) == set(problem.feature_names)
        assert sum(iteration.frequencies.values()) == pytest.approx(len(iteration.selected))
        assert {len(chosen) for chosen in iteration.by_fold} == {len(iteration.selected)}
        assert np.mean(iteration.fold_scores) == pytest.approx(iteration.score)
        assert np.std(iteration.fold_scores, ddof=1) == pytest.approx(iteration.std)


def test_the_best_iteration_is_the_smallest_that_is_as_good() -> None:
    """Within a standard error: few features of the needles, and never those that lost the score."""
    iterations = list(select_features(needles(), AUC, 0))

    best = best_iteration(iterations, AUC)

    assert 2 < len(best.selected) <= 8
    assert best.score > iterations[-1].score
    with pytest.raises(ValueError, match="no iterations"):
        best_iteration([], AUC)


def test_a_class_that_a_fold_doesn_t_train_on_has_no_probability_there() -> None:
    """Of many rows a sample is trained on, which may lack a rare class: that costs score, and no error."""
    rng = np.random.default_rng(2)
    X, labels = rng.normal(size=(90, 4)), np.repeat([0, 1, 2], 30)
    X[:, 0] += 3 * labels
    problem = Problem.of(X, labels)
    halves = np.arange(90) % 2 == 0
    without = np.flatnonzero(halves & (labels != 1))
    folds = [(without, np.flatnonzero(~halves)), (np.flatnonzero(~halves), np.flatnonzero(halves))]

    for name in ("accuracy", "log_loss"):
        scorer = scorer_for(name, "multiclass")
        every = next(iter(select_features(problem, scorer, 0, folds=folds)))
        lame, whole = every.fold_scores
        assert scorer.better(whole, lame)
        if name == "accuracy":
            assert 0.5 < lame < 0.7  # right of the two classes that it knows, not of the third


def test_selecting_from_pure_noise_shows_no_score() -> None:
    """Features chosen with all labels would tell 40 rows' labels; chosen in each fold they are worth a coin."""
    rng = np.random.default_rng(1)
    problem = Problem.of(rng.normal(size=(40, 400)), np.arange(40) % 2)

    scores = [iteration.score for iteration in select_features(problem, AUC, 0, fewest=10)]

    assert len(scores) >= 5
    assert max(scores) < 0.75
    assert np.mean(scores) < 0.65


def test_each_folds_choice_depends_on_its_training_rows_only() -> None:
    """Other labels in a fold's test rows change what other folds choose, not what it chooses itself."""
    X, y = cancer()
    rows = np.arange(0, 569, 4)
    X, y = X[rows], y[rows].copy()
    folds = [
        (np.flatnonzero(np.arange(len(y)) % 3 != place), np.flatnonzero(np.arange(len(y)) % 3 == place))
        for place in range(3)
    ]
    turned = y.copy()
    turned[folds[0][1]] = 1 - turned[folds[0][1]]

    one, other = (
        list(select_features(Problem.of(X, labels), AUC, 0, folds=folds, keep=0.4, fewest=4)) for labels in (y, turned)
    )

    assert [iteration.by_fold[0] for iteration in one] == [iteration.by_fold[0] for iteration in other]
    assert [iteration.by_fold[1] for iteration in one] != [iteration.by_fold[1] for iteration in other]


def test_a_quantitys_features_are_selected_too() -> None:
    """The known ones for diabetes: body mass index and serum triglycerides."""
    problem = Problem.of(*diabetes())

    iterations = list(select_features(problem, scorer_for("r2", "regression"), 0))

    assert set(iterations[-2].selected) == {"feature_2", "feature_8"}
    assert best_iteration(iterations, scorer_for("r2", "regression")).score > 0.35


@pytest.mark.parametrize("options", [{"keep": 0.0}, {"keep": 1.0}, {"fewest": 0}, {"folds": []}])
def test_options_that_make_no_selection_are_refused(options: dict[str, float]) -> None:
    """Nothing left, or everything, or no fold to judge with."""
    with pytest.raises(ValueError, match="keep="):
        list(select_features(needles(), AUC, 0, **options))  # type: ignore[arg-type]
