"""Pictures of histories: who gets a colour and a name, bands, gaps, log axes, ends, and what is said in words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from readers.alignment import band_of
from readers.curves import Curve, Curves
from readers.figures.curves import BEST_FEW, MOST_LISTED, MOST_NAMED, curves_figure
from readers.figures.style import BLUE, GREY, ORANGE, PALETTE, png
from readers.smoothing import smoothed

Run = tuple[Sequence[float] | np.ndarray[Any, Any], Sequence[float] | np.ndarray[Any, Any]]


def curve(name: str, run: Run, group: str | None = None, smoothing: float = 0.0) -> Curve:
    """One run."""
    x, y = np.array(run[0], dtype=float), np.array(run[1], dtype=float)
    return Curve(name, name, group, x, y, smoothed(x, y, np.zeros(len(x), dtype=np.int64), smoothing))


def curves(*made: Curve, metric: str = "loss", x: str = "step", smoothing: float = 0.0) -> Curves:
    """Curves and, where they have groups, their bands."""
    groups = dict.fromkeys(one.group for one in made if one.group is not None)
    bands = []
    for group in groups:
        members = [one for one in made if one.group == group]
        xs, ys = [one.x for one in members], [one.smooth for one in members]
        bands.append(band_of(group, xs, ys, kind="ci", align="interpolate", level=0.95))
    by = "optimizer" if groups else None
    return Curves(metric, x, made, tuple(bands), (), x, smoothing, by)


def many(n: int, points: int = 20) -> Curves:
    """So many runs; "run 0" ends lowest."""
    steps = np.arange(points)
    return curves(*(curve(f"run {place}", (steps, place + 1 / (steps + 1))) for place in range(n)))


def drawn(figure: Figure, axes: int = 0) -> list[Any]:
    """The lines that have points."""
    return [line for line in figure.axes[axes].lines if len(np.asarray(line.get_xdata()))]


def thin(figure: Figure) -> list[tuple[list[Any], str, Any]]:
    """The thin lines that are drawn together: their points, their colour, and what they are drawn by."""
    made = [one for one in figure.axes[0].collections if isinstance(one, LineCollection)]
    return [(one.get_segments(), to_hex(np.asarray(one.get_colors())[0]), one) for one in made]


def legend(figure: Figure) -> list[str]:
    """What stands in the legend."""
    made = figure.axes[0].get_legend()
    return [] if made is None else [text.get_text() for text in made.get_texts()]


def words(figure: Figure) -> list[str]:
    """Title, words, notes."""
    return [text.get_text().replace("\n", " ") for text in figure.texts]


def test_a_few_runs_have_a_colour_and_a_name_each() -> None:
    """In the order of the palette, with their own points."""
    figure = curves_figure(many(MOST_NAMED))

    lines = drawn(figure)
    assert [line.get_color() for line in lines] == list(PALETTE)
    assert legend(figure) == [f"run {place}" for place in range(MOST_NAMED)]
    np.testing.assert_allclose(lines[2].get_ydata(), 2 + 1 / np.arange(1, 21))
    assert words(figure) == ["loss of 8 runs", "best at its end: run 0, 0.05"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("step", "loss")


@pytest.mark.parametrize(("direction", "best"), [(None, range(5)), ("maximize", range(29, 24, -1))])
def test_of_more_runs_the_best_few_are_named(direction: Any, best: range) -> None:
    """By where they end; the others are grey, and counted in the legend."""
    figure = curves_figure(many(MOST_LISTED), direction=direction)

    assert legend(figure) == [*(f"run {place}" for place in best), "and 25 more"]
    ((others, colour, _),) = thin(figure)
    assert (len(others), colour) == (MOST_LISTED - BEST_FEW, GREY)


def test_of_very_many_runs_all_are_thin_and_the_best_is_on_top() -> None:
    """No legend; the words name it. Thin lines are pixels in an SVG, so that it stays small."""
    figure = curves_figure(many(500))

    assert legend(figure) == []
    ((others, colour, made),) = thin(figure)
    assert (len(others), colour) == (499, BLUE)
    assert (made.get_alpha(), made.get_rasterized()) == (0.05, True)
    (best,) = drawn(figure)
    assert best.get_color() == ORANGE
    assert best.get_zorder() > made.get_zorder()
    assert words(figure)[1] == "best at its end: run 0, 0.05 (orange)"
    assert png(figure, dpi=40)


def test_of_ten_thousand_runs_a_thousand_are_drawn() -> None:
    """Evenly over the runs, the best among them; that is said, and it takes a moment."""
    figure = curves_figure(many(10_000, points=3), direction="maximize")

    ((others, _, _),) = thin(figure)
    assert len(others) == 1_000
    assert words(figure)[1:] == ["best at its end: run 9999, 9,999 (orange)", "thin lines: 1,000 of 9,999 runs"]


def test_one_run_needs_no_legend() -> None:
    """Its name stands in the words."""
    figure = curves_figure(many(1))

    assert legend(figure) == []
    assert words(figure) == ["loss of 1 run", "run 0; at its end 0.05"]


def test_runs_that_end_early_have_a_dot_at_their_end() -> None:
    """The longest have none."""
    figure = curves_figure(curves(curve("a", ([0, 1, 2], [3, 2, 1])), curve("b", ([0, 1], [3, 2.5]))))

    dots = [line for line in drawn(figure) if line.get_marker() == "o"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in dots] == [(1, 2.5)]


def test_gaps_are_gaps_and_points_between_gaps_are_dots() -> None:
    """A line with NaN in it isn't drawn across."""
    nan = math.nan
    figure = curves_figure(curves(curve("a", (range(6), [1, 2, nan, 3, math.inf, 4]))))

    dots, line = drawn(figure)
    np.testing.assert_array_equal(line.get_ydata(), [1, 2, nan, 3, nan, 4])
    assert dots.get_xdata().tolist() == [3, 5]


