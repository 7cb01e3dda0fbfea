"""Results: what an engine's fit found, with a readable repr."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from readers.best import Direction, better
from tracker.automl.trial import State
from tracker.training.budget import StoppedBy
from tracker.training.candidate import Tried


class TrialRow(NamedTuple):
    """One trial."""

    number: int
    algorithm: str
    state: State
    score: float | None
    """Mean over the folds it got; None of a failed one."""
    std: float | None
    fit_time_s: float
    """Over all folds."""
    predict_time_s: float
    params: dict[str, Any]
    fold_scores: list[float]
    error_type: str
    error: str
    warnings: dict[str, int]
    run_id: str


class LeaderboardRow(NamedTuple):
    """One algorithm, by its best complete trial; without one, by what came of it."""

    rank: int
    algorithm: str
    score: float | None
    std: float | None
    fit_time_s: float
    predict_time_s: float
    trials: int
    state: State
    params: dict[str, Any]


class Failure(NamedTuple):
    """Trials that failed in one way."""

    error_type: str
    algorithms: list[str]
    trials: int
    example: str


class Member(NamedTuple):
    """One model of an ensemble."""

    algorithm: str
    weight: float
    params: dict[str, Any]
    score: float | None
    """Its own, cross-validated."""
    run_id: str


class Evaluation(NamedTuple):
    """How the final model does, as far as its own data can tell."""

    on: str
    """"nested cross-validation", "repeated cross-validation", or, cut short, "cross-validation, 3 of 10 folds"."""
    score: float
    std: float
    """Standard deviation over the folds. They share training rows, so it is no standard error of the score."""
    fold_scores: list[float]


class Results(msgspec.Struct, kw_only=True, frozen=True):
    """What a fit found."""

    task: str
    metric: str
    direction: Direction
    best_algorithm: str
    """The best single model's; "" when none was tried to its end."""
    best_params: dict[str, Any]
    cv_score: float
    """Of the final model: its evaluation's, else the score by which it was chosen, which flatters; NaN without any."""
    cv_std: float
    search_score: float
    """The score by which the single model was chosen: the best of many, so it flatters."""
    baseline_score: float
    """Of a model that doesn't look at X."""
    leaderboard: list[LeaderboardRow]
    trials: list[TrialRow]
    ensemble: list[Member]
    """Its models; empty when the single one is used."""
    ensemble_method: str
    evaluation: Evaluation | None
    features: list[str]
    """The features that the final model uses."""
    errors: list[Failure]
    notes: list[str]
    """What a reader of the figures should know."""
    time_s: float
    stopped_by: StoppedBy
    run_id: str
    """"" when untracked."""

    def __repr__(self) -> str:
        spread = "" if self.evaluation is None else f" on {self.evaluation.on}"
        used = f"{self.ensemble_method} ensemble of {len(self.ensemble)}, best single " if self.ensemble else ""
        used += self.best_algorithm or "nothing"
        states = ", ".join(f"{count} {state}" for state, count in self._states().items())
        lines = [
            f"{self.task}: {self.metric} {self.cv_score:.4f} ± {self.cv_std:.4f}{spread} ({used})",
            f"baseline {self.baseline_score:.4f}",
            f"{len(self.trials)} trials ({states}) in {self.time_s:.1f} s, stopped by {self.stopped_by or 'nothing'}",
            *_table(self.metric, self.leaderboard),
            *(f"failed {failure.trials}x: {failure.error_type}: {failure.example}" for failure in self.errors),
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)

    def _states(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for trial in self.trials:
            counts[trial.state] = counts.get(trial.state, 0) + 1
        return counts


def leaderboard(tried: Sequence[Tried], direction: Direction) -> list[LeaderboardRow]:
    """Rank the algorithms by their best complete trial; those without one come last."""
    by_name: dict[str, list[Tried]] = {}
    for one in tried:
        by_name.setdefault(one.algorithm, []).append(one)
    sign = -1.0 if direction == "maximize" else 1.0
    bests = [(_best(trials, direction), len(trials)) for trials in by_name.values()]
    bests.sort(key=lambda row: (row[0].state != "complete", sign * _value(row[0])))
    return [
        LeaderboardRow(
            rank,
            best.algorithm,
            best.score if best.state == "complete" else None,
            best.std,
            best.fit_time_s,
            best.predict_time_s,
            count,
            best.state,
            best.params,
        )
        for rank, (best, count) in enumerate(bests, 1)
    ]


def rows(tried: Sequence[Tried]) -> list[TrialRow]:
    """The trials, without their predictions."""
    return [
        TrialRow(
            one.number,
            one.algorithm,
            one.state,
            one.score,
            one.std,
            one.fit_time_s,
            one.predict_time_s,
            one.params,
            list(one.fold_scores),
            one.error_type,
            one.error,
            dict(one.warnings),
            one.run_id,
        )
        for one in tried
    ]


def failures(tried: Sequence[Tried]) -> list[Failure]:
    """The failed trials by the type of their error, the most frequent first."""
    found: dict[str, list[Tried]] = {}
    for one in tried:
        if one.state == "failed":
            found.setdefault(one.error_type, []).append(one)
    told = [
        Failure(kind, list(dict.fromkeys(one.algorithm for one in these)), len(these), these[0].error)
        for kind, these in found.items()
    ]
    return sorted(told, key=lambda failure: -failure.trials)


def score_of(evaluation: Evaluation | None, *others: tuple[float | None, float | None]) -> tuple[float, float]:
    """The first score that there is, with its spread; NaN without any."""
    known = [] if evaluation is None else [(evaluation.score, evaluation.std)]
    known += [(score, std if std is not None else float("nan")) for score, std in others if score is not None]
    return known[0] if known else (float("nan"), float("nan"))


def _best(tried: Sequence[Tried], direction: Direction) -> Tried:
    found = tried[0]
    for one in tried[1:]:
        if one.state != "complete" or one.score is None:
            continue
        if found.state != "complete" or found.score is None or better(one.score, found.score, direction):
            found = one
    return found


def _value(tried: Tried) -> float:
    return tried.score if tried.state == "complete" and tried.score is not None else 0.0


def _table(metric: str, ranked: Sequence[LeaderboardRow]) -> list[str]:
    width = max([len("algorithm"), *(len(row.algorithm) for row in ranked)])
    lines = [f"{'rank':>4}  {'algorithm':<{width}}  {metric:>10}  {'std':>8}  {'trials':>6}  {'fit s':>7}"]
    for row in ranked:
        score = row.state if row.score is None else f"{row.score:.4f}"
        std = "" if row.std is None else f"{row.std:.4f}"
        lines.append(
            f"{row.rank:>4}  {row.algorithm:<{width}}  {score:>10}  {std:>8}  {row.trials:>6}  {row.fit_time_s:>7.2f}"
        )
    return lines
