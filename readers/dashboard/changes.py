"""Changes: what happened to runs since the last message about them, as cells of the table of runs.

A run's start, end, status, tags and params are facts, and its last metric values are in the points, so all are picked
from what the hub's watcher brings (for lives see there).
"""

import json
import time
from collections.abc import Callable, Collection
from typing import Any

import msgspec
import polars as pl

from ingest.control import KIND as CONTROL
from ingest.jsontext import REMOVED
from readers.best import headline
from readers.dashboard.jsonform import plain
from readers.dashboard.lives import RunLives
from readers.params import flat
from readers.store import Store

EVERY_S = 1.0
"""Seconds between two messages, at least."""
MOST_RUNS = 500
"""Runs in one message; the others are in the next."""
MOST_METRICS = 20
"""Metrics of a run in one message: the one that speaks for it, then the first by name."""
LONGEST_CELL = 256
_OF_LIFE = ("run_name", "experiment", "status", "start_time", "end_time", "duration_s", "parent_run_id", "group")
_encode = msgspec.json.Encoder().encode


class Changes:
    """Gathers changes, and gives them out as one message a second. The hub's thread."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[str, dict[str, Any]] = {}
        self._lives = RunLives(store)
        self._due = 0.0

    @property
    def running(self) -> frozenset[str]:
        """The runs that run, as of the last message."""
        return self._lives.running

    def begin(self) -> None:
        """Learn which runs are running now."""
        self._lives.begin()
        self._pending.clear()

    def note(self, points: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Take what is new."""
        self._lives.note(points, facts)
        if facts.height:
            self._note_facts(facts)
        if points.height:
            self._note_points(points)

    def message(self) -> str | None:
        """What changed, if it is time to say so; None if not, or if nothing did."""
        now = self._clock()
        if now < self._due:
            return None
        self._due = now + EVERY_S
        for run_id, life in self._lives.look().items():
            self._cells(run_id).update(_life(life))
        return self._told(list(self._pending)[:MOST_RUNS])

    def since(self, at: float, facts: pl.DataFrame) -> str | None:
        """A message for one who was away since a moment: what the facts since then say, and the lives of then and now.

        Args:
            at: seconds since 1970.
        """
        other = Changes(self._store, self._clock)
        began = pl.lit(int(at * 1e6)).cast(pl.Datetime("us", "UTC"))
        recent = (pl.col("start_time") >= began) | (pl.col("end_time") >= began) | (pl.col("status") == "RUNNING")
        rows = self._store.runs().filter(recent).collect()
        if facts.height:
            other._note_facts(facts)
        for row in rows.iter_rows(named=True):
            other._pending.setdefault(row["run_id"], {}).update(_life(row))
        return other._told(list(other._pending)[:MOST_RUNS])

    def _note_facts(self, facts: pl.DataFrame) -> None:
        for run_id in facts.filter(kind=CONTROL, key="stop")["run_id"].unique():
            self._cells(run_id)["should_stop"] = True
        for kind, column in (("tag", "tags"), ("param", "params")):
            rows = facts.filter(pl.col("kind") == kind).unique(["run_id", "key"], keep="last", maintain_order=True)
            if rows.height:
                self._note_values(rows.select("run_id", "experiment", "key", "value"), column)

    def _note_values(self, rows: pl.DataFrame, column: str) -> None:
        removed = rows["value"] == REMOVED
        for run_id, key in rows.filter(removed).select("run_id", "key").iter_rows():
            self._cells(run_id)[f"{column}.{key}"] = None
        told = flat(rows.filter(~removed)).select("run_id", "key", "value", "number", "text")
        for run_id, key, value, number, text in told.iter_rows():
            self._cells(run_id)[f"{column}.{key}"] = _cell(value, number, text)

    def _note_points(self, points: pl.DataFrame) -> None:
        own = points.filter(~pl.col("key").str.starts_with("system/"))
        last = own.group_by("run_id", "key", maintain_order=True).agg(pl.col("value").last())
        found: dict[str, dict[str, float]] = {}
        for run_id, key, value in last.iter_rows():
            found.setdefault(run_id, {})[key] = value
        for run_id, values in found.items():
            cells = self._cells(run_id)
            for key in _telling(values):
                cells[f"metrics.{key}"] = values[key]

    def _cells(self, run_id: str) -> dict[str, Any]:
        return self._pending.setdefault(run_id, {})

    def _told(self, run_ids: Collection[str]) -> str | None:
        """The message about some runs, which are not pending any more."""
        if not run_ids:
            return None
        changed = [{"run_id": run_id, **self._pending.pop(run_id)} for run_id in run_ids]
        return _encode({"type": "runs", "changed": plain(changed)}).decode()


def _life(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _OF_LIFE}


def _telling(values: dict[str, float]) -> list[str]:
    """Which metrics of a run go out."""
    if len(values) <= MOST_METRICS:
        return list(values)
    first = headline(dict.fromkeys(values, 1))
    return sorted(values, key=lambda key: (key != first, key))[:MOST_METRICS]


def _cell(value: str, number: float | None, text: str) -> object:
    """A param or tag as a cell: a boolean, a number, or text."""
    if value in ("true", "false"):
        return json.loads(value)
    if number is not None:
        return int(number) if number == number // 1 and abs(number) < 2**53 else number
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
