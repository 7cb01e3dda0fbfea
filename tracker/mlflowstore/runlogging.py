"""Logging: a run's life and what is logged to it, as MLflow calls it, through the writer.

MLflow lets any process log to any run and end it. Who created or resumed a run owns it (see writer); who ends one that
another living process owns tells so by facts, takes the run over for the time after that process, and the owner ends
its part as soon as it reads of it.

A param that is how Python writes a number, a truth value or None is kept as that, so that our analyses can use it;
MLflow gets the same text back. Values under secret-looking names are masked, as a tracker does it.
"""

import math
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence

from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST
from mlflow.utils.name_utils import _generate_random_name

from ingest.events import ParamsLogged, RunEnded, RunStarted, TagsSet
from ingest.jsontext import REMOVED, to_json
from ingest.layout import new_run_id
from ingest.redact import mask
from readers.imports.mlflowruns import typed
from tracker.mlflowstore.experiments import Experiments
from tracker.mlflowstore.row import NAME_TAG, PARENT_TAG, RUNNING, USER_TAG, Row
from tracker.mlflowstore.runs import Runs
from tracker.mlflowstore.told import ACTIVE, RUN
from tracker.mlflowstore.writer import RunWriter, WrittenRun

Group = tuple[tuple[str, ...], tuple[float, ...], int, int]
"""Metrics, their values, and the time in ms and step that they share."""


