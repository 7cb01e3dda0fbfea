"""Many values as the few numbers that are charted over steps, in place of a histogram's buckets.

TensorBoard draws two things of a histogram: its buckets, and lines of quantiles over steps. The numbers here give the
second, from the values themselves; the buckets are not kept, as those of a network's layers would outweigh
all else in a store.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def distribution(values: "Array") -> dict[str, float]:
    """count, mean, std, min, max, and the quantiles p05, p25, p50, p75, p95; of finite values.

    Args:
        values: any shape; numbers or booleans.

    Returns: std is that of the values as a population (ddof 0). Quantiles are interpolated linearly (method 7 of
        Hyndman and Fan 1996, "Sample quantiles in statistical packages"). "nonfinite" counts NaN and infinities, where
        there are any.
    Raises: ValueError: there is no value at all.
    """
    import numpy as np

    flat = values.reshape(-1).astype(np.float64)
    if flat.size == 0:
        raise ValueError("a histogram of no values; give at least one")
    finite = flat[np.isfinite(flat)]
    found = {"count": float(flat.size)}
    if finite.size < flat.size:
        found["nonfinite"] = float(flat.size - finite.size)
    if finite.size:
        found |= {"mean": float(finite.mean()), "std": float(finite.std())}
        found |= {"min": float(finite.min()), "max": float(finite.max())}
        found |= dict(zip(QUANTILES, np.quantile(finite, list(QUANTILES.values())).tolist(), strict=True))
    return found


def distribution_of_buckets(edges: Sequence[float], counts: Sequence[float]) -> dict[str, float]:
    """The same of a histogram that somebody else made, without quantiles: as if all values lay in the buckets' middles.

    Args:
        edges: the buckets' limits, one more than there are buckets.
        counts: of values in each.

    Raises: ValueError: their lengths don't fit, or all is empty.
    """
    import numpy as np

    limits, weights = np.asarray(edges, np.float64), np.asarray(counts, np.float64)
    if limits.size != weights.size + 1 or not weights.sum() > 0:
        raise ValueError(
            f"{weights.size} buckets with {weights.sum():g} values have {limits.size} limits, not one more"
        )
    middles = (limits[1:] + limits[:-1]) / 2
    filled = np.flatnonzero(weights)
    mean = float(np.average(middles, weights=weights))
    return {
        "count": float(weights.sum()),
        "mean": mean,
        "std": float(np.sqrt(np.average((middles - mean) ** 2, weights=weights))),
        "min": float(limits[filled[0]]),
        "max": float(limits[filled[-1] + 1]),
    }
