"""CSV logs: Lightning's, and any with a step column; sparse, odd, spoilt."""

import os
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ImportFailed
from readers.imports.csvlogs import CsvLogs
from readers.imports.importer import import_runs
from readers.imports.outcome import ImportReport
from readers.store import Store

LIGHTNING = "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.75\n1,19,0.25,\n1,19,,nan\n"
HPARAMS = "betas: !!python/tuple\n- 0.9\n- 0.999\nlr: 0.001\nmodel:\n  depth: 3\n"


def write(path: Path, text: str | bytes) -> Path:
    """A file, its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def take(source: Path, store: Path, **options: Any) -> ImportReport:
    """Import it."""
    return import_runs(CsvLogs(source, **options), store)


def values(store: Path) -> dict[str, list[tuple[Any, float]]]:
    """(step, value) of each key."""
    found: dict[str, list[tuple[Any, float]]] = {}
    for key, step, value in Store(store).metrics().collect().sort("seq").select("key", "step", "value").iter_rows():
        found.setdefault(key, []).append((step, value))
    return found


def test_lightnings_folders_are_runs(tmp_path: Path) -> None:
    """Sparse columns, params, version_10 after version_2; the files' times, as there are no others."""
    for number in (0, 2, 10):
        folder = tmp_path / f"lightning_logs/version_{number}"
        metrics, hparams = write(folder / "metrics.csv", LIGHTNING), write(folder / "hparams.yaml", HPARAMS)
        os.utime(hparams, (1_700_000_000 + number, 1_700_000_000 + number))
        os.utime(metrics, (1_700_000_100 + number, 1_700_000_100 + number))
    report = take(tmp_path / "lightning_logs", tmp_path / "store")
    runs = Store(tmp_path / "store").experiment_runs("lightning_logs")

    assert [run["run_name"] for run in runs] == ["version_0", "version_2", "version_10"]
    assert runs[0]["params"] == {"betas": [0.9, 0.999], "lr": 0.001, "model": {"depth": 3}}
    assert (report.points, report.problems, report.notes) == (3 * 8, [], [])
    assert runs[0]["start_time"] is not None
    assert runs[0]["end_time"] is not None
    assert (runs[0]["end_time"] - runs[0]["start_time"]).total_seconds() == 100
    assert repr(values(tmp_path / "store")["val_loss"][:2]) == "[(9, 0.75), (19, nan)]"
    assert values(tmp_path / "store")["epoch"][:4] == [(9, 0.0), (9, 0.0), (19, 1.0), (19, 1.0)]


def test_a_log_that_has_grown_gives_its_new_rows(tmp_path: Path) -> None:
    """The file's time is another then, and that changes no old point."""
    path = write(tmp_path / "logs/version_0/metrics.csv", LIGHTNING)
    take(tmp_path / "logs", tmp_path / "store")
    write(path, LIGHTNING + "2,29,0.125,\n")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    again = take(tmp_path / "logs", tmp_path / "store")

    assert (again.points, again.continued, again.problems) == (2, 1, [])


@pytest.mark.parametrize(
    "text",
    [
        "step,time,loss\n1,1700000000.5,0.5\n2,1700000001,0.25\n",
        "loss;timestamp;step\n0.5;1700000000500;1.0\n0.25;1700000001000;2.0\n",
        "step\tdate\tloss\n1\t2023-11-14T22:13:20.5+00:00\t0.5\n2\t2023-11-14 22:13:21\t.25\n",
        "iteration,created_at,loss\n1,2023-11-14T22:13:20.500Z,5e-1\n2,1700000001000000000,0.25",
        "\ufeffstep,time,loss,note\r\n1,1700000000.5,0.5,a\r\n2,1700000001,0.25,b\r\n",
    ],
)
def test_any_csv_with_a_step_and_a_time(tmp_path: Path, text: str) -> None:
    """Delimiters, units of time, zones, a byte order mark; a column of words is left out."""
    take(write(tmp_path / "mine.csv", text), tmp_path / "store", experiment="e")
    rows = Store(tmp_path / "store").metrics().collect().sort("seq")

    assert values(tmp_path / "store") == {"loss": [(1, 0.5), (2, 0.25)]}
    assert rows["time"].dt.epoch("us").to_list() == [1_700_000_000_500_000, 1_700_000_001_000_000]
    assert Store(tmp_path / "store").runs().collect().select("run_name", "experiment").row(0) == ("mine", "e")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_other_encodings_are_known_by_their_mark(tmp_path: Path, encoding: str) -> None:
    """Names stay what they are."""
    take(write(tmp_path / "x.csv", "step,größe\n1,2\n".encode(encoding)), tmp_path / "store")

    assert values(tmp_path / "store") == {"größe": [(1, 2.0)]}