class RunLogging:
    """What changes runs."""

    def __init__(self, writer: RunWriter, runs: Runs, experiments: Experiments) -> None:
        self._writer, self._runs, self._experiments = writer, runs, experiments

    def create(
        self, experiment_id: str, user_id: str | None, start_ms: int | None, tags: Sequence[RunTag], name: str | None
    ) -> tuple[Row, dict[str, str]]:
        """Begin a run that this process owns; the run and its tags.

        Raises: MlflowException: no such experiment, or a deleted one, or two names.
        """
        experiment = self._experiments.check_active(experiment_id)
        texts = {tag.key: str(tag.value) for tag in tags}
        if name and texts.get(NAME_TAG, name) != name:
            raise MlflowException(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                f"(run_name='{name}', mlflow.runName='{texts[NAME_TAG]}').",
                INVALID_PARAMETER_VALUE,
            )
        named = name or texts.get(NAME_TAG) or str(_generate_random_name())
        time_ns = _nanoseconds(start_ms)
        run_id = new_run_id(time_ns)
        parent = texts.get(PARENT_TAG)
        run = self._writer.start(_started(run_id, experiment, time_ns, named, parent=parent))
        if user_id:
            self._writer.tell(run_id, experiment, RUN, {"user": user_id})
        run.row = Row(run_id, experiment, named, RUNNING, time_ns // 1_000_000, parent=parent)
        run.row = run.row._replace(user_id=texts.get(USER_TAG, user_id or ""))
        self.set_tags(run, {**texts, NAME_TAG: named})
        return run.row, {**texts, NAME_TAG: named}

    def update(self, run_id: str, status: int | None, end_ms: int | None, name: str | None) -> Row | None:
        """Set a run's status, end and name; RUNNING resumes one that has ended, and joins one that hasn't.

        Returns: the run as it is then, if this process owned it; else it has to be read.
        Raises: MlflowException: no such run, or it is deleted.
        """
        run = self._writer.runs.get(run_id)
        owned = run.row if run is not None and run.owned and not run.deleted else None
        row = owned or self.row(run_id)
        said = row.status if status is None else RunStatus.to_string(status)
        if said == RUNNING and status is not None:
            self._resume(row)
        elif said != RUNNING and (said, end_ms or row.end_time) != (row.status, row.end_time):
            self._end(row, said, _nanoseconds(end_ms))
        if name:
            self.set_tags(run or self.written(run_id), {NAME_TAG: name})
        if owned is None or run is None or run.row is None:
            return None
        ended = row.end_time if said == RUNNING else end_ms or time.time_ns() // 1_000_000
        return run.row._replace(status=said, end_time=ended)

    def set_stage(self, run_id: str, stage: str) -> None:
        """Delete a run, or restore it. Raises: MlflowException: no such run."""
        row = self.found(run_id)
        self._writer.tell(run_id, row.experiment, RUN, {"stage": [stage, time.time_ns()]})
        self._note_stage([run_id], stage)

    def set_experiment_stage(self, experiment_id: str, stage: str) -> None:
        """Delete an experiment with its runs, or restore them. Raises: MlflowException: it is so already."""
        self._experiments.set_stage(experiment_id, stage)
        name = self._experiments.name_of(experiment_id)
        self._note_stage([run.id for run in list(self._writer.runs.values()) if run.experiment == name], stage)

    def _note_stage(self, run_ids: Sequence[str], stage: str) -> None:
        """Know at once what became of runs that this process writes to."""
        for run in filter(None, map(self._writer.runs.get, run_ids)):
            run.deleted = stage != ACTIVE
            run.seen_s = -math.inf

    def written(self, run_id: str) -> WrittenRun:
        """A run to be written to. Raises: MlflowException: there is none, or it is deleted."""
        run = self._writer.runs.get(run_id)
        if run is not None and run.known and not run.deleted:
            return run
        row = self.row(run_id)
        if run is None:
            run = self._writer.runs[run_id] = WrittenRun(run_id, row.experiment, None, owned=False)
        run.params, run.deleted, run.seen_s = None, False, time.monotonic()
        self._writer.forget_idle()
        return run

    def row(self, run_id: str) -> Row:
        """A run as it is read. Raises: MlflowException: there is none, or it is deleted."""
        row = self.found(run_id)
        if row.lifecycle_stage != ACTIVE:
            raise MlflowException(
                f"The run {run_id} must be in the 'active' state. Current state is {row.lifecycle_stage}.",
                INVALID_PARAMETER_VALUE,
            )
        return row

    def log_metrics(self, run: WrittenRun, metrics: Sequence[Metric]) -> None:
        """Log points; those of one time and step together. Raises: MlflowException: a number of more than 64 bits."""
        for keys, values, time_ms, step in _groups(metrics):
            try:
                self._writer.log(run, keys, values, time_ms * 1_000_000, step)
            except struct.error as error:
                message = f"metrics {', '.join(keys)}: step {step} or timestamp {time_ms} doesn't fit into 64 bits"
                raise MlflowException(message, INVALID_PARAMETER_VALUE) from error

    def log_params(self, run: WrittenRun, params: Sequence[Param]) -> None:
        """Log params; as MLflow has it, the same value again does nothing, and another is an error."""
        values = {param.key: mask(param.key, typed(param.value)) for param in params}
        known = self._known_params(run)
        changed = [
            {"key": key, "old_value": known[key], "new_value": str(value)}
            for key, value in values.items()
            if known.get(key, str(value)) != str(value)
        ]
        if changed:
            raise MlflowException(
                f"Changing param values is not allowed. Params were already logged='{changed}' for run ID='{run.id}'.",
                INVALID_PARAMETER_VALUE,
            )
        new = {key: to_json(value, where=f"param {key!r}") for key, value in values.items() if key not in known}
        if new:
            self._writer.attach(run)
            self._writer.append(ParamsLogged(run.id, run.experiment, time.time_ns(), new))
            known.update((key, str(values[key])) for key in new)

    def set_tags(self, run: WrittenRun, tags: Mapping[str, str]) -> None:
        """Set tags."""
        texts = {key: to_json(mask(key, value), where=f"tag {key!r}") for key, value in tags.items()}
        if run.row is not None and NAME_TAG in tags:
            run.row = run.row._replace(run_name=tags[NAME_TAG])
        if texts:
            self._writer.append(TagsSet(run.id, run.experiment, time.time_ns(), texts))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag away. Raises: MlflowException: there is none of that name."""
        row = self.row(run_id)
        if key not in self._runs.tags(row):
            raise MlflowException(f"No tag with name: {key} in run with id {run_id}", RESOURCE_DOES_NOT_EXIST)
        self._writer.append(TagsSet(run_id, row.experiment, time.time_ns(), {key: REMOVED}))

    def found(self, run_id: str) -> Row:
        """A run as it is read, deleted or not. Raises: MlflowException: there is none."""
        row = self._runs.row(run_id)
        if row is None:
            raise MlflowException(f"Run with id={run_id} not found", RESOURCE_DOES_NOT_EXIST)
        return row

    def _known_params(self, run: WrittenRun) -> dict[str, str]:
        if run.params is None:
            run.params = self._runs.params(run.id, run.experiment)
        return run.params

    def _resume(self, row: Row) -> None:
        run = self._writer.runs.get(row.run_id)
        if run is not None and run.owned:
            return
        joins = row.status == RUNNING
        if not joins:
            self._writer.tell(row.run_id, row.experiment, RUN, {"status": RUNNING, "end_time": None})
        self._writer.start(_again(row, resumed=not joins))

    def _end(self, row: Row, status: str, time_ns: int) -> None:
        run = self._writer.runs.get(row.run_id)
        if run is not None and run.owned:
            self._writer.end(run, status, time_ns)
            return
        # Another process may own it. To read as it shall when that one is gone, the run is taken over and ended here.
        if status in {"FINISHED", "FAILED", "KILLED"}:
            self._writer.append(_again(row, resumed=True))
            self._writer.append(RunEnded(row.run_id, row.experiment, time_ns, status))
        self._writer.tell(row.run_id, row.experiment, RUN, {"status": status, "end_time": time_ns // 1_000_000})


def _started(
    run_id: str, experiment: str, time_ns: int, name: str, *, resumed: bool = False, parent: str | None = None
) -> RunStarted:
    return RunStarted(
        run_id,
        experiment,
        time_ns,
        name,
        resumed=resumed,
        parent_run_id=parent,
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def _again(row: Row, *, resumed: bool) -> RunStarted:
    """Another start of a run, never before its first one: a client's clock may be ahead of ours."""
    time_ns = max(time.time_ns(), row.start_time * 1_000_000)
    return _started(row.run_id, row.experiment, time_ns, row.run_name, resumed=resumed)


def _groups(metrics: Sequence[Metric]) -> Iterator[Group]:
    """Neighbours of one time and step, each name once."""
    found: dict[str, float] = {}
    at: tuple[int, int] | None = None
    for metric in metrics:
        here = int(metric.timestamp), int(metric.step)
        if at is not None and (here != at or metric.key in found):
            yield tuple(found), tuple(found.values()), *at
            found = {}
        at = here
        found[metric.key] = float(metric.value)
    if at is not None:
        yield tuple(found), tuple(found.values()), *at


def _nanoseconds(time_ms: int | None) -> int:
    return time.time_ns() if time_ms is None else int(time_ms) * 1_000_000
