"""Tie set: the algorithms that can't be told from the best one, by their scores on the same folds.

Which algorithm is the best was told by these very scores, so a correction for its comparisons with the others would be
too weak: Holm's is over all pairs of algorithms. Of 3,000 searches over equally good algorithms, so many per cent found
one that is worse than the best, at 5 % (`python -m benchmarks.tie_rates`; folds as in Nadeau and Bengio's own model):

    ======================  =============  ==========  ==============  =========
    algorithms, folds       paired t test  corrected   and Holm over   and Holm
                            (ordinary)     t test      those with the  over all
                                                       best            pairs
    ======================  =============  ==========  ==============  =========
    3 algorithms, 5 folds   29             12          6               4
    3 algorithms, 10 folds  31             12          6               5
    6 algorithms, 5 folds   64             33          10              4
    6 algorithms, 10 folds  68             35          9               3
    12 algorithms, 5 folds  90             65          13              3
    ======================  =============  ==========  ==============  =========

An algorithm's folds are those of its best trial, which was chosen by them: see readers.automl.caveats.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, TypedDict

from readers.automl.leaderboard import LeaderboardRow
from readers.automl.resampledt import FoldTest, resampled_t_test, split_of
from readers.stats import check_level
from readers.verdict import holm

MOST_TESTED = 60
"""Algorithms that enter: the best; the others are too many for all pairs, and untested."""
_MOST_NAMED = 5


class Comparison(TypedDict):
    """An algorithm against the best one, by the folds that both have."""

    algorithm: str
    difference: float
    """Mean over the folds of its score less the best one's, in the metric's unit."""
    lower: float
    """The difference's interval, for this pair alone; NaN where there is none, and `why` says why."""
    upper: float
    p_value: float
    p_adjusted: float
    """Holm's, over all pairs of algorithms; NaN where there is no test."""
    folds: int
    told_apart: bool
    """Whether p_adjusted is at most 1 - level."""
    why: str
    """Why there is no test; empty where there is one."""


class TieSet(TypedDict):
    """The algorithms among which the choice is open."""

    best: str
    """The first of the leaderboard; empty where nothing can be said."""
    algorithms: list[str]
    """The best one and those that a test didn't tell from it, best first."""
    untested: list[str]
    """Those that no test was made of; they may be as good."""
    method: str
    """Of the tests; or why there is none."""
    level: float
    test_train_ratio: float
    """Rows tested on for each that is trained on; NaN if not known."""
    tests: int
    """All pairs that were tested; the adjusted p-values are over these."""
    comparisons: list[Comparison]
    """Of each other algorithm with a score, in the leaderboard's order."""
    words: str
    """The same in a sentence."""


def tie_set(rows: Sequence[LeaderboardRow], cross_validation: Mapping[str, Any], level: float = 0.95) -> TieSet:
    """Tell which algorithms can't be told from the best.

    Args:
        rows: the leaderboard; those without the score of a whole trial don't enter.
        cross_validation: how the folds were made: see readers.automl.resampledt.split_of.
        level: of the intervals, and 1 less what an adjusted p-value may be.
    Raises: ValueError: level outside (0, 1).
    """
    check_level(level)
    scored = [row for row in rows if math.isfinite(row["score"]) and row["status"] in {"complete", ""}]
    split = split_of(cross_validation, len(scored[0]["fold_scores"]) if scored else 0)
    nothing = _why_nothing(scored) or (split.words if math.isnan(split.ratio) else "")
    if nothing:
        return _nothing(scored, nothing, level)
    entered, best = scored[:MOST_TESTED], scored[0]
    found = {
        (a, b): resampled_t_test(entered[b]["fold_scores"], entered[a]["fold_scores"], split.ratio, level)
        for a, b in combinations(range(len(entered)), 2)
    }
    adjusted = dict(zip(found, holm([test.p_value for test in found.values()]), strict=True))
    comparisons = [
        _comparison(row["algorithm"], found[0, place], adjusted[0, place], level)
        for place, row in enumerate(entered)
        if place
    ]
    tied = [one["algorithm"] for one in comparisons if not one["told_apart"] and not one["why"]]
    untested = [one["algorithm"] for one in comparisons if one["why"]]
    untested += [row["algorithm"] for row in scored[MOST_TESTED:]]
    algorithms = [best["algorithm"], *tied]
    return TieSet(
        best=best["algorithm"],
        algorithms=algorithms,
        untested=untested,
        method=f"corrected resampled t test (Nadeau & Bengio 2003) {split.words}; Holm's correction over all pairs",
        level=level,
        test_train_ratio=split.ratio,
        tests=sum(not math.isnan(test.p_value) for test in found.values()),
        comparisons=comparisons,
        words=_words(algorithms, len(scored) - len(algorithms) - len(untested), len(untested)),
    )


def _why_nothing(scored: Sequence[LeaderboardRow]) -> str:
    """Why no test can be made at all; empty where one can."""
    if not scored:
        return "no algorithm has the score of a whole trial"
    if len(scored) == 1:
        return "only one algorithm has a score"
    if not scored[0]["fold_scores"]:
        return f"the best trial of {scored[0]['algorithm']} has no scores by fold, so there is nothing to pair"
    return ""


def _nothing(scored: Sequence[LeaderboardRow], why: str, level: float) -> TieSet:
    """No tests, and why; one algorithm alone is the best for certain."""
    named = [row["algorithm"] for row in scored]
    alone = len(named) == 1
    return TieSet(
        best=named[0] if alone else "",
        algorithms=named if alone else [],
        untested=[] if alone else named,
        method=f"none: {why}",
        level=level,
        test_train_ratio=math.nan,
        tests=0,
        comparisons=[],
        words=f"No algorithm was compared with the best: {why}.",
    )


def _comparison(algorithm: str, test: FoldTest, adjusted: float, level: float) -> Comparison:
    return Comparison(
        algorithm=algorithm,
        difference=test.difference,
        lower=test.difference - test.reach,
        upper=test.difference + test.reach,
        p_value=test.p_value,
        p_adjusted=adjusted,
        folds=test.folds,
        told_apart=adjusted <= 1 - level,
        why=test.why,
    )


def _words(algorithms: Sequence[str], worse: int, untested: int) -> str:
    """What the tests say, in a sentence."""
    best, *others = algorithms
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    said = []
    if others:
        said.append(f"{best} can't be told from {', '.join(others[:_MOST_NAMED])}{more}")
    if worse:
        said.append(f"{best} is better than {worse} other{'s' * (worse != 1)}")
    if untested:
        said.append(f"{untested} could not be tested")
    return "; ".join(said) + "."
