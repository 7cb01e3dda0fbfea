"""Alert rules: what shall not happen to a run, as one says it.

    loss is nan                          also: is inf, is not finite
    loss > 10                            also: >=, <, <=, =, !=; a value that is NaN fits none of them
    accuracy no improvement for 20       points; "by 0.001" asks for so much at least, "max" or "min" says which way is
                                         better where the name doesn't (see readers.best)
    stalled 10x                          no point of the run for ten times the median interval of its log calls
    loss stalled 5 min                   no point of this metric for so long (s, min, h); "10x" too

A metric's name with * or ? means all that it fits ("val/*"); one with spaces or signs may stand in quotes or backticks,
where * is a star. Metrics under system/ are meant only by a name that begins so. Case matters in names only.
"""

import math
import re
from functools import lru_cache
from typing import Literal, NamedTuple

from readers.best import Direction, direction

Kind = Literal["value", "threshold", "plateau", "stall"]
SYSTEM = "system/"
LONGEST = 1_000
"""Characters of a rule."""
DEFAULT_RULES = ("* is not finite", "stalled 10x")
"""What a dashboard watches when nobody said what."""

_GRAMMAR = """METRIC is nan | METRIC is inf | METRIC is not finite | METRIC > NUMBER (or >=, <, <=, =, !=) | \
METRIC no improvement for N [by NUMBER] [max|min] | [METRIC] stalled Nx | [METRIC] stalled N s|min|h"""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_VALUE = re.compile(r"(?P<metric>.+?) is (?P<what>nan|inf|infinite|not finite)", re.IGNORECASE)
_THRESHOLD = re.compile(rf"(?P<metric>.+?) ?(?P<sign>>=|<=|==|!=|>|<|=) ?(?P<number>{_NUMBER}|[-+]?inf)", re.IGNORECASE)
_PLATEAU = re.compile(
    rf"(?P<metric>.+?) no improvement (?:for|in) (?P<points>\d{{1,9}})(?: points?| steps?)?(?: by (?P<by>{_NUMBER}))?"
    r"(?: \(?(?P<mode>max|min)\)?)?",
    re.IGNORECASE,
)
_STALL = re.compile(
    rf"(?:(?P<metric>.+?) )?stalled(?: for)? (?P<number>{_NUMBER}) ?(?P<unit>x|s|sec|seconds?|min|minutes?|h|hours?)",
    re.IGNORECASE,
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIGNS = {"==": "="}


class Rule(NamedTuple):
    """One rule."""

    text: str
    """As it was said, spaces apart."""
    kind: Kind
    metric: str | None
    """A name or pattern; None means the run as a whole."""
    literal: bool = False
    """Whether * and ? stand for themselves."""
    sign: str = ""
    """Of a threshold; of a value rule "nan", "inf" or "not finite"."""
    number: float = math.nan
    """The threshold; the factor or the seconds of a stall; the points of a plateau."""
    by: float = 0.0
    """How much an improvement is, at least."""
    mode: Literal["auto", "max", "min"] = "auto"
    relative: bool = False
    """Whether a stall's number is a multiple of the median interval."""

    def means(self, metric: str) -> bool:
        """Whether the rule is about a metric."""
        if self.metric is None or (metric.startswith(SYSTEM) and not self.metric.startswith(SYSTEM)):
            return False
        return self.metric == metric or (not self.literal and _pattern(self.metric).fullmatch(metric) is not None)

    def towards(self, metric: str) -> Direction:
        """Which way a metric is better, as the rule says or as its name does."""
        return direction(metric) if self.mode == "auto" else "maximize" if self.mode == "max" else "minimize"


def parse_rule(text: str) -> Rule:
    """Understand a rule. Raises: ValueError: it is none; says what can be said. TypeError: not text."""
    if not isinstance(text, str):
        raise TypeError(f"an alert rule is a text such as 'loss is nan', not {type(text).__name__}")
    said = " ".join(text.split())
    if len(said) <= LONGEST:
        for pattern, make in ((_VALUE, _value), (_PLATEAU, _plateau), (_STALL, _stall), (_THRESHOLD, _threshold)):
            match = pattern.fullmatch(said)
            if match is not None:
                return make(said, match)
    raise ValueError(f"{said[:80]!r} is no alert rule; it can be: {_GRAMMAR}")


def _value(said: str, match: re.Match[str]) -> Rule:
    what = match["what"].lower()
    return Rule(said, "value", *_metric(match["metric"]), "inf" if what == "infinite" else what)


def _threshold(said: str, match: re.Match[str]) -> Rule:
    sign = _SIGNS.get(match["sign"], match["sign"])
    return Rule(said, "threshold", *_metric(match["metric"]), sign, float(match["number"]))


def _plateau(said: str, match: re.Match[str]) -> Rule:
    points, by = int(match["points"]), float(match["by"] or 0)
    if points < 1 or by < 0:
        raise ValueError(f"{said!r}: no improvement is meant for 1 point or more, by 0 or more")
    mode: Literal["auto", "max", "min"] = "auto"
    if match["mode"]:
        mode = "max" if match["mode"].lower() == "max" else "min"
    return Rule(said, "plateau", *_metric(match["metric"]), number=points, by=by, mode=mode)


def _stall(said: str, match: re.Match[str]) -> Rule:
    unit, number = match["unit"].lower(), float(match["number"])
    relative = unit == "x"
    if not (number >= 1 if relative else number > 0) or not math.isfinite(number):
        raise ValueError(f"{said!r}: a stall is 1x the usual interval or more, or some time")
    metric, literal = _metric(match["metric"]) if match["metric"] else (None, False)
    seconds = number if relative else number * _SECONDS[unit[0]]
    return Rule(said, "stall", metric, literal, number=seconds, relative=relative)


def _metric(name: str) -> tuple[str, bool]:
    """(name, whether it is to be taken literally)."""
    quoted = len(name) > 2 and name[0] == name[-1] and name[0] in "\"'`"
    return (name[1:-1], True) if quoted else (name, False)


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(letter) or re.escape(letter) for letter in name), re.DOTALL)
