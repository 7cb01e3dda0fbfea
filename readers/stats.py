"""Stats: what one sample of runs says: mean, spread, quartiles, and an interval for the mean.

Values are one number a run; NaN marks a run without the metric: left out, and counted apart. What can't be said is NaN
(an interval of one value, the spread of values that hold an infinity), never an error: `method` says why.

Numbers are divided by a power of two before they are squared, and multiplied by it after: so 1e300 doesn't overflow,
1e-300 doesn't vanish, and nothing is rounded that wouldn't be anyway.

Which interval, by measurement: per cent of 10,000 samples whose 95 % interval held the mean of what they were drawn
from (`python -m benchmarks.error_rates`; BCa bootstrap of 2,000 resamples, measured once over 5,000 samples). Student's
below ten values and Hall's from ten on are what is used.

    ===========  =========  ======================  ======================
    sample of    n = 5      n = 10                  n = 30
    -----------  ---------  ----------------------  ----------------------
                 Student's  Student's  Hall's  BCa  Student's  Hall's  BCa
    ===========  =========  =========  ======  ===  =========  ======  ===
    normal       95         95         95      90   95         95      94
    uniform      93         95         97      93   95         96      95
    exponential  88         90         94      88   92         94      92
    lognormal    82         85         91      82   89         92      88
    ===========  =========  =========  ======  ===  =========  ======  ===

The BCa bootstrap is too narrow at these n even for normal data; the studentized bootstrap covers as Hall's does, which
needs no resampling. Below ten values Hall's would widen the interval of normal data by a fifth, from ten on by less
than 5 %. Its price: of values with heavy tails on both sides (Student's t with 3 degrees of freedom) it holds the mean
in 92 %, where Student's interval does in 95.
"""

import math
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
"""Float64 numbers."""

_FROM_N_CORRECTED = 10


class Interval(NamedTuple):
    """Where a quantity lies, with a stated confidence."""

    lower: float
    """In the quantity's own unit; NaN, as is `upper`, where no interval can be given (`method` says why)."""
    upper: float
    level: float
    """The nominal coverage, in (0, 1)."""
    method: str
    """Which interval, or why there is none, in words."""


class Description(TypedDict):
    """A sample in numbers, all in the metric's own unit but for the counts."""

    mean: float
    """NaN for no values."""
    std: float
    """Divides by n - 1; NaN for fewer than two values."""
    min: float
    max: float
    ci_lower: float
    """The interval of the mean; NaN where there is none, and `method` says why."""
    ci_upper: float
    n: int
    """How many values there are, NaN left out."""
    median: float
    q1: float
    """The quartiles, interpolated linearly (NumPy's default; type 7 of Hyndman & Fan 1996)."""
    q3: float
    iqm: float
    """Mean of the middle half of the sorted values (Agarwal et al. 2021)."""
    failed: int
    """How many of the runs failed; their values count as any other's."""
    missing: int
    """How many of the runs have no value, or NaN."""
    method: str
    """Which interval and why."""
    level: float


