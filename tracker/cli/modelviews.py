"""What `steplog models` shows: models, the versions of one, and all about one version."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.values import flatten
from readers.modelinfo import form_text
from readers.models import LATEST, STAGE
from tracker.cli.columns import Column, print_columns
from tracker.cli.screen import cell, count_of, moment, number, short_moment, size, table
from tracker.cli.telling import telling_metrics

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from readers.modelhistory import ModelChange
    from readers.modelinfo import ModelEntry
    from readers.modellineage import ModelLineage, Relative

_MOST_METRICS, _MOST_PARAMS, _MOST_CHANGES = 20, 40, 20
_LONGEST = 120


def print_models(screen: "Console", entries: "Sequence[ModelEntry]") -> None:
    """Print one line a model."""
    by_name: dict[str, list[ModelEntry]] = {}
    for entry in entries:
        by_name.setdefault(entry["name"], []).append(entry)
    if not by_name:
        screen.print("No models.")
        return
    groups = list(by_name.values())
    columns = [
        Column("model", [cell(name, "bold", 48) for name in by_name]),
        Column("versions", [cell(f"{len(group):,}") for group in groups], right=True),
        Column("latest", [cell(group[-1]["version"]) for group in groups], right=True),
        Column("logged", [cell(short_moment(group[-1]["time"])) for group in groups]),
        Column("class", [cell(_class(group[-1]), limit=32) for group in groups]),
        Column("aliases", [cell(_aliases(group), limit=60) for group in groups]),
    ]
    print_columns(screen, columns, always=3)


def print_versions(screen: "Console", entries: "Sequence[ModelEntry]") -> None:
    """Print one line a version of a model."""
    counts = Counter(key for entry in entries for key in entry["metrics"])
    columns = [
        Column("version", [cell(entry["version"], "bold") for entry in entries], right=True),
        Column("aliases", [cell(", ".join(entry["aliases"]), limit=32) for entry in entries]),
        Column("stage", [cell(entry["tags"].get(STAGE, ""), limit=16) for entry in entries]),
        Column("logged", [cell(short_moment(entry["time"])) for entry in entries]),
        Column("class", [cell(_class(entry), limit=32) for entry in entries]),
        Column("size", [cell(size(entry["size"])) for entry in entries], right=True),
        *(
            Column(name, [number(entry["metrics"].get(name)) for entry in entries], right=True)
            for name in telling_metrics(counts, _MOST_METRICS)
        ),
        Column("inputs", [cell(form_text((entry["signature"] or {}).get("inputs"), 3), limit=40) for entry in entries]),
        Column("run", [cell(entry["run_id"], "dim") for entry in entries]),
    ]
    print_columns(screen, columns, always=4)


def print_lineage(screen: "Console", lineage: "ModelLineage", history: "Sequence[ModelChange]") -> None:
    """Print all about one version."""
    model = lineage["model"]
    called = ", ".join(model["aliases"])
    screen.print(cell(f"{lineage['name']} version {lineage['version']}", "bold"), cell(f"  {called}", "green"), sep="")
    screen.print(_pairs(_headline(lineage)))
    counts = dict.fromkeys(model["metrics"], 1)
    metrics = {name: number(model["metrics"][name]) for name in telling_metrics(counts, _MOST_METRICS)}
    for title, values in (
        ("tags", model["tags"]),
        ("metrics when it was saved", metrics),
        ("params", dict(list(model["params"].items())[:_MOST_PARAMS])),
        ("data", lineage["data"] or {}),
        ("code", lineage["code"] or {}),
        ("packages", lineage["packages"]),
        ("metadata", flatten(model["metadata"]) if isinstance(model["metadata"], Mapping) else {}),
    ):
        if values:
            screen.print()
            screen.print(cell(title, "bold"))
            screen.print(_pairs({name: value for name, value in values.items() if value is not None}))
    _print_history(screen, history)


def _headline(lineage: "ModelLineage") -> dict[str, Any]:
    model, run = lineage["model"], lineage["run"]
    signature = model["signature"] or {}
    return {
        "class": model["class_name"],
        "format": model["format"] + (f", needs trust: {', '.join(model['untrusted'])}" if model["untrusted"] else ""),
        "size": size(model["size"]),
        "sha256": model["sha256"],
        "logged": moment(model["time"]),
        "run": f"{run['run_name'] or run['run_id']} ({run['run_id']}), {run['status'].lower()}" if run else "not here",
        "experiment": model["experiment"],
        "inputs": form_text(signature.get("inputs")) or None,
        "outputs": form_text(signature.get("outputs")) or None,
        "made from": _relatives(lineage["parents"]),
        "parent of": _relatives(lineage["children"]),
    }


def _print_history(screen: "Console", history: "Sequence[ModelChange]") -> None:
    shown = history[-_MOST_CHANGES:]
    if not shown:
        return
    screen.print()
    screen.print(cell("history", "bold"))
    rows = table("when", "what", "by")
    for change in shown:
        rows.add_row(cell(moment(change["time"])), cell(_told(change), limit=80), cell(change["by"], "dim", 40))
    screen.print(rows)
    if len(shown) < len(history):
        screen.print(cell(f"… and {count_of(len(history) - len(shown), 'older change')}; --json has all", "dim"))


def _told(change: "ModelChange") -> str:
    if change["what"] == "alias":
        before = "" if change["before"] is None else f", before version {change['before']}"
        if change["version"] is None:
            return f"alias {change['key']} taken away{before}"
        return f"alias {change['key']} set to version {change['version']}{before}"
    if change["what"] == "tag":
        gone = change["value"] is None
        return f"tag {change['key']} " + ("taken away" if gone else f"= {change['value']}")
    return str(change["what"])


def _relatives(relatives: "Sequence[Relative]") -> str | None:
    few = [f"{one['name']} {one['version']}" + (" (deleted)" if one["deleted"] else "") for one in relatives[:6]]
    more = [f"and {len(relatives) - 6} more"] if len(relatives) > 6 else []
    return ", ".join(few + more) or None


def _aliases(entries: "Sequence[ModelEntry]") -> str:
    """What the versions are called, the newest first."""
    named = [(alias, entry["version"]) for entry in reversed(entries) for alias in entry["aliases"]]
    return ", ".join(f"{alias} {version}" for alias, version in named) or f"{LATEST} {entries[-1]['version']}"


def _class(entry: "ModelEntry") -> str:
    return entry["class_name"].rpartition(".")[2]


def _pairs(values: Mapping[str, Any]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    pairs = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    pairs.add_column(style="dim")
    pairs.add_column(overflow="fold")
    for name, value in values.items():
        if value is not None:
            pairs.add_row(cell(name, limit=60), value if isinstance(value, Text) else cell(value, limit=_LONGEST))
    return pairs
