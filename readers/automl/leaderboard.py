"""Leaderboard: the algorithms of a search in the order of their best trials.

The best trial of an algorithm is the complete one with the best score; a pruned one's score is of a part of the work,
so it counts only where no trial of the algorithm was completed. A score of many trials is the best of as many draws:
see readers.automl.caveats.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import polars as pl

from ingest.jsontext import from_json
from readers.automl.searchfacts import as_count, as_dict, as_float
from readers.automl.trials import Trials, is_baseline
from readers.best import Direction
from readers.params import latest
from readers.source import RunFrames

_STATES = {"complete": 0, "pruned": 2, "running": 3, "interrupted": 4, "failed": 5}
_WITHOUT_SCORE = 1


class LeaderboardRow(TypedDict):
    """An algorithm, by its best trial."""

    rank: int
    """From 1 on; equal scores share a rank, and the next one is as much higher. Those without a score come last."""
    algorithm: str
    score: float
    """NaN where no trial has one."""
    std: float
    """Over the folds; NaN if not told."""
    fit_time_s: float
    """Of the best trial, in seconds; NaN if not told."""
    predict_time_s: float
    trials: int
    """Of the algorithm, failed ones included."""
    status: str
    """Of the best trial: "complete", "pruned", "running", "interrupted" or "failed"; empty if it made no run."""
    run_id: str
    """Of the best trial; empty if it made no run."""
    trial: int
    """The best trial's number; 0 if it made no run."""
    params: dict[str, Any]
    """Of the best trial, as they were logged."""
    fold_scores: list[float]
    """Of the best trial, by the number of the fold; NaN for a fold without."""
    baseline: bool
    """Whether it learns nothing, and is there to be compared with."""


def leaderboard(
    frames: RunFrames, experiment: str, trials: Trials, direction: Direction, ended: Mapping[str, Any]
) -> list[LeaderboardRow]:
    """The algorithms, best first; of equal ones the one that was tried first.

    Args:
        ended: what the search's end told of its algorithms, for those whose trials made no runs.
    """
    best, counts = _best(trials, direction), dict(trials.rows.group_by("algorithm").len().iter_rows())
    ids = best["run_id"].to_list()
    params, folds = _params(frames, ids, experiment), _folds(frames, ids, experiment, trials.metric)
    rows = [
        LeaderboardRow(
            rank=0,
            algorithm=row["algorithm"],
            score=row["score"] if row["state"] in {"complete", "pruned"} else math.nan,
            std=row["std"],
            fit_time_s=row["fit_time_s"],
            predict_time_s=row["predict_time_s"],
            trials=max(counts[row["algorithm"]], _told_trials(ended, row["algorithm"])),
            status=row["state"],
            run_id=row["run_id"],
            trial=row["number"],
            params=params.get(row["run_id"], {}),
            fold_scores=folds.get(row["run_id"], []),
            baseline=row["baseline"],
        )
        for row in best.iter_rows(named=True)
    ]
    rows += [_told_row(name, as_dict(told)) for name, told in ended.items() if name not in counts]
    return _ranked(rows, direction)


def _best(trials: Trials, direction: Direction) -> pl.DataFrame:
    """The best trial of each algorithm."""
    score, sign = pl.col("score"), -1 if direction == "maximize" else 1
    place = pl.col("state").replace_strict(_STATES, return_dtype=pl.Int64())
    place = pl.when((place == 0) & ~score.is_finite()).then(_WITHOUT_SCORE).otherwise(place)
    ordered = trials.rows.with_columns(place=place, by=(sign * score).fill_nan(None))
    return ordered.sort("place", "by", "number", nulls_last=True).unique("algorithm", keep="first", maintain_order=True)


def _params(frames: RunFrames, run_ids: Sequence[str], experiment: str) -> dict[str, dict[str, Any]]:
    """The params of runs, as they were logged."""
    found: dict[str, dict[str, Any]] = {}
    if run_ids:
        rows = latest(frames.facts(["param"], run_ids, [experiment]).collect())
        for run_id, key, value in rows.select("run_id", "key", "value").iter_rows():
            found.setdefault(run_id, {})[key] = from_json(value)
    return found


def _folds(frames: RunFrames, run_ids: Sequence[str], experiment: str, metric: str) -> dict[str, list[float]]:
    """The scores of runs on each fold, the last one logged of each."""
    if not run_ids or not metric:
        return {}
    points = frames.metrics([f"fold/{metric}"], run_ids, [experiment]).collect().sort("time", "writer", "seq")
    by_fold: dict[str, dict[int, float]] = {}
    for run_id, step, value in points.select("run_id", pl.col("step").fill_null(0), "value").iter_rows():
        by_fold.setdefault(run_id, {})[step] = value
    return {
        run_id: [scores.get(fold, math.nan) for fold in range(max(scores) + 1)]
        for run_id, scores in by_fold.items()
        if min(scores) >= 0 and max(scores) < 10_000  # no number of a fold lies beyond
    }


def _told_trials(ended: Mapping[str, Any], algorithm: str) -> int:
    return as_count(as_dict(ended.get(algorithm)).get("trials"))


def _told_row(algorithm: str, told: Mapping[str, Any]) -> LeaderboardRow:
    """An algorithm whose trials made no runs."""
    return LeaderboardRow(
        rank=0,
        algorithm=algorithm,
        score=as_float(told.get("best")),
        std=as_float(told.get("std")),
        fit_time_s=as_float(told.get("fit_time_s")),
        predict_time_s=math.nan,
        trials=as_count(told.get("trials")),
        status="",
        run_id="",
        trial=0,
        params={},
        fold_scores=[],
        baseline=is_baseline(algorithm),
    )


def _ranked(rows: list[LeaderboardRow], direction: Direction) -> list[LeaderboardRow]:
    """Best first: those with a finite score of whole trials, then those that were only pruned, then the others."""
    sign = -1 if direction == "maximize" else 1

    def key(row: LeaderboardRow) -> tuple[int, float]:
        place = _STATES.get(row["status"], 0)
        if not math.isfinite(row["score"]):
            return max(place, _WITHOUT_SCORE), 0.0
        return place, sign * row["score"]

    rows.sort(key=key)
    for place, row in enumerate(rows):
        before = rows[place - 1] if place else None
        row["rank"] = before["rank"] if before is not None and key(before) == key(row) else place + 1
    return rows
