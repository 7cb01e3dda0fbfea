"""Nested cross-validation: the whole search again for each outer fold, scored on rows that it never saw.

Varma & Simon 2006, "Bias in error estimation when using cross-validation for model selection". What is estimated is the
procedure, search and all, not the one model that it gave in the end. Each of the searches, the main one included, gets
an equal part of the time, and as many trials.
"""

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from tracker.training.budget import Budget
from tracker.training.crossvalidation import make_folds, predict, scored
from tracker.training.evaluation import summed_up
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.results import Evaluation
from tracker.training.scoring import Scorer

_OTHER = 104_729
"""Added to the seed: other splits than those of the search."""


def nested(
    problem: Problem, scorer: Scorer, options: Options, budget: Budget, train: Callable[[Problem, Options, Budget], Any]
) -> Evaluation | None:
    """Search again on each outer fold's training rows, and score what comes of it on its test rows.

    Args:
        budget: what is left, for all of them.
        train: the whole procedure: gives a fitted estimator for rows of the problem's X.

    Returns: None where the time wasn't enough for each fold.
    """
    inner = msgspec.structs.replace(options, nested_folds=0)
    folds = make_folds(problem, options.nested_folds, 1, options.seed + _OTHER)
    scores: list[float] = []
    for fold in folds:
        if budget.left_s() <= 0:
            return None
        share = budget.part(0.9 / (len(folds) - len(scores)))
        estimator = train(subset(problem, fold.train), inner, share)
        prediction = predict(estimator, problem.rows(fold.test), problem, scorer)
        scores.append(scored(problem.y[fold.test], prediction, scorer))
    return summed_up("nested cross-validation", scores)


def check_nested(problem: Problem, folds: int) -> None:
    """Refuse outer folds that leave a class too few rows to search with. Raises: ValueError."""
    if not folds or problem.classes is None:
        return
    counts = np.bincount(problem.y)
    rarest = int(counts.argmin())
    least = int(counts[rarest])
    if folds > least or least - -(-least // folds) < 2:
        raise ValueError(
            f"nested_folds={folds} needs more rows of each class: class {problem.classes[rarest]!r} has {least}, and "
            "two must be left for the search in each fold; merge or drop it, or ask for fewer folds"
        )


def subset(problem: Problem, rows: np.ndarray) -> Problem:
    """The same problem with some of its rows."""
    part = copy.copy(problem)
    part.X, part.y = problem.X[rows], problem.y[rows]
    return part
