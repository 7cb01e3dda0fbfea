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
from tracker.mlflowstore.inputs import datasets
from tracker.mlflowstore.row import NAME_TAG, USER_TAG, Row
from tracker.mlflowstore.runs import Runs

ByName = Mapping[str, Mapping[str, Any]]
"""By name and run: a value."""
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


class _Sketch:
    """A run as far as the search needs it: it looks like MLflow's.

    What is known is shared by all runs, by name and then by run: a dict of its own for each of ten thousand runs would
    cost more than the search, as Python's collector looks at all that there is each time it meets so many new ones.
    """

    __slots__ = ("_known", "_renamed", "row")

    def __init__(self, row: Row, known: Mapping[str, ByName], *, renamed: bool) -> None:
        self.row = row
        self._known = known
        self._renamed = renamed

    @property
    def info(self) -> Row:
        """Its attributes."""
        if not self._renamed:
            return self.row
        row, tags = self.row, self.tags
        return row._replace(run_name=tags.get(NAME_TAG), user_id=tags.get(USER_TAG, row.user_id))

    @property
    def data(self) -> "_Sketch":
        """What has its metrics, params and tags."""
        return self

    @property
    def metrics(self) -> "_Named":
        """Those that are asked for; likewise the others."""
        return _Named(self._known["metric"], self.row.run_id, {})

    @property
    def params(self) -> "_Named":
        """Texts."""
        return _Named(self._known["parameter"], self.row.run_id, {})

    @property
    def tags(self) -> "_Named":
        """Texts, and what MLflow wants as tags."""
        return _Named(self._known["tag"], self.row.run_id, self.row.tags())

    @property
    def inputs(self) -> SimpleNamespace:
        """Its data sets."""
        return SimpleNamespace(dataset_inputs=self._known["dataset"].get("", {}).get(self.row.run_id, ()))


class _Named(NamedTuple):
    """What one run has under some names; of a dict only what MLflow's search asks."""

    known: ByName
    run_id: str
    otherwise: Mapping[str, str]

    def get(self, name: str, default: Any = None) -> Any:
        """The value under a name."""
        found = self.known.get(name)
        missing = self.otherwise.get(name, default)
        return missing if found is None else found.get(self.run_id, missing)


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
    nothing: ByName = {}
    known = {
        "metric": runs.metrics_by_name(names, named["metric"]) if named["metric"] else nothing,
        "parameter": runs.params_by_name(names, named["parameter"]) if named["parameter"] else nothing,
        "tag": runs.tags_by_name(names, named["tag"]) if named["tag"] else nothing,
        "dataset": {"": datasets(store, names)} if named["dataset"] else nothing,
    }
    renamed = not named["attribute"].isdisjoint(_OF_TAGS)
    return [_Sketch(row, known, renamed=renamed) for row in rows]
