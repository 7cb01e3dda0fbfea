"""Parallel coordinates: an axis for each param and one for the metric, a line through all of them for each run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.best import Direction
from readers.figures.metrics import better_words, spans_decades
from readers.figures.style import (
    FAINT,
    GREY,
    INK,
    counted,
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

    from readers.runvalues import Values

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_AXES = 12
"""Params that get an axis; of more those that are the same in all runs go first."""
MOST_LEVELS = 12
"""Values of a categorical axis that are written beside it; of more, so many evenly."""
_MISSING = -0.14  # where runs without a value go, below every axis


class Axis(NamedTuple):
    """One upright axis, from 0 to 1."""

    name: str
    places: "Floats"
    """Where each run crosses it; _MISSING where it has no value."""
    ticks: list[tuple[float, str]]
    log: bool
    categorical: bool


@in_house_style
def parallel_coordinates_figure(
    names: Sequence[object],
    columns: "Sequence[Values]",
    metric_values: "Sequence[float] | Floats",
    *,
    metric: str,
    direction: Direction,
    title: str | None = None,
) -> "Figure":
    """Draw each run as a line through its params to its metric; the best are darkest and on top.

    Args:
        names: the n runs; the best one is named.
        columns: the params, n values each. Numbers have a numeric axis, a log one when they span decades and lie
            more evenly so; texts, booleans and mixed values a categorical one.
        metric_values: shape (n,); runs without a finite one are grey.
    """
    values = np.asarray(metric_values, dtype=np.float64)
    finite = np.isfinite(values)
    heading = title or f"{short(metric, 60)} and params of {counted(len(values))}"
    if not finite.any() or not columns:
        said = f"no run has a finite {short(metric, 60)}" if columns else "no params"
        return words_figure(heading, f"{said if len(values) else 'no runs'}: there is nothing to draw")
    notes: list[str] = []
    chosen = _chosen(columns, notes)
    of_metric = np.where(finite, values, np.nan)
    limits = _limits(of_metric[finite])
    beyond = int(((of_metric < limits[0]) | (of_metric > limits[1])).sum())
    axes_made = [_axis(column) for column in chosen] + [
        _numeric(metric, np.clip(of_metric, *limits), force_linear=True)
    ]
    figure, axes = new_figure(min(16.0, 2.2 + 1.45 * len(axes_made)), 4.4)
    _draw(axes, axes_made, of_metric, direction, limits)
    _frame(axes, axes_made, figure.get_figwidth())
    if limits[0] < limits[1]:
        label = f"{short(metric, 40)} ({better_words(direction)})"
        _colour_bar(figure, axes, label, direction, limits, extend="both" if beyond else "neither")
    if beyond:
        notes.append(f"{short(metric, 40)} is cut: {counted(beyond)} beyond its ends")
    best = int(np.nanargmax(of_metric) if direction == "maximize" else np.nanargmin(of_metric))
    if not finite.all():
        notes.append(f"grey: {counted(int((~finite).sum()))} without a finite {short(metric, 40)}")
    words = f"best: {short(names[best])}, {number(values[best])}"
    words += "; darker lines are better" if limits[0] < limits[1] else ""
    header(figure, heading, words, notes)
    return figure


def _chosen(columns: "Sequence[Values]", notes: list[str]) -> "list[Values]":
    """The params that get an axis."""
    if len(columns) <= MOST_AXES:
        return list(columns)
    varying = [column for column in columns if len(set(column.texts)) > 1]
    constant = [column for column in columns if len(set(column.texts)) <= 1]
    kept = {column.name for column in [*varying, *constant][:MOST_AXES]}
    notes.append(f"{len(columns) - MOST_AXES} of {len(columns)} params have no axis, those that don't vary first")
    return [column for column in columns if column.name in kept]


def _axis(column: "Values") -> Axis:
    if column.kind in {"int", "float"} and np.isfinite(column.numbers).any():
        return _numeric(column.name, column.numbers)
    return _categorical(column)


def _numeric(name: str, numbers: "Floats", *, force_linear: bool = False) -> Axis:
    """Numbers by size; their own values are the ticks where they are few."""
    from matplotlib.ticker import MaxNLocator

    finite = np.isfinite(numbers)
    known = numbers[finite]
    low, high = float(known.min()), float(known.max())
    log = not force_linear and spans_decades(np.unique(known))
    scale = np.log10 if log else np.asarray
    with np.errstate(over="ignore", invalid="ignore"):
        start, width = float(scale(low)), float(scale(high)) - float(scale(low))
        width = width if np.isfinite(width) and width > 0 else 0.0
        places = np.full(len(numbers), _MISSING)
        places[finite] = (scale(known) - start) / width if width else 0.5
    distinct = np.unique(known)
    if len(distinct) <= 6 or not width:
        shown = distinct[:6]
    elif log:
        decades = 10.0 ** np.arange(np.floor(start), np.ceil(start + width) + 1, max(1, int(width // 6)))
        inside = decades[(decades >= low) & (decades <= high)]
        shown = inside if len(inside) >= 3 else 10.0 ** np.linspace(start, start + width, 5)
    else:
        inside = np.asarray(MaxNLocator(6).tick_values(low, high))
        shown = inside[(inside >= low) & (inside <= high)]
    ticks = [((float(scale(tick)) - start) / width if width else 0.5, number(float(tick))) for tick in shown]
    return Axis(name, places, _apart(ticks), log, categorical=False)


def _apart(ticks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Ticks that leave each other room for a line of text."""
    kept: list[tuple[float, str]] = []
    for tick in sorted(ticks):
        if not kept or tick[0] - kept[-1][0] > 0.045:
            kept.append(tick)
    return kept


