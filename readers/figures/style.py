"""What all pictures share: an empty figure in the house's look, colours, words, and how a figure becomes a file.

Figures are made without pyplot, so none is ever shown, registered, or left open, whatever the user's backend is. Text
that comes from users (labels, names) is drawn letter by letter: a "$" in it starts no formula.

Colours are those of Okabe & Ito 2008, "Color Universal Design", in an order of our own, without their yellow (too faint
for a line on white) and with an indigo instead; simulated as in Machado, Oliveira & Fernandes 2009, the closest two of
them stay 16 apart (CIE 1976 distance in Lab) with protanopia and deuteranopia.
"""

import functools
import os
import secrets
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b2ca0", "#333333")
"""Colours of series, in this order; told apart with every common form of colour blindness, in print, and on screen."""
BLUE, ORANGE, GREY = PALETTE[0], PALETTE[1], "#8a8f98"
INK, FAINT, GRID = "#20242b", "#5b6270", "#e6e8ec"
"""Of text that matters, of text that doesn't, of the lines behind everything."""
SUFFIXES = (".png", ".svg", ".pdf")
LARGEST = 1e300
"""Numbers up to which matplotlib can lay out an axis; larger ones are treated as infinite."""
TITLE_SIZE, WORDS_SIZE, NOTE_SIZE, TICK_SIZE = 11.0, 9.0, 8.0, 9.0
_LONGEST_LABEL = 28
_MARGIN = 0.12  # inches around everything
_MORE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Malgun Gothic",
)

P = ParamSpec("P")


def in_house_style(draw: "Callable[P, Figure]") -> "Callable[P, Figure]":
    """Draw as if the user had never changed a setting of matplotlib: no dark background, no LaTeX, no other font."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        from matplotlib import style

        with style.context(["default", {"font.family": [*_fonts()]}]):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> "tuple[Figure, Axes]":
    """Make an empty figure of so many inches, with one pair of axes that leaves room for its labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=_MARGIN, h_pad=0.1)
    axes = figure.subplots()
    plain(axes)
    return figure, axes


