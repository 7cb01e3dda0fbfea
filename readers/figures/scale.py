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
_FEW_TICKS = 6


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
        bar.set_label(short(metric))
        take_literally([bar.ax.yaxis.label])

    def ink(self, value: float) -> str:
        """A colour that can be read on the colour of a value."""
        from matplotlib import colormaps

        red, green, blue, _ = colormaps[self.cmap](self.norm(value))
        return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else INK


def lay_out(axes: "Axes", which: Literal["x", "y"], axis: "Axis", *, label: bool = True, letters: int = 14) -> None:
    """Make one side of axes a param's: its scale, its ticks, its name; `letters` of a level's name at most."""
    from matplotlib.ticker import NullLocator

    across = which == "x"
    side: Side = axes.xaxis if across else axes.yaxis
    if axis.log:
        (axes.set_xscale if across else axes.set_yscale)("log")
    ticks = axis.distinct
    if axis.kind == "categorical":
        names = [short(level, letters) for level in axis.levels]
        side.set_ticks(range(len(names)), names)
        turned = across and sum(map(len, names)) > 24
        if turned:
            for text in side.get_ticklabels():
                text.set(rotation=40, ha="right", rotation_mode="anchor")
        (axes.set_xlim if across else axes.set_ylim)(-0.5, len(names) - 0.5)
        take_literally(side.get_ticklabels())
    elif 2 <= len(ticks) <= _FEW_TICKS and _apart(axis):
        side.set_ticks(ticks, [f"{tick:.4g}" for tick in ticks])
        side.set_minor_locator(NullLocator())
    if label:
        side.set_label_text(short(axis.name))
        take_literally([side.label])


def spread(axis: "Axis") -> "Floats":
    """Places to draw runs at: levels are spread a little, so that their runs don't hide each other."""
    import numpy as np

    if axis.kind == "numeric":
        return axis.places
    golden = (np.arange(len(axis.places)) * 0.618034) % 1
    return axis.places + (golden - 0.5) * 0.5


def dot_size(n: int) -> float:
    """How large the dots of n runs are, in square points."""
    return 64.0 if n <= 10 else 40.0 if n <= 60 else 22.0 if n <= 250 else 12.0 if n <= 1_000 else 5.0


def _apart(axis: "Axis") -> bool:
    """Whether a tick at each value leaves room for its number."""
    import numpy as np

    scaled = axis.scaled(axis.distinct)
    return bool(np.diff(scaled).min() > 0.12 * (scaled[-1] - scaled[0]))
