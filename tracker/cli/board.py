"""Board: what `steplog top` shows, kept up to date: the runs, their last values, the course of a few metrics.

The runs and what is known of their past are asked of the store when they come on the board; from then on a watcher
tells what is new. What is logged between the two may count twice in a course, which nobody can see; the last values and
the counts are asked anew whenever the runs are.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import polars as pl

from readers.store import Store
from readers.watcher import Watcher
from tracker.cli.sparks import Course
from tracker.cli.telling import telling_metrics

CHOOSE_S = 2.0
"""Seconds between two looks at which runs there are."""
RATE_S = 10.0
"""The rate is that of so many seconds."""
MOST_METRICS = 6


class Row(NamedTuple):
    """One run on the board."""

    run_id: str
    run_name: str
    experiment: str
    status: str
    start_time: datetime | None
    duration_s: float | None
    """So far, while it runs."""
    step: float | None
    """The highest of its metrics' last steps."""
    points: int
    rate: float | None
    """Points a second of late; None until that is known, and of a run that has ended."""
    last: dict[str, float]
    courses: dict[str, list[float]]


class Board:
    """The runs that are shown; `refresh` brings it up to date.

    Args:
        experiment: only this one.
        limit: so many runs, the running ones first, then the newest.
        metrics: shown of each; None chooses those that tell most.
    """

    def __init__(
        self, store: Store, *, experiment: str | None = None, limit: int = 20, metrics: Sequence[str] | None = None
    ) -> None:
        self._store = store
        self._experiment, self._limit = experiment, limit
        self._asked = list(metrics or [])
        self.metrics: list[str] = list(self._asked)
        self.counts: Counter[str] = Counter()
        """All runs of the store, by status."""
        self._watcher = Watcher(store, since="now")
        self._runs: list[dict[str, Any]] = []
        self._summaries: dict[str, list[dict[str, Any]]] = {}
        self._courses: dict[str, dict[str, Course]] = {}
        """Of each run on the board, of each metric that is shown."""
        self._arrived: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._began = time.monotonic()
        self._chosen_at = -CHOOSE_S
        self._choose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._watcher.close()

    def refresh(self) -> list[Row]:
        """The runs as of now."""
        more, changed = True, False
        while more:
            batch = self._watcher.poll()
            self._take(batch.points)
            more, changed = batch.more, changed or batch.facts.height > 0
        if changed or time.monotonic() - self._chosen_at >= CHOOSE_S:
            self._choose()
        return [self._row(run) for run in self._runs]

    def _choose(self) -> None:
        """Ask which runs there are, and what is known of those on the board."""
        runs = self._store.runs(None if self._experiment is None else [self._experiment]).collect()
        self.counts = Counter(dict(runs["status"].value_counts().iter_rows()))
        first = runs.sort([pl.col("status") == "RUNNING", "start_time"], descending=True, nulls_last=True)
        self._runs = first.head(self._limit).to_dicts()
        shown = [run["run_id"] for run in self._runs]
        summaries = self._store.summaries(runs=shown).filter(~pl.col("key").str.starts_with("system/")).collect()
        self._summaries = {run_id: [] for run_id in shown}
        for row in summaries.iter_rows(named=True):
            self._summaries[row["run_id"]].append(row)
        if not self._asked:
            counts = Counter(row["key"] for rows in self._summaries.values() for row in rows)
            self.metrics = telling_metrics(counts, MOST_METRICS)
        before = self._courses
        self._courses = {
            run_id: {key: before.get(run_id, {}).get(key) or Course() for key in self.metrics} for run_id in shown
        }
        self._read_courses([run_id for run_id in shown if before.get(run_id, {}).keys() != set(self.metrics)])
        self._chosen_at = time.monotonic()

    def _read_courses(self, runs: Collection[str]) -> None:
        """Read what was logged before a run came on the board, or before a metric was shown."""
        if not runs or not self.metrics:
            return
        points = self._store.metrics(runs=list(runs), keys=self.metrics).select("run_id", "key", "time", "value")
        courses = points.group_by("run_id", "key").agg(pl.col("value").sort_by("time")).collect()
        for run_id, key, values in courses.iter_rows():
            self._courses[run_id][key] = Course(values)

    def _take(self, points: pl.DataFrame) -> None:
        """Take in what a watcher found."""
        now = time.monotonic()
        own = points.filter(pl.col("run_id").is_in(list(self._summaries)) & ~pl.col("key").str.starts_with("system/"))
        for run_id, count in own.group_by("run_id").len().iter_rows():
            self._arrived[run_id].append((now, count))
        shown = own.filter(pl.col("key").is_in(self.metrics))
        for run_id, key, values in shown.group_by("run_id", "key", maintain_order=True).agg("value").iter_rows():
            self._courses[run_id][key].add(values)

    def _row(self, run: dict[str, Any]) -> Row:
        run_id, running = run["run_id"], run["status"] == "RUNNING"
        rows = self._summaries[run_id]
        seconds = run["duration_s"]
        if seconds is None and run["start_time"] is not None:
            seconds = (datetime.now(UTC) - run["start_time"]).total_seconds()
        steps = [row["last_step"] for row in rows if row["last_step"] is not None]
        return Row(
            run_id,
            run["run_name"] or run_id,
            run["experiment"],
            run["status"],
            run["start_time"],
            seconds,
            max(steps, default=None),
            sum(row["count"] + row["nan_count"] for row in rows),
            self._rate(run_id) if running else None,
            {row["key"]: row["last"] for row in rows if row["key"] in self.metrics},
            {key: course.means for key, course in self._courses[run_id].items()},
        )

    def _rate(self, run_id: str) -> float | None:
        """Points a second, of the last seconds."""
        now, arrived = time.monotonic(), self._arrived[run_id]
        while arrived and now - arrived[0][0] > RATE_S:
            arrived.popleft()
        seen_s = min(now - self._began, RATE_S)
        return sum(count for _, count in arrived) / seen_s if seen_s >= 1 else None
