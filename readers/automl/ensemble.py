"""Ensemble: the models that a search put together, and what that gained."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from readers.automl.leaderboard import LeaderboardRow
from readers.automl.searchfacts import as_dict, as_float, as_floats, as_text
from readers.best import Direction


class Member(TypedDict):
    """A model of an ensemble."""

    algorithm: str
    weight: float
    """As it was told; NaN if it wasn't."""
    score: float
    """Of it alone; NaN if not told."""
    params: dict[str, Any]
    trial: str
    """Its trial's run id; empty if not told."""


class Ensemble(TypedDict):
    """An ensemble; without members where none was made."""

    method: str
    members: list[Member]
    """The heaviest first."""
    size: int
    """How many members have a weight other than 0."""
    score: float
    std: float
    fold_scores: list[float]
    best_single: float
    """The score of the best single model that `gain` compares with."""
    gain: float
    """How much better the ensemble is, in the metric's unit; below 0 where it is worse, NaN where not known."""
    gain_over: str
    """What `best_single` is: "the best single model, as the search told", or "the best trial"."""


def ensemble(told: Mapping[str, Any], rows: Sequence[LeaderboardRow], direction: Direction) -> Ensemble:
    """The ensemble that a search told of.

    Args:
        rows: the leaderboard, whose best trial is compared with where no single model's score was told.
    """
    listed = told.get("members")
    members = [_member(one) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    score, single = as_float(told.get("score")), as_float(told.get("best_single"))
    over = "the best single model, as the search told"
    if math.isnan(single) and members and rows:
        single, over = rows[0]["score"], "the best trial"
    gain = score - single if direction == "maximize" else single - score
    return Ensemble(
        method=as_text(told.get("method")),
        members=sorted(members, key=lambda member: -_or_none(member["weight"])),
        size=sum(member["weight"] != 0 for member in members),
        score=score,
        std=as_float(told.get("std")),
        fold_scores=as_floats(told.get("fold_scores")),
        best_single=single,
        gain=gain,
        gain_over="" if math.isnan(gain) else over,
    )


def _or_none(weight: float) -> float:
    return 0.0 if math.isnan(weight) else weight


def _member(told: Mapping[str, Any]) -> Member:
    return Member(
        algorithm=as_text(told.get("algorithm")),
        weight=as_float(told.get("weight")),
        score=as_float(told.get("score")),
        params=as_dict(told.get("params")),
        trial=as_text(told.get("trial")),
    )
