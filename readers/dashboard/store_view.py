"""StoreView: a store's runs as of now, kept in memory for as long as they are right.

Argument. Sealed parts never change and their names hold their checksums, so as long as the catalog lists the same parts
and the same live segments, and the same writers live, a reading of sealed parts alone stays right. While a writer lives
its queue file grows under one name; then a reading counts for `LAG_S` and is done anew by the next request. The state
is taken before the reading, so what changes during it makes the next request read again. Readings are done by one
thread at a time: who comes meanwhile waits for that one and takes its answer.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import polars as pl

from ingest.alive import is_alive
from ingest.catalog import live_writers
from ingest.errors import ExperimentNotFound, LookupFailed, RunNotFound
from ingest.layout import Layout
from readers.dashboard.growing import GrowingRows
from readers.params import latest, read_flat
from readers.runs import read_runs
from readers.runtable import RunTable
from readers.scan import Tables
from readers.store import Store
from readers.summaries import read_summaries

LAG_S = 0.4
"""How old a running run's values may be; with the reading itself half a second."""
LONGEST_TEXT = 4_096
"""Bytes kept of a param's or tag's text; the whole is asked for by its name."""
_FACTS = ["run_id", "experiment", "writer", "seq", "time", "key", "value"]
_LISTED = 5


class Moment(NamedTuple):
    """The store as of one reading."""

    tag: str
    """Names the reading: the same state of the store, the same tag."""
    table: RunTable
    """All runs, first started first; params, tags and summaries are read."""
    read_at: float


class GrowingTables(Tables):
    """The tables of a store, in which live segments are decoded as they grow, for points too: see `growing`."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.growing = GrowingRows(layout)
        self._live = self.growing


class ViewedStore(Store):
    """A store whose tables are those of a view."""

    @cached_property
    def _tables(self) -> GrowingTables:
        return GrowingTables(self.layout)

    @property
    def tables(self) -> GrowingTables:
        """The tables of which all answers come. Not of metrics: what isn't sealed of these, only `Points` has."""
        return self._tables


