"""Summaries: a few numbers for each run and metric, merged over segments and writers, so that no history is read.

What sealing and compaction keep for each writer is folded to one row for each run and metric. NaN points are counted
apart; min, max, mean and std leave them out, and are null when there is nothing else. First and last are what was
logged first and last, NaN or not: of one writer by its `seq`, of several by time. The folding itself is that of sealing
and compaction: see ingest.aggregates.
"""

import numpy as np
import polars as pl

from ingest.aggregates import Columns, Ints, merge
from readers.predicates import only
from readers.repeats import repeats
from readers.scan import Tables
from readers.schemas import SCHEMAS

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
_NAMES = ["run_id", "key", "writer", "experiment"]
_NUMBERS = {name: kind for name, kind in SCHEMAS["summaries"].items() if name not in _NAMES}


def read_summaries(tables: Tables, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The summaries as of now; what the predicate says of run_id, key and experiment is applied early."""
    return merged(tables.frame("summaries", predicate=only(predicate, ["run_id", "key", "experiment"])))


def merged(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table of summaries, of any segments and writers, as one for each run and metric: SUMMARIES."""
    several = repeats(rows, _METRIC)
    if several is not None:
        rows = pl.concat([rows.filter(~several), _folded(rows.filter(several)).select(rows.columns)])
    rows = rows.with_columns(pl.col("min", "max", "mean", "m2").fill_nan(None))
    std = (pl.col("m2") / (pl.col("count") - 1)).sqrt()
    rows = rows.with_columns(std=pl.when(pl.col("count") > 1).then(std))
    rows = rows.with_columns(m2=pl.when(pl.col("count") > 0).then("m2"))
    return rows.select(pl.col(name).cast(kind) for name, kind in SUMMARIES.items())


def frame_of(names: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Rows of the table of summaries from the kernel's columns and the names that go with them."""
    numbers = pl.DataFrame({name: columns[name] for name in _NUMBERS})
    steps = pl.col("^.*_step$").fill_nan(None)
    return names.hstack(numbers.with_columns(steps).cast(_NUMBERS)).select(list(SCHEMAS["summaries"]))  # type: ignore[arg-type]


def starts_of(rows: pl.DataFrame, names: list[str]) -> Ints:
    """Where runs of rows with the same names begin."""
    changed = rows.select(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names))
    starts: Ints = np.flatnonzero(changed.to_series().to_numpy())
    return starts


def _folded(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each run and metric: first over the segments of each writer, then over the writers."""
    rows = rows.sort("run_id", "key", "writer", "first_seq")
    starts = starts_of(rows, [*_METRIC, "writer"])
    by_writer = merge(_columns(rows), starts)
    names = rows.select(_NAMES)[starts]
    metric = np.zeros(len(starts), np.int64)
    metric[starts_of(names, _METRIC)] = 1
    order = np.lexsort((by_writer["last_time"], metric.cumsum()))  # an extreme that two reached is the earlier one's
    in_order = {name: column[order] for name, column in by_writer.items()}
    names = names[order]
    starts = starts_of(names, _METRIC)
    return frame_of(names[starts], merge(in_order, starts, "time"))


def _columns(rows: pl.DataFrame) -> Columns:
    """The kernel's columns of the table's rows."""
    return {
        name: (rows[name].fill_null(np.nan) if kind.is_float() else rows[name].to_physical()).to_numpy()
        for name, kind in _NUMBERS.items()
    }
