"""steplog importance: a table, with what to know before believing it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Steplog = Callable[..., Any]


def test_the_param_that_matters_comes_first(steplog: Steplog, study: Path) -> None:
    """Of those that vary; with its share, its interval, its rank."""
    said = steplog("importance", "study", "-m", "val/accuracy", "--store", study)
    head, columns, first, *_ = said.out.splitlines()

    assert said.code == 0, said.err
    assert head.startswith("what val/accuracy depends on  permutation, 16 runs")
    assert columns.split()[:2] == ["param", "importance"]
    assert first.split()[:2] == ["1", "optimizer.name"]
    assert "depth" not in said.out


def test_json_has_every_number(steplog: Steplog, study: Path) -> None:
    """And the warnings."""
    said = steplog("importance", "study", "-p", "seed", "-p", "optimizer.name", "--json", "--store", study)
    answer = json.loads(said.out)

    assert (answer["metric"], answer["n"], answer["direction"]) == ("val/accuracy", 16, "maximize")
    assert [row["param"] for row in answer["params"]] == ["seed", "optimizer.name"]
    assert sum(row["importance"] for row in answer["params"]) == pytest.approx(1)
    assert answer["params"][1]["rank"] == 1
    assert isinstance(answer["warnings"], list)


def test_a_picture_is_saved(steplog: Steplog, study: Path, tmp_path: Path) -> None:
    """Beside the table."""
    said = steplog("importance", "study", "--method", "pedanova", "--plot", tmp_path / "a.png", "--store", study)

    assert "pedanova" in said.out
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stdy",), "no experiment 'stdy'"),
        (("other",), "no run has a metric"),
        (("study", "-m", "val/acuracy"), "no metric 'val/acuracy'"),
        (("study", "-p", "sed"), "no param 'sed'; did you mean 'seed'?"),
        (("study", "--plot", "a.gif"), "a picture can't be saved as 'a.gif'"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    steplog: Steplog, study: Path, arguments: tuple[str, ...], message: str
) -> None:
    """One line."""
    said = steplog("importance", *arguments, "--store", study)

    assert said.code == 2
    assert said.err.startswith(f"steplog: {message}")
