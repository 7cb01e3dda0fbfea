"""Folding: rows of the table of summaries given to the kernel (ingest.aggregates), and back."""

import numpy as np
import polars as pl

from ingest.aggregates import Columns, Ints, merge, partial
from readers.schemas import SCHEMAS

NAMES = ["run_id", "key", "writer", "experiment"]
"""What a row is of."""
_METRIC = ["run_id", "key"]
_NUMBERS = {name: kind for name, kind in SCHEMAS["summaries"].items() if name not in NAMES}


def of_points(points: pl.DataFrame) -> pl.DataFrame:
    """Rows of the table of summaries, at least one for each run, metric and writer.

    Args:
        points: columns NAMES, seq, time, value, and step as a float; those of a part in the order of run, key, writer,
            seq, as they are sealed.
    """
    seq = points["seq"].to_numpy()
    turns = np.flatnonzero(seq[1:] < seq[:-1]) + 1  # a part that follows another may be older
    starts = np.union1d(_starts(points, NAMES), turns)
    step, value = (points[name].fill_null(np.nan).to_numpy() for name in ("step", "value"))
    columns = partial(value, step, points["time"].to_physical().to_numpy(), seq, starts)
    return _frame(points.select(NAMES)[starts], columns)


def folded(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each run and metric: first over the segments of each writer, then over the writers."""
    rows = rows.sort("run_id", "key", "writer", "first_seq")
    starts = _starts(rows, [*_METRIC, "writer"])
    by_writer = merge(_columns(rows), starts)
    names = rows.select(NAMES)[starts]
    metric = np.zeros(len(starts), np.int64)
    metric[_starts(names, _METRIC)] = 1
    order = np.lexsort((by_writer["last_time"], metric.cumsum()))  # an extreme that two reached is the earlier one's
    in_order = {name: column[order] for name, column in by_writer.items()}
    names = names[order]
    starts = _starts(names, _METRIC)
    return _frame(names[starts], merge(in_order, starts, "time"))


def _columns(rows: pl.DataFrame) -> Columns:
    """The kernel's columns of the table's rows."""
    return {
        name: (rows[name].fill_null(np.nan) if kind.is_float() else rows[name].to_physical()).to_numpy()
        for name, kind in _NUMBERS.items()
    }


def _frame(names: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Rows of the table of summaries from the kernel's columns and the names that go with them."""
    numbers = pl.DataFrame({name: columns[name] for name in _NUMBERS})
    steps = pl.col("^.*_step$").fill_nan(None)
    return names.hstack(numbers.with_columns(steps).cast(_NUMBERS)).select(list(SCHEMAS["summaries"]))  # type: ignore[arg-type]


def _starts(rows: pl.DataFrame, names: list[str]) -> Ints:
    """Where runs of rows with the same names begin."""
    changed = rows.select(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names))
    starts: Ints = np.flatnonzero(changed.to_series().to_numpy())
    return starts
