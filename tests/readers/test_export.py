"""Export: one file with every row, whole or not there, and safe to open."""

import csv
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from readers import export as exporting
from readers.export import export, history, of_all_runs, of_runs, spreadsheet_safe
from readers.store import Store

FRAME = pl.DataFrame(
    {
        "run_name": ["a", "=1+1", None, 'x,"y"\nz'],
        "value": [1.5, math.nan, -math.inf, None],
        "count": [1, -2, None, 4],
        "time": [datetime(2026, 11, 23, 9, 0, 0, 5, tzinfo=UTC), None, None, None],
        "flag": [True, False, None, True],
    },
    schema_overrides={"time": pl.Datetime("us", "UTC")},
)


def tree(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def test_parquet_holds_everything_exactly(tmp_path: Path) -> None:
    """NaN, nothing, and texts as they are."""
    written = export([FRAME, FRAME], tmp_path / "deep" / "er" / "a.parquet")

    assert pl.read_parquet(written.path).equals(pl.concat([FRAME, FRAME]))
    assert (written.rows, written.size) == (8, written.path.stat().st_size)
    assert tree(written.path.parent) == {"a.parquet"}


def test_json_is_valid_and_says_nan_in_words(tmp_path: Path) -> None:
    """One array; the same rows a line each."""
    rows = json.loads(export([FRAME], tmp_path / "a.json").path.read_text(), parse_constant=pytest.fail)
    lines = [json.loads(line) for line in export([FRAME], tmp_path / "a.jsonl").path.read_text().splitlines()]

    assert rows == lines
    assert [row["value"] for row in rows] == [1.5, "NaN", "-Infinity", None]
    assert rows[0]["time"] == "2026-11-23T09:00:00.000005Z"
    assert rows[3]["run_name"] == 'x,"y"\nz'


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".json", ".jsonl", ".ndjson"])
def test_no_rows_are_a_file_too(tmp_path: Path, suffix: str) -> None:
    """With the headings, where there are some."""
    written = export([FRAME.clear()], tmp_path / f"a{suffix}")

    assert written.rows == 0
    assert written.path.exists()


def test_csv_is_read_back(tmp_path: Path) -> None:
    """By Python's own reader: one heading, each cell as text."""
    path = export([FRAME.head(2), FRAME.tail(2)], tmp_path / "a.csv").path
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert [row["value"] for row in rows] == ["1.5", "NaN", "-inf", ""]
    assert rows[1]["run_name"] == "'=1+1"
    assert rows[3]["run_name"] == 'x,"y"\nz'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),  # noqa: RUF001 - the full-width sign
        ("-0.5", "-0.5"),
        ("+1e5", "+1e5"),
        ("a=1", "a=1"),
        ("", ""),
        ("'=1", "'=1"),
    ],
)
def test_formulas_are_defused(text: str, expected: str) -> None:
    """In cells and in headings; what says a number stays one."""
    safe = spreadsheet_safe(pl.DataFrame({"x": [text]}))
    heads = spreadsheet_safe(pl.DataFrame({"=1": [1.0], "x": [2.0]})).columns

    assert safe["x"].to_list() == [expected]
    assert heads == ["'=1", "x"]


def test_a_file_that_is_there_stays_unless_asked(tmp_path: Path) -> None:
    """And nothing is left beside it."""
    path = tmp_path / "a.csv"
    path.write_text("mine")

    with pytest.raises(FileExistsError, match="it is there already"):
        export([FRAME], path)
    assert path.read_text() == "mine"
    assert export([FRAME], path, replace=True).rows == 4
    assert tree(tmp_path) == {"a.csv"}


def test_a_file_that_comes_meanwhile_stays_too(tmp_path: Path) -> None:
    """The last look is the placing itself."""
    path = tmp_path / "a.csv"

    def frames() -> Iterator[pl.DataFrame]:
        yield FRAME
        path.write_text("mine")

    with pytest.raises(FileExistsError):
        export(frames(), path)

    assert (path.read_text(), tree(tmp_path)) == ("mine", {"a.csv"})


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """What was there is there still, and no scratch."""
    path = tmp_path / "a.parquet"
    path.write_text("mine")

    def frames() -> Iterator[pl.DataFrame]:
        yield FRAME
        raise RuntimeError("the disk is on fire")

    with pytest.raises(RuntimeError):
        export(frames(), path, replace=True)

    assert (path.read_text(), tree(tmp_path)) == ("mine", {"a.parquet"})


