"""steplog compare: side by side, differences, verdicts, pictures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker.cli.sidebyside import marked

Steplog = Callable[..., Any]


def test_two_runs_side_by_side(steplog: Steplog, study: Path) -> None:
    """Metrics with the best marked; of params only what differs."""
    said = steplog("compare", "trial-00", "trial-03", "--store", study)
    rows = {line.split("  ")[0]: line.split()[1:] for line in said.out.splitlines() if line}

    assert said.code == 0
    assert rows["val/accuracy"] == ["0.9", "*", "0.603"]
    assert rows["val/loss"] == ["0.1", "*", "0.397"]
    assert rows["epoch_time"] == ["1", "1"]
    assert rows["optimizer.name"] == ["adam", "sgd"]
    assert rows["optimizer.lr"] == ["0.001", "0.1"]
    assert "depth" not in rows
    assert "seed" not in rows
    assert "more things are the same" in said.out


def test_all_shows_what_is_the_same_too(steplog: Steplog, study: Path) -> None:
    """And every metric."""
    said = steplog("compare", "trial-00", "trial-03", "--all", "--store", study)

    for name in ("depth", "seed", "epoch_0/f1", "epoch_1/f1", "epoch_2/f1"):
        assert name in said.out


def test_only_the_metrics_asked_for(steplog: Steplog, study: Path) -> None:
    """In the order asked for."""
    said = steplog("compare", "trial-00", "trial-03", "-m", "val/loss", "-m", "epoch_1/f1", "--store", study)
    names = [line.split()[0] for line in said.out.splitlines() if "/" in line]

    assert names == ["val/loss", "epoch_1/f1"]


def test_many_runs_are_rows_best_first(steplog: Steplog, study: Path) -> None:
    """With the params that differ."""
    said = steplog("compare", "-e", "study", "--store", study)
    head, columns, first, *_ = said.out.splitlines()

    assert head == "16 runs  by val/accuracy, the best first"
    assert {"optimizer.name", "optimizer.lr", "seed"} < set(columns.split())
    assert "depth" not in columns
    assert first.split()[:1] == ["trial-14"]
    assert "0.944 *" in first


def test_json_has_runs_and_differences(steplog: Steplog, study: Path) -> None:
    """All of both."""
    answer = json.loads(steplog("compare", "trial-00", "trial-03", "--json", "--store", study).out)

    assert [run["run_name"] for run in answer["runs"]] == ["trial-00", "trial-03"]
    assert answer["runs"][0]["metrics"]["val/accuracy"] == 0.9
    assert [(row["kind"], row["name"]) for row in answer["differences"]][:2] == [
        ("param", "optimizer.lr"),
        ("param", "optimizer.name"),
    ]
    assert list(answer["differences"][0]["values"].values()) == ["0.001", "0.1"]


def test_groups_are_compared_in_words(steplog: Steplog, study: Path) -> None:
    """Paired on the seed when asked."""
    said = steplog("compare", "-e", "study", "-g", "optimizer.name", "-m", "val/accuracy", "--store", study)
    answer = json.loads(steplog("compare", "-e", "study", "-g", "optimizer.name", "--json", "--store", study).out)

    assert said.out.splitlines()[0] == "val/accuracy by optimizer.name  higher is better"
    assert "'adam' is better than 'sgd'" in said.out
    assert [group["name"] for group in answer["groups"]] == ["adam", "sgd"]
    assert answer["pairs"][0]["conclusion"] == "a better"


@pytest.mark.parametrize(
    ("options", "picture"),
    [
        ((), "a.png"),
        (("--kind", "bars"), "deep/b.svg"),
        (("--kind", "parallel"), "c.png"),
        (("-g", "optimizer.name"), "d.png"),
        (("-g", "optimizer.name", "--kind", "curves"), "e.pdf"),
    ],
)
def test_pictures_are_saved(
    steplog: Steplog, study: Path, tmp_path: Path, options: tuple[str, ...], picture: str
) -> None:
    """In the folder that is made for them."""
    said = steplog("compare", "-e", "study", "--plot", tmp_path / picture, "--store", study, *options)

    assert said.code == 0, said.err
    assert (tmp_path / picture).stat().st_size > 1000
    assert picture in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "compare what? Give two runs or more, or --experiment NAME"),
        (("trial-00", "-e", "study"), "give runs or --experiment, not both"),
        (("trial-99",), "no run 'trial-99'; did you mean"),
        (("-e", "stdy"), "no experiment 'stdy'; did you mean 'study'?"),
        (("-e", "study", "-m", "los"), "no metric 'los'"),
        (("-e", "study", "-g", "optimiser"), "no param, tag or column 'optimiser'"),
        (("-e", "study", "-g", "depth"), "'depth' is '4' in"),
        (("-e", "study", "--plot", "x.gif"), "a picture can't be saved as 'x.gif'"),
        (("-e", "study", "--plot", "x.png", "--kind", "groups"), "--kind groups needs --group-by"),
        (("-e", "other", "-g", "note"), "these runs have no metric"),
    ],
)
def test_what_can_t_be_answered_is_exit_code_2(
    steplog: Steplog, study: Path, arguments: tuple[str, ...], message: str
) -> None:
    """One line that says why."""
    said = steplog("compare", *arguments, "--store", study)

    assert said.code == 2
    assert said.err.startswith(f"steplog: {message}")
    assert said.err.count("\n") == 1


def test_only_the_best_is_marked() -> None:
    """By the metric's own direction; nothing where all are alike, NaN as nothing."""
    nan = float("nan")

    assert [text.plain.rstrip() for text in marked([1.0, 3.0, nan, 3.0], "accuracy")] == ["1", "3 *", "-", "3 *"]
    assert [text.plain.rstrip() for text in marked([1.0, 3.0], "loss")] == ["1 *", "3"]
    assert [text.plain for text in marked([2.0, nan, 2.0], "loss")] == ["2", "-", "2"]
    assert [text.plain for text in marked([], "loss")] == []
