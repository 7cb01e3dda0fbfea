"""Runs: what a run's writers said of its life, folded to one row.

A writer *attaches* to a run (its "run" facts) and *ends* it ("end"). It lives while its process holds a lock. Of these,
and of statuses that the user set, the run's status follows:

    RUNNING             an attached writer lives and hasn't ended
    FAILED, KILLED      the user set it, or else a writer ended so (the last one decides)
    INTERRUPTED         a writer died without an end
    otherwise           what the user set last, or else the last end: FINISHED

Who resumes a run takes it over: ends, deaths and statuses from before the last resumption don't count any more. Where
many ranks write a run, each resumes its own part, one after the other: those that were started again as often as any
other rank belong together, and the fate of each of them counts.
Children that only log to their parent's run don't attach, so their death says nothing. Nor does who edits a run's tags
from outside, or asks it to stop: such a writer is no part of the run's life, and what it wrote doesn't prolong it.

Argument for the order of looking: facts are read first and locks asked afterwards. A writer that is alive then was
alive while the facts were read, so an end they lack was not reached. A writer found dead may have ended after the facts
were read; but the dead write nothing more, so reading again settles it.
"""

from collections.abc import Collection
from typing import NamedTuple, Self

import polars as pl

from ingest.alive import is_alive
from readers.predicates import one_of, only
from readers.scan import Tables
from readers.texts import plain_texts

RUNS = pl.Schema(
    {
        "run_id": pl.String(),
        "experiment": pl.String(),
        "run_name": pl.String(),
        "status": pl.String(),
        "start_time": pl.Datetime("us", "UTC"),
        "end_time": pl.Datetime("us", "UTC"),
        "duration_s": pl.Float64(),
        "parent_run_id": pl.String(),
        "group": pl.String(),
        "host": pl.String(),
        "ranks": pl.Int64(),
        "writers": pl.Int64(),
    }
)
"""One row a run. `end_time` and `duration_s` are null while it is RUNNING; `host` is the one it was started on."""

COLUMNS = ["run_id", "experiment", "writer", "seq", "time", "kind", "key", "value"]
"""What `Lives` needs of the facts."""

_FAILED = ("FAILED", "KILLED")
_WRITER = ["run_id", "writer"]
_FROM_OUTSIDE = ("tag", "control")
"""Kinds of facts that people add from outside, after a run's end too: a tag, a note, a wish that it stop."""
_ATTACHED = ("experiment", "run_name", "resumed", "parent_run_id", "group", "rank", "host")
_OF_LIVES = pl.col("kind").is_in(["status", "end"]) | (
    (pl.col("kind") == "run") & pl.col("key").is_in(_ATTACHED) & ~pl.col("value").is_in(["null", "false", "0"])
)
"""Which facts tell of lives. Most attachments leave most open (no parent, not resumed, rank 0): not even read."""


