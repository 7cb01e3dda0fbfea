"""The table of runs: columns of an experiment's runs, newest first, as the bytes that go out.

Ten thousand runs are a few megabytes of JSON, so the bytes are kept: for one state of the store a question is answered
once, and the browser's own copy is confirmed by its tag. Bounds: `MOST_RUNS` runs (the newest), `MOST_COLUMNS` columns
(those first that most runs have, series such as epoch_1/loss, epoch_2/loss ... and the machine's metrics last; fewer of
very many runs), `LONGEST_CELL` characters of a text. What was left out is said in the answer's `truncated`.
"""

import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from readers.best import headline, series
from readers.dashboard.jsonform import column, encoded, iso
from readers.dashboard.store_view import Moment, StoreView, below
from readers.filters import matching
from readers.runtable import RunTable

MOST_RUNS = 20_000
MOST_COLUMNS = 200
MOST_CELLS = 2_000_000
LONGEST_CELL = 256
LONGEST_NAME = 1_000
"""Of a param, metric or tag that gets a column."""
_MUCH_TEXT_BYTES, _SHORT_CELL = 64 << 20, 40
_OF_RUNS = {
    "run_id": "text",
    "run_name": "text",
    "experiment": "text",
    "status": "status",
    "start_time": "time",
    "duration_s": "duration",
    "parent_run_id": "text",
    "group": "text",
}
"""The columns of every answer, with their kinds."""
_KEPT_BYTES = 128 << 20
_GZIP_LEVEL = 1  # 3 ms a megabyte; higher ones take many times that to save a fifth


class Body(NamedTuple):
    """An answer's bytes."""

    tag: str
    """Another tag, another answer."""
    plain: bytes
    zipped: bytes


