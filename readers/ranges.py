"""Ranges: where the best runs lie on each param, and whether that differs from where all runs lie.

The best runs are the ceil(n * (100 - percentile) / 100) best of the n that have the metric, at least one, and all that
tie with the last of them, so that no answer depends on the order of the runs. percentile=90 is the best tenth, 0 is all
runs, 100 is the best run alone.

A range by itself proves nothing: five runs drawn at random span a range too. So each has a p-value: could runs drawn at
random lie so differently from the others? It is a permutation test, exact for ties and small numbers, corrected over
the params that were looked at.

Sources: for numbers the two-sample statistic of Kuiper 1960, "Tests concerning random points on a circle", which sees
best runs in the middle of a range as well as those at an end (that of Kolmogorov and Smirnov sees the latter better);
for levels Pearson's chi-square; both with the permutation distribution; p = (1 + as extreme) / (1 + drawn) (Phipson and
Smyth 2010, "Permutation p-values should never be zero"); correction over params: Holm 1979.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from readers.best import Direction
from readers.paramaxes import labels_of
from readers.runtable import RunTable
from readers.runvalues import Values

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Draws = np.ndarray[tuple[int, int], np.dtype[np.intp]]

FEW = 5
"""Best runs below which the answer comes with a warning."""
_LEVEL = 0.05
_MOST_DRAWS, _FEWEST_DRAWS, _WORK = 9_999, 999, 3_000_000
_NAN = float("nan")


class OptimalRange(TypedDict):
    """Where the best runs lie on one param; NaN where there is no number to tell."""

    min: float
    max: float
    """Of the best runs, in the param's unit; NaN for a categorical param."""
    median: float
    overall_min: float
    overall_max: float
    """Of all runs that have the metric."""
    kind: Literal["numeric", "categorical"]
    values: list[Any]
    """What the best runs hold, most frequent first: numbers, booleans, texts; lists and mixtures as texts."""
    share: dict[Hashable, float]
    """Which part of the best runs holds each of `values` of a categorical param; adds up to 1. Empty for numbers."""
    n_top: int
    """How many runs are the best ones and have the param."""
    n: int
    """How many runs have the metric and the param."""
    p_value: float
    """Whether the best runs lie elsewhere than the others: see the module; NaN where that can't be tested."""
    informative: bool
    """p_value < 0.05."""
    warnings: list[str]
    """What one should know before believing it."""


def optimal_ranges(
    table: RunTable,
    target: "Floats",
    parameters: Sequence[str] | None = None,
    *,
    direction: Direction,
    percentile: float = 90,
    seed: int = 0,
) -> dict[str, OptimalRange]:
    """The range of each param among the best runs, in the order asked for, else by name.

    Args:
        table: n runs.
        target: shape (n,), the metric; NaN and infinite ones are left out.
        parameters: None for all that any run has.
        direction: which way the metric is better.
        percentile: in [0, 100]; 90 means the best tenth.

    Raises: ValueError: another percentile.
    """
    share = _share(percentile)
    known = np.isfinite(target)
    top = _best(target, known, share, direction)
    tied = int(known.sum()) > 1 and len(np.unique(target[known])) == 1
    names = table.param_names if parameters is None else list(dict.fromkeys(parameters))
    found, p_values = {}, []
    rng = np.random.default_rng(seed)
    for name in names:
        values = table.param(name)
        places = _places(values)
        found[name] = _range(values, places, known, top, tied=tied)
        p_values.append(_p_value(places, known, top, rng, numeric=_is_numeric(values)))
    for name, p_value in zip(names, _holm(p_values), strict=True):
        found[name]["p_value"] = p_value
        found[name]["informative"] = p_value < _LEVEL
    return found


def _share(percentile: float) -> float:
    """Which part of the runs counts as the best."""
    if isinstance(percentile, bool) or not 0 <= percentile <= 100:  # nan is in no interval
        raise ValueError(
            f"percentile is {percentile!r}; it lies in [0, 100]: 90 means the best 10 % of the runs, 0 all of them, "
            "100 the best run alone"
        )
    return (100 - percentile) / 100


def _best(target: "Floats", known: "Bools", share: float, direction: Direction) -> "Bools":
    """Which runs are the best ones."""
    loss = np.where(known, -target if direction == "maximize" else target, np.inf)
    n = int(known.sum())
    if not n:
        return known
    wanted = min(max(1, math.ceil(n * share - 1e-9)), n)
    best: Bools = known & (loss <= np.sort(loss)[wanted - 1])
    return best


def _is_numeric(values: Values) -> bool:
    """Whether all runs that have the param hold numbers; booleans are none here."""
    return values.kind in {"int", "float"}


def _places(values: Values) -> "Floats":
    """Where each run lies: the number, or of anything else a code for each distinct value; NaN where there is none."""
    if _is_numeric(values):
        return np.where(np.isfinite(values.numbers), values.numbers, np.nan)
    labels = labels_of(values)
    codes = {label: float(place) for place, label in enumerate(dict.fromkeys(labels)) if label is not None}
    return np.array([math.nan if label is None else codes[label] for label in labels], dtype=np.float64)


