"""steplog query: filters and SQL, as a table, as JSON, as CSV."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Steplog = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        (("optimizer.name = 'adam' AND val/accuracy > 0.93",), ["trial-14", "trial-12"]),
        (("optimizer.name = 'adam' AND val/accuracy > 0.93", "--reverse"), ["trial-12", "trial-14"]),
        (("seed = 0", "--sort", "val/accuracy"), ["trial-02", "trial-00", "trial-03", "trial-01"]),
        (("seed = 0", "--sort", "val/loss", "--limit", "1"), ["trial-02"]),
        (("seed = 0", "--sort", "val/accuracy.min", "-r", "-l", "1"), ["trial-01"]),
        (("seed = 0", "--sort", "run_name", "-l", "2"), ["trial-00", "trial-01"]),
        (("status = 'failed'",), ["trial-15"]),
        (("metrics.`val/loss` IS NULL",), ["=cmd"]),
        (("seed > 0", "-e", "other"), None),
        (("seed = 3 and team = 'a'", "--experiment", "study", "-l", "1"), ["trial-15"]),
        ((), ["=cmd", *(f"trial-{number:02d}" for number in range(15, -1, -1))]),
    ],
)
def test_filters_find_runs(steplog: Steplog, study: Path, arguments: tuple[str, ...], runs: list[str] | None) -> None:
    """Newest first, unless an order is asked for; of a metric the best first."""
    said = steplog("query", *arguments, "--json", "--store", study)

    assert said.code == (2 if runs is None else 0)
    assert runs is None or [run["run_name"] for run in json.loads(said.out)] == runs


def test_the_table_shows_what_the_filter_names(steplog: Steplog, study: Path) -> None:
    """And metrics and params that tell something, as far as there is room."""
    said = steplog("query", "train/loss < 0.2 and seed = 0", "--store", study)
    head, *rows, count = said.out.splitlines()

    assert head.split()[:7] == ["run", "id", "status", "started", "took", "train/loss", "seed"]
    assert {"val/accuracy", "optimizer.name"} < set(head.split())
    assert [row.split()[0] for row in rows] == ["trial-03", "trial-02", "trial-01", "trial-00"]
    assert count == "4 runs"


def test_columns_are_chosen(steplog: Steplog, study: Path) -> None:
    """By names as in filters; with commas, or one by one."""
    table = steplog("query", "seed = 0", "-c", "run,val/loss.min", "-c", "optimizer.lr", "-l", 1, "--store", study)
    rows = steplog("query", "seed = 0", "-c", "run_name,metrics.val/loss", "--json", "-l", 1, "--store", study)

    assert table.out.splitlines()[0].split() == ["run", "val/loss.min", "optimizer.lr"]
    assert json.loads(rows.out) == [{"run_name": "trial-03", "metrics.val/loss": pytest.approx(0.397)}]


def test_csv_can_be_read_and_is_safe_to_open(steplog: Steplog, study: Path) -> None:
    """One heading; what a spreadsheet would run has an apostrophe."""
    said = steplog("query", "note is not null", "--format", "csv", "-c", "run_name,note", "--store", study)

    assert list(csv.reader(io.StringIO(said.out))) == [["run_name", "params.note"], ["'=cmd", "'=1+1"]]


def test_sql_answers(steplog: Steplog, study: Path) -> None:
    """As a table and as JSON."""
    sql = "SELECT text AS optimizer, count(*) AS runs FROM params WHERE key = 'optimizer.name' GROUP BY text ORDER BY 1"
    table = steplog("query", "--sql", sql, "--store", study)
    answer = json.loads(steplog("query", "--sql", sql, "--format", "json", "--store", study).out)

    assert [line.split() for line in table.out.splitlines()] == [
        ["optimizer", "runs"],
        ["adam", "8"],
        ["sgd", "8"],
        ["2", "rows"],
    ]
    assert answer == [{"optimizer": "adam", "runs": 8}, {"optimizer": "sgd", "runs": 8}]


def test_nothing_found_is_said(steplog: Steplog, study: Path) -> None:
    """And is an empty list in JSON."""
    assert steplog("query", "seed > 99", "--store", study).out == "no run fits\n"
    assert json.loads(steplog("query", "seed > 99", "--json", "--store", study).out) == []
    assert steplog("query", "--sql", "SELECT key FROM tags WHERE 1 > 2", "--store", study).out == "no rows\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("val/los > 1",), "no param, metric, tag or column 'val/los'; did you mean 'val/loss'"),
        (("seed >",), "the filter needs a name or a value at character 7"),
        (("seed = 'x'",), "params.seed holds numbers, and 'x' is none"),
        (("--sort", "val/los"), "no param, metric, tag or column 'val/los'"),
        (("--columns", "val/los"), "no param, metric, tag or column 'val/los'"),
        (("--experiment", "stdy"), "no experiment 'stdy'"),
        (("--sql", "DROP TABLE runs"), "a query begins with SELECT"),
        (("--sql", "SELECT * FROM read_csv('/etc/passwd')"), "a query reads this store's tables only"),
        (("--sql", "SELECT 1", "seed = 0"), "--sql stands alone"),
    ],
)
def test_what_can_t_be_answered_is_exit_code_2(
    steplog: Steplog, study: Path, arguments: tuple[str, ...], message: str
) -> None:
    """One line that says why."""
    said = steplog("query", *arguments, "--store", study)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"steplog: {message}")
    assert said.err.count("\n") == 1
