"""SteplogStore: MLflow's tracking store on ours. Each method checks as MLflow does, and hands on."""

import os
from collections.abc import Sequence
from typing import NoReturn

from mlflow.entities import (
    Experiment,
    ExperimentTag,
    Metric,
    Param,
    Run,
    RunInfo,
    RunTag,
    ViewType,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking import SEARCH_MAX_RESULTS_DEFAULT
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchUtils
from mlflow.utils.validation import (
    _validate_batch_log_data,
    _validate_batch_log_limits,
    _validate_metric,
    _validate_param,
    _validate_param_keys_unique,
    _validate_run_id,
    _validate_tag,
)

from ingest.layout import Layout
from readers.store import Store
from tracker.mlflowstore.address import root_of, uri_of
from tracker.mlflowstore.experiments import Experiments
from tracker.mlflowstore.histories import Histories
from tracker.mlflowstore.inputs import Inputs
from tracker.mlflowstore.models import Models
from tracker.mlflowstore.modelstore import ModelStore
from tracker.mlflowstore.refused import refuse_the_rest
from tracker.mlflowstore.runlogging import RunLogging
from tracker.mlflowstore.runs import Runs
from tracker.mlflowstore.search import Search, check_max_results, search_runs
from tracker.mlflowstore.told import ACTIVE, DELETED
from tracker.mlflowstore.writer import RunWriter

_DESTINATION = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
"""What a server was given as --artifacts-destination."""
_PROXIED = "mlflow-artifacts:/"


@refuse_the_rest
class SteplogStore(Histories, ModelStore, AbstractStore):  # type: ignore[misc] # MLflow's types are partial
    """The store at an address; made when nothing is there.

    Args:
        store_uri: steplog:///absolute/path or steplog://relative/path.
        artifact_uri: "mlflow-artifacts:/" in a server that hands artifacts on. If it hands them on to this store, that
            is what it tells its clients; else they are told the store's own address, which programs on this host with
            the plugin can use.

    Raises: StoreUnavailable, FormatTooNew: the folder can't be used. ValueError: no such address.
    """

    def __init__(self, store_uri: str, artifact_uri: str | None = None) -> None:
        super().__init__()
        root = root_of(store_uri)
        if not Layout(root).check():
            Layout(root).create()
        store, writer = Store(root), RunWriter.at(root)
        self.artifact_root_uri = uri_of(store.layout.artifacts)
        proxied = _PROXIED.removesuffix("/") if _hands_on(artifact_uri, store) else None
        self._store, self._writer = store, writer
        self._experiments = Experiments(store, writer)
        self._runs = Runs(store, writer, proxied)
        self._logging = RunLogging(writer, self._runs, self._experiments)
        self._models = Models(store, writer, self._experiments, proxied)

    # --- experiments

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = SEARCH_MAX_RESULTS_DEFAULT,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList:
        """Experiments by MLflow's filter; the youngest first, unless another order is asked for."""
        check_max_results(max_results)
        stages = {ViewType.ACTIVE_ONLY: {ACTIVE}, ViewType.DELETED_ONLY: {DELETED}}.get(view_type, {ACTIVE, DELETED})
        found = [experiment for experiment in self._experiments.all() if experiment.lifecycle_stage in stages]
        found = SearchExperimentsUtils.filter(found, filter_string)
        found = SearchExperimentsUtils.sort(found, order_by or ["creation_time DESC", "experiment_id ASC"])
        return PagedList(*SearchUtils.paginate(found, page_token, max_results))

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Sequence[ExperimentTag] | None = None
    ) -> str:
        """Make an experiment; its id."""
        return self._experiments.create(name, artifact_location, tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with an id."""
        return self._experiments.get(experiment_id)

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """The experiment of a name, or None."""
        return self._experiments.find(experiment_name)

    def delete_experiment(self, experiment_id: str) -> None:
        """Hide an experiment and its runs from MLflow."""
        self._logging.set_experiment_stage(experiment_id, DELETED)

    def restore_experiment(self, experiment_id: str) -> None:
        """Show them again."""
        self._logging.set_experiment_stage(experiment_id, ACTIVE)

    def rename_experiment(self, experiment_id: str, new_name: str) -> NoReturn:
        """Refuse. Raises: MlflowException: always."""
        name = self._experiments.name_of(experiment_id)
        raise MlflowException(
            f"the experiment {name!r} can't become {new_name!r}: a steplog:// store keeps its files below its name. "
            f"Set a tag, or create {new_name!r} for the runs to come",
            NOT_IMPLEMENTED,
        )

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        """Set a tag."""
        self._experiments.set_tag(experiment_id, tag)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Take a tag away."""
        self._experiments.delete_tag(experiment_id, key)

    def filter_active_experiment_ids(self, experiment_ids: list[str]) -> list[str]:
        """Those of the ids that are of experiments which aren't deleted."""
        active = {each.experiment_id for each in self._experiments.all() if each.lifecycle_stage == ACTIVE}
        return [each for each in experiment_ids if str(each) in active]

    # --- runs

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: Sequence[RunTag] | None, run_name: str | None
    ) -> Run:
        """Begin a run."""
        checked = [_validate_tag(tag.key, tag.value) for tag in tags or ()]
        row, texts = self._logging.create(experiment_id, user_id, start_time, checked, run_name)
        return self._runs.entity(row, {}, texts, [], Inputs([], [], []))

    def get_run(self, run_id: str) -> Run:
        """A run, deleted or not."""
        return self._runs.entities([self._logging.found(run_id)])[0]

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Set a run's status, end and name."""
        row = self._logging.update(run_id, run_status, end_time, run_name)
        return self.get_run(run_id).info if row is None else self._runs.info(row, {})

    def delete_run(self, run_id: str) -> None:
        """Hide a run from MLflow."""
        self._logging.set_stage(run_id, DELETED)

    def restore_run(self, run_id: str) -> None:
        """Show it again."""
        self._logging.set_stage(run_id, ACTIVE)

    def _search_runs(  # noqa: PLR0917 - MLflow's signature
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None,
        run_view_type: int,
        max_results: int,
        order_by: Sequence[str] | None,
        page_token: str | None,
    ) -> tuple[list[Run], str | None]:
        asked = Search(experiment_ids, filter_string, run_view_type, max_results, order_by, page_token)
        return search_runs(self._store, self._runs, self._experiments, asked)

    # --- what is logged to a run

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Log a point."""
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step)
        run = self._logging.written(run_id)
        self._logging.log_metrics(run, [metric])
        self._models.log_metrics(run, [metric])

    def log_param(self, run_id: str, param: Param) -> None:
        """Log a param."""
        checked = _validate_param(param.key, param.value)
        self._logging.log_params(self._logging.written(run_id), [checked])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Set a tag."""
        checked = _validate_tag(tag.key, tag.value)
        self._logging.set_tags(self._logging.written(run_id), {checked.key: checked.value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Take a tag away."""
        self._logging.delete_tag(run_id, key)

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[RunTag]
    ) -> None:
        """Log points, params and tags, all of them or, if anything can't be, nothing."""
        _validate_run_id(run_id)
        metrics, params, tags = _validate_batch_log_data(metrics, params, tags)
        _validate_batch_log_limits(metrics, params, tags)
        _validate_param_keys_unique(params)
        run = self._logging.written(run_id)
        self._logging.log_params(run, params)
        self._logging.log_metrics(run, metrics)
        self._models.log_metrics(run, metrics)
        self._logging.set_tags(run, {tag.key: tag.value for tag in tags})


def _hands_on(artifact_uri: str | None, store: Store) -> bool:
    """Whether a server hands artifacts on to this very store."""
    if artifact_uri is None or not artifact_uri.startswith(_PROXIED):
        return False
    try:
        return root_of(os.environ.get(_DESTINATION, "")) == store.root
    except ValueError:
        return False
