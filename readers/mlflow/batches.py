"""Batches: rows of a store as what a server takes in one request each.

A request is for one run and stays within MLflow's limits: 1,000 metrics, 100 params, 100 tags, a megabyte. What MLflow
has no place for is written thus:

    step            none: 0, as MLflow's own client does; no whole number: rounded down
    time            milliseconds; points that would become one are told apart by a millisecond (see moments)
    param           text as it is, anything else as JSON; nested ones under dotted names (see values)
    a changed param the tag `steplog.param.<name>`, as a param never changes there (the forwarder tells which)
    long values     cut, with a note of how long they were
    model           its files under models/<name>/<version>, what is known of it as the tag `steplog.model.<name>`
    infinity        the largest float, by the server itself
"""

import json
import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import polars as pl

from ingest.jsontext import REMOVED
from readers.mlflow.moments import Moments
from readers.mlflow.names import MAX_NAME, PREFIX, is_cut, metric_name, name_hash, tag_name
from readers.mlflow.target import Point
from readers.mlflow.values import MAX_TAG, cut, exact, param_texts, text_of
from readers.texts import parsed, storable

MAX_POINTS, MAX_VALUES = 1000, 100
MAX_BYTES = 400_000
_POINT_BYTES = 110
_LOWEST_STEP, _HIGHEST_STEP = -(2**63), 2**63 - 1


class Request(NamedTuple):
    """What goes to one run in one request."""

    run_id: str
    points: tuple[Point, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str | None], ...] = ()
    """None takes a tag away."""

    @property
    def size(self) -> int:
        """How many records it has."""
        return len(self.points) + len(self.params) + len(self.tags)

    def halves(self) -> "tuple[Request, Request]":
        """The same in two; it has at least two records."""
        if self.points and (self.params or self.tags):
            return Request(self.run_id, params=self.params, tags=self.tags), Request(self.run_id, self.points)
        if self.params and self.tags:
            return Request(self.run_id, params=self.params), Request(self.run_id, tags=self.tags)
        first, second = (
            Request(self.run_id, self.points[half], self.params[half], self.tags[half])
            for half in (slice(0, self.size // 2), slice(self.size // 2, None))
        )
        return first, second


class Upload(NamedTuple):
    """A file that goes to a run's artifacts."""

    run_id: str
    source: str
    """Below the store's folder."""
    folder: str


class Start(NamedTuple):
    """What a run's first "run" facts say."""

    experiment: str
    name: str
    start_ms: int
    parent: str | None
    group: str | None


Work = Request | Upload


def point_requests(points: pl.DataFrame, moments: Moments) -> Iterator[Request]:
    """A batch's points, run by run; each run's in their order."""
    for (run_id,), rows in points.group_by("run_id", maintain_order=True):
        yield from _chunks(str(run_id), rows, moments)


def _chunks(run_id: str, rows: pl.DataFrame, moments: Moments) -> Iterator[Request]:
    names: dict[str, tuple[str, int]] = {}
    found: list[Point] = []
    size = 0
    times = rows["time"].dt.timestamp("ms")
    columns = (rows[name] for name in ("key", "step", "step_float", "value"))
    for time_ms, key, step, step_float, value in zip(times, *columns, strict=True):
        written = names.get(key)
        if written is None:
            name = metric_name(key)
            written = names[key] = name, _POINT_BYTES + _bytes(name)
            if is_cut(key):
                yield Request(run_id, tags=(_whole_name(key),))
        if found and (len(found) >= MAX_POINTS or size + written[1] > MAX_BYTES):
            yield Request(run_id, tuple(found))
            found, size = [], 0
        at = step if step is not None else _whole_step(step_float)
        found.append(Point(written[0], value, moments.free(run_id, written[0], max(0, time_ms), at, value), at))
        size += written[1]
    if found:
        yield Request(run_id, tuple(found))


def fact_work(facts: pl.DataFrame) -> Iterator[Work]:
    """A batch's facts, in their order; those of kinds that a server has no place for are left out."""
    waiting: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str | None]]]] = {}
    for run_id, kind, key, value in facts.select("run_id", "kind", "key", "value").iter_rows():
        params, tags = waiting.setdefault(run_id, ([], []))
        if kind == "param":
            params += param_texts(key, parsed(value))
            tags += exact("param", metric_name(key), value)
            tags += [_whole_name(key)] if is_cut(key) else []
        elif kind == "tag":
            tags.append((tag_name(key), None if value == REMOVED else text_of(parsed(value), "tag")))
            tags += exact("tag", tag_name(key), value)
        elif kind == "artifact":
            folder = str(PurePosixPath(key).parent)
            yield Upload(run_id, f"artifacts/{run_id}/{key}", "" if folder == "." else folder)
        elif kind == "model":
            about = parsed(value)
            if isinstance(about, dict):
                name = f"{PREFIX}model.{metric_name(key)}"[:MAX_NAME]
                tags.append((name, cut(json.dumps(about), MAX_TAG)))
                yield Upload(run_id, str(about.get("path", "")), f"models/{key}/{about.get('version')}")
    for run_id, (params, tags) in waiting.items():
        for some in _fitting(params):
            yield Request(run_id, params=tuple(some))
        for some in _fitting(tags):
            yield Request(run_id, tags=tuple(some))


def starts(facts: pl.DataFrame) -> dict[str, Start]:
    """What is said of each run that a writer attached to; its first attachment counts."""
    of_runs = facts.filter(pl.col("kind") == "run")
    found: dict[str, Start] = {}
    for (run_id, _, _), rows in of_runs.group_by("run_id", "writer", "seq", maintain_order=True):
        said: dict[str, Any] = dict(zip(rows["key"], map(parsed, rows["value"]), strict=True))
        experiment = str(said.get("experiment") or rows["experiment"][0])
        start_ms = int(rows["time"].dt.timestamp("ms")[0])
        start = Start(experiment, str(said.get("run_name") or run_id), start_ms, *_optional(said))
        found.setdefault(str(run_id), start)
    return found


def _optional(said: dict[str, Any]) -> tuple[str | None, str | None]:
    parent, group = (said.get(name) for name in ("parent_run_id", "group"))
    return None if parent is None else str(parent), None if group is None else str(group)


def _whole_name(key: str) -> tuple[str, str]:
    return f"{PREFIX}name.{name_hash(key)}", cut(storable(key), MAX_TAG)


def _whole_step(step: float | None) -> int:
    if step is None:
        return 0
    if not math.isfinite(step):
        return _HIGHEST_STEP if step > 0 else _LOWEST_STEP
    return max(_LOWEST_STEP, min(_HIGHEST_STEP, math.floor(step)))


def _fitting(items: list[Any]) -> Iterator[list[Any]]:
    """Items by as many as a request may have; a name twice is in two requests, as its order counts."""
    found: dict[str, Any] = {}
    size = 0
    for item in items:
        more = _bytes(item[0]) + _bytes(item[1] or "") + 32
        if found and (len(found) >= MAX_VALUES or size + more > MAX_BYTES or item[0] in found):
            yield list(found.values())
            found, size = {}, 0
        found[item[0]] = item
        size += more
    if found:
        yield list(found.values())


def _bytes(text: str) -> int:
    """How long a text is in a request, where all but ASCII is escaped."""
    return len(text) if text.isascii() else len(json.dumps(text))
