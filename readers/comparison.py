"""Comparison: runs side by side, as `compare_runs` gives them.

It is a dict of run id to what the run was and came to, in the order that was asked for, and knows how to show itself:
as a frame, in a notebook, in a terminal, and as its differences alone. The dict is of the moment of the call; what only
the frame and the differences need is read when they are first asked for, or when it is pickled.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypedDict

import numpy as np
import polars as pl

from ingest.errors import MetricNotFound
from readers.best import Direction, Mode, headline, resolve_mode
from readers.differences import Differences, differences
from readers.grid import Grid, number, shortened, unique_names
from readers.records import by_run
from readers.runtable import RunTable
from readers.visible import visible

_MOST_ROWS = 50
_SIDE_BY_SIDE = 6
_MOST_METRICS, _MOST_PARAMS = 8, 10
_LONGEST = 32


class BestMetric(TypedDict):
    """How good a run was by one metric, over its whole history."""

    name: str
    value: float
    step: float | None
    """Where it first was so good; None where no step was logged."""
    direction: Direction
    rank: int
    """1 is the best of the runs compared; equal values share a rank."""


class ComparedRun(TypedDict):
    """One run of a comparison."""

    run_name: str
    experiment: str
    status: str
    duration_s: float | None
    """None while it is RUNNING."""
    params: dict[str, Any]
    """As they were logged; {} with include_params=False."""
    metrics: dict[str, float]
    """The last value of each metric asked for; NaN where the run doesn't have it, or it was NaN."""
    best_metric: BestMetric | None
    """Of the first metric asked for, else of the one that speaks for these runs; None where the run never had it."""
    tags: dict[str, Any]


class Comparison(dict[str, ComparedRun]):
    """Run id to run. Equal, printed and iterated as the dict that it is."""

    metrics: tuple[str, ...]
    """The metrics compared."""
    metric: str | None
    """The one that `best_metric` is about."""
    direction: Direction | None
    """Which way is better in it."""

    def __init__(self, table: RunTable, metrics: Sequence[str] | None, mode: Mode, *, include_params: bool) -> None:
        self._table: RunTable | None = table
        counts = _counts(table)
        self.metrics = tuple(_own(counts) if metrics is None else _checked(metrics, counts, len(table)))
        self.metric = next(iter(self.metrics), None) if metrics is not None else headline(_with_values(counts))
        self.direction = None if self.metric is None else resolve_mode(mode, self.metric)
        self._include_params = include_params
        super().__init__(self._read(table))

    @cached_property
    def differences(self) -> Differences:
        """What varies among the runs: params, tags, code, environment, models."""
        return differences(self._source())

    @cached_property
    def _frame(self) -> pl.DataFrame:
        params: tuple[str, ...] | None = None if self._include_params else ()
        wide = self._source().wide(metrics=self.metrics, params=params)
        absent = [name for name in self.metrics if f"metrics.{name}" not in wide.columns]
        wide = wide.with_columns(pl.lit(None, pl.Float64).alias(f"metrics.{name}") for name in absent)
        ranks = [None if run["best_metric"] is None else run["best_metric"]["rank"] for run in self.values()]
        return wide.insert_column(4, pl.Series("rank", ranks, pl.Int64))

    def to_frame(self) -> pl.DataFrame:
        """One row a run: run_id, run_name, status, rank and so on, then `params.x` and `metrics.x`.

        Null where a run lacks it. Params are typed: a column of numbers where all runs that have it hold numbers.
        """
        return self._frame.clone()

    def grid(self) -> Grid:
        """As a table for people: metrics, and of the params those that differ; few runs side by side."""
        params = [row for row in self.differences.rows if row.kind == "param"] if self._include_params else []
        names = unique_names([visible(run["run_name"], _LONGEST) for run in self.values()][:_MOST_ROWS], taken=("",))
        lines = [
            ("status", [run["status"].lower() for run in self.values()]),
            ("rank", [_rank(run["best_metric"]) for run in self.values()]),
            *self._best_line(),
            *((name, [_value(run["metrics"][name]) for run in self.values()]) for name in self.metrics[:_MOST_METRICS]),
            *((row.name, [visible(text, _LONGEST) for text in shortened(row.values)]) for row in params[:_MOST_PARAMS]),
        ]
        heads = unique_names([visible(name, _LONGEST) for name, _ in lines], taken=("run",))
        notes = tuple(self._notes(len(params)))
        if not self:
            return Grid(self._title(), (), ())
        if len(self) <= _SIDE_BY_SIDE:
            rows = tuple((head, *cells) for head, (_, cells) in zip(heads, lines, strict=True))
            return Grid(self._title(), ("", *names), rows, frozenset(names), notes)
        rows = tuple((name, *(cells[place] for _, cells in lines)) for place, name in enumerate(names))
        right = frozenset(heads[1 : len(heads) - len(params[:_MOST_PARAMS])])
        return Grid(self._title(), ("run", *heads), rows, right, notes)

    def _best_line(self) -> list[tuple[str, list[str]]]:
        """What the ranks are by, where that isn't in the table anyway as the last value."""
        best = [run["best_metric"] for run in self.values()]
        values = [math.nan if one is None else one["value"] for one in best]
        last = [run["metrics"].get(str(self.metric), math.nan) for run in self.values()]
        shown = [_value(value) for value in values]
        return [] if shown == [_value(value) for value in last] else [(f"best {self.metric}", shown)]

    def _title(self) -> str:
        if not self:
            return "No runs to compare"
        ranked = f", ranked by best {self.metric!r} ({self.direction})" if self.metric else ""
        return f"{len(self):,} run{'s' * (len(self) != 1)}{ranked}"

    def _notes(self, differing: int) -> list[str]:
        """What the table leaves out."""
        counted = [
            (len(self) - _MOST_ROWS, "more runs"),
            (len(self.metrics) - _MOST_METRICS, "more metrics"),
            (differing - _MOST_PARAMS, "more params that differ"),
        ]
        left_out = [f"{count:,} {what}" for count, what in counted if count > 0]
        return [f"... and {', '.join(left_out)}; to_frame() has them all."] if left_out else []

    def _repr_html_(self) -> str:
        return self.grid().html()

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return self.grid()

    def __getstate__(self) -> dict[str, Any]:
        """What is yet to be read is read now."""
        _ = self.differences, self._frame
        return self.__dict__ | {"_table": None}

    def _source(self) -> RunTable:
        if self._table is None:
            raise AssertionError("a comparison that was unpickled has everything already")
        return self._table

    def _read(self, table: RunTable) -> dict[str, ComparedRun]:
        params = by_run(table.logged("param")) if self._include_params else {}
        tags = by_run(table.logged("tag"))
        best = self._best(table)
        rows = table.runs.select("run_id", "experiment", "status", "duration_s").iter_rows()
        return {
            run_id: ComparedRun(
                run_name=name,
                experiment=experiment,
                status=status,
                duration_s=duration_s,
                params=params.get(run_id, {}),
                metrics=dict(zip(self.metrics, of_run, strict=True)),
                best_metric=best.get(run_id),
                tags=tags.get(run_id, {}),
            )
            for (run_id, experiment, status, duration_s), name, of_run in zip(
                rows, table.names, _last(table, self.metrics), strict=True
            )
        }

    def _best(self, table: RunTable) -> dict[str, BestMetric]:
        """The best over its history of each run that has one."""
        if self.metric is None or self.direction is None:
            return {}
        which = "max" if self.direction == "maximize" else "min"
        found = table.summaries_of(self.metric).drop_nulls(which)
        rank = pl.col(which).rank("min", descending=self.direction == "maximize")
        rows = found.select("run_id", which, f"{which}_step", rank.alias("rank")).iter_rows()
        return {
            run_id: BestMetric(name=self.metric, value=value, step=_step(step), direction=self.direction, rank=rank)
            for run_id, value, step, rank in rows
        }


