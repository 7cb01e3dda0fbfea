"""Summaries: a few numbers for each run and metric, merged over segments and writers, so that no history is read.

What sealing and compaction keep for each writer is folded to one row for each run and metric. NaN points are counted
apart; min, max, mean and std leave them out, and are null when there is nothing else. First and last are what was
logged first and last, NaN or not: of one writer by its `seq`, of several by time. The folding itself is that of sealing
and compaction: see ingest.aggregates.
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


def read_summaries(tables: Tables, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The summaries as of now; what the predicate says of run_id, key and experiment is applied early."""
    return merged(tables.frame("summaries", predicate=only(predicate, ["run_id", "key", "experiment"])))


def merged(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table of summaries, of any segments and writers, as one for each run and metric: SUMMARIES."""
    several = repeats(rows, _METRIC)
    if several is not None:
        from readers.folding import folded  # with it NumPy, which most short questions do without

        rows = pl.concat([rows.filter(~several), folded(rows.filter(several)).select(rows.columns)])
    rows = rows.with_columns(pl.col("min", "max", "mean", "m2").fill_nan(None))
    std = (pl.col("m2") / (pl.col("count") - 1)).sqrt()
    rows = rows.with_columns(std=pl.when(pl.col("count") > 1).then(std))
    rows = rows.with_columns(m2=pl.when(pl.col("count") > 0).then("m2"))
    return rows.select(pl.col(name).cast(kind) for name, kind in SUMMARIES.items())