def read_runs(tables: Tables, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The runs as of now, first started first; what the predicate says of run_id and experiment is applied early."""
    lives, alive = read_lives(tables, only(predicate, ["run_id", "experiment"]))
    return _with_last_seen(tables, lives.fold(alive))


def read_lives(tables: Tables, early: pl.Expr | None = None) -> "tuple[Lives, set[str]]":
    """(what writers said of the lives of runs, the writers with an open run that live) as of now.

    Args:
        early: of which runs: conditions on run_id and experiment.
    """
    while True:
        lives = Lives.of(tables.frame("facts", COLUMNS, _OF_LIVES if early is None else _OF_LIVES & early))
        unended = lives.unended()
        alive = {writer for writer in unended if is_alive(tables.layout.writer(writer))}
        if unended - alive <= tables.dead:
            return lives, alive
        tables.dead |= unended - alive


class Lives(NamedTuple):
    """What writers said of the lives of runs."""

    attached: pl.DataFrame
    """One row for each time that a writer attached to a run, in the order of time."""
    writers: pl.DataFrame
    """One row for each writer of each run: its last attachment, its last end, and whether that `ended` it."""
    said: pl.DataFrame
    """The statuses that the user set, in the order of time."""

    @classmethod
    def of(cls, facts: pl.DataFrame) -> Self:
        """Sort the facts of kind run, status and end (see COLUMNS)."""
        attached = _attached(facts.filter(kind="run"))
        said = facts.filter(kind="status").sort("time", "writer", "seq")
        said = said.select("run_id", "time", plain_texts(said["value"]).alias("said"))
        return cls(attached, _writers(attached, facts.filter(kind="end").sort("seq")), said)

    def unended(self) -> set[str]:
        """The writers that have a run they haven't ended."""
        return set(self.writers.filter(~pl.col("ended"))["writer"])

    def fold(self, alive: Collection[str]) -> pl.DataFrame:
        """One row a run, given which writers live; see RUNS."""
        writers = self.by_writer(alive)
        runs = (
            self.attached.group_by("run_id")
            .agg(
                pl.col("folder").first(),
                pl.col("time").min().alias("start_time"),
                pl.col("experiment", "run_name", "parent_run_id", "group", "host").drop_nulls().first(),
                pl.col("rank").n_unique().alias("ranks"),
            )
            .join(_outcomes(writers), on="run_id", how="full", coalesce=True)
            .join(self._said_since_resumed(writers), on="run_id", how="left")
            .with_columns(status=_status(), experiment=pl.coalesce("experiment", "folder", "ended_in"))
            .with_columns(end_time=pl.when(pl.col("status") != "RUNNING").then("end_time"))
        )
        return _with_duration(runs.sort("start_time", "run_id"))

    def by_writer(self, alive: Collection[str]) -> pl.DataFrame:
        """`writers`, with whether each `lives`, and whether what became of it still `counts`."""
        resumed_at = pl.col("time").filter(pl.col("resumed")).max().over("run_id")
        lives = pl.col("writer").is_in(list(alive)) & ~pl.col("ended")
        writers = self.writers.with_columns(resumed_at=resumed_at, lives=lives)
        since = (pl.col("time") >= pl.col("resumed_at")) | (pl.col("end_time") > pl.col("resumed_at"))
        newest = pl.col("generation") == pl.col("generation").max().over("run_id")
        told = lives | pl.col("resumed_at").is_null() | since.fill_null(value=False) | newest.fill_null(value=False)
        return writers.with_columns(counts=told)

    def _said_since_resumed(self, writers: pl.DataFrame) -> pl.DataFrame:
        """The last status that the user set in each run, since it was resumed."""
        resumed = writers.select("run_id", "resumed_at").unique()
        since = pl.col("resumed_at").is_null() | (pl.col("time") >= pl.col("resumed_at"))
        said = self.said.join(resumed, on="run_id", how="left", maintain_order="left").filter(since)
        return said.group_by("run_id").agg(pl.col("said").last())


def _attached(rows: pl.DataFrame) -> pl.DataFrame:
    index = ["run_id", "writer", "seq", "time", "folder"]
    rows = rows.select(*index[:-1], "key", "value", folder="experiment")
    wide = rows.pivot("key", index=index, values="value", aggregate_function="first")
    missing = [pl.lit(None, pl.String).alias(name) for name in _ATTACHED if name not in wide.columns]
    given = (pl.when(pl.col(name) != "null").then(name) for name in _ATTACHED)
    wide = wide.with_columns(missing).select(*index, *given)
    texts = wide.with_columns(plain_texts(wide[name]) for name in _ATTACHED)
    resumed = (pl.col("resumed") == "true").fill_null(value=False)
    return _with_generations(texts.with_columns(resumed=resumed).sort("time", "writer", "seq"))


def _with_generations(attached: pl.DataFrame) -> pl.DataFrame:
    """With how often its rank had been started again by then; a rank's first attachment starts nothing again."""
    if not attached["resumed"].any():
        return attached.with_columns(generation=pl.lit(0, pl.UInt32))
    rank = pl.col("rank").fill_null("0")
    again = pl.col("resumed") & (pl.int_range(pl.len()).over("run_id", rank) > 0)
    return attached.with_columns(generation=again.cast(pl.UInt32).cum_sum().over("run_id", rank))


def _writers(attached: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    ends = ends.select(
        *_WRITER,
        pl.col("seq").alias("end_seq"),
        pl.col("time").alias("end_time"),
        pl.col("experiment").alias("ended_in"),
        plain_texts(ends["value"]).alias("end_status"),
    )
    ends = ends.group_by(_WRITER).agg(pl.all().last())
    last = attached.sort("seq").group_by(_WRITER).agg(pl.col("seq", "time", "resumed", "generation").last())
    writers = last.join(ends, on=_WRITER, how="full", coalesce=True)
    return writers.with_columns(ended=(pl.col("end_seq") > pl.col("seq").fill_null(-1)).fill_null(value=False))


def _outcomes(writers: pl.DataFrame) -> pl.DataFrame:
    """For each run, what its writers' ends and deaths come to."""
    ended = pl.col("counts") & pl.col("ended")
    return (
        writers.sort("end_time", "writer")
        .group_by("run_id")
        .agg(
            pl.col("lives").any().alias("running"),
            pl.col("end_status").filter(ended & pl.col("end_status").is_in(_FAILED)).last().alias("failed"),
            (pl.col("counts") & ~pl.col("ended") & ~pl.col("lives")).any().alias("died"),
            pl.col("end_status").filter(ended).last(),
            pl.col("end_time").filter(ended).max(),
            pl.col("ended_in").drop_nulls().first(),
            pl.col("writer").n_unique().alias("writers"),
        )
    )


def _status() -> pl.Expr:
    return (
        pl.when("running")
        .then(pl.lit("RUNNING"))
        .when(pl.col("said").is_in(_FAILED))
        .then("said")
        .when(pl.col("failed").is_not_null())
        .then("failed")
        .when("died")
        .then(pl.lit("INTERRUPTED"))
        .when(pl.col("said").is_in(["FINISHED", "INTERRUPTED"]))
        .then("said")
        .otherwise(pl.col("end_status").fill_null("INTERRUPTED"))
    )


def _with_last_seen(tables: Tables, runs: pl.DataFrame) -> pl.DataFrame:
    """Let a run that was interrupted end with the last that was seen of it."""
    open_end = runs.filter(pl.col("end_time").is_null() & (pl.col("status") != "RUNNING"))
    if open_end.is_empty():
        return runs
    of_them = one_of("run_id", open_end["run_id"])
    facts = tables.frame("facts", [*_WRITER, "time", "kind"], of_them)
    writes = pl.col("kind").is_in(["run", "attach"]).any().over(_WRITER)
    seen = pl.concat(
        [
            facts.filter(writes | ~pl.col("kind").is_in(_FROM_OUTSIDE)).select("run_id", "time"),
            tables.frame("summaries", ["run_id", "last_time"], of_them).rename({"last_time": "time"}),
        ]
    )
    last = seen.group_by("run_id").agg(pl.col("time").max().alias("seen"))
    runs = runs.join(last, on="run_id", how="left", maintain_order="left")
    return _with_duration(runs.with_columns(pl.coalesce("end_time", "seen").alias("end_time")))


def _with_duration(runs: pl.DataFrame) -> pl.DataFrame:
    took = (pl.col("end_time") - pl.col("start_time")).dt.total_microseconds() / 1e6
    return runs.with_columns(duration_s=took).select(pl.col(name).cast(kind) for name, kind in RUNS.items())
