"""Experiments: MLflow's have ids, tags and a life of their own; ours are names that runs belong to.

An id is 18 digits that follow from the name, so an experiment that a tracker has logged to has the same id in every
process, and nobody has to write it down. MLflow's own "0" is the experiment "Default", which is always there. All else
that MLflow tells of an experiment are facts of the kind `mlflow.experiment`. A name can't change: folders have it.
"""

import hashlib
import math
import time
from collections.abc import Sequence
from typing import Any

from mlflow.entities import Experiment, ExperimentTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)
from mlflow.utils.validation import _validate_experiment_name, _validate_experiment_tag

from readers.store import Store
from tracker.mlflowstore.address import uri_of
from tracker.mlflowstore.told import ACTIVE, BORN, DELETED, EXPERIMENT, Stage, Told, latest_stage, told
from tracker.mlflowstore.writer import LOOK_AGAIN_S, RunWriter

DEFAULT_ID, DEFAULT_NAME = "0", "Default"
_TAG = "tag."


def id_of(name: str) -> str:
    """The id of an experiment."""
    if name == DEFAULT_NAME:
        return DEFAULT_ID
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return str(10**17 + number % (9 * 10**17))


def fact_id(name: str) -> str:
    """What stands for an experiment where facts have a run."""
    return f"experiment-{id_of(name)}"


def stages(of_ids: Told) -> dict[str, Stage]:
    """What became of experiments, by name, and when; of those that nothing was told of, nothing."""
    return {
        about["name"]: (str(about["stage"][0]), int(about["stage"][1]))
        for about in of_ids.values()
        if {"name", "stage"} <= set(about)
    }


