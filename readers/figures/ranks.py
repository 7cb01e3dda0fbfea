"""The critical difference diagram: mean ranks of methods over data sets, and which of them can't be told apart.

Source: Demšar 2006, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, figure 1.
"""

from typing import TYPE_CHECKING

import numpy as np

from readers.figures.style import (
    FAINT,
    GREY,
    INK,
    ORANGE,
    counted,
    distinct,
    header,
    in_house_style,
    new_figure,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from readers.ranks import MethodRanks

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_METHODS = 30
"""Methods that are named, the best; the others are counted in words."""
_CLIQUE_STEP, _METHOD_STEP = 0.24, 0.36  # inches between bars, and between methods


@in_house_style
def critical_difference_figure(ranks: "MethodRanks", *, title: str | None = None) -> "Figure":
    """Draw the mean ranks, the best at the left; a thick line joins methods that aren't told apart."""
    heading = title or f"{counted(len(ranks.methods), 'method')} over {counted(len(ranks.datasets), 'data set')}"
    means = np.asarray(ranks.mean_ranks, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(means))
    order = known[np.argsort(means[known], kind="stable")]
    if not len(order):
        return words_figure(heading, ranks.words or "no method has a rank: there is nothing to draw")
    shown = order[:MOST_METHODS]
    names = distinct(ranks.methods[place] for place in shown)
    cliques = _bars(ranks, shown)
    rows = -(-len(shown) // 2)
    critical = ranks.critical_difference if np.isfinite(ranks.critical_difference) and len(order) > 1 else None
    inches = 0.35 * (critical is not None) + 0.45 + _CLIQUE_STEP * len(cliques) + _METHOD_STEP * (rows + 0.5)
    figure, axes = new_figure(8.0, inches + 0.2)
    low, high = 1.0, float(max(np.ceil(means[shown[-1]]), 2.0))
    _scale(axes, low, high)
    if critical is not None:
        _critical(axes, low, critical, high)
    for row, (first, last) in enumerate(cliques):
        y = -0.16 - _CLIQUE_STEP * row
        pad = 0.008 * (high - low)
        axes.plot([first - pad, last + pad], [y, y], color=INK, linewidth=4.5, solid_capstyle="round", zorder=4)
    top = -0.2 - _CLIQUE_STEP * len(cliques)
    alone = not any(ranks.methods[shown[0]] in clique for clique in ranks.cliques) and len(shown) > 1
    _methods(axes, names, means[shown], (low, high), top, best=ORANGE if alone else GREY)
    axes.set_ylim(top - _METHOD_STEP * (rows + 0.1), 0.35 + 0.42 * (critical is not None))
    said = ["mean ranks, 1 is best", *([ranks.test] if np.isfinite(ranks.p_value) else [])]
    notes = [*said, "thick lines join methods that aren't told apart"]
    if len(order) > len(shown):
        notes.append(f"the best {len(shown)} of {len(order)} methods")
    header(figure, heading, ranks.words, notes)
    return figure


def _scale(axes: "Axes", low: float, high: float) -> None:
    """The axis of ranks, whole ones named."""
    room = 0.5 * (high - low)
    axes.set_xlim(low - room, high + room)
    axes.set_axis_off()
    axes.plot([low, high], [0, 0], color=INK, linewidth=1.2)
    step = max(1, int(np.ceil((high - low) / 12)))
    for rank in np.arange(low, high + 0.01, 0.5 * step):
        whole = float(rank).is_integer()
        axes.plot([rank, rank], [0, 0.09 if whole else 0.05], color=INK, linewidth=1.0)
        if whole:
            axes.text(rank, 0.12, f"{rank:.0f}", ha="center", va="bottom", fontsize=9, color=INK)


def _critical(axes: "Axes", low: float, critical: float, high: float) -> None:
    """How far apart two mean ranks must be."""
    y, end = 0.5, low + critical
    axes.set_xlim(right=max(axes.get_xlim()[1], end + 0.6 * (high - low)))
    axes.plot([low, end], [y, y], color=FAINT, linewidth=1.6)
    for x in (low, end):
        axes.plot([x, x], [y - 0.05, y + 0.05], color=FAINT, linewidth=1.6)
    text = f"critical difference {critical:.2f}"
    beside = end + 0.02 * (high - low)
    axes.text(beside, y, text, ha="left", va="center", fontsize=8.5, color=FAINT)


def _methods(
    axes: "Axes", names: list[str], means: "Floats", ends: tuple[float, float], top: float, *, best: str
) -> None:
    """The better half at the left, the other at the right, each tied to its rank; the best in its own colour."""
    low, high = ends
    reach = 0.06 * (high - low)
    half = -(-len(names) // 2)
    texts = []
    for place, (name, mean) in enumerate(zip(names, means, strict=True)):
        left = place < half
        row = place if left else len(names) - 1 - place
        y = top - _METHOD_STEP * (row + 0.6)
        side = low - reach if left else high + reach
        colour = best if place == 0 else GREY
        axes.plot([mean, mean, side], [0, y, y], color=colour, linewidth=1.2, zorder=2)
        axes.plot([mean], [0], "o", color=colour if place == 0 else INK, markersize=4, zorder=5)
        gap = -reach / 4 if left else reach / 4
        said = f"{name}  {mean:.2f}" if left else f"{mean:.2f}  {name}"
        weight = "bold" if place == 0 else "normal"
        texts.append(
            axes.text(side + gap, y, said, ha="right" if left else "left", va="center", fontsize=9, weight=weight)
        )
    take_literally(texts)


def _bars(ranks: "MethodRanks", shown: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> list[tuple[float, float]]:
    """From which to which mean rank each clique reaches, of the methods that are shown."""
    named = {ranks.methods[place]: float(ranks.mean_ranks[place]) for place in shown}
    found = []
    for clique in ranks.cliques:
        inside = [named[name] for name in clique if name in named]
        if len(inside) > 1:
            found.append((min(inside), max(inside)))
    return sorted(set(found))
