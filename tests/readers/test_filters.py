"""Filters: a text says which runs, in SQL's spelling or in MLflow's; and no text does worse than to be refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import LookupFailed
from readers.filters import matching, run_filter
from readers.filtersyntax import MAX_LENGTH, FilterInvalid
from readers.runtable import RunTable
from readers.store import Store

NAN = float("nan")
FRAME = pl.DataFrame(
    {
        "run_id": ["r0", "r1", "r2", "r3"],
        "run_name": ["first", "it's", "third 3", "50%"],
        "status": ["FINISHED", "FAILED", "RUNNING", "FINISHED"],
        "start_time": [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (1, 2, 3, 4)],
        "params.lr": [0.1, 0.2, None, 0.4],
        "params.depth": [1, 2, 3, None],
        "params.fast": [True, False, None, True],
        "params.mixed": ["10", "auto", None, "3.5"],
        "params.optimizer.name": ["adam", "sgd", "adam", None],
        "params.same": [1, 1, 1, 1],
        "metrics.same": [1.0, 1.0, 1.0, 1.0],
        "metrics.loss": [0.5, NAN, 0.25, None],
        "metrics.val/loss": [0.6, 0.1, 0.3, 0.7],
        "metrics.a b.c": [1.0, 2.0, 3.0, 4.0],
        "tags.team": ["a", "b", "a", None],
        "tags.=cmd": ["x", None, None, None],
    },
    schema_overrides={"start_time": pl.Datetime("us", "UTC")},
)


def chosen(text: str) -> str:
    """The numbers of the runs that a filter lets through, as one text."""
    return "".join(FRAME.filter(run_filter(text, FRAME.schema))["run_id"].to_list()).replace("r", "")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("params.lr > 0.1", "13"),
        ("params.lr >= .1 and metrics.loss < 1", "0"),
        ("lr = 0.2", "1"),
        ("0.2 <= lr", "13"),
        ("lr = 0.2 OR depth = 1 && team == 'a'", "01"),
        ("(lr = 0.2 || depth = 1) AND tags.team = 'a'", "0"),
        ("NOT params.lr > 0.1", "0"),  # run 2 has none: neither it nor its opposite
        ("params.lr IS NULL", "2"),
        ("params.lr = NULL or params.depth = None", "23"),
        ("params.lr is not null", "013"),
        ("params.lr != 0.1", "13"),
        ("params.lr <> 0.1", "13"),
        ("params.depth BETWEEN 2 AND 3", "12"),
        ("params.depth NOT BETWEEN 2 AND 3", "0"),
        ("params.depth IN (1, 3, 99999999999999999999)", "02"),
        ("params.optimizer.name NOT IN ('sgd')", "02"),
        ("optimizer.name = 'adam'", "02"),
        ("metrics.`val/loss` < 0.5", "12"),
        ('metrics."val/loss" < 0.5', "12"),
        ("metrics.val/loss < 0.5", "12"),
        ("val/loss<0.5", "12"),
        ('"val/loss" < .5', "12"),
        ('metrics."a b".c >= 3', "23"),
        ("`a b.c` >= 3", "23"),
        ("tags.`=cmd` = 'x'", "0"),
        ("`val/loss` > metrics.loss", "02"),
        ("metrics.loss > 0.3", "0"),  # NaN is not more than 0.3
        ("metrics.loss <= 0.3", "2"),
        ("metrics.loss IS NAN", "1"),
        ("metrics.loss = nan", "1"),
        ("metrics.loss IS NOT NAN", "02"),
        ("metrics.loss < inf", "02"),
        ("metrics.loss > -inf", "02"),
        ("params.depth is nan", ""),
        ("params.fast", "03"),
        ("not params.fast", "1"),
        ("params.fast = TRUE", "03"),
        ("params.fast is false", "1"),
        ("params.fast = 'False'", "1"),
        ("params.fast != 1", "1"),
        ("params.mixed > 3", "03"),
        ("params.mixed = 'auto'", "1"),
        ("params.lr = '0.1'", "0"),
        ('params.optimizer.name = "adam"', "02"),
        ("run_name = 'it''s'", "1"),
        ("run_name LIKE '%ir%'", "02"),
        ("run_name LIKE 'FIRST'", ""),
        ("run_name ILIKE 'FI___'", "0"),
        ("run_name NOT LIKE '%i%'", "3"),
        ("run_name LIKE '50%'", "3"),
        ("run_name LIKE 'third.3'", ""),
        ("status = 'finished'", "03"),
        ("status IN ('Failed', 'RUNNING')", "12"),
        ("status LIKE 'fin%'", "03"),
        ("attributes.status = 'FAILED'", "1"),
        ("attributes.`run name` = 'first'", "0"),
        ("tags.mlflow.runName = 'first'", "0"),
        ("param.lr > 0.1 and metric.loss IS NULL and tag.team IS NULL", "3"),
        ("start_time > '2026-11-02T18:00:00+00:00'", "23"),
        ("start_time BETWEEN '2026-11-02' AND '2026-11-03T00:00:00Z'", "1"),
        ("attributes.start_time < 1762041600000", ""),
        ("started >= 0", "0123"),
        ("status = 'x' and 1 > 2", None),
    ],
)
def test_filters_choose(text: str, runs: str | None) -> None:
    """Each says which of the four runs fit; the last is refused."""
    if runs is None:
        with pytest.raises((FilterInvalid, LookupFailed)):
            chosen(text)
    else:
        assert chosen(text) == runs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics.los > 1", r"no param, metric, tag or column 'metrics.los'; did you mean 'metrics.loss'"),
        ("lrr > 1", r"did you mean 'lr'"),
        ("same = 1", r"'same' may be params.same or metrics.same; write it so"),
        ("status = 'finishd'", r"did you mean 'FINISHED'"),
    ],
)
def test_unknown_names_are_named_with_near_ones(text: str, message: str) -> None:
    """As everywhere: what was asked, what is near."""
    with pytest.raises(LookupFailed, match=message):
        chosen(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"needs a name at character 1, where it ends"),
        ("params.lr >", r"needs a name or a value at character 12, where it ends"),
        ("params.lr = = 1", r"needs a name or a value at character 13, where there is '='"),
        ("(params.lr = 1", r"needs '\)' at character 15"),
        ("params.lr = 1 params.depth = 2", r"needs AND, OR or the end at character 15, where there is 'params.depth'"),
        ("params.lr = 'abc", r"can't be read at character 13: a quote that isn't closed"),
        ("params.lr = 1; DROP TABLE runs", r"can't be read at character 14: '; DROP TABLE'"),
        ("params.lr = 'fast'", r"params.lr holds numbers, and 'fast' is none"),
        ("params.lr = TRUE", r"params.lr holds numbers, and True is none"),
        ("params.lr", r"params.lr holds numbers, so it takes a comparison"),
        ("params.lr LIKE '1%'", r"params.lr holds numbers; LIKE compares texts"),
        ("params.fast > TRUE", r"params.fast holds true or false"),
        ("params.lr > NULL", r"write params.lr IS NULL"),
        ("metrics.loss < nan", r"write metrics.loss IS NAN"),
        ("start_time > 'yesterday'", r"start_time holds times, and 'yesterday' is none"),
        ("start_time > 1e300", r"start_time holds times"),
        ("start_time > params.lr", r"they don't compare"),
        ("1 = 1", r"compares two values"),
        ("params.lr IN (depth)", r"'depth' is a name"),
        ("run_name LIKE 3", r"takes a text in quotes"),
        ("params.lr NOT 3", r"needs IN, LIKE, ILIKE or BETWEEN"),
        ("NOT " * 1000 + "fast", r"nested deeper than 50 levels"),
        ("(" * 1000 + "fast" + ")" * 1000, r"nested deeper than 50 levels"),
        ("x" * (MAX_LENGTH + 1), r"at most 10,000 are read"),
        (f"run_name LIKE '{'_' * 2000}'", r"at most 1,000 characters"),
    ],
)
def test_what_is_no_filter_is_refused_in_words(text: str, message: str) -> None:
    """With the place, and what would fit there."""
    with pytest.raises(FilterInvalid, match=message):
        chosen(text)


def test_very_many_conditions_are_no_trouble() -> None:
    """They are joined flat, so they don't exhaust a stack."""
    assert chosen(" or ".join(["lr=0.1"] * 900)) == "0"
    assert chosen(" and ".join(["lr=0.1"] * 800)) == "0"


PIECES = """
    params.lr metrics.loss run_name status start_time fast `a b.c` "val/loss" nope same mixed
    = == != <> < <= > >= AND OR NOT IN LIKE ILIKE IS BETWEEN NULL TRUE FALSE NAN inf ( ) , && ||
    0 -1.5 1e309 .5 '' 'x' '%_' '2026-11-01' '0.1' 99999999999999999999 ' " ` ; . \\ \x00 é =cmd
"""


@settings(max_examples=400, deadline=None)
@given(text=st.lists(st.sampled_from(PIECES.split()), max_size=12).map(" ".join) | st.text(max_size=60))
def test_no_text_raises_anything_but_the_documented_errors(text: str) -> None:
    """It is a filter that can be applied, or an error in words."""
    try:
        expression = run_filter(text, FRAME.schema)
    except (FilterInvalid, LookupFailed):
        return

    assert FRAME.filter(expression).height <= FRAME.height


@settings(max_examples=100, deadline=None)
@given(name=st.text(min_size=1, max_size=12), quote=st.sampled_from('"`'))
def test_every_name_can_be_quoted(name: str, quote: str) -> None:
    """Whatever it holds, quotes included."""
    frame = pl.DataFrame({"run_id": ["r0", "r1"], f"metrics.{name}": [1.0, 2.0]})
    quoted = quote + name.replace(quote, quote * 2) + quote

    assert frame.filter(run_filter(f"metrics.{quoted} > 1.5", frame.schema))["run_id"].to_list() == ["r1"]


