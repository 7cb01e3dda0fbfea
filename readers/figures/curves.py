"""Pictures of histories: a line a run, or a line and a band a group.

How many lines can be told apart decides the picture. Up to MOST_NAMED runs each has its colour and its place in the
legend. Up to MOST_LISTED the best few at their end do, and the others are grey. Of more all are thin and translucent
with the best one over them. Groups likewise: a colour for each of the first few, grey for the rest.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.best import Direction
from readers.best import direction as direction_of
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
_MOST_POINTS = 2_000  # of one line; of more the lowest and the highest of each stretch are drawn
_DAY_S = 86_400


class Line(NamedTuple):
    """What is drawn of a run."""

    label: str
    group: str | None
    x: "Floats"
    y: "Floats"
    smooth: "Floats"
    end: float
    """The last finite value; NaN where there is none."""


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
    towards = direction or direction_of(curves.metric)
    tall = any(len(set(band.n.tolist())) > 1 for band in curves.bands)
    figure, axes = new_figure(7.6, 4.2 + 0.8 * tall)
    if tall:
        figure.delaxes(axes)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        plain(axes)
        _draw_counts(below, curves.bands, scale)
    words = _draw_bands(axes, curves, lines, scale) if curves.bands else _draw_runs(axes, lines, towards)
    _finish(figure, axes, curves, lines, log_x=log_x, log_y=log_y, notes=notes)
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
        shown = there & _fits(curve.y, log_y) & _fits(curve.x, log_x)
        lost += int(there.sum() - shown.sum())
        y, smooth = np.where(shown, curve.y, np.nan), np.where(shown, curve.smooth, np.nan)
        last = smooth[shown][-1] if shown.any() else np.nan
        made.append(Line(label, curve.group, curve.x / scale, y, smooth, float(last)))
    if lost:
        why = "at 0 or below, or too large, for a log axis" if log_x or log_y else "too large to be drawn"
        notes.append(f"{counted(lost, 'point')} left out: {why}")
    return made


def _fits(values: "Floats", log: bool) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether numbers have a place on an axis; matplotlib's own overflow with those near the largest float."""
    return (values > 1e-100) & (values < 1e100) if log else np.abs(values) < 1e300


def _draw_runs(axes: "Axes", lines: list[Line], towards: Direction) -> str:
    """A line a run; says in words what can't be read off the legend."""
    sign = -1 if towards == "maximize" else 1
    order = sorted(
        (place for place in range(len(lines)) if np.isfinite(lines[place].end)),
        key=lambda place: sign * lines[place].end,
    )
    many = len(lines) > MOST_LISTED
    coloured = list(range(len(lines))) if len(lines) <= MOST_NAMED else order[: 1 if many else BEST_FEW]
    thin = 0.9 if many else 1.0
    for place, line in enumerate(lines):
        if place not in coloured:
            colour, alpha = (BLUE, max(0.08, min(0.5, 25 / len(lines)))) if many else (GREY, 0.6)
            _line(axes, line.x, line.smooth, color=colour, alpha=alpha, linewidth=thin, zorder=2, rasterized=many)
    handles, labels = [], []
    longest = max(line.x[-1] for line in lines)
    for colour, place in zip([ORANGE] if many else PALETTE, coloured, strict=False):
        line = lines[place]
        if not np.array_equal(line.y, line.smooth, equal_nan=True):
            _line(axes, line.x, line.y, color=colour, alpha=0.22, linewidth=0.9, zorder=3)
        handles.append(_line(axes, line.x, line.smooth, color=colour, linewidth=1.7, zorder=4))
        labels.append(line.label)
        finite = np.flatnonzero(np.isfinite(line.smooth))
        if len(finite) and line.x[finite[-1]] < longest:
            axes.plot(line.x[finite[-1]], line.end, "o", color=colour, markersize=4.5, zorder=5)
    rest = len(lines) - len(coloured)
    if rest and not many:
        handles.append(axes.plot([], [], color=GREY, alpha=0.6, linewidth=1.0)[0])
        labels.append(f"and {rest} more")
    if not many and len(lines) > 1:
        _legend(axes, handles, labels)
    if not order:
        return ""
    best = lines[order[0]]
    if len(lines) == 1:
        return f"{best.label}; at its end {number(best.end)}"
    said = f"best at its end: {best.label}, {number(best.end)}"
    return f"{said} (orange)" if many else said


