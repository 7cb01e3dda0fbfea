"""Tally: how many trials of a search ended how, and the best of each algorithm, whether or not they are runs."""

import threading
from collections.abc import Mapping
from typing import Any

from readers.best import Direction, better
from tracker.automl.trial import ENDED, Outcome, State


class Tally:
    """What a search's trials came to. Any thread."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._lock = threading.Lock()
        self._states: dict[State, int] = dict.fromkeys(ENDED, 0)
        self._algorithms: dict[str, dict[str, Any]] = {}

    def add(self, outcome: Outcome) -> None:
        """Count a trial that has ended; a score of NaN is no best."""
        with self._lock:
            self._states[outcome.state] += 1
            told = self._algorithms.setdefault(outcome.algorithm, {"trials": 0, "best": None})
            told["trials"] += 1
            score, best = outcome.score, told["best"]
            if outcome.state != "complete" or score is None or score != score:  # noqa: PLR0124 - NaN
                return
            if best is None or better(score, best, self._direction):
                told |= {"best": score, "std": outcome.std, "fit_time_s": outcome.fit_time_s}

    def told(self) -> dict[str, object]:
        """All of it: {"trials": by state, "algorithms": trials and the best by name}."""
        with self._lock:
            algorithms = {name: dict(about) for name, about in self._algorithms.items()}
            return {"trials": dict(self._states), "algorithms": algorithms}

    def go_on(self, told: Mapping[str, Any]) -> None:
        """Count on from what was told before."""
        with self._lock:
            self._states |= told["trials"]
            self._algorithms |= told["algorithms"]
