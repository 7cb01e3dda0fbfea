"""Verdicts and method ranks as tables for people: in a notebook and in a terminal."""

import math
from typing import TYPE_CHECKING

from readers.grid import Grid, number
from readers.visible import visible

if TYPE_CHECKING:
    from readers.ranks import MethodRanks
    from readers.stats import Interval
    from readers.verdict import Verdict, Verdicts

_MOST_PAIRS = 20
_LONGEST = 32
_COLUMNS = ("", "conclusion", "difference", "interval", "P(better)", "p (Holm)", "Hedges g", "runs needed")


def verdict_grid(verdicts: "Verdicts") -> Grid:
    """One row a comparison, the words below."""
    pairs = verdicts.pairs[:_MOST_PAIRS]
    more = len(verdicts.pairs) - len(pairs)
    notes = [f"... and {more:,} more comparisons; to_frame() has them all."] if more else []
    title = f"{verdicts.metric} by {verdicts.by}"
    rows = tuple(map(_row, pairs))
    return Grid(title, _COLUMNS if rows else (), rows, frozenset(_COLUMNS[2:]), (*notes, verdicts.words))


def ranks_grid(ranks: "MethodRanks") -> Grid:
    """One row a method, best first, the words below."""
    rows = tuple(
        (visible(method, _LONGEST), _number(rank)) for method, rank in zip(ranks.methods, ranks.mean_ranks, strict=True)
    )
    columns = ("method", "mean rank")
    title = f"{len(ranks.methods):,} methods over {len(ranks.datasets):,} data sets"
    return Grid(title, columns if rows else (), rows, frozenset(columns[1:]), (ranks.words,))


def _row(pair: "Verdict") -> tuple[str, ...]:
    a, b = visible(pair.a, _LONGEST), visible(pair.b, _LONGEST)
    conclusion = {"a better": f"{a} is better", "b better": f"{b} is better"}.get(pair.conclusion, pair.conclusion)
    return (
        f"{a} against {b}",
        conclusion,
        _number(pair.estimate),
        _interval(pair.interval),
        _number(pair.probability_better),
        _number(pair.p_adjusted),
        _number(pair.hedges_g),
        "" if pair.runs_needed is None else f"{pair.runs_needed:,}",
    )


def _number(value: float) -> str:
    return "" if math.isnan(value) else number(float(f"{value:.3g}"))


def _interval(interval: "Interval") -> str:
    known = not math.isnan(interval.lower) or not math.isnan(interval.upper)
    return f"{_number(interval.lower)} to {_number(interval.upper)}" if known else ""
