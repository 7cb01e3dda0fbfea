"""Logged models: what `mlflow.<flavor>.log_model` makes since MLflow 3.

All that a model begins with is one fact under its id, of the run that made it. Each tag, param or field that changes
later is a fact of its own, so that processes that change a model at once lose nothing. Its files lie among that run's
artifacts, below mlflow-models/<id>/, so our own commands and pages show them; of a model without a run they lie below
artifacts/<id>/.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import (
    LoggedModel,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchLoggedModelsUtils
from mlflow.utils.validation import _validate_logged_model_name

from readers.store import Store
from tracker.mlflowstore.address import uri_of
from tracker.mlflowstore.experiments import Experiments, id_of
from tracker.mlflowstore.told import ACTIVE, DELETED, MODEL, MODEL_FIELD, MODEL_METRIC, Facts, told
from tracker.mlflowstore.writer import RunWriter, WrittenRun

FOLDER = "mlflow-models"
"""Below a run's artifacts."""
_About = dict[str, Any]


class Models:
    """The logged models of a store."""

    def __init__(self, store: Store, writer: RunWriter, experiments: Experiments, artifacts_uri: str | None) -> None:
        self._store, self._writer, self._experiments = store, writer, experiments
        self._artifacts_uri = uri_of(store.layout.artifacts) if artifacts_uri is None else artifacts_uri

    def create(  # noqa: PLR0917 - MLflow's arguments
        self,
        experiment_id: str,
        name: str | None,
        source_run_id: str | None,
        tags: Sequence[LoggedModelTag] | None,
        params: Sequence[LoggedModelParameter] | None,
        model_type: str | None,
    ) -> LoggedModel:
        """Make a model that is PENDING."""
        _validate_logged_model_name(name)
        experiment = self._experiments.check_active(experiment_id)
        now_ms = _now_ms()
        about = {
            "model_id": f"m-{uuid.uuid4().hex}",
            "experiment": experiment,
            "name": name or _generate_random_name(),
            "source_run_id": source_run_id,
            "model_type": model_type,
            "status": LoggedModelStatus.PENDING.to_int(),
            "stage": ACTIVE,
            "created": now_ms,
            "updated": now_ms,
            "tags": {tag.key: tag.value for tag in tags or ()},
            "params": {param.key: param.value for param in params or ()},
        }
        self._write(about)
        return self._entity(about, [])

    def get(self, model_id: str, *, allow_deleted: bool = False) -> LoggedModel:
        """A model with its metrics. Raises: MlflowException: there is none, or it is deleted."""
        about = self._about(model_id)
        if about["stage"] == DELETED and not allow_deleted:
            raise _not_found(model_id)
        metrics = self._metrics([about["experiment"]])
        return self._entity(about, metrics.get(model_id, []))

    def search(  # noqa: PLR0917
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        datasets: Sequence[Mapping[str, Any]] | None,
        max_results: int | None,
        order_by: Sequence[Mapping[str, Any]] | None,
        page_token: str | None,
    ) -> PagedList:
        """Models that aren't deleted, by MLflow's filter."""
        if datasets and not all(each.get("dataset_name") for each in datasets):
            message = "`dataset_name` in the `datasets` clause must be specified."
            raise MlflowException(message, INVALID_PARAMETER_VALUE)
        names = self._experiments.names_of(experiment_ids)
        metrics = self._metrics(names)
        found = [
            self._entity(about, metrics.get(about["model_id"], []))
            for about in self._read(names)
            if about["stage"] == ACTIVE
        ]
        found = SearchLoggedModelsUtils.filter_logged_models(found, filter_string, datasets)
        found = SearchLoggedModelsUtils.sort(found, order_by)
        most = max_results or SEARCH_LOGGED_MODEL_MAX_RESULTS_DEFAULT
        return PagedList(*SearchLoggedModelsUtils.paginate(found, page_token, most))

    def change(self, model_id: str, **changes: object) -> LoggedModel:
        """Change some fields of a model: status, stage."""
        self._change(self._about(model_id), {**changes, "updated": _now_ms()})
        return self.get(model_id, allow_deleted=True)

    def add(self, model_id: str, field: str, items: Mapping[str, str]) -> None:
        """Add tags or params."""
        self._change(self._about(model_id), {f"{field}/{name}": value for name, value in items.items()})

    def delete_tag(self, model_id: str, key: str) -> None:
        """Take a tag away. Raises: MlflowException: there is none of that name."""
        about = self._about(model_id)
        if key not in about["tags"]:
            message = f"No tag with key {key!r} found for model with ID {model_id!r}."
            raise MlflowException(message, RESOURCE_DOES_NOT_EXIST)
        self._change(about, {f"tags/{key}": None})

    def log_metrics(self, run: WrittenRun, metrics: Sequence[Metric]) -> None:
        """Note the metrics that belong to models too; of each name and data set of a model the last."""
        items: dict[str, object] = {}
        for metric in metrics:
            if metric.model_id is not None:
                about = (metric.model_id, metric.key, metric.dataset_name, metric.dataset_digest)
                items["/".join(str(part) for part in about)] = [
                    *about,
                    float(metric.value),
                    metric.timestamp,
                    metric.step,
                    run.id,
                ]
        if items:
            self._writer.tell(run.id, run.experiment, MODEL_METRIC, items)

    def owner_of(self, model_id: str) -> str:
        """The experiment of a model. Raises: MlflowException: there is none."""
        return str(self._about(model_id)["experiment"])

    def _read(self, names: Sequence[str] | None) -> list[_About]:
        """Models as they are now: what each began with, and each change of it."""
        facts = Facts(self._store, [MODEL, MODEL_FIELD], experiments=names)
        found = {about["model_id"]: about for models in facts.told(MODEL).values() for about in models.values()}
        for changes in facts.told(MODEL_FIELD).values():
            for key, (value,) in changes.items():
                model_id, _, field = key.partition("/")
                if model_id in found:
                    _put(found[model_id], field, value)
        return list(found.values())

    def _about(self, model_id: str) -> _About:
        found = next((about for about in self._read(None) if about["model_id"] == model_id), None)
        if found is None:
            raise _not_found(model_id)
        return found

    def _metrics(self, names: Sequence[str]) -> dict[str, list[Metric]]:
        found: dict[str, list[Metric]] = {}
        for metrics in told(self._store, MODEL_METRIC, experiments=names).values():
            for model_id, key, dataset, digest, value, time_ms, step, run_id in metrics.values():
                metric = Metric(key, value, time_ms, step, model_id, dataset, digest, run_id)
                found.setdefault(model_id, []).append(metric)
        return found

    def _change(self, about: _About, changes: Mapping[str, object]) -> None:
        """Write a fact for each change; the value in a list, as None takes a tag away and is one too."""
        model_id = about["model_id"]
        items = {f"{model_id}/{field}": [value] for field, value in changes.items()}
        if items:
            self._writer.tell(about["source_run_id"] or model_id, about["experiment"], MODEL_FIELD, items)

    def _write(self, about: _About) -> None:
        model_id = about["model_id"]
        self._writer.tell(about["source_run_id"] or model_id, about["experiment"], MODEL, {model_id: about})

    def _entity(self, about: _About, metrics: list[Metric]) -> LoggedModel:
        run_id, model_id = about["source_run_id"], about["model_id"]
        return LoggedModel(
            experiment_id=id_of(about["experiment"]),
            model_id=model_id,
            name=about["name"],
            artifact_location=f"{self._artifacts_uri}/" + (f"{run_id}/{FOLDER}/{model_id}" if run_id else model_id),
            creation_timestamp=about["created"],
            last_updated_timestamp=about["updated"],
            model_type=about["model_type"],
            source_run_id=run_id,
            status=LoggedModelStatus.from_int(about["status"]),
            tags=dict(about["tags"]),
            params=dict(about["params"]),
            metrics=metrics,
        )


def _put(about: _About, field: str, value: object) -> None:
    """Change a field of a model; "tags/a" is the tag "a", and None takes it away."""
    group, slash, name = field.partition("/")
    if not slash:
        about[field] = value
    elif value is None:
        about[group].pop(name, None)
    else:
        about[group][name] = value


def _not_found(model_id: str) -> MlflowException:
    return MlflowException(f"Logged model with ID '{model_id}' not found.", RESOURCE_DOES_NOT_EXIST)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
