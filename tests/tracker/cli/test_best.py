"""steplog best: a ranking, with what the runs were run with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracker import ExperimentTracker

Steplog = Callable[..., Any]


def lines(said: Any) -> list[list[str]]:
    """The words of each line."""
    return [line.split() for line in said.out.splitlines()]


def test_the_best_runs_come_first_with_the_params_that_vary(steplog: Steplog, study: Path) -> None:
    """By the most telling metric when none is named; a param that is the same in all runs isn't shown."""
    said = steplog("best", "study", "--top", 2, "--store", study)
    head, columns, first, second, more = said.out.splitlines()

    assert said.code == 0
    assert head == "val/accuracy  higher is better; 16 runs"
    assert columns.split() == ["run", "val/accuracy", "id", "optimizer.lr", "optimizer.name", "seed"]
    assert first.split()[:3] == ["1", "trial-14", "0.944"]
    assert second.split()[:3] == ["2", "trial-12", "0.942"]
    assert more == "… and 14 more; --top says how many"


def test_json_has_params_as_logged(steplog: Steplog, study: Path) -> None:
    """And the metric that was meant."""
    answer = json.loads(steplog("best", "study", "-m", "val/loss", "-k", 3, "--json", "--store", study).out)

    assert (answer["metric"], answer["direction"]) == ("val/loss", "minimize")
    assert [run["run_name"] for run in answer["runs"]] == ["trial-14", "trial-12", "trial-10"]
    assert answer["runs"][0]["params"] == {"optimizer": {"name": "adam", "lr": 0.1}, "seed": 3, "depth": 4}


@pytest.mark.parametrize(
    ("options", "first"),
    [
        (("--mode", "min"), "trial-01"),
        (("--mode", "MAX"), "trial-14"),
        (("--value", "min", "--mode", "min"), "trial-01"),
        (("--value", "best"), "trial-14"),
    ],
)
def test_mode_and_value(steplog: Steplog, study: Path, options: tuple[str, ...], first: str) -> None:
    """Which way is better, and which number of the history counts."""
    said = steplog("best", "study", "-m", "val/accuracy", "--json", "--store", study, *options)

    assert json.loads(said.out)["runs"][0]["run_name"] == first


def test_runs_without_the_metric_are_counted(steplog: Steplog, study: Path) -> None:
    """Of the whole store one run has none, and it is told apart by its experiment."""
    said = steplog("best", "-m", "val/accuracy", "--top", 20, "--store", study)

    assert "16 runs; 1 run without it" in said.out
    assert "failed" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stdy",), "no experiment 'stdy'; did you mean 'study'?"),
        (("study", "-m", "val/acuracy"), "no metric 'val/acuracy'; did you mean 'val/accuracy'"),
        (("other",), "no run has a metric"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    steplog: Steplog, study: Path, arguments: tuple[str, ...], message: str
) -> None:
    """One line."""
    said = steplog("best", *arguments, "--store", study)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"steplog: {message}")
    assert said.err.count("\n") == 1


def test_ties_share_a_rank(steplog: Steplog, tmp_path: Path) -> None:
    """As in sports."""
    with ExperimentTracker(tmp_path, "e", auto_log=False) as tracker:
        for value in (1.0, 2.0, 2.0, float("nan")):
            with tracker.start_run():
                tracker.log_metrics({"acc": value})
    said = steplog("best", "--store", tmp_path)

    assert [line[0] for line in lines(said)[2:]] == ["1", "1", "3"]
    assert "1 run without it" in said.out


def test_best_by_a_part_of_the_histories(steplog: Steplog, store: Path) -> None:
    """--where: only these points count; what is no condition is exit code 2."""
    whole = json.loads(steplog("best", "vision/resnet", "-m", "loss", "--value", "max", "--json", "--store", store).out)
    early = ["--where", "step < 1"]
    first = json.loads(steplog("best", "vision/resnet", "-m", "loss", "--json", "--store", store, *early).out)
    wrong = steplog("best", "--where", "stp < 1", "--store", store)

    assert [run["value"] for run in first["runs"]] == [run["value"] for run in whole["runs"]] == [2.25, 2.5, 2.75]
    assert (wrong.code, wrong.out) == (2, "")
    assert "no column 'stp'" in wrong.err
