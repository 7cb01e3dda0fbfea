"""Filters: conditions on runs as a text, in SQL's and in MLflow's spelling, made a Polars expression.

    metrics.val_accuracy > 0.9 AND params.optimizer IN ('adam', 'sgd') AND NOT tags.team = 'x'
    metrics."val/loss".min < 0.1 or status = 'failed' or start_time >= '2026-11-01'

Nothing of the text is run: it is read by a grammar of our own (readers.filtersyntax), its names are looked up among the
columns that are there (readers.filternames), and what comes out is built of comparisons only.

How things compare. A run that lacks a name fits neither a condition on it nor its opposite; ask with IS NULL (= NULL is
read as that). NaN is neither more nor less than a number; ask with IS NAN. Where a param holds texts in some runs and
numbers in others, a number is compared with the numbers. A text that says a number may stand for it, as MLflow writes
params ('0.1'). A status is compared in any case. A time is compared with ISO text (local time unless it says its zone)
or with milliseconds since 1970, as in MLflow.
"""

import contextlib
import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from ingest.errors import LookupFailed
from readers.filternames import column_of, metric_of
from readers.filtersyntax import FilterInvalid, parse
from readers.filtertree import Compared, Condition, Constant, Is, Joined, Like, Name, Not, Value, names
from readers.runs import RUNS
from readers.runtable import RunTable

_STATUSES = ("RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED")
_LONGEST_PATTERN = 1_000
_SIGNS: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def run_filter(text: str, columns: Mapping[str, pl.DataType]) -> pl.Expr:
    """The filter as an expression over columns named as RunTable.wide names them.

    Args:
        columns: the frame's schema.

    Raises:
        FilterInvalid: (a ValueError) the text is no filter, or compares what can't be compared.
        LookupFailed: it names what isn't there, or what several columns could be.
    """
    return _Filter(columns).expression(parse(text))


def matching(table: RunTable, text: str | None, also: Sequence[str] = ()) -> pl.DataFrame:
    """The runs of a table that fit a filter: the columns of `runs`, those that the filter names, and those of `also`.

    Of a metric other statistics than the last can be named: metrics.loss.min, .max, .mean, .first, .best.

    Args:
        text: None lets all through.
        also: further names, as they stand in filters, but without quotes; a name's own dots do no harm.

    Raises: as run_filter. ValueError: more cells than memory is likely to hold.
    """
    condition = None if text is None else parse(text)
    there = columns_there(table)
    parts = [name.parts for name in names(condition)] if condition else []
    asked = [column_of(each, there) for each in (*parts, *(tuple(name.split(".")) for name in also))]
    metrics = [found for column in asked if (found := metric_of(column, there))]
    frame = table.wide(
        metrics=[metric for metric, _ in metrics],
        params=[column.removeprefix("params.") for column in asked if column.startswith("params.")],
        tags=[column.removeprefix("tags.") for column in asked if column.startswith("tags.")],
        statistics=["last", *dict.fromkeys(statistic for _, statistic in metrics if statistic != "last")],
    )
    fitting = frame if condition is None else frame.filter(_Filter(frame.schema).expression(condition))
    return fitting.select(list(dict.fromkeys([*RUNS, *asked])))


def columns_there(table: RunTable) -> list[str]:
    """Every column that a filter on these runs can name, but for the further statistics of metrics."""
    tags = table.tags["key"].unique().sort()
    params, metrics = (
        (f"params.{name}" for name in table.param_names),
        (f"metrics.{name}" for name in table.metric_names),
    )
    return [*RUNS, *params, *metrics, *(f"tags.{name}" for name in tags)]


