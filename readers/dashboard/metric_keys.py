"""Which metrics some runs have: what charts there are to offer."""

import re

import polars as pl

from readers.best import numbers, series
from readers.runtable import RunTable

MOST_KEYS = 20_000
LONGEST_KEY_BYTES = 4_000
"""A metric of a longer name gets no chart."""
_NUMBER = re.compile(r"\d+")


def metric_keys(table: RunTable) -> dict[str, object]:
    """Each metric with how many runs and points it has; by name, numbers by size, those of the machine last.

    `group` is what stands before the name's first "/", "" for none. `series` is what it has in common with others that
    differ in numbers only ("epoch_#/loss"), None for others.
    """
    counted = table.summaries.group_by("key").agg(
        pl.len().alias("runs"), (pl.col("count") + pl.col("nan_count")).sum().alias("points")
    )
    named = counted.filter(pl.col("key").str.len_bytes() <= LONGEST_KEY_BYTES)
    rows = sorted(named.iter_rows(), key=lambda row: (row[0].startswith("system/"), *_natural(row[0])))
    members = series(row[0] for row in rows)
    metrics = [
        {
            "key": key,
            "runs": runs,
            "points": points,
            "system": key.startswith("system/"),
            "group": key.partition("/")[0] if "/" in key else "",
            "series": members.get(key),
        }
        for key, runs, points in rows[:MOST_KEYS]
    ]
    return {"metrics": metrics, "truncated": counted.height - len(metrics) or None}


def _natural(name: str) -> tuple[object, ...]:
    """Sorts epoch_2 before epoch_10."""
    return _NUMBER.sub("0", name), numbers(name), name
