"""Pictures: whatever the numbers and labels, they are drawn, without a window, a warning, or a formula."""

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from PIL import Image

from readers.figures.diagnostics import (
    MOST_BARS,
    MOST_CELLS_WITH_TEXT,
    confusion_matrix_figure,
    feature_importance_figure,
    learning_curve_figure,
)
from readers.figures.style import png

HOSTILE = ["$\\frac{1}{", "a\nb\tc", "x" * 500, "漢字 \U0001f600", "_hidden", "", "<b>&amp;", "%s{}", "\x00"]


def is_picture(data: bytes) -> bool:
    """Whether it is a PNG with something drawn on it."""
    with Image.open(BytesIO(data)) as image:
        return image.format == "PNG" and len(image.convert("L").getcolors() or ()) > 2


@pytest.mark.parametrize("n", [1, 2, 10, 20, 21, 100, 300])
def test_a_confusion_matrix_of_any_size_fits_its_picture(n: int) -> None:
    """Cells have text as long as it can be read; ticks never crowd; the picture stays of a size for a page."""
    matrix = np.random.default_rng(0).poisson(3, (n, n)) + 50 * np.eye(n, dtype=int)
    figure = confusion_matrix_figure(matrix, [f"class {index}" for index in range(n)])

    assert is_picture(png(figure, dpi=40))
    axes = figure.axes[0]
    assert len(axes.texts) == (n * n if n <= MOST_CELLS_WITH_TEXT else 0)
    assert len(axes.get_xticks()) <= 25
    assert max(figure.get_size_inches()) <= 12


def test_a_confusion_matrix_shows_counts_or_shares() -> None:
    """A row is a true class; its shares add up to 1, and a class without rows has zeros."""
    matrix = [[8, 2, 0], [0, 1_234_567, 0], [0, 0, 0]]
    counts = confusion_matrix_figure(matrix, ["a", "b", "c"])
    shares = confusion_matrix_figure(matrix, ["a", "b", "c"], normalize=True)

    assert [text.get_text() for text in counts.axes[0].texts] == ["8", "2", "0", "0", "1.2M", "0", "0", "0", "0"]
    assert [text.get_text() for text in shares.axes[0].texts][:5] == ["0.80", "0.20", "0.00", "0.00", "1.00"]
    assert counts.axes[0].get_title(loc="left") == "100.0% of 1,234,577 right"


@pytest.mark.parametrize("n", [1, 5, 20, 30, 31, 300])
def test_feature_importance_has_its_largest_bars_first(n: int) -> None:
    """Up to a limit each feature has a bar; the others are summed up in words."""
    values = np.arange(n, dtype=float)
    figure = feature_importance_figure([f"f{index}" for index in range(n)], values, values / 10)

    assert is_picture(png(figure, dpi=40))
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [f"f{index}" for index in range(n - 1, -1, -1)][:MOST_BARS]
    assert figure.axes[0].get_title(loc="left").startswith("the 30 largest of") == (n > MOST_BARS)


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, 1.0], [-1.0, 0.5], [1e-300, 1e300]])
def test_odd_importances_are_drawn(values: list[float]) -> None:
    """All zero, NaN, negative, or far apart."""
    assert is_picture(png(feature_importance_figure(["a", "b"], values), dpi=40))


def test_a_learning_curve_leaves_out_folds_that_failed() -> None:
    """A size at which no fold could be scored is a gap; one fold is a line without a band."""
    scores = np.array([[np.nan, np.nan], [0.5, np.nan], [0.6, 0.8]])
    figure = learning_curve_figure([10, 20, 30], scores, scores, scoring="r2")

    assert is_picture(png(figure, dpi=40))
    drawn: Any = figure.axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(drawn, [np.nan, 0.5, 0.7])
    assert is_picture(png(learning_curve_figure([10], [[0.5]], [[0.4]]), dpi=40))


def test_hostile_labels_are_drawn_letter_by_letter() -> None:
    """No label starts a formula, breaks a line, outgrows the picture, or costs a warning."""
    n = len(HOSTILE)
    confusion = confusion_matrix_figure(np.ones((n, n)), HOSTILE)
    bars = feature_importance_figure(HOSTILE, np.ones(n))
    curve = learning_curve_figure([1, 2], np.ones((2, 2)), np.ones((2, 2)), scoring="$\\frac{1}{")

    assert all(is_picture(png(figure, dpi=40)) for figure in (confusion, bars, curve))
    assert max(len(text.get_text()) for text in bars.axes[0].get_yticklabels()) <= 28


def test_drawing_opens_no_window_and_imports_no_pyplot() -> None:
    """Also on a machine whose backend would need a screen."""
    code = (
        "import sys; from readers.figures.diagnostics import *; from readers.figures.style import png;"
        "png(confusion_matrix_figure([[1]], ['a']));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"MPLBACKEND": "TkAgg"}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("never_negative", "lowest"), [(True, 0.0), (False, -0.25)])
def test_the_lines_of_importances_that_cannot_be_negative_end_at_zero(never_negative: bool, lowest: float) -> None:
    """Those of trees are shares; a permutation may well improve a score."""
    figure = feature_importance_figure(["a", "b"], [0.5, 0.25], [0.25, 0.5], never_negative=never_negative)
    (lines,) = (made for made in figure.axes[0].collections if isinstance(made, LineCollection))
    ends = [[float(x) for x, _ in segment] for segment in lines.get_segments()]

    assert ends == [[0.25, 0.75], [lowest, 0.75]]
