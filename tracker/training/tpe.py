"""TpeProposals: hyperparameters by the tree-structured Parzen estimator of Optuna.

Bergstra et al. 2011, "Algorithms for hyper-parameter optimization": what is proposed is where good trials lie denser
than bad ones. Each algorithm has a study of its own; which algorithm is tried is decided by the race. Trials that were
stopped early count with the score of the last rung that they reached.
"""

from collections.abc import Mapping
from typing import Any

import optuna

from readers.best import Direction
from tracker.training.candidate import Tried
from tracker.training.proposals import as_key
from tracker.training.space import Space

_TRIES = 10
_STARTUP = 8
"""Trials of an algorithm, the default one included, before the estimator is asked; until then chance proposes."""


class TpeProposals:
    """Proposes by TPE.

    Args:
        spaces: of each algorithm.
        direction: "maximize" or "minimize".
        seed: of all samplers.
    """

    name = "tpe"

    def __init__(self, spaces: Mapping[str, Space], direction: Direction, seed: int) -> None:
        self._spaces = dict(spaces)
        self._studies = {name: _study(direction, seed + place) for place, name in enumerate(sorted(spaces))}
        self._seen: dict[str, set[str]] = {name: set() for name in spaces}
        self._asked: dict[tuple[str, str], optuna.Trial] = {}

    def propose(self, algorithm: str) -> dict[str, Any] | None:
        """Ask the algorithm's study; the first are the default ones, and none come twice."""
        study, space, seen = self._studies[algorithm], self._spaces[algorithm], self._seen[algorithm]
        if not seen:
            default = dict(space.default())
            study.enqueue_trial(default)
        for _ in range(_TRIES):
            trial = study.ask()
            params = dict(space.suggest(trial))
            key = as_key(params)
            if key not in seen:
                seen.add(key)
                self._asked[algorithm, key] = trial
                return params
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None

    def learn(self, tried: Tried, intermediate: Mapping[int, float]) -> None:
        """Tell the algorithm's study."""
        trial = self._asked.pop((tried.algorithm, as_key(tried.params)), None)
        if trial is None:
            return
        states = optuna.trial.TrialState
        for rung, score in intermediate.items():
            trial.report(score, rung)
        study = self._studies[tried.algorithm]
        if tried.state == "complete" and tried.score is not None:
            study.tell(trial, tried.score)
        else:
            study.tell(trial, state=states.PRUNED if tried.state == "pruned" else states.FAIL)


def _study(direction: Direction, seed: int) -> optuna.Study:
    """A study in memory, made without a word: Optuna says each one, in a log of its own."""
    said = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP)
        return optuna.create_study(direction=direction, sampler=sampler)
    finally:
        optuna.logging.set_verbosity(said)