class Experiments:
    """The experiments of a store."""

    def __init__(self, store: Store, writer: RunWriter) -> None:
        self._store, self._writer = store, writer
        self._names = {DEFAULT_ID: DEFAULT_NAME}
        self._seen_active_s: dict[str, float] = {}

    def all(self) -> list[Experiment]:
        """Each with its tags, deleted ones too."""
        import polars as pl

        runs = self._store.runs().group_by("experiment").agg(pl.col("start_time").min(), end=pl.col("start_time").max())
        times = runs.with_columns(pl.col("start_time", "end").dt.timestamp("ms")).collect()
        logged = {name: (start, last) for name, start, last in times.iter_rows()}
        of_ids = told(self._store, EXPERIMENT).values()
        facts = {str(about["name"]): about for about in of_ids if "name" in about}
        names = dict.fromkeys([DEFAULT_NAME, *logged, *facts])
        self._names |= {id_of(name): name for name in names}
        return [self._entity(name, facts.get(name, {}), logged.get(name)) for name in names]

    def get(self, experiment_id: object) -> Experiment:
        """The experiment with an id. Raises: MlflowException: there is none."""
        name = self.name_of(experiment_id)
        about = self._about(name)
        if "created" in about:
            return self._entity(name, about, None)
        return next(experiment for experiment in self.all() if experiment.name == name)

    def find(self, name: str) -> Experiment | None:
        """The experiment of a name, or None."""
        if "created" in self._about(name):
            return self.get(id_of(name))
        return next((experiment for experiment in self.all() if experiment.name == name), None)

    def name_of(self, experiment_id: object) -> str:
        """The name behind an id. Raises: MlflowException: there is none."""
        wanted = str(experiment_id)
        if wanted not in self._names:
            self.all()
        if wanted not in self._names:
            raise MlflowException(f"No Experiment with id={wanted} exists", RESOURCE_DOES_NOT_EXIST)
        return self._names[wanted]

    def names_of(self, experiment_ids: Sequence[object]) -> list[str]:
        """The names behind those ids that there are."""
        if any(str(wanted) not in self._names for wanted in experiment_ids):
            self.all()
        return [self._names[str(wanted)] for wanted in experiment_ids if str(wanted) in self._names]

    def create(self, name: str, artifact_location: str | None, tags: Sequence[ExperimentTag] | None) -> str:
        """Make an experiment that has no runs yet. Raises: MlflowException: there is one of that name."""
        _validate_experiment_name(name)
        for tag in tags or ():
            _validate_experiment_tag(tag.key, tag.value)
        if artifact_location:
            raise MlflowException(
                f"artifact_location={artifact_location!r}: a steplog:// store keeps artifacts in its own folder, below "
                "artifacts/; leave artifact_location out",
                INVALID_PARAMETER_VALUE,
            )
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise MlflowException(f"the name {name!r} is not valid Unicode", INVALID_PARAMETER_VALUE) from error
        there = self.find(name)
        if there is not None:
            state = " and is deleted; restore it" if there.lifecycle_stage == DELETED else ""
            raise MlflowException(f"Experiment(name={name}) already exists{state}.", RESOURCE_ALREADY_EXISTS)
        self._names[id_of(name)] = name
        self._tell(name, {"created": _now_ms(), **{_TAG + tag.key: tag.value for tag in tags or ()}})
        return id_of(name)

    def set_stage(self, experiment_id: object, stage: str) -> None:
        """Delete an experiment and its runs, or restore them. Raises: MlflowException: it is so already."""
        name = self.name_of(experiment_id)
        if latest_stage(self._about(name).get("stage", BORN)) == stage:
            other = ACTIVE if stage == DELETED else DELETED
            raise MlflowException(f"No {other} experiment with id={experiment_id} exists", RESOURCE_DOES_NOT_EXIST)
        self._seen_active_s.pop(name, None)
        self._tell(name, {"stage": [stage, time.time_ns()]})

    def set_tag(self, experiment_id: object, tag: ExperimentTag) -> None:
        """Set a tag."""
        _validate_experiment_tag(tag.key, tag.value)
        self._tell(self.check_active(experiment_id), {_TAG + tag.key: tag.value})

    def delete_tag(self, experiment_id: object, key: str) -> None:
        """Take a tag away. Raises: MlflowException: there is none of that name."""
        name = self.check_active(experiment_id)
        if _TAG + key not in self._about(name):
            message = f"No tag with name: {key} in experiment with id {experiment_id}"
            raise MlflowException(message, RESOURCE_DOES_NOT_EXIST)
        self._tell(name, {_TAG + key: None})

    def check_active(self, experiment_id: object) -> str:
        """The name of an experiment that isn't deleted. Raises: MlflowException: it is, or there is none."""
        name = self.name_of(experiment_id)
        if time.monotonic() - self._seen_active_s.get(name, -math.inf) < LOOK_AGAIN_S:
            return name
        stage = latest_stage(self._about(name).get("stage", BORN))
        if stage == ACTIVE:
            self._seen_active_s[name] = time.monotonic()
        else:
            raise MlflowException(
                f"The experiment {experiment_id} must be in the 'active' state. Current state is {stage}.",
                INVALID_PARAMETER_VALUE,
            )
        return name

    def _about(self, name: str) -> dict[str, Any]:
        of_ids = told(self._store, EXPERIMENT, experiments=[name])
        return of_ids.get(fact_id(name), {})

    def _tell(self, name: str, items: dict[str, object]) -> None:
        self._writer.tell(fact_id(name), name, EXPERIMENT, {"name": name, "updated": _now_ms(), **items})

    def _entity(self, name: str, about: dict[str, Any], logged: tuple[int, int] | None) -> Experiment:
        start, last = logged or (self._born_ms(), self._born_ms())
        created = about.get("created", start)
        return Experiment(
            experiment_id=id_of(name),
            name=name,
            artifact_location=uri_of(self._store.layout.artifacts),
            lifecycle_stage=latest_stage(about.get("stage", BORN)),
            tags=[ExperimentTag(key.removeprefix(_TAG), value) for key, value in about.items() if key.startswith(_TAG)],
            creation_time=created,
            last_update_time=about.get("updated", max(created, last)),
        )

    def _born_ms(self) -> int:
        return int(self._store.layout.store_file.stat().st_mtime * 1000)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
