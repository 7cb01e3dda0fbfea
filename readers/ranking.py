"""Ranking: runs in the order of one metric, best first."""

import operator
from typing import Any, SupportsIndex, TypedDict

import numpy as np

from readers.best import Direction
from readers.records import by_run
from readers.runtable import RunTable, Statistic


class RankedRun(TypedDict):
    """One run of a ranking."""

    rank: int
    """From 1 on; equal values share a rank, and the next one is as much higher."""
    run_id: str
    run_name: str
    experiment: str
    status: str
    value: float
    params: dict[str, Any]
    """As they were logged."""


def rank(
    table: RunTable,
    metric: str,
    direction: Direction,
    *,
    top_k: SupportsIndex | None = None,
    value: Statistic = "last",
) -> list[RankedRun]:
    """The runs by a metric, best first; of equal ones the one that was started first.

    Runs whose value is NaN or missing are left out; infinities aren't. Failed runs count as any others.

    Args:
        top_k: at most so many; None for all.
        value: which number of the metric's history; "best" is its min or max, as the direction says.

    Raises: MetricNotFound: no run has it. ValueError: top_k less than 1.
    """
    most = None if top_k is None else _checked(top_k)
    values = table.metric(metric, value, direction)
    keys = -values if direction == "maximize" else values
    order = np.argsort(keys, kind="stable")  # NaN comes last
    order = order[: len(order) - int(np.isnan(values).sum())]
    ranks = np.searchsorted(keys[order], keys[order], side="left") + 1
    best = order[:most]
    return _described(table, best.tolist(), ranks.tolist(), values)


def _described(table: RunTable, places: list[int], ranks: list[int], values: Any) -> list[RankedRun]:
    """The runs at these places; only of them the params are read."""
    rows = table.runs[places].select("run_id", "experiment", "status")
    few = len(places) < len(table) // 2
    names = table.names
    params = by_run(table.logged("param", rows["run_id"].to_list() if few else None))
    return [
        RankedRun(
            rank=position,
            run_id=run_id,
            run_name=names[place],
            experiment=experiment,
            status=status,
            value=float(values[place]),
            params=params.get(run_id, {}),
        )
        for position, place, (run_id, experiment, status) in zip(ranks, places, rows.iter_rows(), strict=False)
    ]


def _checked(top_k: SupportsIndex) -> int:
    most = operator.index(top_k)
    if most < 1:
        raise ValueError(f"top_k is {most}; it is how many runs are wanted, from 1 on, or None for all")
    return most
