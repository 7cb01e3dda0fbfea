"""Summaries equal what the points say, however they are spread over segments, writers and compactions."""

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest.compact import compact
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def by_hand(store: Store) -> dict[tuple[str, str], dict[str, float | int | None]]:
    """The summaries computed from the points; rows of one writer in order, writers by time."""
    step = pl.coalesce(pl.col("step").cast(float), "step_float")
    points = store.metrics().sort("time", "writer", "seq").with_columns(s=step)
    real = pl.col("value").filter(pl.col("value").is_not_nan())
    rows = points.group_by("run_id", "key").agg(
        real.len().alias("count"),
        pl.col("value").is_nan().sum().alias("nan_count"),
        pl.col("value").first().alias("first"),
        pl.col("s").first().alias("first_step"),
        pl.col("value").last().alias("last"),
        pl.col("s").last().alias("last_step"),
        real.min().alias("min"),
        real.max().alias("max"),
        real.mean().alias("mean"),
        real.std().alias("std"),
    )
    return {(row.pop("run_id"), row.pop("key")): row for row in rows.collect().rows(named=True)}


def summaries(store: Store) -> dict[tuple[str, str], dict[str, float | int | None]]:
    """The summaries as the store gives them, in the same form."""
    names = ["count", "nan_count", "first", "first_step", "last", "last_step", "min", "max", "mean", "std"]
    rows = store.summaries().select("run_id", "key", *names).collect().rows(named=True)
    return {(row.pop("run_id"), row.pop("key")): row for row in rows}


def assert_agree(store: Store) -> None:
    """Both ways give the same."""
    expected, found = by_hand(store), summaries(store)
    assert found.keys() == expected.keys()
    for metric, row in expected.items():
        for name, value in row.items():
            close = value if value is None else pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True)
            assert found[metric][name] == close, (metric, name)


@pytest.mark.parametrize("seed", range(4))
def test_summaries_equal_the_points(seed: int, write: "Callable[[], Recorder]") -> None:
    """Two writers, several runs, NaN among the values, steps of all kinds, sealed now and then."""
    rng = random.Random(seed)
    writers = [write(), write()]
    for writer in writers:
        for run_id in "abc":
            writer.start(run_id)
    store = Store(writers[0].layout.root)
    for n in range(200):
        writer = rng.choice(writers)
        writer.now_ns = max(writers[0].now_ns, writers[1].now_ns)
        value = rng.choice([rng.gauss(0, 1), rng.gauss(1e6, 1), math.nan, 0.0])
        step = rng.choice([None, n, n + 0.5, rng.randrange(5)])
        writer.log(rng.choice("abc"), {rng.choice(["loss", "acc"]): value}, step)
        if rng.random() < 0.05:
            writer.seal()
        if n in (100, 199):
            assert_agree(store)

    for writer in writers:
        writer.seal()
    compact(writers[0].layout)
    assert_agree(store)


def test_min_and_max_know_their_steps(recorder: "Recorder", store: Store) -> None:
    """The step of the first time that the extreme was reached; null where no step was given."""
    recorder.start("r")
    for part in ([(0, 3.0), (1, 1.0), (2, math.nan)], [(3, 1.0), (4, 9.0)], [(None, 9.0), (None, 10.0)]):
        for step, value in part:
            recorder.log("r", {"loss": value}, step)
        recorder.seal()

    (row,) = store.summaries().collect().rows(named=True)

    assert (row["min"], row["min_step"], row["max"], row["max_step"]) == (1.0, 1.0, 10.0, None)
    assert (row["first_step"], row["last_step"], row["count"], row["nan_count"]) == (0.0, None, 6, 1)


def test_nothing_but_nan_has_no_extremes(recorder: "Recorder", store: Store) -> None:
    """NaN is counted and is what was logged first and last; min, max, mean, std are null."""
    recorder.start("r")
    for _ in range(2):
        recorder.log("r", {"loss": math.nan})
        recorder.seal()

    (row,) = store.summaries().collect().rows(named=True)

    assert (row["count"], row["nan_count"]) == (0, 2)
    assert math.isnan(row["last"])
    assert [row[name] for name in ("min", "max", "mean", "std", "m2", "min_step")] == [None] * 6


def test_one_point_has_no_deviation(recorder: "Recorder", store: Store) -> None:
    """The standard deviation of one value isn't 0, it isn't known."""
    recorder.start("r")
    recorder.log("r", {"loss": 2.0})

    assert store.summaries().select("mean", "std", "m2").collect().rows() == [(2.0, None, 0.0)]
    assert store.last_metrics("r") == {"loss": 2.0}
