"""The states of alert rules: one small machine for each run, metric and rule, fed with values in their order.

A machine speaks once when its rule is broken, and is quiet until the trouble is over: `REARM` good values in a row
after a bad value, an improvement after a plateau, a point after a stall. So a metric that is NaN for an hour is one
alert, and one that flickers isn't an alert each time. No library is needed, so a training process may run them too.
"""

import math
import operator
import statistics
from collections import deque
from collections.abc import Callable
from typing import Protocol

from readers.alertrules import Rule

REARM = 10
SHORTEST_STALL_S = 5.0
"""A relative stall is at least this long: a run that logs each millisecond isn't stalled after ten."""
FEWEST_INTERVALS = 3
"""Before so many intervals are known, nobody can say which is usual."""
MOST_INTERVALS = 101
"""The last so many tell what is usual."""
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": lambda value, number: value != number and not math.isnan(value),
}
_WORDS = {
    ">": "more than {}",
    ">=": "{} or more",
    "<": "less than {}",
    "<=": "{} or less",
    "=": "as much as {}",
    "!=": "not {}",
}
_VALUES: dict[str, Callable[[float], bool]] = {
    "nan": math.isnan,
    "inf": math.isinf,
    "not finite": lambda value: not math.isfinite(value),
}


class Machine(Protocol):
    """Watches one metric of one run under one rule."""

    active: bool
    """Whether the rule is broken now."""

    def feed(self, value: float) -> str | None:
        """Take the next value; the words of an alert, if this is where one begins."""


class BadValue:
    """A value that isn't to be: NaN, or beyond a threshold."""

    def __init__(self, metric: str, bad: Callable[[float], bool], words: str) -> None:
        self.active = False
        self._metric, self._bad, self._words = metric, bad, words
        self._good = 0

    def feed(self, value: float) -> str | None:
        """See Machine."""
        if self._bad(value):
            self._good = 0
            if self.active:
                return None
            self.active = True
            return f"{self._metric} is {number(value)}{self._words}"
        if self.active:
            self._good += 1
            self.active = self._good < REARM
        return None


class Plateau:
    """No improvement for so many points; NaN improves nothing."""

    def __init__(self, metric: str, rule: Rule) -> None:
        self.active = False
        self._metric, self._rule = metric, rule
        self._sign = 1.0 if rule.towards(metric) == "maximize" else -1.0
        self._best = -math.inf
        self._since = 0

    def feed(self, value: float) -> str | None:
        """See Machine."""
        signed = self._sign * value
        if signed > self._best + self._rule.by:
            self._best, self._since, self.active = signed, 0, False
            return None
        self._since += 1
        if self.active or self._since < self._rule.number:
            return None
        self.active = True
        best = "" if math.isinf(self._best) else f"; the best is {number(self._sign * self._best)}"
        return f"{self._metric} has not improved for {self._since:,} points{best}"


class Stall:
    """Nothing for longer than usual; asked by the clock, not by values."""

    def __init__(self, what: str, rule: Rule) -> None:
        self.active = False
        self._what, self._rule = what, rule
        self._intervals: deque[float] = deque(maxlen=MOST_INTERVALS)
        self._last_logged: float | None = None
        self._last_seen = -math.inf

    def seen(self, logged_s: float, now_s: float) -> None:
        """Something was logged, by its writer's clock, and is seen now, by ours."""
        if self._last_logged is not None and logged_s > self._last_logged:
            self._intervals.append(logged_s - self._last_logged)
        if self._last_logged is None or logged_s > self._last_logged:
            self._last_logged = logged_s
        self._last_seen = max(self._last_seen, now_s)
        self.active = False

    def look(self, now_s: float) -> tuple[str, float] | None:
        """The words of an alert and the seconds of silence, if one begins now."""
        silent, limit = now_s - self._last_seen, self.limit_s()
        if self.active or limit is None or silent <= limit or math.isinf(silent):
            return None
        self.active = True
        usual = ""
        if self._rule.relative:
            median = statistics.median(self._intervals)
            usual = f"; usually one comes every {span(median)}"
        return f"no point of {self._what} for {span(silent)}{usual}", silent

    def limit_s(self) -> float | None:
        """How long silence may be; None while that isn't known."""
        if not self._rule.relative:
            return self._rule.number
        if len(self._intervals) < FEWEST_INTERVALS:
            return None
        return max(SHORTEST_STALL_S, self._rule.number * statistics.median(self._intervals))


def machine_of(rule: Rule, metric: str) -> Machine:
    """The machine that watches a metric under a rule about values."""
    if rule.kind == "plateau":
        return Plateau(metric, rule)
    if rule.kind == "value":
        return BadValue(metric, _VALUES[rule.sign], "")
    compare, threshold = _COMPARE[rule.sign], rule.number
    return BadValue(metric, lambda value: compare(value, threshold), f", {_WORDS[rule.sign].format(number(threshold))}")


def number(value: float) -> str:
    """A value to five significant digits, as a person reads it."""
    return {"nan": "NaN", "inf": "infinite", "-inf": "-infinite"}.get(text := f"{value:.5g}", text)


def span(seconds: float) -> str:
    """A time in its largest unit or two."""
    if seconds < 0.1:
        return f"{seconds * 1e3:.2g} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
