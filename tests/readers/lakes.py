"""Stores that are hard to export, and what readers of Delta Lake and Iceberg find of them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from ingest.compact import compact
from readers.lakehouse.export import ExportedTables, export_delta, export_iceberg
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

EXPERIMENTS = (
    "plain",
    "a/b c",
    "ünï ✓",
    "100% =x= [*]?",
    "'quoted' \"twice\"",
    "123",
    "..",
    "long " + "x" * 300,
    "y\nz",
)
VALUES = ((0, math.nan), (None, math.inf), (1.5, -0.0), (2**62, 5e-324), (-1, 1.797e308), (7, -math.inf))


class Lake(NamedTuple):
    """A store, and what was exported of it."""

    store: Store
    delta: str
    iceberg: str


def fill(recorder: "Recorder", experiments: tuple[str, ...] = EXPERIMENTS) -> None:
    """Log what is hard to keep, under names that are hard to keep: merged parts, others, and live rows."""
    for part in range(3):
        for number, experiment in enumerate(experiments):
            run_id = f"run{number}"
            recorder.start(run_id, experiment)
            for step, value in VALUES:
                recorder.log(run_id, {"loss": value, "ключ/β": part}, step, experiment)
            recorder.params(run_id, {"lr": 0.1 * part, "net": {"depth": part}, "name": "x\ny", "nan": None}, experiment)
            recorder.tags(run_id, {"team": "ä"}, experiment)
        if part < 2:
            recorder.seal()
            assert part == 0 or compact(recorder.layout).files_after > 0
    recorder.flush()


def catalog_of(folder: str) -> Any:
    """The catalog of an Iceberg export, as README opens it."""
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog("steplog", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")


def ours(store: Store, table: str) -> pl.DataFrame:
    """The store's own frame."""
    frame: pl.DataFrame = getattr(store, table)().collect()
    return frame


def same(found: pl.DataFrame, expected: pl.DataFrame) -> bool:
    """Whether both have the same rows, in any order; NaN is NaN, -0.0 isn't 0.0, nothing isn't NaN."""
    found = found.select(pl.col(name).cast(kind) for name, kind in expected.schema.items())
    return sorted(map(repr, found.rows())) == sorted(map(repr, expected.rows()))


EXPORTS: dict[str, Callable[..., ExportedTables]] = {"deltalake": export_delta, "pyiceberg": export_iceberg}


def count(library: str, to: Path, table: str) -> int | None:
    """The rows of an exported table; None where there is none."""
    if library == "deltalake":
        return pl.scan_delta(to / table).collect().height if (to / table / "_delta_log").exists() else None
    catalog = catalog_of(str(to))
    if not catalog.table_exists(f"steplog.{table}"):
        return None
    return int(catalog.load_table(f"steplog.{table}").scan().to_arrow().num_rows)