class StoreView:
    """What requests ask of a store. Any thread."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = ViewedStore(store.layout.place)
        self.tables = self.store.tables
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[str, bool, Moment] | None = None
        self._readings = 0

    def now(self) -> Moment:
        """The store as of now, or of at most `LAG_S` ago."""
        kept = self._still_right()
        if kept is not None:
            return kept
        with self._lock:
            kept = self._still_right()
            return self._read() if kept is None else kept

    def state(self) -> tuple[str, bool]:
        """What tells that nothing was sealed, begun or ended since; and whether anybody is writing."""
        digest = hashlib.blake2b(digest_size=12)
        writing = False
        for folder in sorted(live_writers(self.store.layout)):
            alive = is_alive(folder)
            writing |= alive
            digest.update(f"{folder.name}\0{alive}\0".encode(errors="surrogateescape"))
        for table in ("facts", "summaries", "metrics"):
            shot = self.tables.snapshot(table)
            for name in sorted(f"{part.experiment}/{part.path.name}" for part in shot.parts):
                digest.update(name.encode(errors="replace"))
            for segment in shot.live:
                digest.update(f"{segment.writer}\0{segment.number}\0".encode(errors="surrogateescape"))
        return digest.hexdigest(), writing

    def these(self, run_ids: Sequence[str]) -> RunTable:
        """Some runs, each once, in this order. Raises: RunNotFound."""
        wanted = pl.DataFrame({"run_id": list(dict.fromkeys(run_ids))}, {"run_id": pl.String()})
        table = self.now().table
        found = wanted.join(table.runs, on="run_id", how="left", maintain_order="left")
        missing = wanted.join(table.runs, on="run_id", how="anti", maintain_order="left")
        if missing.height:
            raise no_run(missing["run_id"][0], table)
        return self.subset(table, found.select(table.runs.columns))

    def experiment(self, name: str) -> RunTable:
        """The runs of an experiment and of those below it ("a" means a/b too). Raises: ExperimentNotFound."""
        table = self.now().table
        return self.subset(table, below(table, name))

    def subset(self, table: RunTable, runs: pl.DataFrame) -> RunTable:
        """Some of a reading's runs as a table of their own."""
        ids = runs.select("run_id")

        def of(rows: pl.DataFrame) -> pl.DataFrame:
            return rows.join(ids, on="run_id", how="semi")

        return RunTable(
            runs,
            params=lambda: of(table.params),
            tags=lambda: of(table.tags),
            summaries=lambda keys: (
                of(table.summaries) if keys is None else of(table.summaries.filter(pl.col("key").is_in(list(keys))))
            ),
            logged=lambda kind, run_ids: self.logged(kind, ids["run_id"].to_list() if run_ids is None else run_ids),
        )

    def logged(self, kind: str, run_ids: Sequence[str]) -> pl.DataFrame:
        """Of facts of a kind the last under each key of these runs: see readers.params.latest."""
        wanted = (pl.col("kind") == kind) & pl.col("run_id").is_in(list(run_ids))
        return latest(self.tables.frame("facts", _FACTS, wanted))

    def _still_right(self) -> Moment | None:
        last = self._last
        if last is None:
            return None
        state, writing = self.state()
        young = self._clock() - last[2].read_at <= LAG_S
        return last[2] if state == last[0] and (young or not (writing or last[1])) else None

    def _read(self) -> Moment:
        read_at = self._clock()
        state, writing = self.state()
        last = self._last
        only_grown = writing and last is not None and last[0] == state
        table = self._renewed(last[2].table) if only_grown and last is not None else self._whole()
        self._readings += 1
        moment = Moment(f"{state}-{self._readings}" if writing else state, table, read_at)
        self._last = state, writing, moment
        return moment

    def _whole(self) -> RunTable:
        """All runs, read anew."""
        table = RunTable.read(self.store)
        table.params, table.tags = _cut(table.params), _cut(table.tags)
        _ = table.summaries
        return table

    def _renewed(self, table: RunTable) -> RunTable:
        """The same runs, with what was logged since: only runs of which live segments tell anything are read anew.

        The parts are the same and so are the writers that live, so nothing else can have changed.
        """
        live = [*self.tables.growing.read("facts").values(), *self.tables.growing.read("summaries").values()]
        ids = pl.concat([frame.select("run_id") for frame in live]).unique()["run_id"]
        mine = pl.col("run_id").is_in(ids.implode())

        def with_new(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
            return pl.concat([old.filter(~mine), new.filter(mine)])

        runs = with_new(table.runs, read_runs(self.tables, mine)).sort("start_time", "run_id")
        params, tags = (
            with_new(old, _cut(read_flat(self.tables, kind, mine)))
            for kind, old in (("param", table.params), ("tag", table.tags))
        )
        summaries = with_new(table.summaries, read_summaries(self.tables, mine))
        renewed = self.subset(table, runs)
        renewed.params, renewed.tags, renewed.summaries = params, tags, summaries
        return renewed


def below(table: RunTable, experiment: str) -> pl.DataFrame:
    """The rows of the runs of an experiment and those below it. Raises: ExperimentNotFound."""
    name = pl.col("experiment")
    found = table.runs.filter((name == experiment) | name.str.starts_with(f"{experiment.rstrip('/')}/"))
    if found.is_empty():
        raise ExperimentNotFound.among("experiment", experiment[:200], table.runs["experiment"].unique().sort())
    return found


def no_run(asked: str, table: RunTable) -> LookupFailed:
    """The error for an unknown run id; cheap, however many runs there are."""
    near = [run_id for run_id in table.run_ids if len(asked) >= 4 and run_id.startswith(asked[:8])]
    listed = near[-_LISTED:] or table.run_ids[-_LISTED:]
    there = f"{'near it' if near else 'the newest'}: {', '.join(reversed(listed))}" if listed else "there is no run"
    return RunNotFound(f"no run {asked[:80]!r}; {there}")


def _cut(values: pl.DataFrame) -> pl.DataFrame:
    """Rows of names and values without what no table has room for: a text of megabytes would be kept for each run.

    What is cut ends with a hash of the whole, so that texts which differ behind the cut still differ.
    """
    long = pl.col("value").str.len_bytes() > LONGEST_TEXT
    if not values.select(long.any()).item():
        return values
    return values.with_columns(
        pl.when(long)
        .then(pl.format("{}…#{}", pl.col(name).str.slice(0, LONGEST_TEXT), pl.col("value").hash()))
        .otherwise(name)
        .alias(name)
        for name in ("value", "text")
    )
