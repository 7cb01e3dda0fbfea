"""Pictures of searches: every trial in its place by what became of it, every algorithm with its folds."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ingest.errors import LookupFailed
from readers.automl.plots import plot_leaderboard, plot_optimization_history
from readers.figures.leaderboard import MOST_ROWS, Entry, leaderboard_figure
from readers.figures.optimization import optimization_history_figure
from readers.figures.style import BLUE, GREY, ORANGE, png
from readers.store import Store
from tests.readers.automl.searching import full_search
from tracker import AutoMLTracker

HOSTILE = ["$\\frac{1}{", "a\nb", "x" * 500, "漢字 \U0001f600", "_hidden", "", "<b>&amp;", "\x00"]


def words(figure: Figure) -> str:
    """Title, words, notes; of a figure without a drawing what it says instead."""
    inside = [text for axes in figure.axes for text in axes.texts]
    return " ".join(" ".join(text.get_text().split()) for text in (*figure.texts, *inside))


def drawn(figure: Figure) -> dict[str, list[tuple[float, float]]]:
    """The points by what the legend calls them."""
    axes = figure.axes[0]
    found = {str(made.get_label()): np.asarray(made.get_offsets()) for made in axes.collections}
    found |= {str(line.get_label()): np.asarray(line.get_xydata()) for line in axes.lines}
    return {name: [(float(x), float(y)) for x, y in points] for name, points in found.items() if name[:1] != "_"}


def entry(name: str, score: float, **told: Any) -> Entry:
    """An algorithm of a leaderboard."""
    return Entry(name, score, math.nan, [], 1)._replace(**told)


def test_trials_are_drawn_by_what_became_of_them() -> None:
    """Complete and pruned at their score, the others as ticks, and the best of the complete ones as a line."""
    states = ["complete", "pruned", "failed", "complete", "running", "complete"]
    scores = [0.5, 0.9, math.nan, 0.7, math.nan, 0.6]
    figure = optimization_history_figure(
        range(1, 7), scores, states, metric="acc", direction="maximize", algorithms=list("abcdef"), baseline=0.55
    )
    found = drawn(figure)

    assert found["complete"] == [(1, 0.5), (4, 0.7), (6, 0.6)]
    assert found["pruned"] == [(2, 0.9)]
    assert [x for x, _ in found["no score"]] == [3, 5]
    assert found["best so far"] == [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.7), (5, 0.7), (6, 0.7)]
    assert {y for _, y in found["baseline"]} == {0.55}
    assert "acc over 6 trials best: 0.7 by d, trial 4" in words(figure)
    assert "ticks at the bottom: 1 failed, 1 still running" in words(figure)


def test_less_is_better_where_it_is() -> None:
    """The line goes down, trials in any order of their numbers."""
    figure = optimization_history_figure(
        [3, 1, 2], [0.1, 0.3, 0.2], ["complete"] * 3, metric="loss", direction="minimize"
    )

    assert drawn(figure)["best so far"] == [(1, 0.3), (2, 0.2), (3, 0.1)]
    assert "lower is better" in figure.axes[0].get_ylabel()


def test_a_few_trials_far_off_do_not_squeeze_the_others() -> None:
    """They lie beyond the axis, and it is said; so is a baseline there."""
    scores = [0.9 + 0.001 * place for place in range(20)]
    scores[3] = -1e6
    figure = optimization_history_figure(
        range(20), scores, ["complete"] * 20, metric="r2", direction="maximize", baseline=0.0
    )
    low, high = figure.axes[0].get_ylim()

    assert 0.89 < low < 0.9
    assert 0.919 < high < 0.93
    assert "1 trial far worse than the others, beyond the axis" in words(figure)
    assert "the baseline has 0" in words(figure)
    assert "baseline" not in drawn(figure)


def test_scores_over_decades_have_a_log_axis() -> None:
    """As elsewhere."""
    scores = list(10.0 ** np.linspace(-4, 3, 30))
    figure = optimization_history_figure(range(30), scores, ["complete"] * 30, metric="loss", direction="minimize")

    assert figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("scores", "states", "said"),
    [
        ([], [], "no trials: there is nothing to draw"),
        ([math.nan] * 2, ["failed", "failed"], "no trial has a score: there is nothing to draw; 2 failed"),
        ([math.inf], ["complete"], "1 without a finite score"),
    ],
)
def test_where_there_is_nothing_to_draw_it_is_said(scores: list[float], states: list[str], said: str) -> None:
    """In the picture."""
    figure = optimization_history_figure(range(len(scores)), scores, states, metric="acc", direction="maximize")

    assert said in words(figure)
    assert png(figure)


@pytest.mark.parametrize("n", [1, 2, 12_000])
def test_any_number_of_trials_can_be_drawn(n: int) -> None:
    """One, or thousands."""
    scores = np.sin(np.arange(n))
    figure = optimization_history_figure(range(1, n + 1), scores, ["complete"] * n, metric="a", direction="maximize")

    assert len(drawn(figure)["complete"]) == n
    assert png(figure, dpi=40)


def test_each_algorithm_has_a_row_with_its_folds() -> None:
    """The best on top; what can't be told from it in orange; scores and trials at the right."""
    entries = [
        entry("a", 0.9, std=0.01, folds=[0.88, 0.92], trials=1200, tied=True),
        entry("b", 0.89, tied=True),
        entry("c", 0.8),
        entry("d", math.nan),
    ]
    figure = leaderboard_figure(entries, metric="acc", direction="maximize", words="a can't be told from b")
    axes = figure.axes[0]
    dots: list[Any] = [made for made in axes.collections if hasattr(made, "get_sizes")]
    points = [(to_rgb(made.get_facecolor()[0]), np.asarray(made.get_offsets()).tolist()) for made in dots]
    colours = {at[0][1]: colour for colour, at in points if len(at) == 1}

    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b", "c"]
    assert [[0.88, 0.0], [0.92, 0.0]] in [at for _, at in points]
    assert colours == {0.0: to_rgb(ORANGE), 1.0: to_rgb(ORANGE), 2.0: to_rgb(BLUE)}
    right = [text.get_text() for text in axes.child_axes[0].get_yticklabels()]
    assert right == ["0.9  (1,200 trials)", "0.89  (1 trial)", "0.8  (1 trial)"]
    assert "without a score: d" in words(figure)
    assert "a can't be told from b" in words(figure)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_an_algorithm_that_is_much_worse_is_an_arrow(direction: Any) -> None:
    """At the edge where it would be; a baseline's score is said."""
    sign = 1 if direction == "maximize" else -1
    entries = [entry(name, sign * score) for name, score in [("a", 0.9), ("b", 0.89), ("c", 0.88)]]
    entries.append(entry("dummy", sign * -50.0, baseline=True))
    figure = leaderboard_figure(entries, metric="acc", direction=direction)
    axes = figure.axes[0]
    (arrow,) = (line for line in axes.lines if str(line.get_marker()) in "<>")

    assert arrow.get_marker() == ("<" if direction == "maximize" else ">")
    assert arrow.get_color() == GREY
    assert max(abs(end) for end in axes.get_xlim()) < 1
    assert "the baseline (dummy) has " in words(figure)


