"""LazyFrames answer as of each collect, and answer the same however much of the query reaches the files."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.catalog import Part, Snapshot, snapshot
from ingest.compact import compact
from ingest.errors import StoreError, StoreUnavailable
from ingest.layout import Layout, Table
from readers.places import find
from readers.predicates import only
from readers.store import Store
from readers.verified import Stamp

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

LONG = "deep/" * 60 + "end"
"""Longer than a folder's name may be."""


def fill(recorder: "Recorder", experiments: int = 3) -> None:
    """Three segments, of which the last is live; each with runs of several experiments."""
    for segment in range(3):
        for number in range(experiments):
            experiment, run_id = f"e{number}", f"r{segment}{number}"
            recorder.start(run_id, experiment)
            for step in range(5):
                recorder.log(run_id, {"loss": 1.0 / (step + 1), "acc": step * 0.1 + number}, step, experiment)
            recorder.params(run_id, {"lr": 0.1 * segment, "opt": {"name": "adam"}}, experiment)
        if segment < 2:
            recorder.seal()


def test_a_frame_made_before_answers_as_of_the_collect(recorder: "Recorder", store: Store) -> None:
    """One LazyFrame follows the store through logging, sealing and compaction."""
    frames = [store.metrics(), store.facts(), store.summaries(), store.params(), store.runs()]
    assert [frame.collect().height for frame in frames] == [0] * 5
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.params("r", {"lr": 1})
    assert [frame.collect().height for frame in frames] == [1, 9, 1, 1, 1]
    recorder.seal()
    assert [frame.collect().height for frame in frames] == [1, 9, 1, 1, 1]
    recorder.log("r", {"loss": 2.0})
    recorder.seal()
    compact(recorder.layout)

    assert [frame.collect().height for frame in frames] == [2, 9, 1, 1, 1]