@pytest.mark.parametrize("name", ["a.xls", "a", "a.csv.zip"])
def test_another_suffix_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written."""
    with pytest.raises(ValueError, match=r"must end in \.parquet, \.csv, \.json, \.jsonl, \.ndjson"):
        export([FRAME], tmp_path / name)
    assert tree(tmp_path) == set()


def test_history_is_every_point_in_order(recorder: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run by run, in as many pieces as it takes."""
    for run_id in ("r2", "r1", "r0"):
        recorder.start(run_id)
        for step in (2, 1, 1.5):
            recorder.log(run_id, {"b": step, "a": -step}, step)
    recorder.start("empty")
    recorder.flush()
    monkeypatch.setattr(exporting, "_POINTS_AT_ONCE", 5)
    pieces = list(history(store, store.runs().collect()))
    points = pl.concat(pieces)

    assert len(pieces) > 1
    assert points["run_id"].to_list() == ["r2"] * 6 + ["r1"] * 6 + ["r0"] * 6
    assert points.head(6)["key"].to_list() == ["a"] * 3 + ["b"] * 3
    assert points.head(3).select("step", "step_float", "value").rows() == [
        (2, None, -2.0),
        (1, None, -1.0),
        (None, 1.5, -1.5),
    ]


def test_a_run_larger_than_memory_is_read_metric_by_metric(
    recorder: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same order, with small runs around it, and with points whose summary is damaged."""
    for run_id, keys in (("r0", "a"), ("r1", "dbcae"), ("r2", "ab"), ("r3", "ab")):
        recorder.start(run_id)
        for step in range(4):
            recorder.log(run_id, dict.fromkeys(keys, float(step)), step)
    recorder.seal()
    recorder.log("r1", {"z": 1.0}, 0)
    recorder.seal()
    runs = store.runs().collect()
    whole = pl.concat(history(store, runs))
    monkeypatch.setattr(exporting, "_POINTS_AT_ONCE", 8)
    monkeypatch.setattr(exporting, "_MOST_AT_ONCE", 12)
    pieces = list(history(store, runs))

    assert pl.concat(pieces).equals(whole)
    assert max(piece.height for piece in pieces) <= 16
    assert len([piece for piece in pieces if piece["run_id"].unique().to_list() == ["r1"]]) >= 3
    newest = max(recorder.layout.partition("summaries", "e").iterdir())
    newest.write_bytes(newest.read_bytes()[:-9])
    damaged = Store(store.root)
    assert sum(piece.height for piece in history(damaged, damaged.runs().collect())) == whole.height


def test_no_runs_have_an_empty_history(recorder: Any, store: Store) -> None:
    """With its columns, for the file's heading."""
    recorder.start("r")
    recorder.flush()
    runs = store.runs().collect()

    assert [piece.height for piece in history(store, runs.clear())] == [0]
    assert next(iter(history(store, runs))).columns[-1] == "value"


def test_params_of_runs_are_in_their_order(recorder: Any, store: Store) -> None:
    """And those of other runs stay away."""
    for run_id in ("r0", "r1", "r2"):
        recorder.start(run_id)
        recorder.params(run_id, {"z": 1, "a": "x"})
    recorder.flush()
    runs = store.runs().collect()
    rows = of_runs(store.params(), runs[[2, 0]])

    assert rows.select("run_id", "run_name", "key").rows() == [
        ("r2", "name of r2", "a"),
        ("r2", "name of r2", "z"),
        ("r0", "name of r0", "a"),
        ("r0", "name of r0", "z"),
    ]


def test_many_runs_are_read_a_few_at_a_time(recorder: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in the same order as at once."""
    for run_id in ("r0", "r1", "r2"):
        recorder.start(run_id)
        recorder.params(run_id, {"z": 1, "a": "x"})
    recorder.flush()
    runs = store.runs().collect()
    monkeypatch.setattr(exporting, "_RUNS_AT_ONCE", 2)
    pieces = list(of_all_runs(store.params, runs))

    assert [piece.height for piece in pieces] == [4, 2]
    assert pl.concat(pieces).equals(of_runs(store.params(), runs))
    assert [piece.height for piece in of_all_runs(store.params, runs.clear())] == [0]
