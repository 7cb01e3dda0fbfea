"""Rank correlation of params with a metric: importance without a model, the sign of an effect, params that go together.

It sees what rises or falls all along, and each param by itself: no interaction, no optimum in the middle.

Source: Spearman 1904, "The proof and measurement of association between two things"; for categorical params the
correlation ratio of the ranks, which is the Kruskal-Wallis statistic as a share (Kelley 1935, "An unbiased correlation
ratio measure"; Tomczak & Tomczak 2014 call it epsilon squared). Both are roots of shares of the ranks' variance, less
what chance alone would explain, and so on one scale.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.paramspace import Parameter
from readers.uncertainty import Scores, deviations, halves

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]

_ALIKE = 0.9
_MOST_COMPARED = 200


class Alike(NamedTuple):
    """Two params that go together in these runs."""

    a: str
    b: str
    rho: float


def spearman_scores(parameters: Sequence[Parameter], target: "Floats", *, seed: int) -> Scores:
    """|rho|, or the correlation ratio of the ranks, of each param; shape (n_params,); below 0: less than chance's."""
    random = np.random.default_rng(seed)
    everything = np.arange(len(target))
    dense = np.unique(target, return_inverse=True)[1]
    values = [np.unique(parameter.values, return_inverse=True)[1] for parameter in parameters]

    def scores(rows: "Integers") -> "Floats":
        ranks = _ranks(dense[rows])
        found = [_explained(one, of_one[rows], ranks, rows) for one, of_one in zip(parameters, values, strict=True)]
        return np.sign(found) * np.sqrt(np.abs(found))

    parts = np.array([scores(rows) for rows in halves(len(target), random)])
    return Scores(scores(everything), deviations(parts, len(target)))


def effect(parameter: Parameter, target: "Floats") -> float:
    """Spearman's rho of a numeric or boolean param with the metric, over the runs that have it; NaN for other kinds."""
    ordered = parameter.kind == "numeric" or parameter.levels == ("false", "true")
    known = ~np.isnan(parameter.values)
    return _rho(parameter.values[known], target[known]) if ordered and known.any() else float("nan")


def alike(parameters: Sequence[Parameter]) -> list[Alike]:
    """Pairs of params that carry nearly the same in these runs: |rho| > 0.9, or levels that come together."""
    found = []
    chosen = parameters[:_MOST_COMPARED]
    ranks = {one.name: _ranks_of(one.values) for one in chosen if one.kind == "numeric"}
    for place, a in enumerate(chosen):
        for b in chosen[:place]:
            if a.kind == b.kind == "numeric":
                both = ~np.isnan(a.values) & ~np.isnan(b.values)
                whole = both.all()
                rho = _correlation(ranks[a.name], ranks[b.name]) if whole else _rho(a.values[both], b.values[both])
                if abs(rho) > _ALIKE and both.mean() > 0.5:
                    found.append(Alike(b.name, a.name, rho))
            elif a.kind == b.kind and _one_to_one(a, b):
                found.append(Alike(b.name, a.name, 1.0))
    return found


def _explained(parameter: Parameter, values: "Integers", ranks: "Floats", rows: "Integers") -> float:
    """Share of the ranks' variance that goes with a param, less what chance would explain.

    A param's presence counts with it, unless another param decides over it: then only runs that have it count.
    """
    known = ~np.isnan(parameter.values[rows])
    own = known if parameter.decided_by is not None else np.ones(len(rows), dtype=bool)
    total = float(np.sum((ranks - ranks.mean()) ** 2))
    if total <= 0 or own.sum() < 3:
        return 0.0
    y = ranks[own] - ranks[own].mean()
    known, values = known[own], values[own]
    if parameter.kind == "categorical":
        explained, freedom = _between(values, y)
    else:
        between, groups = _between(known.astype(np.intp), y)
        x = _ranks(values[known])
        x -= x.mean() if len(x) else 0.0
        along = float(x @ y[known]) ** 2 / float(x @ x) if len(x) and x.any() else 0.0
        explained, freedom = between + along, groups + 1
    left = len(y) - 1 - freedom
    if left <= 0:
        return 0.0
    return (explained - freedom * max(float(y @ y) - explained, 0.0) / left) / total


def _between(groups: "Integers", y: "Floats") -> tuple[float, int]:
    """Sum of squares between groups, and how many groups there are, less one; y has mean 0."""
    counts, sums = np.bincount(groups), np.bincount(groups, y)
    there = counts > 0
    return float(np.sum(sums[there] ** 2 / counts[there])), int(there.sum()) - 1


def _ranks(dense: "Integers") -> "Floats":
    """Ranks of small integers, from 0; equal ones share their mean rank."""
    counts = np.bincount(dense)
    return (counts.cumsum() - (counts + 1) / 2)[dense]


def _ranks_of(values: "Floats") -> "Floats":
    return _ranks(np.unique(values, return_inverse=True)[1])


def _rho(a: "Floats", b: "Floats") -> float:
    return _correlation(_ranks_of(a), _ranks_of(b)) if len(a) > 1 else float("nan")


def _correlation(a: "Floats", b: "Floats") -> float:
    """Pearson's; NaN when one of them is constant."""
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread > 0 else float("nan")


def _one_to_one(a: Parameter, b: Parameter) -> bool:
    """Whether each level of one comes with one level of the other; missing is a level."""
    pairs = set(
        zip(np.nan_to_num(a.values, nan=-1.0).tolist(), np.nan_to_num(b.values, nan=-1.0).tolist(), strict=True)
    )
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})
