"""Backlog: the sealed rows behind a cursor, writer after writer, in pieces of bounded size.

Sealed parts are sorted by run and metric, and compaction merges segments that need not follow each other. A cursor that
counts per writer can only be moved along a writer's own order. So of each part it is first read which segments of which
writers it holds, and how many rows of each (three columns, streamed): the index. By it a piece is chosen: some writers'
next segments, of about `_PIECE_ROWS` rows; their rows are read from the parts that have them, put in order, and handed
out a slice at a time. A segment holds two million rows at most, as it was one queue file.

The index is of the parts as they are listed now. So when compaction replaces parts, theirs goes and that of the merged
one comes, and what is still to come is what lies behind the cursor: each row once, whichever part it is read from.
"""

from collections.abc import Collection, Sequence

import polars as pl

from ingest.catalog import Part
from ingest.layout import Table
from readers.batch import FACTS, POINTS
from readers.query import PATH, Found, Query
from readers.scan import Tables, chunks
from readers.wanted import Wanted

_PIECE_ROWS: dict[Table, int] = {"metrics": 500_000, "facts": 20_000}
"""Some 50 MB with all columns; facts may hold long texts."""
_SEGMENT = 2**32
"""What a segment's number is multiplied by in `seq`."""
_INDEX = pl.Schema(
    {
        "part": pl.String(),
        "writer": pl.String(),
        "number": pl.Int64(),
        "rows": pl.UInt64(),
        "last": pl.Int64(),
        "run": pl.String(),
        "last_run": pl.String(),
    }
)
_ORDER = {"metrics": POINTS, "facts": FACTS}