def plain(axes: "Axes") -> None:
    """Take away what says nothing: the frame at the top and at the right, dark lines, large ticks."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(GREY)
    axes.tick_params(which="both", color=GREY, labelcolor=INK, labelsize=TICK_SIZE)
    axes.set_axisbelow(True)


def grid(axes: "Axes", axis: str = "both") -> None:
    """Draw faint lines behind everything, for "x", "y" or "both"."""
    for one in (axes.xaxis, axes.yaxis) if axis == "both" else (getattr(axes, f"{axis}axis"),):
        one.grid(visible=True, color=GRID, linewidth=0.8)


def log_scale(axes: "Axes", axis: str) -> None:
    """Make the "x" or the "y" axis a log one, with numbers as they are written elsewhere: 0.6, not 6 x 10^-1."""
    from matplotlib.ticker import LogFormatterSciNotation

    class Plain(LogFormatterSciNotation):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return number(x) if super().__call__(x, pos) else ""

    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    one = axes.xaxis if axis == "x" else axes.yaxis
    one.set_major_formatter(Plain())
    one.set_minor_formatter(Plain(labelOnlyBase=False, minor_thresholds=(1.2, 0.4)))


def header(figure: "Figure", title: str, words: str = "", notes: Sequence[str] = ()) -> None:
    """Write a title over the figure, words under the title, and notes under the figure: say what was left out there.

    To be called once, last; the figure grows by what the lines take.
    """
    width = figure.get_figwidth()
    sizes = TITLE_SIZE, WORDS_SIZE, NOTE_SIZE
    texts = [(title, "bold", 2), (words, "normal", 6), ("; ".join(notes), "normal", 4)]
    blocks = [_lines(figure, text, size, weight, most) for (text, weight, most), size in zip(texts, sizes, strict=True)]
    taken = [1.4 * size / 72 * len(lines) for size, lines in zip(sizes, blocks, strict=True)]
    height = figure.get_figheight() + sum(taken) + 0.06
    figure.set_figheight(height)
    from_top = [_MARGIN, _MARGIN + taken[0], height - _MARGIN / 2 - taken[2]]
    for lines, size, top, (_, weight, _), colour in zip(
        blocks, sizes, from_top, texts, (INK, FAINT, FAINT), strict=True
    ):
        if lines:
            where: Any = {"ha": "left", "va": "top", "fontsize": size, "fontweight": weight, "linespacing": 1.2}
            made = figure.text(_MARGIN / width, 1 - top / height, "\n".join(lines), color=colour, **where)
            made.set_in_layout(False)
            take_literally([made])
    engine: Any = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, taken[2] / height, 1, 1 - (sum(taken) + 0.06) / height))


@in_house_style
def words_figure(title: str, words: str) -> "Figure":
    """Say in a figure why there is nothing to draw."""
    figure, axes = new_figure(6.4, 2.2)
    axes.set_axis_off()
    lines = "\n".join(_lines(figure, words, 10, "normal", 6))
    text = axes.text(0.5, 0.5, lines, ha="center", va="center", fontsize=10, color=FAINT, transform=axes.transAxes)
    take_literally([text])
    header(figure, title)
    return figure


def png(figure: "Figure", dpi: int = 144) -> bytes:
    """Draw a figure; a letter that the font lacks becomes a box, without a warning for each."""
    buffer = BytesIO()
    with _quiet():
        figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def save(figure: "Figure", path: str | os.PathLike[str], dpi: int = 144) -> Path:
    """Write a figure by its suffix (PNG, SVG, PDF), making folders; a file that was there is replaced at once.

    The same figure gives the same bytes: no date is written. The text of an SVG stays text.

    Raises: ValueError: another suffix. OSError: it can't be written.
    """
    from matplotlib import rc_context

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"a picture can't be saved as {str(target)!r}: the name must end in {', '.join(SUFFIXES)}")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".{secrets.token_hex(8)}{suffix}")
    undated = {".png": None, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    try:
        with _quiet(), rc_context({"svg.fonttype": "none", "svg.hashsalt": "steplog", "pdf.fonttype": 42}):
            figure.savefig(scratch, format=suffix[1:], dpi=dpi, metadata=undated)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
    return target


def short(label: object, longest: int = _LONGEST_LABEL) -> str:
    """Make a label that fits in one line: cut in the middle, as names often differ at their ends only."""
    text = "".join(letter for letter in " ".join(str(label).split()) if letter.isprintable())
    if len(text) <= longest:
        return text
    tail = longest // 2
    return f"{text[: longest - tail - 1]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"


def distinct(labels: Iterable[object], longest: int = _LONGEST_LABEL) -> list[str]:
    """Make labels that fit in one line and differ: those that would be the same are numbered."""
    texts = [short(label, longest - 5) if len(str(label)) > longest else short(label, longest) for label in labels]
    texts = [text or "(no name)" for text in texts]
    times: dict[str, int] = {}
    for text in texts:
        times[text] = times.get(text, 0) + 1
    seen: dict[str, int] = {}
    out = []
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        out.append(text if times[text] == 1 else f"{text} ({seen[text]})".lstrip())
    return out


def number(value: float) -> str:
    """Write a number in four digits that count."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.4g}"
    return f"{value:.3g}"


def counted(n: int, noun: str = "run") -> str:
    """Write a number of things."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def take_literally(texts: "Iterable[Text]") -> None:
    """Draw a "$" as a "$"."""
    for text in texts:
        text.set_parse_math(False)


def _lines(figure: "Figure", text: str, size: float, weight: str, most: int) -> list[str]:
    """Break a text into lines of the figure's width, and cut what is longer than most of them."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    clean = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    if not clean:
        return []
    with _quiet():
        path = TextPath(
            (0, 0), clean[:400].replace("$", "S"), prop=FontProperties(family="DejaVu Sans", weight=weight, size=size)
        )
    letters = len(clean[:400]) * 72 * (figure.get_figwidth() - 2 * _MARGIN) / max(path.get_extents().width, 1.0)
    return textwrap.wrap(clean, max(int(letters * 0.97), 12), max_lines=most, placeholder=" \N{HORIZONTAL ELLIPSIS}")


@functools.cache
def _fonts() -> tuple[str, ...]:
    """The font, and those behind it that this machine has for letters that the first one lacks."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return "DejaVu Sans", *(name for name in _MORE_FONTS if name in there)


@contextmanager
def _quiet() -> "Iterator[None]":
    """No warning for each letter that the font lacks, or for ticks beyond the largest number."""
    import numpy as np

    with warnings.catch_warnings(), np.errstate(over="ignore", under="ignore"):
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield
