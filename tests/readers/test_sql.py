"""SQL over a store: answers, errors in words, and nothing but reading."""

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import LookupFailed
from readers.sql import MAX_OPERATORS, SQLInvalid, query
from readers.store import Store


@pytest.fixture
def filled(recorder: Any, store: Store) -> Store:
    """Two runs, of which one still goes on."""
    for run_id, loss in (("r1", 0.5), ("r2", 0.25)):
        recorder.start(run_id)
        recorder.params(run_id, {"lr": loss / 10, "net": {"depth": 3}})
        recorder.tags(run_id, {"team": "a"})
        for step in range(3):
            recorder.log(run_id, {"loss": loss * (3 - step)}, step)
    recorder.end("r1")
    recorder.seal()
    recorder.log("r2", {"loss": 0.125}, 3)
    recorder.flush()
    return store


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT run_id FROM runs WHERE status = 'RUNNING'", [("r2",)]),
        ("SELECT count(*) FROM metrics", [(7,)]),
        ("SELECT run_id, last FROM summaries ORDER BY last", [("r2", 0.125), ("r1", 0.5)]),
        ("SELECT text FROM params WHERE key = 'net.depth'", [("3",), ("3",)]),
        ("SELECT DISTINCT key FROM tags", [("team",)]),
        ('SELECT "metrics.loss", "metrics.loss.max", "params.net.depth" FROM wide LIMIT 1', [(0.5, 1.5, 3)]),
        ('SELECT count(*) FROM "table" WHERE "tags.team" = \'a\'', [(2,)]),
        ("  -- a comment\n/* and another */ (SELECT 1);", [(1,)]),
        (
            """WITH best AS (SELECT run_id, min(value) AS low FROM metrics GROUP BY run_id)
            SELECT run_name, low FROM runs JOIN best USING (run_id) ORDER BY low""",
            [("name of r2", 0.125), ("name of r1", 0.5)],
        ),
        ("SELECT count(*) FROM facts WHERE kind = 'tag'", [(2,)]),
    ],
)
def test_every_table_answers(filled: Store, sql: str, rows: list[tuple[Any, ...]]) -> None:
    """What is live counts as what is sealed."""
    assert query(filled, sql).rows() == rows


def test_tables_can_be_listed(filled: Store) -> None:
    """For who doesn't know them."""
    names = set(query(filled, "SHOW TABLES")["name"])

    assert names == {"runs", "params", "tags", "metrics", "facts", "summaries", "wide", "table"}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "begins with SELECT, WITH, SHOW or EXPLAIN; this one with nothing"),
        ("DROP TABLE runs", "this one with DROP"),
        ("DELETE FROM runs", "this one with DELETE"),
        ("CREATE TABLE x AS SELECT 1", "this one with CREATE"),
        ("SELECT 1; DROP TABLE runs", "one (and only one) statement"),
        ("SELECT run_name + 1 FROM runs", "can't be answered: arithmetic"),
        ("SELECT metrics.loss FROM wide", 'names with dots stand in double quotes, as in "metrics.loss"'),
        ("SELECT * FROM table", "the table of all runs is called wide"),
        ("SELECT" + " 1 +" * MAX_OPERATORS + " 1, 1 - 1", "the query is too long"),
        ("SELECT '" + "x" * 10_000 + "'", "the query is too long"),
    ],
)
def test_what_is_no_query_is_refused_in_words(filled: Store, sql: str, message: str) -> None:
    """In one line."""
    with pytest.raises(SQLInvalid, match=re.escape(message)) as error:
        query(filled, sql)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nam FROM runs", "no column 'nam'"),
        ("SELECT * FROM run", "no table 'run'; did you mean 'runs'"),
    ],
)
def test_unknown_names_are_named(filled: Store, sql: str, message: str) -> None:
    """With what there is."""
    with pytest.raises(LookupFailed, match=message):
        query(filled, sql)


@pytest.mark.parametrize(
    "call",
    [
        "read_csv('{}')",
        "READ_CSV ('{}')",
        "read_parquet('{}')",
        "read_ipc('{}')",
        "read_json('{}')",
        "scan_csv('{}')",
        "\"read_csv\"('{}')",
        "`read_csv` ('{}')",
        "read_csv/**/('{}')",
        "read_csv -- (\n ('{}')",
        "read_csv\"/* */('{}')",
    ],
)
def test_no_file_can_be_read(filled: Store, tmp_path: Path, call: str) -> None:
    """Whatever stands between the function's name and its parenthesis."""
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")

    with pytest.raises(SQLInvalid):
        query(filled, " ".join(["SELECT * FROM", call.format(secret)]))


def test_a_file_is_no_table(filled: Store, tmp_path: Path) -> None:
    """As it is in DuckDB."""
    (tmp_path / "secret.csv").write_text("password\nhunter2\n")

    with pytest.raises(LookupFailed, match="no table"):
        query(filled, " ".join(["SELECT * FROM", repr(str(tmp_path / "secret.csv"))]))


def test_a_metric_whose_name_begins_like_that_is_a_column(recorder: Any, store: Store) -> None:
    """Only calls are refused."""
    recorder.start("r")
    recorder.log("r", {"read_bytes": 3.0})
    recorder.flush()

    assert query(store, 'SELECT "metrics.read_bytes" FROM wide').item() == 3.0


WORDS = """
    SELECT * FROM runs wide metrics WHERE GROUP BY ORDER run_id "metrics.loss" = > 1 'x' ( ) , ; -- /* */ NULL AND NOT
    count sum avg LIMIT -1 1e400 JOIN USING OVER PARTITION UNION nope . :: INT LIKE '%' CASE WHEN THEN END
"""


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS.split()), max_size=10))
def test_no_text_raises_anything_but_the_documented_errors(tmp_path_factory: Any, words: list[str]) -> None:
    """An answer, or an error in words."""
    store = _empty_store(tmp_path_factory)
    try:
        answer = query(store, " ".join(["SELECT", *words]))
    except (SQLInvalid, LookupFailed):
        return

    assert isinstance(answer, pl.DataFrame)


def _empty_store(factory: pytest.TempPathFactory) -> Store:
    from ingest.layout import Layout

    folder = factory.getbasetemp() / "empty"
    Layout(folder).create()
    return Store(folder)


def test_store_has_both_ways(filled: Store) -> None:
    """Store.sql and Store.table."""
    wide = filled.table(where="lr < 0.03", statistics=["last", "min"])

    assert filled.sql("SELECT count(*) FROM runs").item() == 2
    assert wide["run_id"].to_list() == ["r2"]
    assert wide["metrics.loss.min"].to_list() == [0.125]
    assert filled.table(["e"]).height == 2
