"""What earlier imports left in a store: for each run, how far each metric was taken over, and as what.

An import writes down, as facts of the run, what identifies it at its source (kind "import") and for each metric how
many points came in and a digest of them (kind "import_series"). Both are in the batch that they tell of, so they are
there exactly when the points are.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.imports.found import Ints, Series
from readers.store import Store

if TYPE_CHECKING:
    import polars as pl

RUN, SERIES = "import", "import_series"
"""The kinds of facts."""
STATE = "state"


class Taken(NamedTuple):
    """How much of a metric is in the store."""

    points: int = 0
    digest: str = ""


class KnownRun(NamedTuple):
    """A run that was imported before, all of it or its beginning."""

    run_id: str
    experiment: str
    state: dict[str, object]
    """Empty while the run isn't in the store as a whole."""
    series: dict[str, Taken]


class Known:
    """The runs in a store, by what identifies them at their source."""

    def __init__(self, store: Store) -> None:
        self.run_ids = set(store.run_ids())
        facts = store.facts(kinds=[RUN, SERIES]).sort("time", "writer", "seq").collect()
        columns = ["run_id", "experiment", "key", "value"]
        self._ids: dict[str, str] = {}
        self._runs: dict[str, tuple[str, dict[str, object]]] = {}
        for run_id, experiment, key, value in facts.filter(kind=RUN).select(columns).iter_rows():
            if key == "identity":
                self._ids[json.loads(value)] = run_id
            before = self._runs.get(run_id, ("", {}))[1]
            self._runs[run_id] = experiment, json.loads(value) if key == STATE else before
        series = facts.filter(kind=SERIES).select("run_id", "key", "value")
        self._series: dict[str, pl.DataFrame] = {
            str(key[0]): rows for key, rows in series.partition_by("run_id", as_dict=True).items()
        }

    def find(self, identity: str) -> KnownRun | None:
        """The run, when any of it was imported before."""
        run_id = self._ids.get(identity)
        if run_id is None:
            return None
        experiment, state = self._runs[run_id]
        rows = self._series.get(run_id)
        taken: dict[str, Taken] = {}
        for key, value in () if rows is None else rows.select("key", "value").iter_rows():
            found = Taken(*json.loads(value))
            if found.points >= taken.get(key, Taken()).points:
                taken[key] = found
        return KnownRun(run_id, experiment, state, taken)


class Progress:
    """How far one metric of one run has come: skips what the store has, counts and digests what comes."""

    def __init__(self, taken: Taken) -> None:
        self.changed = False
        """Whether the source's points aren't those that were taken over before."""
        self._taken = taken
        self._points = 0
        self._digest = hashlib.blake2b(digest_size=12)

    def new(self, series: Series) -> Iterator[Series]:
        """What of the next piece isn't in the store yet."""
        size = len(series.value)
        at = min(max(0, self._taken.points - self._points), size)
        self._update(series, 0, at)
        if at and self._points == self._taken.points:
            self._check()
        if at < size and not self.changed:
            self._update(series, at, size)
            yield Series(series.key, *(None if column is None else column[at:] for column in series[1:]))  # type: ignore[arg-type]

    def end(self) -> Taken:
        """How much is in the store once what came is; checks that the source has not lost points."""
        if self._points < self._taken.points:
            self.changed = True
        return self._taken if self.changed else self.so_far()

    def so_far(self) -> Taken:
        """How much came."""
        return Taken(self._points, self._digest.copy().hexdigest())

    def _check(self) -> None:
        self.changed = self.changed or self._digest.copy().hexdigest() != self._taken.digest

    def _update(self, series: Series, start: int, stop: int) -> None:
        """Digest points: the same bytes however they were cut into pieces."""
        if stop == start:
            return
        rows = np.zeros((stop - start, 4), np.int64)
        rows[:, 0] = series.value[start:stop].view(np.int64)
        if series.step is not None:
            rows[:, 1] = series.step[start:stop].view(np.int64)
            rows[:, 2] = 1 if series.step.dtype == np.int64 else 2
        if series.time_ns is not None:
            rows[:, 3] = series.time_ns[start:stop]
        self._digest.update(rows.tobytes())
        self._points += stop - start


def times(series: Series, otherwise_ns: int) -> Ints:
    """When each point was logged."""
    return np.full(len(series.value), otherwise_ns, np.int64) if series.time_ns is None else series.time_ns
