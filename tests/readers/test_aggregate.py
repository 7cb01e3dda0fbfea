"""Store.aggregate gives the numbers of the points that fit, however these lie in parts and writers."""

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest.compact import compact
from ingest.errors import LookupFailed
from readers.curves import read_curves
from readers.runtable import RunTable
from readers.store import Store
from tracker import ExperimentComparator

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

COLUMNS = ["count", "nan_count", "first", "first_step", "last", "last_step", "min", "max", "mean", "std"]


def spread_out(write: "Callable[[], Recorder]", seed: int) -> Store:
    """Points of three runs by two writers, sealed now and then, some compacted, some live; steps of all kinds."""
    rng = random.Random(seed)
    writers = [write(), write()]
    for writer in writers:
        for run_id in "abc":
            writer.start(run_id)
    for n in range(150):
        writer = rng.choice(writers)
        writer.now_ns = max(writers[0].now_ns, writers[1].now_ns)
        value = rng.choice([rng.gauss(0, 1), rng.gauss(1e6, 1), math.nan, 0.0])
        step = rng.choice([None, n, n + 0.5])
        writer.log(rng.choice("abc"), {rng.choice(["loss", "acc"]): value}, step)
        if rng.random() < 0.06:
            writer.seal()
        if n == 100:
            compact(writer.layout)
    for writer in writers:
        writer.flush()
    return Store(writers[0].layout.root)


def by_hand(points: pl.LazyFrame) -> list[dict[str, object]]:
    """The numbers of points, the plain way: rows of one writer in order, writers by time."""
    real = pl.col("value").filter(pl.col("value").is_not_nan())
    rows = points.sort("time", "writer", "seq").group_by("run_id", "key")
    return (
        rows.agg(
            real.len().cast(pl.Int64).alias("count"),
            pl.col("value").is_nan().sum().cast(pl.Int64).alias("nan_count"),
            pl.col("value").first().alias("first"),
            pl.col("at").first().alias("first_step"),
            pl.col("value").last().alias("last"),
            pl.col("at").last().alias("last_step"),
            real.min().alias("min"),
            real.max().alias("max"),
            real.mean().alias("mean"),
            real.std().alias("std"),
        )
        .sort("run_id", "key")
        .collect()
        .to_dicts()
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("where", [None, "step >= 60", "value > 0 AND step < 80.25", "key = 'acc' OR run_id = 'b'"])
def test_an_aggregate_equals_the_points_that_fit(seed: int, where: str | None, write: "Callable[[], Recorder]") -> None:
    """Count, first, last, min, max, mean, std; fractional steps count as steps, NaN is counted apart."""
    store = spread_out(write, seed)
    at = pl.coalesce(pl.col("step").cast(float), "step_float")
    points = store.metrics().with_columns(at=at)
    fits = pl.sql_expr((where or "true").replace("step", "at"))

    found = store.aggregate(where=where).select("run_id", "key", *COLUMNS).sort("run_id", "key").collect().to_dicts()

    expected = by_hand(points.filter(fits))
    assert [(row["run_id"], row["key"]) for row in found] == [(row["run_id"], row["key"]) for row in expected]
    for row, right in zip(found, expected, strict=True):
        for name in COLUMNS:
            value = right[name]
            close = value if value is None else pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)
            assert row[name] == close, (right["run_id"], right["key"], name)


def test_an_aggregate_of_everything_is_the_summaries(write: "Callable[[], Recorder]") -> None:
    """One kernel: with every point sealed in one part a writer, both ways give the same to the last bit."""
    writers = [write(), write()]
    for place, writer in enumerate(writers):
        writer.start("r")
        for n in range(40):
            writer.log("r", {"loss": math.sin(n + place)}, n)
        writer.seal()
    store = Store(writers[0].layout.root)

    assert store.aggregate().collect().equals(store.summaries().collect())


