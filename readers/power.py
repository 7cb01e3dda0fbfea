"""Power: what difference these runs could show, and how many runs a difference would take.

Two-sided t tests of normal data, 80 % power: the chance that a true difference of that size comes out significant. The
spreads are the observed ones, so with few runs these figures are rough. What is needed "for the observed difference" is
a plan for the next experiment, no comment on this one: computed from its own outcome, power tells nothing that p
doesn't (Hoenig & Heisey 2001, "The abuse of power").
"""

import math
from typing import NamedTuple

POWER = 0.8
_MOST_RUNS = 1_000_000


class Spread(NamedTuple):
    """How runs vary about what is compared."""

    first: float
    """Standard deviation of the first group; of the differences within pairs, when paired."""
    second: float | None
    """Of the second group; None when paired."""

    def error(self, n_first: float, n_second: float) -> tuple[float, float]:
        """The standard error of the estimate, and its degrees of freedom (Welch 1947, Satterthwaite 1946)."""
        if self.second is None:
            return self.first / math.sqrt(n_first), n_first - 1
        first, second = self.first**2 / n_first, self.second**2 / n_second
        freedom = (first + second) ** 2 / (first**2 / (n_first - 1) + second**2 / (n_second - 1))
        return math.sqrt(first + second), freedom


def detectable_difference(spread: Spread, n_first: int, n_second: int, alpha: float) -> float:
    """The true difference that so many runs would show, at that level, with 80 % power.

    Returns: in the unit of the spread; NaN where there is no spread, or a group has fewer than two runs.
    Source: the noncentral t distribution (Cohen 1988, "Statistical power analysis for the behavioral sciences").
    """
    unit = _unit(spread)
    if unit == 0 or min(n_first, n_second) < 2:
        return math.nan
    from scipy import special

    error, freedom = _scaled(spread, unit).error(n_first, n_second)
    threshold = special.stdtrit(freedom, 1 - alpha / 2)
    return float(special.nctdtrinc(freedom, 1 - POWER, threshold) * error * unit)


def runs_needed(difference: float, spread: Spread, alpha: float) -> int | None:
    """How many runs in each group (or pairs) would show that true difference, at that level, with 80 % power.

    Returns: at least 2; None for no difference or no spread, and where it would take more than a million.
    Source: as detectable_difference; the smallest n whose power is at least 80 %.
    """
    unit = _unit(spread)
    if unit == 0 or difference == 0 or not math.isfinite(difference):
        return None
    from scipy import special

    scaled, apart = _scaled(spread, unit), abs(difference / unit)
    variance = scaled.first**2 + (scaled.second or 0.0) ** 2
    quantiles = float(special.ndtri(1 - alpha / 2) + special.ndtri(POWER))
    start = variance * (quantiles / apart) ** 2 if apart > 1e-9 else math.inf  # of normal data with known spread
    if start > _MOST_RUNS:
        return None
    n = max(2, math.floor(start))
    while power_of(apart, scaled, n, n, alpha) < POWER:
        n += 1
    return n


def power_of(difference: float, spread: Spread, n_first: int, n_second: int, alpha: float) -> float:
    """The chance that a true difference comes out significant, at either side."""
    from scipy import special

    error, freedom = spread.error(n_first, n_second)
    threshold = special.stdtrit(freedom, 1 - alpha / 2)
    above = 1 - special.nctdtr(freedom, abs(difference) / error, threshold)
    return float(above + special.nctdtr(freedom, abs(difference) / error, -threshold))


def _unit(spread: Spread) -> float:
    """The larger spread; 0 where there is none, or it isn't known."""
    largest = max(spread.first, spread.second or 0.0)
    return largest if math.isfinite(largest) else 0.0


def _scaled(spread: Spread, unit: float) -> Spread:
    return Spread(spread.first / unit, None if spread.second is None else spread.second / unit)
