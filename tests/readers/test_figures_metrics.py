"""Pictures of one number a run: rows in order, marks for the best and the failed, a distribution for very many."""

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from readers.figures.groups import groups_figure
from readers.figures.metrics import MOST_ROWS, metric_comparison_figure
from readers.figures.style import BLUE, ORANGE, png
from readers.stats import Interval
from readers.verdict import Group, Verdicts, compare_groups

HOSTILE = ["$\\frac{1}{", "a\nb", "x" * 500, "漢字 \U0001f600", "_hidden", "", "<b>&amp;", "\x00"]


def words(figure: Figure) -> list[str]:
    """Title, words, notes."""
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def ticks(axis: Any) -> list[str]:
    """The labels beside an axis."""
    return [text.get_text() for text in axis.get_ticklabels()]


def dots(figure: Figure, axes: int = 0) -> list[list[tuple[float, float]]]:
    """The points of each scatter that has some."""
    found = [np.asarray(made.get_offsets()) for made in figure.axes[axes].collections if hasattr(made, "get_sizes")]
    return [[(float(x), float(y)) for x, y in points] for points in found if len(points)]


def verdicts(*groups: tuple[str, list[float]], direction: Any = "maximize", said: str = "a beats b") -> Verdicts:
    """Verdicts of groups; intervals half a unit wide on each side."""
    made = []
    for name, values in groups:
        mean = float(np.mean(values)) if values else np.nan
        half = 0.5 if len(values) > 1 else np.nan
        made.append(Group(name, np.array(values), 1, mean, Interval(mean - half, mean + half, 0.95, "t")))
    return Verdicts("acc", "optimizer", direction, 0.95, tuple(made), (), 0, said)


@pytest.mark.parametrize(("direction", "order"), [("maximize", "cab"), ("minimize", "bac")])
def test_each_run_has_a_row_the_best_on_top(direction: Any, order: str) -> None:
    """With its value beside it; the best in orange, and named in words with the direction."""
    figure = metric_comparison_figure(["a", "b", "c"], [0.5, 0.25, 0.75], metric="acc", direction=direction)

    axes = figure.axes[0]
    assert "".join(ticks(axes.yaxis)) == order
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    best, others = dots(figure)
    assert best == [({"c": 0.75, "b": 0.25}[order[0]], 0.0)]
    assert [y for _, y in others] == [1.0, 2.0]
    assert axes.get_xlabel() == f"acc ({'higher' if direction == 'maximize' else 'lower'} is better)"
    assert words(figure)[0] == "acc of 3 runs"
    assert words(figure)[1].startswith(f"best: {order[0]}, ")


def test_failed_runs_are_marked_and_those_without_a_value_named() -> None:
    """NaN and infinities have no place on an axis."""
    values = [1.0, np.nan, np.inf, 2.0]
    statuses = ["FAILED", "FINISHED", "FINISHED", "RUNNING"]
    figure = metric_comparison_figure(["a", "b", "c", "d"], values, metric="m", direction="maximize", statuses=statuses)

    assert words(figure)[-1] == (
        "2 runs without a finite value: b, c; crosses: 1 run that failed, were killed or interrupted"
    )
    assert dots(figure) == [[(2.0, 0.0)], [(1.0, 1.0)]]
    assert ticks(figure.axes[0].yaxis) == ["d", "a"]


@pytest.mark.parametrize("n", [1, 5, 30, MOST_ROWS, MOST_ROWS + 1, 500])
def test_any_number_of_runs_fits_a_page(n: int) -> None:
    """Up to a limit a row each; of more every run is a point at its rank, beside a histogram, and five are named."""
    values = np.random.default_rng(n).normal(size=n)
    figure = metric_comparison_figure([f"run {place}" for place in range(n)], values, metric="m", direction="maximize")

    assert png(figure, dpi=40)
    assert max(figure.get_size_inches()) < 12
    assert len(figure.axes) == (1 if n <= MOST_ROWS else 2)
    assert sum(map(len, dots(figure))) == (n if n <= MOST_ROWS else n + 1)
    if n > MOST_ROWS:
        ranked = sorted(set(itertools.chain(*dots(figure))))
        np.testing.assert_allclose([value for _, value in ranked], np.sort(values)[::-1])
        (named,) = (text.get_text() for text in figure.axes[0].texts)
        assert named.startswith(f"best 5\n1. run {np.argmax(values)}  ")
        assert named.count("\n") == 5


@pytest.mark.parametrize("n", [3, 60])
def test_values_decades_apart_are_on_a_log_axis(n: int) -> None:
    """Evenly spread ones are not, though they may span decades, too."""
    wide = metric_comparison_figure(["r"] * n, np.geomspace(1e-4, 1e3, n), metric="m", direction="minimize")
    close = metric_comparison_figure(["r"] * n, np.linspace(1e-6, 1, n), metric="m", direction="minimize")

    axes = [figure.axes[0] for figure in (wide, close)]
    assert [one.get_xscale() if n == 3 else one.get_yscale() for one in axes] == ["log", "linear"]
    assert all(png(figure, dpi=40) for figure in (wide, close))