def test_columns_may_be_named(tmp_path: Path) -> None:
    """Where they have other names; a name that isn't there is said with those that are."""
    path = write(tmp_path / "x.csv", "n,at,loss\n1,1700000000,0.5\n")
    take(path, tmp_path / "store", step="n", time="at")
    report = take(path, tmp_path / "other", step="k")

    assert values(tmp_path / "store") == {"loss": [(1, 0.5)]}
    assert report.problems[0].endswith("there is no column 'k'; there is: n, at, loss")


def test_a_time_that_counts_from_the_start_is_a_metric(tmp_path: Path) -> None:
    """So is one without any order."""
    take(write(tmp_path / "x.csv", "step,time,loss\n1,0.5,3\n2,1.5,2\n"), tmp_path / "store")

    assert values(tmp_path / "store")["time"] == [(1, 0.5), (2, 1.5)]


def test_odd_cells_are_left_out_and_said_with_their_line(tmp_path: Path) -> None:
    """Words among numbers, a step that is none, too many cells, a last line that was being written."""
    text = "step,loss\n1,0.5\n2,oops\nthree,1\n4,1,9\n5,1_000\n6,True\n6,inf\n7"
    path = write(tmp_path / "x.csv", text)
    report = take(path, tmp_path / "store")

    assert values(tmp_path / "store") == {"loss": [(1, 0.5), (6, 1.0), (6, float("inf"))]}
    assert [line.removeprefix(f"{path}: ").split(":")[0] for line in report.problems] == [
        "line 4",
        "line 5",
        "line 9",
        "line 3",
    ]
    assert "2 such cells" in report.problems[-1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"step,loss\n1,\xff\n", "line 2 is not UTF-8 at its byte 2"),
        (b"a,a\n1,2\n", "names 'a' twice"),
        (b"", "no header"),
        (b'a,b\n1,"' + b"x" * 200_000, "field larger"),
        (b"," * 30_000, "no header"),
        (b"a," * 30_000, "30,001 columns"),
    ],
)
def test_a_file_that_is_no_table_is_left_out(tmp_path: Path, data: bytes, words: str) -> None:
    """And said, with its name; the others come."""
    path = write(tmp_path / "logs/bad.csv", data)
    write(tmp_path / "logs/good.csv", "step,loss\n1,2\n")
    report = take(tmp_path / "logs", tmp_path / "store")

    assert (report.runs, report.left_out, len(report.problems)) == (1, 1, 1)
    assert words in report.problems[0]
    assert str(path) in report.problems[0]


@pytest.mark.parametrize("text", ["a: !!python/object:os.system {}\n", "- 1\n", "a: [", "\x00: \x01: x"])
def test_params_that_cannot_be_read_keep_no_metrics_back(tmp_path: Path, text: str) -> None:
    """They are said, and nothing is run."""
    write(tmp_path / "logs/version_0/metrics.csv", LIGHTNING)
    path = write(tmp_path / "logs/version_0/hparams.yaml", text)
    report = take(tmp_path / "logs", tmp_path / "store")

    assert report.points == 8
    assert [(str(path) in line, "without its params" in line) for line in report.problems] in ([(True, True)], [])


def test_nothing_of_the_kind_is_said(tmp_path: Path) -> None:
    """With what to give."""
    with pytest.raises(ImportFailed, match="lightning_logs"):
        CsvLogs(tmp_path)


def test_a_pipe_does_not_hold_the_import_up(tmp_path: Path) -> None:
    """It is no file."""
    (tmp_path / "logs").mkdir()
    os.mkfifo(tmp_path / "logs/a.csv")
    write(tmp_path / "logs/b.csv", "step,loss\n1,2\n")
    report = take(tmp_path / "logs", tmp_path / "store")

    assert (report.runs, report.left_out) == (1, 1)
