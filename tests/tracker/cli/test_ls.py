"""steplog ls: filters, orders, columns, JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from readers.store import Store
from tracker.cli.runs import shortened

Steplog = Callable[..., Any]


def names(said: Any) -> list[str]:
    """The runs' names in the order of a JSON answer."""
    return [run["run_name"] for run in json.loads(said.out)]


def test_ls_shows_each_experiment_with_its_runs(steplog: Steplog, store: Path) -> None:
    """Names, counts by status, and the last values of the telling metrics."""
    said = steplog("ls", "--store", store)

    assert said.code == 0
    assert "vision/resnet  3 runs: 2 finished, 1 failed" in said.out
    assert "text  1 run: 1 finished" in said.out
    for text in ("good", "bad", "fair", "bert", "accuracy", "perplexity"):
        assert text in said.out


def test_json_is_valid_and_complete(steplog: Steplog, store: Path) -> None:
    """NaN is the string "NaN", times are ISO in UTC, metrics are the last values."""
    runs = {run["run_name"]: run for run in json.loads(steplog("ls", "--store", store, "--json").out)}

    assert runs["bert"]["metrics"] == {"perplexity": "NaN"}
    assert runs["good"]["metrics"] == {"loss": 0.25, "accuracy": 0.9}
    assert runs["bad"]["status"] == "FAILED"
    assert runs["good"]["start_time"].endswith("Z")
    assert runs["good"]["duration_s"] >= 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["fair", "bad", "good"]),
        (("--reverse",), ["good", "bad", "fair"]),
        (("--sort", "name"), ["bad", "fair", "good"]),
        (("--sort", "accuracy"), ["good", "fair", "bad"]),
        (("--sort", "loss"), ["good", "fair", "bad"]),
        (("--sort", "loss", "--reverse"), ["bad", "fair", "good"]),
        (("--status", "failed"), ["bad"]),
        (("--status", "FINISHED", "--sort", "name"), ["fair", "good"]),
        (("--limit", "1"), ["fair"]),
        (("--limit", "0"), ["fair", "bad", "good"]),
    ],
)
def test_ls_orders_and_filters(steplog: Steplog, store: Path, options: tuple[str, ...], expected: list[str]) -> None:
    """The newest first unless another order is asked for; of a metric, the best first."""
    said = steplog("ls", "--store", store, "--experiment", "vision/*", "--json", *options)

    assert names(said) == expected


def test_only_the_metrics_asked_for(steplog: Steplog, store: Path) -> None:
    """--metric chooses the columns."""
    said = steplog("ls", "--store", store, "-e", "vision/resnet", "-m", "loss")
    runs = json.loads(steplog("ls", "--store", store, "-e", "vision/resnet", "-m", "loss", "--json").out)

    assert "loss" in said.out
    assert [set(run["metrics"]) for run in runs] == [{"loss"}] * 3


def test_nothing_fits(steplog: Steplog, store: Path) -> None:
    """An empty answer is said, and is an empty list in JSON."""
    assert "No run fits" in steplog("ls", "--store", store, "--status", "killed").out
    assert json.loads(steplog("ls", "--store", store, "--status", "killed", "--json").out) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--experiment", "txt"), "no experiment 'txt'; did you mean 'text'?"),
        (("--sort", "los"), "no metric 'los'; did you mean 'loss'?"),
        (("--metric", "los"), "no metric 'los'; did you mean 'loss'?"),
    ],
)
def test_unknown_names_are_one_line_and_exit_code_2(
    steplog: Steplog, store: Path, options: tuple[str, ...], message: str
) -> None:
    """The message says what was asked and what is there."""
    said = steplog("ls", "--store", store, *options)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"steplog: {message}")
    assert said.err.count("\n") == 1


def test_ids_are_shortened_to_what_tells_them_apart() -> None:
    """Every short form is the beginning of exactly one id."""
    ids = ["01a2072b683e311847adf2", "01a2072b683e411847adf2", "01a2072c0000000000000a", "mine", "mine-2"]
    short = shortened(ids)

    assert short["01a2072b683e311847adf2"] == "01a2072b683e3"
    assert short["mine"] == "mine"
    assert all(sum(other.startswith(s) for other in ids) == 1 or s in ids for s in short.values())


@pytest.mark.parametrize("order", ["start", "duration"])
def test_a_run_without_a_start_has_a_dash(
    steplog: Steplog, store: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the record of its start is lost, nobody knows how long it took; in an order it is the last."""
    runs = Store.runs
    lost = pl.col("run_name") == "bad"
    columns = ("start_time", "duration_s")
    monkeypatch.setattr(
        Store, "runs", lambda self: runs(self).with_columns(pl.when(~lost).then(name).alias(name) for name in columns)
    )
    said = steplog("ls", "--store", store, "--experiment", "vision/*", "--sort", order)
    (line,) = (line for line in said.out.splitlines() if line.startswith("bad"))
    shown = steplog("show", "bad", "--store", store)

    assert line.split()[3:5] == ["-", "-"]
    assert said.out.splitlines()[-1] == line
    assert [row.split()[1:] for row in shown.out.splitlines() if row.startswith(("started", "took"))] == [["-"], ["-"]]
