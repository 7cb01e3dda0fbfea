"""Which features to keep: recursive elimination by a forest, in each fold for itself, so that its score is a fair one.

Guyon, Weston, Barnhill & Vapnik (2002) drop the least important features, fit anew, and go on. Here an extremely
randomized forest tells the importance (mean decrease in impurity), half of the features go at a time, and each fold
does it with its own training rows: its test rows have no say in what is scored on them (Ambroise & McLachlan 2002 show
what comes of it otherwise). How often folds agree is the selection's stability (Nogueira, Sechidis & Brown 2018).
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.model_selection import KFold, StratifiedKFold

from tracker.training.crossvalidation import predict
from tracker.training.problem import Problem
from tracker.training.scoring import Scorer

Array = np.ndarray[Any, Any]
METHOD = "recursive elimination by extra trees"
TREES = 100
MOST_ROWS = 4000
"""Of more training rows a sample of so many tells the importance."""
FOLDS = 5


class Iteration(NamedTuple):
    """One step: a number of features, and how good it is."""

    method: str
    before: list[str]
    """The features that it chose from."""
    selected: list[str]
    """Chosen with all rows; for a model that all rows are fitted to."""
    score: float
    """Mean over the folds, each with the features that its own training rows chose."""
    std: float
    """Standard deviation over the folds (ddof 1)."""
    frequencies: dict[str, float]
    """Of all features the share of folds that chose it."""
    fold_scores: list[float]
    by_fold: list[list[str]]
    """What each fold chose: to evaluate any model without a leak, give it these, fold by fold (`Problem.select`)."""


def select_features(
    problem: Problem,
    scorer: Scorer,
    seed: int,
    *,
    folds: Sequence[tuple[Array, Array]] | None = None,
    keep: float = 0.5,
    fewest: int = 1,
) -> Iterator[Iteration]:
    """Halve the features step by step; the first iteration has them all.

    Args:
        folds: row numbers (training, test) of each; None: five, shuffled by `seed`.
        keep: share of the features that an iteration leaves.
        fewest: features that are left at the end.
    """
    splits = list(_folds(problem, seed) if folds is None else folds)
    if not 0 < keep < 1 or fewest < 1 or len(splits) < 2:
        raise ValueError(f"keep={keep} must be between 0 and 1, fewest={fewest} at least 1, and folds at least two")
    places = np.arange(problem.n_features)
    everything = places
    before = list(problem.feature_names)
    chosen = [places for _ in splits]
    while True:
        fits = [_fit(problem, train, kept, seed) for (train, _), kept in zip(splits, chosen, strict=True)]
        scores = [
            scorer.of_output(problem.y[test], predict(model, problem.X[np.ix_(test, kept)], problem, scorer))
            for model, (_, test), kept in zip(fits, splits, chosen, strict=True)
        ]
        counts = np.bincount(np.concatenate(chosen), minlength=problem.n_features) / len(splits)
        selected = _names(problem, everything)
        yield Iteration(
            METHOD,
            before,
            selected,
            float(np.mean(scores)),
            float(np.std(scores, ddof=1)),
            dict(zip(problem.feature_names, counts.tolist(), strict=True)),
            scores,
            [_names(problem, kept) for kept in chosen],
        )
        size = max(fewest, int(len(everything) * keep))
        if size >= len(everything):
            return
        before = selected
        chosen = [_most_important(model, kept, size) for model, kept in zip(fits, chosen, strict=True)]
        everything = _most_important(_fit(problem, np.arange(problem.n_rows), everything, seed), everything, size)


def best_iteration(iterations: Sequence[Iteration], scorer: Scorer) -> Iteration:
    """Choose the fewest features that are not clearly worse than the best iteration (see `Scorer.clearly_worse`).

    Raises: ValueError: no iterations.
    """
    if not iterations:
        raise ValueError("no iterations to choose from")
    sign = 1.0 if scorer.direction == "maximize" else -1.0
    best = max(iterations, key=lambda iteration: sign * iteration.score)

    close = [one for one in iterations if not scorer.clearly_worse(one.fold_scores, best.fold_scores)]
    return min(close, key=lambda found: len(found.selected))


def _folds(problem: Problem, seed: int) -> Iterator[tuple[Array, Array]]:
    if problem.classes is None:
        folds = min(FOLDS, problem.n_rows)
        return KFold(folds, shuffle=True, random_state=seed).split(problem.X)  # type: ignore[no-any-return]
    folds = max(2, min(FOLDS, int(np.bincount(problem.y).min())))
    return StratifiedKFold(folds, shuffle=True, random_state=seed).split(problem.X, problem.y)  # type: ignore[no-any-return]


def _fit(problem: Problem, rows: Array, kept: Array, seed: int) -> Any:
    if len(rows) > MOST_ROWS:
        rows = np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False)
    made = ExtraTreesRegressor if problem.classes is None else ExtraTreesClassifier
    forest = made(TREES, min_samples_leaf=2, random_state=seed)
    return forest.fit(problem.X[np.ix_(rows, kept)], problem.y[rows])


def _most_important(model: Any, kept: Array, size: int) -> Array:
    """The places of the `size` most important of the features that the model has."""
    order = np.argsort(-model.feature_importances_, kind="stable")[:size]
    return np.sort(kept[order])


def _names(problem: Problem, places: Array) -> list[str]:
    return [problem.feature_names[place] for place in places]
