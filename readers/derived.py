"""Derived tables: LazyFrames of what is folded from facts or summaries, computed anew at each collect."""

from collections.abc import Callable, Iterator

import polars as pl
from polars.io.plugins import register_io_source

Read = Callable[[pl.Expr | None], pl.DataFrame]
"""Gives the whole table, or at least every row for which the predicate holds."""


def derived(schema: pl.Schema, read: Read) -> pl.LazyFrame:
    """A LazyFrame of what `read` gives; it may use the predicate to read less."""

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        frame = read(predicate)
        frame = frame if predicate is None else frame.filter(predicate)
        frame = frame if limit is None else frame.head(limit)
        yield frame if columns is None else frame.select(columns)

    return register_io_source(source, schema=schema)
