"""Where a version of a model comes from: its run, the code, the data, the packages, and the models behind it.

What the version itself says (metrics, params, packages, data) was written when it was saved. Code and run are asked of
the run's facts, as the environment is captured beside the training and may be written after the model.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ingest.errors import ModelNotFound, SegmentCorrupt
from readers.modelinfo import ModelEntry
from readers.models import Models

if TYPE_CHECKING:
    from readers.store import Store

_CODE = ("commit", "branch", "dirty", "remote")
_RUN = ("run_id", "run_name", "experiment", "status", "start_time", "end_time", "parent_run_id", "group")
_MOST_PARENTS = 1_000


class Code(TypedDict):
    """The state of the code, as git told it when the run began."""

    commit: str | None
    branch: str | None
    dirty: bool | None
    """Whether there were changes that weren't committed; the run's artifact environment/git.diff has them."""
    remote: str | None


class Relative(TypedDict):
    """A model that another one was made from, or that was made from it."""

    name: str
    version: int
    deleted: bool


class ModelLineage(TypedDict):
    """Where a version comes from."""

    name: str
    version: int
    model: ModelEntry
    """All that the version itself says."""
    run: dict[str, Any] | None
    """run_id, run_name, experiment, status, start_time, end_time, ...; None if the store has no such run."""
    run_params: dict[str, Any]
    metrics: dict[str, float]
    """The run's last metrics when the model was saved."""
    data: dict[str, Any] | None
    """The fingerprint of what it was trained on: as log_model was told, else as the run's search was."""
    code: Code | None
    """None where nothing was recorded: no auto_log, or no git repository."""
    packages: dict[str, str]
    parents: list[Relative]
    """The model that it was made from, the one that this was made from, and so on."""
    children: list[Relative]
    """The versions that were made from it directly."""


def model_lineage(store: "Store", name: str, version: int) -> ModelLineage:
    """Tell where a version comes from, and what came of it.

    Raises: ModelNotFound. SegmentCorrupt: what describes the version isn't what was written.
    """
    models = Models(store.layout)
    entry = models.entry(name, version)
    run_id = entry["run_id"]
    run = store.find_run(run_id)
    return ModelLineage(
        name=name,
        version=version,
        model=entry,
        run=None if run is None else {key: run.get(key) for key in _RUN},
        run_params=_params(store, run_id),
        metrics=entry["metrics"],
        data=entry["data"] or run_data(store, [run_id]).get(run_id),
        code=run_code(store, [run_id]).get(run_id),
        packages=entry["packages"],
        parents=_parents(models, entry),
        children=_children(models, name, version),
    )


def run_code(store: "Store", run_ids: Sequence[str]) -> dict[str, Code]:
    """The state of the code of each run of which it was recorded."""
    found: dict[str, Code] = {}
    for run_id, facts in _facts(store, "env", run_ids).items():
        git: Any = {key: facts.get(f"git.{key}") for key in _CODE}
        if any(value is not None for value in git.values()):
            found[run_id] = git
    return found


def run_data(store: "Store", run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The data of the last search of each run that had one and was told its data."""
    found: dict[str, dict[str, Any]] = {}
    for run_id, facts in _facts(store, "automl", run_ids).items():
        searches = [key for key in facts if key.endswith("/search") and key.partition("/")[0].isdecimal()]
        for key in sorted(searches, key=lambda key: int(key.partition("/")[0])):
            search = facts[key]
            if isinstance(search, Mapping) and isinstance(search.get("data"), Mapping) and search["data"]:
                found[run_id] = dict(search["data"])
    return found


def _facts(store: "Store", kind: str, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The last value of each fact of a kind, by run and key."""
    from readers.params import latest
    from readers.texts import parsed

    if not run_ids:
        return {}
    rows = latest(store.facts([kind], list(dict.fromkeys(run_ids))).collect())
    found: dict[str, dict[str, Any]] = {}
    for run_id, key, value in rows.select("run_id", "key", "value").iter_rows():
        found.setdefault(run_id, {})[key] = parsed(value)
    return found


def _params(store: "Store", run_id: str) -> dict[str, Any]:
    return _facts(store, "param", [run_id]).get(run_id, {})


def _parents(models: Models, entry: ModelEntry) -> list[Relative]:
    """The line back; it ends where a parent says nothing of its own, or is one that was met before."""
    found: list[Relative] = []
    told = entry["derived_from"]
    while isinstance(told, Mapping) and len(found) < _MOST_PARENTS:
        name, version = str(told.get("name")), told.get("version")
        if not isinstance(version, int) or any((one["name"], one["version"]) == (name, version) for one in found):
            break
        try:
            told, deleted = models.info(name, version)["derived_from"], False
        except (ModelNotFound, SegmentCorrupt, ValueError):
            was = models.deleted(name).get(version, {}).get("was", {})
            told, deleted = was.get("derived_from"), True
        found.append(Relative(name=name, version=version, deleted=deleted))
    return found


def _children(models: Models, name: str, version: int) -> list[Relative]:
    return [
        Relative(name=entry["name"], version=entry["version"], deleted=False)
        for entry in models.entries()
        if entry["derived_from"] == {"name": name, "version": version}
    ]