@pytest.mark.parametrize("where", [None, "step >= 7"])
def test_large_parts_are_folded_in_pieces(
    where: str | None, write: "Callable[[], Recorder]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut anywhere, within a metric too, the numbers are those of the whole."""
    writer = write()
    for run_id in "ab":
        writer.start(run_id)
        for n in range(20):
            writer.log(run_id, {"loss": float(n % 7), "acc": math.nan if n == 3 else n / 2}, n)
    writer.seal()
    store = Store(writer.layout.root)
    whole = store.aggregate(where=where).sort("run_id", "key").collect()
    monkeypatch.setattr("readers.aggregate._MOST_BYTES", 1)
    monkeypatch.setattr("readers.aggregate._MOST_ROWS", 3)
    cut = store.aggregate(where=where).sort("run_id", "key").collect()

    exact = [name for name in whole.columns if name not in {"mean", "std", "m2"}]
    assert cut.select(exact).equals(whole.select(exact))
    assert cut["mean"].to_list() == pytest.approx(whole["mean"].to_list())
    assert cut["m2"].to_list() == pytest.approx(whole["m2"].to_list())


def test_an_aggregate_is_of_the_chosen_runs_and_metrics(write: "Callable[[], Recorder]") -> None:
    """By keys, runs and experiments; where nothing fits there is no row."""
    writer = write()
    for run_id, experiment in (("a", "e"), ("b", "f")):
        writer.start(run_id, experiment)
        for step in range(3):
            writer.log(run_id, {"loss": float(step), "acc": 1.0}, step, experiment)
    writer.seal()
    store = Store(writer.layout.root)

    assert store.aggregate(["loss"], ["a"], where="step > 0").select("run_id", "key", "count").collect().rows() == [
        ("a", "loss", 2)
    ]
    assert store.aggregate(experiments=["f"]).collect()["run_id"].unique().to_list() == ["b"]
    assert store.aggregate(where=pl.col("step") > 7).collect().height == 0
    assert store.aggregate(["nothing"]).collect().height == 0


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ("steps > 1", LookupFailed, "no column 'steps'"),
        ("step >", ValueError, "is no condition"),
        ("", ValueError, "is no condition"),
        ("step", ValueError, "gives Float64"),
        ("step > 'x'", ValueError, "no condition on points"),
        ("value > avg(value)", ValueError, "several points at once"),
        (pl.col("value").cum_sum() > 1, ValueError, "several points at once"),
        (pl.col("value").max() > 1, ValueError, "several points at once"),
        ("value IN (SELECT 1)", ValueError, "has a query in it"),
        ("value > (SELECT a FROM read_csv('x'))", ValueError, "reads no files"),
        ("step > 1 OR " * 500 + "step > 1", ValueError, "too long"),
        (3, TypeError, "give a Polars expression"),
    ],
)
def test_what_is_no_condition_is_refused(where: object, error: type[Exception], said: str, store: Store) -> None:
    """Before anything is read, with what can be given."""
    with pytest.raises(error, match=said):
        store.aggregate(where=where)  # type: ignore[arg-type] # some are of a wrong type


def test_runs_are_compared_by_a_part_of_their_histories(recorder: "Recorder", store: Store) -> None:
    """What was better early is worse late: ranks, values and curves are of the points that fit."""
    for run_id, early, late in (("a", 1.0, 5.0), ("b", 2.0, 4.0), ("c", 3.0, math.nan)):
        recorder.start(run_id)
        recorder.params(run_id, {"lr": early})
        for step, value in enumerate([early, early, late, late]):
            recorder.log(run_id, {"loss": value}, step + 0.5)
        recorder.seal()
    part = store.part("step >= 2")

    assert [run["run_id"] for run in ExperimentComparator(store).rank("loss", value="min")] == ["a", "b", "c"]
    assert [run["run_id"] for run in ExperimentComparator(part).rank("loss", value="min")] == ["b", "a"]
    assert RunTable.read(part).metric("loss", "mean").tolist()[:2] == [5.0, 4.0]
    assert [curve.x.tolist() for curve in read_curves(part, RunTable.read(part), "loss").curves] == [[2.5, 3.5]] * 3
    assert part.metrics(["loss"], ["a"]).select("value", "step", "step_float").collect().rows() == [
        (5.0, None, 2.5),
        (5.0, None, 3.5),
    ]
