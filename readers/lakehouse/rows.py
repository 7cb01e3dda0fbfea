"""Rows: the tables that are exported, in pieces of bounded size, so that a store larger than memory goes through.

`facts` are read chunk by chunk. Points are read for a number of runs at a time, of a large run for some metrics at a
time: a chunk of well compressed Parquet may hold more of them than memory does. What is folded from facts and summaries
(the last value of a param, a metric's summary) is folded for a number of runs at a time.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Literal, get_args

import polars as pl

from ingest.layout import Layout
from readers.opening import tables_of
from readers.params import VALUES, read_flat
from readers.predicates import one_of
from readers.runs import RUNS, read_runs
from readers.schemas import SCHEMAS
from readers.summaries import SUMMARIES, read_summaries
from readers.verified import Damage
from readers.writernames import rank

LakeTable = Literal["metrics", "summaries", "facts", "params", "tags", "runs"]
LAKE_TABLES: tuple[LakeTable, ...] = get_args(LakeTable)
"""In the order in which they are read. Facts are visible before points: so `runs`, read last, has every point's run."""

_FIRST = ["experiment", "run_id"]
_METRICS = pl.Schema({**SCHEMAS["metrics"], "rank": pl.Int64()})
_POINTS_AT_ONCE = 2_000_000
_BATCH_BYTES = 64 << 20  # of values as they are in memory; folding takes several times as much
_ROW_BYTES = {"summaries": 250, "params": 100, "tags": 100}


def schema_of(table: LakeTable) -> pl.Schema:
    """The columns of an exported table: as the store's frames have them, but experiment and run_id first."""
    known = {"summaries": SUMMARIES, "params": VALUES, "tags": VALUES, "runs": RUNS}
    schema = known.get(table) or (SCHEMAS["facts"] if table == "facts" else _METRICS)
    return pl.Schema({name: schema[name] for name in [*_FIRST, *(name for name in schema if name not in _FIRST)]})


class Rows:
    """What is exported of a store.

    Args:
        runs, experiments: only these; None for all.
    """

    def __init__(
        self, layout: Layout, runs: Collection[str] | None = None, experiments: Collection[str] | None = None
    ) -> None:
        self._tables = tables_of(layout)
        self._wanted: pl.Expr | None = None
        for name, of in (("run_id", runs), ("experiment", experiments)):
            if of is not None:
                self._wanted = self._and(one_of(name, of))

    def of(self, table: LakeTable) -> Iterator[pl.DataFrame]:
        """The rows of a table, those of one experiment mostly together; no promised order but that."""
        columns = list(schema_of(table))
        match table:
            case "metrics":
                for batch in self._point_batches():
                    for piece in self._tables.frames(table, list(SCHEMAS[table]), batch):
                        yield piece.with_columns(rank()).select(columns)
            case "facts":
                yield from self._tables.frames(table, columns, self._wanted)
            case "runs":
                yield self._asked(read_runs(self._tables, self._wanted), self._wanted).select(columns)
            case "summaries":
                for batch in self._batches(table):
                    yield self._asked(read_summaries(self._tables, batch), batch).select(columns)
            case "params" | "tags":
                for batch in self._batches(table):
                    yield self._asked(read_flat(self._tables, table[:-1], batch), batch).select(columns)

    def damaged(self) -> list[Damage]:
        """The damaged files that were met, and left out."""
        return self._tables.verified.damaged()

    @staticmethod
    def _asked(frame: pl.DataFrame, wanted: pl.Expr | None) -> pl.DataFrame:
        frame = frame if wanted is None else frame.filter(wanted)
        return frame.sort(_FIRST, maintain_order=True)

    def _batches(self, table: LakeTable) -> Iterator[pl.Expr | None]:
        """Conditions that together hold for every wanted row, each for a bounded number of bytes; or for one run."""
        sizes = self._sizes(table)
        if sizes["bytes"].sum() <= _BATCH_BYTES:
            yield self._wanted
            return
        batch = (pl.col("bytes").cum_sum() // _BATCH_BYTES).alias("batch")
        for few in sizes.sort("experiments", "run_id").with_columns(batch).partition_by("batch", maintain_order=True):
            yield self._and(_of(few))

    def _point_batches(self) -> Iterator[pl.Expr | None]:
        """Conditions that together hold for every wanted point, each for a bounded number of them."""
        points = (pl.col("count") + pl.col("nan_count")).sum()
        columns = ["run_id", "experiment", "key", "count", "nan_count"]
        sizes = _summed(self._tables.frames("summaries", columns, self._wanted), points)
        damaged = bool(self._tables.verified.damaged())
        if damaged or sizes["bytes"].sum() <= _POINTS_AT_ONCE:
            yield self._wanted  # whose summary is damaged, isn't known: chunk by chunk, then
            return
        sizes = sizes.sort("experiments", "run_id")
        alone = pl.when(pl.col("bytes") > _POINTS_AT_ONCE).then("run_id")
        batch = pl.struct(alone, pl.col("bytes").cum_sum() // _POINTS_AT_ONCE).rle_id().alias("batch")
        for few in sizes.with_columns(batch).partition_by("batch", maintain_order=True):
            if few.height > 1 or few["bytes"][0] <= _POINTS_AT_ONCE:
                yield self._and(_of(few))
                continue
            rows = pl.concat(self._tables.frames("summaries", columns, self._and(_of(few))))
            keys = rows.group_by("key").agg(points=points).sort("key")
            portion = (pl.col("points").cum_sum() // _POINTS_AT_ONCE).alias("portion")
            for some in keys.with_columns(portion).partition_by("portion", maintain_order=True):
                yield self._and(_of(few) & one_of("key", some["key"]))

    def _and(self, condition: pl.Expr) -> pl.Expr:
        return condition if self._wanted is None else self._wanted & condition

    def _sizes(self, table: LakeTable) -> pl.DataFrame:
        """For each run the experiments that it has rows in, and about how many bytes they are."""
        if table == "summaries":
            pieces = self._tables.frames("summaries", ["run_id", "experiment"], self._wanted)
            size = pl.len() * _ROW_BYTES[table]
        else:
            of_kind = pl.col("kind") == table[:-1]
            wanted = of_kind if self._wanted is None else of_kind & self._wanted
            pieces = self._tables.frames("facts", ["run_id", "experiment", "kind", "value"], wanted)
            size = (pl.col("value").str.len_bytes() + _ROW_BYTES[table]).sum()
        return _summed(pieces, size)


def _summed(pieces: Iterable[pl.DataFrame], size: pl.Expr) -> pl.DataFrame:
    """For each run the experiments that it has rows in, and the sum of a size over them."""
    schema = {"run_id": pl.String(), "experiment": pl.String(), "bytes": pl.Int64()}
    found = [piece.group_by("run_id", "experiment").agg(bytes=size.cast(pl.Int64)) for piece in pieces]
    every = pl.concat([pl.DataFrame(schema=schema), *found])
    return every.group_by("run_id").agg(pl.col("bytes").sum(), experiments=pl.col("experiment").unique().sort())


def _of(few: pl.DataFrame) -> pl.Expr:
    """The condition that a row is of one of these runs."""
    return one_of("run_id", few["run_id"]) & one_of("experiment", few["experiments"].explode().unique())
