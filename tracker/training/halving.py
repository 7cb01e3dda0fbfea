"""Halving: which candidates are worth the next, dearer rung.

A candidate is tried cheaply first: on one fold, and where there are many rows on a share of them. At each rung it goes
on only if it is among the best 1/eta of all that have been at that rung before it; since all are scored on the same
folds, they are compared in pairs. This is the stopping rule of asynchronous successive halving (Li et al. 2020, "A
system for massively parallel hyperparameter tuning"), after Jamieson & Talwalkar 2016. It is greedy: a candidate that
is better only with all rows can be lost. The first ones at a rung always go on, as nothing is there to compare with.
"""

import math
from typing import NamedTuple

from readers.best import Direction

ETA = 2
MANY_ROWS = 5_000
"""From so many rows on, the lower rungs train on a share of them: 1/9, then 1/3."""


class Rung(NamedTuple):
    """How much of the work a candidate gets before it is judged."""

    rows: float
    """Share of the training rows, in (0, 1]."""
    folds: int
    """Folds from the first one on, with those of earlier rungs of the same rows."""


def rungs(n_rows: int, folds: int) -> list[Rung]:
    """The rungs for a problem; the last one is all folds on all rows.

    >>> rungs(500, 5)
    [Rung(rows=1.0, folds=1), Rung(rows=1.0, folds=3), Rung(rows=1.0, folds=5)]
    """
    if n_rows >= MANY_ROWS:
        return [Rung(1 / 9, 1), Rung(1 / 3, 1), Rung(1.0, 1), Rung(1.0, folds)]
    steps = sorted({1, math.ceil(folds / 2), folds})
    return [Rung(1.0, step) for step in steps]


class Halving:
    """What was scored at each rung, and who goes on.

    Args:
        direction: "maximize" or "minimize".
        eta: one in so many goes on; at least 2.
    """

    def __init__(self, direction: Direction, eta: int = ETA) -> None:
        self._sign = 1.0 if direction == "maximize" else -1.0
        self._eta = eta
        self._scores: dict[int, list[float]] = {}

    def goes_on(self, rung: int, score: float) -> bool:
        """Note a candidate's score at a rung, and tell whether it is worth the next one."""
        scores = self._scores.setdefault(rung, [])
        value = self._sign * score
        better = sum(other > value for other in scores)
        scores.append(value)
        return better < max(1, len(scores) // self._eta) or len(scores) < self._eta
