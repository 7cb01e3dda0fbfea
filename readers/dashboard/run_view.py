"""RunView: everything about one run but its points, for the run's page.

What people log is hostile or just large: each text is cut to `LONGEST_TEXT` characters and says by `length` how long it
is; `whole_value` gives all of it. Lists are cut to `MOST_ROWS` rows, checkpoints to the last `MOST_CHECKPOINTS`, and
`truncated` says how many there are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ingest.control import is_stop_requested
from ingest.errors import LookupFailed, SegmentCorrupt
from ingest.jsontext import from_json
from readers.best import direction
from readers.checkpoints import Checkpoint, list_checkpoints
from readers.dashboard.artifacts import Artifact, listed
from readers.dashboard.rank_table import rank_table
from readers.dashboard.store_view import StoreView, no_run
from readers.models import STAGE, Models
from readers.params import flat, latest
from readers.runtable import RunTable
from readers.texts import parsed, plain_texts

LONGEST_TEXT = 4_096
MOST_ROWS = 20_000
MOST_EVENTS = 500
MOST_CHECKPOINTS = 500
LONGEST_NAME = 1_000
_LONGEST_EVENT = 300
_MANY_ROWS = 1_000
_MOST_STAGES = 500
_STATISTICS = ("count", "nan_count", "last", "last_step", "min", "min_step", "max", "max_step", "mean", "std")
_DIFF = "environment/git.diff"
_SILENT = ("param", "tag", "env")
"""Kinds of facts that have a place of their own on the page, and aren't events."""
Answer = dict[str, Any]


def run_page(view: StoreView, run_id: str, step_time: str | None = None) -> Answer:
    """Everything about a run.

    Args:
        step_time: of several ranks, the metric by which they are compared (see rank_table).

    Raises: RunNotFound.
    """
    moment = view.now()
    found = moment.table.runs.filter(pl.col("run_id") == run_id)
    if found.is_empty():
        raise no_run(run_id, moment.table)
    run = found.row(0, named=True)
    run["run_name"] = (run["run_name"] or run_id)[:LONGEST_NAME]
    facts = facts_of(view, run_id, run["experiment"])
    tags = _named_values(facts, "tag")
    environment = _last(facts, "env")
    metrics = _metrics(view, run_id)
    artifacts = listed(facts)
    checkpoints = _checkpoints(view, run_id)
    return {
        "run": run,
        "params": _named_values(facts, "param"),
        "tags": [tag for tag in tags if tag["name"] != "note"],
        "note": next((tag["value"] for tag in tags if tag["name"] == "note"), None),
        "environment": _environment(environment),
        "packages": _packages(environment.get("packages")),
        "git": _git(environment, artifacts),
        "metrics": metrics[:MOST_ROWS],
        "artifacts": [artifact.told() for artifact in artifacts[:MOST_ROWS]],
        "models": _models(view, facts),
        "checkpoints": [_checkpoint(one) for one in checkpoints[-MOST_CHECKPOINTS:]],
        "events": _events(facts),
        "children": _children(moment.table, run_id),
        "ranks": rank_table(view, run_id, step_time) if (run["ranks"] or 0) > 1 else None,
        "should_stop": run["status"] == "RUNNING" and is_stop_requested(view.store.layout, run_id),
        "truncated": _truncated(
            metrics=(len(metrics), MOST_ROWS),
            artifacts=(len(artifacts), MOST_ROWS),
            checkpoints=(len(checkpoints), MOST_CHECKPOINTS),
        ),
    }


def whole_value(view: StoreView, run_id: str, kind: str, name: str) -> Answer:
    """A param's, tag's or environment entry's whole text. Raises: RunNotFound, LookupFailed."""
    runs = view.now().table
    found = runs.runs.filter(pl.col("run_id") == run_id)
    if found.is_empty():
        raise no_run(run_id, runs)
    if kind not in _SILENT:
        raise LookupFailed.among("kind", kind[:80], _SILENT)
    facts = facts_of(view, run_id, found["experiment"][0])
    values = flat(latest(facts.filter(kind=kind)))
    named = values.filter(pl.col("key") == name)
    if named.is_empty():
        raise LookupFailed.among(kind, name[:200], values["key"].head(1000))
    return {"kind": kind, "name": name, "value": named["text"][0]}


def facts_of(view: StoreView, run_id: str, experiment: str) -> pl.DataFrame:
    """A run's facts in the order in which they were logged."""
    columns = ["run_id", "experiment", "writer", "seq", "time", "kind", "key", "value"]
    facts = view.tables.frame("facts", columns, pl.col("run_id") == run_id, experiments=[experiment])
    return facts.sort("time", "writer", "seq", maintain_order=True)


def cut(text: str, longest: int = LONGEST_TEXT) -> Answer:
    """A text that fits: {"value": ...}, with its "length" where it was cut."""
    if len(text) <= longest:
        return {"value": text}
    return {"value": text[:longest], "length": len(text)}


def _named_values(facts: pl.DataFrame, kind: str) -> list[Answer]:
    """Params or tags, each with its text and number."""
    rows = flat(latest(facts.filter(kind=kind))).sort("key").head(MOST_ROWS)
    longest = LONGEST_TEXT if rows.height <= _MANY_ROWS else _LONGEST_EVENT
    return [
        {"name": name[:LONGEST_NAME], **cut(text or "", longest), "number": number}
        for name, text, number in rows.select("key", "text", "number").iter_rows()
    ]


