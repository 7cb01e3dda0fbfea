"""Summaries: a few numbers for each run and metric, merged over segments and writers, so that no history is read.

What sealing and compaction keep for each writer is folded to one row for each run and metric. NaN points are counted
apart; min, max, mean and std leave them out, and are null when there is nothing else. First and last are what was
logged first and last, NaN or not: of one writer by its `seq`, of several by time. Variances are merged as in Chan,
Golub & LeVeque 1983 (see ingest.summaries).
"""

import polars as pl

from readers.predicates import only
from readers.repeats import repeats
from readers.scan import Tables

_TIME = pl.Datetime("us", "UTC")
SUMMARIES = pl.Schema(
    {
        "run_id": pl.String(),
        "experiment": pl.String(),
        "key": pl.String(),
        "count": pl.Int64(),
        "nan_count": pl.Int64(),
        "first": pl.Float64(),
        "first_step": pl.Float64(),
        "first_time": _TIME,
        "last": pl.Float64(),
        "last_step": pl.Float64(),
        "last_time": _TIME,
        "min": pl.Float64(),
        "min_step": pl.Float64(),
        "max": pl.Float64(),
        "max_step": pl.Float64(),
        "mean": pl.Float64(),
        "std": pl.Float64(),
        "m2": pl.Float64(),
    }
)
"""One row for each run and metric. `std` divides by n - 1; `m2` is the sum of squared deviations, to merge further."""

_METRIC = ["run_id", "key"]
_FIRST = ["first", "first_step", "first_time", "first_seq"]
_LAST = ["last", "last_step", "last_time", "last_seq"]


def read_summaries(tables: Tables, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The summaries as of now; what the predicate says of run_id, key and experiment is applied early."""
    rows = tables.frame("summaries", predicate=only(predicate, ["run_id", "key", "experiment"]))
    rows = rows.with_columns(pl.col("min", "max", "mean", "m2").fill_nan(None))
    several = repeats(rows, _METRIC)
    if several is not None:
        by_writer = _merged(rows.filter(several), [*_METRIC, "writer"], "first_seq", "last_seq")
        merged = _merged(by_writer, _METRIC, "first_time", "last_time")
        rows = pl.concat([rows.filter(~several), merged.select(rows.columns)])
    std = (pl.col("m2") / (pl.col("count") - 1)).sqrt()
    rows = rows.with_columns(std=pl.when(pl.col("count") > 1).then(std))
    rows = rows.with_columns(m2=pl.when(pl.col("count") > 0).then("m2"))
    return rows.select(pl.col(name).cast(kind) for name, kind in SUMMARIES.items())


def _merged(rows: pl.DataFrame, by: list[str], first_order: str, last_order: str) -> pl.DataFrame:
    """Fold the rows of each group, ordered so for what came first, and so for what came last."""
    total = pl.col("count").sum().over(by)
    mean = (pl.col("mean") * pl.col("count")).sum().over(by) / total
    rows = rows.with_columns(group_mean=pl.when(total > 0).then(mean)).sort(last_order)
    apart = pl.col("mean") - pl.col("group_mean")
    others = [name for name in ("writer", "experiment") if name not in by]
    return rows.group_by(by).agg(
        pl.col("count", "nan_count").sum(),
        *(pl.col(name).sort_by(first_order).first() for name in _FIRST),
        pl.col(_LAST).last(),
        *_extreme("min", descending=False),
        *_extreme("max", descending=True),
        pl.col("group_mean").first().alias("mean"),
        (pl.col("m2") + pl.col("count") * apart * apart).sum().alias("m2"),
        pl.col(others).first(),
    )


def _extreme(name: str, *, descending: bool) -> list[pl.Expr]:
    best_first = {"descending": descending, "nulls_last": True, "maintain_order": True}
    return [pl.col(column).sort_by(name, **best_first).first() for column in (name, f"{name}_step")]