class Backlog:
    """What is sealed of one table, and wasn't taken yet."""

    def __init__(self, tables: Tables, table: Table, wanted: Wanted) -> None:
        self._tables = tables
        self._table: Table = table
        self._rows = wanted.rows(table)
        self._runs = None if wanted.runs is None else sorted(wanted.runs)
        self._index = _INDEX.to_frame()
        self._parts: dict[str, Part] = {}
        self._to_come = _INDEX.to_frame()
        """What is behind the cursor and not read yet: one row for each segment of a writer, in the order to read."""
        self._piece = _ORDER[table].to_frame()
        self._reach: dict[str, int] = {}
        """What was read but not handed out yet: writer -> seq of the last row."""
        self.writers: set[str] = set()
        """Those that have rows to come: what they have live comes after them."""

    def update(self, parts: Collection[Part], cursor: dict[str, int]) -> None:
        """These are the sealed parts now. Raises: FileNotFoundError: one was deleted meanwhile; list again."""
        names = {part.path.name: part for part in parts}
        gone = [name for name in self._parts if name not in names]
        new = [part for name, part in names.items() if name not in self._parts]
        if not gone and not new:
            return
        index = self._index.filter(~pl.col("part").is_in(gone)) if gone else self._index
        if self._runs is not None:
            new = [part for part in new if self._tables.layout.may_hold(part.path, self._runs)]
        found = chunks(self._tables.found(self._table, new))
        self._index = pl.concat([index, *(self._tables.read(self._table, chunk, self._indexed) for chunk in found)])
        damaged = {damage.path.name for damage in self._tables.verified.damaged()}  # they are looked at again
        self._parts = {name: part for name, part in names.items() if name not in damaged}
        self._plan(cursor)

    def know(self, parts: Collection[Part]) -> None:
        """Leave out what these parts have, without a look into them."""
        self._parts = {part.path.name: part for part in parts}

    def last(self) -> dict[str, int]:
        """Each writer's last sealed seq."""
        return dict(self._index.group_by("writer").agg(pl.col("last").max()).iter_rows())

    def skip(self) -> None:
        """Leave out all that is still to come."""
        self._to_come, self._piece, self._reach = self._to_come.clear(), self._piece.clear(), {}
        self.writers = set()

    def take(self, most: int, cursor: dict[str, int]) -> pl.DataFrame:
        """The next rows, about `most`, whole events only; none when there are no more.

        Raises: FileNotFoundError: a part is gone; list again.
        """
        if self._piece.is_empty() and not self._to_come.is_empty():
            self._read(cursor)
        if self._piece.height <= most:
            taken, self._piece = self._piece, self._piece.clear()
            self._reach = {}
        else:
            taken = self._piece.head(_end_of_event(self._piece, most))
            self._piece = self._piece.slice(taken.height)
        self.writers = {*self._to_come["writer"], *self._piece["writer"].unique()}
        return taken

    def _plan(self, cursor: dict[str, int]) -> None:
        """Find what is still to come. Writers in the order of their first runs, as they lie in the parts."""
        reach = {**cursor, **self._reach}
        taken = pl.DataFrame(
            {"writer": list(reach), "reach": list(reach.values())}, {"writer": pl.String, "reach": pl.Int64}
        )
        behind = self._index.join(taken, on="writer", how="left").filter(pl.col("last") > pl.col("reach").fill_null(-1))
        segments = behind.group_by("writer", "number").agg(
            pl.col("rows").sum(), pl.col("last").max(), pl.col("run").min(), pl.col("last_run").max()
        )
        segments = segments.with_columns(pl.col("run").min().over("writer"))
        self._to_come = segments.sort("run", "writer", "number")
        self.writers = {*self._to_come["writer"], *self._piece["writer"].unique()}

    def _read(self, cursor: dict[str, int]) -> None:
        """Read the next piece."""
        count = max(1, int((self._to_come["rows"].cum_sum() <= _PIECE_ROWS[self._table]).sum()))
        chosen, rest = self._to_come.head(count), self._to_come.slice(count)
        names = self._index.join(chosen, on=["writer", "number"], how="semi")["part"].unique()
        reach = dict(chosen.group_by("writer").agg(pl.col("last").max()).iter_rows())
        runs = pl.lit(chosen["run"].min()), pl.lit(chosen["last_run"].max())
        theirs = pl.col("run_id").is_between(*runs) & _between(cursor, reach)  # the runs skip most row groups
        query = Query(self._table, list(_ORDER[self._table]), theirs if self._rows is None else theirs & self._rows)
        pieces = [
            self._tables.read(self._table, chunk, lambda parts: query.scan(parts, None))
            for chunk in chunks(self._tables.found(self._table, [self._parts[name] for name in names]))
        ]
        order = {writer: place for place, writer in enumerate(chosen["writer"].unique(maintain_order=True))}
        rows = pl.concat([_ORDER[self._table].to_frame(), *pieces])
        place = pl.col("writer").replace_strict(list(order), list(order.values()), return_dtype=pl.Int64)
        self._piece = rows.sort(place, "seq", maintain_order=True)
        self._reach, self._to_come = reach, rest

    def _indexed(self, parts: Sequence[Found]) -> pl.DataFrame:
        """The index of some parts."""
        if not parts:
            return _INDEX.to_frame()
        rows = Query(self._table, ["run_id", "writer", "seq"], self._rows).with_paths(parts)
        number = (pl.col("seq") // _SEGMENT).alias("number")
        found = rows.group_by(PATH, "writer", number).agg(
            pl.len().cast(pl.UInt64).alias("rows"),
            pl.col("seq").max().alias("last"),
            pl.col("run_id").min().alias("run"),
            pl.col("run_id").max().alias("last_run"),
        )
        part = pl.col(PATH).str.split("/").list.last().alias("part")
        return found.with_columns(part).select(_INDEX.names()).collect(engine="streaming")


def _between(cursor: dict[str, int], reach: dict[str, int]) -> pl.Expr:
    """The rows of these writers, from behind the cursor up to `reach`."""
    writers = list(reach)
    from_ = pl.col("writer").replace_strict(
        writers, [cursor.get(w, -1) for w in writers], default=-1, return_dtype=pl.Int64
    )
    to = pl.col("writer").replace_strict(writers, list(reach.values()), default=-1, return_dtype=pl.Int64)
    return pl.col("writer").is_in(writers) & (pl.col("seq") > from_) & (pl.col("seq") <= to)


def _end_of_event(rows: pl.DataFrame, at_least: int) -> int:
    """The first end of an event at or behind a number of rows; one call's points are never torn apart."""
    writer, seq = rows["writer"][at_least - 1], rows["seq"][at_least - 1]
    behind = rows.slice(at_least)
    same = (behind["writer"] == writer) & (behind["seq"] == seq)
    others = (~same).arg_true()
    return at_least + (int(others[0]) if len(others) else behind.height)
