"""Parallel coordinates: where each run crosses each axis, what kind an axis is, and who is on top."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from readers.figures.parallel import MOST_AXES, parallel_coordinates_figure
from readers.figures.style import png
from readers.runvalues import Values


def numbers(name: str, values: "Sequence[float] | np.ndarray[Any, Any]") -> Values:
    """A numeric param; NaN is missing."""
    texts = [None if math.isnan(value) else repr(value) for value in values]
    return Values(name, np.array(values, dtype=float), texts, "float")


def texts(name: str, values: Sequence[str | None], kind: Any = "text") -> Values:
    """Another param."""
    return Values(name, np.full(len(values), np.nan), list(values), kind)


def draw(
    columns: Sequence[Values], metric: "Sequence[float] | np.ndarray[Any, Any]", direction: Any = "maximize"
) -> Figure:
    """Draw as many runs as there are values."""
    names = [f"run {place}" for place in range(len(metric))]
    return parallel_coordinates_figure(names, columns, metric, metric="acc", direction=direction)


def lines(figure: Figure) -> list[LineCollection]:
    """Grey lines, coloured lines, the best."""
    return [made for made in figure.axes[0].collections if isinstance(made, LineCollection)]


def heights(figure: Figure, which: int = 1) -> list[list[float]]:
    """Where each line crosses the axes, the best last."""
    return [[round(float(y), 6) for _, y in path] for path in lines(figure)[which].get_segments()]


def labels(figure: Figure) -> list[str]:
    """What is written beside the axes."""
    return [text.get_text() for text in figure.axes[0].texts]


def axis_names(figure: Figure) -> list[str]:
    """What the axes are called."""
    return [text.get_text() for text in figure.axes[0].get_xticklabels()]


def words(figure: Figure) -> list[str]:
    """Title, words, notes."""
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def test_each_run_is_a_line_through_its_values() -> None:
    """From the lowest value of an axis to its highest; the metric is the last axis; the best is drawn last."""
    figure = draw([numbers("depth", [1, 3, 2])], [0.5, 0.7, 0.6])

    assert heights(figure) == [[0, 0], [0.5, 0.5], [1, 1]]
    assert heights(figure, 2) == [[1, 1]]
    assert axis_names(figure) == ["depth", "acc"]
    assert labels(figure) == ["1", "2", "3", "0.5", "0.6", "0.7"]
    assert words(figure)[1] == "best: run 1, 0.7; darker lines are better"


@pytest.mark.parametrize(("direction", "best"), [("maximize", 0.7), ("minimize", 0.5)])
def test_the_best_runs_are_dark_and_on_top(direction: Any, best: float) -> None:
    """Whichever way is better."""
    figure = draw([numbers("depth", [1, 3, 2])], [0.5, 0.7, 0.6], direction)
    coloured = lines(figure)[1]
    figure.canvas.draw()

    assert np.asarray(coloured.get_array())[-1] == best
    light = np.asarray(coloured.get_edgecolor())[:, :3].sum(axis=1)
    assert light.tolist() == sorted(light, reverse=True)
    assert figure.axes[1].get_ylabel() == f"acc ({'higher' if direction == 'maximize' else 'lower'} is better)"


def test_numbers_over_decades_are_on_a_log_axis() -> None:
    """Evenly spread ones aren't, though they span decades, too."""
    rates, dropout = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1], [0.001, 0.1, 0.2, 0.3, 0.4]
    figure = draw([numbers("lr", rates), numbers("dropout", dropout)], [1, 2, 3, 4, 5])

    assert axis_names(figure) == ["lr\n(log)", "dropout", "acc"]
    assert [path[0] for path in heights(figure)] == [0, 0.25, 0.5, 0.75, 1]
    assert labels(figure)[:5] == ["1e-05", "0.0001", "0.001", "0.01", "0.1"]


def test_texts_are_on_a_categorical_axis() -> None:
    """Evenly, each with its label; booleans and mixed values too; runs with the same one lie a little apart."""
    figure = draw([texts("opt", ["sgd", "adam", "sgd"]), texts("amp", ["true", "false", "true"], "bool")], [1, 2, 3])

    assert labels(figure)[:4] == ["adam", "sgd", "false", "true"]
    first, second, third = heights(figure)
    assert second[0] == pytest.approx(0.25, abs=0.05)
    assert first[0] == pytest.approx(0.75, abs=0.05) == third[0]
    assert first[0] != third[0]


