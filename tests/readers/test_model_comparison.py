"""Versions of a model side by side, and a metric over them."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from ingest.errors import MetricNotFound, ModelNotFound
from readers.figures.modelevolution import model_evolution_figure
from readers.modelcomparison import ComparedValue, ModelComparison, compare_versions
from readers.modelevolution import ModelEvolution, model_evolution
from readers.models import Models
from readers.store import Store
from tracker import ExperimentTracker

X, Y = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.0], [0.0, 0.5]]), np.array([0, 1, 1, 0])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Four versions: of three runs, two kinds, two data sets; the third without metrics. To be read only."""
    folder = tmp_path_factory.mktemp("models")
    with ExperimentTracker(folder, "e", auto_log=False) as tracker:
        for number, accuracy in enumerate((0.5, 0.75, None, 0.25), 1):
            with tracker.start_run(f"run {number}"):
                if accuracy is not None:
                    tracker.log_metrics({"accuracy": accuracy, "loss": 1 - accuracy, "system/cpu_percent": 1.0})
                model: Any = LogisticRegression(C=float(number)).fit(X, Y) if number < 3 else {"w": np.ones(number)}
                data = X if number == 1 else (X, Y)
                tracker.log_model(model, "m", input_example=X if number < 3 else None, data=data)
        tracker.promote("m", 2)
    return Store(folder)


def rows(compared: ModelComparison) -> dict[tuple[str, str], ComparedValue]:
    """The rows by kind and name."""
    return {(row.kind, row.name): row for row in compared.rows}


def test_versions_are_compared_in_all_that_is_known_of_them(store: Store) -> None:
    """What differs is marked, and of each metric the best; the machine's metrics aren't compared."""
    compared = compare_versions(store, "m")
    found = rows(compared)

    assert compared.versions == (1, 2, 3, 4)
    assert found["metric", "accuracy"].values == (0.5, 0.75, None, 0.25)
    assert (found["metric", "accuracy"].best, found["metric", "loss"].best) == ((2,), (2,))
    assert found["param", "C"].values == (1.0, 2.0, None, None)
    assert len(set(found["data", "sha256"].values)) == 2
    assert found["signature", "inputs"].values == ("float64 (n, 2)", "float64 (n, 2)", None, None)
    assert found["tag", "stage"].values == (None, "production", None, None)
    assert found["file", "format"].differs
    assert not found["file", "experiment"].differs
    assert ("metric", "system/cpu_percent") not in found
    assert {("file", "run_id"), ("file", "time")}.isdisjoint({(row.kind, row.name) for row in compared.differences})


def test_some_versions_are_compared_in_the_order_asked_for(store: Store) -> None:
    """By numbers and aliases, each once; only the metrics asked for."""
    compared = compare_versions(store, "m", [4, "production", "2", "latest"], ["accuracy"])

    assert compared.versions == (4, 2)
    assert [row.name for row in compared.rows if row.kind == "metric"] == ["accuracy"]


def test_what_cannot_be_compared_is_said(store: Store) -> None:
    """What isn't there with what is, and one version that isn't a list of them."""
    with pytest.raises(ModelNotFound, match="no model 'x'; there is: m"):
        compare_versions(store, "x")
    with pytest.raises(ModelNotFound, match="no version 9 of model 'm'; there is: 1, 2, 3, 4"):
        compare_versions(store, "m", [1, 9])
    with pytest.raises(MetricNotFound, match="no metric 'acuracy'; did you mean 'accuracy'"):
        compare_versions(store, "m", None, ["acuracy"])
    with pytest.raises(TypeError, match=r"versions is 'best'; it is a list"):
        compare_versions(store, "m", "best")


def test_a_comparison_is_a_frame_of_one_row_a_version(store: Store) -> None:
    """With typed columns; what isn't of one kind is JSON."""
    frame = compare_versions(store, "m").to_frame()

    assert frame["version"].to_list() == [1, 2, 3, 4]
    assert frame["metric.accuracy"].to_list() == [0.5, 0.75, None, 0.25]
    assert frame["param.C"].dtype.is_float()
    assert frame["file.aliases"].to_list() == ["[]", '["production"]', "[]", "[]"]
    assert compare_versions(store, "m", [1]).to_frame().height == 1


def test_a_comparison_shows_itself(store: Store) -> None:
    """In a terminal and in a notebook: what differs, the best with a star, what is the same as a number."""
    compared = compare_versions(store, "m", [1, 2])
    written = io.StringIO()
    Console(width=120, file=written).print(compared)
    text = written.getvalue()

    assert "Model 'm': 2 versions" in text
    assert "0.75 *" in text
    assert "max_iter" not in text
    assert "the same in all" in text
    assert "<table" in compared._repr_html_()


def test_of_many_versions_the_last_are_shown(store: Store) -> None:
    """The frame has them all."""
    row = ComparedValue("metric", "loss", tuple(map(float, range(20))), differs=True, best=(1,))
    grid = ModelComparison("m", tuple(range(1, 21)), (row,)).grid()

    assert grid.columns == ("", "name", *(f"version {number}" for number in range(13, 21)))
    assert "12 older versions" in grid.notes[0]


# --- over time


