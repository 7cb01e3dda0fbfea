"""SQL over a store, read-only.

The tables are those of Store: `runs`, `params`, `tags`, `metrics`, `facts`, `summaries`, and `wide` (also `"table"`):
one row a run with its columns "params.lr", "tags.team", "metrics.loss" (the last value), "metrics.loss.min" and
"metrics.loss.max". Names with dots or slashes stand in double quotes, texts in single ones. The dialect is Polars'.

Why it can't do more than read: Polars runs one statement at a time, and its only statements that change something
change a table in its memory; these are refused all the same. Its only way to a file is a table function (read_csv,
read_parquet and whatever a later version adds); every name of that form that a call could follow is refused, comments
and quotes included, before Polars sees the text. A text that joins very many things exhausts Polars' stack, which ends
the process; so length and number of operators are bounded.
"""

import re
from collections.abc import Callable, Iterable

import polars as pl

from ingest.errors import LookupFailed
from readers.runtable import RunTable
from readers.store import Store

MAX_LENGTH = 10_000
"""Characters of a query."""
MAX_OPERATORS = 400
"""Operators and joining words of a query."""

_FIRST_WORDS = ("SELECT", "WITH", "VALUES", "FROM", "SHOW", "EXPLAIN", "DESCRIBE")
_COMMENTS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_READS = re.compile(r"""\b(?:read|scan)_\w*["`\]\s]*(?:\(|--|/\*|\#)""", re.IGNORECASE)
_OPERATORS = re.compile(
    r"[-+*/%|&^]|::|->|\b(?:and|or|xor|not|union|intersect|except|join|when|is|like|ilike|between)\b", re.IGNORECASE
)
_WIDE = re.compile(r"\b(?:wide|table|tables)\b", re.IGNORECASE)
_UNKNOWN = re.compile(r'column "([^"]+)"|relation \'([^\']+)\' was not found')
_DOTTED = 'names with dots stand in double quotes, as in "metrics.loss"'
_HINTS = {
    "named 'metrics'": _DOTTED,
    "named 'params'": _DOTTED,
    "named 'tags'": _DOTTED,
    "Expected: (, found": "the table of all runs is called wide",
}


class SQLInvalid(ValueError):
    """The text is no query that can be answered; the message says why."""


def query(store: Store, sql: str) -> pl.DataFrame:
    """The answer to a query, as of now.

    Raises:
        SQLInvalid: (a ValueError) no query of Polars' dialect, or one that does more than read.
        LookupFailed: it names a table or a column that isn't there.
    """
    _check(sql)
    frames = _frames(store, sql)
    try:
        return pl.SQLContext(frames=frames).execute(sql.strip().rstrip(";"), eager=True)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _in_words(error, frames) from error


def condition(text: str) -> pl.Expr:
    """A condition as it stands behind WHERE, as an expression.

    Raises: SQLInvalid: it is none, or too long, or would read something else.
    """
    if len(text) > MAX_LENGTH or len(_OPERATORS.findall(text)) > MAX_OPERATORS:
        raise SQLInvalid(f"the condition is too long: at most {MAX_LENGTH:,} characters and {MAX_OPERATORS} operators")
    if _READS.search(text):
        raise SQLInvalid("a condition reads no files")
    try:
        found = pl.sql_expr(text)
        if any(name.startswith("_POLARS_TMP") for name in found.meta.root_names()):
            raise SQLInvalid(f"{text!r} has a query in it; a condition is on each point by itself")
        return found
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SQLInvalid(f"{text!r} is no condition: {str(error).splitlines()[0]}") from error


def wide(store: Store) -> pl.DataFrame:
    """One row a run, with everything that has one value a run: the table `wide`.

    Raises: ValueError: more cells than memory is likely to hold.
    """
    return RunTable.read(store).wide(tags=None, statistics=["last", "min", "max"])


def _frames(store: Store, sql: str) -> dict[str, pl.LazyFrame]:
    tables: dict[str, Callable[[], pl.LazyFrame]] = {
        "runs": store.runs,
        "params": store.params,
        "tags": store.tags,
        "metrics": store.metrics,
        "facts": store.facts,
        "summaries": store.summaries,
    }
    frames = {name: table() for name, table in tables.items()}
    if _WIDE.search(sql):
        frames["wide"] = frames["table"] = wide(store).lazy()
    return frames


def _check(sql: str) -> None:
    """Let only reading through. Raises: SQLInvalid. TypeError."""
    if not isinstance(sql, str):
        raise TypeError(f"a query is a text, not {type(sql).__name__}")
    if len(sql) > MAX_LENGTH or len(_OPERATORS.findall(sql)) > MAX_OPERATORS:
        raise SQLInvalid(f"the query is too long: at most {MAX_LENGTH:,} characters and {MAX_OPERATORS} operators")
    begun = _COMMENTS.match(sql)
    start = sql[begun.end() if begun else 0 :].lstrip("(").upper()
    if not start.startswith(_FIRST_WORDS):
        word = (start.split() or ["nothing"])[0][:20]
        raise SQLInvalid(f"a query begins with {', '.join(_FIRST_WORDS[:2])}, SHOW or EXPLAIN; this one with {word}")
    found = _READS.search(sql)
    if found:
        raise SQLInvalid(f"a query reads this store's tables only, and no files: {found[0]!r} isn't let through")


def _in_words(error: BaseException, frames: dict[str, pl.LazyFrame]) -> Exception:
    """What Polars says, as one of our errors, in one line."""
    said = str(error).split("\n")[0]
    found = _UNKNOWN.search(str(error))
    if found and found[2]:
        return LookupFailed.among("table", found[2], [name for name in frames if name != "table"])
    if found and isinstance(error, pl.exceptions.ColumnNotFoundError):
        return LookupFailed.among("column", found[1], _columns(frames.values()))
    hint = next((f"; {hint}" for sign, hint in _HINTS.items() if sign in said), "")
    return SQLInvalid(f"the query can't be answered: {said}{hint}")


def _columns(frames: Iterable[pl.LazyFrame]) -> list[str]:
    return list(dict.fromkeys(name for frame in frames for name in frame.collect_schema()))