class _Filter:
    """Builds expressions over columns of known types."""

    def __init__(self, columns: Mapping[str, pl.DataType]) -> None:
        self._columns = columns

    def expression(self, condition: Condition) -> pl.Expr:
        match condition:
            case Joined(by, conditions):
                # Flat, for a deep expression exhausts Polars' stack. Both know null as SQL does.
                join = pl.all_horizontal if by == "and" else pl.any_horizontal
                return join([self.expression(part) for part in conditions])
            case Not(inner):
                return ~self.expression(inner)
            case Like():
                return self._like(condition)
            case Is(name, what):
                return self._is(name, what)
            case Compared(left, sign, Name() as right):
                return self._two_columns(self._column(left), sign, self._column(right))
            case Compared(left, sign, Constant(value)):
                return self._compared(self._column(left), sign, value)
            case _:
                raise AssertionError(condition)

    def _column(self, name: Name) -> str:
        column = column_of(name.parts, self._columns)
        if column not in self._columns:
            raise LookupFailed.among("column", column, self._columns)
        return column

    def _kind(self, column: str) -> str:
        """What the column holds, in a word."""
        dtype = self._columns[column]
        if dtype == pl.Boolean:
            return "true or false"
        if dtype.is_numeric():
            return "numbers"
        return "times" if dtype.is_temporal() else "texts"

    def _values(self, column: str) -> pl.Expr:
        """The column; NaN, of which nothing is more or less, as null."""
        return pl.col(column).fill_nan(None) if self._columns[column].is_float() else pl.col(column)

    def _is(self, name: Name, what: str) -> pl.Expr:
        column = self._column(name)
        if what == "NULL":
            return pl.col(column).is_null()
        if what == "NAN":
            return pl.col(column).is_nan() if self._columns[column].is_float() else pl.col(column).is_null() & False
        if self._kind(column) != "true or false":
            raise FilterInvalid(f"{column} holds {self._kind(column)}, so it takes a comparison, as in {column} = ...")
        return pl.col(column) == (what == "TRUE")

    def _like(self, like: Like) -> pl.Expr:
        column = self._column(like.name)
        if self._kind(column) != "texts":
            raise FilterInvalid(f"{column} holds {self._kind(column)}; LIKE compares texts")
        if len(like.pattern) > _LONGEST_PATTERN:
            raise FilterInvalid(f"a pattern of LIKE has at most {_LONGEST_PATTERN:,} characters")
        parts = (re.escape(part) for part in re.split(r"%+", like.pattern))
        pattern = ".*".join(part.replace("_", ".") for part in parts)
        any_case = "i" if like.any_case or column == "status" else ""
        return pl.col(column).str.contains(f"^(?s{any_case}:{pattern})$")

    def _compared(self, column: str, sign: str, value: Value) -> pl.Expr:
        if value is None:
            if sign not in {"=", "!="}:
                raise FilterInvalid(f"nothing is {sign} NULL; write {column} IS NULL")
            return pl.col(column).is_null() if sign == "=" else pl.col(column).is_not_null()
        if isinstance(value, float) and value != value:  # noqa: PLR0124 - NaN
            if sign not in {"=", "!="} or not self._columns[column].is_float():
                raise FilterInvalid(f"nothing is {sign} NaN; write {column} IS NAN")
            return pl.col(column).is_nan() if sign == "=" else pl.col(column).is_not_nan()
        match self._kind(column):
            case "numbers":
                return _SIGNS[sign](self._values(column), pl.lit(_as_number(column, value)))
            case "true or false":
                return self._truth(column, sign, value)
            case "times":
                return _SIGNS[sign](pl.col(column), pl.lit(_as_time(column, value), pl.Datetime("us", "UTC")))
            case _:
                return self._texts(column, sign, value)

    def _texts(self, column: str, sign: str, value: Value) -> pl.Expr:
        """Texts with a text; with a number those of them that are numbers; with TRUE and FALSE as JSON writes these."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        if isinstance(value, int | float):
            return _SIGNS[sign](_numbers_of(column), pl.lit(value))
        text = str(value)
        if column == "status":
            text = text.upper()
            if text not in _STATUSES:
                raise LookupFailed.among("status", text, _STATUSES)
        return _SIGNS[sign](pl.col(column), pl.lit(text))

    def _truth(self, column: str, sign: str, value: Value) -> pl.Expr:
        word = str(value).lower()
        if word not in {"true", "false", "1", "0", "1.0", "0.0"} or sign not in {"=", "!="}:
            raise FilterInvalid(f"{column} holds true or false, so {sign} {value!r} doesn't fit; write {column} = TRUE")
        return _SIGNS[sign](pl.col(column), pl.lit(word in {"true", "1", "1.0"}))

    def _two_columns(self, left: str, sign: str, right: str) -> pl.Expr:
        kinds = {self._kind(left), self._kind(right)}
        if len(kinds) == 1:
            return _SIGNS[sign](self._values(left), self._values(right))
        if kinds == {"numbers", "texts"}:
            sides = (_numbers_of(name) if self._kind(name) == "texts" else self._values(name) for name in (left, right))
            return functools.reduce(_SIGNS[sign], sides)
        raise FilterInvalid(f"{left} holds {self._kind(left)} and {right} {self._kind(right)}: they don't compare")


def _numbers_of(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False).fill_nan(None)


def _as_number(column: str, value: Value) -> int | float:
    if not isinstance(value, str | bool) and value is not None:
        return value
    with contextlib.suppress(ValueError):
        if isinstance(value, str) and "_" not in value:
            return float(value)
    raise FilterInvalid(
        f"{column} holds numbers, and {value!r} is none; a name on the right is written in `...` or with its kind"
    )


def _as_time(column: str, value: Value) -> datetime:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
    raise FilterInvalid(f"{column} holds times, and {value!r} is none; write one as '2026-11-23' or '2026-11-23 14:30'")
