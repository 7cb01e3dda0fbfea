"""The critical difference diagram: methods at their mean ranks, thick lines over those that aren't told apart."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from readers.figures.ranks import MOST_METHODS, critical_difference_figure
from readers.figures.style import ORANGE, png
from readers.ranks import MethodRanks, rank_methods

HOSTILE = ["$\\frac{1}{", "a\nb", "x" * 500, "漢字 \U0001f600", "_hidden", "", "same", "same"]


def ranks(means: list[float], **fields: Any) -> MethodRanks:
    """Methods m0, m1, ... with these mean ranks, over three data sets."""
    methods = fields.pop("methods", tuple(f"m{place}" for place in range(len(means))))
    given = {
        "p_value": 0.01,
        "critical_difference": 1.25,
        "cliques": (),
        "left_out": (),
        "test": "Friedman, Nemenyi",
        "level": 0.95,
        "words": "m0 ranks best",
    }
    scores = np.zeros((3, len(means)))
    return MethodRanks(methods, ("d0", "d1", "d2"), scores, np.array(means), **{**given, **fields})


def texts(figure: Figure) -> list[str]:
    """What is written in the diagram."""
    return [text.get_text() for text in figure.axes[0].texts]


def thick(figure: Figure) -> list[list[float]]:
    """From where to where the thick lines reach."""
    return [np.asarray(line.get_xdata()).tolist() for line in figure.axes[0].lines if line.get_linewidth() > 4]


def words(figure: Figure) -> list[str]:
    """Title, words, notes."""
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def test_methods_stand_at_their_mean_ranks() -> None:
    """The best at the left and in bold; the words of the test over it."""
    figure = critical_difference_figure(ranks([1.2, 2.0, 2.8]))

    assert [text for text in texts(figure) if "m" in text] == ["m0  1.20", "m1  2.00", "2.80  m2"]
    dots = [float(np.asarray(line.get_xdata())[0]) for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert dots == [1.2, 2.0, 2.8]
    assert words(figure)[:2] == ["3 methods over 3 data sets", "m0 ranks best"]
    best = [line.get_color() for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert best.count(ORANGE) == 1
    (bold,) = (text.get_text() for text in figure.axes[0].texts if text.get_fontweight() == "bold")
    assert bold == "m0  1.20"


def test_thick_lines_join_what_is_not_told_apart() -> None:
    """From the first to the last of each set, each at its own height; who is in one doesn't stand out."""
    made = ranks([1.2, 2.0, 2.8, 4.0], cliques=(("m0", "m1"), ("m1", "m2", "m3")))
    figure = critical_difference_figure(made)

    np.testing.assert_allclose(thick(figure), [[1.2, 2.0], [2.0, 4.0]], atol=0.03)
    assert ORANGE not in {line.get_color() for line in figure.axes[0].lines}
    heights = {float(np.asarray(line.get_ydata())[0]) for line in figure.axes[0].lines if line.get_linewidth() > 4}
    assert len(heights) == 2


@pytest.mark.parametrize(("difference", "shown"), [(1.25, True), (np.nan, False)])
def test_the_critical_difference_is_drawn_where_there_is_one(difference: float, shown: bool) -> None:
    """As long as it is, in ranks; wholly within the picture."""
    figure = critical_difference_figure(ranks([1.0, 2.0, 3.0], critical_difference=difference))

    assert ("critical difference 1.25" in texts(figure)) == shown
    ends = [np.asarray(line.get_xdata()).tolist() for line in figure.axes[0].lines]
    assert ([1.0, 2.25] in ends) == shown
    wide = critical_difference_figure(ranks([1.0, 2.0], critical_difference=7.0))
    assert wide.axes[0].get_xlim()[1] > 8


@pytest.mark.parametrize("n", [1, 2, 5, 30, 500])
def test_any_number_of_methods_fits_a_page(n: int) -> None:
    """The best are named; that there are more is said."""
    means = np.linspace(1, n, n).tolist()
    methods = tuple(f"m{place}" for place in range(n))
    cliques = tuple(methods[start : start + 6] for start in range(0, min(n, 30) - 6, 4))
    figure = critical_difference_figure(ranks(means, cliques=cliques))

    assert png(figure, dpi=40)
    assert max(figure.get_size_inches()) < 14
    assert len([text for text in texts(figure) if "m" in text]) == min(n, MOST_METHODS)
    assert words(figure)[-1].endswith("the best 30 of 500 methods") == (n == 500)


@pytest.mark.parametrize("made", [ranks([], words=""), ranks([np.nan, np.nan], words="no data set is complete")])
def test_no_ranks_are_said_in_words(made: MethodRanks) -> None:
    """Those of the ranks, where they have some."""
    said = critical_difference_figure(made).axes[0].texts[0].get_text()

    assert said == (made.words or "no method has a rank: there is nothing to draw")


def test_hostile_names_are_drawn_letter_by_letter() -> None:
    """Equal names are numbered."""
    made = ranks(list(range(1, 9)), methods=tuple(HOSTILE), words="$\\frac{" * 50, test="$\\frac{")
    figure = critical_difference_figure(made, title=HOSTILE[0])

    assert png(figure, dpi=40)
    assert [text for text in texts(figure) if "same" in text] == ["7.00  same (1)", "8.00  same (2)"]


def test_the_ranks_of_real_scores_are_drawn() -> None:
    """From scores to the picture: the method that is best everywhere stands at 1."""
    rng = np.random.default_rng(0)
    scores = rng.normal(loc=[5.0, 0.0, 0.0, -5.0], size=(12, 4))
    made = rank_methods(scores, ["a", "b", "c", "d"], [f"d{place}" for place in range(12)], direction="maximize")
    figure = critical_difference_figure(made)

    assert "a  1.00" in " ".join(texts(figure))
    assert len(thick(figure)) == len(made.cliques) >= 1
