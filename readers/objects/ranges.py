"""RangedPart: some columns of some runs of a part in the bucket, by ranges of bytes; the rest of it isn't fetched.

A part is sorted by run, and its footer says of each row group which runs it has from where to where (Parquet's column
statistics). So one run's points cost the footer, once, and the wanted columns of the one or two row groups that can
have the run. A part that is read whole is checked by the digest in its name, which takes all bytes; here the footer and
each column chunk are checked by the sums that the part carries, before anything parses them (see ingest.chunksums).
"""

import bisect
import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest import chunksums
from ingest.errors import SegmentCorrupt
from ingest.objects.bucket import Bucket
from readers.objects.listed import ObjectPart
from readers.query import Query
from readers.schemas import SCHEMAS

_TAIL_BYTES = 64 << 10
_TEXTS = ["run_id", "writer", "key"]
_MOST_FOOTERS = 4096


class Footer(NamedTuple):
    """The end of a part."""

    metadata: Any
    """Of Parquet."""
    sums: tuple[int, ...] | None
    """What the column chunks are checked by (see ingest.chunksums); None: the whole part was."""


class Footers:
    """The footers of parts, as they were read. Any thread."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._kept: OrderedDict[str, Footer] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, found: ObjectPart) -> Footer:
        """The footer of a part.

        Raises: FileNotFoundError: it is gone. SegmentCorrupt: it isn't what was written.
        """
        name = found.part.path.name
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        footer = self._read(found)
        with self._lock:
            self._kept[name] = footer
            while len(self._kept) > _MOST_FOOTERS:
                self._kept.popitem(last=False)
        return footer

    def _read(self, found: ObjectPart) -> Footer:
        if not found.size:
            raise _damaged(found, "it is empty")
        start = max(0, found.size - _TAIL_BYTES)
        (tail,) = fetch(self._bucket, found, [(start, found.size)])
        try:
            missing = chunksums.wanted(tail, found.size) - len(tail)
            if missing > 0:
                (more,) = fetch(self._bucket, found, [(start - missing, start)])
                tail, start = more + tail, start - len(more)
            checked = chunksums.check(tail)
        except SegmentCorrupt as error:
            raise _damaged(found, error) from error
        if checked is None:
            return Footer(_metadata(found, 0, whole(self._bucket, found)), None)
        return Footer(_metadata(found, start, tail), checked)


def whole(bucket: Bucket, found: ObjectPart) -> bytes:
    """All bytes of a part without sums, which an older version wrote, checked by its name.

    Raises: FileNotFoundError: it is gone. SegmentCorrupt: they aren't what was written.
    """
    (data,) = fetch(bucket, found, [(0, found.size)])
    digest = hashlib.sha256(data).hexdigest()[: len(found.part.digest)]
    if digest != found.part.digest:
        raise _damaged(found, f"its bytes have digest {digest}, not the one in its name")
    return data


def _metadata(found: ObjectPart, start: int, tail: bytes) -> Any:
    try:
        return pq.ParquetFile(pa.PythonFile(Spans(found.size, [(start, tail)]), mode="r")).metadata
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(found, error) from error


def row_groups(metadata: Any, runs: Sequence[str] | None) -> list[int]:
    """The row groups that can have one of the runs (sorted); all when there is no choice."""
    if runs is None:
        return list(range(metadata.num_row_groups))
    column = metadata.schema.to_arrow_schema().get_field_index("run_id")
    chosen = []
    for number in range(metadata.num_row_groups):
        statistics = metadata.row_group(number).column(column).statistics
        if statistics is None or not statistics.has_min_max or has_any(runs, statistics.min, statistics.max):
            chosen.append(number)
    return chosen


def has_any(runs: Sequence[str], first: str, last: str) -> bool:
    """Whether one of the runs (sorted) lies between two, these included."""
    place = bisect.bisect_left(runs, first)
    return place < len(runs) and runs[place] <= last


def read(
    bucket: Bucket, found: ObjectPart, footer: Footer, groups: Sequence[int], query: Query
) -> Iterator[pl.DataFrame]:
    """The columns that a query needs of some row groups, as the table's schema has them, without the experiment.

    Rows of runs, writers and keys that the query doesn't want are left out before anything is made of them: a run's
    points of one metric are a hundredth of a row group.

    Raises: FileNotFoundError: the part is gone. SegmentCorrupt: its pages aren't what was written.
    """
    metadata = footer.metadata
    columns = query.needed - {"experiment"} or {"seq"}
    names = [name for name in metadata.schema.names if name in columns]
    file = Spans(found.size, _chunks(bucket, found, footer, [(group, name) for group in groups for name in names]))
    texts = [name for name in _TEXTS if name in names]
    early = {name: wanted for name in texts if (wanted := query.early([name])) is not None}
    schema = SCHEMAS["metrics"]
    try:
        parquet = pq.ParquetFile(
            pa.PythonFile(file, mode="r"),
            metadata=metadata,
            read_dictionary=texts,
            pre_buffer=False,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(found, error) from error
    for group in groups:
        try:
            table = parquet.read_row_group(group, names, use_threads=False)
            frame = pl.DataFrame(pl.from_arrow(_narrowed(table, early)))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(found, error) from error
        yield frame.select(pl.col(name).cast(schema[name]) for name in names)


def _narrowed(table: pa.Table, early: Mapping[str, pl.Expr]) -> pa.Table:
    """The rows whose texts meet the conditions, each of which is asked of every distinct text once."""
    for name, wanted in early.items():
        pieces = []
        for batch in table.to_batches():
            column = batch.column(name)
            texts = pl.DataFrame({name: pl.Series(column.dictionary.to_pylist(), dtype=pl.String)})
            fits = texts.select(wanted.fill_null(value=False)).to_series()
            if fits.any():
                pieces.append(batch if fits.all() else batch.filter(pc.take(fits.to_arrow(), column.indices)))
        table = pa.Table.from_batches(pieces, table.schema)
    return table


def _damaged(found: ObjectPart, error: object) -> SegmentCorrupt:
    return SegmentCorrupt(f"{found.keys[0]} is damaged: {error}; it is left out")


def fetch(bucket: Bucket, found: ObjectPart, spans: Sequence[tuple[int, int]]) -> list[bytes]:
    """Ranges of a part, wherever it lies. Raises: FileNotFoundError: nowhere any more."""
    for key in found.keys:
        try:
            return bucket.get_ranges(key, spans)
        except FileNotFoundError:
            continue
    raise FileNotFoundError(2, "gone from the bucket", str(found.part.path))


class Spans(io.RawIOBase):
    """A file of which only some ranges are here.

    Args:
        size: bytes of the whole file.
        held: (start, bytes) of each range.
    """

    def __init__(self, size: int, held: Sequence[tuple[int, bytes]]) -> None:
        super().__init__()
        self._size = size
        self._held = sorted(held)
        self._starts = [start for start, _ in self._held]
        self._place = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move."""
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        """Read within one of the ranges. Raises: OSError: it isn't here."""
        size = self._size - self._place if size < 0 else min(size, self._size - self._place)
        number = bisect.bisect_right(self._starts, self._place) - 1
        start, data = self._held[number] if number >= 0 else (0, b"")
        if size > 0 and self._place + size > start + len(data):
            raise OSError(f"bytes {self._place} to {self._place + size} were not fetched")
        taken = data[self._place - start : self._place - start + size]
        self._place += len(taken)
        return taken


def _chunks(
    bucket: Bucket, found: ObjectPart, footer: Footer, asked: Sequence[tuple[int, str]]
) -> list[tuple[int, bytes]]:
    """(start, bytes) of column chunks, given by row group and name, checked.

    Raises: FileNotFoundError: the part is gone. SegmentCorrupt: they aren't what was written.
    """
    if footer.sums is None:
        return [(0, whole(bucket, found))]
    names = footer.metadata.schema.names
    places = [(group, names.index(name)) for group, name in asked]
    spans = [chunksums.span(footer.metadata, *place) for place in places]
    chunks = fetch(bucket, found, spans)
    for (group, column), (start, end), chunk in zip(places, spans, chunks, strict=True):
        if len(chunk) != end - start or crc32(chunk) != footer.sums[group * len(names) + column]:
            raise _damaged(found, f"column {names[column]} of row group {group} doesn't match its checksum")
    return list(zip((start for start, _ in spans), chunks, strict=True))
