"""Picture of groups of runs against each other: every run, the means, and the verdict in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from readers.figures.metrics import MOST_LISTED, better_words, margins
from readers.figures.style import (
    BLUE,
    FAINT,
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

    from readers.verdict import Group, Verdicts

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_GROUPS = 40
"""Groups that get a row each."""


@in_house_style
def groups_figure(verdicts: "Verdicts", *, title: str | None = None) -> "Figure":
    """Draw the runs of each group, their mean and its interval, and write the verdict over them.

    The best group is orange where it is told apart from every other that it was compared with.
    """
    every = [group._replace(values=group.values[np.abs(group.values) <= LARGEST]) for group in verdicts.groups]
    with_values = [group for group in every if len(group.values)]
    heading = title or f"{short(verdicts.metric, 60)} by {short(verdicts.by, 60)}"
    if not with_values:
        said = "no group has a finite value" if verdicts.groups else "no groups"
        return words_figure(heading, f"{said}: there is nothing to draw")
    groups = with_values[:MOST_GROUPS]
    figure, axes = new_figure(7.4, 0.75 + (0.42 if len(groups) <= 12 else 0.28) * max(len(groups), 2))
    _draw_groups(axes, groups, sure=_best_is_sure(verdicts))
    take_literally([axes.set_xlabel(f"{short(verdicts.metric, 60)} ({better_words(verdicts.direction)})")])
    notes = [f"points: runs; diamonds: means, with their {verdicts.level:.0%} interval"]
    empty = [group.name for group in every if not len(group.values)]
    if empty:
        notes.append(f"without a finite value: {', '.join(short(name) for name in empty[:MOST_LISTED])}")
    missing = sum(group.missing for group in with_values)
    if missing:
        notes.append(f"{counted(missing)} without a finite value left out")
    if len(with_values) > len(groups):
        notes.append(f"the best {len(groups)} of {len(with_values)} groups")
    header(figure, heading, verdicts.words, notes)
    return figure


def _best_is_sure(verdicts: "Verdicts") -> bool:
    """Whether the best mean is told apart from every group that it was compared with."""
    best = verdicts.groups[0].name
    found = [pair.conclusion for pair in verdicts.pairs if best in {pair.a, pair.b}]
    return bool(found) and all(conclusion in {"a better", "b better"} for conclusion in found)


def _draw_groups(axes: "Axes", groups: "Sequence[Group]", *, sure: bool) -> None:
    """A row a group: its runs side by side in the row, mean and interval in the middle, numbers at the right."""
    places = np.arange(len(groups))
    for place, group in enumerate(groups):
        colour = ORANGE if place == 0 and sure else BLUE
        count = len(group.values)
        axes.scatter(
            group.values,
            place + _spread(group.values),
            s=20 if count <= 50 else 12 if count <= 300 else 8,
            color=colour,
            alpha=0.55 if count <= 300 else 0.35,
            linewidths=0,
            zorder=2,
            rasterized=count > 5_000,
        )
        lower, upper = group.interval.lower, group.interval.upper
        if max(abs(lower), abs(upper)) <= LARGEST:
            axes.hlines(place, lower, upper, color=INK, linewidth=2, zorder=4)
        if abs(group.mean) <= LARGEST:
            axes.scatter([group.mean], [place], s=40, marker="D", color=INK, zorder=5, linewidths=0)
    every = np.concatenate([group.values for group in groups])
    bounds = np.array([[group.interval.lower, group.interval.upper] for group in groups]).ravel()
    margins(axes, np.concatenate([every, bounds[np.abs(bounds) <= LARGEST]]))
    axes.set_yticks(places, distinct(group.name for group in groups))
    axes.set_ylim(max(len(groups), 2) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    grid(axes, "x")
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, [f"{number(group.mean)}  (n = {len(group.values):,})" for group in groups])
    right.tick_params(length=0, labelsize=WORDS_SIZE, labelcolor=FAINT)
    right.spines["right"].set_visible(False)
    take_literally(axes.get_yticklabels())


def _spread(values: "Floats") -> "Floats":
    """Where points lie in their row, from -0.3 to 0.3, so that neighbours don't hide each other; the same each time."""
    if len(values) < 2:
        return np.zeros(len(values))
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    reach = 0.28 if len(values) > 5 else 0.16
    return np.asarray((ranks * 0.6180339887 % 1.0 - 0.5) * 2 * reach, dtype=np.float64)
