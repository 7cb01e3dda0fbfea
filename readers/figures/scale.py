"""Scale: a metric's values as colours, the better end bright and on top, and params as the axes of a picture."""

from typing import TYPE_CHECKING, Any, Literal

from readers.figures.style import FAINT, INK, TICK_SIZE, short, take_literally

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as Side
    from matplotlib.figure import Figure

    from readers.best import Direction
    from readers.paramaxes import Axis

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_ENDS = (2, 98)
_FEW = 20
_FEW_TICKS, _LETTERS_PER_INCH, _MOST_DECADES = 8, 14.0, 200


class Scale:
    """Colours of a metric: viridis (dark blue to yellow), yellow is better.

    Args:
        values: shape (n,), finite; of 20 and more the outermost 2 % at each end share a colour, so that one run that
            diverged leaves the others theirs.
    """

    def __init__(self, values: "Floats", direction: "Direction") -> None:
        import numpy as np
        from matplotlib.colors import Normalize

        low, high = np.percentile(values, _ENDS if len(values) >= _FEW else (0, 100))
        if low == high:
            low, high = float(values.min()), float(values.max())
        room = (abs(low) or 1.0) * 1e-3 if low == high else 0.0
        self.norm = Normalize(low - room, high + room)
        self.cmap = "viridis" if direction == "maximize" else "viridis_r"
        self._direction = direction
        outside = (bool(values.min() < low), bool(values.max() > high))
        self._extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[
            outside
        ]

    def bar(self, figure: "Figure", axes: Any, metric: str, **where: Any) -> None:
        """Draw the colours beside axes, the better end on top."""
        from matplotlib.cm import ScalarMappable

        bar = figure.colorbar(ScalarMappable(self.norm, self.cmap), ax=axes, extend=self._extend, **where)
        bar.outline.set_visible(False)
        if self._direction == "minimize":
            bar.ax.invert_yaxis()
        bar.ax.tick_params(color=FAINT, labelcolor=INK, labelsize=TICK_SIZE)
        bar.ax.set_title("better", fontsize=8, color=FAINT, loc="left")
        bar.set_label(named(metric))
        take_literally([bar.ax.yaxis.label])

    def ink(self, value: float) -> str:
        """A colour that can be read on the colour of a value."""
        from matplotlib import colormaps

        red, green, blue, _ = colormaps[self.cmap](self.norm(value))
        return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK


def named(name: str, letters: int = 28) -> str:
    """A param's or metric's name for a label."""
    return short(name, letters) or "(no name)"


def lay_out(axes: "Axes", which: Literal["x", "y"], axis: "Axis", *, inches: float = 4.5, label: bool = True) -> None:
    """Make one side of axes a param's: its scale, its ticks, its name.

    Args:
        inches: how long the side is about; less room means fewer and shorter ticks.
        label: write the param's name.
    """
    across = which == "x"
    side: Side = axes.xaxis if across else axes.yaxis
    if axis.log:
        (axes.set_xscale if across else axes.set_yscale)("log")
    if axis.kind == "categorical":
        names = [short(level, 14 if inches > 3 else 9) or "(no name)" for level in axis.levels]
        side.set_ticks(range(len(names)), names)
        if across and sum(map(len, names)) + 2 * len(names) > _LETTERS_PER_INCH * inches:
            for text in side.get_ticklabels():
                text.set(rotation=50, ha="right", rotation_mode="anchor")
        (axes.set_xlim if across else axes.set_ylim)(-0.5, len(names) - 0.5)
        take_literally(side.get_ticklabels())
    else:
        _number_ticks(side, axis, inches, across=across)
    if label:
        side.set_label_text(named(axis.name, 28 if inches > 3 else 18))
        take_literally([side.label])


def spread(axis: "Axis", which: Literal["x", "y"]) -> "Floats":
    """Places to draw runs at: levels are spread a little, so that their runs don't hide each other.

    By the sequence of Roberts 2018, "The unreasonable effectiveness of quasirandom sequences", which fills a square.
    """
    import numpy as np

    if axis.kind == "numeric":
        return axis.places
    evenly = (np.arange(len(axis.places)) * (0.7548777 if which == "x" else 0.5698403)) % 1
    return axis.places + (evenly - 0.5) * 0.6


def dot_size(n: int) -> float:
    """How large the dots of n runs are, in square points."""
    return 64.0 if n <= 10 else 40.0 if n <= 60 else 24.0 if n <= 250 else 14.0 if n <= 1_000 else 5.0


def _number_ticks(side: "Side", axis: "Axis", inches: float, *, across: bool) -> None:
    """A tick at each of few numbers where there is room; else round numbers: 1, 2, 5 on a short log scale."""
    import numpy as np
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    distinct = axis.distinct
    if 2 <= len(distinct) <= _FEW_TICKS:
        texts = [f"{tick:.4g}" for tick in distinct]
        scaled = axis.scaled(distinct)
        room = np.diff(scaled).min() / (scaled[-1] - scaled[0]) * inches
        needed = (max(map(len, texts)) + 1) / _LETTERS_PER_INCH if across else 0.16
        if room > needed and len(set(texts)) == len(texts) and max(map(len, texts)) <= 6:
            side.set_ticks(distinct, texts)
            side.set_minor_locator(NullLocator())
            return
    if not axis.log:
        whole = bool(np.all(distinct == np.round(distinct)))
        most = max(3, int(inches * (1.6 if across else 1.8)))
        side.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10], integer=whole))
        side.set_major_formatter(lambda tick, _: f"{tick:.6g}")
        return
    decades = np.log10(distinct[-1]) - np.log10(distinct[0])
    if decades > _MOST_DECADES:  # there matplotlib's own formatter meets ticks that no float can hold
        side.set_major_formatter(lambda tick, _: f"{tick:.4g}")
    if decades < 2.5:
        subs = (1, 2, 5) if (inches > 3 and decades > 1) or decades < 1.3 else (1, 3)
        side.set_major_locator(LogLocator(subs=subs))
        side.set_major_formatter(lambda tick, _: f"{tick:.4g}")
        side.set_minor_locator(NullLocator())
    elif inches < 3:
        side.set_major_locator(LogLocator(numticks=4))
        side.set_minor_locator(NullLocator())
