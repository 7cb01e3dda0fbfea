"""Stats: what one sample of runs says: mean, spread, quartiles, and an interval for the mean.

Values are one number a run; NaN marks a run without the metric: left out, and counted apart.
"""

import math
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Float64 numbers, shape (n,)."""


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


def mean_interval(values: Floats, level: float = 0.95) -> Interval:
    """Two-sided interval for the mean of independent runs."""
    from scipy import special

    n = len(values)
    if n < 2:
        return Interval(math.nan, math.nan, level, "none: fewer than two values")
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * values.std(ddof=1) / math.sqrt(n))
    mean = float(values.mean())
    return Interval(mean - half, mean + half, level, "Student's t")


def describe(values: Floats, level: float = 0.95, *, failed: int = 0) -> Description:
    """Describe a sample; values: float64, shape (n_runs,), NaN for missing."""
    raise NotImplementedError
