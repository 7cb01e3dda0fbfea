"""Trials: the configurations that a search tried, one row each, from the child runs of the search's run.

A child without the tag "trial.search" is no trial, unless no child has it and no search was told of: then all child
runs are taken for trials (another program's, as a server may have them), their group for the algorithm, their status
for what became of them. A trial whose process died is "interrupted".
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from readers.best import headline, words
from readers.source import RunFrames

STATES = ("complete", "pruned", "failed", "running", "interrupted")
"""What may have become of a trial."""
_BASELINES = {"baseline", "dummy"}
_TAGS = {
    "trial.search": "search",
    "trial.number": "number",
    "trial.algorithm": "algorithm",
    "trial.state": "state",
    "trial.error_type": "error_type",
    "trial.error": "error",
    "trial.baseline": "baseline",
}
_NUMBERS = ("search", "number")
_TIMES = ("fit_time_s", "predict_time_s")
_RUNS = ("run_id", "run_name", "status", "start_time", "end_time", "group")
_BY_STATUS = {"FINISHED": "complete", "FAILED": "failed", "RUNNING": "running"}


class Trials(NamedTuple):
    """The trials of one search, in the order of their numbers."""

    rows: pl.DataFrame
    """run_id, name, number, algorithm, state, baseline (bool), score, std, fit_time_s, predict_time_s (NaN where not
    known), start_time, end_time, error_type, error."""
    metric: str
    """What the score is."""
    search: int
    """The search's number; 0 where there is none."""
    guessed: bool
    """Whether the metric was told by nobody, and is taken from what the trials logged."""
    tagged: bool
    """Whether the child runs say themselves that they are trials."""

    @property
    def scored(self) -> pl.DataFrame:
        """Those that are complete, with a finite score."""
        return self.rows.filter((pl.col("state") == "complete") & pl.col("score").is_finite())


def read_trials(
    frames: RunFrames, run_id: str, experiment: str, *, search: int, known: Sequence[int], metric: str
) -> Trials:
    """The trials of a search.

    Args:
        search: its number; 0: the last one that any trial names.
        known: the searches of which there are facts.
        metric: what is searched for; empty: to be told by the trials.
    """
    runs = frames.runs([experiment]).filter(pl.col("parent_run_id") == run_id).collect()
    rows = runs.select(_RUNS).join(_tags(frames, runs, experiment), on="run_id", how="left", maintain_order="left")
    tagged = bool(rows["search"].is_not_null().any())
    if tagged:
        search = search or int(rows["search"].max() or 0)  # type: ignore[arg-type]
        rows = rows.filter(pl.col("search") == search)
    elif known:
        rows = rows.clear()
    elif rows.height:
        search = 1
    lasts = _lasts(frames, rows, experiment, metric)
    guessed = not metric and rows.height > 0
    metric = metric or _metric(lasts)
    return Trials(_scored(_told(rows), lasts, metric), metric, search, guessed, tagged)


def is_baseline(algorithm: str) -> bool:
    """Whether an algorithm's name says that it is one that learns nothing, there to be compared with."""
    return bool(_BASELINES & set(words(algorithm)))


def _tags(frames: RunFrames, runs: pl.DataFrame, experiment: str) -> pl.DataFrame:
    """What the children say of themselves: run_id, and a column for each of _TAGS."""
    found = frames.tags(None, [experiment]).filter(pl.col("key").is_in(list(_TAGS))).collect()
    found = found.join(runs.select("run_id"), on="run_id", how="semi")
    wide = found.select("run_id", pl.col("key").replace(_TAGS), "text").pivot("key", index="run_id", values="text")
    missing = [pl.lit(None, pl.String()).alias(name) for name in _TAGS.values() if name not in wide.columns]
    wide = wide.cast({"run_id": pl.String()}).with_columns(missing)
    return wide.with_columns(pl.col(_NUMBERS).cast(pl.Int64, strict=False))


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a state, an algorithm and a number each."""
    status, state = pl.col("status"), pl.col("state")
    by_status = status.replace_strict(_BY_STATUS, default="interrupted", return_dtype=pl.String())
    went_on = status == "RUNNING"
    rows = rows.with_columns(
        name=pl.coalesce("run_name", "run_id"),
        algorithm=pl.coalesce("algorithm", "group", pl.lit("unknown")),
        state=pl.when(state.is_in(["complete", "pruned", "failed"]))
        .then(state)
        .when(state.is_null())
        .then(by_status)
        .when(went_on)
        .then(pl.lit("running"))
        .otherwise(pl.lit("interrupted")),
    ).sort(pl.coalesce("number", pl.lit(2**62)), "start_time", "run_id")
    named = [name for name in rows["algorithm"].unique() if is_baseline(name)]
    said = (pl.col("baseline").str.to_lowercase() == "true").fill_null(value=False)
    return rows.with_columns(
        number=pl.coalesce("number", pl.int_range(1, pl.len() + 1)),
        baseline=said | pl.col("algorithm").is_in(named),
    )


def _lasts(frames: RunFrames, rows: pl.DataFrame, experiment: str, metric: str) -> pl.DataFrame:
    """run_id, key, last: of the score and what goes with it; of all metrics, where the score's name isn't known."""
    if not rows.height:
        return pl.DataFrame(schema={"run_id": pl.String(), "key": pl.String(), "last": pl.Float64()})
    names = [metric, f"{metric}_std", *_TIMES] if metric else None
    found = frames.lasts(None, [experiment])
    if found is None:
        found = frames.summaries(names, None, [experiment])
    elif names is not None:
        found = found.filter(pl.col("key").is_in(names))
    return found.select("run_id", "key", "last").collect().join(rows.select("run_id"), on="run_id", how="semi")


def _metric(lasts: pl.DataFrame) -> str:
    """The metric that is the score by all signs: the trials have its folds, its spread, or it speaks for them."""
    counts: dict[str, int] = dict(lasts.group_by("key").len().iter_rows())
    for prefix in ("fold/", "intermediate/"):
        named = [key.removeprefix(prefix) for key in counts if key.startswith(prefix)]
        if named:
            return max(sorted(named), key=lambda name: counts[f"{prefix}{name}"])
    own = {key: count for key, count in counts.items() if key not in _TIMES}
    spread = [key.removesuffix("_std") for key in own if key.endswith("_std") and key.removesuffix("_std") in own]
    return str(spread[0]) if len(spread) == 1 else headline(own) or ""


def _scored(rows: pl.DataFrame, lasts: pl.DataFrame, metric: str) -> pl.DataFrame:
    """The rows with their numbers."""
    for column, key in {"score": metric, "std": f"{metric}_std", **{name: name for name in _TIMES}}.items():
        found = lasts.filter(pl.col("key") == key).select("run_id", pl.col("last").cast(pl.Float64).alias(column))
        rows = rows.join(found, on="run_id", how="left", maintain_order="left")
    numbers = pl.col("score", "std", *_TIMES).fill_null(float("nan"))
    return rows.with_columns(numbers).drop("run_name", "status", "group", "search")
