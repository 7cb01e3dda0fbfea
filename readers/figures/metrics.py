"""Pictures of one number a run: many runs side by side, the best first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from readers.best import Direction
from readers.figures.style import (
    BLUE,
    FAINT,
    GREY,
    GRID,
    INK,
    LARGEST,
    ORANGE,
    TICK_SIZE,
    counted,
    distinct,
    grid,
    header,
    in_house_style,
    log_scale,
    new_figure,
    number,
    plain,
    short,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_ROWS = 40
"""Runs that get a row each; of more the distribution is drawn, and the best are named."""
_FAILED = ("FAILED", "KILLED", "INTERRUPTED")
MOST_LISTED = 8
"""Runs or groups that a note under the picture names."""


@in_house_style
def metric_comparison_figure(
    names: Sequence[object],
    values: "Sequence[float] | Floats",
    *,
    metric: str,
    direction: Direction,
    title: str | None = None,
    statuses: Sequence[str | None] | None = None,
) -> "Figure":
    """Draw one value a run, the best first: up to MOST_ROWS runs a row each, of more their distribution.

    Args:
        names: the n runs.
        values: shape (n,); runs without a finite one are named under the picture.
        statuses: shape (n,); runs that failed, were killed or interrupted are marked.
    """
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.abs(numbers) <= LARGEST
    if not finite.any():
        said = f"none of {counted(len(numbers))} has a finite value" if len(numbers) else "no runs"
        return words_figure(title or metric, f"{said}: there is nothing to draw")
    order = np.argsort(-numbers if direction == "maximize" else numbers, kind="stable")
    order = order[finite[order]]
    labels = distinct(names)
    failed = np.array([status in _FAILED for status in statuses or [None] * len(numbers)], dtype=bool)
    shown = [labels[place] for place in order], numbers[order], failed[order]
    figure = _rows(*shown) if len(order) <= MOST_ROWS else _distribution(*shown, direction)
    axes = figure.axes[0]
    label = f"{short(metric, 60)} ({better_words(direction)})"
    take_literally([axes.set_xlabel(label) if len(order) <= MOST_ROWS else axes.set_ylabel(label)])
    notes = []
    lacking = np.flatnonzero(~finite)
    if len(lacking):
        listed = ", ".join(labels[place] for place in lacking[:MOST_LISTED])
        more = f" and {len(lacking) - MOST_LISTED} more" if len(lacking) > MOST_LISTED else ""
        notes.append(f"{counted(len(lacking))} without a finite value: {listed}{more}")
    if failed[order].any():
        notes.append(f"crosses: {counted(int(failed[order].sum()))} that failed, were killed or interrupted")
    best = f"best: {labels[order[0]]}, {number(numbers[order[0]])}"
    header(figure, title or f"{short(metric, 60)} of {counted(len(order))}", _summed(best, numbers[order]), notes)
    return figure


def _summed(best: str, values: "Floats") -> str:
    if len(values) < 2:
        return best
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{best}; median {number(middle)}, middle half {number(low)} to {number(high)}"


def better_words(direction: Direction) -> str:
    """Which way is better, for the label of an axis."""
    return "higher is better" if direction == "maximize" else "lower is better"


def _rows(labels: list[str], values: "Floats", failed: Any) -> "Figure":
    """A row a run: where its value lies, and the value."""
    count = len(values)
    figure, axes = new_figure(7.0, 0.75 + 0.235 * max(count, 2))
    places = np.arange(count)
    axes.hlines(places, 0, 1, transform=axes.get_yaxis_transform(), color=GRID, linewidth=0.8, zorder=0)
    axes.axvline(float(np.median(values)), color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    best = places == 0
    for of, colour in ((best, ORANGE), (~best, BLUE)):
        axes.scatter(values[of & ~failed], places[of & ~failed], s=38, color=colour, zorder=3, linewidths=0)
        axes.scatter(values[of & failed], places[of & failed], s=34, color=colour, zorder=3, marker="x", linewidths=1.8)
    axes.set_yticks(places, labels)
    axes.set_ylim(max(count, 2) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    grid(axes, "x")
    margins(axes, values)
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, [number(value) for value in values])
    right.tick_params(length=0, labelsize=TICK_SIZE, labelcolor=FAINT)
    right.spines["right"].set_visible(False)
    take_literally(axes.get_yticklabels())
    for text in (axes.get_yticklabels()[0], right.get_yticklabels()[0]):
        text.set_fontweight("bold")
        text.set_color(INK)
    return figure


def _distribution(labels: list[str], values: "Floats", failed: Any, direction: Direction) -> "Figure":
    """The values in their order beside their histogram; the best are named in the empty corner."""
    count = len(values)
    figure, axes = new_figure(8.0, 4.2)
    figure.delaxes(axes)
    axes, aside = figure.subplots(1, 2, sharey=True, width_ratios=[3.6, 1])
    for one in (axes, aside):
        plain(one)
        grid(one, "y")
    ranks = np.arange(1, count + 1)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    for one in (axes, aside):
        one.axhspan(low, high, color=BLUE, alpha=0.08, linewidth=0)
        one.axhline(middle, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    size = 14 if count <= 200 else 5
    axes.scatter(ranks[~failed], values[~failed], s=size, color=BLUE, linewidths=0, zorder=3, rasterized=count > 5_000)
    axes.scatter(ranks[failed], values[failed], s=size * 1.6, color=GREY, marker="x", linewidths=0.9, zorder=3)
    axes.scatter(ranks[:1], values[:1], s=44, color=ORANGE, zorder=4, linewidths=0)
    axes.set_xlim(1 - 0.02 * count, count * 1.02)
    axes.set_xlabel("rank")
    axes.set_xticks([1, *(tick for tick in axes.get_xticks() if 1 < tick <= count)])
    bins: Any = min(40, max(10, int(2 * count ** (1 / 3))))
    bins = np.geomspace(values.min(), values.max(), bins + 1) if spans_decades(values) else bins
    aside.hist(values, bins=bins, orientation="horizontal", color=BLUE, alpha=0.75)
    aside.tick_params(axis="y", length=0)
    aside.spines["left"].set_visible(False)
    aside.set_xlabel("runs")
    if spans_decades(values):
        log_scale(axes, "y")
    named = "\n".join(f"{rank}. {labels[rank - 1]}  {number(values[rank - 1])}" for rank in range(1, 6))
    bottom, top = axes.transData.transform([(1, limit) for limit in axes.get_ylim()])[:, 1]
    high = axes.transData.transform((1, middle))[1] > (bottom + top) / 2
    left, upper = (high if direction == "maximize" else not high), not high
    text = axes.text(
        *(0.03 if left else 0.97, 0.97 if upper else 0.03),
        f"best 5\n{named}",
        transform=axes.transAxes,
        ha="left" if left else "right",
        va="top" if upper else "bottom",
        fontsize=8,
        color=INK,
        linespacing=1.35,
        multialignment="left",
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2.0},
        zorder=5,
    )
    take_literally([text])
    return figure


def spans_decades(values: "Floats") -> bool:
    """Whether positive numbers lie more evenly by their logarithm: wide, and their median nearer to the middle so."""
    low, middle, high = np.quantile(values, [0.0, 0.5, 1.0])
    if not 1e-100 < low < high / 100 < 1e100:
        return False
    by_logarithm = np.log(middle / low) / np.log(high / low)
    return bool(abs(by_logarithm - 0.5) <= abs((middle - low) / (high - low) - 0.5))


def margins(axes: "Axes", values: "Floats") -> None:
    """Limits with room at both ends, also for one value."""
    low, high = float(values.min()), float(values.max())
    if spans_decades(values):
        ends = np.log10([low, high])
        room = 0.04 * (ends[1] - ends[0])
        axes.set_xlim(*(10 ** np.clip(ends + np.array([-room, room]), -307, 307)))
        log_scale(axes, "x")
        return
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    if np.isfinite(room) and np.isfinite([low - room, high + room]).all():
        axes.set_xlim(low - room, high + room)
