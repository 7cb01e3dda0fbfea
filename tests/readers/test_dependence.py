"""Dependence: curves, surfaces and interactions of a forest say what the runs were made of, and no more."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from ingest.errors import LookupFailed
from readers.dependence import Landscape
from readers.pairs import MOST, pairs
from readers.paramaxes import Axis, axes_of
from readers.response import Response
from readers.runtable import RunTable

NAN = float("nan")
Made = Callable[[np.random.Generator, int], dict[str, Any]]


def runs(n: int, metric: Callable[[dict[str, Any]], float], seed: int = 0) -> RunTable:
    """Runs of a study: a learning rate, a width, two levels and noise."""
    rng = np.random.default_rng(seed)
    records = []
    for place in range(n):
        params = {
            "lr": 10 ** rng.uniform(-5, -1),
            "width": int(2 ** rng.integers(4, 10)),
            "opt": str(rng.choice(["adam", "sgd"])),
            "dropout": rng.random(),
        }
        records.append({"run_id": f"r{place}", "params": params, "metrics": {"m": metric(params)}})
    return RunTable.of_records(records)


def landscape(table: RunTable, *names: str) -> Landscape:
    """The landscape of the metric m."""
    return Landscape(table, table.metric("m"), "m", names, direction="maximize")


def peak(params: dict[str, Any]) -> float:
    """Best at 1e-3, whatever the rest."""
    return -((math.log10(params["lr"]) + 3) ** 2)


def test_a_curve_follows_what_the_metric_is_made_of() -> None:
    """Highest where the runs were best, on a logarithmic scale for a learning rate; flat for a param without use."""
    scene = landscape(runs(100, peak), "lr", "dropout")
    curve, flat = scene.dependence("lr"), scene.dependence("dropout")

    assert curve.axis.log
    assert 3e-4 < curve.grid[curve.mean.argmax()] < 3e-3
    assert curve.grid[[0, -1]] == pytest.approx(curve.axis.distinct[[0, -1]])
    assert np.ptp(flat.mean) < 0.2 * np.ptp(curve.mean)


def test_the_band_holds_the_true_curve() -> None:
    """At 85 of 100 places at least, with 20 runs and with 60, over studies whose truth is known."""
    for n in (20, 60):
        held = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            x, other = rng.uniform(-2, 2, n), rng.random(n)
            values = -(x**2) + other + rng.normal(0, 0.5, n)
            response = Response([Axis("x", "numeric", x), Axis("other", "numeric", other)], values, seed)
            places = np.linspace(-1.8, 1.8, 9)
            fit = response.dependence(["x"], places[:, None])
            held.append(np.abs(fit.mean - (-(places**2) + other.mean())) <= 1.96 * fit.error)

        assert np.mean(held) > 0.85


def test_r2_is_of_runs_that_the_forest_has_not_seen() -> None:
    """High for what params tell; about 0 or less for noise, which a forest learns by heart."""
    rng = np.random.default_rng(0)
    x = rng.random(80)
    axis = Axis("x", "numeric", x)

    assert Response([axis], x).r2 > 0.9
    assert Response([axis], rng.random(80)).r2 < 0.1


def test_the_share_of_a_pair_is_what_only_both_tell() -> None:
    """Large for a product of two centred params, small for a sum."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 200))
    axes = [Axis("a", "numeric", a), Axis("b", "numeric", b)]

    assert Response(axes, a * b).pair_share("a", "b") > 0.5
    assert Response(axes, a + b).pair_share("a", "b") < 0.05


def test_levels_and_missing_values_take_part() -> None:
    """A level's mean is told apart, a param that half of the runs lack is drawn over those that have it."""
    rng = np.random.default_rng(0)
    level, half = rng.integers(0, 3, 120).astype(float), rng.random(120)
    half[level == 0] = NAN
    values = (level == 1) + np.nan_to_num(half)
    axes = [Axis("level", "categorical", level, ("a", "b", "c")), Axis("half", "numeric", half)]
    response = Response(axes, values)
    by_level = response.dependence(["level"], np.arange(3.0)[:, None]).mean
    by_half = response.dependence(["half"], np.array([[0.1], [0.9]])).mean

    assert by_level.argmax() == 1
    assert by_half[1] - by_half[0] == pytest.approx(0.8, abs=0.25)


