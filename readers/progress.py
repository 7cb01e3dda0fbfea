"""Progress: how far each rank of a run has come, from the summaries that each writer left; no history is read.

Steps of two metrics may count different things (batches, epochs), so progress is told by one metric: unless named, the
one that most ranks log with a step; of several, the one with most points. A rank that was started again has several
writers: its points are those of all, its last step is that of the last writer, and its pace leaves out the time between
them. Of a metric without steps, points are counted instead.
"""

from typing import NamedTuple

import polars as pl

from ingest.errors import MetricNotFound, RunNotFound
from readers.runs import read_lives
from readers.scan import Tables
from readers.writernames import host, rank

PROGRESS = pl.Schema(
    {
        "rank": pl.Int64(),
        "host": pl.String(),
        "writers": pl.Int64(),
        "living": pl.Int64(),
        "status": pl.String(),
        "points": pl.Int64(),
        "logged": pl.Int64(),
        "last_step": pl.Float64(),
        "last_time": pl.Datetime("us", "UTC"),
        "span_steps": pl.Float64(),
        "span_s": pl.Float64(),
        "intervals": pl.Int64(),
        "step_time": pl.Float64(),
    }
)
"""One row a rank, sorted by it.

`host` is the one of its last writer; `living` counts the writers that live now. `status` is of its last writer:
RUNNING, what it ended with, or INTERRUPTED where it died; null where only child processes wrote. `points` and
`last_time` are of all metrics, `logged` counts points of the progress metric. `span_steps`, `span_s` and `intervals`
are the steps, seconds and pairs of points between the first and the last point of each of its writers, summed.
"""

_SUMMARY = ["writer", "key", "count", "nan_count", "first_step", "first_time", "first_seq", "last_step", "last_time"]
_COLUMNS = [*_SUMMARY, "last_seq", "mean"]


class Progress(NamedTuple):
    """How far the ranks of a run have come."""

    metric: str | None
    """By which this is told; None where no rank has logged one."""
    ranks: pl.DataFrame
    """See PROGRESS."""


def read_progress(tables: Tables, run_id: str, metric: str | None = None, step_time: str | None = None) -> Progress:
    """How far the ranks of a run have come as of now.

    Args:
        metric: by which progress is told; None: see above.
        step_time: a metric that is the time of a step, in any unit; its mean is in the column `step_time`.

    Raises: RunNotFound: no writer knows the run. MetricNotFound: no rank has logged such a metric.
    """
    mine = pl.col("run_id") == run_id
    lives, alive = read_lives(tables, mine)
    rows = tables.frame("summaries", _COLUMNS, mine)
    if lives.writers.is_empty() and rows.is_empty():
        raise RunNotFound(f"no run {run_id!r}; 'steplog ls' lists them")
    rows = rows.with_columns(pl.col("first_step", "last_step", "mean").fill_nan(None)).with_columns(rank(), host())
    for name in (metric, step_time):
        if name is not None and name not in set(rows["key"]):
            there = rows["key"].unique().sort()
            raise MetricNotFound.among("metric", name, there, f"no rank of run {run_id!r} has logged it")
    metric = metric if metric is not None else _progress_metric(rows)
    writers = lives.by_writer(alive).with_columns(rank(), host())
    rows, writers = (_with_hosts(each, lives.attached) for each in (rows, writers))
    ranks = (
        _seen(rows, writers)
        .join(_fates(writers), on="rank", how="left", nulls_equal=True)
        .join(_reached(_of(rows, metric)), on="rank", how="left", nulls_equal=True)
        .join(_mean(_of(rows, step_time)), on="rank", how="left", nulls_equal=True)
        .with_columns(pl.col("rank").fill_null(0), pl.col("living", "logged", "points", "intervals").fill_null(0))
        .sort("rank")
    )
    return Progress(metric, ranks.select(pl.col(name).cast(kind) for name, kind in PROGRESS.items()))


