"""Pictures of params: whatever the runs hold, and however many there are, what is drawn is what is so."""

import math
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from readers.dependence import Cells, Landscape
from readers.figures.dependence import MOST_SLICES, dependence_figure, slice_figure
from readers.figures.importance import MOST_BARS, importance_figure
from readers.figures.interactions import interaction_figure, interaction_matrix_figure
from readers.figures.style import png
from readers.importance import ParameterImportance
from readers.pairs import pairs
from readers.runtable import RunTable
from readers.slices import slices

HOSTILE = ["$\\frac{1}{", "a\nb\tc", "x" * 500, "漢字 \U0001f600", "_hidden", "", "<b>&amp;", "%s{}", "\x00"]
MAX: Literal["maximize"] = "maximize"


def study(n: int) -> RunTable:
    """Runs with params of all kinds, some missing, some without a metric, one that diverged."""
    rng = np.random.default_rng(0)
    records = []
    for place in range(n):
        params: dict[str, Any] = {
            "lr": 10 ** rng.uniform(-5, -1),
            "width": int(2 ** rng.integers(4, 10)),
            "opt": str(rng.choice(["adam", "sgd", "rmsprop"])),
            "depth": [None, 3, 5][place % 3],
            "flag": bool(place % 2),
            "layers": [64] * int(rng.integers(1, 4)),
        }
        if params["opt"] == "sgd":
            params["momentum"] = rng.uniform(0.5, 0.99)
        value = -((math.log10(params["lr"]) + 3) ** 2) + rng.normal(0, 0.2)
        value = math.nan if place % 11 == 10 else 1e9 if place == 20 else value
        records.append({"run_id": f"r{place}", "params": params, "metrics": {"m": value}})
    return RunTable.of_records(records)


def hostile(n: int) -> RunTable:
    """Runs whose names and values are anything."""
    rng = np.random.default_rng(1)
    rows = [
        {name: HOSTILE[rng.integers(9)] if k % 2 else rng.random() * 10**k for k, name in enumerate(HOSTILE) if name}
        for _ in range(n)
    ]
    return RunTable.of_records(
        [{"run_id": f"r{k}", "params": row, "metrics": {"$m_{": rng.random()}} for k, row in enumerate(rows)]
    )


def landscape(table: RunTable, *names: str) -> Landscape:
    """Of the only metric."""
    metric = table.metric_names[0]
    return Landscape(table, table.metric(metric), metric, names, direction=MAX)


def colours(figure: Figure) -> int:
    """How many greys the picture has; few where next to nothing is drawn."""
    with Image.open(BytesIO(png(figure, dpi=40))) as image:
        return len(image.convert("L").getcolors() or ())


def words(figure: Figure) -> str:
    """All that is written in it."""
    found: list[Any] = figure.findobj(lambda each: hasattr(each, "get_text"))
    return " ".join(" ".join(text.get_text() for text in found).split())


@pytest.mark.parametrize("n", [2, 5, 30])
def test_one_param_is_drawn(n: int) -> None:
    """A number as a curve, levels as marks, each with all its runs; without a fit where runs are few."""
    for name in ("lr", "opt"):
        shown = landscape(study(n), name).dependence(name)
        figure = dependence_figure(shown, metric="m", direction=MAX)

        assert colours(figure) > 2
        scatter: Any = figure.axes[0].collections[0]
        assert len(scatter.get_offsets()) == len(shown.values)
        assert ("the forest's fit" in words(figure)) == (n >= 8)


@pytest.mark.parametrize("n", [5, 30, 500])
def test_two_params_are_drawn(n: int) -> None:
    """Numbers as a surface under the runs, levels as cells whose counts add up to the runs."""
    scene = landscape(study(n), "lr", "width", "opt", "depth")
    surface, cells = scene.surface("lr", "width"), scene.cells("opt", "depth")

    assert colours(interaction_figure(surface, metric="m", direction=MAX)) > 2
    assert "n = " in words(interaction_figure(cells, metric="m", direction="minimize"))
    assert cells.counts.sum() == len(surface.values)


def test_the_better_end_of_the_colours_is_on_top() -> None:
    """For a loss the scale is turned round, and the bright colour is the lowest value."""
    scene = landscape(study(40), "lr", "width")
    figures = {
        way: interaction_figure(scene.surface("lr", "width"), metric="m", direction=way)
        for way in ("maximize", "minimize")
    }
    bars = {way: figure.axes[1] for way, figure in figures.items()}

    assert bars["maximize"].get_ylim()[0] < bars["maximize"].get_ylim()[1]
    assert bars["minimize"].get_ylim()[0] > bars["minimize"].get_ylim()[1]
    assert [bar.get_title(loc="left") for bar in bars.values()] == ["better", "better"]


def test_one_run_that_diverged_leaves_the_others_their_colours() -> None:
    """1e9 among values around -1: the colours end long before."""
    figure = interaction_figure(landscape(study(60), "lr", "width").surface("lr", "width"), metric="m", direction=MAX)

    assert max(figure.axes[1].get_ylim()) < 1e3


def test_means_are_written_in_digits_that_tell_them_apart() -> None:
    """0.9412 and 0.9437 aren't both 0.94."""
    cells = Cells("x", "y", ("a", "b"), ("c",), np.array([[0.9412, 0.9437]]), np.array([[1, 2]]), math.nan)
    figure = interaction_figure(cells, metric="m", direction=MAX)

    assert "0.9412 n = 1" in words(figure)
    assert "0.9437 n = 2" in words(figure)


