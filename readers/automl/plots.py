"""Plots of a search: its course, and its leaderboard; see readers.figures.optimization and leaderboard there."""

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readers.automl.leaderboard import LeaderboardRow
from readers.automl.report import leaderboard_of, tie_set_of
from readers.automl.searchedrun import SearchedRun, read_search
from readers.automl.tieset import TieSet
from readers.figures.leaderboard import Entry, leaderboard_figure
from readers.figures.optimization import optimization_history_figure
from readers.figures.style import save
from readers.source import RunFrames

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_optimization_history(
    frames: RunFrames,
    run_id: str,
    save_path: str | os.PathLike[str] | None = None,
    *,
    search: int | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw the trials' scores in their order, and the best so far.

    Args:
        save_path: where to write it too: .png, .svg or .pdf; folders are made.
        search: its number in the run; None: the last one.

    Raises: RunNotFound. LookupFailed: no such search. ValueError: a file that isn't a picture.
    """
    return _saved(history_figure(read_search(frames, run_id, search), title), save_path)


def plot_leaderboard(
    frames: RunFrames,
    run_id: str,
    save_path: str | os.PathLike[str] | None = None,
    *,
    search: int | None = None,
    title: str | None = None,
) -> "Figure":
    """Draw each algorithm's best score with its folds, and which can't be told apart; arguments as above."""
    searched = read_search(frames, run_id, search)
    rows = leaderboard_of(frames, searched)
    return _saved(ranking_figure(searched, rows, tie_set_of(searched, rows), title), save_path)


def history_figure(searched: SearchedRun, title: str | None = None) -> "Figure":
    """The course of a search that was read."""
    trials = searched.trials
    learned = trials.rows.filter(~trials.rows["baseline"])
    best = trials.scored.filter(trials.scored["baseline"])["score"]
    baseline = best.max() if searched.direction == "maximize" else best.min()
    return optimization_history_figure(
        learned["number"].to_list(),
        learned["score"].to_numpy(),
        learned["state"].to_list(),
        metric=trials.metric,
        direction=searched.direction,
        algorithms=learned["algorithm"].to_list(),
        baseline=baseline if isinstance(baseline, float) else math.nan,
        title=title,
    )


def ranking_figure(
    searched: SearchedRun, rows: Sequence[LeaderboardRow], ties: TieSet, title: str | None = None
) -> "Figure":
    """The leaderboard of a search that was read."""
    tied = set(ties["algorithms"])
    entries = [
        Entry(
            name=row["algorithm"],
            score=row["score"],
            std=row["std"],
            folds=row["fold_scores"],
            trials=row["trials"],
            tied=row["algorithm"] in tied,
            baseline=row["baseline"],
        )
        for row in rows
    ]
    return leaderboard_figure(
        entries, metric=searched.trials.metric, direction=searched.direction, words=ties["words"], title=title
    )


def _saved(figure: "Figure", save_path: str | os.PathLike[str] | None) -> "Figure":
    if save_path is not None:
        save(figure, save_path)
    return figure
