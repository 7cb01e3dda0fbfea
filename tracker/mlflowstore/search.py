"""Searching runs: MLflow's own grammar, its own comparing and sorting, on as little of each run as that needs.

First only what the filter and the order name is read of all runs: no history, and no param, tag or metric that isn't
named. What is left of them is sorted and cut to a page, and only the runs of that page are read whole.
"""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from mlflow.entities import LifecycleStage, Run
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.tracking import SEARCH_MAX_RESULTS_THRESHOLD
from mlflow.utils.search_utils import SearchUtils

from readers.store import Store
from tracker.mlflowstore.experiments import Experiments
from tracker.mlflowstore.inputs import Inputs, datasets
from tracker.mlflowstore.row import NAME_TAG, USER_TAG, Row
from tracker.mlflowstore.runs import Runs

_NOTHING = Inputs([], [], [])
_OF_TAGS = {"run_name": NAME_TAG, "user_id": USER_TAG}
"""Attributes that tags may change."""


class Search(NamedTuple):
    """What is asked."""

    experiment_ids: Sequence[str]
    filter_string: str | None
    view_type: int
    max_results: int
    order_by: Sequence[str] | None
    page_token: str | None


class _Sketch(NamedTuple):
    """A run as far as the search needs it: it looks like MLflow's."""

    row: Row
    info: Any
    data: Any
    inputs: Any


def search_runs(store: Store, runs: Runs, experiments: Experiments, asked: Search) -> tuple[list[Run], str | None]:
    """A page of runs, and the token of the next one. Raises: MlflowException: no such filter, order or page."""
    check_max_results(asked.max_results)
    named = _named(asked.filter_string, asked.order_by)
    names = experiments.names_of(asked.experiment_ids)
    stages = set(LifecycleStage.view_type_to_stages(asked.view_type))
    rows = [row for row in runs.rows(experiments=names) if row.lifecycle_stage in stages] if names else []
    if not any(named.values()):
        return _newest(runs, rows, asked)
    sketches = SearchUtils.filter(_sketches(store, runs, rows, names, named), asked.filter_string)
    found, token = SearchUtils.paginate(SearchUtils.sort(sketches, asked.order_by), asked.page_token, asked.max_results)
    return runs.entities([sketch.row for sketch in found]), token


def check_max_results(max_results: object) -> None:
    """Raise MlflowException unless a page may have so many."""
    if not isinstance(max_results, int) or not 1 <= max_results <= SEARCH_MAX_RESULTS_THRESHOLD:
        raise MlflowException(
            f"Invalid value {max_results} for parameter 'max_results' supplied. It must be a positive integer of at "
            f"most {SEARCH_MAX_RESULTS_THRESHOLD}",
            INVALID_PARAMETER_VALUE,
        )


def _newest(runs: Runs, rows: list[Row], asked: Search) -> tuple[list[Run], str | None]:
    """A page in the order that nobody asked for, as SearchUtils.sort has it."""
    rows.sort(key=lambda row: (-row.start_time, row.run_id))
    page, token = SearchUtils.paginate(rows, asked.page_token, asked.max_results)
    return runs.entities(page), token


def _named(filter_string: str | None, order_by: Sequence[str] | None) -> dict[str, set[str]]:
    """The names that a search has to know of each run, by kind."""
    found: dict[str, set[str]] = {kind: set() for kind in ("metric", "parameter", "tag", "attribute", "dataset")}
    clauses = SearchUtils.parse_search_filter(filter_string)
    for clause in clauses:
        found[clause["type"]].add(SearchUtils.translate_key_alias(clause["key"]))
    for clause in order_by or ():
        kind, key, _ = SearchUtils.parse_order_by_for_search_runs(clause)
        found[kind].add(SearchUtils.translate_key_alias(key))
    found["tag"] |= {_OF_TAGS[name] for name in found["attribute"] & set(_OF_TAGS)}
    return found


def _sketches(
    store: Store, runs: Runs, rows: Sequence[Row], names: Sequence[str], named: Mapping[str, set[str]]
) -> list[_Sketch]:
    metrics = runs.last_values(names, named["metric"]) if named["metric"] else {}
    params = runs.params(None, names, named["parameter"]) if named["parameter"] else {}
    tags = runs.tags(rows, names, named["tag"]) if named["tag"] else {}
    inputs = datasets(store, names) if named["dataset"] else {}
    found = []
    for row in rows:
        of_run = tags.get(row.run_id, {})
        data = SimpleNamespace(metrics=metrics.get(row.run_id, {}), params=params.get(row.run_id, {}), tags=of_run)
        used = SimpleNamespace(dataset_inputs=inputs.get(row.run_id, _NOTHING).datasets)
        found.append(_Sketch(row, runs.info(row, of_run) if named["attribute"] else row, data, used))
    return found
