"""Data files: rows as Parquet files of bounded size, as tables of Delta Lake and Iceberg are made of.

A file has rows of one experiment where the table is partitioned by it. One file is open at a time, so memory is that of
one row group, however many experiments there are. Encodings are those that every engine reads. Floats have no min and
max in the files: Parquet's leave NaN out, and an engine that believes them doesn't find it.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

_FILE_BYTES = 128 << 20
_ROW_GROUP = 128 * 1024
_SLICE = 8 * _ROW_GROUP
_LONGEST_BOUND = 100  # characters; a bound is worth little where it is long


class Create(Protocol):
    """Makes a new file to write into, below the table's place; whole when the context is left without an exception."""

    def __call__(self, name: str) -> AbstractContextManager[Any]:
        """Open it."""


class DataFile(NamedTuple):
    """A file that was written."""

    name: str
    """Relative to the table's place."""
    experiment: str | None
    """Whose rows it has; None where the table isn't partitioned."""
    rows: int
    size: int
    """In bytes."""
    lowest: dict[str, str | int]
    """The least value of each column of texts or whole numbers; left out where not every value is known."""
    highest: dict[str, str | int]
    """The greatest likewise."""


def arrow_schema(schema: pl.Schema) -> pa.Schema:
    """The columns as Arrow has them; times are UTC microseconds."""
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def write(
    pieces: Iterable[pl.DataFrame], schema: pa.Schema, create: Create, prefix: str, *, by_experiment: bool
) -> Iterator[DataFile]:
    """Write rows, which come with a column `experiment`, as files; each is told when it is whole.

    Args:
        prefix: what the files' names begin with; unique to this export.
    """
    parts = _parts(pieces, by_experiment=by_experiment)
    part = next(parts, None)
    number = 0
    while part is not None:
        experiment, rows = part.experiment, 0
        name = f"data/{prefix}-{number:06d}.parquet"
        footers: list[pq.FileMetaData] = []
        with create(name) as file:
            with _writer(file, schema, footers) as writer:
                while part is not None and part.experiment == experiment and (not rows or file.tell() < _FILE_BYTES):
                    writer.write_table(part.rows.to_arrow(compat_level=pl.CompatLevel.oldest()), _ROW_GROUP)
                    rows += part.rows.height
                    part = next(parts, None)
            size = file.tell()
        yield DataFile(name, experiment, rows, size, *_bounds(footers[0]))
        number += 1


class _Part(NamedTuple):
    """Rows of one experiment, or of any."""

    experiment: str | None
    rows: pl.DataFrame


def _parts(pieces: Iterable[pl.DataFrame], *, by_experiment: bool) -> Iterator[_Part]:
    for piece in pieces:
        several = by_experiment and piece["experiment"].n_unique() > 1
        for frame in piece.partition_by("experiment", maintain_order=True) if several else [piece]:
            experiment = frame["experiment"][0] if by_experiment and frame.height else None
            yield from (_Part(experiment, rows) for rows in frame.iter_slices(_SLICE) if rows.height)


def _writer(file: Any, schema: pa.Schema, footers: list[pq.FileMetaData]) -> pq.ParquetWriter:
    texts = [field.name for field in schema if pa.types.is_large_string(field.type)]
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    numbers = [field.name for field in schema if field.name not in {*texts, *floats}]
    return pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        use_dictionary=[*texts, *floats],
        column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
        write_statistics=[*texts, *numbers],
        store_schema=False,
        metadata_collector=footers,
    )


def _bounds(footer: pq.FileMetaData) -> tuple[dict[str, str | int], dict[str, str | int]]:
    """The least and the greatest value of each column of which every row group has them."""
    lowest: dict[str, str | int] = {}
    highest: dict[str, str | int] = {}
    for column in range(footer.num_columns):
        chunks = [footer.row_group(group).column(column) for group in range(footer.num_row_groups)]
        ranges = [chunk.statistics for chunk in chunks if chunk.statistics and chunk.statistics.has_min_max]
        if len(ranges) == len(chunks) and all(_is_plain(each.min) and _is_plain(each.max) for each in ranges):
            lowest[chunks[0].path_in_schema] = min(each.min for each in ranges)
            highest[chunks[0].path_in_schema] = max(each.max for each in ranges)
    return lowest, highest


def _is_plain(bound: object) -> bool:
    return isinstance(bound, int) or (isinstance(bound, str) and len(bound) <= _LONGEST_BOUND)
