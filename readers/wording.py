"""Wording: verdicts as sentences that a person can put in a paper.

Numbers have as many digits as their difference needs; p-values are given as the APA does. Groups are named in quotes.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readers.grouptests import FEWEST
from readers.stats import Interval

if TYPE_CHECKING:
    from readers.verdict import Group, Verdict, Verdicts

_MOST_NAMES = 6
_ROUNDING = 1e-12
"""Means that differ by this part of themselves, or less, differ by the rounding of their sums."""


def of_pair(verdict: "Verdict", among: "Verdicts") -> str:
    """What was found about two groups, in two or three sentences."""
    return _joined(_found(verdict, among), _pairing(verdict.note))


def _found(verdict: "Verdict", among: "Verdicts") -> str:
    a, b = (next(group for group in among.groups if group.name == name) for name in (verdict.a, verdict.b))
    empty = [group for group in (a, b) if not len(group.values)]
    if empty:
        of_which = " and of ".join(repr(group.name) for group in empty)
        return (
            f"{a.name!r} and {b.name!r} can't be compared: no run of {of_which} has a finite value of {among.metric!r}."
        )
    if verdict.conclusion == "too few runs":
        return _too_few(verdict, among)
    if verdict.conclusion == "no difference shown":
        return _not_shown(verdict, a, b, among)
    return _shown(verdict, a, b, among)


def of_all(verdicts: "Verdicts", baseline: str | None) -> str:
    """What was found about all groups, in a few sentences."""
    groups = [group for group in verdicts.groups if len(group.values)]
    notes = [_left_out(group) for group in verdicts.groups if group.missing]
    if not groups:
        return _joined(f"No run has a finite value of {verdicts.metric!r}: there is nothing to compare.", *notes)
    if len(verdicts.groups) == 1:
        return _joined(f"There is one group only, {_with_mean(groups[0])}: nothing to compare it with.", *notes)
    if len(verdicts.pairs) == 1:
        return _joined(verdicts.pairs[0].words, *notes)
    best = (
        f"Of {len(verdicts.groups)} groups by {verdicts.by!r}, {_with_mean(groups[0])} has the best mean "
        f"{_metric(verdicts)}."
    )
    pairing = [_pairing(note) for note in sorted({pair.note for pair in verdicts.pairs})]
    return _joined(best, _tests(verdicts, baseline), _refused(verdicts), *pairing, *notes)


def number(value: float, apart: float = 0.0) -> str:
    """A number with four digits, or as many as show two digits of a difference that is more than rounding."""
    digits = 4
    if value and math.isfinite(value) and math.isfinite(apart) and abs(apart) > _ROUNDING * abs(value):
        digits = max(digits, math.floor(math.log10(abs(value))) - math.floor(math.log10(abs(apart))) + 2)
    return f"{value:.{min(digits, 17)}g}"


def p_text(p: float) -> str:
    """A p-value: "p = 0.012", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def percent(share: float) -> str:
    """A level: "95 %"."""
    return f"{100 * share:.10g} %"


def _shown(verdict: "Verdict", a: "Group", b: "Group", among: "Verdicts") -> str:
    better, worse = (a, b) if verdict.conclusion == "a better" else (b, a)
    chance = verdict.probability_better if better is a else 1 - verdict.probability_better
    bounds = _turned(verdict.probability_interval, turn=better is not a, whole=1.0)
    where = (
        "In a pair, the former is better" if verdict.paired else "A run of the former is better than one of the latter"
    )
    return (
        f"{better.name!r} is better than {worse.name!r} on {_metric(among)}: {_means(verdict, turn=better is not a)}, "
        f"a difference of {_difference(verdict, turn=better is not a)}; {_test(verdict, among)}. "
        f"{where} with probability {chance:.2f} ({bounds.lower:.2f} to {bounds.upper:.2f}).{_doubts(a, b)}"
    )


def _not_shown(verdict: "Verdict", a: "Group", b: "Group", among: "Verdicts") -> str:
    start = f"No difference between {a.name!r} and {b.name!r} is shown on {_metric(among)}: "
    if verdict.estimate == 0 and math.isnan(verdict.interval.lower):
        return f"{start}{verdict.why}.{_doubts(a, b)}"
    text = f"{start}{_means(verdict)}, a difference of {_difference(verdict)}; {_test(verdict, among)}."
    if verdict.p_adjusted <= 1 - among.level:
        return f"{text} The groups differ, but their means and their ranks point to different ones as the better."
    if math.isfinite(verdict.detectable_difference):
        n = f"{verdict.n_a} pairs" if verdict.paired else f"{verdict.n_a} and {verdict.n_b} runs"
        text += (
            f" With {n} a true difference of {number(verdict.detectable_difference)} is found in 80 % of experiments"
        )
        text += (
            f"; one of {number(abs(verdict.estimate))} would take {_needed(verdict)}." if verdict.runs_needed else "."
        )
    return text + _doubts(a, b)


def _too_few(verdict: "Verdict", among: "Verdicts") -> str:
    n = f"{verdict.n_a} pairs" if verdict.paired else f"{verdict.n_a} and {verdict.n_b}"
    each = "pairs" if verdict.paired else "of each"
    apart = verdict.estimate
    text = f"Too few runs to tell {verdict.a!r} from {verdict.b!r} on {_metric(among)}: {n}, "
    text += f"and a test needs {FEWEST} {each}."
    if math.isfinite(apart) and abs(apart) > _ROUNDING * max(abs(verdict.mean_a), abs(verdict.mean_b)):
        text += f" The means are {number(verdict.mean_a, apart)} and {number(verdict.mean_b, apart)}, "
        text += f"a difference of {number(abs(apart))}"
        text += f"; to show a true one of that size takes {_needed(verdict)}." if verdict.runs_needed else "."
    return text


