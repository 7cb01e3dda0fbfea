"""Runs as plain Python: what get_experiment_runs and get_experiment_summary hand to users."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from readers.best import Direction, better, direction, headline

if TYPE_CHECKING:
    import polars as pl


class RunRecord(TypedDict):
    """One run."""

    run_id: str
    experiment: str
    run_name: str
    status: str
    start_time: datetime | None
    """None only where the facts of its start are damaged."""
    end_time: datetime | None
    """None while it is RUNNING."""
    params: dict[str, Any]
    """As they were logged; the last value of each."""
    metrics: dict[str, float]
    """The last value of each; NaN where that was NaN."""
    tags: dict[str, Any]
    parent_run_id: str | None
    """Of a nested run, the run that it is part of."""
    group: str | None


class MetricSummary(TypedDict):
    """One metric over the runs of an experiment: of each run its last value, NaN left out."""

    count: int
    mean: float
    std: float
    """Of the sample (n - 1); NaN for fewer than two runs."""
    min: float
    max: float
    best: float
    best_run_id: str | None
    direction: Direction
    """Which way is better, told by the metric's name: see readers.best."""


class BestRun(TypedDict):
    """The run that is best by the metric that speaks for the experiment."""

    run_id: str
    run_name: str
    metric: str
    value: float
    direction: Direction


class ExperimentSummary(TypedDict):
    """What an experiment comes to."""

    experiment_name: str
    total_runs: int
    runs_by_status: dict[str, int]
    metrics: dict[str, MetricSummary]
    best_run: BestRun | None
    params: dict[str, list[Any]]
    """Each param with the values that the runs had, in the order of their first run."""
    first_start: datetime | None
    last_start: datetime | None


def empty_summary(experiment: str) -> ExperimentSummary:
    """What an experiment without runs comes to."""
    return ExperimentSummary(
        experiment_name=experiment,
        total_runs=0,
        runs_by_status={},
        metrics={},
        best_run=None,
        params={},
        first_start=None,
        last_start=None,
    )


def records(runs: "pl.DataFrame", params: "Values", tags: "Values", last: "pl.DataFrame") -> list[RunRecord]:
    """One record a run, in the order of `runs`.

    Args:
        runs: rows of readers.runs.
        params, tags: by run id.
        last: run_id, key, last.
    """
    metrics: dict[str, dict[str, float]] = defaultdict(dict)
    for run_id, key, value in last.select("run_id", "key", "last").iter_rows():
        metrics[run_id][key] = value
    columns = ["run_id", "experiment", "run_name", "status", "start_time", "end_time", "parent_run_id", "group"]
    return [
        RunRecord(
            run_id=run_id,
            experiment=experiment,
            run_name=run_name or run_id,
            status=status,
            start_time=_utc(start_time),
            end_time=_utc(end_time),
            params=params.get(run_id, {}),
            metrics=metrics.get(run_id, {}),
            tags=tags.get(run_id, {}),
            parent_run_id=parent,
            group=group,
        )
        for run_id, experiment, run_name, status, start_time, end_time, parent, group in _without_zone(
            runs.select(columns)
        ).iter_rows()
    ]


def _without_zone(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Times without their zone: Polars would make it a ZoneInfo, which needs a time zone database on the machine."""
    return frame.with_columns(frame[name].dt.replace_time_zone(None) for name in ("start_time", "end_time"))


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)


Values = dict[str, dict[str, Any]]
"""Run id to name to value."""


def by_run(rows: "pl.DataFrame") -> Values:
    """Rows of run_id, key, value (JSON) as Python values."""
    from readers.texts import parsed_all  # imports polars

    found: Values = defaultdict(dict)
    for run_id, key, value in zip(rows["run_id"], rows["key"], parsed_all(rows["value"]), strict=True):
        found[run_id][key] = value
    return found


def summarise(experiment: str, runs: Sequence[RunRecord]) -> ExperimentSummary:
    """The summary of an experiment's runs, first started first."""
    names = sorted({key for run in runs for key in run["metrics"]})
    metrics = {name: _metric(name, runs) for name in names}
    starts = [run["start_time"] for run in runs if run["start_time"] is not None]
    return ExperimentSummary(
        experiment_name=experiment,
        total_runs=len(runs),
        runs_by_status=dict(Counter(run["status"] for run in runs)),
        metrics=metrics,
        best_run=_best_run(runs, metrics),
        params={
            name: _distinct(run["params"][name] for run in runs if name in run["params"]) for name in _params(runs)
        },
        first_start=min(starts, default=None),
        last_start=max(starts, default=None),
    )


def _metric(name: str, runs: Sequence[RunRecord]) -> MetricSummary:
    found = [(run["metrics"][name], run["run_id"]) for run in runs if name in run["metrics"]]
    found = [(value, run_id) for value, run_id in found if not math.isnan(value)]
    values = [value for value, _ in found]
    towards = direction(name)
    best: tuple[float, str | None] = (math.nan, None)
    for value, run_id in found:
        if best[1] is None or better(value, best[0], towards):
            best = value, run_id
    return MetricSummary(
        count=len(values),
        mean=sum(values) / len(values) if values else math.nan,
        std=statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else math.nan,
        min=min(values, default=math.nan),
        max=max(values, default=math.nan),
        best=best[0],
        best_run_id=best[1],
        direction=towards,
    )


def _best_run(runs: Sequence[RunRecord], metrics: dict[str, MetricSummary]) -> BestRun | None:
    name = headline({name: metric["count"] for name, metric in metrics.items() if metric["count"]})
    if name is None:
        return None
    metric = metrics[name]
    run = next(run for run in runs if run["run_id"] == metric["best_run_id"])
    return BestRun(
        run_id=run["run_id"],
        run_name=run["run_name"],
        metric=name,
        value=metric["best"],
        direction=metric["direction"],
    )


def _params(runs: Iterable[RunRecord]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run["params"]))


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once; 1, 1.0 and True stay apart."""
    return list({repr(value): value for value in values}.values())
