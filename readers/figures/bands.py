"""Bands of groups of runs over the faint lines of the runs, and how many runs stand behind each x."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from readers.figures.lines import Line, draw_legend, draw_line, draw_thin, sampled
from readers.figures.style import GREY, PALETTE, distinct, grid, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from readers.alignment import Band
    from readers.curves import Curves


def draw_bands(axes: "Axes", curves: "Curves", lines: list[Line], scale: float, notes: list[str]) -> str:
    """A line and a band a group over the faint lines of its runs."""
    colours = _colours(curves.bands)
    drawn = sampled(lines, notes)
    alpha = max(0.03, min(0.3, 5 / len(drawn)))
    for colour in dict.fromkeys([GREY, *colours.values()]):
        of = [line for line in drawn if (GREY if line.group is None else colours.get(line.group, GREY)) == colour]
        draw_thin(axes, of, colour, alpha=alpha, linewidths=0.8, zorder=1)
    shown = [band for band in curves.bands if len(band.x)]
    for band in shown:
        named = colours[band.group] != GREY
        look: dict[str, Any] = (
            {"linewidth": 2.0, "zorder": 4} if named else {"linewidth": 1.0, "zorder": 2, "alpha": 0.6}
        )
        draw_line(axes, band.x / scale, band.centre, color=colours[band.group], **look)
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
    draw_legend(axes, handles, labels, title=short(curves.group_by or "", 40))


def _colours(bands: "Sequence[Band]") -> dict[str, str]:
    """A colour for each group, or for the first few where there are too many."""
    few = len(bands) if len(bands) <= len(PALETTE) else len(PALETTE) - 1
    return {band.group: PALETTE[place] if place < few else GREY for place, band in enumerate(bands)}


def draw_counts(axes: "Axes", bands: "Sequence[Band]", scale: float) -> None:
    """How many runs stand behind each x."""
    from matplotlib.ticker import MaxNLocator

    colours = _colours(bands)
    for band in bands:
        if len(band.x):
            axes.step(band.x / scale, band.n, where="post", color=colours[band.group], linewidth=1.3)
    plain(axes)
    grid(axes)
    axes.set_ylabel("runs")
    axes.set_ylim(0, 1.12 * max(int(band.n.max(initial=1)) for band in bands))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