def _needed(verdict: "Verdict") -> str:
    """How many runs in all, and how many more."""
    needed = verdict.runs_needed or 0
    if verdict.paired:
        return f"about {needed:,} pairs, {max(needed - verdict.n_a, 0):,} more (80 % power)"
    more = [
        f"{max(needed - n, 0):,} more of {name!r}" for n, name in ((verdict.n_a, verdict.a), (verdict.n_b, verdict.b))
    ]
    return f"about {needed:,} runs a group, {' and '.join(more)} (80 % power)"


def _means(verdict: "Verdict", *, turn: bool = False) -> str:
    """Both means, of a and b or of b and a, and of how many runs."""
    means = [(verdict.mean_a, verdict.n_a), (verdict.mean_b, verdict.n_b)]
    (first, n), (second, m) = reversed(means) if turn else means
    runs = f"{n} and {m} runs"
    if verdict.paired:
        left_out = f", {verdict.left_out} runs without a partner left out" if verdict.left_out else ""
        runs = f"{n} pairs{left_out}"
    return f"{number(first, verdict.estimate)} against {number(second, verdict.estimate)} ({runs})"


def _difference(verdict: "Verdict", *, turn: bool = False) -> str:
    text = number(-verdict.estimate if turn else verdict.estimate)
    if math.isnan(verdict.interval.lower):
        return text
    bounds = _turned(verdict.interval, turn=turn, whole=0.0)
    apart = bounds.upper - bounds.lower
    return f"{text} ({percent(bounds.level)} interval {number(bounds.lower, apart)} to {number(bounds.upper, apart)})"


def _test(verdict: "Verdict", among: "Verdicts") -> str:
    text = f"{verdict.test}, {p_text(verdict.p_value)}"
    if among.comparisons > 1:
        text += f", {p_text(verdict.p_adjusted)} after Holm's correction for {among.comparisons} comparisons"
    return text


def _tests(verdicts: "Verdicts", baseline: str | None) -> str:
    if not verdicts.comparisons:
        return ""
    shown: dict[str, list[str]] = {}
    for pair in verdicts.pairs:
        if pair.conclusion in ("a better", "b better"):
            better, worse = (pair.a, pair.b) if pair.conclusion == "a better" else (pair.b, pair.a)
            shown.setdefault(better, []).append(worse)
    number_shown = sum(map(len, shown.values()))
    against = f" with {baseline!r}" if baseline is not None else ""
    many = f"{verdicts.comparisons} comparison{'s' if verdicts.comparisons > 1 else ''}{against}"
    start = f"Of {many}, at {percent(1 - verdicts.level)} for all together (Holm), "
    if not shown:
        return f"{start}none shows a difference."
    found = [f"{better!r} is better than {listed(worse)}" for better, worse in list(shown.items())[:_MOST_NAMES]]
    if len(shown) > _MOST_NAMES:
        found.append(f"and so on for {len(shown) - _MOST_NAMES} more")
    return f"{start}{number_shown} show{'s' if number_shown == 1 else ''} a difference: {'; '.join(found)}."


def _refused(verdicts: "Verdicts") -> str:
    few = [group.name for group in verdicts.groups if len(group.values) < FEWEST]
    refused = sum(pair.conclusion == "too few runs" for pair in verdicts.pairs)
    if not refused:
        return ""
    pairs = "1 pair was" if refused == 1 else f"{refused} pairs were"
    why = f", as {listed(few)} {'has' if len(few) == 1 else 'have'} too few" if few else ""
    return f"{pairs} not tested{why}: a test needs {FEWEST} runs."


def _pairing(note: str) -> str:
    """What became of the pairing that was asked for, as a sentence."""
    return f"On pairing: {note}." if note else ""


def _left_out(group: "Group") -> str:
    runs = "1 run" if group.missing == 1 else f"{group.missing} runs"
    return f"Left out: {runs} of {group.name!r} without a finite value; if they diverged, that flatters the group."


def _doubts(a: "Group", b: "Group") -> str:
    """Runs that all give one value may be one computation repeated."""
    alike = [group.name for group in (a, b) if len(set(group.values.tolist())) == 1]
    if not alike:
        return ""
    return f" All runs of {' and of '.join(map(repr, alike))} gave one value: repeats of one computation prove nothing."


def _with_mean(group: "Group") -> str:
    n = f"{len(group.values)} run{'s' if len(group.values) > 1 else ''}"
    if math.isnan(group.interval.lower):
        return f"{group.name!r} ({number(group.mean)}, {n})"
    apart = group.interval.upper - group.interval.lower
    bounds = f"{number(group.interval.lower, apart)} to {number(group.interval.upper, apart)}"
    return f"{group.name!r} ({number(group.mean, apart)}, {percent(group.interval.level)} interval {bounds}, {n})"


def _metric(among: "Verdicts") -> str:
    return f"{among.metric!r} ({'higher' if among.direction == 'maximize' else 'lower'} is better)"


def _turned(interval: Interval, *, turn: bool, whole: float) -> Interval:
    return interval._replace(lower=whole - interval.upper, upper=whole - interval.lower) if turn else interval


def listed(names: Sequence[str]) -> str:
    """Names in quotes, the first few of many."""
    shown = [repr(name) for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        shown.append(f"{len(names) - _MOST_NAMES} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