def _draw_bands(axes: "Axes", curves: "Curves", lines: list[Line], scale: float) -> str:
    """A line and a band a group over the faint lines of its runs."""
    colours = _colours(curves.bands)
    count = len(lines)
    alpha = max(0.03, min(0.3, 5 / count))
    for line in lines:
        colour = GREY if line.group is None else colours.get(line.group, GREY)
        _line(
            axes,
            line.x,
            line.smooth,
            color=colour,
            alpha=alpha,
            linewidth=0.8,
            zorder=1,
            rasterized=count > MOST_LISTED,
        )
    shown = [band for band in curves.bands if len(band.x)]
    for band in shown:
        named = colours[band.group] != GREY
        look = {"linewidth": 2.0, "zorder": 4} if named else {"linewidth": 1.0, "zorder": 2, "alpha": 0.6}
        _line(axes, band.x / scale, band.centre, color=colours[band.group], **look)
    limits = axes.get_ylim()  # of the runs: the interval of two may be many times as wide
    for band in shown:
        if colours[band.group] != GREY:
            look = {"color": colours[band.group], "alpha": 0.2, "linewidth": 0, "zorder": 2}
            axes.fill_between(band.x / scale, band.lower, band.upper, **look)
    axes.set_ylim(limits)
    _legend_of_bands(axes, curves, colours)
    what = {
        "ci": f"mean and its {curves.level:.0%} interval",
        "std": "mean and standard deviation",
        "minmax": "mean, lowest and highest run",
        "iqr": "median and middle half",
    }
    by = f" of each {short(curves.group_by, 40)}" if curves.group_by else ""
    return f"{what[curves.band]}{by}; faint lines are runs"


def _legend_of_bands(axes: "Axes", curves: "Curves", colours: dict[str, str]) -> None:
    """The groups, and how many runs each has, at its end too where they are fewer."""
    handles, labels = [], []
    names = distinct(band.group for band in curves.bands)
    for band, name in zip(curves.bands, names, strict=True):
        if len(band.x) and colours[band.group] != GREY:
            most, last = int(band.n.max()), int(band.n[-1])
            handles.append(axes.plot([], [], color=colours[band.group], linewidth=2.0)[0])
            labels.append(f"{name} (n = {most:,}" + (")" if last == most else f", {last:,} at the end)"))
    rest = sum(colour == GREY for colour in colours.values())
    if rest:
        handles.append(axes.plot([], [], color=GREY, linewidth=1.0, alpha=0.6)[0])
        labels.append(f"and {rest} more")
    _legend(axes, handles, labels, title=short(curves.group_by or "", 40))


def _colours(bands: "Sequence[Band]") -> dict[str, str]:
    """A colour for each group, or for the first few where there are too many."""
    few = len(bands) if len(bands) <= len(PALETTE) else len(PALETTE) - 1
    return {band.group: PALETTE[place] if place < few else GREY for place, band in enumerate(bands)}


def _draw_counts(axes: "Axes", bands: "Sequence[Band]", scale: float) -> None:
    """How many runs stand behind each x."""
    colours = _colours(bands)
    for band in bands:
        if len(band.x):
            axes.step(band.x / scale, band.n, where="post", color=colours[band.group], linewidth=1.3)
    plain(axes)
    grid(axes)
    axes.set_ylabel("runs")
    axes.set_ylim(0, 1.12 * max(int(band.n.max(initial=1)) for band in bands))
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=3)


def _line(axes: "Axes", x: "Floats", y: "Floats", **look: Any) -> Any:
    """A line with gaps where y is NaN; a point that stands alone between gaps is a dot."""
    finite = np.isfinite(y)
    beside = np.zeros(len(y), dtype=bool)
    beside[1:] |= finite[:-1]
    beside[:-1] |= finite[1:]
    alone = finite & ~beside
    if alone.any():
        dots = {**look, "linewidth": 0}
        axes.plot(x[alone], y[alone], marker="o", markersize=3.5 if alone.sum() < 50 else 2, **dots)
    return axes.plot(*_thinned(x, y), **look)[0]


def _thinned(x: "Floats", y: "Floats") -> "tuple[Floats, Floats]":
    """The lowest and the highest point of each stretch of a long line, so that no spike is lost."""
    if len(x) <= _MOST_POINTS:
        return x, y
    edges = np.linspace(0, len(x), _MOST_POINTS // 2 + 1).astype(int)[:-1]
    stretch = np.repeat(np.arange(len(edges)), np.diff(edges, append=len(x)))
    order = np.lexsort((y, stretch))  # NaN last in each stretch
    finite = np.add.reduceat(np.isfinite(y), edges)
    ends = edges + np.maximum(finite - 1, 0)
    kept = np.unique(np.concatenate([order[edges], order[ends], [0, len(x) - 1]]))
    return x[kept], y[kept]


def _finish(
    figure: "Figure", axes: "Axes", curves: "Curves", lines: list[Line], *, log_x: bool, log_y: bool, notes: list[str]
) -> None:
    """Axes: scales, labels, limits that outliers don't decide."""
    bottom = figure.axes[-1]
    grid(axes)
    if log_x:
        axes.set_xscale("log")
    if log_y:
        axes.set_yscale("log")
    else:
        _limits(axes, np.concatenate([line.smooth for line in lines]), notes)
    if curves.x == "time":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(maxticks=8)
        bottom.xaxis.set_major_locator(locator)
        bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))
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


def _legend(axes: "Axes", handles: list[Any], labels: list[str], title: str = "") -> None:
    """Beside the picture, where it hides nothing."""
    texts = [f" {label}" if label.startswith("_") else label for label in labels]
    where = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "alignment": "left"}
    legend = axes.legend(handles, texts, title=title, title_fontsize=8.5, fontsize=8.5, frameon=False, **where)
    take_literally([*legend.get_texts(), legend.get_title()])