class RunsTable:
    """Answers with tables of runs, and keeps the answers. Any thread."""

    def __init__(self, view: StoreView) -> None:
        self._view = view
        self._kept: OrderedDict[tuple[str | None, str | None], Body] = OrderedDict()
        self._lock = threading.Lock()

    def body(self, experiment: str | None = None, where: str | None = None) -> Body:
        """The runs of an experiment and those below it, or all; only those that fit a filter.

        Raises: ExperimentNotFound. LookupFailed: the filter names what isn't there. ValueError: it is no filter.
        """
        moment = self._view.now()
        asked = (experiment, where)
        with self._lock:
            kept = self._kept.get(asked)
            if kept is not None and kept.tag == moment.tag:
                self._kept.move_to_end(asked)
                return kept
        plain = answer(self._view, moment, experiment, where)
        body = Body(moment.tag, plain, _gzip(plain))
        with self._lock:
            self._kept[asked] = body
            self._kept.move_to_end(asked)
            while sum(len(each.plain) + len(each.zipped) for each in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
        return body


def answer(view: StoreView, moment: Moment, experiment: str | None, where: str | None) -> bytes:
    """The answer of /api/runs as JSON: see `RunsTable.body`."""
    table = moment.table
    runs = table.runs if experiment is None else below(table, experiment)
    if where is not None and where.strip():
        scope = table if experiment is None else view.subset(table, runs)
        runs = runs.join(matching(scope, where).select("run_id"), on="run_id", how="semi", maintain_order="left")
    count = runs.height
    runs = runs.reverse().head(MOST_RUNS)
    shown = table if runs.height == len(table) else view.subset(table, runs)
    names, left_out = chosen(shown)
    wide = _wide(shown, runs, names)
    return _encoded(wide, names, _digits(shown, wide), count, left_out)


class Name(NamedTuple):
    """One column that was chosen."""

    kind: str
    key: str
    runs: int
    """How many of the runs have it."""
    varies: bool


def chosen(table: RunTable) -> tuple[list[Name], int]:
    """(the params, metrics and tags that get a column, how many don't)."""
    n = len(table)
    there = (_metrics(table), _values("params", table.params, n), _values("tags", table.tags, n))
    metrics, params, tags = ([name for name in names if len(name.key) <= LONGEST_NAME] for names in there)
    room = min(MOST_COLUMNS, max(MOST_CELLS // max(n, 1), 2 * len(_OF_RUNS))) - len(_OF_RUNS)
    first = [*metrics[: room // 2], *params[: room // 3], *tags[: room // 6]]
    rest = [each for each in (*params, *metrics, *tags) if each not in set(first)]
    taken = {*first, *rest[: room - len(first)]}
    ordered = [each for each in (*metrics, *params, *tags) if each in taken]
    return ordered, sum(map(len, there)) - len(ordered)


def _metrics(table: RunTable) -> list[Name]:
    """All metrics: the one that speaks for the runs, then those that most runs have; series and the machine's last."""
    counted = table.summaries.group_by("key").agg(pl.len()).sort("key")
    counts: dict[str, int] = dict(counted.iter_rows())
    members = series(counts)
    speaking = headline(counts)

    def place(key: str) -> tuple[object, ...]:
        return key != speaking, key.startswith("system/"), key in members, -counts[key], key

    return [Name("metrics", key, counts[key], varies=True) for key in sorted(counts, key=place)]


def _values(kind: str, rows: pl.DataFrame, runs: int) -> list[Name]:
    """All params or tags: those that vary first, then those that most runs have."""
    told = rows.group_by("key").agg(pl.len().alias("runs"), (pl.col("value").min() != pl.col("value").max()).alias("d"))
    found = [Name(kind, key, count, distinct or count < runs) for key, count, distinct in told.sort("key").iter_rows()]
    return sorted(found, key=lambda name: (not name.varies, -name.runs, name.key))


def _wide(table: RunTable, runs: pl.DataFrame, names: Iterable[Name]) -> pl.DataFrame:
    """The runs with a column for each name, in the order of `runs`."""
    of_kind: dict[str, list[str]] = {"params": [], "metrics": [], "tags": []}
    for name in names:
        of_kind[name.kind].append(name.key)
    wide = table.wide(metrics=of_kind["metrics"], params=of_kind["params"], tags=of_kind["tags"])
    wide = runs.select("run_id").join(wide, on="run_id", how="left", maintain_order="left")
    return wide.with_columns(pl.coalesce("run_name", "run_id").alias("run_name"))


def _digits(table: RunTable, wide: pl.DataFrame) -> dict[str, dict[int, str]]:
    """By column and row, whole numbers that neither a float nor a browser holds exactly."""
    rows = wide.select("run_id").with_row_index("row")
    found: dict[str, dict[int, str]] = {}
    for kind, values in (("params", table.params), ("tags", table.tags)):
        long = values.filter(pl.col("value").str.contains(r"^-?\d{16,}$")).join(rows, on="run_id")
        for key, row, text in long.select("key", "row", "value").iter_rows():
            found.setdefault(f"{kind}.{key}", {})[row] = text
    return found


def _encoded(
    wide: pl.DataFrame, names: list[Name], digits: Mapping[str, Mapping[int, str]], count: int, left_out: int
) -> bytes:
    columns: list[dict[str, object]] = [{"name": name, "kind": kind} for name, kind in _OF_RUNS.items()]
    longest = LONGEST_CELL if wide.estimated_size() <= _MUCH_TEXT_BYTES else _SHORT_CELL
    arrays = {name: column(_short(wide[name], longest)) for name in _OF_RUNS}
    for name in names:
        full = f"{name.kind}.{name.key}"
        if full in wide.columns and full not in arrays:
            columns.append({"name": full, "kind": _kind(wide[full]), "runs": name.runs, "varies": name.varies})
            arrays[full] = column(_short(wide[full], longest), digits.get(full))
    head = {"columns": columns, "count": count, "truncated": _truncated(wide.height, count, left_out)}
    data = b",".join(encoded(name) + b":" + array for name, array in arrays.items())
    return encoded(head)[:-1] + b',"data":{' + data + b"}}"


def _kind(values: pl.Series) -> str:
    if values.dtype == pl.Boolean:
        return "bool"
    return "number" if values.dtype.is_numeric() else "text"


def _short(values: pl.Series, longest: int) -> pl.Series:
    """Texts without what no cell has room for."""
    if values.dtype != pl.String:
        return values
    long = values.str.len_bytes() > longest
    if not long.any():
        return values
    text = pl.col(values.name)
    cut = pl.when(text.str.len_chars() > longest).then(text.str.slice(0, longest) + "…").otherwise(text)
    return values.to_frame().select(cut.alias(values.name)).to_series()


def _truncated(shown: int, count: int, left_out: int) -> dict[str, object] | None:
    """What isn't in the answer, as numbers and in words."""
    said = []
    if count > shown:
        said.append(f"the newest {shown:,} of {count:,} runs; a filter finds the others")
    if left_out:
        said.append(f"{left_out:,} params, metrics and tags have no column; each run's page has them all")
    return {"runs": count - shown, "columns": left_out, "words": "; ".join(said)} if said else None


def overview(view: StoreView, about: Mapping[str, object]) -> dict[str, object]:
    """The answer of /api/store: the experiments, the one that began a run last first."""
    runs = (
        view.now()
        .table.runs.group_by("experiment")
        .agg(
            pl.len().alias("runs"),
            (pl.col("status") == "RUNNING").sum().alias("running"),
            pl.col("start_time").max().alias("last_start"),
        )
    )
    rows = runs.sort("last_start", descending=True, nulls_last=True).rows()
    experiments = [
        {"name": name, "runs": count, "running": running, "last_start": None if last is None else iso(last)}
        for name, count, running, last in rows
    ]
    layout = view.store.layout
    name = (layout.root.name if layout.adopts else "") or layout.place
    return {"name": name, **about, "experiments": experiments}


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