def _last(facts: pl.DataFrame, kind: str) -> dict[str, object]:
    rows = latest(facts.filter(kind=kind)).select("key", "value")
    return {key: parsed(value) for key, value in rows.iter_rows()}


def _environment(found: Mapping[str, object]) -> list[Answer]:
    return [
        {"name": name[:LONGEST_NAME], **cut(_text(value))}
        for name, value in sorted(found.items())
        if not name.startswith("git.") and name != "packages"
    ]


def _packages(found: object) -> list[Answer]:
    """Each installed package with its version."""
    if not isinstance(found, Mapping):  # another program's store may hold anything under that name
        return []
    rows = sorted((str(name), str(version)) for name, version in found.items())
    return [{"name": name[:200], "version": version[:200]} for name, version in rows[:MOST_ROWS]]


def _git(found: Mapping[str, object], artifacts: Sequence[Artifact]) -> Answer | None:
    """The state of the code; `diff_artifact` is the index of the artifact that has the uncommitted changes."""
    git: Answer = {name: found.get(f"git.{name}") for name in ("commit", "branch", "dirty", "remote")}
    if all(value is None for value in git.values()):
        return None
    diff = next((artifact.place for artifact in artifacts if artifact.path == _DIFF), None)
    return {name: _text(value)[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in git.items()} | {
        "diff_artifact": diff
    }


def _metrics(view: StoreView, run_id: str) -> list[Answer]:
    rows = view.now().table.summaries.filter(pl.col("run_id") == run_id).sort("key")
    return [
        {
            "key": row["key"][:LONGEST_NAME],
            **{name: row[name] for name in _STATISTICS},
            "direction": direction(row["key"]),
            "system": row["key"].startswith("system/"),
        }
        for row in rows.select("key", *_STATISTICS).iter_rows(named=True)
    ]


def _models(view: StoreView, facts: pl.DataFrame) -> list[Answer]:
    """The versions that the run logged, with what they are called now."""
    deleted = set(facts.filter(kind="model_deleted")["key"])
    rows = facts.filter(kind="model").select("key", "value", "time").tail(MOST_ROWS).iter_rows()
    found = [{"name": name[:LONGEST_NAME], **_object(value), "time": time} for name, value, time in rows]
    for name in {str(model["name"]) for model in found}:
        said = _said(view, name)
        for model in found:
            version = model.get("version")
            if model["name"] == name and isinstance(version, int):
                model.update(said.get(version, {}))
                model.update({"deleted": True} if f"{name}@{version}" in deleted else {})
    return found


def _said(view: StoreView, name: str) -> dict[int, Answer]:
    """The aliases and the stage of a model's versions, of those that have some."""
    models = Models(view.store.layout)
    said: dict[int, Answer] = {}
    try:
        for alias, version in models.aliases(name).items():
            said.setdefault(version, {}).setdefault("aliases", []).append(alias[:LONGEST_NAME])
        for version in sorted(models.tagged(name))[-_MOST_STAGES:]:
            stage = models.tags(name, version).get(STAGE)
            if stage is not None:
                said.setdefault(version, {})["stage"] = str(stage)[:LONGEST_NAME]
    except (OSError, ValueError):  # a foreign store's facts may hold any name
        return {}
    return said


def _checkpoints(view: StoreView, run_id: str) -> list[Checkpoint]:
    """The run's checkpoints that are there, the last one last; they are listed, never opened."""
    try:
        return list_checkpoints(view.store.layout, run_id)
    except (OSError, SegmentCorrupt):
        return []


def _checkpoint(one: Checkpoint) -> Answer:
    return {
        "number": one.number,
        "step": one.step,
        "metrics": one.metrics,
        "size": one.size,
        "time": one.time,
        "untrusted": [name[:200] for name in one.untrusted[:20]],
    }


def _events(facts: pl.DataFrame) -> list[Answer]:
    """What happened to the run, the last `MOST_EVENTS`."""
    shown = facts.filter(~pl.col("kind").is_in(["env"])).tail(MOST_EVENTS)
    shown = shown.with_columns(plain_texts(shown["value"]).alias("text"))
    rows = shown.select("time", "kind", "key", "text").iter_rows()
    return [
        {"time": time, "kind": kind, "key": key[:LONGEST_NAME], "value": (text or "")[:_LONGEST_EVENT]}
        for time, kind, key, text in rows
    ]


def _children(table: RunTable, run_id: str) -> list[Answer]:
    rows = table.runs.filter(pl.col("parent_run_id") == run_id).head(MOST_ROWS)
    named = rows.select("run_id", pl.coalesce("run_name", "run_id").alias("run_name"), "status")
    return named.to_dicts()


def _object(text: str) -> Answer:
    """What a fact says of itself; nothing when it isn't an object."""
    try:
        found = from_json(text)
    except ValueError:
        return {}
    if not isinstance(found, Mapping):
        return {}
    return {str(name): value if not isinstance(value, str) else value[:LONGEST_TEXT] for name, value in found.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(parsed(str(value)))


def _truncated(**counts: tuple[int, int]) -> Answer | None:
    """How many there are of what isn't listed whole, of (how many there are, the most that are listed)."""
    return {name: count for name, (count, most) in counts.items() if count > most} or None
