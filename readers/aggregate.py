"""Aggregate: the numbers of a part of the histories, by a pass over the points: what summaries can't answer.

Each chunk of points is folded where it is read, to a row for each run, metric and writer; what is left to do at the end
is what is done with the summaries of segments (see ingest.aggregates). So it streams, and of a cluster's machines only
these rows come back.
"""

from collections.abc import Iterator, Sequence

import polars as pl

from ingest.errors import LookupFailed
from readers.folding import of_points
from readers.predicates import only
from readers.query import Found, Query
from readers.scan import Tables
from readers.schemas import SCHEMAS
from readers.sql import SQLInvalid, condition
from readers.summaries import merged
from readers.writernames import rank

POINTS = pl.Schema({**SCHEMAS["metrics"], "step": pl.Float64(), "rank": pl.Int64()})
del POINTS["step_float"]
"""What a condition may name. `step` is any step, whole or not; null where none was given. `rank` is the writer's."""
_PROBE = pl.DataFrame(
    {
        "run_id": ["a", "b", "b", "c"],
        "writer": ["w", "w", "v", "v"],
        "seq": [1, 4, 2, 3],
        "time": [4_000_000, 1_000_000, 3_000_000, 2_000_000],
        "key": ["x", "x", "y", "z"],
        "step": [3.0, None, 0.5, 700.0],
        "value": [-1.0, 7.5, 0.25, 2.0],
        "experiment": ["e", "e", "f", "g"],
        "rank": [0, 0, 1, 1],
    }
).cast(dict(POINTS))  # type: ignore[arg-type]
"""Points by which it shows whether a condition looks at more than one of them."""
_MOST_BYTES = 2 << 20  # of Parquet; some half a million points
_MOST_ROWS = 1 << 19


class Folded(Query):
    """What is asked of the points: one row of the table of summaries for each run, metric and writer of a chunk."""

    def __init__(self, predicate: pl.Expr | None, where: pl.Expr | None) -> None:
        super().__init__("metrics", None, predicate)
        self._where = where

    def nothing(self) -> pl.DataFrame:
        """No row."""
        return SCHEMAS["summaries"].to_frame()

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of some points."""
        return self._fold(super().of(frame))

    def scan(self, parts: Sequence[Found], limit: int | None) -> pl.DataFrame:  # noqa: ARG002 - it would cut histories
        """The rows of sealed points; of large parts a piece at a time, as points take far more memory than they."""
        pieces = [self._fold(points) for group in _groups(parts) for points in self._pieces(group)]
        return pl.concat([self.nothing(), *pieces])

    def _pieces(self, parts: list[Found]) -> Iterator[pl.DataFrame]:
        """The asked points of some parts; of one large part so many rows at a time, if all of them are asked for."""
        if self._predicate is not None or len(parts) > 1:
            yield super().scan(parts, None)
            return
        points = self._all(parts)
        rows: int = points.select(pl.len()).collect().item()
        for start in range(0, rows, _MOST_ROWS):
            yield self._asked(points.slice(start, _MOST_ROWS)).collect()

    def _fold(self, points: pl.DataFrame) -> pl.DataFrame:
        points = points.with_columns(step=pl.coalesce("step_float", pl.col("step").cast(pl.Float64)))
        if self._where is not None:
            asks_rank = "rank" in self._where.meta.root_names()
            points = (points.with_columns(rank()) if asks_rank else points).filter(self._where)
        return self.nothing() if points.is_empty() else of_points(points)


def _groups(parts: Sequence[Found]) -> Iterator[list[Found]]:
    """The parts in groups of bounded size, in their order."""
    group: list[Found] = []
    size = 0
    for found in parts:
        if group and size + found.stamp.size > _MOST_BYTES:
            yield group
            group, size = [], 0
        group.append(found)
        size += found.stamp.size
    if group:
        yield group


def read_aggregate(tables: Tables, where: pl.Expr | None, predicate: pl.Expr | None = None) -> pl.DataFrame:
    """One row for each run and metric of the points that fit, as of now: see readers.summaries.SUMMARIES.

    What the predicate says of run_id, key and experiment is applied early.
    """
    early = only(predicate, ["run_id", "key", "experiment"])
    query = Folded(early, where)
    return merged(pl.concat([query.nothing(), *tables.asked(query)]))


def where_of(asked: str | pl.Expr | None) -> pl.Expr | None:
    """A condition on points, as an expression.

    Args:
        asked: SQL, as in "step >= 500 AND value > 0", or an expression; of the columns of POINTS.

    Raises: LookupFailed: it names another column. ValueError: it is no condition. TypeError.
    """
    if asked is None:
        return None
    if not isinstance(asked, str | pl.Expr):
        raise TypeError(f"where is {asked!r}; give a Polars expression, or a text such as 'step >= 500'")
    found = condition(asked) if isinstance(asked, str) else asked
    for name in found.meta.root_names():
        if name not in POINTS:
            raise LookupFailed.among("column", name, POINTS)
    try:
        together = _PROBE.select(found).to_series()
        apart = [_PROBE[place].select(found).to_series() for place in range(_PROBE.height)]
    except pl.exceptions.PolarsError as error:
        raise SQLInvalid(f"where is no condition on points: {str(error).splitlines()[0]}") from error
    if together.dtype not in {pl.Boolean(), pl.Null()}:
        raise SQLInvalid(f"where gives {together.dtype}, and no condition that a point fits or not, as 'step >= 500'")
    if len(together) != _PROBE.height or not together.equals(pl.concat(apart)):
        raise SQLInvalid("where looks at several points at once; it is about each point by itself, as 'step >= 500'")
    return found