def test_a_baseline_within_reach_is_a_line() -> None:
    """Dashed, and named."""
    entries = [entry("a", 0.9), entry("b", 0.8), entry("baseline", 0.7, baseline=True)]
    figure = leaderboard_figure(entries, metric="acc", direction="maximize")

    assert [set(line.get_xdata()) for line in figure.axes[0].lines] == [{0.7}]  # type: ignore[arg-type]
    assert "dashed: the baseline (baseline)" in words(figure)


@pytest.mark.parametrize(("entries", "said"), [([], "no algorithms"), ([("a", math.nan)], "no algorithm has a score")])
def test_a_leaderboard_without_scores_says_so(entries: list[tuple[str, float]], said: str) -> None:
    """In the picture."""
    figure = leaderboard_figure([entry(*one) for one in entries], metric="acc", direction="maximize")

    assert f"{said}: there is nothing to draw" in words(figure)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_many_algorithms_and_hostile_names_can_be_drawn() -> None:
    """The best of them, each letter as it is; numbers too large for an axis are left out."""
    names = itertools.chain(HOSTILE, map(str, range(60)))
    entries = [entry(name, 1 - place / 100, std=math.inf, folds=[1e308]) for place, name in enumerate(names)]
    figure = leaderboard_figure(entries, metric=HOSTILE[0], direction="maximize", words=HOSTILE[0])

    assert len(figure.axes[0].get_yticklabels()) == MOST_ROWS
    assert f"the best {MOST_ROWS} of {len(entries)} algorithms" in words(figure)
    assert png(figure)


def test_a_searchs_pictures_are_saved(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """By the tracker or from a store; the ties of the report are those of the picture."""
    full_search(tracker)
    history = tracker.plot_optimization_history(tmp_path / "made" / "history.png")
    board = tracker.plot_leaderboard(tmp_path / "board.svg")
    run_id = str(tracker.active_run())

    assert (tmp_path / "made" / "history.png").read_bytes()[:4] == b"\x89PNG"
    assert "forest" in (tmp_path / "board.svg").read_text("utf-8")
    assert "best: 0.912 by forest, trial 3" in words(history)
    assert [x for x, _ in drawn(history)["no score"]] == [6, 7]
    assert "forest can't be told from linear" in words(board)
    for plot in (plot_leaderboard, plot_optimization_history):
        with pytest.raises(ValueError, match="can't be saved"):
            plot(Store(tracker.root), run_id, tmp_path / "a.gif")
        with pytest.raises(LookupFailed, match="no search 5"):
            plot(Store(tracker.root), run_id, search=5)
