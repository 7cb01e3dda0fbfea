"""steplog report: one file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Steplog = Callable[..., Any]


@pytest.mark.parametrize("what", [("study",), ("trial-00", "trial-01"), ("trial-00",)], ids=" ".join)
def test_a_report_is_written(steplog: Steplog, study: Path, tmp_path: Path, what: tuple[str, ...]) -> None:
    """Of an experiment, or of runs; its folder is made."""
    path = tmp_path / "deep" / "a.html"
    said = steplog("report", *what, "--to", path, "--metric", "val/loss", "--title", "Mine", "--store", study)

    assert said.code == 0, said.err
    assert str(path) in said.out.replace("\n", "")
    assert "trial-00" in path.read_text()
    assert "Mine" in path.read_text()


def test_json_says_where_it_is(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """And how large."""
    path = tmp_path / "a.html"
    answer = json.loads(steplog("report", "trial-00", "--to", path, "--json", "--store", study).out)

    assert answer == {"path": str(path), "size": path.stat().st_size}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nope",), "no run 'nope'"),
        (("study", "nope"), "no run 'study'"),
        (("study", "--metric", "nope"), "no metric 'nope'"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    steplog: Steplog, study: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """One line, and no file."""
    said = steplog("report", *arguments, "--to", tmp_path / "a.html", "--store", study)

    assert said.code == 2
    assert said.err.startswith(f"steplog: {message}")
    assert not (tmp_path / "a.html").exists()