def test_a_surface_knows_where_no_run_was() -> None:
    """The runs lie on a band; cells far from it aren't near any, those with a run in them are."""
    rng = np.random.default_rng(0)
    a = rng.random(60)
    records = [
        {"run_id": f"r{n}", "params": {"a": x, "b": x + rng.uniform(0, 0.1)}, "metrics": {"m": x}}
        for n, x in enumerate(a)
    ]
    surface = landscape(RunTable.of_records(records), "a", "b").surface("a", "b")
    columns = np.clip(np.searchsorted(surface.x_edges, surface.x.places) - 1, 0, surface.near.shape[1] - 1)
    rows = np.clip(np.searchsorted(surface.y_edges, surface.y.places) - 1, 0, surface.near.shape[0] - 1)

    assert surface.near[rows, columns].all()
    assert not surface.near[0, -1]
    assert not surface.near[-1, 0]
    assert 0.1 < surface.near.mean() < 0.6


def test_cells_are_means_with_their_counts() -> None:
    """Exactly those of the runs; where no run is, there is no mean."""
    rows = [("a", 1, 1.0), ("a", 1, 3.0), ("b", 2, 5.0), ("b", 2, NAN)]
    records = [{"run_id": f"r{n}", "params": {"x": x, "y": y}, "metrics": {"m": m}} for n, (x, y, m) in enumerate(rows)]
    cells = landscape(RunTable.of_records(records), "x", "y").cells("x", "y")

    assert (cells.x_labels, cells.y_labels) == (("a", "b"), ("1", "2"))
    assert cells.counts.tolist() == [[2, 0], [0, 1]]
    assert np.array_equal(cells.means, [[2.0, NAN], [NAN, 5.0]], equal_nan=True)
    assert "1 of 4 runs without m are left out" in cells.notes


def test_numbers_of_many_values_are_binned() -> None:
    """Five bins of about as many runs each; no run is lost."""
    cells = landscape(runs(100, peak), "lr", "opt").cells("lr", "opt")

    assert cells.counts.shape == (2, 5)
    assert cells.counts.sum() == 100
    assert (cells.counts.sum(axis=0) == 20).all()


@pytest.mark.parametrize(("names", "shown"), [(["lr", "dropout"], "surface"), (["lr", "opt"], "cells")])
def test_what_shows_two_params_best(names: list[str], shown: str) -> None:
    """A surface for numbers, cells for levels."""
    assert landscape(runs(40, peak), *names).best_shown_as(*names) == shown


def test_a_grid_of_numbers_is_shown_as_cells() -> None:
    """Where each combination has its runs, their means say more than a fit."""
    grid = [(x, y) for x in (1, 2, 3) for y in (10, 20, 30)] * 2
    records = [
        {"run_id": f"r{n}", "params": {"x": x, "y": y}, "metrics": {"m": x * y}} for n, (x, y) in enumerate(grid)
    ]

    assert landscape(RunTable.of_records(records), "x", "y").best_shown_as("x", "y") == "cells"


def test_too_few_runs_are_not_fitted() -> None:
    """Seven runs are drawn as they are, and the notes say so; eight are fitted."""
    few, enough = (landscape(runs(n, peak), "lr") for n in (7, 8))

    assert (few.response, len(few.dependence("lr").grid)) == (None, 0)
    assert any("it takes 8 runs" in note for note in few.notes)
    assert len(enough.dependence("lr").grid) == 60


def test_a_constant_metric_is_not_fitted() -> None:
    """There is nothing to tell, and the notes say so."""
    scene = landscape(runs(30, lambda _: 1.0), "lr", "dropout")

    assert scene.response is None
    assert any("does not vary" in note for note in scene.notes)
    assert scene.surface("lr", "dropout").fitted.size == 0


