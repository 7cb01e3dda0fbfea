"""A picture of a model's versions: a point a version, the best so far as a step line, aliases and stages over them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from readers.figures.metrics import better_words
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
    new_figure,
    number,
    short,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from readers.modelevolution import ModelEvolution

_ARCHIVED = "[archived]"
_SQUEEZED = 20
"""How many times the middle 80 % of the values the whole range may be before the y-axis is cut."""
_LANES = 4
_LANE_POINTS = 13
_LETTER = 0.0115  # of the width of the axes


@in_house_style
def model_evolution_figure(evolution: "ModelEvolution", *, title: str | None = None) -> "Figure":
    """Draw a metric over a model's versions; a version without a finite value has a small cross on the axis."""
    heading = title or f"{short(evolution.metric, 50)} of model {short(evolution.name, 40)}"
    values = np.where(np.abs(evolution.values) <= LARGEST, evolution.values, np.nan)
    there = np.isfinite(values)
    count = len(evolution.versions)
    if not there.any():
        said = "the only version" if count == 1 else f"none of {counted(count, 'version')}"
        return words_figure(heading, f"{said} has {'no' if count == 1 else 'a'} finite value: there is nothing to draw")
    versions = np.array(evolution.versions)
    figure, axes = new_figure(7.6, 4.2)
    if there.sum() > 1:
        best_so_far = np.where(np.abs(evolution.best_so_far) <= LARGEST, evolution.best_so_far, np.nan)
        axes.step(versions, best_so_far, where="post", color=GREY, linewidth=1.4, zorder=2, label="best so far")
    best = versions == evolution.best
    small = max(10.0, min(38.0, 1500 / count))
    axes.scatter(versions[there & ~best], values[there & ~best], s=small, color=BLUE, linewidths=0, zorder=3)
    axes.scatter(versions[best], values[best], s=max(small, 30), color=ORANGE, linewidths=0, zorder=4)
    notes = _missing(axes, versions[~there])
    _axes(axes, evolution, versions)
    notes += _limits(axes, values[there], values[best])
    notes += _names(axes, evolution)
    if there.sum() > 1:
        axes.legend(loc="best", frameon=False, fontsize=8.5, labelcolor=FAINT)
    header(figure, heading, _words(evolution, values), notes)
    return figure


def _words(evolution: "ModelEvolution", values: Any) -> str:
    place = evolution.versions.index(evolution.best or 0)
    said = f"{better_words(evolution.direction)}; best: version {evolution.best}, {number(values[place])} (orange)"
    last = int(np.flatnonzero(np.isfinite(values))[-1])
    if last == place:
        return said
    return f"{said}; latest with a value: version {evolution.versions[last]}, {number(values[last])}"


def _missing(axes: "Axes", versions: Any) -> list[str]:
    """Crosses at the bottom, where there is no value."""
    if not len(versions):
        return []
    where = axes.get_xaxis_transform()
    axes.plot(versions, np.full(len(versions), 0.015), "x", color=GREY, markersize=5, transform=where, zorder=3)
    listed = ", ".join(map(str, versions[:8])) + (f" and {len(versions) - 8} more" if len(versions) > 8 else "")
    return [f"crosses: {counted(len(versions), 'version')} without a finite value ({listed})"]


def _axes(axes: "Axes", evolution: "ModelEvolution", versions: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=12))
    room = min(0.9, max(0.5, 0.03 * (versions[-1] - versions[0])))
    axes.set_xlim(versions[0] - room, versions[-1] + room)
    axes.margins(y=0.12)
    grid(axes)
    take_literally([axes.set_ylabel(short(evolution.metric, 36)), axes.set_xlabel("version")])
    axes.yaxis.label.set_color(INK)


def _limits(axes: "Axes", values: Any, best: Any) -> list[str]:
    """Cut the y-axis where a few values would press all others into a line, but never off the best; says so."""
    low, high = np.quantile(values, [0.1, 0.9])
    with np.errstate(over="ignore"):
        room, whole = high - low, values.max() - values.min()
    if not (np.isfinite(room) and whole > _SQUEEZED * room > 0):
        return []
    bottom = min(max(values.min(), low - room), best.min())
    top = max(min(values.max(), high + room), best.max())
    axes.set_ylim(bottom - 0.08 * (top - bottom), top + 0.08 * (top - bottom))
    beyond = int(((values < bottom) | (values > top)).sum())
    return [f"{counted(beyond, 'point')} beyond the y-axis"] if beyond else []


def _names(axes: "Axes", evolution: "ModelEvolution") -> list[str]:
    """Aliases and stages above the picture, each with a line down to its version; neighbours in lanes of their own.

    The last versions come first; what finds no room is counted in a note, and so are archived versions.
    """
    named = [place for place, names in enumerate(evolution.aliases) if names and names != [_ARCHIVED]]
    first, last = axes.get_xlim()
    starts = [np.inf] * _LANES
    texts = []
    for place in reversed(named):
        text = short(", ".join(evolution.aliases[place]), 30)
        version = evolution.versions[place]
        at = (version - first) / (last - first)
        half = _LETTER * len(text) / 2 + 0.01
        side, start = ("right", at - 2 * half) if at > 1 - half else ("center", at - half)
        side, start = ("left", at) if at < half else (side, start)
        lane = next((lane for lane in range(_LANES) if start + 2 * half <= starts[lane]), None)
        if lane is None:
            continue
        starts[lane] = start
        axes.axvline(version, color=ORANGE, linewidth=0.8, linestyle=(0, (2, 3)), zorder=1)
        texts.append(
            axes.annotate(
                text, (version, 1.0), (0, 4 + _LANE_POINTS * lane), xycoords=axes.get_xaxis_transform(),
                textcoords="offset points", ha=side, va="bottom", fontsize=8.5, color=INK,
            )
        )  # fmt: skip
    take_literally(texts)
    left_out, archived = len(named) - len(texts), evolution.aliases.count([_ARCHIVED])
    notes = [f"no room for the aliases of {counted(left_out, 'version')}"] if left_out else []
    return [*notes, f"{counted(archived, 'version')} archived"] if archived else notes
