"""What all pictures share: colours for every eye, words around them, files by their suffix, nothing of the user's."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from readers.figures.style import (
    PALETTE,
    distinct,
    header,
    in_house_style,
    log_scale,
    new_figure,
    number,
    png,
    save,
    short,
    take_literally,
    words_figure,
)

# Machado, Oliveira & Fernandes 2009, severity 1.0
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def linear(colour: str) -> np.ndarray[Any, Any]:
    """Linear light of a colour like "#0072b2"."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """CIE 1976 L*a*b*."""
    xyz = TO_XYZ @ np.clip(light, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def a_figure() -> Figure:
    """Something to save."""
    figure, axes = new_figure(3, 2)
    axes.plot([0, 1], [0, 1])
    take_literally([axes.set_xlabel("$x$ \U0001f600")])
    header(figure, "title $y$", "words", ["a note"])
    return figure


@pytest.mark.parametrize("eye", list(EYES))
def test_colours_are_told_apart_by_every_eye(eye: str) -> None:
    """No two of them come closer than 16 in Lab (10 is a difference at a glance); all stand out from white."""
    seen = [lab(np.array(EYES[eye]) @ linear(colour)) for colour in PALETTE]

    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) > 16
    assert all(1.05 / (TO_XYZ[1] @ linear(colour) + 0.05) > 2 for colour in PALETTE)


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.png", b"\x89PNG"), ("b.SVG", b"<?xml"), ("new/folder/c.pdf", b"%PDF")],
)
def test_a_figure_is_saved_by_its_suffix_the_same_each_time(name: str, start: bytes, tmp_path: Path) -> None:
    """Folders are made, a file that was there is replaced, nothing else is left."""
    path = tmp_path / name
    first = save(a_figure(), path).read_bytes()
    second = save(a_figure(), str(path)).read_bytes()

    assert first.startswith(start)
    assert first == second
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_text_of_an_svg_stays_text(tmp_path: Path) -> None:
    """So it can be searched, and edited for a paper."""
    text = save(a_figure(), tmp_path / "a.svg").read_text()

    assert "$x$ \U0001f600" in text
    assert "title $y$" in text
    assert "<dc:date>" not in text


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.", ".png/a", "png"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    """With those there are; nothing is made."""
    with pytest.raises(ValueError, match=r"the name must end in \.png, \.svg, \.pdf"):
        save(a_figure(), tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == []


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A folder in the file's place."""
    (tmp_path / "a.png").mkdir()

    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's choice
        save(a_figure(), tmp_path / "a.png")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_words_are_wrapped_to_the_figure_and_cut() -> None:
    """The figure grows by what they take; nothing leaves it."""
    figure, _ = new_figure(5, 2)
    header(figure, "wide $ letters " * 40, "words " * 500, ["a note " * 300])
    png(figure, dpi=100)
    width, height = figure.get_size_inches() * 100

    assert [text.get_text().count("\n") for text in figure.texts] == [1, 5, 3]
    assert figure.get_figheight() > 3.5
    for text in figure.texts:
        box = text.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height


def test_labels_are_cut_in_the_middle_and_differ() -> None:
    """Names of sweeps often differ at their ends only; unprintable letters are left out."""
    assert short("x" * 500) == "x" * 13 + "\N{HORIZONTAL ELLIPSIS}" + "x" * 14
    assert short("a\nb\t c\x00") == "a b c"
    assert distinct(["run", "b", "run", "", "x" * 100, "x" * 100 + "y" + "x" * 100])[:4] == [
        "run (1)",
        "b",
        "run (2)",
        "(no name)",
    ]
    assert len(set(distinct(["z" * 90] * 50))) == 50
    assert max(map(len, distinct(["z" * 90] * 50))) <= 28


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.123456, "0.1235"), (12345.6, "12,346"), (1e-7, "1e-07"), (-2.5e300, "-2.5e+300"), (3.0, "3")],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    """And no more letters than they need."""
    assert number(value) == text


@pytest.mark.parametrize(
    ("limits", "shown", "hidden"), [((0.15, 2.1), {"0.2", "0.3", "1", "2"}, "0.7"), ((1e-4, 10), {"0.001", "1"}, "0.2")]
)
def test_log_axes_have_plain_numbers(limits: tuple[float, float], shown: set[str], hidden: str) -> None:
    """Those between powers of ten only where there are few of these."""
    figure, axes = new_figure(3, 4)
    axes.set_ylim(limits)
    log_scale(axes, "y")
    png(figure, dpi=40)
    found = {text.get_text() for which in ("major", "minor") for text in axes.yaxis.get_ticklabels(which=which)}

    assert shown <= found
    assert hidden not in found
    assert not any("$" in text for text in found)


def test_settings_of_the_user_change_nothing() -> None:
    """Neither a dark style nor other fonts; and theirs are as they were afterwards."""

    @in_house_style
    def draw() -> Figure:
        figure, axes = new_figure(2, 2)
        axes.set_xlabel("x")
        return figure

    with mpl.rc_context({"axes.facecolor": "black", "text.usetex": True, "font.size": 30, "axes.labelcolor": "white"}):
        figure = draw()
        assert mpl.rcParams["font.size"] == 30

    (axes,) = figure.axes
    assert axes.get_facecolor() == (1, 1, 1, 1)
    assert (axes.xaxis.label.get_usetex(), axes.xaxis.label.get_fontsize(), axes.xaxis.label.get_color()) == (
        False,
        10,
        "black",
    )


def test_an_empty_picture_says_so_in_words() -> None:
    """Title and words, nothing else."""
    figure = words_figure("loss", "no runs: there is nothing to draw")

    assert [text.get_text() for text in figure.texts] == ["loss"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["no runs: there is nothing to draw"]
    assert not figure.axes[0].axison


def test_no_picture_imports_pyplot() -> None:
    """All modules, a figure drawn and saved: no window can be opened."""
    code = (
        "import sys, pkgutil, importlib, readers.figures as f\n"
        "[importlib.import_module(f'readers.figures.{m.name}') for m in pkgutil.iter_modules(f.__path__)]\n"
        "from readers.figures.metrics import metric_comparison_figure as draw\n"
        "from readers.figures.style import png\n"
        "png(draw(['a'], [1.0], metric='m', direction='maximize'))\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"MPLBACKEND": "TkAgg"}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
