"""Stragglers: which ranks of a run are odd ones out, behind the others or slower than they are.

A rank is compared with the median of the ranks, and how far ranks usually lie from it is told by the median absolute
deviation (MAD): neither is moved by the few that are to be found. The odd one out has a modified z-score
0.6745 * (x - median) / MAD above 3.5 (Iglewicz & Hoaglin 1993, "How to Detect and Handle Outliers"). Ranks that go in
step have a MAD near zero, where anything would be odd, so it also takes a difference that matters:

    behind   it lacks at least 5 % of the steps that the median rank has made, and three points; or it has been silent
             for ten of its own intervals between two points (and at least `_SILENT_S`) while others went on
    slow     a step takes it at least 10 % longer than the median rank

What other hosts upload only now and then is seen late: a rank that runs is behind only if its pace doesn't make up for
what may not be seen of it yet (`unseen_s`).

Dean & Ghemawat 2004 ("MapReduce") named stragglers; Ananthanarayanan et al. 2010 ("Reining in the Outliers in
Map-Reduce Clusters using Mantri") and Spark compare with the median, too, but with a fixed factor of 1.5 or more, which
misses a rank that costs a synchronous training a fifth of its time.

What this can't do is said in `notes`: with fewer than three ranks none is the odd one, with few points a rank nothing
is known, and ranks that wait for each other at every step (data-parallel training) go at the slowest one's pace and
keep step, all of them: there a time that each rank measured before it waits has to be compared (`step_time`). Times are
the ranks' own clocks. More than half of the ranks being slow makes slow what is usual.
"""

from datetime import datetime
from typing import Any, Literal, NamedTuple

import polars as pl

from readers.progress import Progress

Verdict = Literal["ok", "straggler", "dead", "ended early", "no steps", "unknown"]
"""dead: its last writer left no end record. ended early: it ended, behind the others. unknown: see `notes`."""
ODD = 3.5
FEWEST_RANKS = 3
FEWEST_POINTS = 10
_BEHIND, _SLOWER = 0.05, 0.10
_POINTS_BEHIND = 3
_SILENT_INTERVALS = 10
_SILENT_S = 30.0
"""More than what is unsealed on another host takes to be seen (ingest.objects), and than clocks are apart."""


class RankProgress(NamedTuple):
    """One rank of a run."""

    rank: int
    host: str
    """Of its last writer."""
    status: str | None
    """RUNNING, INTERRUPTED (it died), or what it ended with; None where only child processes wrote."""
    writers: int
    points: int
    """Of all metrics."""
    last_step: float | None
    last_time: datetime | None
    """Of its last point, by its own clock."""
    steps_per_s: float | None
    """From its first to its last point, without the time between two writers."""
    step_time: float | None
    """Mean of the metric that was named for it, in that metric's unit."""
    lag_steps: float | None
    """Steps behind the rank that has come furthest."""
    lag_s: float | None
    """Seconds that it needs for these at its own pace."""
    verdict: Verdict
    reason: str
    """In words; "" where all is well."""


class Ranks(NamedTuple):
    """The ranks of a run as of a moment."""

    run_id: str
    metric: str | None
    """By which progress is told."""
    ranks: tuple[RankProgress, ...]
    """Sorted by rank."""
    notes: tuple[str, ...]
    """What keeps the verdicts from being better."""

    @property
    def stragglers(self) -> tuple[int, ...]:
        """The ranks that are."""
        return tuple(one.rank for one in self.ranks if one.verdict == "straggler")

    def to_frame(self) -> pl.DataFrame:
        """One row a rank, columns as in RankProgress."""
        return pl.DataFrame([one._asdict() for one in self.ranks], schema=_SCHEMA)


_SCHEMA = pl.Schema(
    {
        "rank": pl.Int64(),
        "host": pl.String(),
        "status": pl.String(),
        "writers": pl.Int64(),
        "points": pl.Int64(),
        "last_step": pl.Float64(),
        "last_time": pl.Datetime("us", "UTC"),
        "steps_per_s": pl.Float64(),
        "step_time": pl.Float64(),
        "lag_steps": pl.Float64(),
        "lag_s": pl.Float64(),
        "verdict": pl.String(),
        "reason": pl.String(),
    }
)


