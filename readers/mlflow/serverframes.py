"""ServerFrames: the runs of an MLflow server as tables, as a Store gives them (see readers.source).

They are of the moment in which the first table is asked for. Asked for is what a question needs: runs come with their
params, tags and last values at once (see foundruns); histories when a question goes beyond the last values, of the
metrics and runs that it names.

What differs from a store: times are milliseconds; `last` is the value at the highest step, as MLflow shows it; a metric
that was logged several times at step 0 alone has no steps.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from readers.mlflow.foundruns import FoundRuns
from readers.mlflow.histories import Histories, History, Place
from readers.mlflow.remoterun import RemoteRun
from readers.params import VALUES, flat
from readers.records import ExperimentSummary, RunRecord, by_run, records, summarise
from readers.runs import RUNS
from readers.schemas import SCHEMAS
from readers.summaries import SUMMARIES

if TYPE_CHECKING:
    from readers.mlflow.server import TrackingServer

_TIME = pl.Datetime("us", "UTC")
_POINTS = SCHEMAS["metrics"]
_FACTS = SCHEMAS["facts"]
_LASTS = {name: SUMMARIES[name] for name in ("run_id", "key", "last")}
_WRITER = "mlflow"
_Only = Collection[str] | None


class ServerFrames:
    """The runs of a server, as of now.

    Args:
        ids: MLflow's ids of runs by their own, as far as they were ever seen; added to.
        experiment: what questions are about that name neither runs nor an experiment; None: all runs.
    """

    def __init__(
        self, server: "TrackingServer", histories: Histories, ids: dict[str, str], experiment: str | None = None
    ) -> None:
        self.experiment_name = experiment
        self._histories = histories
        self._found = FoundRuns(server, ids)

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return self._found.place

    @property
    def hint(self) -> str:
        """What to do about a run that isn't there."""
        return f"asked was the {self.place}, which has runs of {len(self.experiments())} experiments"

    def frames(self) -> "ServerFrames":
        """Itself."""
        return self

    # --- tables

    def experiments(self) -> list[str]:
        """The names of the experiments that weren't deleted, sorted. Raises: ServerUnavailable."""
        return self._found.experiments()

    def runs(self, experiments: _Only = None, runs: Sequence[str] | None = None) -> pl.LazyFrame:
        """One row a run: see readers.runs. `host` isn't known there."""
        found = self._found.these(experiments, runs)
        mine = self._found.own_ids()
        columns: dict[str, list[Any]] = {
            "run_id": [run_id for run_id, _ in found],
            "experiment": [run.experiment for _, run in found],
            "run_name": [run.name for _, run in found],
            "status": [run.status for _, run in found],
            "start_time": [run.start_ms for _, run in found],
            "end_time": [run.end_ms for _, run in found],
            "parent_run_id": [
                run.parent or mine.get(run.parent_mlflow_id or "", run.parent_mlflow_id) for _, run in found
            ],
            "group": [run.group for _, run in found],
        }
        frame = pl.DataFrame(columns, {name: _stored(RUNS[name]) for name in columns})
        frame = frame.with_columns(pl.col(name).cast(pl.Datetime("ms", "UTC")) for name in ("start_time", "end_time"))
        took = (pl.col("end_time") - pl.col("start_time")).dt.total_milliseconds() / 1e3
        frame = frame.with_columns(duration_s=took, host=None, ranks=1, writers=1)
        return frame.select(pl.col(name).cast(kind) for name, kind in RUNS.items()).lazy()

    def params(self, runs: Sequence[str] | None = None, experiments: _Only = None) -> pl.LazyFrame:
        """One row for each run and param: see readers.params."""
        return flat(self._values("param", experiments, runs)).lazy()

    def tags(self, runs: Sequence[str] | None = None, experiments: _Only = None) -> pl.LazyFrame:
        """One row for each run and tag."""
        return flat(self._values("tag", experiments, runs)).lazy()

    def lasts(self, runs: Sequence[str] | None = None, experiments: _Only = None) -> pl.LazyFrame:
        """Of `summaries` run_id, key and last, without a look at histories."""
        rows = [
            (run_id, key, point.value)
            for run_id, run in self._found.these(experiments, runs)
            for key, point in run.metrics.items()
        ]
        return pl.DataFrame(rows, _LASTS, orient="row").lazy()

    def summaries(
        self, keys: Sequence[str] | None = None, runs: Sequence[str] | None = None, experiments: _Only = None
    ) -> pl.LazyFrame:
        """One row for each run and metric: see readers.summaries; from the whole histories."""
        found = self._found.these(experiments, runs)
        points = self._points(found, keys)
        last = [
            (run_id, key, point.value, point.step, point.time_ms)
            for run_id, run in found
            for key, point in run.metrics.items()
        ]
        schema = {**_LASTS, "last_step": pl.Float64(), "last_time": pl.Int64()}
        lasts = pl.DataFrame(last, schema, orient="row").with_columns(
            pl.col("last_time").cast(pl.Datetime("ms", "UTC"))
        )
        whole = _summed(points).join(lasts, on=["run_id", "key"])
        steps = pl.when(pl.col("first_step").is_not_null()).then("last_step")
        return (
            whole.with_columns(last_step=steps)
            .select(pl.col(name).cast(kind) for name, kind in SUMMARIES.items())
            .lazy()
        )

    def metrics(
        self, keys: Sequence[str] | None = None, runs: Sequence[str] | None = None, experiments: _Only = None
    ) -> pl.LazyFrame:
        """One row a point, of each run and metric in the order of time; a server tells no `rank`."""
        return self._points(self._found.these(experiments, runs), keys).lazy().with_columns(rank=pl.lit(None, pl.Int64))

    def facts(
        self, kinds: Sequence[str] | None = None, runs: Sequence[str] | None = None, experiments: _Only = None
    ) -> pl.LazyFrame:
        """The last param, tag, git commit and model under each name; a server tells of no others."""
        known = ("param", "tag", "env", "model")
        frames = [
            self._values(kind, experiments, runs).with_columns(kind=pl.lit(kind))
            for kind in known
            if kinds is None or kind in kinds
        ]
        frame = pl.concat(frames) if frames else pl.DataFrame(schema={**_VALUES, "kind": pl.String()})
        frame = frame.with_columns(writer=pl.lit(_WRITER), seq=pl.int_range(pl.len()), time=pl.lit(None))
        return frame.select(pl.col(name).cast(kind) for name, kind in _FACTS.items()).lazy()

    # --- answers

    def experiment_runs(self, experiment: str | None = None) -> list[RunRecord]:
        """The runs of an experiment, or all, first started first. Raises: ExperimentNotFound. ServerUnavailable."""
        only = None if experiment is None else [experiment]
        params, tags = (by_run(self._values(kind, only, None)) for kind in ("param", "tag"))
        return records(self.runs(only).collect(), params, tags, self.lasts(None, only).collect())

    def experiment_summary(self, experiment: str) -> ExperimentSummary:
        """What an experiment comes to. Raises: ExperimentNotFound. ServerUnavailable."""
        return summarise(experiment, self.experiment_runs(experiment))

    def check(self, experiment: str | None) -> None:
        """Ask whether there is an experiment; None: whether anybody answers.

        Raises: ExperimentNotFound: naming those there are. ServerUnavailable.
        """
        self._found.experiment_ids(None if experiment is None else [experiment])

    # --- rows

    def _values(self, kind: str, experiments: _Only, runs: Sequence[str] | None) -> pl.DataFrame:
        """Facts of a kind: run_id, experiment, key, value (JSON)."""
        rows = [
            (run_id, run.experiment, key, value)
            for run_id, run in self._found.these(experiments, runs)
            for key, value in run.facts[kind].items()
        ]
        return pl.DataFrame(rows, _VALUES, orient="row")

    def _points(self, runs: Sequence[tuple[str, RemoteRun]], keys: Sequence[str] | None) -> pl.DataFrame:
        """The points of metrics, as in `metrics`."""
        if isinstance(keys, str):
            raise TypeError(f"the metrics are {keys!r}; they are a list of names, as in [{keys!r}]")
        histories = self._histories.read((run for _, run in runs), keys)
        places = [
            (run_id, run.experiment, key, history)
            for run_id, run in runs
            for key in (run.metrics if keys is None else keys)
            if key in run.metrics and (history := histories.get(_place(run, key))) is not None
        ]
        return _frame(places)