def _range(values: Values, places: "Floats", known: "Bools", top: "Bools", *, tied: bool) -> OptimalRange:
    """All but the p-value."""
    numeric, has = _is_numeric(values), np.isfinite(places)
    counts = Counter(_held(values, top & has))
    among_best = places[top & has & numeric]
    among_all = places[known & has & numeric]
    low, middle, high = np.quantile(among_best, (0, 0.5, 1)).tolist() if len(among_best) else (_NAN,) * 3
    return OptimalRange(
        min=low,
        max=high,
        median=middle,
        overall_min=float(among_all.min()) if len(among_all) else _NAN,
        overall_max=float(among_all.max()) if len(among_all) else _NAN,
        kind="numeric" if numeric else "categorical",
        values=[value for value, _ in counts.most_common()],
        share={} if numeric else {value: count / counts.total() for value, count in counts.most_common()},
        n_top=int((top & has).sum()),
        n=int((known & has).sum()),
        p_value=_NAN,
        informative=False,
        warnings=_remarks(places, known, top, tied=tied),
    )


def _held(values: Values, rows: "Bools") -> list[Any]:
    """What some runs hold, as hashable values of the param's own type."""
    places = np.flatnonzero(rows)
    if values.kind in {"int", "float", "bool"}:
        made = {"int": int, "float": float, "bool": bool}[values.kind]
        return [made(values.numbers[place]) for place in places]
    labels = labels_of(values)
    return [labels[place] for place in places]


def _remarks(places: "Floats", known: "Bools", top: "Bools", *, tied: bool) -> list[str]:
    """What a reader of this one range must know."""
    has = np.isfinite(places)
    every, n, n_top = int(known.sum()), int((known & has).sum()), int((top & has).sum())
    if not n:
        return ["in no run that has the metric"]
    found = []
    if n < every:
        found.append(f"missing in {every - n} of {every} runs, which are left out")
    if not n_top:
        found.append(f"in none of the {int(top.sum())} best runs")
        return found
    if len(np.unique(places[known & has])) == 1:
        found.append("the same in all runs")
    if tied:
        found.append("all runs tie, so all are the best")
    elif n_top < FEW:
        found.append(f"a range of {n_top} run{'' if n_top == 1 else 's'} of {n} says little")
    return found


def _p_value(places: "Floats", known: "Bools", top: "Bools", rng: np.random.Generator, *, numeric: bool) -> float:
    """The permutation test of one param; NaN where all runs are alike on it or on the metric."""
    has = known & np.isfinite(places)
    groups = np.unique(places[has], return_inverse=True)[1]
    chosen = np.flatnonzero(top[has])
    n = len(groups)
    if len(chosen) > n / 2:  # the others are as different from the best as the best from the others
        chosen = np.flatnonzero(~top[has])
    if not len(chosen) or groups.max() == 0:
        return _NAN
    draws = _draws(n, len(chosen), rng)
    measure = _kuiper if numeric else _chi_square
    drawn, seen = measure(groups, draws), measure(groups, chosen[None, :])[0]
    return float((1 + np.count_nonzero(drawn >= seen - 1e-12)) / (1 + len(drawn)))


def _draws(n: int, size: int, rng: np.random.Generator) -> "Draws":
    """Runs drawn at random: shape (draws, size), each row without repeats."""
    count = int(np.clip(_WORK // n, _FEWEST_DRAWS, _MOST_DRAWS))
    keys = rng.random((count, n), dtype=np.float32)
    return np.argpartition(keys, size - 1, axis=1)[:, :size]


def _kuiper(groups: "np.ndarray[Any, Any]", draws: "Draws") -> "Floats":
    """How far the distribution of the drawn lies above that of the others at most, plus below, for each row of draws.

    Both are reached at a drawn run's value or just below it, so only those are looked at. `groups` are ranks with ties.
    """
    counts = np.bincount(groups)
    upto = np.cumsum(counts)
    n, size = len(groups), draws.shape[1]
    ranks = np.sort(groups[draws], axis=1)
    drawn = np.arange(1, size + 1)
    above = (drawn / size - (upto[ranks] - drawn) / (n - size)).max(axis=1)
    below = (((upto - counts)[ranks] - (drawn - 1)) / (n - size) - (drawn - 1) / size).max(axis=1)
    statistic: Floats = np.maximum(above, 0) + np.maximum(below, 0)
    return statistic


def _chi_square(groups: "np.ndarray[Any, Any]", draws: "Draws") -> "Floats":
    """Pearson's statistic of the levels of the drawn, up to a factor that all draws share."""
    expected = np.bincount(groups) * (draws.shape[1] / len(groups))
    rows = np.arange(len(draws))[:, None] * len(expected) + groups[draws]
    seen = np.bincount(rows.ravel(), minlength=len(draws) * len(expected)).reshape(len(draws), -1)
    statistic: Floats = ((seen - expected) ** 2 / expected).sum(axis=1)
    return statistic


def _holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction; NaN counts as no test."""
    tested = sorted((place for place, p in enumerate(p_values) if not math.isnan(p)), key=lambda place: p_values[place])
    adjusted, highest = list(p_values), 0.0
    for rank, place in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
