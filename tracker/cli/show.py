"""steplog show: everything about one run."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.jsontext import REMOVED, from_json
from tracker.cli import ranks
from tracker.cli.options import DEFAULT_STORE, JsonOption, RunArgument, StoreOption, open_store
from tracker.cli.screen import cell, console, count_of, duration, moment, number, print_json, size, status, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from readers.store import Store

_FEW_METRICS = 40
_LONGEST_VALUE = 200
_WELL_KNOWN = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "tensorflow",
    "jax",
    "xgboost",
    "lightgbm",
    "transformers",
    "pandas",
    "polars",
)
"""The packages whose versions tell most about a run; `--all` shows the others too."""
_STATISTICS = ("count", "nan_count", "last", "last_step", "min", "min_step", "max", "max_step", "mean", "std")


def show(
    run: RunArgument,
    *,
    everything: Annotated[
        bool, typer.Option("--all", "-a", help=f"All metrics, not {_FEW_METRICS} at most; values in full length.")
    ] = False,
    progress: Annotated[
        str | None, typer.Option(metavar="METRIC", help="Of several ranks: the metric whose steps tell their progress.")
    ] = None,
    step_time: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC", help="Of several ranks: the time that each measured for a step, to be compared."
        ),
    ] = None,
    json: JsonOption = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Show one run: its params, tags, environment, metrics, artifacts, models, and its ranks if there are several."""
    opened = open_store(store)
    found = read(opened, opened.resolve_run(run))
    if (found.get("ranks") or 0) > 1 or progress is not None or step_time is not None:
        found["by_rank"] = ranks.read(opened, found["run_id"], progress, step_time)
    if json:
        print_json(found)
    else:
        _print(console(), found, everything=everything)


def read(store: "Store", run_id: str) -> dict[str, Any]:
    """Everything the store knows of a run but its history."""
    found = dict(store.find_run(run_id) or {})
    facts = store.facts(runs=[run_id]).collect().sort("time", "writer", "seq")
    kinds: dict[str, dict[str, Any]] = {}
    for kind, key, value in facts.select("kind", "key", "value").iter_rows():
        kinds.setdefault(kind, {})[key] = from_json(value)  # the last one counts
        if value == REMOVED:
            del kinds[kind][key]
    models = facts.filter(kind="model").select("key", "value").iter_rows()
    metrics = store.summaries(runs=[run_id]).collect().sort("key")
    return {
        **found,
        "params": kinds.get("param", {}),
        "tags": kinds.get("tag", {}),
        "environment": kinds.get("env", {}),
        "metrics": {row["key"]: {name: row[name] for name in _STATISTICS} for row in metrics.iter_rows(named=True)},
        "artifacts": [{"path": path, **about} for path, about in sorted(kinds.get("artifact", {}).items())],
        "models": [_model(name, from_json(value), kinds.get("model_deleted", {})) for name, value in models],
        "children": _children(store, run_id),
        "searches": sum(key.endswith("/search") for key in kinds.get("automl", {})),
    }


def _children(store: "Store", run_id: str) -> dict[str, int]:
    """How many runs are part of this one, by status."""
    statuses = store.runs().collect().filter(parent_run_id=run_id)["status"]
    return dict(Counter(statuses).most_common())


def _model(name: str, about: Any, deleted: Mapping[str, Any]) -> dict[str, Any]:
    """A version that the run logged; "deleted" is there where it was deleted since."""
    found = {"name": name, **about}
    return {**found, "deleted": True} if f"{name}@{found.get('version')}" in deleted else found


