"""Picture of what a metric depends on: a bar for each param, with how sure it is."""

import math
from typing import TYPE_CHECKING

from readers.figures.style import (
    BLUE,
    FAINT,
    INK,
    counted,
    distinct,
    grid,
    header,
    in_house_style,
    new_figure,
    short,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from readers.importance import ParameterImportance

MOST_BARS = 25
"""Params that get a bar; the rest is summed up in words."""
_METHODS = {
    "permutation": "Permutation importance in a random forest",
    "pedanova": "PED-ANOVA: where the best runs lie",
    "fanova": "fANOVA: shares of a forest's variance",
    "mdi": "Impurity decrease in a random forest",
    "spearman": "Rank correlation (Spearman)",
}


@in_house_style
def importance_figure(importance: "ParameterImportance", *, title: str | None = None) -> "Figure":
    """Draw the most important params as bars with intervals, the ranks that the runs leave open, and all warnings."""
    import numpy as np

    heading = title or f"What {short(importance.metric)} depends on"
    if not importance or not any(value > 0 for value in importance.values()):
        words = "no param can be told to matter" if importance else "no params to look at"
        return words_figure(heading, "; ".join([f"{counted(importance.n)}: {words}", *importance.warnings]))
    ordered = sorted(importance, key=lambda name: -importance[name])
    drawn, rest = ordered[:MOST_BARS], ordered[MOST_BARS:]
    values = np.array([importance[name] for name in drawn])
    ends = np.array([importance.intervals.get(name, (np.nan, np.nan)) for name in drawn], dtype=float)
    figure, axes = new_figure(7.0, 0.75 + 0.3 * max(len(drawn), 2))
    places = np.arange(len(drawn))
    axes.barh(places, values, height=0.66, color=BLUE, alpha=0.8)
    known = np.isfinite(ends).all(axis=1)
    axes.hlines(places[known], ends[known, 0], ends[known, 1], color=INK, linewidth=1.2)
    for end in (0, 1):
        axes.plot(ends[known, end], places[known], "|", color=INK, markersize=7, markeredgewidth=1.2)
    axes.set_yticks(places, distinct(drawn))
    axes.set_ylim(max(len(drawn), 2) - 0.45, -0.9)
    axes.set_xlim(
        min(0.0, float(np.nanmin(ends, initial=0.0))), max(values.max(), float(np.nanmax(ends, initial=0.0))) * 1.03
    )
    axes.tick_params(axis="y", length=0)
    grid(axes, "x")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("share of the importance")
    side = axes.get_yaxis_transform()
    for place, name in enumerate(drawn):
        axes.text(1.02, place, _rank(importance, name), transform=side, va="center", fontsize=8.5, color=FAINT)
        axes.text(1.20, place, _effect(importance, name), transform=side, va="center", fontsize=8.5, color=FAINT)
    for left, text in ((1.02, "rank"), (1.20, "correlation")):
        axes.text(left, -0.75, text, transform=side, va="center", fontsize=8, color=INK)
    take_literally(axes.get_yticklabels())
    method = _METHODS.get(importance.method, importance.method)
    words = f"{method}; {counted(importance.n)}; lines: {importance.level:.0%} intervals."
    if not math.isnan(importance.r2):
        words += (
            f" A forest of these params foretells R\N{SUPERSCRIPT TWO} = {importance.r2:.2f} of runs it has not seen."
        )
    notes = [f"the {len(rest)} others: {sum(importance[name] for name in rest):.0%}"] if rest else []
    header(figure, heading, words, [*notes, *importance.warnings])
    return figure


def _rank(importance: "ParameterImportance", name: str) -> str:
    """The ranks that the runs leave open, in words."""
    low, high = importance.rank_intervals.get(name, (0, 0))
    return "" if not low else f"{low}" if low == high else f"{low} to {high}"


def _effect(importance: "ParameterImportance", name: str) -> str:
    """Which way the metric goes with the param."""
    rho = importance.effects.get(name, float("nan"))
    return "" if math.isnan(rho) else f"{rho:+.2f}"
