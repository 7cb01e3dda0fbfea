"""RemoteRun: a run as a server has it, under the names that it has here.

MLflow's own tags (`mlflow.…`) are left out, but for the note, which is the tag "note". Params are texts there: see
`typed`. A run that was forwarded from here carries its own id, and what MLflow has no place for, as tags `steplog.…`;
so it has its own names again, its params and tags as they were logged (see values), the changed ones their last value,
its status, its parent, its group.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.jsontext import to_json
from readers.imports.mlflowruns import RUN_ID_TAG, STATUSES, status_of, typed
from readers.mlflow.names import PREFIX, experiment_name, names_of
from readers.mlflow.values import restored_params, restored_tags

if TYPE_CHECKING:
    from mlflow.entities import Run

LARGEST = 1.7976931348623157e308
"""What MLflow's databases have in place of infinity."""
LATEST_MS = 9_200_000_000_000
_MLFLOW, _NOTE, _PARENT = "mlflow.", "mlflow.note.content", "mlflow.parentRunId"
_MODEL = f"{PREFIX}model."
_CODE = {
    "mlflow.source.git.commit": "git.commit",
    "mlflow.source.git.branch": "git.branch",
    "mlflow.source.git.repoURL": "git.remote",
}


class Latest(NamedTuple):
    """A metric's last point: that of the highest step, which is what MLflow shows."""

    written: str
    """The metric's name at the server."""
    value: float
    time_ms: int
    step: int

    @property
    def seen(self) -> tuple[str, int, int]:
        """The same whenever the point is; NaN isn't."""
        return repr(self.value), self.time_ms, self.step


class Told(NamedTuple):
    """A run as the server tells it; times that no table can have are None."""

    mlflow_id: str
    experiment_id: str
    name: str | None
    status: str
    start_ms: int | None
    end_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[Latest]


class RemoteRun(NamedTuple):
    """A run."""

    mlflow_id: str
    run_id: str
    """Its own id if it was forwarded from here, else MLflow's."""
    experiment_id: str
    experiment: str
    name: str
    status: str
    start_ms: int | None
    end_ms: int | None
    """None while it is RUNNING."""
    parent: str | None
    parent_mlflow_id: str | None
    """Where `parent` isn't told: MLflow's id of it."""
    group: str | None
    facts: dict[str, dict[str, str]]
    """By kind ("param", "tag", "env", "model"): name to JSON."""
    metrics: dict[str, Latest]

    @property
    def state(self) -> tuple[str, int | None]:
        """Changes when the run goes on."""
        return self.status, self.end_ms


def of_json(row: Mapping[str, Any]) -> Told:
    """A run as a server writes it. Raises: KeyError, TypeError, ValueError: it isn't what servers write."""
    info, data = row["info"], row.get("data") or {}
    params, tags = ({one["key"]: one.get("value", "") for one in data.get(what, ())} for what in ("params", "tags"))
    return Told(
        mlflow_id=str(info.get("run_id") or info["run_uuid"]),
        experiment_id=str(info["experiment_id"]),
        name=info.get("run_name") or tags.get("mlflow.runName"),
        status=str(info.get("status")),
        start_ms=_time(info.get("start_time")),
        end_ms=_time(info.get("end_time")),
        params=params,
        tags=tags,
        metrics=[
            Latest(one["key"], finite_or_not(float(one["value"])), moment(one["timestamp"]), int(one.get("step", 0)))
            for one in data.get("metrics", ())
        ],
    )


def of_entity(run: "Run") -> Told:
    """A run as MLflow's client gives it."""
    info, data = run.info, run.data
    return Told(
        mlflow_id=info.run_id,
        experiment_id=info.experiment_id,
        name=info.run_name or data.tags.get("mlflow.runName"),
        status=str(info.status),
        start_ms=_time(info.start_time),
        end_ms=_time(info.end_time),
        params=data.params,
        tags=data.tags,
        metrics=[
            Latest(one.key, finite_or_not(one.value), moment(one.timestamp), one.step)
            for one in data._metric_objs  # noqa: SLF001 - only there with their steps
        ],
    )


def remote_run(run: Told, experiment: str) -> RemoteRun:
    """The run under the names that it has here; `experiment` is the name of its experiment there."""
    tags = run.tags
    ours = RUN_ID_TAG in tags
    name = names_of(tags) if ours else str
    status = status_of(STATUSES.get(run.status, "RUNNING"), tags)
    ended = max((point.time_ms for point in run.metrics), default=run.start_ms) if run.end_ms is None else run.end_ms
    return RemoteRun(
        mlflow_id=run.mlflow_id,
        run_id=tags.get(RUN_ID_TAG) or run.mlflow_id,
        experiment_id=run.experiment_id,
        experiment=_experiment(experiment, tags) if ours else experiment,
        name=run.name or run.mlflow_id,
        status=status,
        start_ms=run.start_ms,
        end_ms=None if status == "RUNNING" else ended,
        parent=tags.get(f"{PREFIX}parent_run_id") if ours else None,
        parent_mlflow_id=tags.get(_PARENT),
        group=tags.get(f"{PREFIX}group") if ours else None,
        facts={
            "param": _params(run.params, tags, name, ours=ours),
            "tag": _tags(tags, name, ours=ours),
            "env": {_CODE[key]: to_json(value) for key, value in tags.items() if key in _CODE},
            "model": {
                name(key.removeprefix(_MODEL)): value
                for key, value in tags.items()
                if ours and key.startswith(_MODEL) and value.endswith("}")
            },
        },
        metrics={name(point.written): point for point in run.metrics},
    )


def finite_or_not(value: float) -> float:
    """A value as it was before a database took the largest float for infinity."""
    return math.copysign(math.inf, value) if abs(value) == LARGEST else value


def moment(milliseconds: Any) -> int:
    """A point's time, or the nearest that a table can have."""
    return min(max(int(milliseconds), -LATEST_MS), LATEST_MS)


def _experiment(name: str, tags: Mapping[str, str]) -> str:
    """The experiment's name; of one that was too long for MLflow the whole is in a tag."""
    whole = tags.get(f"{PREFIX}experiment", name)
    return whole if experiment_name(whole) == name else name


def _params(
    params: Mapping[str, str], tags: Mapping[str, str], name: Callable[[str], str], *, ours: bool
) -> dict[str, str]:
    values = restored_params(params, tags) if ours else {key: typed(value) for key, value in params.items()}
    return {name(key): to_json(value) for key, value in values.items()}


def _tags(tags: Mapping[str, str], name: Callable[[str], str], *, ours: bool) -> dict[str, str]:
    users = {key: value for key, value in tags.items() if not key.startswith(_MLFLOW)}
    values = restored_tags(users) if ours else users
    note = {"note": to_json(tags[_NOTE])} if _NOTE in tags else {}
    return note | {name(key): to_json(value) for key, value in values.items()}


def _time(milliseconds: Any) -> int | None:
    """A time that a table can have; None for what is none."""
    return int(milliseconds) if milliseconds is not None and abs(int(milliseconds)) <= LATEST_MS else None