def _progress_metric(rows: pl.DataFrame) -> str | None:
    """The metric that tells most of the ranks' progress; what is sampled of the machine tells nothing."""
    counted = (
        rows.filter(~pl.col("key").str.starts_with("system/"))
        .group_by("key")
        .agg(
            stepped=pl.col("last_step").is_not_null().any(),
            ranks=pl.col("rank").n_unique(),
            points=(pl.col("count") + pl.col("nan_count")).sum(),
        )
        .sort("stepped", "ranks", "points", "key", descending=[True, True, True, False])
    )
    return None if counted.is_empty() else str(counted["key"][0])


def _with_hosts(rows: pl.DataFrame, attached: pl.DataFrame) -> pl.DataFrame:
    """The hosts as they are called, where writers have said so; else as their names have them."""
    named = attached.filter(pl.col("host") != "")
    said = named.group_by("writer").agg(pl.col("host").last().alias("said"))
    return rows.join(said, on="writer", how="left").with_columns(host=pl.coalesce("said", "host")).drop("said")


def _of(rows: pl.DataFrame, metric: str | None) -> pl.DataFrame:
    """The rows of a metric."""
    return rows.clear() if metric is None else rows.filter(key=metric)


def _seen(rows: pl.DataFrame, writers: pl.DataFrame) -> pl.DataFrame:
    """Every rank that attached or logged, with what it logged in all."""
    points = pl.col("count") + pl.col("nan_count")
    seen = pl.concat(
        [
            rows.select("rank", "host", "writer", time="last_time", points=points),
            writers.select("rank", "host", "writer", time=pl.col("time").cast(rows.schema["last_time"]), points=0),
        ],
        how="vertical_relaxed",
    )
    return (
        seen.sort("time", nulls_last=False)
        .group_by("rank")
        .agg(
            pl.col("host").last(),
            pl.col("writer").n_unique().alias("writers"),
            pl.col("points").sum(),
            pl.col("time").filter(pl.col("points") > 0).max().alias("last_time"),
        )
    )


def _fates(writers: pl.DataFrame) -> pl.DataFrame:
    """What became of each rank: of its last writer, unless another one still lives."""
    fate = pl.when("lives").then(pl.lit("RUNNING")).when("ended").then("end_status").otherwise(pl.lit("INTERRUPTED"))
    ordered = writers.with_columns(status=fate).sort("lives", "time", nulls_last=False)
    return ordered.group_by("rank").agg(pl.col("status").last(), pl.col("lives").sum().alias("living"))


def _reached(rows: pl.DataFrame) -> pl.DataFrame:
    """How far each rank has come by the points of one metric."""
    by_writer = rows.group_by("rank", "writer").agg(
        (pl.col("count") + pl.col("nan_count")).sum().alias("logged"),
        pl.col("first_step").sort_by("first_seq").first(),
        pl.col("last_step").sort_by("last_seq").last(),
        pl.col("first_time").min(),
        pl.col("last_time").max(),
    )
    if by_writer["last_step"].null_count() == by_writer.height:  # no steps at all
        by_writer = by_writer.with_columns(first_step=pl.lit(1.0), last_step=pl.col("logged").cast(pl.Float64))
        last_step = pl.col("last_step").sum()
    else:
        last_step = pl.col("last_step").sort_by("last_time").last()
    went = pl.col("last_step") - pl.col("first_step")
    took = (pl.col("last_time") - pl.col("first_time")).dt.total_microseconds() / 1e6
    onward = went > 0  # one that went back, or logged a single point, tells no pace
    return by_writer.group_by("rank").agg(
        pl.col("logged").sum(),
        last_step,
        went.filter(onward).sum().alias("span_steps"),
        took.filter(onward).sum().alias("span_s"),
        (pl.col("logged") - 1).filter(onward).sum().alias("intervals"),
    )


def _mean(rows: pl.DataFrame) -> pl.DataFrame:
    """The mean of a metric in each rank."""
    total = (pl.col("mean") * pl.col("count")).sum() / pl.col("count").filter(pl.col("mean").is_not_null()).sum()
    return rows.group_by("rank").agg(total.fill_nan(None).alias("step_time"))