def test_raw_values_stand_faint_behind_smoothed_ones() -> None:
    """In the same colour; the words say by how much it was smoothed."""
    y = [1.0, 5, 1, 5, 1, 5]
    figure = curves_figure(curves(curve("a", (range(6), y), smoothing=0.9), smoothing=0.9))

    raw, smooth = drawn(figure)
    assert raw.get_ydata().tolist() == y
    assert (raw.get_alpha(), raw.get_zorder() < smooth.get_zorder()) == (0.22, True)
    assert raw.get_color() == smooth.get_color()
    assert words(figure)[1].endswith("; smoothed by 0.9, unsmoothed values faint")


def test_groups_have_a_mean_a_band_and_the_number_of_their_runs() -> None:
    """Where fewer runs are left it is drawn below; runs without a group are grey."""
    runs = [curve("a", ([0, 1, 2], [1, 2, 3]), "adam"), curve("b", ([0, 1], [3, 4]), "adam")]
    runs += [curve("c", ([0, 1, 2], [5, 5, 5]), "sgd"), curve("d", ([0, 2], [9, 9]))]
    figure = curves_figure(curves(*runs))

    assert legend(figure) == ["adam (n = 2, 1 at the end)", "sgd (n = 1)"]
    made = figure.axes[0].get_legend()
    assert made is not None
    assert made.get_title().get_text() == "optimizer"
    means = [line for line in drawn(figure) if line.get_linewidth() == 2]
    assert [line.get_ydata().tolist() for line in means] == [[2, 3, 3], [5, 5, 5]]
    bands = [made for made in figure.axes[0].collections if isinstance(made, FillBetweenPolyCollection)]
    assert [sum(np.asarray(path.vertices).shape[0] > 2 for path in band.get_paths()) for band in bands] == [1, 0]
    assert figure.axes[1].get_ylabel() == "runs"
    assert [line.get_ydata().tolist() for line in drawn(figure, 1)] == [[2, 2, 1], [1, 1, 1]]
    assert words(figure)[1] == "mean and its 95% interval of each optimizer; faint lines are runs"
    assert [(len(lines), colour) for lines, colour, _ in thin(figure)] == [(1, GREY), (2, BLUE), (1, ORANGE)]


def test_the_interval_of_two_runs_does_not_press_the_picture_flat() -> None:
    """The y-axis is that of the runs; and of as many runs everywhere none are counted below."""
    figure = curves_figure(curves(curve("a", ([0, 1], [1, 1]), "g"), curve("b", ([0, 1], [2, 2]), "g")))

    assert len(figure.axes) == 1
    low, high = figure.axes[0].get_ylim()
    assert -1 < low < 1
    assert 2 < high < 4


def test_of_many_groups_the_first_few_have_colours() -> None:
    """The others are thin and grey, without a band, and counted in the legend."""
    runs = [curve(f"{group}{run}", (range(5), [group + run] * 5), f"g{group}") for group in range(20) for run in (0, 1)]
    figure = curves_figure(curves(*runs))

    assert len(legend(figure)) == len(PALETTE)
    assert legend(figure)[-1] == "and 13 more"
    bands = [made for made in figure.axes[0].collections if isinstance(made, FillBetweenPolyCollection)]
    assert len(bands) == len(PALETTE) - 1


