"""Runs: ours as MLflow's, and back.

A run keeps its id. What MLflow has no word for is told thus: INTERRUPTED is FAILED, with the tag `steplog.status`; the
name and the parent are the tags `mlflow.runName` and `mlflow.parentRunId`, unless such tags were set; a param is the
text that Python writes for it, nested ones have dotted names; a metric's value is the one that was logged last; a step
that isn't there is 0, and one with a fraction is rounded down.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunInputs, RunOutputs, RunTag

from ingest.jsontext import to_json
from readers.store import Store
from tracker.mlflowstore.address import uri_of
from tracker.mlflowstore.experiments import fact_id, id_of, stages
from tracker.mlflowstore.inputs import KINDS, Inputs, inputs_in
from tracker.mlflowstore.row import COLUMNS, NAME_TAG, RUNNING, USER_TAG, Row, row_of
from tracker.mlflowstore.told import BORN, EXPERIMENT, RUN, Facts
from tracker.mlflowstore.writer import RunWriter

_AS_PYTHON = {"true": "True", "false": "False", "null": "None"} | {
    to_json(number): str(number) for number in (math.nan, math.inf, -math.inf)
}


class Runs:
    """The runs of a store."""

    def __init__(self, store: Store, writer: RunWriter, artifacts_uri: str | None) -> None:
        self._store, self._writer = store, writer
        self._artifacts_uri = uri_of(store.layout.artifacts) if artifacts_uri is None else artifacts_uri

    def rows(self, *, experiments: Sequence[str] | None = None, run_ids: Sequence[str] | None = None) -> list[Row]:
        """The runs of some experiments, or those with some ids, in no promised order."""
        frame = self._store.runs(experiments)
        found = (frame if run_ids is None else frame.filter(pl.col("run_id").is_in(list(run_ids)))).collect()
        if found.is_empty():
            return []
        names = found["experiment"].unique().to_list()
        wanted = None if run_ids is None else [*run_ids, *map(fact_id, names)]
        facts = Facts(self._store, [RUN, EXPERIMENT], runs=wanted, experiments=names)
        of_runs, of_experiments = facts.told(RUN), stages(facts.told(EXPERIMENT))
        times = found.select(COLUMNS).with_columns(pl.col("start_time", "end_time").dt.timestamp("ms"))
        self._end_those_ended_elsewhere(of_runs)
        return [
            row_of(columns, of_runs.get(columns[0], {}), of_experiments.get(columns[1], BORN))
            for columns in times.iter_rows()
        ]

    def row(self, run_id: str) -> Row | None:
        """The run with an id, or None."""
        found = self.rows(run_ids=[run_id])
        return found[0] if found else None

    def entities(self, rows: Sequence[Row]) -> list[Run]:
        """The runs whole, in the same order."""
        if not rows:
            return []
        names = list({row.experiment for row in rows})
        ids = [row.run_id for row in rows]
        facts = Facts(self._store, ["param", "tag", *KINDS], runs=ids, experiments=names)
        params, tags = _by_run(_params(facts.flat("param"))), _by_run(facts.flat("tag").select("run_id", "key", "text"))
        metrics, inputs = self._metrics(ids, names), inputs_in(facts)
        return [
            self.entity(
                row,
                params.get(row.run_id, {}),
                row.tags() | tags.get(row.run_id, {}),
                metrics.get(row.run_id, []),
                inputs[row.run_id],
            )
            for row in rows
        ]

    def params(self, run_id: str, name: str) -> dict[str, str]:
        """Texts of a run's params."""
        return _by_run(_params(self._store.params([run_id], [name]).collect())).get(run_id, {})

    def tags(self, row: Row) -> dict[str, str]:
        """Texts of a run's tags, and what MLflow wants as tags."""
        logged = self._store.tags([row.run_id], [row.experiment]).select("run_id", "key", "text").collect()
        return row.tags() | _by_run(logged).get(row.run_id, {})

    def params_by_name(self, names: Sequence[str], keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """Texts of some params by name and run, of experiments."""
        return _by_name(_params(_keyed(self._store.params(None, names), keys).collect()))

    def tags_by_name(self, names: Sequence[str], keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """Texts of some tags likewise."""
        return _by_name(_keyed(self._store.tags(None, names), keys).select("run_id", "key", "text").collect())

    def metrics_by_name(self, names: Sequence[str], keys: Iterable[str]) -> dict[str, dict[str, float]]:
        """Last values of some metrics likewise."""
        frame = self._store.summaries(list(keys), experiments=names).select("run_id", "key", text="last").collect()
        return _by_name(frame)

    def _metrics(self, run_ids: Sequence[str], names: Sequence[str]) -> dict[str, list[Metric]]:
        frame = self._store.summaries(runs=run_ids, experiments=names).collect()
        times = frame["last_time"].dt.timestamp("ms")
        found: dict[str, list[Metric]] = defaultdict(list)
        for run_id, key, value, step, time_ms in zip(
            frame["run_id"], frame["key"], frame["last"], frame["last_step"], times, strict=True
        ):
            found[run_id].append(Metric(key, value, time_ms, whole_step(step)))
        return found

    def entity(
        self, row: Row, params: dict[str, str], tags: dict[str, str], metrics: list[Metric], inputs: Inputs
    ) -> Run:
        """A run of its parts."""
        return Run(
            self.info(row, tags),
            RunData(
                metrics=metrics,
                params=[Param(key, value) for key, value in params.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            ),
            RunInputs(dataset_inputs=inputs.datasets, model_inputs=inputs.models),
            RunOutputs(inputs.outputs),
        )

    def info(self, row: Row, tags: Mapping[str, str]) -> RunInfo:
        """What MLflow calls a run's info."""
        return RunInfo(
            run_id=row.run_id,
            experiment_id=id_of(row.experiment),
            user_id=tags.get(USER_TAG, row.user_id),
            status=row.status,
            start_time=row.start_time,
            end_time=row.end_time,
            lifecycle_stage=row.lifecycle_stage,
            artifact_uri=f"{self._artifacts_uri}/{row.run_id}",
            run_name=tags.get(NAME_TAG, row.run_name),
        )

    def _end_those_ended_elsewhere(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """End what this process owns and another one has ended through MLflow, as workers of one server do."""
        for run_id, about in facts.items():
            run = self._writer.runs.get(run_id)
            if run is not None and run.owned and about.get("status", RUNNING) != RUNNING:
                self._writer.end(run, about["status"], about["end_time"] * 1_000_000)


def whole_step(step: float | None) -> int:
    """A step as MLflow has it."""
    return int(max(-(2**63), min(2**63 - 1, math.floor(step)))) if step is not None and math.isfinite(step) else 0


def _params(flat: pl.DataFrame) -> pl.DataFrame:
    is_text = pl.col("value").str.starts_with('"')
    text = pl.when(is_text).then("text").otherwise(pl.col("text").replace(_AS_PYTHON))
    return flat.select("run_id", "key", text.alias("text"))


def _keyed(frame: pl.LazyFrame, keys: Iterable[str]) -> pl.LazyFrame:
    return frame.filter(pl.col("key").is_in(list(keys)))


def _by_run(frame: pl.DataFrame) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for run_id, key, text in frame.iter_rows():
        found[run_id][key] = text
    return found


def _by_name(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    parts = frame.partition_by("key", as_dict=True)
    return {str(key): dict(zip(part["run_id"], part["text"], strict=True)) for (key,), part in parts.items()}
