"""Picture of a leaderboard: each algorithm's best score, with the folds that it is the mean of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.best import Direction
from readers.figures.metrics import MOST_LISTED, better_words, margins
from readers.figures.style import (
    BLUE,
    FAINT,
    GREY,
    GRID,
    INK,
    LARGEST,
    ORANGE,
    WORDS_SIZE,
    counted,
    distinct,
    grid,
    header,
    in_house_style,
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

MOST_ROWS = 40
"""Algorithms that get a row each."""
_FAR = 4.0
_OFF = 0.012


class Entry(NamedTuple):
    """An algorithm."""

    name: str
    score: float
    std: float
    """Over the folds; NaN if not known."""
    folds: Sequence[float]
    """Its score on each; empty if not known."""
    trials: int
    tied: bool = False
    """Whether it's the best one or can't be told from it."""
    baseline: bool = False


@in_house_style
def leaderboard_figure(
    entries: Sequence[Entry], *, metric: str, direction: Direction, words: str = "", title: str | None = None
) -> "Figure":
    """Draw the algorithms in the order given, the best first: score, folds, and spread.

    Those that can't be told from the best are orange; baselines are grey, and the best one's score is a line. What is
    so much worse that it would squeeze the others together has an arrow at the edge.

    Args:
        words: what is said over the picture, such as which of them can be told apart.
    """
    scored = [entry for entry in entries if abs(entry.score) <= LARGEST]
    heading = title or f"{short(metric, 60) or 'Score'} of {counted(len(scored), 'algorithm')}"
    if not scored:
        said = "no algorithm has a score" if entries else "no algorithms"
        return words_figure(heading, f"{said}: there is nothing to draw")
    shown = scored[:MOST_ROWS]
    figure, axes = new_figure(7.6, 0.75 + (0.4 if len(shown) <= 12 else 0.28) * max(len(shown), 2))
    near = _near(shown)
    values = np.concatenate([_points(entry) for entry, is_near in zip(shown, near, strict=True) if is_near])
    margins(axes, values)
    places = np.arange(len(shown))
    axes.hlines(places, 0, 1, transform=axes.get_yaxis_transform(), color=GRID, linewidth=0.8, zorder=0)
    for place, entry in enumerate(shown):
        if near[place]:
            _draw(axes, place, entry)
    _arrows(axes, shown, near, direction)
    lines = _baseline(axes, shown, near)
    _label(axes, shown)
    take_literally([axes.set_xlabel(f"{short(metric, 60)} ({better_words(direction)})")])
    header(figure, heading, words, [*_notes(shown, near), *lines, *_left_out(entries, scored, shown)])
    return figure


def _points(entry: Entry) -> "Floats":
    """All that is drawn of an entry."""
    spread = [entry.score - entry.std, entry.score + entry.std] if entry.std >= 0 else []
    points = np.array([entry.score, *spread, *entry.folds], dtype=np.float64)
    return points[np.abs(points) <= LARGEST]


def _near(shown: Sequence[Entry]) -> list[bool]:
    """Which of the rows lie close enough to the best one to share its axis."""
    gaps = np.array([abs(entry.score - shown[0].score) for entry in shown])
    usual = [gap for gap, entry in zip(gaps[1:], shown[1:], strict=True) if not entry.baseline]
    width = float(np.ptp(_points(shown[0])))
    most = max(_FAR * float(np.median(usual)) if usual else 0.0, _FAR * width)
    return [bool(gap <= most or most == 0 or not place) for place, gap in enumerate(gaps)]


def _draw(axes: "Axes", place: int, entry: Entry) -> None:
    colour = GREY if entry.baseline else ORANGE if entry.tied else BLUE
    folds = np.array([score for score in entry.folds if abs(score) <= LARGEST], dtype=np.float64)
    if len(folds):
        axes.scatter(folds, np.full(len(folds), place), s=22, color=colour, alpha=0.5, linewidths=0, zorder=3)
    if 0 <= entry.std <= LARGEST:
        axes.hlines(place, entry.score - entry.std, entry.score + entry.std, color=colour, linewidth=2, zorder=2)
    axes.scatter([entry.score], [place], s=46, marker="D", color=colour, edgecolors=INK, linewidths=0.8, zorder=5)


def _arrows(axes: "Axes", shown: Sequence[Entry], near: Sequence[bool], direction: Direction) -> None:
    """An arrow at the worse edge for each row that lies beyond it."""
    left = direction == "maximize"
    for place, entry in enumerate(shown):
        if not near[place]:
            axes.plot(
                [_OFF if left else 1 - _OFF], [place], "<" if left else ">", transform=axes.get_yaxis_transform(),
                color=GREY if entry.baseline else BLUE, markersize=7, zorder=5,
            )  # fmt: skip


def _baseline(axes: "Axes", shown: Sequence[Entry], near: Sequence[bool]) -> list[str]:
    """The best baseline's line, if it has a place on the axis; what to note of it."""
    for entry, is_near in zip(shown, near, strict=True):
        if entry.baseline:
            if is_near:
                axes.axvline(entry.score, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
                return [f"dashed: the baseline ({short(entry.name)})"]
            return [f"the baseline ({short(entry.name)}) has {number(entry.score)}"]
    return []


def _label(axes: "Axes", shown: Sequence[Entry]) -> None:
    """Names at the left, scores and trials at the right."""
    places = np.arange(len(shown))
    axes.set_yticks(places, distinct(entry.name for entry in shown))
    axes.set_ylim(max(len(shown), 2) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    grid(axes, "x")
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, [f"{number(entry.score)}  ({counted(entry.trials, 'trial')})" for entry in shown])
    right.tick_params(length=0, labelsize=WORDS_SIZE, labelcolor=FAINT)
    right.spines["right"].set_visible(False)
    take_literally(axes.get_yticklabels())


def _notes(shown: Sequence[Entry], near: Sequence[bool]) -> list[str]:
    notes = ["diamonds: score of the best trial"]
    if any(entry.folds for entry in shown):
        notes.append("dots: its folds")
    if any(entry.std >= 0 for entry in shown):
        notes.append("lines: one standard deviation over the folds to each side")
    if any(entry.tied for entry in shown) and not all(entry.tied for entry in shown):
        notes.append("orange: can't be told from the best")
    if not all(near):
        notes.append("arrows: much worse, beyond the axis")
    return notes


def _left_out(entries: Sequence[Entry], scored: Sequence[Entry], shown: Sequence[Entry]) -> list[str]:
    notes = []
    without = [entry.name for entry in entries if not abs(entry.score) <= LARGEST]
    if without:
        more = f" and {len(without) - MOST_LISTED} more" if len(without) > MOST_LISTED else ""
        notes.append(f"without a score: {', '.join(short(name) for name in without[:MOST_LISTED])}{more}")
    if len(scored) > len(shown):
        notes.append(f"the best {len(shown)} of {len(scored)} algorithms")
    return notes