@pytest.mark.parametrize("n", [3, 40])
def test_a_matrix_has_each_param_and_each_pair(n: int) -> None:
    """Six at most, of three at least: curves on the diagonal, surfaces below it; a pair that no run has says so."""
    scene = landscape(study(n), "lr", "width", "opt", "momentum")
    found = pairs(scene, list(scene.asked.drawable))
    figure = interaction_matrix_figure(found, metric="m", direction=MAX)
    k = len(found.names)

    assert len(figure.axes) == k * k + 1
    assert colours(figure) > 2
    assert all(name in words(figure) for name in found.names)


def test_hostile_names_are_drawn_as_they_are() -> None:
    """No formula, no crash, no warning; a name without a letter is called so; no label is longer than its place."""
    table = hostile(25)
    scene = landscape(table, *table.param_names)
    names = list(scene.asked.drawable)
    numeric = [name for name in names if scene.asked.drawable[name].kind == "numeric"]
    levels = [name for name in names if name not in numeric]
    figures = [
        interaction_figure(scene.surface(numeric[0], numeric[1]), metric="$m_{", direction=MAX),
        interaction_figure(scene.cells(levels[0], levels[1]), metric="$m_{", direction=MAX),
        slice_figure(slices(table, table.metric("$m_{"), "$m_{", direction=MAX)),
        interaction_matrix_figure(pairs(scene, names[:3]), metric="$m_{", direction=MAX),
    ]

    for figure in figures:
        assert colours(figure) > 2
        assert "$m_{" in words(figure)
        assert max(figure.get_size_inches()) < 16


@pytest.mark.parametrize("n", [1, 2, 40])
def test_slices_have_a_panel_for_each_param_that_varies(n: int) -> None:
    """With none there are words."""
    table = study(n)
    found = slices(table, table.metric("m"), "m", direction=MAX)
    figure = slice_figure(found)

    assert sum(axes.axison for axes in figure.axes) == len(found.slices)
    assert ("no param varies" in words(figure)) == (n == 1)


def test_more_than_twelve_slices_are_named_and_not_drawn() -> None:
    """The first twelve are drawn."""
    rng = np.random.default_rng(0)
    records = [
        {"run_id": f"r{n}", "params": {f"p{k:02}": rng.random() for k in range(15)}, "metrics": {"m": n}}
        for n in range(10)
    ]
    table = RunTable.of_records(records)
    figure = slice_figure(slices(table, table.metric("m"), "m", direction=MAX))

    assert sum(axes.axison for axes in figure.axes) == MOST_SLICES
    assert "not drawn: p12, p13, p14" in words(figure)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_finite_value_is_said_in_words(value: float) -> None:
    """A picture, not an exception."""
    records = [{"run_id": f"r{n}", "params": {"x": n, "y": n % 2}, "metrics": {"m": value}} for n in range(9)]
    table = RunTable.of_records(records)
    scene = landscape(table, "x", "y")

    assert "no run has the metric" in words(slice_figure(slices(table, table.metric("m"), "m", direction=MAX)))
    assert scene.nothing == "no run has a value of m"


def test_a_pair_that_no_run_has_is_said_in_words() -> None:
    """Half of the runs have the one, half the other."""
    records = [{"run_id": f"r{n}", "params": {"xy"[n % 2]: n}, "metrics": {"m": n}} for n in range(30)]
    scene = landscape(RunTable.of_records(records), "x", "y")

    for shown in (scene.surface("x", "y"), scene.cells("x", "y")):
        assert "no run has both params and the metric" in words(interaction_figure(shown, metric="m", direction=MAX))


def importance(names: list[str], values: list[float], **more: Any) -> ParameterImportance:
    """An answer as the analysis gives it."""
    made = ParameterImportance(zip(names, values, strict=True))
    made.metric, made.method, made.direction, made.level, made.n, made.left_out = "m", "permutation", MAX, 0.95, 40, 0
    made.intervals = {name: (max(0.0, value - 0.1), min(1.0, value + 0.1)) for name, value in made.items()}
    made.ranks = {name: place + 1 for place, name in enumerate(made)}
    made.rank_intervals = {name: (max(1, place), place + 2) for place, name in enumerate(made)}
    made.effects = dict.fromkeys(made, math.nan)
    made.r2, made.warnings = math.nan, []
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_importance_shows_what_one_should_know() -> None:
    """Bars, largest first; ranks in words, sign of the effect, quality of the forest, and every warning."""
    made = importance(["a", "b"], [0.2, 0.8], r2=0.62, effects={"a": math.nan, "b": -0.5}, warnings=["c is the same"])
    made.rank_intervals = {"a": (2, 2), "b": (1, 2)}
    figure = importance_figure(made)
    patches: Any = figure.axes[0].patches
    bars = [patch.get_width() for patch in patches]

    assert bars == [0.8, 0.2]
    for text in ("1 to 2", "-0.50", "R\N{SUPERSCRIPT TWO} = 0.62", "c is the same", "40 runs", "95% intervals"):
        assert text in words(figure)


@pytest.mark.parametrize("k", [1, MOST_BARS, 60])
def test_importance_of_any_number_of_params_fits_a_page(k: int) -> None:
    """What gets no bar is summed up."""
    figure = importance_figure(importance([f"param {n}" for n in range(k)], [1 / k] * k))

    assert len(figure.axes[0].patches) == min(k, MOST_BARS)
    assert ("the 35 others: 58%" in words(figure)) == (k == 60)
    assert max(figure.get_size_inches()) < 12
    assert colours(figure) > 2


@pytest.mark.parametrize("names", [[], ["a", "b"], HOSTILE])
def test_importance_of_nothing_is_said_in_words(names: list[str]) -> None:
    """No params, or none that matters."""
    figure = importance_figure(importance(names, [0.0] * len(names), warnings=["too few runs"]))

    assert "too few runs" in words(figure)
    assert ("no param can be told to matter" if names else "no params to look at") in words(figure)
