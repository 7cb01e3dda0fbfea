"""The part of the store that is about what runs use and make: data sets, models."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow.entities import (
    DatasetInput,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    _DatasetSummary,
)
from mlflow.store.entities.paged_list import PagedList

from readers.store import Store
from tracker.mlflowstore.experiments import Experiments
from tracker.mlflowstore.inputs import log_inputs, log_outputs, summaries
from tracker.mlflowstore.models import Models
from tracker.mlflowstore.runlogging import RunLogging
from tracker.mlflowstore.told import DELETED
from tracker.mlflowstore.writer import RunWriter


class ModelStore:
    """Methods of SteplogStore."""

    _store: Store
    _writer: RunWriter
    _experiments: Experiments
    _logging: RunLogging
    _models: Models

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Note the data sets and models that a run uses."""
        log_inputs(self._writer, self._logging.written(run_id), datasets, models)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Note the models that a run made."""
        log_outputs(self._writer, self._logging.written(run_id), models)

    def _search_datasets(self, experiment_ids: Sequence[str]) -> list[_DatasetSummary]:
        named = [(each, self._experiments.name_of(each)) for each in experiment_ids]
        return [summary for each, name in named for summary in summaries(self._store, each, name)]

    def search_traces(self, *_: Any, **__: Any) -> tuple[list[Any], None]:
        """None: MLflow's pages ask, and none can be logged."""
        return [], None

    def query_trace_metrics(self, *_: Any, **__: Any) -> PagedList:
        """None, likewise."""
        return PagedList([], None)

    def create_logged_model(  # noqa: PLR0917
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[LoggedModelTag] | None = None,
        params: Sequence[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a model that is PENDING."""
        return self._models.create(experiment_id, name, source_run_id, tags, params, model_type)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        """A model."""
        return self._models.get(model_id, allow_deleted=allow_deleted)

    def search_logged_models(  # noqa: PLR0917
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Models by MLflow's filter."""
        return self._models.search(experiment_ids, filter_string, datasets, max_results, order_by, page_token)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Say what became of a model."""
        return self._models.change(model_id, status=status.to_int())

    def delete_logged_model(self, model_id: str) -> None:
        """Hide a model."""
        self._models.change(model_id, stage=DELETED)

    def log_logged_model_params(self, model_id: str, params: Sequence[LoggedModelParameter]) -> None:
        """Add params to a model."""
        self._models.add(model_id, "params", {param.key: param.value for param in params})

    def set_logged_model_tags(self, model_id: str, tags: Sequence[LoggedModelTag]) -> None:
        """Set tags of a model."""
        self._models.add(model_id, "tags", {tag.key: tag.value for tag in tags})

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Take a tag of a model away."""
        self._models.delete_tag(model_id, key)
