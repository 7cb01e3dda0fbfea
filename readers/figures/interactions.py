"""Pictures of two and more params together: the fitted surface with the runs on it, cells of means, all pairs."""

import math
from typing import TYPE_CHECKING, Any

from readers.dependence import Cells, Surface
from readers.figures.dependence import draw_dependence
from readers.figures.scale import Scale, dot_size, lay_out, named, spread
from readers.figures.style import (
    FAINT,
    GREY,
    INK,
    counted,
    distinct,
    header,
    in_house_style,
    new_figure,
    number,
    plain,
    take_literally,
    words_figure,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from readers.best import Direction
    from readers.pairs import Pairs

_FADED = 0.22
_CROWD = 120
_MOST_DOTS, _MOST_SMALL_DOTS = 800, 200
_NO_RUNS = "no run has both params and the metric"


@in_house_style
def interaction_figure(
    shown: "Surface | Cells", *, metric: str, direction: "Direction", title: str | None = None
) -> "Figure":
    """Draw a metric over two params.

    A surface is a heat map of the fit, faded where no run is nearby, with the runs as dots in the colours of their own
    values: where the two disagree, the fit is wrong or other params matter more. Cells are means with their counts.
    """
    x_name, y_name = (shown.x.name, shown.y.name) if isinstance(shown, Surface) else (shown.x_name, shown.y_name)
    heading = title or f"{named(metric)} by {named(x_name)} and {named(y_name)}"
    empty = not len(shown.values) if isinstance(shown, Surface) else not shown.counts.sum()
    if empty:
        return words_figure(heading, "; ".join([_NO_RUNS, *shown.notes]))
    if isinstance(shown, Cells):
        return _cells_figure(shown, metric, direction, heading)
    figure, axes = new_figure(6.6, 4.6)
    scale = Scale(shown.values, direction)
    _draw_surface(axes, shown, scale, _MOST_DOTS)
    best = int(shown.values.argmax() if direction == "maximize" else shown.values.argmin())
    axes.plot(
        spread(shown.x, "x")[best],
        spread(shown.y, "y")[best],
        marker="*",
        markersize=17,
        color="white",
        markeredgecolor=INK,
    )
    lay_out(axes, "x", shown.x)
    lay_out(axes, "y", shown.y)
    axes.margins(0.04)
    scale.bar(figure, axes, metric)
    n = len(shown.values)
    dots = counted(n) if n <= _MOST_DOTS else f"{_MOST_DOTS} of {counted(n)}, drawn by lot"
    words = [f"Dots: {dots}; star: the best, {number(shown.values[best])}."]
    if shown.fitted.size:
        words.append("Background: the forest's fit, the other params averaged; faded: no run nearby.")
        words.append(_interaction(shown.share))
    header(figure, heading, " ".join(words), shown.notes)
    return figure


@in_house_style
def interaction_matrix_figure(
    shown: "Pairs", *, metric: str, direction: "Direction", title: str | None = None
) -> "Figure":
    """Draw each param alone (on the diagonal) and each two together (below it), strongest interaction first."""
    import numpy as np

    k = len(shown.names)
    values = shown.curves[0].values if k else np.empty(0)
    heading = title or f"{named(metric)} by {k} params"
    if not k or not len(values):
        return words_figure(heading, "; ".join([_NO_RUNS, *shown.notes]))
    figure, only = new_figure(1.6 * k + 1.8, 1.45 * k + 0.6)
    only.remove()
    grid: Any = figure.subplots(k, k, squeeze=False)
    every = np.concatenate([curve.values for curve in shown.curves])
    scale = Scale(every, direction)
    low, high = np.percentile(every, (0, 100) if len(every) < 100 else (0.5, 99.5))
    room = 0.06 * (high - low) or 1.0
    small = dot_size(len(values)) / 3
    for row, column in np.ndindex(k, k):
        axes, bottom, left = grid[row][column], row == k - 1, column == 0
        plain(axes)
        axes.tick_params(labelsize=7)
        if column > row:
            _write_share(axes, shown.surfaces[column, row].share)
            continue
        axis = shown.curves[column].axis
        if column == row:
            draw_dependence(axes, shown.curves[row], small)
            axes.set_ylim(low - room, high + room)
        elif len(shown.surfaces[row, column].values):
            _draw_surface(axes, shown.surfaces[row, column], scale, _MOST_SMALL_DOTS)
            lay_out(axes, "y", shown.curves[row].axis, inches=1.1, label=left)
        else:
            _write(axes, "no run\nhas both")
            continue
        lay_out(axes, "x", axis, inches=1.2, label=bottom)
        axes.tick_params(labelbottom=bottom, labelleft=left)
        if bottom and axis.kind == "numeric":
            axes.tick_params(axis="x", labelrotation=40)
    label = grid[0][0].set_ylabel(named(metric))
    take_literally([label])
    figure.align_labels()
    scale.bar(figure, list(grid.ravel()), metric, shrink=0.6, aspect=30, pad=0.02)
    words = "Diagonal: one param, the runs and the forest's fit. Below: two params; faded: no run nearby. "
    words += "Above: interaction, what two do beyond each alone, as a share of the fit's variance."
    if len(values) > _MOST_SMALL_DOTS:
        words += f" Pairs show {_MOST_SMALL_DOTS} runs, drawn by lot."
    header(figure, heading, words, shown.notes)
    return figure


def _draw_surface(axes: "Axes", surface: Surface, scale: Scale, most: int) -> None:
    """The fit, and at most so many of the runs, drawn by lot."""
    import numpy as np

    if surface.fitted.size:
        axes.pcolormesh(
            surface.x_edges,
            surface.y_edges,
            surface.fitted,
            cmap=scale.cmap,
            norm=scale.norm,
            alpha=np.where(surface.near, 1.0, _FADED),  # type: ignore[arg-type] # an array is allowed, its stub lags
            rasterized=True,
            linewidth=0,
        )
    crowded = len(surface.values) > _CROWD
    shown = np.sort(np.random.default_rng(0).permutation(len(surface.values))[:most])  # more would hide the fit
    size = dot_size(len(surface.values)) / (1 if most == _MOST_DOTS else 3)
    ring: dict[str, Any] = (
        {"edgecolors": INK, "linewidths": 0.3} if crowded else {"edgecolors": "white", "linewidths": 0.9}
    )
    axes.scatter(
        spread(surface.x, "x")[shown],
        spread(surface.y, "y")[shown],
        c=surface.values[shown],
        s=size,
        cmap=scale.cmap,
        norm=scale.norm,
        zorder=3,
        clip_on=False,
        **(ring if surface.fitted.size else {"edgecolors": GREY, "linewidths": 0.6}),
    )


def _cells_figure(shown: Cells, metric: str, direction: "Direction", heading: str) -> "Figure":
    import numpy as np

    rows, columns = shown.means.shape
    x_labels, y_labels = (distinct(labels, 18) for labels in (shown.x_labels, shown.y_labels))
    wide = max(map(len, x_labels)) > 8
    figure, axes = new_figure(
        max(2.6 + 0.78 * columns + 0.06 * max(map(len, y_labels)), 5.0), max(1.3 + 0.52 * rows + 0.5 * wide, 2.8)
    )
    scale = Scale(shown.means[shown.counts > 0], direction)
    axes.set_facecolor("#f3f4f6")
    axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(shown.means),
        cmap=scale.cmap,
        norm=scale.norm,
        edgecolors="white",
        linewidth=1.5,
    )
    written = _written(shown.means)
    for (row, column), count in np.ndenumerate(shown.counts):
        if count:
            text, ink = f"{written[row, column]}\nn = {count:,}", scale.ink(float(shown.means[row, column]))
        else:
            text, ink = "no run", GREY
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink, linespacing=1.3)
    axes.set_xticks(range(columns), x_labels)
    axes.set_yticks(range(rows), y_labels)
    if wide:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.set_xlabel(named(shown.x_name))
    axes.set_ylabel(named(shown.y_name))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    take_literally([*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label])
    scale.bar(figure, axes, f"mean {metric}")
    words = f"Mean of the runs in each cell; {counted(int(shown.counts.sum()))}."
    if not math.isnan(shown.share):
        words += f" {_interaction(shown.share)}"
    header(figure, heading, words, shown.notes)
    return figure


def _written(means: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Any:
    """The means in so many digits that they can be told apart."""
    import numpy as np

    known = means[np.isfinite(means)]
    span = float(np.ptp(known))
    plain_ones = np.abs(known).max() < 1e4 and (span == 0 or span > 1e-5)
    digits = int(np.clip(1 - np.floor(np.log10(span)), 0, 6)) if plain_ones and span else 4
    return np.vectorize(lambda value: f"{value:.{digits}f}" if plain_ones and span else number(value))(means)


def _interaction(share: float) -> str:
    """How strongly two params act together, in words."""
    much = "less than 1%" if share < 0.01 else f"{share:.0%}"
    return f"Interaction (what both do beyond each alone): {much} of the fit's variance."


def _write_share(axes: "Axes", share: float) -> None:
    """The same as a number in place of a picture."""
    axes.set_axis_off()
    if not math.isnan(share):
        text, size, colour = (f"{share:.0%}", 14, INK) if share >= 0.01 else ("<1%", 9, GREY)
        axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=size, color=colour, transform=axes.transAxes)


def _write(axes: "Axes", words: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=8, color=FAINT, transform=axes.transAxes)
