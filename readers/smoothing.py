"""Smoothing: an exponential moving average of curves whose points needn't be evenly spaced.

Formula. For the points (x_1, y_1), (x_2, y_2), ... of one curve, in the order of x, and a smoothing s in [0, 1)::

    W_1 = 1,  W_i = s ** ((x_i - x_(i-1)) / u) * W_(i-1) + 1
    m_1 = y_1,  m_i = (1 - 1 / W_i) * m_(i-1) + y_i / W_i

that is, the mean of all points so far, each weighted by s to the power of its distance in units of u. For evenly spaced
points, u apart, it is TensorBoard's moving average with the correction of its bias towards the start (Kingma & Ba 2015,
"Adam", section 3; TensorBoard's line chart). That the weight goes by the distance is the time-weighted average of
Weights & Biases (which takes the square root of s, and a thousandth of the chart's width as u) and of Zumbach & Müller
2001, "Operators on inhomogeneous time series".

Argument: m_i is a convex combination of m_(i-1) and y_i, so it can't leave the range of the values or overflow. A value
that isn't finite is left out and is NaN in the answer; the distance across it still counts, nothing after it is NaN.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Integers = np.ndarray[tuple[int], np.dtype[np.int64]]


def smoothed(x: "Floats", y: "Floats", curve: "Integers", smoothing: float) -> "Floats":
    """Smooth many curves that lie one after the other.

    Args:
        x: shape (n,), rising within each curve.
        y: shape (n,); NaN and infinities are gaps.
        curve: shape (n,), which curve each point is of; the points of one stand together.
        smoothing: s above, in [0, 1); 0 leaves all as it is.
    Returns: shape (n,). The unit u is the same for all: the median over the curves of their median spacing. So curves
        are smoothed over the same stretch of x, however often each was logged.
    """
    finite = np.isfinite(y)
    out = np.where(finite, y, np.nan)
    if smoothing == 0 or not finite.any():
        return out
    values, begins = y[finite], np.ones(int(finite.sum()), dtype=bool)
    begins[1:] = np.diff(curve[finite]) != 0
    distance = np.diff(x[finite], prepend=0.0) / spacing(x, curve)
    decays = np.where(begins, 0.0, smoothing ** np.maximum(distance, 0.0))
    out[finite] = _averages(values.tolist(), decays.tolist())
    return out


def spacing(x: "Floats", curve: "Integers") -> float:
    """The median over the curves of the median distance between their neighbouring points; 1.0 when there is none."""
    inner = np.diff(curve) == 0
    gaps, of = np.diff(x)[inner], curve[1:][inner]
    if not len(gaps):
        return 1.0
    gaps = gaps[np.lexsort((gaps, of))]
    starts = np.flatnonzero(np.diff(of, prepend=of[0] - 1))
    sizes = np.diff(starts, append=len(of))
    medians = (gaps[starts + (sizes - 1) // 2] + gaps[starts + sizes // 2]) / 2
    return float(np.median(medians)) or 1.0


def _averages(values: list[float], decays: list[float]) -> list[float]:
    """The recurrence; a decay of 0 begins anew."""
    mean, weight, out = 0.0, 0.0, []
    for value, decay in zip(values, decays, strict=True):
        weight = weight * decay + 1.0
        share = 1.0 / weight
        mean = mean * (1.0 - share) + value * share
        out.append(mean)
    return out
