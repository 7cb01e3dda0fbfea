"""RunTable: runs side by side, whether they come from a store or from the records of one."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.errors import ExperimentNotFound, LookupFailed, MetricNotFound, RunNotFound
from readers.runtable import RunTable
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

PARAMS: dict[str, dict[str, Any]] = {
    "a": {"lr": 0.1, "layers": 3, "amp": True, "optimizer": "adam", "seed": 1, "nested": {"x": {"y": 1}}, "odd": [1]},
    "b": {"lr": 1e-05, "layers": 3, "amp": False, "optimizer": 'say "x"', "seed": "1", "nan": math.nan, "none": None},
    "c": {"lr": 1, "long": 1 << 3000, "inf": -math.inf, "é": "\N{SNOWMAN}", "nested": {}, "-0": -0.0},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_recorder: "type[Recorder]") -> Iterator[Store]:
    """Three runs of one experiment with params of all kinds, and one of another."""
    recorder = new_recorder(tmp_path_factory.mktemp("study") / "store")
    for run_id, params in PARAMS.items():
        recorder.start(run_id)
        recorder.params(run_id, params)
        recorder.tags(run_id, {"team": run_id.upper()})
    for value in (3.0, 1.0, 2.0):
        recorder.log("a", {"loss": value, "acc": value / 10})
    recorder.log("b", {"loss": math.nan})
    recorder.log("c", {"acc": 0.5})
    for run_id in PARAMS:
        recorder.end(run_id)
    recorder.start("other", experiment="f")
    recorder.tags("c", {"lr": "tagged"})
    recorder.flush()
    yield Store(recorder.layout.root)
    recorder.close()


def test_runs_come_in_the_order_asked_for(study: Store) -> None:
    """Each once; by start, when none are named."""
    assert RunTable.read(study, ["c", "a", "c"]).run_ids == ["c", "a"]
    assert RunTable.read(study, experiments=["e"]).names == ["name of a", "name of b", "name of c"]
    assert RunTable.read(study).run_ids == ["a", "b", "c", "other"]
    assert len(RunTable.read(study, [])) == 0


def test_what_is_not_there_is_named(study: Store) -> None:
    """Unknown runs, experiments, metrics and names, with what there is."""
    table = RunTable.read(study)
    with pytest.raises(RunNotFound, match=r"no run 'd'.*there is: other, c, b, a"):
        RunTable.read(study, ["a", "d"])
    with pytest.raises(ExperimentNotFound, match=r"no experiment 'g'.*there is: e, f"):
        RunTable.read(study, experiments=["g"])
    with pytest.raises(MetricNotFound, match="no metric 'los'; did you mean 'loss'"):
        table.metric("los")
    with pytest.raises(LookupFailed, match="no param, tag or column 'optimiser'; did you mean 'optimizer'"):
        table.value("optimiser")
    with pytest.raises(ValueError, match="no statistic 'median'; there is: last, best"):
        table.metric("loss", "median")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"as in \['a'\]"):
        RunTable.read(study, "a")


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("last", 2.0), ("best", 1.0), ("min", 1.0), ("max", 3.0), ("mean", 2.0), ("first", 3.0)],
)
def test_a_metric_is_one_number_a_run(study: Store, statistic: Any, expected: float) -> None:
    """NaN where it was NaN or the run doesn't have it."""
    found = RunTable.read(study, ["c", "b", "a"]).metric("loss", statistic)

    assert np.array_equal(found, [math.nan, math.nan, expected], equal_nan=True)


def test_best_goes_the_way_that_is_asked_for(study: Store) -> None:
    """By the name, unless the call says otherwise."""
    table = RunTable.read(study, ["a"])

    assert table.metric("acc", "best").tolist() == [0.3]
    assert table.metric("acc", "best", "minimize").tolist() == [0.1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lr", "float"), ("layers", "int"), ("amp", "bool"), ("optimizer", "text"), ("seed", "mixed"),
        ("nan", "float"), ("odd", "mixed"), ("none", "mixed"), ("long", "int"), ("inf", "float"), ("absent", "text"),
    ],
)  # fmt: skip
def test_a_param_knows_what_all_its_values_are(study: Store, name: str, kind: str) -> None:
    """Whole numbers, numbers, booleans, texts, or mixed; runs that lack it don't count."""
    assert RunTable.read(study).param(name).kind == kind


