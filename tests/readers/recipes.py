"""The README's recipes for other engines, and what they are to find."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from readers.params import read_last
from readers.scan import Tables
from readers.store import Store

SECTION = re.compile(r"^## DuckDB, Spark, Trino.*?(?=^## )", re.DOTALL | re.MULTILINE)


def statements(engine: str) -> list[str]:
    """The statements of the recipe for an engine, in their order."""
    found = SECTION.search((Path(__file__).parents[2] / "README.md").read_text())
    assert found, "the README has no section of recipes"
    blocks = re.findall(r"```sql\n(.*?)```", found[0], re.DOTALL)
    code = re.sub(r"--.*", "", next(block for block in blocks if block.startswith(f"-- {engine}")))
    return [statement.strip() for statement in code.split(";") if statement.strip()]


def lowest(store: Store) -> dict[tuple[str, str], list[float]]:
    """Of each experiment and metric the number of points, and the least that isn't NaN."""
    value = pl.col("value")
    found = store.metrics().group_by("experiment", "key").agg(pl.len(), value.filter(~value.is_nan()).min()).collect()
    return {(experiment, key): rest for experiment, key, *rest in found.rows()}


def last_params(store: Store) -> list[str]:
    """Run, name and last value of each param, as `shown` shows them."""
    rows = read_last(Tables(store.layout), "param").select("run_id", "key", "value").rows()
    return shown((run_id, key, json.loads(value)) for run_id, key, value in rows)


def shown(params: Iterable[Sequence[Any]]) -> list[str]:
    """Params, sorted. Engines print JSON with blanks or without, and what isn't there as nothing or as null."""
    return sorted(repr((run_id, key, _value(value))) for run_id, key, value in params)


def _value(said: object) -> object:
    try:
        return json.loads(said) if isinstance(said, str) else said
    except ValueError:
        return said
