"""Export: tables of a store as one file that other programs open: Parquet, CSV, JSON, or a JSON object a line.

The file appears whole or not at all: it is written aside in its folder and then put in place; one that is there is
replaced only if asked. Rows come in pieces, so a history larger than memory goes through.

CSV is what spreadsheets open, and a spreadsheet runs what looks like a formula. Names and texts come from anywhere, so
a text cell or a heading that begins with = + - @, a tab, or a line's end gets an apostrophe before it, unless it says a
number, as "-0.5" does. Numbers are written as numbers, NaN as NaN, nothing as an empty cell, times as ISO 8601 in UTC.
JSON has no NaN and no infinity: they are the strings "NaN", "Infinity", "-Infinity". Parquet keeps everything exactly.
"""

import errno
import math
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
import polars as pl

from readers.predicates import one_of
from readers.store import Store

_POINTS_AT_ONCE = 250_000
_MOST_AT_ONCE = 4 * _POINTS_AT_ONCE  # a run with more is read metric by metric
_RUNS_AT_ONCE = 10_000
_ACTIVE = r"^[=+\-@\t\r\n＝＋－＠]"  # noqa: RUF001 - spreadsheets read the full-width ones as well
_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"
_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}


class Exported(NamedTuple):
    """What was written."""

    path: Path
    rows: int
    size: int
    """In bytes."""


def export(frames: Iterable[pl.DataFrame], path: str | os.PathLike[str], *, replace: bool = False) -> Exported:
    """Write frames of one schema as one file, in the format that its suffix names; folders are made.

    Args:
        frames: at least one, it may be empty.
        replace: let it take the place of a file that is there.

    Raises: ValueError: another suffix. FileExistsError: the file is there. OSError: it can't be written.
    """
    target = Path(path)
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise ValueError(f"the suffix says the format, so {str(target)!r} must end in {', '.join(_WRITERS)}")
    if target.is_dir() or (target.exists() and not replace):
        raise _there(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f".steplog-{secrets.token_hex(8)}")
    counted = _Counted(frames)
    try:
        with scratch.open("xb") as file:
            write(counted, file)
            file.flush()
            os.fsync(file.fileno())
        size = scratch.stat().st_size
        _place(scratch, target, replace=replace)
    finally:
        scratch.unlink(missing_ok=True)
    return Exported(target, counted.rows, size)


