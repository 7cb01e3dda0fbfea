"""Failures: the errors that trials ended with, alike ones together."""

from typing import NamedTuple

import polars as pl

from readers.automl.trials import Trials


class ErrorGroup(NamedTuple):
    """Failed trials of one algorithm with one type of error."""

    error_type: str
    algorithm: str
    trials: int
    """How many."""
    example: str
    """The text of the first one."""
    run_id: str
    """Its run."""


def error_groups(trials: Trials) -> list[ErrorGroup]:
    """The failed trials by error and algorithm, the most frequent first."""
    failed = trials.rows.filter(pl.col("state") == "failed")
    kind = pl.coalesce("error_type", pl.lit("unknown"))
    groups = failed.group_by(kind.alias("error_type"), "algorithm", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("trials"),
        pl.coalesce("error", pl.lit("")).first().alias("example"),
        pl.col("run_id").first(),
    )
    groups = groups.sort("trials", descending=True, maintain_order=True)
    return [ErrorGroup(*row) for row in groups.iter_rows()]
