"""Searches for a test to report on: a full one, and leaderboard rows by hand."""

import math
from collections.abc import Sequence
from typing import Any

from readers.automl.leaderboard import LeaderboardRow
from tracker import AutoMLTracker
from tracker.automl.search import Search

FOLDS = {"baseline": [0.5] * 5, "forest": [0.9, 0.92, 0.91, 0.93, 0.9], "linear": [0.9, 0.91, 0.92, 0.92, 0.91]}
"""The best fold scores of each algorithm of `full_search`."""


def full_search(tracker: AutoMLTracker, **options: Any) -> Search:
    """A search with everything: a baseline, two algorithms, a pruned and two failed trials, and all decisions."""
    told: dict[str, Any] = {
        "task": "binary",
        "engine": "by hand",
        "algorithms": ["forest", "linear", "boosting"],
        "budget": {"trials": 10, "time_s": 60},
        "seed": 7,
        "cross_validation": {"folds": 5, "repeats": 1},
        "data": {"rows": 569, "columns": 4, "target": "y", "sha256": "ab" * 32},
    }
    search = tracker.start_search("roc_auc", **told | options)
    trial(search, "baseline", {}, FOLDS["baseline"])
    trial(search, "forest", {"depth": 3}, [0.8, 0.82, 0.81, 0.83, 0.8])
    trial(search, "forest", {"depth": 6, "leaf": {"min": 2}}, FOLDS["forest"], fit_time_s=2.5, predict_time_s=0.5)
    trial(search, "linear", {"C": 1.0}, FOLDS["linear"])
    search.log_trial("forest", {"depth": 9}, 0.99, state="pruned", intermediate={0: 0.98, 1: 0.99})
    search.log_trial("boosting", {"lr": 0.1}, None, state="failed", error=ValueError("column 3 has NaN"))
    search.log_trial("boosting", {"lr": 0.2}, None, state="failed", error=ValueError("column 4 has NaN"))
    search.log_feature_selection(method="l1", before=list("abcd"), selected=list("abc"), score=0.9, std=0.01)
    search.log_feature_selection(method="l1", before=list("abcd"), selected=list("ab"), score=0.91, std=0.01)
    search.log_selection("forest", {"depth": 6}, 0.912, std=0.01, fold_scores=FOLDS["forest"])
    members = [{"algorithm": "linear", "weight": 0.25}, {"algorithm": "forest", "weight": 0.75, "score": 0.912}]
    search.log_ensemble(members, method="greedy", score=0.92, std=0.01, best_single=0.912)
    search.log_evaluation({"roc_auc": 0.905, "log_loss": 0.3}, on="nested cross-validation", std={"roc_auc": 0.02})
    search.end(stopped_by="trials", spent={"time_s": 58.5, "trials": 10})
    return search


def trial(search: Search, algorithm: str, params: dict[str, Any], folds: Sequence[float], **told: Any) -> None:
    """A complete trial whose score is the mean of its folds."""
    search.log_trial(algorithm, params, math.fsum(folds) / len(folds), std=0.01, fold_scores=folds, **told)


def row(algorithm: str, folds: Sequence[float], **told: Any) -> LeaderboardRow:
    """A row of a leaderboard."""
    made = LeaderboardRow(
        rank=1,
        algorithm=algorithm,
        score=math.fsum(folds) / len(folds) if folds else math.nan,
        std=math.nan,
        fit_time_s=math.nan,
        predict_time_s=math.nan,
        trials=1,
        status="complete",
        run_id=algorithm,
        trial=1,
        params={},
        fold_scores=list(folds),
        baseline=False,
    )
    return made | told  # type: ignore[return-value]