def test_a_part_moved_after_the_listing_is_found(
    recorder: "Recorder", store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compaction between a query's listing and its reading costs nothing: the parts are read where they lie now."""
    fill(recorder)
    expected = store.metrics().collect().height
    swaps: list[int] = []

    def then_compact(layout: Layout, table: Table) -> Snapshot:
        found = snapshot(layout, table)
        swaps.append(compact(recorder.layout).files_after)
        return found

    monkeypatch.setattr("readers.scan.snapshot", then_compact)

    assert store.metrics().collect().height == expected
    assert swaps[0] > 0


def test_a_part_deleted_by_hand_is_an_error_only_if_it_keeps_happening(
    recorder: "Recorder", store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted once during a query: the query begins anew. Always gone: it says so."""
    fill(recorder)
    victim = next(recorder.layout.table("metrics").glob("experiment=e0/*"))
    times = [1]

    def lose_once(layout: Layout, table: Table, part: Part) -> tuple[Path, Stamp]:
        if times and times.pop():
            victim.unlink()
        return find(layout, table, part)

    monkeypatch.setattr("readers.scan.find", lose_once)
    assert store.metrics().collect().filter(experiment="e0").height == 20

    def lose_always(_layout: Layout, _table: Table, part: Part) -> tuple[Path, Stamp]:
        raise FileNotFoundError(2, "gone", str(part.path))

    monkeypatch.setattr("readers.scan.find", lose_always)
    with pytest.raises(StoreError, match="run the query again"):
        list(store._tables.frames("metrics"))


def test_a_deleted_store_is_said(recorder: "Recorder", store: Store, tmp_path: Path) -> None:
    """A store that was moved away under a Store isn't taken for an empty one."""
    recorder.close()
    recorder.layout.root.rename(tmp_path / "elsewhere")

    with pytest.raises(StoreUnavailable, match="moved or deleted"):
        store.experiments()


QUERIES: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "all": lambda q: q,
    "columns": lambda q: q.select("value", "key"),
    "only the experiment": lambda q: q.select("experiment"),
    "count": lambda q: q.select(pl.len()),
    "by run and key": lambda q: q.filter(run_id="r01", key="loss"),
    "by experiment": lambda q: q.filter(pl.col("experiment") == "e1").select("run_id", "value"),
    "by experiment and value": lambda q: q.filter((pl.col("experiment") != "e1") & (pl.col("value") > 0.3)),
    "by either": lambda q: q.filter((pl.col("experiment") == "e1") | (pl.col("step") == 2)),
    "by an unknown experiment": lambda q: q.filter(experiment="nothing"),
    "by list": lambda q: q.filter(pl.col("run_id").is_in(["r00", "r22"])),
    "by the maximum": lambda q: q.filter(pl.col("value") == pl.col("value").max()),
    "by a window": lambda q: q.filter(pl.col("value") == pl.col("value").max().over("key")),
    "by null": lambda q: q.filter(pl.col("step_float").is_null()),
    "grouped": lambda q: q.group_by("experiment", "key").agg(pl.col("value").sum().round(9), pl.len()),
    "joined with itself": lambda q: q.join(q.filter(key="loss"), on=["run_id", "seq"]).select("run_id", "seq", "value"),
    "sorted, then cut": lambda q: q.sort("run_id", "key", "seq").slice(3, 7),
    "new columns": lambda q: q.with_columns(double=pl.col("value") * 2).filter(pl.col("double") > 0.5),
}


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("experiments", [1, 3, 12])
def test_a_query_answers_the_same_pushed_down_or_not(
    experiments: int, engine: Literal["in-memory", "streaming"], recorder: "Recorder", store: Store
) -> None:
    """Whatever of a query Polars hands down to the files, the answer is that of the whole table in memory."""
    fill(recorder, experiments)
    whole = store.metrics().collect()
    assert whole.height == 3 * 5 * 2 * experiments

    for query in QUERIES.values():
        found = query(store.metrics()).collect(engine=engine)
        assert_frame_equal(found, query(whole.lazy()).collect(), check_row_order=False)


@pytest.mark.parametrize("limit", [0, 1, 7, 29, 30, 31, 1000])
def test_a_limit_is_kept_exactly(limit: int, recorder: "Recorder", store: Store) -> None:
    """As many rows as asked, or as there are, across sealed and live parts."""
    fill(recorder, 1)

    assert store.metrics().head(limit).collect().height == min(limit, 30)
    assert store.metrics().filter(key="acc").head(limit).collect().height == min(limit, 15)
    assert store.params().head(limit).collect().height == min(limit, 6)


def test_small_chunks_give_the_same_rows(recorder: "Recorder", store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """How parts are grouped for reading doesn't show."""
    fill(recorder, 12)
    expected = store.metrics().collect()
    for name, value in (
        ("scan._CHUNK_BYTES", 1),
        ("scan._CHUNK_FILES", 1),
        ("scan._SMALL_BYTES", 0),
        ("query._FEW", 1),
    ):
        monkeypatch.setattr(f"readers.{name}", value)

        assert_frame_equal(store.metrics().collect(), expected, check_row_order=False)


def test_arguments_choose_rows(recorder: "Recorder", store: Store) -> None:
    """Keys, runs and experiments of a call mean the same as filters."""
    fill(recorder)

    assert store.metrics(keys=["loss"], runs=["r01", "r21"]).collect().height == 10
    assert set(store.metrics(experiments=["e2"]).collect()["run_id"]) == {"r02", "r12", "r22"}
    assert store.metrics(keys=[]).collect().is_empty()
    assert set(store.facts(kinds=["param"], experiments=["e0"]).collect()["key"]) == {"lr", "opt"}
    assert set(store.summaries(keys=["acc"], experiments=["e1"]).collect()["run_id"]) == {"r01", "r11", "r21"}
    assert store.runs(experiments=["e1"]).collect()["run_id"].to_list() == ["r01", "r11", "r21"]
    with pytest.raises(TypeError, match=r"\['loss'\]"):
        store.metrics(keys="loss")
    with pytest.raises(TypeError, match=r"\['e1'\]"):
        store.metrics(experiments="e1")


def test_a_name_too_long_for_a_folder_is_given_in_full(recorder: "Recorder", store: Store) -> None:
    """Live, sealed or compacted, an experiment has its own name in every table."""
    for run_id, experiment in (("a", LONG), ("b", LONG + "2"), ("c", "short")):
        recorder.start(run_id, experiment)
        recorder.log(run_id, {"loss": 1.0}, experiment=experiment)
    expected = [("a", LONG), ("b", LONG + "2"), ("c", "short")]

    def answers() -> list[list[tuple[str, str]]]:
        frames = (store.metrics(), store.facts(), store.summaries(), store.runs())
        return [sorted(set(frame.select("run_id", "experiment").collect().rows())) for frame in frames]

    assert answers() == [expected] * 4
    recorder.seal()
    assert answers() == [expected] * 4
    assert Store(store.root).metrics(experiments=[LONG]).collect()["run_id"].to_list() == ["a"]
    recorder.log("a", {"loss": 2.0}, experiment=LONG)
    recorder.seal()
    compact(recorder.layout)
    assert answers() == [expected] * 4
    assert store.metrics().filter(experiment=LONG).collect().height == 2


def test_only_takes_what_the_columns_allow() -> None:
    """Of conditions joined by "and", those over other columns are dropped; "or" isn't taken apart."""
    a, b = pl.col("a") > 1, pl.col("b") == "x"
    frame = pl.DataFrame({"a": [0, 2, 3]})

    found = only(a & b & (pl.col("a") < 3), ["a"])
    assert found is not None
    assert frame.filter(found)["a"].to_list() == [2]
    assert only(a | b, ["a"]) is None
    assert only(None, ["a"]) is None
    assert only(pl.lit(value=True), ["a"]) is None


def test_queries_of_several_threads_agree(recorder: "Recorder", store: Store) -> None:
    """One Store serves many threads at once, and many sources in one query."""
    fill(recorder)
    together = pl.collect_all([store.metrics().select(pl.len()) for _ in range(20)])
    united = pl.concat([store.metrics()] * 20).select(pl.len()).collect(engine="streaming")

    assert {frame.item() for frame in together} == {90}
    assert united.item() == 20 * 90


def test_an_error_of_a_query_blames_no_file(
    recorder: "Recorder", store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A filter that can't be computed raises Polars' own error, and no file is blamed for it."""
    fill(recorder)
    with caplog.at_level(logging.WARNING, "steplog"), pytest.raises(pl.exceptions.PolarsError):
        store.metrics().filter(pl.col("key").str.to_integer() > 1).collect()

    assert store.damaged() == []
    assert caplog.records == []
