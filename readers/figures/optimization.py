"""Picture of a search's course: each trial's score in its place, and the best so far."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from readers.best import Direction
from readers.figures.metrics import better_words, spans_decades
from readers.figures.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    LARGEST,
    ORANGE,
    counted,
    grid,
    header,
    in_house_style,
    log_scale,
    new_figure,
    number,
    short,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

_FAR = 4.0
_FEWEST_FOR_FAR = 8
_NEAR = 0.4
_UNFINISHED = {"failed": "failed", "interrupted": "interrupted", "running": "still running"}


@in_house_style
def optimization_history_figure(
    numbers: Sequence[int],
    scores: "Sequence[float] | Floats",
    states: Sequence[str],
    *,
    metric: str,
    direction: Direction,
    algorithms: Sequence[str] | None = None,
    baseline: float = float("nan"),
    title: str | None = None,
) -> "Figure":
    """Draw the trials' scores by their number, and a line of the best complete one so far.

    Args:
        numbers: shape (n,), each trial's.
        scores: shape (n,); NaN for a trial without.
        states: shape (n,): "complete", "pruned", "failed", "running" or "interrupted".
        algorithms: shape (n,); what the best one's is called.
        baseline: score that a model without learning has, drawn as a line; NaN for none.
    """
    x, y = np.asarray(numbers, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    state = np.asarray(states, dtype=object)
    heading = title or f"{short(metric, 60) or 'Score'} over {counted(len(x), 'trial')}"
    finite = np.abs(y) <= LARGEST
    complete, pruned = finite & (state == "complete"), finite & (state == "pruned")
    drawn = complete | pruned
    if not drawn.any():
        said = "no trial has a score" if len(x) else "no trials"
        return words_figure(heading, f"{said}: there is nothing to draw; {_lost(state)}".removesuffix("; "))
    order = np.argsort(x, kind="stable")
    x, y, state = x[order], y[order], state[order]
    complete, pruned, drawn = complete[order], pruned[order], drawn[order]
    figure, axes = new_figure(8.0, 4.2)
    best = _best_so_far(y, complete, direction)
    notes = _limits(axes, y[drawn], best, baseline, direction)
    _draw_trials(axes, x, y, complete=complete, pruned=pruned)
    words = "no trial is complete"
    if complete.any():
        first = int(np.flatnonzero(complete & (y == best[-1]))[0])
        _draw_best(axes, x, best, first)
        named = "" if algorithms is None else f" by {short(algorithms[order[first]], 40)}"
        words = f"best: {number(best[-1])}{named}, trial {x[first]:.0f}"
    _draw_unfinished(axes, x, ~drawn)
    _lay_out(axes, x, f"{short(metric, 28)} ({better_words(direction)})")
    lost = _lost(state[~drawn])
    header(figure, heading, words, [f"ticks at the bottom: {lost}", *notes] if lost else notes)
    return figure


def _lay_out(axes: "Axes", x: "Floats", label: str) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.ticker import MaxNLocator

    room = max(0.02 * (x[-1] - x[0]), 0.5)
    axes.set_xlim(x[0] - room, x[-1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:,.0f}")
    grid(axes, "y")
    axes.set_xlabel("trial")
    take_literally([axes.set_ylabel(label)])
    legend = axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, frameon=False, fontsize=8, borderpad=0.2)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)
        if isinstance(handle, PathCollection):
            handle.set_sizes([22.0])


def _best_so_far(y: "Floats", complete: "Mask", direction: Direction) -> "Floats":
    """Shape (n,); NaN before the first complete trial."""
    known = np.where(complete, y, np.nan)
    return (np.fmax if direction == "maximize" else np.fmin).accumulate(known)


def _draw_trials(axes: "Axes", x: "Floats", y: "Floats", *, complete: "Mask", pruned: "Mask") -> None:
    size, alpha = _dots(len(x))
    many = len(x) > 5_000
    axes.scatter(
        x[complete], y[complete], s=size, color=BLUE, alpha=alpha, linewidths=0, zorder=3, label="complete",
        rasterized=many,
    )  # fmt: skip
    if pruned.any():
        axes.scatter(
            x[pruned], y[pruned], s=size, color=GREY, alpha=alpha, marker="v", linewidths=0, zorder=2, label="pruned",
            rasterized=many,
        )  # fmt: skip


def _dots(count: int) -> tuple[float, float]:
    """(size in square points, opacity): so that thousands show where most of them are."""
    return (26.0, 0.85) if count <= 100 else (14.0, 0.55) if count <= 1_000 else (6.0, 0.3)


def _draw_best(axes: "Axes", x: "Floats", best: "Floats", first: int) -> None:
    axes.step(x, best, where="post", color=ORANGE, linewidth=1.8, zorder=4, label="best so far")
    axes.scatter([x[first]], [best[first]], s=70, color=ORANGE, edgecolors="white", linewidths=0.8, zorder=5)


def _draw_unfinished(axes: "Axes", x: "Floats", missing: "Mask") -> None:
    """A tick at the bottom for each trial that has no score."""
    if missing.any():
        axes.plot(
            x[missing], np.zeros(int(missing.sum())), "|", color=INK, alpha=0.7 if missing.sum() < 300 else 0.25,
            markersize=7, transform=axes.get_xaxis_transform(), clip_on=False, zorder=6, label="no score",
        )  # fmt: skip


def _limits(axes: "Axes", y: "Floats", best: "Floats", baseline: float, direction: Direction) -> list[str]:
    """Give the y axis a scale on which the course can be seen; say what lies beyond it, the baseline too."""
    if spans_decades(y):
        log_scale(axes, "y")
        return _draw_baseline(axes, baseline, *axes.get_ylim()) if baseline > 0 else []
    known = best[~np.isnan(best)]
    seen = y
    if len(y) >= _FEWEST_FOR_FAR:
        lower, middle, upper = np.quantile(y, [0.25, 0.5, 0.75])
        reach = _FAR * max(float(upper - lower), abs(float(known[-1] - middle)) if len(known) else 0.0)
        seen = y[y >= lower - reach] if direction == "maximize" else y[y <= upper + reach]
    low, high = float(seen.min()), float(seen.max())
    near = low - _NEAR * (high - low) <= baseline <= high + _NEAR * (high - low)
    low, high = (min(low, baseline), max(high, baseline)) if near else (low, high)
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - room, high + room)
    notes = _draw_baseline(axes, baseline, low, high)
    beyond = len(y) - len(seen)
    return [*notes, *([f"{counted(beyond, 'trial')} far worse than the others, beyond the axis"] if beyond else [])]


def _draw_baseline(axes: "Axes", baseline: float, low: float, high: float) -> list[str]:
    """A line where there is a place for it; else what to note."""
    if not abs(baseline) <= LARGEST:
        return []
    if not low <= baseline <= high:
        return [f"the baseline has {number(baseline)}"]
    axes.axhline(baseline, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1, label="baseline")
    return []


def _lost(states: Iterable[object]) -> str:
    """The trials without a score, counted by what became of them."""
    kinds = [str(state) for state in states]
    said = [f"{kinds.count(state):,} {words}" for state, words in _UNFINISHED.items() if state in kinds]
    without = sum(kind in {"complete", "pruned"} for kind in kinds)
    return ", ".join([*said, *([f"{without:,} without a finite score"] if without else [])])
