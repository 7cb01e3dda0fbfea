"""Choice: the single model that a search settled on, and the trial with the best score."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from readers.automl.leaderboard import LeaderboardRow
from readers.automl.searchfacts import as_dict, as_float, as_floats, as_text


class BestTrial(TypedDict):
    """The trial with the best score."""

    run_id: str
    number: int
    algorithm: str
    score: float
    std: float
    params: dict[str, Any]


class Selection(TypedDict):
    """The single model that the search chose; empty where it told of none."""

    algorithm: str
    params: dict[str, Any]
    score: float
    std: float
    fold_scores: list[float]
    trial: str
    """Its trial's run id."""


def best_trial(rows: Sequence[LeaderboardRow]) -> BestTrial | None:
    """The best complete trial that has a run; None where there is none."""
    if not rows or rows[0]["status"] != "complete" or not math.isfinite(rows[0]["score"]):
        return None
    best = rows[0]
    return BestTrial(
        run_id=best["run_id"],
        number=best["trial"],
        algorithm=best["algorithm"],
        score=best["score"],
        std=best["std"],
        params=best["params"],
    )


def selection(told: Mapping[str, Any]) -> Selection:
    """The choice as the search told it."""
    return Selection(
        algorithm=as_text(told.get("algorithm")),
        params=as_dict(told.get("params")),
        score=as_float(told.get("score")),
        std=as_float(told.get("std")),
        fold_scores=as_floats(told.get("fold_scores")),
        trial=as_text(told.get("trial")),
    )


def best_algorithm(chosen: Selection, rows: Sequence[LeaderboardRow]) -> str:
    """The algorithm of the choice; else the leaderboard's first, if it has the score of a whole trial; else ""."""
    first = rows[0] if rows and rows[0]["status"] in {"complete", ""} and math.isfinite(rows[0]["score"]) else None
    return chosen["algorithm"] or (first["algorithm"] if first else "")
