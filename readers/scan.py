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
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
from polars.io.plugins import register_io_source

from ingest.catalog import Part, Snapshot, snapshot
from ingest.errors import StoreError, StoreUnavailable
from ingest.layout import TABLES, Layout, Table
from readers.live import SCHEMAS, LiveRows
from readers.names import TrueNames
from readers.places import find, is_partition
from readers.predicates import only
from readers.verified import Damage, Stamp, Verified

_CHUNK_BYTES = 16 << 20  # of Parquet; some 3 million points, 300 MB with all columns
_CHUNK_FILES = 512
_SMALL_BYTES = 1 << 20  # experiments of this size are read apart from others
_FEW = 8  # so many scans are concatenated; the cost of that grows with the square
_TRIES = 20
_PATH = "__path"


class _Found(NamedTuple):
    """A part, its experiment's true name, and where it lies."""

    part: Part
    experiment: str
    path: Path
    stamp: Stamp


class Tables:
    """The three tables of a store, as Polars frames. Any thread."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.verified = Verified(layout)
        self._live = LiveRows(layout)
        self._names = TrueNames(layout, self.verified)
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
        query = _Query(table, columns, predicate, experiments)
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

    def _pieces(self, query: "_Query", limit: int | None) -> Iterator[pl.DataFrame]:
        """The rows of one snapshot. Raises: FileNotFoundError: a part was deleted."""
        live = {segment: query.of(frame) for segment, frame in self._live.read(query.table).items()}
        shot = self.snapshot(query.table)
        named = [(part, self._names.of(part)) for part in shot.parts]
        wanted = query.experiments_among({experiment for _, experiment in named})
        found = [
            _Found(part, experiment, *find(self.layout, query.table, part))
            for part, experiment in named
            if experiment in wanted
        ]
        for chunk in _chunks(found):
            yield self._read(query, chunk, limit)
        yield from (live[segment] for segment in shot.live if segment in live)

    def _read(self, query: "_Query", chunk: list[_Found], limit: int | None) -> pl.DataFrame:
        """The rows of some parts. Raises: FileNotFoundError: one was deleted."""
        for _ in range(_TRIES):
            try:
                whole = self.verified.whole({found.path: found.stamp for found in chunk})
                return query.scan([found for found in chunk if found.path in whole], limit)
            except FileNotFoundError:  # moved since it was found
                places = [find(self.layout, query.table, found.part) for found in chunk]
                chunk = [_Found(old.part, old.experiment, *place) for old, place in zip(chunk, places, strict=True)]
            except pl.exceptions.PolarsError:
                if not self._unreadable(query.table, chunk):
                    raise  # it's the query
        raise FileNotFoundError(2, "keeps moving", str(chunk[0].path))

    def _unreadable(self, table: Table, chunk: Iterable[_Found]) -> bool:
        """Leave out parts that are no table of ours though their checksums are right; False when there are none."""
        wrong = [found.path for found in chunk if not _has_schema(found.path, table)]
        for path in wrong:
            self.verified.set_aside(path, f"{path} isn't a part of {table}: its columns are others; it is left out")
        return bool(wrong)


class _Query:
    """What is asked of one table."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str] | None,
        predicate: pl.Expr | None,
        experiments: Collection[str] | None,
    ) -> None:
        self.table = table
        self._columns = list(SCHEMAS[table]) if columns is None else list(columns)
        self._predicate = predicate
        self._experiments = None if experiments is None else set(experiments)
        needed = {*self._columns, *(predicate.meta.root_names() if predicate is not None else ())}
        self._needs_experiment = "experiment" in needed

    def experiments_among(self, there: Collection[str]) -> set[str]:
        """Those that can have rows for this query: whole folders are left out by name."""
        names = pl.DataFrame({"experiment": sorted(there)}, schema={"experiment": pl.String})
        if self._experiments is not None:
            names = names.filter(pl.col("experiment").is_in(list(self._experiments)))
        early = only(self._predicate, ["experiment"])
        return set(names["experiment"] if early is None else names.filter(early)["experiment"])

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The asked rows and columns of a table's frame."""
        if self._experiments is not None:
            frame = frame.filter(pl.col("experiment").is_in(list(self._experiments)))
        return self._asked(frame.lazy()).collect()

    def scan(self, parts: Sequence[_Found], limit: int | None) -> pl.DataFrame:
        """The asked rows and columns of sealed parts."""
        if not parts:
            return SCHEMAS[self.table].to_frame().select(self._columns)
        asked = self._asked(self._all(parts))
        return (asked if limit is None else asked.head(limit)).collect()

    def _asked(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return (rows if self._predicate is None else rows.filter(self._predicate)).select(self._columns)

    def _all(self, parts: Sequence[_Found]) -> pl.LazyFrame:
        """All rows of the parts, with their experiment if the query needs it."""
        paths = {found.path: found.experiment for found in parts}
        if not self._needs_experiment:
            return self._parquet(list(paths))
        experiments = dict.fromkeys(paths.values())
        if len(experiments) > _FEW:
            rows = self._parquet(list(paths), include_file_paths=_PATH)
            names = pl.col(_PATH).replace_strict([str(path) for path in paths], list(paths.values()))
            return rows.with_columns(experiment=names)
        return pl.concat(
            self._parquet([path for path in paths if paths[path] == experiment]).with_columns(
                experiment=pl.lit(experiment)
            )
            for experiment in experiments
        )

    def _parquet(self, paths: list[Path], include_file_paths: str | None = None) -> pl.LazyFrame:
        return pl.scan_parquet(
            paths,
            schema={name: kind for name, kind in SCHEMAS[self.table].items() if name != "experiment"},
            hive_partitioning=False,
            glob=False,
            include_file_paths=include_file_paths,
        )


def _chunks(parts: Iterable[_Found]) -> Iterator[list[_Found]]:
    """Group parts by experiment into chunks of bounded size; small experiments share one."""
    chunk: list[_Found] = []
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