def judged(run_id: str, progress: Progress, step_time: str | None = None, *, unseen_s: float = 0.0) -> Ranks:
    """Verdicts on how far the ranks of a run have come.

    Args:
        step_time: the metric whose means are in the column `step_time`; None: the pace at which steps were logged.
        unseen_s: seconds after which a point of a rank that runs is seen at the latest.
    """
    rows = progress.ranks.with_columns(_pace(), every=_every())
    usual = _Usual.of(rows, step_time)._replace(unseen_s=unseen_s)
    found = tuple(_judged(row, usual) for row in rows.iter_rows(named=True))
    return Ranks(run_id, progress.metric, found, tuple(_notes(progress, rows, usual, found)))


class _Spread(NamedTuple):
    """Where the ranks lie: the median, and the median absolute deviation from it."""

    median: float
    mad: float

    @classmethod
    def of(cls, values: pl.Series) -> "_Spread | None":
        """Of the values that are there; None for too few of them."""
        values = values.drop_nulls().cast(pl.Float64)
        if len(values) < FEWEST_RANKS:
            return None
        median = _median(values)
        return cls(median, _median((values - median).abs()))

    def has_beyond(self, value: float) -> bool:
        """Whether a value is odd for being large."""
        return 0.6745 * (value - self.median) > ODD * self.mad


class _Usual(NamedTuple):
    """What is usual among the ranks that haven't died."""

    furthest: float | None
    """The last step of the rank that has come furthest, be it dead."""
    newest: datetime | None
    """The last point of any rank."""
    lacking: _Spread | None
    """Steps behind the furthest; None where nothing can be said."""
    made: float
    """Steps that the median rank has made."""
    pace: _Spread | None
    """Time of a step."""
    timed: str | None
    """The metric that the times are of; None: as logged."""
    unseen_s: float = 0.0
    """How old what is seen of a rank may be."""

    @classmethod
    def of(cls, rows: pl.DataFrame, step_time: str | None) -> "_Usual":
        at_work = rows.filter(pl.col("last_step").is_not_null() & (pl.col("status") != "INTERRUPTED"))
        at_work = rows if at_work.is_empty() else at_work
        told = _median(at_work["logged"]) >= FEWEST_POINTS
        furthest = rows["last_step"].max()
        lacking = _Spread.of((0 - at_work["last_step"]) + furthest) if told and furthest is not None else None
        timed = "step_time" if step_time is not None else "pace_s"
        pace = _Spread.of(at_work.filter(pl.col("logged") >= FEWEST_POINTS)[timed])
        made = _median(at_work["span_steps"])
        return cls(furthest, rows["last_time"].max(), lacking, made, pace, step_time)  # type: ignore[arg-type]


def _pace() -> pl.Expr:
    """Seconds of a step as the points tell them; null where they don't."""
    seconds = pl.col("span_s") / pl.col("span_steps")
    return pl.when((pl.col("span_steps") > 0) & (pl.col("span_s") > 0)).then(seconds).alias("pace_s")


def _every() -> pl.Expr:
    """Steps between two points."""
    return pl.when(pl.col("intervals") > 0).then(pl.col("span_steps") / pl.col("intervals"))


def _judged(row: dict[str, Any], usual: _Usual) -> RankProgress:
    lag = None if row["last_step"] is None or usual.furthest is None else usual.furthest - row["last_step"]
    verdict, reason = _verdict(row, lag, usual)
    return RankProgress(
        rank=row["rank"],
        host=row["host"] or "",
        status=row["status"],
        writers=row["writers"],
        points=row["points"],
        last_step=row["last_step"],
        last_time=row["last_time"],
        steps_per_s=None if row["pace_s"] is None else 1 / row["pace_s"],
        step_time=row["step_time"],
        lag_steps=lag,
        lag_s=None if lag is None or row["pace_s"] is None else lag * row["pace_s"],
        verdict=verdict,
        reason=reason,
    )


