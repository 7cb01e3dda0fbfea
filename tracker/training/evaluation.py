"""Evaluation: how the final model does on rows that its choice didn't use, or used otherwise.

The score by which a model was chosen is the best of many, so it flatters (Cawley & Talbot 2010, "On over-fitting in
model selection and subsequent selection bias in performance evaluation").

repeated cross-validation   the chosen model on fresh splits: rid of the luck of the splits, but the same rows have been
                            used to choose it, so some of the bias stays
nested cross-validation     the whole search again for each outer fold, without its rows (Varma & Simon 2006): unbiased
                            for the procedure, at the price of as many searches (see nested)

The standard deviation is over folds that share training rows; it is no standard error (Nadeau & Bengio 2003).
"""

from collections.abc import Sequence

import numpy as np

from tracker.training.crossvalidation import Fold, FoldResult, Job, Model, make_folds
from tracker.training.problem import Problem
from tracker.training.results import Evaluation
from tracker.training.workers import Workers

REPEATS = 2
_FEWEST = 2
_OTHER = 7_919
"""Added to the seed: other splits than those of the search."""


def fresh_folds(problem: Problem, cv: int, seed: int) -> list[Fold]:
    """Other splits than those of the search, `REPEATS` times."""
    return make_folds(problem, cv, REPEATS, seed + _OTHER)


def repeated(model: Model, folds: Sequence[Fold], workers: Workers, until_s: float) -> Evaluation | None:
    """Cross-validate a chosen model on fresh splits, as many of them as there is time for.

    Returns: None where the time isn't enough for two. Raises: what the model does on one.
    """
    results = workers.run([Job(model, fold, 0) for fold in folds], until_s)
    for result in results:
        if isinstance(result, Exception):
            raise result
    scores = [result.score for result in results if isinstance(result, FoldResult)]
    if len(scores) < _FEWEST:
        return None
    on = (
        "repeated cross-validation"
        if len(scores) == len(folds)
        else f"cross-validation, {len(scores)} of {len(folds)} folds"
    )
    return summed_up(on, scores)


def summed_up(on: str, scores: Sequence[float]) -> Evaluation:
    """Mean and standard deviation of the scores of folds."""
    std = float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
    return Evaluation(on, float(np.mean(scores)), std, list(scores))
