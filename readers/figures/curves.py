"""Pictures of histories: a line a run, or a line and a band a group.

How many lines can be told apart decides the picture. Up to MOST_NAMED runs each has its colour and its place in the
legend. Up to MOST_LISTED the best few at their end do, and the others are grey. Of more all are thin and translucent
with the best one over them. Groups likewise: a colour for each of the first few, grey for the rest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from readers.best import Direction
from readers.best import direction as direction_of
from readers.figures.bands import draw_bands, draw_counts
from readers.figures.lines import Line, draw_legend, draw_line, draw_thin, fits, sampled
from readers.figures.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALETTE,
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

    from readers.alignment import Band
    from readers.curves import Curve, Curves

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_NAMED = 8
"""Lines that each get a colour and a legend entry."""
MOST_LISTED = 30
"""Runs up to which the best few get one, and the others are summed up in the legend; for more there is no legend."""
BEST_FEW = 5
_DAY_S = 86_400


@in_house_style
def curves_figure(
    curves: "Curves",
    *,
    log_x: bool = False,
    log_y: bool = False,
    title: str | None = None,
    direction: Direction | None = None,
) -> "Figure":
    """Draw the curves of runs, and the bands of their groups.

    Args:
        log_x, log_y: log axes; points that have no place there (0 and below) are left out and counted.
        direction: which runs are the best; by the metric's name when None.
    """
    heading = title or f"{short(curves.metric, 60)} of {counted(len(curves.curves))}"
    scale = _DAY_S if curves.x == "time" else 1
    notes = list(curves.notes)
    lines = _lines(curves.curves, scale, log_x, log_y, notes)
    if not any(np.isfinite(line.y).any() for line in lines):
        said = "no run has a point that can be drawn" if lines else "no runs"
        return words_figure(heading, "; ".join([said, *notes]))
    curves = curves._replace(bands=tuple(_placed(band, log_x, log_y) for band in curves.bands))
    towards = direction or direction_of(curves.metric)
    tall = any(len(set(band.n.tolist())) > 1 for band in curves.bands)
    figure, axes = new_figure(7.6, 4.2 + 0.8 * tall)
    if tall:
        figure.delaxes(axes)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        plain(axes)
        draw_counts(below, curves.bands, scale)
    for axis in [*["x"] * log_x, *["y"] * log_y]:
        log_scale(axes, axis)
    words = draw_bands(axes, curves, lines, scale, notes) if curves.bands else _draw_runs(axes, lines, towards, notes)
    _finish(figure, axes, curves, lines, notes)
    if curves.smoothing:
        words += f"; smoothed by {curves.smoothing:g}" + ("" if curves.bands else ", unsmoothed values faint")
    header(figure, heading, words, notes)
    return figure


def _lines(curves: "Sequence[Curve]", scale: float, log_x: bool, log_y: bool, notes: list[str]) -> list[Line]:
    """What can be drawn, NaN elsewhere."""
    labels = distinct(curve.name for curve in curves)
    made, lost = [], 0
    for curve, label in zip(curves, labels, strict=True):
        if not len(curve.x):
            continue
        there = np.isfinite(curve.y)
        shown = there & fits(curve.y, log_y) & fits(curve.x, log_x)
        lost += int(there.sum() - shown.sum())
        y, smooth = np.where(shown, curve.y, np.nan), np.where(shown, curve.smooth, np.nan)
        last = smooth[shown][-1] if shown.any() else np.nan
        made.append(Line(label, curve.group, curve.x / scale, y, smooth, float(last)))
    if lost:
        why = "at 0 or below, or too large, for a log axis" if log_x or log_y else "too large to be drawn"
        notes.append(f"{counted(lost, 'point')} left out: {why}")
    return made


def _placed(band: "Band", log_x: bool, log_y: bool) -> "Band":
    """What of a band has a place on the axes."""
    there = fits(band.x, log_x) & fits(band.centre, log_y)
    return band._replace(**{name: getattr(band, name)[there] for name in ("x", "centre", "lower", "upper", "n")})


def _draw_runs(axes: "Axes", lines: list[Line], towards: Direction, notes: list[str]) -> str:
    """A line a run; says in words what can't be read off the legend."""
    sign = -1 if towards == "maximize" else 1
    order = sorted(
        (place for place in range(len(lines)) if np.isfinite(lines[place].end)),
        key=lambda place: sign * lines[place].end,
    )
    many = len(lines) > MOST_LISTED
    coloured = list(range(len(lines))) if len(lines) <= MOST_NAMED else order[: 1 if many else BEST_FEW]
    others = sampled([line for place, line in enumerate(lines) if place not in coloured], notes)
    alpha = max(0.03, min(0.5, 25 / len(lines))) if many else 0.6
    draw_thin(axes, others, BLUE if many else GREY, alpha=alpha, linewidths=0.9, zorder=2)
    handles, labels = [], []
    longest = max(line.x[-1] for line in lines)
    for colour, place in zip([ORANGE] if many else PALETTE, coloured, strict=False):
        line = lines[place]
        if not np.array_equal(line.y, line.smooth, equal_nan=True):
            draw_line(axes, line.x, line.y, color=colour, alpha=0.22, linewidth=0.9, zorder=3)
        handles.append(draw_line(axes, line.x, line.smooth, color=colour, linewidth=1.7, zorder=4))
        labels.append(line.label)
        finite = np.flatnonzero(np.isfinite(line.smooth))
        if len(finite) and line.x[finite[-1]] < longest:
            axes.plot(line.x[finite[-1]], line.end, "o", color=colour, markersize=4.5, zorder=5)
    rest = len(lines) - len(coloured)
    if rest and not many:
        handles.append(axes.plot([], [], color=GREY, alpha=0.6, linewidth=1.0)[0])
        labels.append(f"and {rest} more")
    if not many and len(lines) > 1:
        draw_legend(axes, handles, labels)
    if not order:
        return ""
    best = lines[order[0]]
    if len(lines) == 1:
        return f"{best.label}; at its end {number(best.end)}"
    said = f"best at its end: {best.label}, {number(best.end)}"
    return f"{said} (orange)" if many else said


def _finish(figure: "Figure", axes: "Axes", curves: "Curves", lines: list[Line], notes: list[str]) -> None:
    """Labels, dates, limits that outliers don't decide."""
    bottom = figure.axes[-1]
    grid(axes)
    if axes.get_yscale() == "linear":
        _limits(axes, np.concatenate([line.smooth for line in lines]), notes)
    if curves.x == "time":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
        bottom.xaxis.set_major_locator(locator)
        bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    take_literally([bottom.set_xlabel(short(curves.x_label, 60)), axes.set_ylabel(short(curves.metric, 50))])
    axes.yaxis.label.set_color(INK)


def _limits(axes: "Axes", values: "Floats", notes: list[str]) -> None:
    """Cut the y-axis where runs that diverged would press all others into a line, and say so."""
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.1, 0.9])
    with np.errstate(over="ignore"):
        room, whole = high - low, finite.max() - finite.min()
    if not (np.isfinite(room) and whole > 1_000 * room > 0):
        return
    bottom, top = max(finite.min(), low - room), min(finite.max(), high + room)
    axes.set_ylim(bottom - 0.04 * (top - bottom), top + 0.04 * (top - bottom))
    notes.append(f"{counted(int(((finite < bottom) | (finite > top)).sum()), 'point')} beyond the y-axis")