def _verdict(row: dict[str, Any], lag: float | None, usual: _Usual) -> tuple[Verdict, str]:
    behind = "" if not lag else f"{_count(lag)} behind the furthest"
    if row["status"] == "INTERRUPTED":
        return "dead", ", ".join(filter(None, ["its process died without an end", behind]))
    if lag is None:
        return "no steps", "has logged none of the metric that tells progress"
    if usual.lacking is None and usual.pace is None:
        return "unknown", ""
    far = usual.lacking is not None and _is_far_behind(row, lag, usual.lacking, usual.made)
    if row["status"] not in {"RUNNING", None}:
        if far:
            return "ended early", f"ended {_count(lag)} before the furthest"
    elif far and not _may_be_unseen(row, lag, usual):
        return "straggler", behind
    elif usual.lacking is not None and _is_silent(row, lag, usual):
        return "straggler", f"silent for {_silence_s(row, usual):.0f} s, {behind}"
    time = row["step_time"] if usual.timed is not None else row["pace_s"]
    if usual.pace is not None and time is not None and row["logged"] >= FEWEST_POINTS:
        slower = time / usual.pace.median if usual.pace.median > 0 else 1.0
        if slower >= 1 + _SLOWER and usual.pace.has_beyond(time):
            return "straggler", f"a step takes it {slower:.2f}x as long as the median rank"
    return ("unknown", "") if row["logged"] < FEWEST_POINTS else ("ok", "")


def _is_far_behind(row: dict[str, Any], lag: float, lacking: _Spread, made: float) -> bool:
    few = max(_POINTS_BEHIND * (row["every"] or 1.0), _BEHIND * made)
    return lag - lacking.median >= few and lacking.has_beyond(lag)


def _may_be_unseen(row: dict[str, Any], lag: float, usual: _Usual) -> bool:
    """Whether it may have made the steps that it lacks, and they just aren't seen yet."""
    if not usual.unseen_s or usual.lacking is None:
        return False
    return row["pace_s"] is None or (lag - usual.lacking.median) * row["pace_s"] <= usual.unseen_s


def _is_silent(row: dict[str, Any], lag: float, usual: _Usual) -> bool:
    """Whether nothing came from it for long, while others went on."""
    if row["pace_s"] is None or usual.lacking is None:
        return False
    interval_s = row["pace_s"] * (row["every"] or 1.0)
    few = _POINTS_BEHIND * (row["every"] or 1.0)
    long_s = max(_SILENT_S, _SILENT_INTERVALS * interval_s)
    return _silence_s(row, usual) >= long_s and lag - usual.lacking.median >= few


def _silence_s(row: dict[str, Any], usual: _Usual) -> float:
    """Seconds from its last point to the newest of any rank."""
    if row["last_time"] is None or usual.newest is None:
        return 0.0
    return float((usual.newest - row["last_time"]).total_seconds())


def _notes(progress: Progress, rows: pl.DataFrame, usual: _Usual, found: tuple[RankProgress, ...]) -> "list[str]":
    notes = []
    at_work = [one for one in found if one.verdict not in {"dead", "no steps"}]
    several = rows.filter(pl.col("living") > 1)
    if not several.is_empty():
        rank, living = several.row(0, named=True)["rank"], several.row(0, named=True)["living"]
        notes.append(
            f"{living} living processes say that they are rank {rank}, and are taken for one: does each know its rank? "
            "(STEPLOG_RANK, or what its launcher sets)"
        )
    if len(found) < 2:
        return notes
    if progress.metric is None:
        return [*notes, "no rank has logged a metric yet"]
    if len(at_work) < FEWEST_RANKS:
        notes.append(f"with {len(at_work)} at work, none can be told to be the odd one out; the lags are as they are")
    elif usual.lacking is None and usual.pace is None:
        notes.append(f"fewer than {FEWEST_POINTS} points of {progress.metric!r} a rank: too early for a verdict")
    elif usual.timed is None and _keep_step(found, rows):
        notes.append(
            "the ranks keep step; those that wait for each other all go at the slowest one's pace. To see which one "
            "that is, log the time that each takes before it waits, and compare them by that metric as step time"
        )
    return notes


def _keep_step(found: tuple[RankProgress, ...], rows: pl.DataFrame) -> bool:
    """Whether the ranks at work are within a few points of each other."""
    lags = [one.lag_steps for one in found if one.lag_steps is not None and one.verdict != "dead"]
    every = _median(rows["every"]) or 1.0
    return bool(lags) and max(lags) - min(lags) <= _POINTS_BEHIND * every


def _median(values: pl.Series) -> float:
    """0 where there are none."""
    return float(values.cast(pl.Float64).median() or 0.0)  # type: ignore[arg-type]


def _count(steps: float) -> str:
    number = f"{steps:,.0f}" if steps == int(steps) else f"{steps:,.2f}"
    return f"{number} step{'' if steps == 1 else 's'}"