@pytest.fixture
def table(recorder: Any, store: Store) -> RunTable:
    """Three runs with a history of a loss that comes and goes."""
    for number in range(3):
        recorder.start(f"r{number}")
        recorder.params(f"r{number}", {"lr": 0.1 * number, "net": {"depth": number}})
        recorder.tags(f"r{number}", {"team": "a" if number else "b"})
        for step in range(3):
            recorder.log(f"r{number}", {"loss": abs(step - number) + 0.5, "val/acc": step}, step)
        recorder.end(f"r{number}")
    recorder.seal()
    return RunTable.read(store)


def test_matching_reads_only_the_named_columns(table: RunTable) -> None:
    """What the filter names is what the answer shows, beside the columns of runs."""
    found = matching(table, "loss.min < 1 and loss >= 1.5 and net.depth < 5 and team = 'a'")

    assert found["run_id"].to_list() == ["r1"]
    assert found.columns[12:] == ["metrics.loss.min", "metrics.loss", "params.net.depth", "tags.team"]


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("metrics.loss.best = 0.5", ["r0", "r1", "r2"]),
        ("metrics.loss.max > 2", ["r0", "r2"]),
        ("metrics.`val/acc`.mean = 1 and metrics.loss.first < 2", ["r0", "r1"]),
        ("status = 'finished' and experiment = 'e'", ["r0", "r1", "r2"]),
    ],
)
def test_other_statistics_of_a_metric(table: RunTable, text: str, runs: list[str]) -> None:
    """The last value unless another is asked for."""
    assert matching(table, text)["run_id"].to_list() == runs


def test_an_empty_store_has_no_such_name(tmp_path: Path, recorder: Any, store: Store) -> None:
    """Which is said."""
    recorder.flush()

    with pytest.raises(LookupFailed, match="no param, metric, tag or column 'lr'"):
        matching(RunTable.read(store), "lr > 1")