_VALUES = {name: VALUES[name] for name in ("run_id", "experiment", "key", "value")}


def _place(run: RemoteRun, key: str) -> Place:
    return run.mlflow_id, run.metrics[key].written


def _stored(kind: pl.DataType) -> pl.DataType:
    """What a column is made of before its times are times."""
    return pl.Int64() if kind == _TIME else kind


def _frame(places: Sequence[tuple[str, str, str, History]]) -> pl.DataFrame:
    """Histories below one another: run_id, experiment, key, history each."""
    sizes = [len(history.value) for *_, history in places]
    labels = pl.DataFrame([place[:3] for place in places], ["run_id", "experiment", "key"], orient="row")
    labels = labels.cast(pl.String()).with_row_index("place")
    none = np.concatenate([_has_no_steps(history) for *_, history in places]) if places else np.zeros(0, bool)

    def column(part: Callable[[History], Any], kind: Any) -> Any:
        return np.concatenate([part(history) for *_, history in places]) if places else np.zeros(0, kind)

    points = pl.DataFrame(
        {
            "place": np.repeat(np.arange(len(places), dtype=np.uint32), sizes),
            "time": column(lambda history: history.time_ms, np.int64),
            "step": column(lambda history: history.step, np.int64),
            "value": column(lambda history: history.value, np.float64),
            "none": none,
        }
    )
    points = points.join(labels, on="place", how="left", maintain_order="left").with_columns(
        pl.col("time").cast(pl.Datetime("ms", "UTC")),
        step=pl.when(~pl.col("none")).then("step"),
        step_float=pl.lit(None),
        writer=pl.lit(_WRITER),
        seq=pl.int_range(pl.len()),
    )
    return points.select(pl.col(name).cast(kind) for name, kind in _POINTS.items())


def _has_no_steps(history: History) -> Any:
    """For each point, whether its step 0 is MLflow's word for none."""
    return np.full(len(history.step), len(history.step) > 1 and not history.step.any())


def _summed(points: pl.DataFrame) -> pl.DataFrame:
    """Summaries of points, but for what is last."""
    value, step = pl.col("value").fill_nan(None), pl.col("step").cast(pl.Float64)
    mean = value.mean()

    def at(extreme: pl.Expr) -> pl.Expr:
        return step.filter(value == extreme).first()

    return points.group_by("run_id", "experiment", "key", maintain_order=True).agg(
        value.count().cast(pl.Int64).alias("count"),
        value.null_count().cast(pl.Int64).alias("nan_count"),
        pl.col("value").first().alias("first"),
        step.first().alias("first_step"),
        pl.col("time").first().alias("first_time"),
        value.min().alias("min"),
        at(value.min()).alias("min_step"),
        value.max().alias("max"),
        at(value.max()).alias("max_step"),
        mean.fill_nan(None).alias("mean"),
        value.std().fill_nan(None).alias("std"),
        pl.when(value.count() > 0).then(((value - mean) ** 2).sum().fill_nan(None)).alias("m2"),
    )
