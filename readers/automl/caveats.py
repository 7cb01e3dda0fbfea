"""Caveats: what one should know before one believes a search's scores, in words."""

import math
from collections.abc import Sequence

from readers.automl.ensemble import Ensemble
from readers.automl.evaluation import Evaluation
from readers.automl.leaderboard import LeaderboardRow
from readers.automl.searchedrun import SearchedRun
from readers.automl.tieset import TieSet
from readers.best import words

FEW_FOLDS = 5
_MANY_FAILED = 0.2
_UNEVEN = 5
_FREE = {"nested", "holdout", "test", "unseen", "external"}
"""Words of evaluations on data that the choice didn't see."""


def of_record(searched: SearchedRun) -> list[str]:
    """About what was logged: a search that is going on or was cut off, parts that weren't tracked."""
    facts, trials = searched.facts, searched.trials
    told = bool(facts.setup or facts.end)
    if not told and not trials.rows.height:
        return ["No search was logged in this run."]
    found = []
    if not told and trials.tagged:
        found.append("Only the trials are here, not what the search told of itself: a server keeps no such facts.")
    if not told and not trials.tagged:
        found.append("No search was logged in this run: its child runs are taken for trials.")
    if trials.guessed and trials.metric:
        found.append(f"The metric wasn't told; by what the trials logged it is {trials.metric!r}.")
    if searched.status == "running":
        found.append("The search is still going on: this is what is known so far.")
    if searched.status == "interrupted":
        found.append("The search was cut off before its end: nothing after that is known.")
    if searched.status == "ended" and told and not facts.end:
        found.append("The search's own end wasn't logged, only that of its run.")
    off = [flag.replace("_", " ") for flag, on in facts.tracked.items() if not on]
    if off:
        found.append(f"Not tracked, because the tracker was told so: {', '.join(off)}.")
    return found


def of_trials(searched: SearchedRun, rows: Sequence[LeaderboardRow]) -> list[str]:
    """About the trials: failures, scores that are no numbers, algorithms that had more chances than others."""
    found = []
    trials, counts = searched.trials, searched.counts
    ended = counts["complete"] + counts["pruned"] + counts["failed"]
    if ended and counts["failed"] > _MANY_FAILED * ended:
        found.append(f"{counts['failed']:,} of {ended:,} trials failed: what they would have scored isn't known.")
    lost = trials.rows.filter(trials.rows["state"] == "complete").height - trials.scored.height
    if lost:
        found.append(f"{lost:,} complete trial{'s' * (lost != 1)} had no finite score, and can't be the best.")
    tried = [row for row in rows if not row["baseline"] and row["trials"]]
    if len(tried) > 1:
        most, least = max(tried, key=_trials), min(tried, key=_trials)
        if _trials(most) >= _UNEVEN * _trials(least):
            found.append(
                f"The algorithms had unequal chances: {most['algorithm']} {_counted(most)}, "
                f"{least['algorithm']} {_counted(least)}."
            )
    return found


def of_scores(
    rows: Sequence[LeaderboardRow],
    ties: TieSet,
    ensemble: Ensemble,
    evaluations: Sequence[Evaluation],
    selected_from: int,
) -> list[str]:
    """About the scores: chosen by themselves, few folds, no better than the baseline, no evaluation apart."""
    found = []
    if selected_from > 1:
        found.append(
            f"The best score is the best of {selected_from:,}: what was chosen by a score looks better by it than it is"
            " (Cawley & Talbot 2010). Only an evaluation on data that the choice didn't see is free of that."
        )
    scored = [row for row in rows if math.isfinite(row["score"])]
    if scored and not evaluations:
        found.append("No evaluation of the final model on such data was logged.")
    if evaluations and not any(_FREE & set(words(one["on"])) for one in evaluations):
        found.append(
            f"The evaluation on {evaluations[-1]['on'] or 'data that were not told'} may have used rows that the "
            "choice saw: it flatters, too, if less. A nested one, or a holdout, doesn't."
        )
    folds = len(scored[0]["fold_scores"]) if scored else 0
    if 0 < folds < FEW_FOLDS:
        found.append(f"Scores are of {folds} fold{'s' * (folds != 1)}: differences must be large to be told apart.")
    found += _of_baseline(scored, ties)
    if ensemble["gain"] <= 0:
        found.append("The ensemble is no better than the best single model.")
    return found


def _of_baseline(scored: Sequence[LeaderboardRow], ties: TieSet) -> list[str]:
    if scored and scored[0]["baseline"]:
        return [f"Nothing was better than the baseline ({scored[0]['algorithm']}): nothing was learned."]
    tied = [row["algorithm"] for row in scored if row["baseline"] and row["algorithm"] in ties["algorithms"]]
    return [f"The best algorithm isn't told apart from the baseline ({name})." for name in tied]


def _trials(row: LeaderboardRow) -> int:
    return row["trials"]


def _counted(row: LeaderboardRow) -> str:
    return f"{row['trials']:,} trial{'s' * (row['trials'] != 1)}"
