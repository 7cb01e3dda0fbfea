"""LazyFrames over sealed and live rows, exact at each collect.

Each collect takes its own snapshot, in this order: (1) the rows of all live segments are read; (2) the catalog is
listed (see ingest.catalog); (3) of the live rows those are kept whose segment is still live in that listing, and the
parts it names are read. Argument. A segment that was sealed between (1) and (2) isn't live in (2), so its part counts
and the rows read before do not. A segment that is live in (2) but wasn't in (1) is younger than the query, and so are
all that follow it. So what a query sees of a writer is always a prefix of what it logged (see live for the rest of the
argument), and holds all that was logged before the query began.

Reading the parts takes a while, and compaction may move them meanwhile: then they are looked for where it puts them
(see places). Only when somebody deleted one by hand the query begins anew, as long as nothing was handed out. Parts are
read in chunks of bounded size, one after the other, so a table larger than memory can be streamed; projection,
predicate and row limit go down into Polars' Parquet reader.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import polars as pl
from polars.io.plugins import register_io_source

from ingest.catalog import LiveSegment, Part, Snapshot, live_writers, snapshot
from ingest.errors import StoreError, StoreUnavailable
from ingest.layout import TABLES, Layout, Table
from readers.names import TrueNames
from readers.places import find, is_partition
from readers.query import Found, Query
from readers.recent import Recent
from readers.schemas import SCHEMAS
from readers.verified import Damage, Verified

if TYPE_CHECKING:
    from readers.live import LiveRows
    from readers.objects.listed import ObjectPart
    from readers.objects.rangedparts import RangedParts, Runs

_CHUNK_BYTES = 16 << 20  # of Parquet; some 3 million points, 300 MB with all columns
_CHUNK_FILES = 512
_SMALL_BYTES = 1 << 20  # experiments of this size are read apart from others
_RECENT_BYTES = 4 << 20  # of Parquet; more of a small table isn't kept in memory
_TRIES = 20


class Spread(Protocol):
    """Reads chunks of sealed parts elsewhere (see readers.cluster): gives what `Tables.rows` would, in their order."""

    def frames(
        self, tables: "Tables", query: Query, chunks: Iterable[list[Found]], limit: int | None
    ) -> Iterator[pl.DataFrame]:
        """A frame for each chunk. Raises: FileNotFoundError: a part was deleted."""

    def ranged(
        self,
        place: str,
        here: "RangedParts",
        query: Query,
        parts: "list[tuple[ObjectPart, str]]",
        runs: "Runs | None",
    ) -> Iterator[pl.DataFrame]:
        """What `here` would give of parts of a store on object storage (see readers.objects.rangedparts)."""


class Tables:
    """The three tables of a store, as Polars frames. Any thread.

    Args:
        spread: who reads the sealed parts; None: this process.
    """

    def __init__(self, layout: Layout, spread: Spread | None = None) -> None:
        self.layout = layout
        self.verified = Verified(layout)
        self._spread = spread
        self._live: LiveRows | None = None
        self._names = TrueNames(layout, self.verified)
        self._recent = Recent()
        self.dead: set[str] = set()
        """Writers known to be dead: what is read from now on is all they ever wrote."""

    def lazy(self, table: Table, *, experiments: Collection[str] | None = None) -> pl.LazyFrame:
        """All rows of a table, or of some experiments, as of each collect."""

        def source(
            columns: list[str] | None, predicate: pl.Expr | None, limit: int | None, _batch_size: int | None
        ) -> Iterator[pl.DataFrame]:
            return self.frames(table, columns, predicate, limit, experiments=experiments)

        return register_io_source(source, schema=SCHEMAS[table])

    def frame(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        predicate: pl.Expr | None = None,
        *,
        experiments: Collection[str] | None = None,
    ) -> pl.DataFrame:
        """The rows as of now."""
        nothing = SCHEMAS[table].to_frame()
        nothing = nothing if columns is None else nothing.select(columns)
        return pl.concat([nothing, *self.frames(table, columns, predicate, experiments=experiments)])

    def frames(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        predicate: pl.Expr | None = None,
        limit: int | None = None,
        *,
        experiments: Collection[str] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """The rows as of now, in pieces of bounded size.

        Raises: StoreUnavailable: the store is gone. StoreError: files of it were deleted by hand during the query.
        """
        return self.asked(Query(table, columns, predicate, experiments), limit)

    def asked(self, query: Query, limit: int | None = None) -> Iterator[pl.DataFrame]:
        """What a query asks for, as of now, in pieces of bounded size; raises as `frames` does."""
        for _ in range(_TRIES):
            handed_out = False
            try:
                for frame in self._pieces(query, limit):
                    piece = frame if limit is None else frame.head(limit)
                    limit = None if limit is None else limit - piece.height
                    handed_out = True
                    yield piece
                    if limit == 0:
                        return
            except FileNotFoundError as gone:
                if handed_out:
                    raise StoreError(f"{gone.filename} was deleted while it was read; run the query again") from gone
                continue
            return
        raise StoreError(f"files of {self.layout.root} keep vanishing while they are read; run the query again")

    def snapshot(self, table: Table) -> Snapshot:
        """The catalog's listing. Raises: StoreUnavailable: the store is gone."""
        if not self.layout.root.is_dir():
            raise StoreUnavailable(f"the store {str(self.layout.root)!r} is gone: its folder was moved or deleted")
        return snapshot(self.layout, table)

    def damaged(self) -> list[Damage]:
        """Verify every part; those that aren't what was written."""
        for table in TABLES:
            for part in self.snapshot(table).parts:
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    self.verified.check(find(self.layout, table, part)[0])
        return self.verified.damaged()

    def foreign(self, table: Table) -> list[Path]:
        """What lies in a table's folders and is no part of it."""
        beside = [path for path in self.layout.table(table).glob("*") if not is_partition(path)]
        return [*self.snapshot(table).foreign, *beside]

    def _pieces(self, query: Query, limit: int | None) -> Iterator[pl.DataFrame]:
        """The rows of one snapshot. Raises: FileNotFoundError: a part was deleted."""
        live = {segment: query.of(frame) for segment, frame in self._live_rows(query.table).items()}
        shot = self.snapshot(query.table)
        named = [(part, self._names.of(part)) for part in shot.parts]
        wanted = query.experiments_among({experiment for _, experiment in named})
        yield from self._sealed(query, [part for part, experiment in named if experiment in wanted], limit)
        yield from (live[segment] for segment in shot.live if segment in live)

    def _sealed(self, query: Query, parts: list[Part], limit: int | None) -> Iterator[pl.DataFrame]:
        """The rows of parts. Raises: FileNotFoundError: one was deleted."""
        found = chunks(self.found(query.table, parts))
        if self._spread is None:
            yield from (self.rows(query, chunk, limit) for chunk in found)
        else:
            yield from self._spread.frames(self, query, found, limit)

    def _live_rows(self, table: Table) -> dict[LiveSegment, pl.DataFrame]:
        """The rows of all live segments. Where there are none, Arrow isn't imported, which is most of a short query."""
        if not live_writers(self.layout):
            return {}
        if self._live is None:
            from readers.live import LiveRows

            self._live = LiveRows(self.layout)
        return self._live.read(table)

    def found(self, table: Table, parts: Iterable[Part]) -> list[Found]:
        """Where parts lie now. Raises: FileNotFoundError: one was deleted."""
        parts = list(parts)
        self.layout.obtain(*(part.path for part in parts))
        return [Found(part, self._names.of(part), *find(self.layout, table, part)) for part in parts]

    def read(self, table: Table, chunk: Sequence[Found], take: Callable[[list[Found]], pl.DataFrame]) -> pl.DataFrame:
        """What `take` reads of the parts that are whole. Raises: FileNotFoundError: one was deleted."""
        for _ in range(_TRIES):
            try:
                whole = self.verified.whole({found.path: found.stamp for found in chunk})
                return take([found for found in chunk if found.path in whole])
            except FileNotFoundError:  # moved since it was found
                places = [find(self.layout, table, found.part) for found in chunk]
                chunk = [Found(old.part, old.experiment, *place) for old, place in zip(chunk, places, strict=True)]
            except pl.exceptions.PolarsError:
                if not self._unreadable(table, chunk):
                    raise  # it's the query
        raise FileNotFoundError(2, "keeps moving", str(chunk[0].path))

    def rows(self, query: Query, chunk: Sequence[Found], limit: int | None) -> pl.DataFrame:
        """What a query asks of the parts of a chunk that are whole. Raises: FileNotFoundError: one was deleted."""
        return self.read(query.table, chunk, lambda parts: self._rows(query, parts, limit))

    def _rows(self, query: Query, parts: list[Found], limit: int | None) -> pl.DataFrame:
        """The asked rows of whole parts, from memory where they were read before."""
        if query.table != "metrics" and sum(found.stamp.size for found in parts) <= _RECENT_BYTES:
            key = query.table, *((found.path.name, found.experiment) for found in parts)
            kept = self._recent.get(key, lambda: Query(query.table).scan(parts, None))
            if kept is not None:
                return query.of(kept)
        return query.scan(parts, limit)

    def _unreadable(self, table: Table, chunk: Iterable[Found]) -> bool:
        """Leave out parts that are no table of ours though their checksums are right; False when there are none."""
        wrong = [found.path for found in chunk if not _has_schema(found.path, table)]
        for path in wrong:
            self.verified.set_aside(path, f"{path} isn't a part of {table}: its columns are others; it is left out")
        return bool(wrong)


def chunks(parts: Iterable[Found]) -> Iterator[list[Found]]:
    """Group parts by experiment into chunks of bounded size; small experiments share one."""
    chunk: list[Found] = []
    size = 0
    for found in sorted(parts, key=lambda found: (found.experiment, found.part.segment)):
        next_experiment = bool(chunk) and chunk[-1].experiment != found.experiment
        full = size + found.stamp.size > _CHUNK_BYTES or len(chunk) >= _CHUNK_FILES
        if chunk and (full or (next_experiment and size > _SMALL_BYTES)):
            yield chunk
            chunk, size = [], 0
        chunk.append(found)
        size += found.stamp.size
    if chunk:
        yield chunk


def _has_schema(path: Path, table: Table) -> bool:
    try:
        found = pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError):
        return False
    return {**found, "experiment": pl.String()} == dict(SCHEMAS[table])