def _print(screen: "Console", run: Mapping[str, Any], *, everything: bool) -> None:
    screen.print(cell(run["run_name"], "bold"), "  ", status(run["status"]), sep="")
    screen.print(_pairs(_headline(run), limit=None))
    limit = None if everything else _LONGEST_VALUE
    environment = run["environment"] if everything else _with_few_packages(run["environment"])
    for title, values in (("params", run["params"]), ("tags", run["tags"]), ("environment", environment)):
        if values:
            _print_section(screen, title, _pairs(values, limit))
    if "by_rank" in run:
        ranks.print_ranks(screen, run["by_rank"], everything=everything)
    _print_metrics(screen, run["metrics"], everything=everything)
    if run["artifacts"]:
        rows = table("path", "size", "kind", right=("size",))
        for artifact in run["artifacts"]:
            rows.add_row(cell(artifact["path"]), size(artifact["size"]), cell(artifact["kind"], "dim"))
        _print_section(screen, "artifacts", rows)
    if run["models"]:
        rows = table("name", "version", "format", "size", right=("version", "size"))
        for model in run["models"]:
            version = f"{model['version']}{' (deleted)' if 'deleted' in model else ''}"
            rows.add_row(cell(model["name"]), cell(version), cell(model["format"]), size(model["size"]))
        _print_section(screen, "models", rows)
    if run["searches"]:
        screen.print()
        screen.print(cell(f"'steplog automl {run['run_id']}' reports the search for a model", "dim"))


def _headline(run: Mapping[str, Any]) -> dict[str, Any]:
    """What stands at the top; what is as it nearly always is stays away."""
    lines = {
        "id": run["run_id"],
        "experiment": run["experiment"],
        "started": moment(run["start_time"]),
        "ended": moment(run["end_time"]) if run["end_time"] else None,
        "took": duration(run["duration_s"]) if run["end_time"] else None,
        "part of": run["parent_run_id"],
        "child runs": _counted(run["children"]),
        "searches": run["searches"] or None,
        "group": run["group"],
        "host": run["host"],
        "ranks": run["ranks"] if run["ranks"] != 1 else None,
        "writers": run["writers"] if run["writers"] != 1 else None,
    }
    return {name: value for name, value in lines.items() if value is not None}


def _counted(children: Mapping[str, int]) -> str | None:
    """The child runs in a line."""
    each = ", ".join(f"{count:,} {status.lower()}" for status, count in children.items())
    return f"{sum(children.values()):,} ({each})" if children else None


def _with_few_packages(environment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The environment with its packages counted, and the well-known ones named."""
    packages = environment.get("packages")
    if not isinstance(packages, Mapping):  # another program's store may hold anything under that name
        return environment
    known = ", ".join(f"{name} {packages[name]}" for name in _WELL_KNOWN if name in packages)
    return {**environment, "packages": count_of(len(packages), "package") + (f"; {known}" if known else "")}


def _pairs(values: Mapping[str, Any], limit: int | None) -> "Table":
    from rich.table import Table

    pairs = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    pairs.add_column(style="dim")
    pairs.add_column(overflow="fold")
    for name, value in values.items():
        pairs.add_row(cell(name), cell(value, limit=limit))
    return pairs


def _print_metrics(screen: "Console", metrics: Mapping[str, Mapping[str, Any]], *, everything: bool) -> None:
    if not metrics:
        return
    own = [key for key in metrics if not key.startswith("system/")]
    names = [*own, *(key for key in metrics if key.startswith("system/"))]
    shown = names if everything else names[:_FEW_METRICS]
    rows = table("metric", "points", "last", "min", "at", "max", "at", right=("points", "last", "min", "max", "at"))
    for name in shown:
        row = metrics[name]
        points = cell(f"{row['count'] + row['nan_count']:,}")
        if row["nan_count"]:
            points.append(f" ({row['nan_count']:,} NaN)", style="yellow")
        extremes = (number(row[column]) for column in ("min", "min_step", "max", "max_step"))
        rows.add_row(cell(name, limit=60), points, number(row["last"]), *extremes)
    _print_section(screen, "metrics", rows)
    if len(shown) < len(names):
        screen.print(cell(f"… and {count_of(len(names) - len(shown), 'more metric')}; --all shows them", "dim"))


def _print_section(screen: "Console", title: str, body: "Table") -> None:
    screen.print()
    screen.print(cell(title, "bold"))
    screen.print(body)