def history(store: Store, runs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Every point of some runs: run by run in their order, metric by metric, in the order of logging.

    Args:
        runs: run_id, run_name, experiment.
    Returns: experiment, run_id, run_name, key, step, step_float (a step that is no integer), time, value.
    """
    experiments = runs["experiment"].unique().to_list()
    summaries = store.summaries(experiments=experiments).collect()
    sizes = summaries.select("run_id", "key", points=pl.col("count") + pl.col("nan_count"))
    counts = sizes.group_by("run_id").agg(pl.col("points").sum())
    runs = runs.select("run_id", "run_name", "experiment").with_row_index("place")
    runs = runs.join(counts, on="run_id", how="left", maintain_order="left").with_columns(pl.col("points").fill_null(0))
    alone = pl.when(pl.col("points") > _MOST_AT_ONCE).then("place")
    batch = pl.struct(alone, pl.col("points").cum_sum() // _POINTS_AT_ONCE).rle_id().alias("batch")
    columns = ["experiment", "run_id", "run_name", "key", "step", "step_float", "time", "value"]
    for few in runs.with_columns(batch).partition_by("batch", maintain_order=True) or [runs]:
        points = store.metrics(runs=few["run_id"].to_list(), experiments=few["experiment"].unique().to_list())
        for portion in _portions(sizes.join(few, on="run_id", how="semi")):
            known = points.filter(portion).collect().join(few.select("run_id", "run_name", "place"), on="run_id")
            yield known.sort("place", "key", "time", "writer", "seq").select(columns)


def _portions(sizes: pl.DataFrame) -> Iterator[pl.Expr]:
    """Conditions that take the points of one large run, metric by metric, or of several small ones at once."""
    if sizes["points"].sum() <= _MOST_AT_ONCE:
        yield pl.lit(value=True)
        return
    portion = (pl.col("points").cum_sum() // _POINTS_AT_ONCE).alias("portion")
    for some in sizes.sort("key").with_columns(portion).partition_by("portion", maintain_order=True):
        yield one_of("key", some["key"])
    yield ~pl.col("key").is_in(sizes["key"].to_list())  # where a summary is damaged, its points may be whole


def of_all_runs(read: Callable[..., pl.LazyFrame], runs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The same as of_runs, for some thousand runs at a time.

    Args:
        read: a store's `params`, `tags`, `facts` or `summaries`.
    """
    for start in range(0, max(1, runs.height), _RUNS_AT_ONCE):
        few = runs.slice(start, _RUNS_AT_ONCE)
        of_few = None if few.height == runs.height else few["run_id"].to_list()  # all are found by their experiments
        yield of_runs(read(runs=of_few, experiments=few["experiment"].unique().to_list()), few)


def of_runs(rows: pl.LazyFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """Rows of a store's params, tags, facts or summaries, run by run, by name; facts in the order of logging.

    Args:
        runs: run_id, run_name, experiment; their order is that of the answer.
    Returns: experiment, run_id, run_name, and the other columns of the rows.
    """
    found = rows.collect()
    wanted = runs.select("experiment", "run_id", "run_name").with_row_index("place")
    known = found.drop("experiment").join(wanted, on="run_id")
    known = known.sort("place", *(["time", "writer", "seq"] if "seq" in found.columns else ["key"]))
    first = ["experiment", "run_id", "run_name"]
    return known.select(*first, *(name for name in found.columns if name not in first))


def spreadsheet_safe(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before every text and heading that a spreadsheet would take for a formula."""
    texts = pl.col(pl.String)
    active = texts.str.contains(_ACTIVE) & texts.cast(pl.Float64, strict=False).is_null()
    safe = frame.with_columns(pl.when(active).then(pl.lit("'") + texts).otherwise(texts).name.keep())
    headings = pl.Series(frame.columns, dtype=pl.String)
    return safe.rename({name: f"'{name}" for name in headings.filter(headings.str.contains(_ACTIVE))})


def csv_of(frame: pl.DataFrame) -> str:
    """A frame as the CSV that `export` writes; what is nested, as JSON."""
    return spreadsheet_safe(frame).write_csv(datetime_format=_TIME)


class _Counted:
    """Counts the rows that went by."""

    def __init__(self, frames: Iterable[pl.DataFrame]) -> None:
        self._frames = frames
        self.rows = 0

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for frame in self._frames:
            self.rows += frame.height
            yield frame


def _place(scratch: Path, target: Path, *, replace: bool) -> None:
    """Put the finished file in its place; without `replace` never over another, even one that has just come."""
    if not replace:
        try:
            os.link(scratch, target)
        except FileExistsError as error:
            raise _there(target) from error
        except OSError:  # a file system without hard links
            if target.exists():
                raise _there(target) from None
        else:
            return
    scratch.replace(target)


def _there(target: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "it is there already", str(target))


def _write_parquet(frames: Iterable[pl.DataFrame], file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    pieces = iter(frames)
    first = next(pieces).to_arrow()
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for frame in pieces:
            writer.write_table(frame.to_arrow())


def _write_csv(frames: Iterable[pl.DataFrame], file: IO[bytes]) -> None:
    for place, frame in enumerate(frames):
        spreadsheet_safe(frame).write_csv(file, include_header=not place, datetime_format=_TIME)


def _write_json(frames: Iterable[pl.DataFrame], file: IO[bytes]) -> None:
    lead = b"[\n"
    for row in _json_rows(frames):
        file.write(lead + row)
        lead = b",\n"
    file.write(b"[]\n" if lead == b"[\n" else b"\n]\n")


def _write_json_lines(frames: Iterable[pl.DataFrame], file: IO[bytes]) -> None:
    file.writelines(row + b"\n" for row in _json_rows(frames))


def _json_rows(frames: Iterable[pl.DataFrame]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for frame in frames:
        floats = [name for name, kind in frame.schema.items() if kind.is_float()]
        for row in frame.with_columns(pl.col(pl.Datetime).dt.to_string(_TIME)).iter_rows(named=True):
            for name in floats:
                value = row[name]
                if value is not None and not math.isfinite(value):
                    row[name] = _WORDS.get(value, "NaN")
            yield encode(row)


_WRITERS: dict[str, Callable[[Iterable[pl.DataFrame], IO[bytes]], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".json": _write_json,
    ".jsonl": _write_json_lines,
    ".ndjson": _write_json_lines,
}
