"""steplog export --format: a store's tables as Delta Lake or Iceberg tables."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Steplog = Callable[..., Any]


def test_all_tables_go_to_delta(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """One line a table; JSON tells the same; a second time is refused, and with --force a new version."""
    pytest.importorskip("deltalake")
    to = tmp_path / "lake"
    said = steplog("export", "--format", "delta", "--to", to, "--store", study)
    refused = steplog("export", "--format", "delta", "--to", to, "--store", study)
    again = steplog("export", "--format", "DELTA", "--to", to, "--force", "--json", "--store", study)
    told = {table["table"]: table["rows"] for table in json.loads(again.out)["tables"]}

    assert (said.code, said.err) == (0, "")
    assert [line.split()[0] for line in said.out.splitlines()] == [str(to / table) for table in told]
    assert f"{to}/runs  17 rows" in said.out
    assert (refused.code, refused.out) == (2, "")
    assert f"{to}/metrics is there already; --force makes a new version of it" in refused.err
    assert told == {table: pl.scan_delta(to / table).collect().height for table in told}
    assert (told["runs"], told["metrics"], json.loads(again.out)["left_out"]) == (17, 16 * 15, [])


def test_what_is_chosen_is_exported(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """One table, of an experiment, of runs that fit a filter."""
    pytest.importorskip("deltalake")
    options = ("study", "--what", "params", "--filter", "seed = 0 AND optimizer.name = 'sgd'")
    said = steplog("export", *options, "--format", "delta", "--to", tmp_path / "lake", "--store", study)
    found = pl.scan_delta(tmp_path / "lake" / "params").collect()

    assert (said.code, [path.name for path in (tmp_path / "lake").iterdir()]) == (0, ["params"])
    assert found["run_id"].n_unique() == 2
    assert found.height == 2 * 4


def test_damaged_files_are_left_out_and_said(steplog: Steplog, store: Path, tmp_path: Path) -> None:
    """The rest is exported."""
    pytest.importorskip("deltalake")
    part = next((store / "metrics" / "experiment=text").iterdir())
    part.write_bytes(part.read_bytes()[:-5])
    said = steplog("export", "--format", "delta", "--to", tmp_path / "lake", "--store", store)

    assert said.code == 0
    assert "Left out: 1 damaged file; 'steplog check' lists them." in said.out
    assert pl.scan_delta(tmp_path / "lake" / "metrics").collect()["experiment"].unique().to_list() == ["vision/resnet"]


def test_iceberg_tables_lie_in_a_folder_or_a_configured_catalog(study: Path, tmp_path: Path) -> None:
    """The catalog is found by the name that pyiceberg's configuration gives it."""
    pytest.importorskip("pyiceberg")
    environment = {
        **os.environ,
        "PYICEBERG_CATALOG__PROD__TYPE": "sql",
        "PYICEBERG_CATALOG__PROD__URI": f"sqlite:///{tmp_path}/prod.db",
        "PYICEBERG_CATALOG__PROD__WAREHOUSE": f"file://{tmp_path}/prod",
    }
    (tmp_path / "prod").mkdir()
    for to in (["--to", str(tmp_path / "lake")], ["--to", "ml", "--catalog", "prod"]):
        asked = [sys.executable, "-m", "tracker.cli", "export", "--format", "iceberg", "--what", "runs", *to]
        done = subprocess.run(
            [*asked, "--store", str(study)], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "17 rows" in done.stdout

    assert [*(tmp_path / "lake" / "steplog" / "runs" / "data").iterdir()]
    assert [*(tmp_path / "prod" / "ml" / "runs" / "data").iterdir()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--to", "s3://bucket/a.parquet"), "a file is written on this machine, not to 's3://bucket/a.parquet'"),
        (("--to", "lake", "--catalog", "prod"), "--catalog is for --format iceberg"),
        (("--to", "lake", "--format", "delta", "--catalog", "prod"), "--catalog is for --format iceberg"),
        (("--to", "lake", "--format", "delta", "--statistic", "max"), "--statistic is for files"),
        (("--to", "lake", "--format", "delta", "nope"), "no experiment 'nope'"),
        (("--to", "s3://bucket/lake", "--format", "iceberg"), "an Iceberg table needs a catalog"),
        (("--to", "s3://", "--format", "delta"), "the address 's3://' is refused: it names no bucket"),
    ],
)
def test_what_does_not_go_together_is_refused(
    steplog: Steplog,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    """In one line; nothing is made."""
    pytest.importorskip("deltalake")
    pytest.importorskip("pyiceberg")
    monkeypatch.chdir(tmp_path)
    said = steplog("export", *options, "--store", study)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"steplog: {message}")
    assert [*tmp_path.iterdir()] == []


def test_a_missing_library_is_one_line(
    steplog: Steplog, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "deltalake", None)
    said = steplog("export", "--format", "delta", "--to", tmp_path / "lake", "--store", study)

    assert (said.code, said.out) == (1, "")
    assert said.err == "steplog: Delta tables need deltalake: pip install 'steplog[delta]'\n"