def mean_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Two-sided interval for the mean of independent runs.

    Args:
        values: shape (n_runs,); NaN is left out.
        level: coverage in (0, 1).
    Returns: in the metric's own unit; NaN bounds for fewer than two values, for values that are all the same (they tell
        nothing of how runs vary), and where one is infinite. The bounds may lie beyond what the metric can be.
    Raises: ValueError: level outside (0, 1).
    Source: below ten values Student's t, n - 1 degrees of freedom (Student 1908). From ten on the same quantiles, put
        through the transformation that removes the skewness of the t statistic (Hall 1992, "On the removal of skewness
        by transformation", J. R. Stat. Soc. B 54). What they cover is measured: see the module.
    """
    check_level(level)
    found = present(values)
    n = len(found)
    if n < 2:
        return no_interval(level, "none: no values" if n == 0 else "none: one value has no spread")
    if not np.isfinite(found).all():
        return no_interval(level, "none: a value is infinite")
    if is_constant(found):
        return no_interval(level, f"none: all {n} values are the same")
    from scipy import special

    scale = power_of_two(found)
    scaled = found / scale
    mean, error = scaled.mean(), scaled.std(ddof=1) / math.sqrt(n)
    t = float(special.stdtrit(n - 1, (1 + level) / 2))
    lower, upper, method = -t, t, f"Student's t, {n - 1} degrees of freedom"
    if n >= _FROM_N_CORRECTED:
        skewness = _skewness(scaled) / math.sqrt(n)
        lower, upper = sorted((_hall(-t, skewness), _hall(t, skewness)))
        method += ", corrected for skewness (Hall 1992)"
    bounds = (mean - max(upper, 0.0) * error, mean - min(lower, 0.0) * error)
    return Interval(float(bounds[0] * scale), float(bounds[1] * scale), level, method)


def describe(values: ArrayLike, level: float = 0.95, *, failed: int = 0) -> Description:
    """Describe a sample of runs.

    Args:
        values: shape (n_runs,); NaN marks a run without the metric.
        level: coverage of the mean's interval, in (0, 1).
        failed: how many of these runs failed; handed through.
    Returns: NaN for whatever these values don't tell; an infinite value makes the mean infinite (NaN, where both signs
        occur) and the spread NaN, and leaves the quartiles as they are.
    Raises: ValueError: level outside (0, 1).
    Source: interval: see mean_interval. Interquartile mean: Agarwal et al. 2021, "Deep reinforcement learning at the
        edge of the statistical precipice"; as there, the lowest and the highest n // 4 values are left out.
    """
    interval = mean_interval(values, level)
    found = np.sort(present(values))
    n = len(found)
    return Description(
        mean=mean_of(present(values)),
        std=std_of(found),
        min=float(found[0]) if n else math.nan,
        max=float(found[-1]) if n else math.nan,
        ci_lower=interval.lower,
        ci_upper=interval.upper,
        n=n,
        median=_quantile(found, 0.5),
        q1=_quantile(found, 0.25),
        q3=_quantile(found, 0.75),
        iqm=mean_of(found[n // 4 : n - n // 4]),
        failed=failed,
        missing=np.asarray(values).size - n,
        method=interval.method,
        level=level,
    )


def check_level(level: float) -> None:
    """Raise ValueError for a level outside (0, 1), NaN included."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; it is a coverage between 0 and 1, as in 0.95")


def present(values: ArrayLike) -> Floats:
    """The values that are no NaN, as a flat array of float64."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return flat[~np.isnan(flat)]


def is_constant(values: Floats) -> bool:
    """Whether finite values are all the same, but for the rounding of their last digits (4 units in the last place)."""
    low, high = float(values.min()), float(values.max())
    return bool(high / 2 - low / 2 <= 2 * np.finfo(float).eps * max(abs(low), abs(high)))


def power_of_two(values: Floats) -> float:
    """The power of two just above the finite values; dividing by it rounds nothing and makes squares safe."""
    _, exponent = math.frexp(float(np.abs(values).max(initial=0.0)))
    return math.ldexp(1.0, min(exponent, 1023))


def mean_of(values: Floats) -> float:
    """The mean, also of huge and of infinite values; NaN for none."""
    if not len(values):
        return math.nan
    if not np.isfinite(values).all():
        signs = {float(value) for value in values if math.isinf(value)}
        return signs.pop() if len(signs) == 1 else math.nan
    scale = power_of_two(values)
    mean = float((values / scale).mean() * scale)
    return min(max(mean, float(values.min())), float(values.max()))  # a sum's rounding may leave the range


def std_of(values: Floats) -> float:
    """The standard deviation, dividing by n - 1; NaN for fewer than two values or an infinite one."""
    if len(values) < 2 or not np.isfinite(values).all():
        return math.nan
    scale = power_of_two(values)
    return 0.0 if values.min() == values.max() else float((values / scale).std(ddof=1) * scale)


def no_interval(level: float, why: str) -> Interval:
    """An interval that can't be given."""
    return Interval(math.nan, math.nan, level, why)


def _hall(t: float, skewness: float) -> float:
    """What a quantile of a symmetric t statistic is for one of a skewed sample; skewness: divided by sqrt(n)."""
    if abs(skewness) < 1e-6:
        return t
    return 3 / skewness * float(np.cbrt(1 + skewness * (t - skewness / 6)) - 1)


def _skewness(values: Floats) -> float:
    apart = values - values.mean()
    apart /= np.abs(apart).max()
    return float((apart**3).mean() / (apart**2).mean() ** 1.5)


def _quantile(ordered: Floats, share: float) -> float:
    """Linear interpolation that stays defined between huge and between infinite values."""
    if not len(ordered):
        return math.nan
    place = (len(ordered) - 1) * share
    low, high = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)])
    part = place - math.floor(place)
    return low if part == 0 or low == high else low * (1 - part) + high * part