def test_a_param_is_there_as_numbers_and_as_texts(study: Store) -> None:
    """NaN and None where the run lacks it."""
    table = RunTable.read(study, experiments=["e"])

    assert table.param("lr").numbers.tolist() == [0.1, 1e-05, 1.0]
    assert table.param("lr").texts == ["0.1", "1e-05", "1"]
    assert np.array_equal(table.param("amp").numbers, [1.0, 0.0, math.nan], equal_nan=True)
    assert table.param("optimizer").texts == ["adam", 'say "x"', None]
    assert table.param("nested.x.y").texts == ["1", None, None]
    assert table.param("long").numbers[2] == math.inf
    assert math.copysign(1, table.param("-0").numbers[2]) == -1


def test_a_bare_name_is_a_param_then_a_tag_then_a_column(study: Store) -> None:
    """A prefix says which is meant."""
    table = RunTable.read(study, ["c"])

    assert table.value("lr").texts == ["1"]
    assert table.value("tags.lr").texts == ["tagged"]
    assert table.value("team").texts == ["C"]
    assert table.value("status").texts == ["FINISHED"]


def test_the_wide_form_has_types(study: Store) -> None:
    """A column is of numbers where every run that has it holds a number, else of texts; missing is null."""
    wide = RunTable.read(study, experiments=["e"]).wide(tags=None, statistics=["last", "min", "best"])

    assert wide.schema["params.lr"] == pl.Float64
    assert wide.schema["params.layers"] == pl.Int64
    assert wide.schema["params.amp"] == pl.Boolean
    assert wide.schema["params.seed"] == pl.String
    assert wide["params.optimizer"].to_list() == ["adam", 'say "x"', None]
    assert wide["params.layers"].to_list() == [3, 3, None]
    assert wide["tags.team"].to_list() == ["A", "B", "C"]
    assert wide["metrics.acc"].to_list() == [0.2, None, 0.5]
    assert wide["metrics.acc.min"].to_list() == [0.1, None, 0.5]
    assert wide["metrics.acc.best"].to_list() == [0.3, None, 0.5]


def test_names_that_mean_something_else_to_a_frame_are_only_names() -> None:
    """A param or metric may be called as a column of runs, as a pattern, or as a statistic of another."""
    values = {"run_id": 3, "*": 1, "^.*$": True, "status": "x", "key": 2.5}
    metrics = {"run_id": 1.0, "*": 2.0, "^.*$": 3.0, "last": 4.0, "last.last": 5.0}
    table = RunTable.of_records([{"run_id": "a", "params": values, "metrics": metrics, "tags": values}])
    wide = table.wide(tags=None)
    found = wide.row(0, named=True)

    assert wide.columns[: len(table.runs.columns)] == table.runs.columns
    assert {name: found[f"params.{name}"] for name in values} == values
    assert {name: found[f"tags.{name}"] for name in values} == values
    assert {name: found[f"metrics.{name}"] for name in metrics} == metrics


def test_the_wide_form_has_what_is_asked_for(study: Store) -> None:
    """These names and no others; the columns of runs stay."""
    table = RunTable.read(study)

    assert table.wide(["loss"], ["lr"]).columns == [*table.runs.columns, "params.lr", "metrics.loss"]
    assert table.wide([], []).equals(table.runs)
    with pytest.raises(TypeError, match=r"as in \['loss'\]"):
        table.wide("loss")
    with pytest.raises(ValueError, match="no statistic 'median'"):
        table.wide(statistics=["median"])  # type: ignore[list-item]