def test_log_axes_leave_out_what_has_no_place_there() -> None:
    """And count it."""
    figure = curves_figure(curves(curve("a", ([0, 1, 10], [1, 0, 0.1]))), log_x=True, log_y=True)

    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert words(figure)[-1] == "2 points left out: at 0 or below, or too large, for a log axis"
    only = curves_figure(curves(curve("a", ([0], [1]))), log_x=True)
    assert only.axes[0].texts[0].get_text().startswith("no run has a point that can be drawn; 1 point left out")


def test_bands_are_drawn_on_log_axes() -> None:
    """Also where the interval reaches below 0, and from the step 0."""
    runs = [curve(f"r{place}", ([0, 1, 10], [10.0**place, 1, 0.01]), "g") for place in range(3)]
    figure = curves_figure(curves(*runs), log_x=True, log_y=True)

    assert png(figure, dpi=40)
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert 0 < axes.get_ylim()[0] < 0.01
    assert 1 < axes.get_ylim()[1] < 10


def test_a_run_that_diverges_does_not_decide_the_y_axis() -> None:
    """It leaves the picture at the top, and that is said."""
    calm = [curve(f"r{place}", (range(100), np.linspace(1, 0.1, 100))) for place in range(5)]
    wild = curve("wild", (range(100), [*np.linspace(1, 0.5, 90), *10.0 ** np.arange(10, 20)]))
    figure = curves_figure(curves(*calm, wild))

    assert figure.axes[0].get_ylim()[1] < 3
    assert words(figure)[-1] == "10 points beyond the y-axis"


def test_the_clock_is_written_as_dates() -> None:
    """Seconds since 1970 as days, as matplotlib counts them."""
    figure = curves_figure(curves(curve("a", ([1.7e9, 1.7e9 + 3600], [1, 2])), x="time"))
    png(figure, dpi=40)

    assert {"22:30", "23:00"} <= {text.get_text() for text in figure.axes[0].get_xticklabels()}


def test_a_long_line_keeps_its_spikes() -> None:
    """Of 200,000 points some 2,000 are drawn; the highest, the lowest and both ends are among them."""
    y = np.zeros(200_000)
    y[12_345], y[54_321] = 7, -7
    (line,) = drawn(curves_figure(curves(curve("a", (np.arange(200_000), y)))))

    assert len(line.get_xdata()) < 2_100
    assert (line.get_ydata().max(), line.get_ydata().min()) == (7, -7)
    assert line.get_xdata()[[0, -1]].tolist() == [0, 199_999]


@pytest.mark.parametrize(
    "made",
    [(), (curve("a", ([0, 1], [math.nan, math.inf])),), (curve("a", ([0], [math.nan]), "g"),)],
)
def test_nothing_to_draw_is_said_in_words(made: tuple[Curve, ...]) -> None:
    """No runs, or nothing finite."""
    figure = curves_figure(curves(*made))

    assert figure.axes[0].texts[0].get_text() in {"no runs", "no run has a point that can be drawn"}


def test_hostile_names_are_drawn_letter_by_letter() -> None:
    """In the legend, the labels, the title; equal ones are numbered."""
    names = ["$\\frac{1}{", "a\nb", "x" * 500, "漢字 \U0001f600", "_hidden", "", "same", "same"]
    runs = [curve(name, ([0, 1], [place, place]), name) for place, name in enumerate(names)]
    plain = curves(*(one._replace(group=None) for one in runs), metric="$\\frac{$" * 30)

    assert png(curves_figure(plain, title=names[0]), dpi=40)
    assert png(curves_figure(curves(*runs)._replace(group_by="$\\frac{")), dpi=40)
    assert legend(curves_figure(plain))[3:] == ["漢字 \U0001f600", " _hidden", "(no name)", "same (1)", "same (2)"]


@pytest.mark.parametrize("log", [False, True])
def test_the_largest_floats_are_drawn_or_counted(log: bool) -> None:
    """No overflow within matplotlib."""
    y = [1.7e308, -1.7e308, 1e300, 1e-300, 5e-324, 1.0]
    figure = curves_figure(
        curves(curve("a", (range(1, 7), y)), curve("b", (range(1, 7), [1.0] * 6))), log_y=log, log_x=log
    )

    assert png(figure, dpi=40)
    assert "left out" in words(figure)[-1]