def test_a_metric_is_followed_over_versions(store: Store) -> None:
    """With the best so far, by the direction that is asked for; NaN where a version has none."""
    models = Models(store.layout)
    up, down = (model_evolution(models, "m", "accuracy", way) for way in ("maximize", "minimize"))

    assert up.versions == [1, 2, 3, 4]
    np.testing.assert_array_equal(up.values, [0.5, 0.75, math.nan, 0.25])
    np.testing.assert_array_equal(up.best_so_far, [0.5, 0.75, 0.75, 0.75])
    np.testing.assert_array_equal(down.best_so_far, [0.5, 0.5, 0.5, 0.25])
    assert (up.best, down.best) == (2, 4)
    assert up.aliases == [[], ["production"], [], []]
    with pytest.raises(MetricNotFound, match="no metric 'acuracy'; did you mean 'accuracy'"):
        model_evolution(models, "m", "acuracy", "maximize")


def evolution(values: list[float], aliases: dict[int, list[str]] | None = None, name: str = "m") -> ModelEvolution:
    """One with these values."""
    numbers = np.array(values, dtype=float)
    best = np.fmax.accumulate(numbers) if len(numbers) else numbers
    named = [(aliases or {}).get(place, []) for place in range(len(values))]
    return ModelEvolution(name, "accuracy", "maximize", list(range(1, len(values) + 1)), [], numbers, best, named)


def said(figure: Any) -> str:
    """All that is written in a figure."""
    texts = [*figure.texts, *(text for axes in figure.axes for text in [*axes.texts, axes.yaxis.label])]
    return "\n".join(text.get_text() for text in texts)


def test_the_picture_has_a_point_a_version_and_names_the_aliases() -> None:
    """The best in words, what is missing and what is archived in a note."""
    figure = model_evolution_figure(
        evolution([0.5, math.nan, 0.75, 0.6], {0: ["[archived]"], 2: ["best", "production"], 3: ["[staging]"]})
    )
    text = said(figure)
    drawn: Any = figure.axes[0].collections

    assert sum(len(points.get_offsets()) for points in drawn) == 3
    assert "best: version 3, 0.75 (orange); latest with a value: version 4, 0.6" in text
    assert "best, production" in text
    assert "[staging]" in text
    assert "crosses: 1 version without a finite value (2); 1 version archived" in text


@pytest.mark.parametrize(
    "values", [[0.5], [0.5, 0.5], [1e308, -1e308, 0.5], [math.inf, 0.5, -math.inf], [0.5, *[math.nan] * 50]]
)
def test_any_values_make_a_picture(values: list[float], tmp_path: Path) -> None:
    """One version, equal ones, the largest numbers, infinities, gaps."""
    from readers.figures.style import save

    figure = model_evolution_figure(evolution(values))

    assert save(figure, tmp_path / "a.png").stat().st_size > 0
    assert "best: version" in said(figure)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_without_a_finite_value_the_picture_says_so(values: list[float]) -> None:
    """There is nothing to draw."""
    assert "nothing to draw" in said(model_evolution_figure(evolution(values)))


def test_a_few_values_do_not_press_the_others_into_a_line() -> None:
    """The axis is cut and that is said; the best is never cut off."""
    cut = model_evolution_figure(evolution([*np.linspace(0.5, 0.75, 30), -40.0]))
    kept = model_evolution_figure(evolution([*np.linspace(0.5, 0.75, 30), 40.0]))

    assert cut.axes[0].get_ylim()[0] > 0
    assert "1 point beyond the y-axis" in said(cut)
    assert kept.axes[0].get_ylim()[1] > 40
    assert "beyond" not in said(kept)


def test_aliases_that_have_no_room_are_counted() -> None:
    """A thousand versions, each with an alias."""
    figure = model_evolution_figure(
        evolution([0.5] * 1000, {place: [f"alias number {place}"] for place in range(1000)})
    )

    assert "no room for the aliases of" in said(figure)
    assert len(figure.axes[0].texts) < 60


def test_hostile_names_are_drawn_as_text(tmp_path: Path) -> None:
    """A formula in a name starts none."""
    from readers.figures.style import save

    figure = model_evolution_figure(evolution([0.5, 0.6], {1: ["$\\frac{"]}, name="$x^{" + "y" * 300))

    assert save(figure, tmp_path / "a.svg").stat().st_size > 0


def test_a_tracker_draws_it_to_a_file(tmp_path: Path) -> None:
    """By name and metric, as a Figure and as a file; folders are made."""
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as tracker, tracker.start_run():
        for loss in (0.5, 0.25):
            tracker.log_metrics({"loss": loss})
            tracker.log_model({"w": np.ones(1)}, "m")
        figure = tracker.plot_model_evolution("m", "loss", tmp_path / "plots" / "m.pdf", title="Loss of m")

        assert (tmp_path / "plots" / "m.pdf").read_bytes().startswith(b"%PDF")
        assert "Loss of m" in said(figure)
        assert "best: version 2, 0.25" in said(figure)
        assert "best: version 1, 0.5" in said(tracker.plot_model_evolution("m", "loss", mode="max"))
        with pytest.raises(ValueError, match="no mode 'up'"):
            tracker.plot_model_evolution("m", "loss", mode="up")  # type: ignore[arg-type]
