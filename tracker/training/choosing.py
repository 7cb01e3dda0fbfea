"""Choosing: what a search ends in: the best single model, or an ensemble of several.

An ensemble is judged by cross-validation like any other model: for each fold it is learned from the out-of-fold
predictions on the other folds (`cross_fitted`). It is kept only if it is no worse there than the best single model, for
each fold the best one by the others: by the score that it was chosen for, the best of many would look too good.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from tracker.training.candidate import BASELINE, Tried
from tracker.training.crossvalidation import Fold
from tracker.training.ensemble import (
    ROUNDS,
    Stack,
    StackedEnsemble,
    WeightedEnsemble,
    best_alone,
    cross_fitted,
    greedy,
    greedy_ensemble,
    stacked,
)
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.results import Member
from tracker.training.scoring import Scorer

GREEDY_SHARE = 0.2
"""Of the time that is left, the most for the weights of a greedy ensemble."""
_FEW_ROUNDS = 6
STACKED = 8
"""Models below a stack, the best ones: each adds a weight to learn."""


class Chosen(msgspec.Struct, frozen=True):
    """The final model, not yet trained."""

    single: Tried
    """The best single model."""
    members: list[tuple[Tried, float]] = []
    """The ensemble's models with their weights, the largest first; empty: the single one is used."""
    method: str = ""
    """"greedy" or "stacking"; "" for none."""
    stack: Stack | None = None
    fold_scores: list[float] = []
    """Of what is used."""
    alone: float = math.nan
    """What the ensemble was measured against: the best single model's mean score, for each fold the one that is best by
    the others."""

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"{self.method} ensemble" if self.members else self.single.algorithm

    @property
    def score(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.fold_scores))

    @property
    def std(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std(self.fold_scores, ddof=1)) if len(self.fold_scores) > 1 else 0.0

    def build(self, problem: Problem, fold: int | None = None) -> Any:
        """Give an estimator that isn't fitted: for a fold, or for all rows."""
        if not self.members:
            return self.single.candidate.build(problem, fold)
        models = [tried.candidate.build(problem, fold) for tried, _ in self.members]
        if self.stack is not None:
            return StackedEnsemble(models, self.stack)
        return WeightedEnsemble(models, [weight for _, weight in self.members])

    def training_s(self) -> float:
        """Seconds that training it on all rows will take, by what its models took on a fold's."""
        return 1.25 * sum(part.fit_time_s / max(1, len(part.fold_scores)) for part in self.parts())

    def parts(self) -> list[Tried]:
        """The models that it is made of."""
        return [tried for tried, _ in self.members] or [self.single]

    def told(self) -> list[Member]:
        """Its ensemble, as results tell it."""
        return [Member(one.algorithm, weight, one.params, one.score, one.run_id) for one, weight in self.members]


def choose(
    tried: Sequence[Tried],
    single: Tried,
    *,
    problem: Problem,
    scorer: Scorer,
    folds: Sequence[Fold],
    options: Options,
    time_s: float = math.inf,
) -> Chosen:
    """Choose between the best single model and an ensemble of the best ones.

    Args:
        time_s: seconds that are left: an ensemble that takes longer to train isn't chosen, and few rounds are spent on
            one where scoring takes long.
    """
    alone = Chosen(single, fold_scores=single.fold_scores)
    several = _ensemble(tried, single, problem=problem, scorer=scorer, folds=folds, options=options, time_s=time_s)
    return alone if several is None or several.training_s() > time_s else several


def _ensemble(
    tried: Sequence[Tried],
    single: Tried,
    *,
    problem: Problem,
    scorer: Scorer,
    folds: Sequence[Fold],
    options: Options,
    time_s: float,
) -> Chosen | None:
    """Make the ensemble that is asked for; None where it is worse than one model, is one, or there are too few."""
    outputs = [one for one in tried if one.predictions and one.algorithm != BASELINE]
    if problem.classes is not None:
        outputs = [one for one in outputs if one.predictions[0].ndim == 2]
    if options.ensemble == "none" or len(outputs) < 2:
        return None
    if options.ensemble == "stacking":
        sign = -1.0 if scorer.direction == "maximize" else 1.0
        outputs = sorted(outputs, key=lambda one: sign * (one.score or 0.0))[:STACKED]
    repeats = [folds[first : first + len(folds) // options.repeats] for first in _starts(folds, options)]
    known = {str(one.number): _out_of_fold(one, repeats, problem.n_rows) for one in outputs}
    names = list(known)
    kinds = {str(one.number): one.algorithm for one in outputs}
    scorings = len(names) * (len(folds) + 1)
    rounds = _rounds(known[names[0]][0], problem.y, scorer, scorings=scorings, time_s=time_s)
    learn = stacked(names) if options.ensemble == "stacking" else greedy(scorer, rounds=rounds, kinds=kinds)
    scores: list[float] = []
    alone: list[float] = []
    for place, part in enumerate(repeats):
        here = {name: output[place] for name, output in known.items()}
        tests = [fold.test for fold in part]
        combined = cross_fitted(learn, here, problem.y, tests)
        best = cross_fitted(best_alone(scorer), here, problem.y, tests)
        scores += [scorer.of_output(problem.y[test], combined[test]) for test in tests]
        alone += [scorer.of_output(problem.y[test], best[test]) for test in tests]
    if scorer.better(float(np.mean(alone)), float(np.mean(scores))):
        return None
    whole = {name: np.concatenate(list(output)) for name, output in known.items()}
    y = np.tile(problem.y, len(repeats))
    by_name = {str(one.number): one for one in outputs}
    if options.ensemble == "stacking":
        stack = Stack().fit([whole[name] for name in names], y)
        weights = dict(zip(names, stack_weights(stack, len(names)), strict=True))
    else:
        stack, weights = None, greedy_ensemble(whole, y, scorer, rounds=rounds, kinds=kinds)
        if len(weights) < 2:
            return None
    members = [(by_name[name], weight) for name, weight in weights.items()]
    return Chosen(single, members, options.ensemble, stack, scores, float(np.mean(alone)))


def _rounds(output: np.ndarray, y: np.ndarray, scorer: Scorer, *, scorings: int, time_s: float) -> int:
    """How many rounds of the greedy search there is time for, with so many scorings each; a few at least."""
    if math.isinf(time_s):
        return ROUNDS
    began = time.perf_counter()
    scorer.of_output(y, output)
    each_s = (time.perf_counter() - began) * scorings
    return max(_FEW_ROUNDS, min(ROUNDS, int(GREEDY_SHARE * time_s / max(each_s, 1e-9))))


def _starts(folds: Sequence[Fold], options: Options) -> range:
    return range(0, len(folds), len(folds) // options.repeats)


def _out_of_fold(tried: Tried, repeats: Sequence[Sequence[Fold]], n_rows: int) -> np.ndarray:
    """Out-of-fold predictions, shape (repeats, rows, ...)."""
    shape = (len(repeats), n_rows, *tried.predictions[0].shape[1:])
    found = np.full(shape, np.nan)
    predictions = iter(tried.predictions)
    for place, part in enumerate(repeats):
        for fold in part:
            found[place, fold.test] = next(predictions)
    return found


def stack_weights(stack: Stack, models: int) -> list[float]:
    """How much a stack makes of each model: its coefficients' absolute sum, as a share of all."""
    coefficients = np.abs(np.atleast_2d(stack.model_.coef_))
    sums = coefficients.reshape(len(coefficients), models, -1).sum(axis=(0, 2))
    total = float(sums.sum())
    return [float(share) for share in sums / total] if total > 0 else [1 / models] * models