def _counts(table: RunTable) -> dict[str, int]:
    """Each metric, by name, with the number of runs whose last value of it isn't NaN."""
    counts = table.lasts.group_by("key").agg(pl.col("last").is_not_nan().sum()).sort("key")
    return dict(counts.iter_rows())


def _own(counts: dict[str, int]) -> list[str]:
    """All but those of the machine."""
    return [name for name in counts if not name.startswith("system/")]


def _with_values(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _checked(metrics: Sequence[str], counts: dict[str, int], runs: int) -> list[str]:
    """The metrics asked for, each once, if any run has them."""
    if isinstance(metrics, str):
        raise TypeError(f"metrics is {metrics!r}; it is a list of names, as in [{metrics!r}]")
    names = list(dict.fromkeys(metrics))
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"metrics has {name!r}; metrics are named by text")
        if runs and name not in counts:
            raise MetricNotFound.among("metric", name, counts, "none of the runs compared has it")
    return names


def _last(table: RunTable, metrics: Sequence[str]) -> list[list[float]]:
    """The last values of each run, in the order of the metrics; NaN where there is none."""
    places = table.runs.select("run_id").with_row_index("row")
    columns = pl.DataFrame({"key": metrics}, {"key": pl.String()}).with_row_index("column")
    found = table.lasts.select("run_id", "key", "last").join(columns, on="key").join(places, on="run_id")
    values = np.full((len(table), len(metrics)), math.nan)
    values[found["row"].to_numpy(), found["column"].to_numpy()] = found["last"].to_numpy()
    found_values: list[list[float]] = values.tolist()
    return found_values


def _step(step: float | None) -> float | None:
    """A whole step as an int, as it was most likely logged."""
    return int(step) if step is not None and step.is_integer() else step


def _value(value: float) -> str:
    return "" if math.isnan(value) else number(value)


def _rank(best: BestMetric | None) -> str:
    return "" if best is None else str(best["rank"])
