"""Lines: what a chart draws, a run or one rank of it. A line's name is the run's id, or "id@rank": no id has an "@"."""

from typing import NamedTuple, Self

import polars as pl

from readers.writernames import of_rank, rank_of

_MERGED = "compacted-"
"""How parts begin that may hold rows of any writer."""
_LONGEST_RANK = 9


class Line(NamedTuple):
    """The points of a run that belong to one rank, or all of them."""

    run_id: str
    rank: int | None = None
    """None: of all ranks."""

    @classmethod
    def of(cls, name: str) -> Self:
        """The line of that name."""
        run_id, at, rank = name.rpartition("@")
        if at and rank.isascii() and rank.isdecimal() and len(rank) <= _LONGEST_RANK:
            return cls(run_id, int(rank))
        return cls(name)

    @property
    def points(self) -> pl.Expr:
        """Which rows of the metrics table are the line's."""
        mine = pl.col("run_id") == self.run_id
        return mine if self.rank is None else mine & of_rank(self.rank)

    def takes(self, writer: str) -> bool:
        """Whether a writer's points of the run are the line's."""
        return self.rank is None or rank_of(writer) == self.rank

    def may_be_in(self, segment: str) -> bool:
        """Whether a part of that segment can have points of the line."""
        return self.rank is None or segment.startswith(_MERGED) or rank_of(segment) == self.rank
