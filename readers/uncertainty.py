"""How sure scores of params are: intervals of their shares, and of their ranks, from how the scores vary.

How they vary is told by halves: scores are computed again from each of some halves of the runs, drawn without
replacement. Halves of one set of runs differ among each other as whole sets do from one set to another, so no further
factor is needed (a jackknife that leaves half of the runs out; Shao & Wu 1989, "A general theory for jackknife variance
estimation"). A bootstrap would put the same run on both sides of a test, and so call noise important.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]

_DRAWS = 2_000
_HALVES = 40


class Scores(NamedTuple):
    """What a method says of n_params params; not yet shares, and below 0 by chance where there is nothing."""

    estimate: "Floats"
    """Shape (n_params,)."""
    deviations: "Floats"
    """Shape (n_parts, n_params): how the estimate may be off; their covariance is its."""


def halves(n: int, random: np.random.Generator) -> "list[Integers]":
    """The places of the runs in each of some halves of n runs, in random order."""
    return [random.permutation(n)[: n // 2] for _ in range(_HALVES)]


def deviations(of_halves: "Floats", n: int) -> "Floats":
    """How far an estimate from n runs may be off, from the scores of halves, (n_halves, n_params).

    A param whose score is the same in every half was never looked at (few runs have it, or others always come first);
    that isn't to know it for sure, so it gets the spread of the median param.
    """
    size = n // 2
    found: Floats = (of_halves - of_halves.mean(axis=0)) * np.sqrt(size / (n - size))
    spread = found.std(axis=0)
    if spread.any():
        signs = np.where(np.arange(len(found)) % 2, 1.0, -1.0)
        found[:, spread == 0] = (np.median(spread[spread > 0]) * signs)[:, None]
    return found


def shares(scores: "Floats") -> "Floats":
    """Scores as parts of 1, those below 0 as 0; all 0 where none is above. The last axis is the params'."""
    positive = np.maximum(scores, 0.0)
    total = positive.sum(axis=-1, keepdims=True)
    found: Floats = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    return found


def share_intervals(scores: Scores, level: float, seed: int) -> "tuple[Floats, Floats]":
    """Lower and upper ends of the shares, shape (n_params,) each.

    Percentiles of the shares of normal draws that have the covariance of the scores, as wide as Student's t asks for.
    """
    drawn = shares(scores.estimate + _drawn(scores, seed))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    share = shares(scores.estimate)
    return np.minimum(low, share), np.maximum(high, share)


def rank_intervals(scores: Scores, level: float, seed: int) -> "tuple[Integers, Integers]":
    """Best and worst rank that each param may have, shape (n_params,) each.

    A param ranks below those that are surely more important and above those that are surely less. A bootstrap of the
    ranks themselves would be too sure where params are equally important.

    Source: Mogstad, Romano, Shaikh & Wilhelm 2024, "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries" (marginal intervals).
    """
    drawn = _drawn(scores, seed)
    n_params = len(scores.estimate)
    best, worst = np.ones(n_params, dtype=np.intp), np.full(n_params, n_params)
    for param in range(n_params):
        spread = np.sqrt(np.mean((scores.deviations - scores.deviations[:, [param]]) ** 2, axis=0))
        comparable = spread > 0
        gaps = np.abs(drawn[:, comparable] - drawn[:, [param]]) / spread[comparable]
        if not gaps.size:
            continue
        limit = np.quantile(gaps.max(axis=1), level) * spread[comparable]
        ahead = scores.estimate[comparable] - scores.estimate[param]
        best[param] += np.sum(ahead > limit)
        worst[param] -= np.sum(-ahead > limit)
    return best, worst


def _drawn(scores: Scores, seed: int) -> "Floats":
    """Errors that the estimate may have, shape (_DRAWS, n_params)."""
    random = np.random.default_rng(seed)
    n_parts = len(scores.deviations)
    weights = random.standard_normal((_DRAWS, n_parts)) / np.sqrt(n_parts)
    wider = np.sqrt(random.chisquare(n_parts - 1, (_DRAWS, 1)) / (n_parts - 1))
    found: Floats = weights @ scores.deviations / wider
    return found
