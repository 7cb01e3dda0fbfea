"""Stability: whether feature selection picks the same features again when the data change a little.

Source: Nogueira, Sechidis & Brown 2018, "On the stability of feature selection algorithms", JMLR 18(174): their
measure (definition 4), its variance and interval (theorem 10, corollary 11). 1: always the same features; about 0: as
if picked by chance; it may be negative. By their rule of thumb (after Fleiss) below 0.4 is poor, above 0.75 excellent.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from readers.stats import check_level

_MOST_RESAMPLES = 1_000
_POOR, _EXCELLENT = 0.4, 0.75


class Stability(TypedDict):
    """How alike repeated selections are."""

    index: float
    """At most 1; NaN where there is none, and `why` says why."""
    lower: float
    """The interval's bounds; NaN where there is none."""
    upper: float
    level: float
    resamples: int
    """How many selections it is computed from; 0 for none."""
    words: str
    """"poor", "fair" or "excellent"; empty where there is no index."""
    why: str
    """What it is computed from; or why there is none, or no interval."""


def stability_of_sets(selected: Sequence[Sequence[str]], features: Sequence[str], level: float = 0.95) -> Stability:
    """How alike selections from the same features are.

    Args:
        selected: the names that each selection picked, shape (n_selections,).
        features: all that could be picked.
    Raises: ValueError: level outside (0, 1).
    """
    check_level(level)
    place = {name: number for number, name in enumerate(dict.fromkeys(features))}
    picked = np.zeros((len(selected), len(place)))
    for row, names in zip(picked, selected, strict=True):
        row[[place[name] for name in names if name in place]] = 1.0
    if len(picked) < 2:
        return no_stability(level, "one selection has nothing to be alike with", len(picked))
    shares = picked.mean(axis=0)
    index = _index(shares, len(picked))
    if math.isnan(index):
        return no_stability(level, _why_undefined(shares), len(picked))
    from scipy import special

    reach = float(special.ndtri((1 + level) / 2)) * math.sqrt(_variance(picked, index))
    why = f"{len(picked)} selections from the same {len(place)} features"
    return _said(index, len(picked), why, level, (index - reach, index + reach))


def stability_of_shares(shares: Mapping[str, float], resamples: int | None = None, level: float = 0.95) -> Stability:
    """The same from how often each feature was selected, which gives no interval.

    Args:
        shares: for every feature that could be picked the share of resamples in which it was, in [0, 1].
        resamples: how many there were; None: the fewest that all shares are whole numbers of, which makes the index no
            larger than it is.
    Raises: ValueError: level outside (0, 1).
    """
    check_level(level)
    rates = np.array(list(shares.values()), dtype=np.float64)
    if not len(rates) or not ((rates >= 0) & (rates <= 1)).all():
        return no_stability(level, "the shares of resamples aren't numbers from 0 to 1")
    number = resamples or _fewest(rates)
    if number < 2:
        return no_stability(level, "how many resamples there were isn't told, and their shares don't tell it")
    index = _index(rates, number)
    if math.isnan(index):
        return no_stability(level, _why_undefined(rates), number)
    at_least = "" if resamples else "at least "
    why = f"shares of {at_least}{number} resamples; an interval would need what each of them selected"
    return _said(index, number, why, level)


def no_stability(level: float, why: str, resamples: int = 0) -> Stability:
    """One that can't be given."""
    nan = math.nan
    return Stability(index=nan, lower=nan, upper=nan, level=level, resamples=resamples, words="", why=why)


def _said(index: float, resamples: int, why: str, level: float, bounds: tuple[float, float] | None = None) -> Stability:
    lower, upper = (max(bounds[0], -1.0), min(bounds[1], 1.0)) if bounds else (math.nan, math.nan)
    words = "poor" if index < _POOR else "excellent" if index > _EXCELLENT else "fair"
    return Stability(index=index, lower=lower, upper=upper, level=level, resamples=resamples, words=words, why=why)


def _index(shares: Any, resamples: int) -> float:
    """1 less the variance of picking each feature, relative to that of as many picked by chance."""
    share = float(shares.mean())
    if not 0 < share < 1:
        return math.nan
    variance = float((shares * (1 - shares)).mean()) * resamples / (resamples - 1)
    return 1 - variance / (share * (1 - share))


def _variance(picked: Any, index: float) -> float:
    """Of the estimate: their theorem 10."""
    number, features = picked.shape
    shares, sizes = picked.mean(axis=0), picked.sum(axis=1)
    size = float(sizes.mean())
    chance = size / features * (1 - size / features)
    agree = (picked * shares).mean(axis=1) - sizes * size / features**2
    correction = index / 2 * (2 * size * sizes / features**2 - sizes / features - size / features + 1)
    each = (agree + correction) / chance
    return float(4 / number**2 * ((each - each.mean()) ** 2).sum())


def _why_undefined(shares: Any) -> str:
    picked = "every" if float(shares.mean()) >= 1 else "no"
    return f"{picked} feature was selected each time, which any choice of so many would have"


def _fewest(shares: Any) -> int:
    """The fewest resamples that all shares are whole numbers of; 0 for none."""
    for number in range(2, _MOST_RESAMPLES + 1):
        counts = shares * number
        if np.abs(counts - counts.round()).max() < 1e-6 * number:
            return number
    return 0
