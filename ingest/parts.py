"""Sealed parts: Parquet files that appear whole, never change, and carry their checksum in their name.

Guarantee (sealed): write in tmp/, fsync, read back, rename into place, fsync the folder. A reader sees a whole file or
none. The name holds the first 16 hex digits of the SHA-256 of the bytes as they were read back, so damage shows before
anything parses the file: a mutated Parquet file read by Polars can be silently wrong or end the process. Each page has
a checksum of its own, for who reads ranges of a file that lies elsewhere: 0.03 % of a large file, and no time.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingest import chunksums
from ingest.digests import digest_of
from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout, Table, part_name, split_part, sync_directory
from ingest.tables import FACTS, METRICS, SUMMARIES

_DELTA, _SPLIT = "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"
_ENCODINGS: dict[Table, dict[str, str]] = {
    "metrics": {"seq": _DELTA, "time": _DELTA, "step": _DELTA, "step_float": _SPLIT, "value": _SPLIT},
    "facts": {"seq": _DELTA, "time": _DELTA},
    "summaries": {},
}
_DICTIONARIES = {
    "metrics": ["run_id", "writer", "key"],
    "facts": ["run_id", "writer", "kind", "key"],
    "summaries": ["run_id", "writer", "key"],
}
METRICS_ROW_GROUP = 128 * 1024
_ROW_GROUP = {"metrics": METRICS_ROW_GROUP, "facts": 64 * 1024, "summaries": 64 * 1024}
_SCHEMAS = {"metrics": METRICS, "facts": FACTS, "summaries": SUMMARIES}
# Parquet's min and max leave NaN out, and readers believe them: DuckDB finds no NaN in a column that has a min.
_WITH_RANGE = {
    table: [field.name for field in schema if not pa.types.is_floating(field.type)]
    for table, schema in _SCHEMAS.items()
}
_LEVEL = 3


def publish(layout: Layout, table: Table, experiment: str, segment: str, rows: Iterable[pa.Table]) -> Path:
    """Write `rows`, piece after piece, as the part of `segment`; returns its path. Doing it twice leaves one file.

    Raises: OSError: the disk can't take it; nothing is visible then.
    """
    folder = layout.partition(table, experiment)
    done = find(folder, segment)
    if done is not None:
        return done
    scratch = write_scratch(layout, table, rows)
    return place(scratch, folder, segment)


def write_scratch(layout: Layout, table: Table, rows: Iterable[pa.Table]) -> Path:
    """Write a Parquet file in tmp/, synced and read back; returns its path. The pieces have whole row groups."""
    return write_aside(layout.tmp, table, rows)


def write_aside(tmp: Path, table: Table, rows: Iterable[pa.Table]) -> Path:
    """Write a Parquet file in a folder, as `write_scratch`."""
    tmp.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    scratch = tmp / f"{table}-{os.getpid()}-{secrets.token_hex(8)}.parquet"
    descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        try:
            written = write_rows(scratch, table, rows)
            if table == "metrics":  # of which ranges are read (see readers.objects)
                chunksums.add(scratch)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        found = pq.read_metadata(scratch).num_rows
        if found != written:
            raise OSError(f"{scratch} was written with {written} rows and reads back with {found}")  # noqa: TRY301
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
    return scratch


def write_rows(path: Path, table: Table, rows: Iterable[pa.Table]) -> int:
    """Write the pieces; returns the number of rows. By Arrow's own file: a Python one takes the GIL for each page."""
    options = {
        "compression": "zstd",
        "compression_level": _LEVEL,
        "use_dictionary": _DICTIONARIES[table],
        "column_encoding": dict(_ENCODINGS[table]) or None,
        "write_page_checksum": True,
        "write_statistics": _WITH_RANGE[table],
    }
    written = 0
    with pa.OSFile(str(path), "wb") as file, pq.ParquetWriter(file, _SCHEMAS[table], **options) as writer:
        for piece in rows:
            writer.write_table(piece, _ROW_GROUP[table])
            written += len(piece)
    return written


def place(scratch: Path, folder: Path, segment: str) -> Path:
    """Move a finished file to its name."""
    folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    path = folder / part_name(segment, digest_of(scratch))
    scratch.replace(path)
    sync_directory(folder)
    return path


def find(folder: Path, segment: str) -> Path | None:
    """The part of a segment in a folder, if it was published."""
    try:
        return next((path for path in folder.iterdir() if (split_part(path.name) or ("", ""))[0] == segment), None)
    except FileNotFoundError:
        return None
