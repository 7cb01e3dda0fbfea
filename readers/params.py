"""Params and tags: of all that was logged under a name, the last.

Last means: of one writer, by its `seq`; of several, by time. A clock may go backwards, so the running maximum of a
writer's times stands for its time; that never puts its own events out of order.
"""

import polars as pl

from ingest.jsontext import REMOVED, to_json
from ingest.values import flatten
from readers.predicates import only
from readers.repeats import repeats
from readers.scan import Tables
from readers.texts import as_number, numbers, parsed, plain_texts, storable

VALUES = pl.Schema(
    {
        "run_id": pl.String(),
        "experiment": pl.String(),
        "key": pl.String(),
        "value": pl.String(),
        "number": pl.Float64(),
        "text": pl.String(),
    }
)
"""One row for each run and name. `value` is JSON; `number` is there for numbers and booleans; `text` is what a string
says, and the JSON of anything else. Nested dicts have a row for each leaf, under a dotted name."""

_COLUMNS = ["run_id", "experiment", "writer", "seq", "time", "key", "value"]
_Leaf = tuple[str, str, float | None, str]


def read_last(tables: Tables, kind: str, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The last value under each name of each run, as it was logged: run_id, experiment, key, value."""
    early = only(predicate, ["run_id", "experiment"])
    of_kind = pl.col("kind") == kind
    return latest(tables.frame("facts", _COLUMNS, of_kind if early is None else of_kind & early))


def latest(facts: pl.DataFrame) -> pl.DataFrame:
    """Of facts of one kind the last under each key of each run: run_id, experiment, key, value.

    Names that were removed are left out.
    """
    again = repeats(facts, ["run_id", "key"])
    if again is not None:
        facts = pl.concat([facts.filter(~again), _last(facts.filter(again))])
    removed = facts["value"] == REMOVED
    facts = facts.filter(~removed) if removed.any() else facts
    return facts.select("run_id", "experiment", "key", "value")


def read_flat(tables: Tables, kind: str, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """The same with nested dicts taken apart, and values also as numbers and text: see VALUES."""
    return flat(read_last(tables, kind, predicate))


def flat(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of run_id, experiment, key, value (JSON) likewise."""
    nested = rows["value"].str.starts_with("{")
    plain = rows.filter(~nested) if nested.any() else rows
    found = plain.with_columns(numbers(plain["value"]).alias("number"), plain_texts(plain["value"]).alias("text"))
    if nested.any():
        taken_apart = _taken_apart(rows.filter(nested))
        # A name that was written out wins over one that came of a nested dict.
        found = pl.concat([found, taken_apart]).unique(["run_id", "key"], keep="first", maintain_order=True)
    return found.select(pl.col(name).cast(kind) for name, kind in VALUES.items())


def _last(rows: pl.DataFrame) -> pl.DataFrame:
    """The last row of each run and key."""
    rows = rows.sort("writer", "seq").with_columns(at=pl.col("time").cum_max().over("writer"))
    return rows.sort("at", "writer", "seq").unique(["run_id", "key"], keep="last", maintain_order=True).drop("at")


def _taken_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """A row for each leaf of each value; each distinct value is parsed once, as many runs of a sweep share it."""
    leaves = [(value, *leaf) for value in rows["value"].unique() for leaf in _leaves(value)]
    schema = {
        "nested": pl.String(),
        "rest": pl.String(),
        **{name: VALUES[name] for name in ("value", "number", "text")},
    }
    apart = rows.rename({"value": "nested"}).join(pl.DataFrame(leaves, schema, orient="row"), on="nested")
    return apart.with_columns(pl.col("key") + pl.col("rest")).select(list(VALUES))


def _leaves(text: str) -> list[_Leaf]:
    """(dotted rest of the name, JSON, number, text) for each leaf of a value."""
    value = parsed(text)
    if not isinstance(value, dict) or not value:
        return [("", text, as_number(value), text if isinstance(value, dict) else str(value))]
    leaves: list[_Leaf] = []
    for name, leaf in flatten(value).items():
        json_text = to_json(leaf)
        said = storable(leaf) if isinstance(leaf, str) else json_text
        leaves.append((f".{storable(name)}", json_text, as_number(leaf), said))
    return leaves
