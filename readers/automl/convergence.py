"""Convergence: how the best score of a search came down, or up, to what it is."""

import math
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from readers.automl.trials import Trials
from readers.best import Direction


class BestSoFar(NamedTuple):
    """A trial that was better than all that had ended before it."""

    number: int
    """The trial's."""
    time_s: float
    """When it ended, in seconds since the search began; NaN if not known."""
    score: float
    algorithm: str


def best_so_far(trials: Trials, direction: Direction, started: datetime | None) -> list[BestSoFar]:
    """The trials that improved on all before them, in the order in which trials ended.

    Where trials run side by side that isn't the order of their numbers. Pruned trials don't count.

    Args:
        started: when the search began; None: when its first trial did.
    """
    rows = trials.scored.sort("end_time", "number", nulls_last=True)
    if not rows.height:
        return []
    began = started or trials.rows["start_time"].min()
    gone = (pl.col("end_time") - pl.lit(began, pl.Datetime("us", "UTC"))).dt.total_microseconds() / 1e6
    rows = rows.with_columns(gone.fill_null(math.nan).alias("time_s"))
    scores = rows["score"].to_numpy() * (1 if direction == "maximize" else -1)
    before = np.maximum.accumulate(np.concatenate([[-np.inf], scores[:-1]]))
    better = rows.filter(pl.Series(scores > before))
    return [BestSoFar(*row) for row in better.select("number", "time_s", "score", "algorithm").iter_rows()]
