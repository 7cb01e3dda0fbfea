"""Lives: what became of runs since the hub began to look, without reading the store again.

The facts that the watcher brings are kept for the runs that run, and folded as readers.runs folds those of a store. A
writer counts as dead when it was found so at two looks: what it wrote before it died has come by the second. What isn't
known from here (a run of before that is resumed) is read from the store.
"""

from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.alive import is_alive
from ingest.catalog import live_writers
from readers.batch import FACTS
from readers.runs import COLUMNS, Lives
from readers.store import Store

MOST_KEPT = 1_000
"""Runs that have ended are forgotten when there are more."""
_KINDS = ["run", "end", "status"]
Life = dict[str, Any]
"""A row of readers.runs."""


class RunLives:
    """The lives of the runs that run, or ran a moment ago. One thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts = FACTS.to_frame().select(COLUMNS)
        self._elsewhere: set[str] = set()
        """Runs whose facts are in the store only."""
        self._unread: set[str] = set()
        self._seen: dict[str, Any] = {}
        """Run -> time of the last that was seen of it."""
        self._alive: frozenset[str] = frozenset()
        self._counted: frozenset[str] = frozenset()
        """The writers that counted as alive when runs were folded last."""
        self._lives: dict[str, Life] = {}
        self.running: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Learn what is running now."""
        self._alive = self._counted = self._now_alive()
        rows = self._store.runs().collect()
        running = rows.filter(status="RUNNING")
        self._lives = {row["run_id"]: row for row in running.iter_rows(named=True)}
        self._elsewhere = set(rows["run_id"]) - self._lives.keys()
        self._facts = self._read_facts(running["run_id"].to_list())
        self._unread.clear()
        self._seen.clear()
        self._note_running()

    def note(self, points: pl.DataFrame, facts: pl.DataFrame) -> None:
        """Take what is new."""
        theirs = ~pl.col("kind").is_in(["tag", "control"]) | pl.col("writer").is_in(
            self._facts["writer"].unique().implode()
        )
        for rows in (points, facts.filter(theirs)):  # edits from outside are no sign of life
            for run_id, at in rows.group_by("run_id").agg(pl.col("time").max()).iter_rows() if rows.height else ():
                self._seen[run_id] = max(at, self._seen.get(run_id, at))
                if run_id in self._lives and self._lives[run_id]["status"] == "INTERRUPTED":
                    self._unread.add(run_id)  # more of it has come; so its end is later
        lived = facts.filter(pl.col("kind").is_in(_KINDS)).select(COLUMNS)
        if lived.is_empty():
            return
        touched = set(lived["run_id"])
        self._unread |= touched
        back = touched & self._elsewhere
        if back:
            lived = lived.filter(~pl.col("run_id").is_in(list(back)))
            self._elsewhere -= back
            self._facts = pl.concat([self._facts, self._read_facts(sorted(back))])
        self._facts = pl.concat([self._facts, lived])

    def look(self) -> dict[str, Life]:
        """The runs whose lives changed since the last look, with what they are now."""
        before, self._alive = self._alive, self._now_alive()
        counted = self._alive | before
        if counted == self._counted and not self._unread:
            return {}
        self._counted = counted
        wanted = self._unread.union(self.running)
        self._unread = set()
        changed = {row["run_id"]: row for row in self._folded(wanted, counted) if row != self._lives.get(row["run_id"])}
        self._lives.update(changed)
        self._note_running()
        if len(self._lives) - len(self.running) > MOST_KEPT:
            self._forget()
        return changed

    def _folded(self, run_ids: Iterable[str], alive: Iterable[str]) -> list[Life]:
        facts = self._facts.filter(pl.col("run_id").is_in(list(run_ids)))
        rows = list(Lives.of(facts).fold(list(alive)).iter_rows(named=True)) if facts.height else []
        for row in rows:
            if row["end_time"] is None and row["status"] != "RUNNING":  # it died: its end is the last seen of it
                row["end_time"] = self._seen.get(row["run_id"]) or self._last_seen(row["run_id"])
                if row["end_time"] is not None and row["start_time"] is not None:
                    row["duration_s"] = (row["end_time"] - row["start_time"]).total_seconds()
        return rows

    def _last_seen(self, run_id: str) -> Any:
        found = self._store.find_run(run_id)
        return None if found is None else found["end_time"]

    def _read_facts(self, run_ids: list[str]) -> pl.DataFrame:
        return self._store.facts(_KINDS, run_ids).select(COLUMNS).collect()

    def _note_running(self) -> None:
        self.running = frozenset(run_id for run_id, life in self._lives.items() if life["status"] == "RUNNING")

    def _forget(self) -> None:
        """Keep only what is known of those who run."""
        self._elsewhere |= self._lives.keys() - self.running
        self._lives = {run_id: self._lives[run_id] for run_id in self.running}
        self._seen = {run_id: time for run_id, time in self._seen.items() if run_id in self.running}
        self._facts = self._facts.filter(pl.col("run_id").is_in(list(self.running)))

    def _now_alive(self) -> frozenset[str]:
        return frozenset(folder.name for folder in live_writers(self._store.layout) if is_alive(folder))
