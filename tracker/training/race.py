"""Race: which algorithm gets the next trial.

Sequential halving (Karnin, Koren & Somekh 2013, "Almost optimal exploration in multi-armed bandits"): the budget is cut
into as many rounds as it takes to halve the algorithms down to two. In a round all that are left take turns; at its end
the better half stays, by the best score that each has reached. Those that stay share the rest of the budget. Two stay
to the end: one alone would make poor company in an ensemble, and the first round's scores are noisy.
"""

import math
from collections.abc import Mapping, Sequence

from readers.best import Direction

_LAST = 2


class _Runner:
    """One algorithm."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.trials = 0
        self.spent_s = 0.0
        self.best = -math.inf


class Race:
    """The algorithms that are left.

    Args:
        algorithms: their names, the most promising first; it breaks ties.
        by_time: whether turns are shared out by the seconds spent, else by the number of trials, which no clock moves.
    """

    def __init__(self, algorithms: Sequence[str], direction: Direction, *, by_time: bool) -> None:
        self._runners = {name: _Runner(place) for place, name in enumerate(algorithms)}
        self._all = len(self._runners)
        self._sign = 1.0 if direction == "maximize" else -1.0
        self._by_time = by_time

    @property
    def left(self) -> list[str]:
        """The algorithms that are still in it."""
        return list(self._runners)

    def note(self, algorithm: str, score: float | None, spent_s: float) -> None:
        """Take in a trial that has ended; without a score (it failed, or was stopped early) it only costs."""
        runner = self._runners.get(algorithm)
        if runner is None:
            return
        runner.trials += 1
        runner.spent_s += spent_s
        if score is not None:
            runner.best = max(runner.best, self._sign * score)

    def drop(self, algorithm: str) -> None:
        """Take one out: nothing new can be tried of it."""
        self._runners.pop(algorithm, None)

    def next(self, share: float, running: Mapping[str, int] | None = None) -> str | None:
        """The algorithm whose turn it is; None: none is left.

        Args:
            share: of the search's budget that is spent, in [0, 1].
            running: trials that are under way, by algorithm.
        """
        self._halve(share)
        turns = {
            name: (*self._spent(runner, (running or {}).get(name, 0)), runner.place)
            for name, runner in self._runners.items()
        }
        return min(turns, key=lambda name: turns[name], default=None)

    def _halve(self, share: float) -> None:
        """Leave out the worse ones when a round is over."""
        rounds = max(1, math.ceil(math.log2(max(2, self._all / _LAST))) + 1)
        stay = max(_LAST, math.ceil(self._all / 2 ** math.floor(share * rounds)))
        ranked = sorted(self._runners.items(), key=lambda item: (-item[1].best, item[1].place))
        kept = {name for name, _ in ranked[:stay]}
        self._runners = {name: runner for name, runner in self._runners.items() if name in kept}

    def _spent(self, runner: _Runner, running: int) -> tuple[float, ...]:
        """What decides whose turn it is: what it has had; a trial under way counts as its mean one."""
        if not self._by_time:
            return (runner.trials + running,)
        return (runner.spent_s * (1 + running / max(1, runner.trials)), running)
