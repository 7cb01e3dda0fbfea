"""Pictures of one param at a time: the fitted curve with its band, and slices of many params."""

from typing import TYPE_CHECKING, Any

from readers.figures.scale import dot_size, lay_out, named, spread
from readers.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    counted,
    grid,
    header,
    in_house_style,
    new_figure,
    number,
    plain,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from readers.best import Direction
    from readers.dependence import Dependence
    from readers.slices import Slices

MOST_SLICES = 12
_COLUMNS = 4


@in_house_style
def dependence_figure(
    shown: "Dependence", *, metric: str, direction: "Direction", title: str | None = None
) -> "Figure":
    """Draw a metric over one param: the runs as dots, the fit as a line (levels: a mark) in its band."""
    heading = title or f"{named(metric)} by {named(shown.axis.name)}"
    if not len(shown.values):
        return words_figure(heading, "; ".join(["no run has the param and the metric", *shown.notes]))
    figure, axes = new_figure(6.4, 4.0)
    draw_dependence(axes, shown, dot_size(len(shown.values)))
    lay_out(axes, "x", shown.axis)
    axes.set_ylabel(named(metric))
    take_literally([axes.yaxis.label])
    grid(axes, "y")
    best = shown.values.max() if direction == "maximize" else shown.values.min()
    better = "more" if direction == "maximize" else "less"
    words = f"Dots: {counted(len(shown.values))}, the best {number(best)} ({better} is better)."
    if len(shown.grid):
        words += (
            " Line: the forest's fit, the other params averaged; band: 95 % of trees grown on resamples of the runs."
        )
    header(figure, heading, words, shown.notes)
    return figure


@in_house_style
def slice_figure(shown: "Slices", *, title: str | None = None) -> "Figure":
    """Draw a metric against each param, at most 12, with a trend; which are left out is said in words."""
    import numpy as np

    drawn, left_out = shown.slices[:MOST_SLICES], shown.slices[MOST_SLICES:]
    heading = title or f"{named(shown.metric)} against each param"
    notes = list(shown.notes)
    if left_out:
        notes.append(f"not drawn: {', '.join(named(each.axis.name) for each in left_out)}")
    if not drawn or not shown.n:
        words = "no run has the metric" if not shown.n else "no param varies over these runs"
        return words_figure(heading, "; ".join([words, *notes]))
    columns = min(_COLUMNS, len(drawn)) if len(drawn) != _COLUMNS + 1 else 3
    rows = -(-len(drawn) // columns)
    figure, only = new_figure(max(2.3 * columns + 0.5, 5.4), 1.95 * rows + 0.3)
    only.remove()
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, each in zip(panels.ravel(), drawn, strict=False):
        plain(axes)
        grid(axes, "y")
        size = dot_size(len(each.values)) / 2
        opacity = 0.75 if len(each.values) <= 100 else 0.4 if len(each.values) <= 1_000 else 0.15
        axes.scatter(
            spread(each.axis, "x"), each.values, s=size, color=BLUE, alpha=opacity, linewidths=0, rasterized=True
        )
        if len(each.trend_at):
            _draw_line(axes, each.axis.kind == "categorical", each.trend_at, each.trend)
        lay_out(axes, "x", each.axis, inches=1.7)
        axes.tick_params(labelsize=7.5)
        if each.missing:
            axes.set_title(f"{each.missing} of {shown.n} runs lack it", fontsize=7, color=GREY, loc="right", pad=2)
    for axes in panels.ravel()[len(drawn) :]:
        axes.set_axis_off()
    _limit(panels[0][0], np.concatenate([each.values for each in drawn]))
    for row in panels:
        row[0].set_ylabel(named(shown.metric))
    take_literally([row[0].yaxis.label for row in panels])
    better = "more" if shown.direction == "maximize" else "less"
    trend = (
        "; line: local trend, or medians of few values; nothing else is taken into account"
        if any(len(each.trend_at) for each in drawn)
        else ""
    )
    header(figure, heading, f"{counted(shown.n)}, a dot each ({better} is better){trend}.", notes)
    return figure


def draw_dependence(axes: "Axes", shown: "Dependence", size: float) -> None:
    """Draw the runs, the fit and its band, without labels."""
    n = len(shown.values)
    opacity = 0.8 if n <= 60 else 0.5 if n <= 500 else 0.2
    dots = spread(shown.axis, "x")
    axes.scatter(dots, shown.values, s=size, color=GREY, alpha=opacity, linewidths=0, rasterized=True, zorder=2)
    if not len(shown.grid):
        return
    if shown.axis.kind == "categorical" or len(shown.grid) <= 2:
        spans = [shown.mean - shown.lower, shown.upper - shown.mean]
        marks: dict[str, Any] = {
            "color": BLUE,
            "marker": "D",
            "markersize": 5,
            "linestyle": "none",
            "capsize": 4,
            "linewidth": 1.6,
        }
        axes.errorbar(shown.grid, shown.mean, yerr=spans, zorder=4, **marks)
    else:
        axes.fill_between(shown.grid, shown.lower, shown.upper, color=BLUE, alpha=0.18, linewidth=0, zorder=1)
        axes.plot(shown.grid, shown.mean, color=BLUE, linewidth=2, zorder=4)


def _draw_line(axes: "Axes", marks: bool, at: object, trend: object) -> None:
    """A trend; of levels, which have no order, marks without a line."""
    style = (
        {"marker": "_", "markersize": 16, "markeredgewidth": 2.4, "linestyle": "none"} if marks else {"linewidth": 2}
    )
    axes.plot(at, trend, color=ORANGE, zorder=4, **style)  # type: ignore[arg-type]


def _limit(axes: "Axes", values: object) -> None:
    """Leave a run that diverged outside of the picture rather than all others at its foot."""
    import numpy as np

    known = np.asarray(values, dtype=float)
    low, high = np.percentile(known, (1, 99))
    if len(known) >= 50 and np.ptp(known) > 4 * (high - low) > 0:
        room = 0.15 * (high - low)
        axes.set_ylim(low - room, high + room)
