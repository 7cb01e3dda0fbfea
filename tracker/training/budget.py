"""Budget: the time and the trials that a search may spend, whichever is spent first.

Time is looked at between two fits, so what runs when it is over runs to its end, unless it runs in a process of its own
that can be killed (see workers). A share of the time is left for what comes after the search: choosing, evaluating,
training on all rows.
"""

import math
import time
from collections.abc import Callable

StoppedBy = str
"""Why a search ended: "trials", "time", "exhausted", "stop requested", "interrupt", "error", or "" while it runs."""


class Budget:
    """What may be spent.

    Args:
        time_s: seconds from now; None: any.
        trials: None: any number.
        clock: seconds, growing.

    Raises: TypeError, ValueError: a budget that isn't a positive number, or none of either kind.
    """

    def __init__(
        self, time_s: float | None, trials: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if time_s is None and trials is None:
            raise ValueError("a search without end: give time_budget_s, or max_trials, or both")
        self.time_s = None if time_s is None else positive("time_budget_s", time_s)
        self.trials = None if trials is None else whole("max_trials", trials)
        self.clock = clock
        self.started = clock()
        self.spent_trials = 0

    def spent_s(self) -> float:
        """Seconds since it began."""
        return self.clock() - self.started

    def left_s(self) -> float:
        """Seconds that are left, infinite without a limit; below zero when it is overdrawn."""
        return math.inf if self.time_s is None else self.time_s - self.spent_s()

    def left_trials(self) -> float:
        """Trials that are left, infinite without a limit."""
        return math.inf if self.trials is None else self.trials - self.spent_trials

    def over(self) -> StoppedBy:
        """What is spent: "trials", "time", or nothing yet."""
        if self.left_trials() <= 0:
            return "trials"
        return "time" if self.left_s() <= 0 else ""

    def share(self) -> float:
        """The share that is spent, in [0, 1]: of the trials where they are limited, so no clock counts; else time."""
        if self.trials is not None:
            return min(1.0, self.spent_trials / self.trials)
        return min(1.0, self.spent_s() / self.time_s) if self.time_s else 1.0

    def part(self, share: float, *, trials: int | None = None) -> "Budget":
        """A budget that ends when this share of what is left has passed, counted from now."""
        time_s = None if self.time_s is None else max(1e-9, share * self.left_s())
        if time_s is None and trials is None:
            time_s = math.inf
        return Budget(time_s, trials, clock=self.clock)


def positive(name: str, value: object) -> float:
    """The value as a float above zero. Raises: TypeError, ValueError: it isn't one; the message names it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number of seconds, not {type(value).__name__}")
    if not value > 0:
        raise ValueError(f"{name} is {value!r}; it is a number above 0")
    return float(value)


def whole(name: str, value: object, least: int = 1) -> int:
    """The value as an int from `least` on. Raises: TypeError, ValueError: it isn't one; the message names it."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} is a whole number, not {type(value).__name__}")
    number = int(value.__index__())
    if number < least:
        raise ValueError(f"{name} is {number}; it is a whole number from {least} on")
    return number