def test_pairs_put_interacting_params_first() -> None:
    """Two params act together only; a third acts alone; more than six are cut to those that tell something."""
    table = runs(150, lambda p: (p["dropout"] - 0.5) * (1 if p["opt"] == "sgd" else -1) + 0.02 * p["width"] / 512)
    names = ["width", "lr", "opt", "dropout"]
    found = pairs(landscape(table, *names), names)

    assert set(found.names[:2]) == {"opt", "dropout"}
    assert set(found.surfaces) == {(row, column) for row in range(4) for column in range(row)}


def test_many_params_are_cut_to_those_that_tell_most() -> None:
    """The two that matter stay; what isn't drawn is named."""
    rng = np.random.default_rng(0)
    names = [f"p{place:02}" for place in range(9)]
    records = []
    for place in range(60):
        params = dict(zip(names, rng.random(9).tolist(), strict=True))
        records.append({"run_id": f"r{place}", "params": params, "metrics": {"m": params["p03"] - params["p07"]}})
    found = pairs(landscape(RunTable.of_records(records), *names), names)

    assert len(found.names) == MOST
    assert {"p03", "p07"} <= set(found.names)
    assert any(note.startswith("not drawn, as they tell less: ") for note in found.notes)


def test_more_than_two_thousand_runs_are_sampled() -> None:
    """A fit of 5,000 runs takes a part of them: enough for a picture."""
    rng = np.random.default_rng(0)
    x = rng.random(5_000)

    assert len(Response([Axis("x", "numeric", x)], x).target) == 2_000


def names_of(table: RunTable, names: Sequence[str] | None = None) -> Any:
    """The axes over all runs."""
    return axes_of(table, names, np.ones(len(table), dtype=bool))


def test_axes_say_what_cannot_be_drawn() -> None:
    """The same everywhere, different everywhere, or in none of the runs with the metric."""
    rows = [{"same": 1, "id": f"run-{n}", "x": n % 3, "word": None if n % 2 else 7} for n in range(30)]
    table = RunTable.of_records(
        [{"run_id": f"r{n}", "params": row, "metrics": {"m": 1.0}} for n, row in enumerate(rows)]
    )
    axes = names_of(table)

    assert list(axes.drawable) == ["word", "x"]
    assert axes.drawable["word"].levels == ("7", "None")
    assert axes.why() == [
        "id is different in nearly every run: it names runs and explains nothing",
        "same is the same in all runs",
    ]


def test_an_unknown_param_is_an_error_that_names_those_there() -> None:
    """With what is near to it."""
    with pytest.raises(LookupFailed, match="no param 'dropuot'; did you mean 'dropout'"):
        names_of(runs(3, peak), ["dropuot"])


def test_many_levels_are_summed_up() -> None:
    """Eleven levels and the others: the frequent ones keep their names."""
    rng = np.random.default_rng(0)
    held = [f"level {int(n):02}" for n in rng.integers(0, 30, 400)] + ["level 07"] * 50
    table = RunTable.of_records([{"run_id": f"r{n}", "params": {"x": x}, "metrics": {}} for n, x in enumerate(held)])
    axis = names_of(table).drawable["x"]

    assert len(axis.levels) == 12
    assert axis.levels[-1] == "19 others"
    assert "level 07" in axis.levels
    assert np.isfinite(axis.places).all()


@pytest.mark.parametrize(
    ("values", "log"), [([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], False), ([16, 32, 64, 128, 256], True), ([0, 1, 100], False)]
)
def test_doubling_numbers_lie_on_a_logarithmic_axis(values: list[int], log: bool) -> None:
    """Evenly spread ones don't, nor such with a zero."""
    table = RunTable.of_records([{"run_id": f"r{n}", "params": {"x": x}, "metrics": {}} for n, x in enumerate(values)])

    assert names_of(table).drawable["x"].log is log
