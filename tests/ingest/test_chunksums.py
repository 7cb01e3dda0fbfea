"""A part of metrics carries sums by which its footer and each of its column chunks are checked apart."""

from pathlib import Path
from zlib import crc32

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest import chunksums
from ingest.errors import SegmentCorrupt
from ingest.layout import Layout
from ingest.parts import publish
from ingest.tables import METRICS


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """A part with two row groups."""
    rows = 130 * 1024
    columns = {
        "run_id": pa.array(["r"] * rows),
        "writer": pa.array(["w"] * rows),
        "key": pa.array(["loss"] * rows),
        "value": pa.array([float(number) for number in range(rows)]),
    }
    for field in METRICS:
        columns.setdefault(field.name, pa.array(range(rows)))
    layout = Layout(tmp_path / "store")
    layout.create()
    table = pa.table({field.name: columns[field.name].cast(field.type) for field in METRICS}, schema=METRICS)
    return publish(layout, "metrics", "e", "w-000001", [table])


def tail_of(data: bytes) -> bytes:
    """As many of the last bytes as are needed."""
    return data[-chunksums.wanted(data[-100:], len(data)) :]


def test_the_sums_are_those_of_the_column_chunks(part: Path) -> None:
    """Each chunk that the footer names has its sum, row group after row group, and the last bytes alone have them."""
    data, metadata = part.read_bytes(), pq.read_metadata(part)
    spans = [chunksums.span(metadata, g, c) for g in range(metadata.num_row_groups) for c in range(len(METRICS))]

    assert metadata.num_row_groups == 2
    assert len(tail_of(data)) < len(data) / 2
    assert chunksums.check(tail_of(data)) == tuple(crc32(data[start:end]) for start, end in spans)


def test_every_flipped_bit_of_the_end_is_noticed(part: Path) -> None:
    """Of the footer, its length, the sums and what names them no bit may differ unnoticed; nothing is parsed for it."""
    data = part.read_bytes()
    tail, whole = tail_of(data), chunksums.check(tail_of(data))
    length = int.from_bytes(data[-8:-4], "little")
    assert whole is not None
    held = length + 8 + 16 + 4 * len(whole)
    for at in range(len(tail) - held, len(tail)):
        flipped = bytearray(tail)
        flipped[at] ^= 1 << at % 8
        changed = data[: -len(tail)] + bytes(flipped)
        try:
            assert chunksums.check(tail_of(changed)) is None, (
                at
            )  # without sums: it is read whole, and has a wrong digest
        except SegmentCorrupt:
            continue


def test_other_tools_read_such_a_part(part: Path) -> None:
    """Between pages and footer nobody looks."""
    rows = 130 * 1024
    assert pl.read_parquet(part)["value"].to_list() == [float(number) for number in range(rows)]
    with duckdb.connect() as connection:
        found = connection.execute("SELECT count(*), max(value) FROM read_parquet(?)", [str(part)]).fetchall()
    assert found == [(rows, rows - 1.0)]
    assert pq.read_table(part).num_rows == rows


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"x" * 100, b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1"])
def test_what_is_no_parquet_file_is_said_to_be_none(data: bytes) -> None:
    """A file that is cut off, or was never one."""
    with pytest.raises(SegmentCorrupt, match="doesn't end as a Parquet file"):
        chunksums.wanted(data, len(data))


def test_a_parquet_file_of_others_has_no_sums(tmp_path: Path) -> None:
    """Nor one that an older version wrote."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    assert chunksums.check(tail_of((tmp_path / "x.parquet").read_bytes())) is None
