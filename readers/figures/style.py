"""What all pictures share: an empty figure in the house's look, colours, labels, and how a figure becomes a file.

Figures are made without pyplot, so none is ever shown, registered, or left open, whatever the user's backend is. Text
that comes from users (labels, names) is drawn letter by letter: a "$" in it starts no formula.
"""

import os
import secrets
import warnings
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

BLUE, ORANGE, GREY = "#2f6db3", "#e0762f", "#8a8f98"
PALETTE = (BLUE, ORANGE, "#1b9e77", "#c23b7b", "#7a5fb5", "#b8890b", "#4fb3d9", "#5c4033")
"""Colours of series, in this order; told apart with every common form of colour blindness, in print, and on screen."""
SUFFIXES = (".png", ".svg", ".pdf")
_LONGEST_LABEL = 28


def new_figure(width: float, height: float) -> "tuple[Figure, Axes]":
    """Make an empty figure of so many inches, with one pair of axes that leaves room for its labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def png(figure: "Figure", dpi: int = 144) -> bytes:
    """Draw a figure; a letter that the font lacks becomes a box, without a warning for each."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def save(figure: "Figure", path: str | os.PathLike[str], dpi: int = 144) -> Path:
    """Write a figure by its suffix (PNG, SVG, PDF), making folders; a file that was there is replaced at once.

    Raises: ValueError: another suffix. OSError: it can't be written.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise ValueError(f"a picture can't be saved as {str(target)!r}: the name must end in {', '.join(SUFFIXES)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            figure.savefig(scratch, format=target.suffix[1:].lower(), dpi=dpi)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def short(label: object) -> str:
    """Make a label that fits in one line."""
    text = " ".join(str(label).split())
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}\N{HORIZONTAL ELLIPSIS}"


def take_literally(texts: "Iterable[Text]") -> None:
    """Draw a "$" as a "$"."""
    for text in texts:
        text.set_parse_math(False)
