"""Selecting: whether the best model does as well with fewer features.

Features are eliminated step by step (see featureselection), each fold by its own training rows. The step that the
one-standard-error rule chooses is tried with the best model as one more trial, each fold with its own features; it is
taken if it scores no worse. On fresh splits the features are selected afresh, as they would otherwise know the test
rows.
"""

import time
from collections.abc import Sequence

import msgspec
import numpy as np

from tracker.training.budget import Budget
from tracker.training.candidate import BASELINE, Features, Tried
from tracker.training.choosing import Chosen
from tracker.training.crossvalidation import Fold
from tracker.training.featureselection import Iteration, best_iteration, select_features
from tracker.training.options import Options
from tracker.training.problem import Problem
from tracker.training.scoring import Scorer
from tracker.training.search import SearchRun
from tracker.training.searchlog import SearchLog

FEWEST = 4
""""auto" leaves tables of fewer features alone."""
SHARE = 0.3
"""Of the time that is left after the search."""


class Selecting:
    """Feature selection of one fit."""

    def __init__(self, problem: Problem, scorer: Scorer, options: Options) -> None:
        asked = options.feature_selection
        enough = problem.n_features >= FEWEST if asked == "auto" else problem.n_features > 1
        self.wanted = bool(asked) and enough and options.enable_automl and (options.max_trials or 4) > 3
        """Whether features are selected; it takes a trial of its own."""
        self.notes: list[str] = []
        self._problem, self._scorer, self._options = problem, scorer, options
        self._step = 0

    def improve(self, search: SearchRun, best: Tried, folds: Sequence[Fold], log: SearchLog, budget: Budget) -> Tried:
        """The best model with fewer features, if that is no worse; else as it is."""
        if not self.wanted or best.algorithm == BASELINE or log.should_stop():
            return best
        found = self._iterations(folds, budget.part(SHARE))
        for iteration in found:
            log.features(
                method=iteration.method,
                before=iteration.before,
                selected=iteration.selected,
                score=iteration.score,
                std=iteration.std,
                frequencies=iteration.frequencies,
            )
        if len(found) < 2:
            if not found:
                self.notes.append("no time was left to select features")
            return best
        step = best_iteration(found, self._scorer)
        self._step = found.index(step)
        if not self._step or budget.left_s() <= 0:
            return best
        fewer = search.also(msgspec.structs.replace(best.candidate, features=_features(step)), budget.left_s() / 2)
        if fewer.state != "complete" or fewer.score is None or best.score is None:
            return best
        return best if self._scorer.better(best.score, fewer.score) else fewer

    def anew(self, chosen: Chosen, folds: Sequence[Fold], until_s: float) -> Chosen | None:
        """The final model with its features selected afresh on other folds; None when the time is over before."""
        if all(part.candidate.features is None for part in chosen.parts()):
            return chosen
        steps: list[Iteration] = []
        for step in select_features(self._problem, self._scorer, self._options.seed, folds=_pairs(folds)):
            steps.append(step)
            if len(steps) > self._step:
                break
            if time.monotonic() >= until_s:
                return None
        features = _features(steps[-1])

        def renewed(tried: Tried) -> Tried:
            if tried.candidate.features is None:
                return tried
            return msgspec.structs.replace(tried, candidate=msgspec.structs.replace(tried.candidate, features=features))

        members = [(renewed(tried), weight) for tried, weight in chosen.members]
        return msgspec.structs.replace(chosen, single=renewed(chosen.single), members=members)

    def _iterations(self, folds: Sequence[Fold], budget: Budget) -> list[Iteration]:
        found: list[Iteration] = []
        if budget.over():
            return found
        began = budget.spent_s()
        for iteration in select_features(self._problem, self._scorer, self._options.seed, folds=_pairs(folds)):
            found.append(iteration)
            took, began = budget.spent_s() - began, budget.spent_s()
            if budget.left_s() < took:  # the next step takes no longer than this one, with fewer features
                break
        return found


def _features(step: Iteration) -> Features:
    return Features(step.selected, step.by_fold)


def _pairs(folds: Sequence[Fold]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(fold.train, fold.test) for fold in folds]
