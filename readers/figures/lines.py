"""Lines of histories: what is drawn of a run, with gaps, without millions of points, and the legend beside them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.figures.style import LARGEST, take_literally

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Booleans = np.ndarray[tuple[int], np.dtype[np.bool_]]

MOST_VECTORS = 30
"""Thin lines that are lines in an SVG or PDF; of more it holds a picture of them."""
MOST_DRAWN = 1_000
"""Runs that are drawn; of more one couldn't tell that they are more."""
_MOST_POINTS = 2_000  # of one line; of more the lowest and the highest of each stretch are drawn


class Line(NamedTuple):
    """What is drawn of a run."""

    label: str
    group: str | None
    x: "Floats"
    y: "Floats"
    smooth: "Floats"
    end: float
    """The last finite value; NaN where there is none."""


def fits(values: "Floats", log: bool) -> "Booleans":
    """Whether numbers have a place on an axis; matplotlib's own overflow with those near the largest float."""
    return (values > 1e-100) & (values < 1e100) if log else np.abs(values) <= LARGEST


def draw_line(axes: "Axes", x: "Floats", y: "Floats", **look: Any) -> Any:
    """A line with gaps where y is NaN; a point that stands alone between gaps is a dot."""
    alone = _alone(y)
    if alone.any():
        dots = {**look, "linewidth": 0}
        axes.plot(x[alone], y[alone], marker="o", markersize=3.5 if alone.sum() < 50 else 2, **dots)
    return axes.plot(*thinned(x, y), **look)[0]


def draw_thin(axes: "Axes", lines: "Sequence[Line]", colour: str, **look: Any) -> None:
    """Many lines at once; of more than a few their pixels go into an SVG or PDF, which stays small so."""
    from matplotlib.collections import LineCollection

    if not lines:
        return
    paths = [np.column_stack(thinned(line.x, line.smooth)) for line in lines]
    look |= {"colors": colour, "rasterized": len(lines) > MOST_VECTORS}
    axes.add_collection(LineCollection(paths, **look), autolim=False)
    points = np.concatenate(paths)
    axes.update_datalim(points[np.isfinite(points).all(axis=1)])
    axes.autoscale_view()
    lonely = [np.column_stack([line.x, line.smooth])[_alone(line.smooth)] for line in lines]
    dots = np.concatenate(lonely)
    if len(dots):
        axes.plot(*dots.T, "o", color=colour, markersize=2.5, markeredgewidth=0, alpha=look.get("alpha"), zorder=2)


def sampled(lines: "Sequence[Line]", notes: list[str]) -> "list[Line]":
    """Not more lines than can be seen, evenly over the runs; that there are more is said."""
    if len(lines) <= MOST_DRAWN:
        return list(lines)
    notes.append(f"thin lines: {MOST_DRAWN:,} of {len(lines):,} runs")
    return [lines[place] for place in np.linspace(0, len(lines) - 1, MOST_DRAWN).round().astype(int)]


def thinned(x: "Floats", y: "Floats") -> "tuple[Floats, Floats]":
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


def _alone(y: "Floats") -> "Booleans":
    """Which points have no neighbour to draw a line to."""
    finite = np.isfinite(y)
    beside = np.zeros(len(y), dtype=bool)
    beside[1:] |= finite[:-1]
    beside[:-1] |= finite[1:]
    return finite & ~beside


def draw_legend(axes: "Axes", handles: list[Any], labels: list[str], title: str = "") -> None:
    """Beside the picture, where it hides nothing."""
    texts = [f" {label}" if label.startswith("_") else label for label in labels]
    where: Any = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "alignment": "left"}
    legend = axes.legend(handles, texts, title=title, title_fontsize=8.5, fontsize=8.5, frameon=False, **where)
    take_literally([*legend.get_texts(), legend.get_title()])