@pytest.mark.parametrize("values", [[], [np.nan], [np.inf, np.nan, -np.inf]])
def test_nothing_to_draw_is_said_in_words(values: list[float]) -> None:
    """No exception, no empty axes."""
    figure = metric_comparison_figure(["a"] * len(values), values, metric="acc", direction="maximize")

    assert "nothing to draw" in figure.axes[0].texts[0].get_text()
    assert png(figure, dpi=40)


@pytest.mark.parametrize(
    "values", [[7.0] * 3, [1e-300, 1e300, 2.0], [-1.7e308, 1.7e308, 0.0], [0.0] * 3, [5e-324, 1, 2]]
)
def test_odd_values_are_drawn(values: list[float]) -> None:
    """Constant, far apart, the largest and smallest floats; as a few runs and as many."""
    for times in (1, 20):
        named = [f"run {place}" for place in range(3 * times)]
        assert png(metric_comparison_figure(named, values * times, metric="m", direction="minimize"), dpi=40)


@pytest.mark.parametrize("n", [8, 80])
def test_hostile_names_are_drawn_letter_by_letter(n: int) -> None:
    """No formula, no warning, no label that outgrows the picture; equal names are numbered."""
    names = (HOSTILE * 10)[:n]
    figure = metric_comparison_figure(
        names, np.arange(float(n)), metric="$\\frac{$" * 20, direction="maximize", title=HOSTILE[0]
    )

    assert png(figure, dpi=40)
    assert words(figure)[0] == HOSTILE[0]
    if n == 8:
        assert "_hidden" in ticks(figure.axes[0].yaxis)
        assert max(map(len, ticks(figure.axes[0].yaxis))) <= 28


def test_groups_show_every_run_the_mean_and_its_interval() -> None:
    """A row a group, the best on top, the verdict under the title."""
    figure = groups_figure(verdicts(("adam", [3.0, 4.0, 5.0]), ("sgd", [1.0]), ("lion", [])))

    axes = figure.axes[0]
    assert ticks(axes.yaxis) == ["adam", "sgd"]
    adam, adam_mean, sgd, sgd_mean = dots(figure)
    assert sorted(x for x, _ in adam) == [3, 4, 5]
    assert all(abs(y) < 0.35 for _, y in adam)
    assert (adam_mean, sgd_mean) == ([(4.0, 0.0)], [(1.0, 1.0)])
    (interval,) = (made.get_segments()[0].tolist() for made in axes.collections if hasattr(made, "get_segments"))
    assert interval == [[3.5, 0.0], [4.5, 0.0]]
    assert len(sgd) == 1
    said = words(figure)
    assert said[:2] == ["acc by optimizer", "a beats b"]
    assert said[2].startswith("points: runs; diamonds: means, with their 95% interval; without a finite value: lion")


@pytest.mark.parametrize(("groups", "runs"), [(1, 1), (5, 5), (30, 3), (100, 2), (3, 500)])
def test_any_number_of_groups_fits_a_page(groups: int, runs: int) -> None:
    """Up to a limit a row each; that there are more is said."""
    rng = np.random.default_rng(0)
    made = [(f"$g$ {place}" + "x" * 300, rng.normal(size=runs).tolist()) for place in range(groups)]
    figure = groups_figure(verdicts(*made, said="many words " * 200))

    assert png(figure, dpi=40)
    assert max(figure.get_size_inches()) < 15
    assert ("the best 40 of 100 groups" in words(figure)[-1]) == (groups == 100)


@pytest.mark.parametrize("groups", [[], [("a", [])]])
def test_no_groups_are_said_in_words(groups: list[tuple[str, list[float]]]) -> None:
    """No exception."""
    assert "nothing to draw" in groups_figure(verdicts(*groups)).axes[0].texts[0].get_text()


@pytest.mark.parametrize(("spread", "colour"), [(0.01, ORANGE), (3.0, BLUE)])
def test_the_best_group_is_orange_where_it_is_told_apart(spread: float, colour: str) -> None:
    """A best mean alone is no reason to stand out."""
    values = np.random.default_rng(0).normal(size=8) * spread
    found = compare_groups({"a": values + 1, "b": values[::-1] + 0.5}, metric="m", by="x", direction="maximize")
    figure = groups_figure(found)

    points = next(made for made in figure.axes[0].collections if hasattr(made, "get_sizes"))
    np.testing.assert_allclose(np.asarray(points.get_facecolor())[0, :3], to_rgb(colour))
    assert words(figure)[1][:20] == found.words[:20]
