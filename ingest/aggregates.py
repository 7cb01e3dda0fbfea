"""Aggregates: the one kernel behind all summaries: partial numbers of some points, and their merging, in any order.

`partial` folds points, `merge` folds what came of that; merging is associative but for rounding. So a history can be
summed up piece by piece: by sealing, which has a segment; by compaction, which has several; by a query, which has the
parts of many writers; by a cluster, whose machines each have some (see readers.cluster). The arrays are NumPy's alone,
as a process that logs can't import Polars, and one that asks needn't import Arrow.

NaN points are counted apart and left out of min, max, mean and m2; `first` and `last` are what was logged first and
last, NaN or not. Variance: Chan, Golub & LeVeque 1983, "Algorithms for computing the sample variance" (m2 is the sum of
squared deviations; var = m2 / (count - 1)).

Groups are runs of consecutive rows; `starts` are the places where they begin, shape (n_groups,), of at least one row
each. A step that wasn't given is NaN.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
"""By the name of a column of the summaries: count, nan_count; first, last and each with _step, _time, _seq; min, max
and each with _step; mean, m2. All of one length."""
_CARRIED = ("", "_step", "_time", "_seq")


def partial(value: Floats, step: Floats, time: Ints, seq: Ints, starts: Ints) -> Columns:
    """Fold points into one row a group.

    Args:
        value, step, time, seq: shape (n_points,); those of a group in the order in which they were logged.
    """
    nan = np.isnan(value)
    sizes = _sizes(starts, len(value))
    ends = starts + sizes - 1
    nan_count = np.add.reduceat(nan.astype(np.int64), starts)
    folded: Columns = {"count": sizes - nan_count, "nan_count": nan_count}
    for name, places in (("first", starts), ("last", ends)):
        for suffix, column in zip(_CARRIED, (value, step, time, seq), strict=True):
            folded[f"{name}{suffix}"] = column[places]
    _extremes(folded, {"min": value, "max": value, "min_step": step, "max_step": step}, starts, sizes)
    real = np.where(nan, 0.0, value)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        mean = np.add.reduceat(real, starts) / folded["count"]
        around = np.where(nan, 0.0, real - np.repeat(mean, sizes))
        m2 = np.add.reduceat(around * around, starts)
    return folded | {"mean": mean, "m2": np.where(folded["count"] == 0, np.nan, m2)}


def merge(rows: Columns, starts: Ints, order: Literal["seq", "time"] = "seq") -> Columns:
    """Fold rows into one a group, whichever points each of them stands for.

    Args:
        order: what tells first from last: "seq" within one writer, "time" between several. Of rows that share their
            last, and of those that share an extreme, the first counts.
    """
    sizes = _sizes(starts, len(rows["count"]))
    firsts = _first_of(rows[f"first_{order}"], np.minimum, starts, sizes)
    lasts = _first_of(rows[f"last_{order}"], np.maximum, starts, sizes)
    folded: Columns = {name: np.add.reduceat(rows[name], starts) for name in ("count", "nan_count")}
    for name, places in (("first", firsts), ("last", lasts)):
        folded |= {f"{name}{suffix}": rows[f"{name}{suffix}"][places] for suffix in _CARRIED}
    _extremes(folded, rows, starts, sizes)
    weight = rows["count"]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        means = np.where(weight == 0, 0.0, rows["mean"])
        mean = np.add.reduceat(weight * means, starts) / folded["count"]
        around = np.where(weight == 0, 0.0, means - np.repeat(mean, sizes))
        inner = np.where(weight == 0, 0.0, rows["m2"])
        m2 = np.add.reduceat(inner + weight * around * around, starts)
    return folded | {"mean": mean, "m2": np.where(folded["count"] == 0, np.nan, m2)}


def _extremes(folded: Columns, rows: Columns, starts: Ints, sizes: Ints) -> None:
    """Add min and max, with the steps at which each was first reached."""
    for name, choose in (("min", np.fmin), ("max", np.fmax)):
        places = _first_of(rows[name], choose, starts, sizes)
        folded[name] = np.append(rows[name], np.nan)[places]
        folded[f"{name}_step"] = np.append(rows[f"{name}_step"], np.nan)[places]


def _first_of(values: npt.NDArray[np.generic], choose: np.ufunc, starts: Ints, sizes: Ints) -> Ints:
    """The place of the first row of each group whose value is the one to choose; behind the last row if it is NaN."""
    best = choose.reduceat(values, starts)
    places = np.where(values == np.repeat(best, sizes), np.arange(len(values)), len(values))
    found: Ints = np.minimum.reduceat(places, starts)
    return found


def _sizes(starts: Ints, rows: int) -> Ints:
    return np.diff(starts, append=rows)
