"""A figure as picture bytes, by the file's suffix. Nothing here imports a plotting library or opens a window."""

from collections.abc import Iterable
from io import BytesIO
from types import ModuleType
from typing import Any

PLOT_SUFFIXES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")
_PAGE = ".html"
_MOST_NESTED = 8


def is_plot(data: object) -> bool:
    """Whether it is something that `encode_plot` takes."""
    return _matplotlib_figure(data) is not None or _is_plotly(data)


def encode_plot(data: object, suffix: str, name: str) -> bytes | memoryview:
    """Draw the pyplot module's current figure, a Figure, Axes (one or an array of them), or a plotly figure.

    Raises: TypeError: none of these. ValueError: no such format, no figure open, or plotly can't draw it here.
    """
    if _is_plotly(data):
        return _draw_plotly(data, suffix, name)
    figure = _matplotlib_figure(data)
    if figure is None:
        raise TypeError(
            f"plot {name!r} can't be drawn from {type(data).__name__}; "
            "give matplotlib.pyplot, a Figure, Axes, or a plotly figure"
        )
    if suffix not in PLOT_SUFFIXES:
        raise ValueError(f"plot {name!r} has no format by its suffix {suffix!r}; there is {', '.join(PLOT_SUFFIXES)}")
    buffer = BytesIO()
    figure.savefig(buffer, format=suffix[1:])
    return buffer.getbuffer()


def _matplotlib_figure(data: Any) -> Any:
    """Give the figure that is meant, or None where there is no plot at all."""
    if isinstance(data, ModuleType):
        if not hasattr(data, "get_fignums"):
            return None
        if not data.get_fignums():  # gcf() would make an empty one, and that would be what is kept
            raise ValueError("no figure is open in pyplot; draw one first, and log it before plt.close()")
        return data.gcf()
    if not hasattr(data, "savefig") and not hasattr(data, "figure") and isinstance(data, Iterable):
        axes = getattr(data, "flat", None)  # the array that plt.subplots gives
        data = next(iter(axes), None) if axes is not None else None
    for _ in range(_MOST_NESTED):
        if data is None or callable(getattr(data, "savefig", None)):
            return data
        data = getattr(data, "figure", None)  # of Axes, and of a figure in a figure
    return None


def _is_plotly(data: object) -> bool:
    return callable(getattr(data, "to_html", None)) and callable(getattr(data, "to_image", None))


def _draw_plotly(data: Any, suffix: str, name: str) -> bytes:
    if suffix == _PAGE:
        text: str = data.to_html()
        return text.encode()
    if suffix not in PLOT_SUFFIXES:
        allowed = ", ".join((_PAGE, *PLOT_SUFFIXES))
        raise ValueError(f"plot {name!r} has no format by its suffix {suffix!r}; there is {allowed}")
    try:
        return bytes(data.to_image(format=suffix[1:]))
    except Exception as error:
        raise ValueError(
            f"plotly can't draw {name!r} here: {error}; name it .html, or install what plotly draws with (kaleido)"
        ) from error
