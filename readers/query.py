"""What is asked of one table: which rows and columns of which experiments, be it of files or of a frame."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ingest.catalog import Part
from ingest.layout import Table
from readers.predicates import only
from readers.schemas import SCHEMAS
from readers.verified import Stamp

_FEW = 8  # so many scans are concatenated; the cost of that grows with the square
PATH = "__path"
"""The column of a row's file, where that is asked for."""


class Found(NamedTuple):
    """A part, its experiment's true name, and where it lies."""

    part: Part
    experiment: str
    path: Path
    stamp: Stamp


class Query:
    """What is asked of one table."""

    def __init__(
        self,
        table: Table,
        columns: Sequence[str] | None = None,
        predicate: pl.Expr | None = None,
        experiments: Collection[str] | None = None,
    ) -> None:
        self.table = table
        self._columns = list(SCHEMAS[table]) if columns is None else list(columns)
        self._predicate = predicate
        self._experiments = None if experiments is None else set(experiments)
        self.needed = {*self._columns, *(predicate.meta.root_names() if predicate is not None else ())}
        """The columns that must be read."""
        self._needs_experiment = "experiment" in self.needed

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

    def early(self, columns: Collection[str]) -> pl.Expr | None:
        """What of the predicate concerns only these columns; None when nothing does."""
        return only(self._predicate, columns)

    def nothing(self) -> pl.DataFrame:
        """The asked columns without a row."""
        return SCHEMAS[self.table].to_frame().select(self._columns)

    def scan(self, parts: Sequence[Found], limit: int | None) -> pl.DataFrame:
        """The asked rows and columns of sealed parts."""
        if not parts:
            return self.nothing()
        asked = self._asked(self._all(parts))
        return (asked if limit is None else asked.head(limit)).collect()

    def with_paths(self, parts: Sequence[Found]) -> pl.LazyFrame:
        """The asked rows, each with the path of its part; without the experiment. There is at least one part."""
        rows = self._parquet([found.path for found in parts], include_file_paths=PATH)
        return (rows if self._predicate is None else rows.filter(self._predicate)).select(*self._columns, PATH)

    def _asked(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return (rows if self._predicate is None else rows.filter(self._predicate)).select(self._columns)

    def _all(self, parts: Sequence[Found]) -> pl.LazyFrame:
        """All rows of the parts, with their experiment if the query needs it."""
        paths = {found.path: found.experiment for found in parts}
        if not self._needs_experiment:
            return self._parquet(list(paths))
        experiments = dict.fromkeys(paths.values())
        if len(experiments) > _FEW:
            rows = self._parquet(list(paths), include_file_paths=PATH)
            names = pl.col(PATH).replace_strict([str(path) for path in paths], list(paths.values()))
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
