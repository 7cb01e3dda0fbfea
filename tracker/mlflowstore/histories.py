"""Histories: a metric's points, of one run or of many, in MLflow's order: by time, step and value.

Every point that was logged is there, also those that MLflow's databases would take for one (the same time, step and
value). A step that isn't there is 0, as MLflow's client has it.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl
from mlflow.entities import Metric
from mlflow.entities.metric import MetricWithRunId
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.search_utils import SearchUtils

from readers.store import Store
from tracker.mlflowstore.runs import whole_step

_COLUMNS = ["run_id", "time", "step", "value"]


class Histories:
    """Methods of SteplogStore."""

    _store: Store

    def get_metric_history(
        self, run_id: str, metric_key: str, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList:
        """A metric's points."""
        offset = SearchUtils.parse_start_offset_from_page_token(page_token)
        more = None if max_results is None else max_results + 1
        found = [_alone(each) for each in self._history([run_id], metric_key, offset, more)]
        if max_results is None or len(found) <= max_results:
            return PagedList(found, None)
        return PagedList(found[:max_results], SearchUtils.create_page_token(offset + max_results))

    def get_metric_history_bulk(self, run_ids: Sequence[str], metric_key: str, max_results: int) -> list[Any]:
        """A metric's points of several runs."""
        return self._history(run_ids, metric_key, 0, max_results)

    def get_metric_history_bulk_interval(
        self,
        run_ids: Sequence[str],
        metric_key: str,
        max_results: int,
        start_step: int | None,
        end_step: int | None,
    ) -> list[MetricWithRunId]:
        """A metric's points of several runs for a chart, of each run at most so many."""
        if (start_step is None) != (end_step is None):
            message = "Both start_step and end_step must be specified together, or neither may be specified."
            raise MlflowException(message, INVALID_PARAMETER_VALUE)
        steps = None if start_step is None or end_step is None else (start_step, end_step)
        return sampled(self._store, run_ids, metric_key, steps, max(1, max_results))

    def _history(self, run_ids: Sequence[str], key: str, offset: int, limit: int | None) -> list[MetricWithRunId]:
        return points(self._store, run_ids, key, offset=offset, limit=limit)


def points(
    store: Store, run_ids: Sequence[str], key: str, *, offset: int = 0, limit: int | None = None
) -> list[MetricWithRunId]:
    """The points of a metric, run by run, in the order of their ids; they are Metrics that know their run."""
    frame = _read(store, run_ids, key).sort("run_id", "time", "step", "value", maintain_order=True)
    return _entities(frame.slice(offset, limit), key)


def sampled(
    store: Store, run_ids: Sequence[str], key: str, steps: tuple[int, int] | None, most: int
) -> list[MetricWithRunId]:
    """Points for a chart: at most so many of each run, evenly spaced along its steps, first and last among them."""
    frame = _read(store, run_ids, key)
    if steps is not None:
        frame = frame.filter(pl.col("step").is_between(*steps))
    frame = frame.sort("step", "time", "value", maintain_order=True)
    found: list[MetricWithRunId] = []
    for run_id in run_ids:
        mine = frame.filter(run_id=run_id)
        found += _entities(mine[evenly_spaced(mine.height, most)], key)
    return found


def evenly_spaced(total: int, most: int) -> list[int]:
    """At most so many places of a series, evenly spaced, its ends among them (of one place, the last)."""
    if total <= most:
        return list(range(total))
    if most == 1:
        return [total - 1]
    return sorted({round(place * (total - 1) / (most - 1)) for place in range(most)})


def _read(store: Store, run_ids: Sequence[str], key: str) -> pl.DataFrame:
    """The rows with whole steps and times in ms."""
    rows = store.metrics([key], list(run_ids)).select(*_COLUMNS, "step_float", "writer", "seq").collect()
    rows = rows.sort("writer", "seq").with_columns(pl.col("time").dt.timestamp("ms"))
    if rows["step"].null_count():
        fraction = rows["step_float"].map_elements(whole_step, return_dtype=pl.Int64)
        rows = rows.with_columns(step=pl.coalesce("step", fraction, pl.lit(0)))
    return rows.select(_COLUMNS)


def _entities(rows: pl.DataFrame, key: str) -> list[MetricWithRunId]:
    return [
        MetricWithRunId(run_id=run_id, metric=Metric(key, value, time_ms, step))
        for run_id, time_ms, step, value in rows.iter_rows()
    ]


def _alone(each: MetricWithRunId) -> Metric:
    return Metric(each.key, each.value, each.timestamp, each.step)