def test_records_give_the_same_as_the_store(study: Store) -> None:
    """Params of every kind, bit by bit; of metrics the last values."""
    read, of_records = RunTable.read(study, experiments=["e"]), RunTable.of_records(study.experiment_runs("e"))
    columns = ["run_id", "key", "value", "number", "text"]

    assert of_records.run_ids == read.run_ids
    assert of_records.names == read.names
    for what in ("params", "tags"):
        left, right = (getattr(table, what).select(columns).sort("run_id", "key") for table in (of_records, read))
        assert_frame_equal(left, right, check_exact=True)
    assert np.array_equal(of_records.metric("loss"), read.metric("loss"), equal_nan=True)
    assert of_records.metric_names == read.metric_names
    assert of_records.wide(params=["lr"])["params.lr"].to_list() == read.wide(params=["lr"])["params.lr"].to_list()
    for kind in ("param", "tag"):
        assert_frame_equal(
            of_records.logged(kind).sort("run_id", "key"), read.logged(kind).sort("run_id", "key"), check_exact=True
        )


def test_records_may_be_written_by_hand() -> None:
    """Values of any type that a log call takes; what else a record has, or lacks, doesn't matter."""
    params = {"lr": np.float32(0.5), "n": np.int64(3), "path": PurePosixPath("a/b"), "deep": {"x": np.bool_(1)}, 7: "k"}
    metrics = {"loss": np.float32(0.25), "acc": 1, "f": Fraction(1, 4), "none": None}
    table = RunTable.of_records([{"run_id": 1, "params": params, "metrics": metrics, "note": object()}])

    assert table.run_ids == table.names == ["1"]
    assert {name: table.param(name).texts[0] for name in table.param_names} == {
        "7": "k", "deep.x": "true", "lr": "0.5", "n": "3", "path": "a/b",
    }  # fmt: skip
    assert table.param("n").numbers.tolist() == [3.0]
    assert {name: table.metric(name)[0] for name in table.metric_names} == {
        "acc": 1.0, "f": 0.25, "loss": 0.25,
    }  # fmt: skip
    assert table.tags.is_empty()
    assert RunTable.of_records([]).param_names == []


def test_records_keep_their_times() -> None:
    """With a zone, as get_experiment_runs gives them."""
    start = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    table = RunTable.of_records([{"run_id": "r", "params": {}, "metrics": {}, "start_time": start}])

    assert table.runs["start_time"].dt.epoch("us").to_list() == [round(start.timestamp() * 1e6)]


@pytest.mark.parametrize(
    ("runs", "error", "says"),
    [
        (["a"], TypeError, r"runs\[0\] is 'a'"),
        ("abc", TypeError, "runs is a str"),
        ({"run_id": "a"}, TypeError, "runs is a dict"),
        ([{"run_id": "a", "params": {}}], ValueError, r"runs\[0\] has no 'metrics'; it has: run_id, params"),
        ([{"run_id": "a", "params": [1], "metrics": {}}], TypeError, r"runs\[0\]\['params'\] is \[1\]"),
        ([{"run_id": "a", "params": {}, "metrics": {"m": "x"}}], TypeError, r"\['metrics'\]\['m'\] is 'x'"),
    ],
)
def test_what_is_no_record_is_refused(runs: Any, error: type[Exception], says: str) -> None:
    """Saying which, and what is wrong with it."""
    with pytest.raises(error, match=says):
        RunTable.of_records(runs).metric("m")


def test_records_know_only_the_last_value(study: Store) -> None:
    """And say so."""
    table = RunTable.of_records(study.experiment_runs("e"))

    with pytest.raises(ValueError, match="records tell only the last value of 'loss', not its min; give run ids"):
        table.metric("loss", "best")
    with pytest.raises(ValueError, match="records tell only the last value of a metric"):
        table.wide(statistics=["best"])


def test_what_was_logged_comes_whole(study: Store) -> None:
    """Nested params as one value; only the runs asked for; other kinds of facts by their name."""
    table = RunTable.read(study, ["a", "b"])
    (nested,) = table.logged("param", ["a"]).filter(key="nested")["value"]

    assert nested == '{"x": {"y": 1}}'
    assert set(table.logged("param")["run_id"]) == {"a", "b"}
    assert table.logged("env").is_empty()
