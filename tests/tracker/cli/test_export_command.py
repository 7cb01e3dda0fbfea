"""steplog export: tables as files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Steplog = Callable[..., Any]


@pytest.mark.parametrize(
    ("what", "rows"),
    [("runs", 16), ("metrics", 16 * 15), ("params", 16 * 4), ("tags", 16), ("summaries", 16 * 7)],
)
def test_every_table_can_be_written(steplog: Steplog, study: Path, tmp_path: Path, what: str, rows: int) -> None:
    """Of one experiment, in each format the same rows."""
    paths = [tmp_path / f"out/a{suffix}" for suffix in (".parquet", ".csv", ".jsonl")]
    for path in paths:
        said = steplog("export", "study", "--what", what, "--to", path, "--store", study)
        assert (said.code, said.err) == (0, "")
    parquet, text, lines = pl.read_parquet(paths[0]), pl.read_csv(paths[1]), pl.read_ndjson(paths[2])

    assert [parquet.height, text.height, lines.height] == [rows] * 3
    assert parquet.columns == text.columns == lines.columns
    assert f"{rows} row" in said.out


def test_facts_are_the_whole_story(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """Of all experiments, when none is named."""
    steplog("export", "--what", "facts", "--to", tmp_path / "a.parquet", "--store", study)
    facts = pl.read_parquet(tmp_path / "a.parquet")

    assert facts["run_id"].n_unique() == 17
    assert {"run", "param", "tag", "end"} <= set(facts["kind"])


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--run", "trial-03", "--run", "trial-01"), ["trial-03", "trial-01"]),
        (("--filter", "seed = 0 AND optimizer.name = 'sgd'"), ["trial-01", "trial-03"]),
        (("--run", "trial-03", "--run", "trial-02", "--filter", "optimizer.name = 'sgd'"), ["trial-03"]),
        (("--filter", "seed > 99"), []),
    ],
)
def test_runs_are_chosen(
    steplog: Steplog, study: Path, tmp_path: Path, options: tuple[str, ...], names: list[str]
) -> None:
    """By name, by filter, by both."""
    said = steplog("export", "study", "--to", tmp_path / "a.parquet", "--json", "--store", study, *options)
    frame = pl.read_parquet(tmp_path / "a.parquet")

    assert frame["run_name"].to_list() == names
    assert json.loads(said.out)["rows"] == len(names)


def test_statistics_are_columns(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """The last value is the metric's own column."""
    path = tmp_path / "a.parquet"
    steplog("export", "study", "--statistic", "last", "--statistic", "max", "--to", path, "--store", study)
    columns = pl.read_parquet(path).columns

    assert {"metrics.val/loss", "metrics.val/loss.max", "params.optimizer.lr", "tags.team"} < set(columns)


def test_a_formula_is_defused_in_csv_only(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """The run "=cmd" has a param "=1+1"."""
    for suffix in ("csv", "json"):
        steplog("export", "other", "--to", tmp_path / f"a.{suffix}", "--store", study)

    assert ",'=cmd," in (tmp_path / "a.csv").read_text()
    assert json.loads((tmp_path / "a.json").read_text())[0]["params.note"] == "=1+1"


def test_a_file_is_replaced_only_with_force(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """Which the message says."""
    path = tmp_path / "a.csv"
    path.write_text("mine")
    refused = steplog("export", "--to", path, "--store", study)

    assert (refused.code, path.read_text()) == (2, "mine")
    assert "--force replaces it" in refused.err
    assert steplog("export", "--to", path, "--force", "--store", study).code == 0
    assert path.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("stdy", "--to", "a.csv"), 2, "no experiment 'stdy'; did you mean 'study'?"),
        (("--run", "nope", "--to", "a.csv"), 2, "no run 'nope'"),
        (("--to", "a.xls"), 2, "the suffix says the format"),
        (("--filter", "nope = 1", "--to", "a.csv"), 2, "no param, metric, tag or column 'nope'"),
        (("--to", "/dev/null/a.csv"), 1, "File exists"),
    ],
)
def test_what_goes_wrong_is_one_line(
    steplog: Steplog,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    """And leaves no file."""
    monkeypatch.chdir(tmp_path)
    said = steplog("export", *arguments, "--store", study)

    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(f"steplog: {message}")
    assert list(tmp_path.iterdir()) == []