def test_missing_values_have_a_place_of_their_own() -> None:
    """Below every axis, and named; without any there is no such place."""
    figure = draw([numbers("depth", [1, math.nan]), texts("opt", [None, "adam"])], [1, 2])

    (first, second) = heights(figure)
    assert first[1] == second[0] < -0.1
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["missing"]
    assert axes.get_yticks()[0] == pytest.approx(second[0])
    assert draw([numbers("depth", [1, 2])], [1, 2]).axes[0].get_yticklabels() == []


def test_runs_without_the_metric_are_grey_and_counted() -> None:
    """NaN and infinities."""
    figure = draw([numbers("depth", [1, 2, 3])], [1, math.nan, math.inf])

    assert len(heights(figure, 0)) == 2
    assert len(heights(figure)) == 1
    assert words(figure)[-1] == "grey: 2 runs without a finite acc"


def test_outliers_do_not_leave_all_others_one_colour() -> None:
    """The colours and the axis of the metric are cut, and that is said; the best is still the best."""
    metric = [*np.linspace(0, 1, 98), 1e9, -1e9]
    figure = draw([numbers("depth", range(100))], metric)

    assert words(figure)[1].startswith("best: run 98, 1e+09")
    assert words(figure)[-1] == "acc is cut: 2 runs beyond its ends"
    ends = [path[-1] for path in heights(figure)]
    assert (min(ends), max(ends)) == (0, 1)
    assert np.ptp(ends[1:-1]) > 0.7


def test_of_too_many_params_those_that_vary_have_an_axis() -> None:
    """In the order asked; that others have none is said."""
    constant = [numbers(f"c{place}", [1, 1]) for place in range(10)]
    varying = [numbers(f"v{place}", [1, 2]) for place in range(8)]
    figure = draw([*constant, *varying], [1, 2])

    assert axis_names(figure) == ["c0", "c1", "c2", "c3", *(f"v{place}" for place in range(8)), "acc"]
    assert words(figure)[-1] == "6 of 18 params have no axis, those that don't vary first"
    assert len(axis_names(figure)) == MOST_AXES + 1


@pytest.mark.parametrize("n", [1, 5, 30, 500])
def test_any_number_of_runs_is_drawn(n: int) -> None:
    """One run and 500, with all kinds of params, missing ones, many levels, hostile names."""
    rng = np.random.default_rng(n)
    columns = [
        numbers("$lr$", 10 ** rng.uniform(-5, -1, n)),
        texts("x" * 500, [f"level\n$ {place % 60} {'y' * 100}" for place in range(n)]),
        texts("漢字 \U0001f600", [None, *["a"] * (n - 1)], "mixed"),
        numbers("constant", [3.0] * n),
        numbers("huge", rng.choice([1e-300, 1e300, -1.7e308, 1.7e308], n)),
    ]
    figure = draw(columns, rng.normal(size=n))

    assert png(figure, dpi=40)
    assert len(heights(figure)) == n
    assert max(figure.get_size_inches()) <= 16
    assert len(labels(figure)) < 60
    assert len(figure.axes) == (1 if n == 1 else 2)


@pytest.mark.parametrize(
    ("columns", "metric", "said"),
    [
        ([], [], "no params"),
        ([], [1.0], "no params"),
        ([numbers("a", [])], [], "no runs"),
        ([numbers("a", [1.0])], [math.nan], "no run has a finite acc"),
    ],
)
def test_nothing_to_draw_is_said_in_words(columns: list[Values], metric: list[float], said: str) -> None:
    """No exception."""
    assert draw(columns, metric).axes[0].texts[0].get_text().startswith(said if metric else "no runs")


def test_a_param_that_no_run_has_is_an_axis_of_missing_values() -> None:
    """It was asked for."""
    figure = draw([texts("none", [None, None]), numbers("nan", [math.nan, math.nan])], [1, 2])

    assert axis_names(figure) == ["none", "nan", "acc"]
    assert png(figure, dpi=40)