def _categorical(column: "Values") -> Axis:
    """Values in the order of their names, evenly; runs with the same one lie a little apart."""
    levels = sorted({text for text in column.texts if text is not None})
    at = {level: (place + 0.5) / len(levels) for place, level in enumerate(levels)}
    room = min(0.06, 0.5 / max(len(levels), 1))
    jitter = (np.arange(len(column.texts)) * 0.6180339887 % 1.0 - 0.5) * room
    places = np.array(
        [_MISSING if text is None else at[text] + apart for text, apart in zip(column.texts, jitter, strict=True)]
    )
    every = -(-len(levels) // MOST_LEVELS) if levels else 1
    ticks = [(at[level], short(level, 16)) for level in levels[::every]]
    return Axis(column.name, places, ticks, log=False, categorical=True)


def _limits(known: "Floats") -> tuple[float, float]:
    """From where to where the metric goes; without the outliers that would leave all others one colour."""
    low, robust_low, robust_high, high = np.quantile(known, [0.0, 0.05, 0.95, 1.0])
    with np.errstate(over="ignore"):
        cut = len(known) >= 20 and high - low > 4 * (robust_high - robust_low) > 0
    room = 0.25 * (robust_high - robust_low)
    return (max(low, robust_low - room), min(high, robust_high + room)) if cut else (float(low), float(high))


def _colour_bar(
    figure: "Figure", axes: "Axes", label: str, direction: Direction, limits: tuple[float, float], *, extend: str
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(*limits), _colour_map(direction))
    bar = figure.colorbar(colours, ax=axes, pad=0.02, fraction=0.04, aspect=30, extend=extend)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, color=GREY, length=2)
    bar.set_label(label, fontsize=9)
    take_literally([bar.ax.yaxis.label])


def _colour_map(direction: Direction) -> str:
    """Even to the eye, in grey too; the best dark."""
    return "viridis_r" if direction == "maximize" else "viridis"


def _draw(axes: "Axes", made: list[Axis], values: "Floats", direction: Direction, limits: tuple[float, float]) -> None:
    """A line a run, the best last."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    count = len(values)
    paths = np.stack([np.tile(np.arange(len(made), dtype=float), (count, 1)), np.stack([a.places for a in made], 1)], 2)
    finite = np.isfinite(values)
    order = np.argsort(values if direction == "maximize" else -values, kind="stable")
    order = order[finite[order]]
    norm = Normalize(*(limits if limits[0] < limits[1] else (limits[0] - 1, limits[0] + 1)))
    place = np.arange(len(order)) / max(len(order) - 1, 1)
    alphas = 0.85 if count <= 30 else 0.15 + 0.55 * place**2
    widths = 1.6 if count <= 30 else 0.6 + 0.8 * place**4
    colour_map = _colour_map(direction)
    axes.add_collection(LineCollection(list(paths[~finite]), colors=GREY, linewidths=0.8, alpha=0.45, zorder=1))
    lines = LineCollection(list(paths[order]), cmap=colour_map, norm=norm, linewidths=widths, alpha=alphas, zorder=2)
    lines.set_array(values[order])
    axes.add_collection(lines)
    if len(order) > 1:
        best = LineCollection([paths[order[-1]]], cmap=colour_map, norm=norm, linewidths=2.8, zorder=3)
        best.set_array(values[order[-1:]])
        axes.add_collection(best)


def _frame(axes: "Axes", made: list[Axis], width: float) -> None:
    """The upright axes with their ticks and names."""
    missing = any((axis.places == _MISSING).any() for axis in made)
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
    texts = []
    for place, axis in enumerate(made):
        axes.plot([place, place], [0, 1], color=INK, linewidth=1.0, zorder=4)
        for height, label in axis.ticks:
            axes.plot([place - 0.02, place], [height, height], color=INK, linewidth=1.0, zorder=4)
            where: Any = {"ha": "right", "va": "center", "fontsize": 8, "color": INK, "zorder": 5, "bbox": box}
            texts.append(axes.text(place - 0.04, height, label, **where))
        if (axis.places == _MISSING).any():
            axes.plot([place], [_MISSING], marker="s", markersize=4, color=GREY, zorder=4)
    names = [short(axis.name, 20) + ("\n(log)" if axis.log else "") for axis in made]
    axes.set_xticks(range(len(made)), names)
    room = 12 * (width - 2) / len(made)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0, labelsize=9)
    if max(len(line) for name in names for line in name.split("\n")) > room:
        for text in axes.get_xticklabels():
            text.set(rotation=20, ha="left", rotation_mode="anchor")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_yticks([_MISSING] if missing else [], ["missing"] if missing else [])
    axes.tick_params(axis="y", length=0, labelcolor=FAINT)
    axes.set_xlim(-0.45, len(made) - 0.95)
    axes.set_ylim(_MISSING - 0.04 if missing else -0.03, 1.03)
    take_literally([*texts, *axes.get_xticklabels()])
