"""The tables: their Arrow schemas, and decoded events as rows of them.

One schema a table and format version; every sealed file has exactly it. Long, not wide: one row a point, so ten
thousand metric keys in a run are ordinary. `seq` is the segment's number in the upper 32 bits and the event's place
in it below: it orders all events of one writer. A step that is not an integer is in `step_float`, and `step` is null
there: an int64 step keeps what a float64 can't. Times are UTC microseconds, the finest that Parquet readers agree on
(Spark refuses nanoseconds); `seq`, not time, is the order.

The live form (Arrow streams) has run_id, experiment and key as dictionaries; experiment and writer are part of the
path once sealed.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest.arrays import TIME, coded, numbers, repeated, strings, valid, values
from ingest.columns import FactRecord, PointBlock
from ingest.events import (
    ArtifactLogged,
    FactEvent,
    FactLogged,
    ModelLogged,
    ParamsLogged,
    RunEnded,
    RunStarted,
    StatusSet,
    TagsSet,
)

METRICS = pa.schema(
    [
        ("run_id", pa.string()),
        ("writer", pa.string()),
        ("seq", pa.int64()),
        ("time", TIME),
        ("key", pa.string()),
        ("step", pa.int64()),
        ("step_float", pa.float64()),
        ("value", pa.float64()),
    ]
)
FACTS = pa.schema(
    [
        ("run_id", pa.string()),
        ("writer", pa.string()),
        ("seq", pa.int64()),
        ("time", TIME),
        ("kind", pa.string()),
        ("key", pa.string()),
        ("value", pa.string()),
    ]
)
SUMMARIES = pa.schema(
    [
        ("run_id", pa.string()),
        ("writer", pa.string()),
        ("key", pa.string()),
        ("count", pa.int64()),
        ("nan_count", pa.int64()),
        *[
            (f"{name}{suffix}", kind)
            for name in ("first", "last")
            for suffix, kind in (("", pa.float64()), ("_step", pa.float64()), ("_time", TIME), ("_seq", pa.int64()))
        ],
        *[
            (f"{name}{suffix}", kind)
            for name in ("min", "max")
            for suffix, kind in (("", pa.float64()), ("_step", pa.float64()))
        ],
        ("mean", pa.float64()),
        ("m2", pa.float64()),
    ]
)
_INDEX = pa.dictionary(pa.int32(), pa.string())
LIVE_METRICS = pa.schema(
    [
        ("run_id", _INDEX),
        ("experiment", _INDEX),
        ("seq", pa.int64()),
        ("time", TIME),
        ("key", _INDEX),
        ("step", pa.int64()),
        ("step_float", pa.float64()),
        ("value", pa.float64()),
    ]
)
LIVE_FACTS = pa.schema([("experiment", pa.string()), *[field for field in FACTS if field.name != "writer"]])


class Names:
    """Strings numbered in the order of their first appearance; what a dictionary column indexes."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._array: pa.Array = strings([])

    def number(self, name: str) -> int:
        """The name's number; a new one when it's new."""
        found = self._numbers.setdefault(name, len(self.names))
        if found == len(self.names):
            self.names.append(name)
        return found

    def array(self) -> pa.Array:
        """All names as an Arrow array, the same object while nothing was added."""
        if len(self._array) != len(self.names):
            self._array = strings(self.names)
        return self._array


class Rows(NamedTuple):
    """Metric rows as plain arrays, each of shape (n_rows,)."""

    run: npt.NDArray[np.int32]
    experiment: npt.NDArray[np.int32]
    key: npt.NDArray[np.int32]
    seq: npt.NDArray[np.int64]
    time_us: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    step_float: npt.NDArray[np.float64]
    step_kind: npt.NDArray[np.int8]
    """0: none, 1: `step` holds it, 2: `step_float` holds it."""
    value: npt.NDArray[np.float64]

    def take(self, order: npt.NDArray[np.int64]) -> "Rows":
        """The rows at the given places."""
        return Rows._make(column[order] for column in self)


class Dictionaries(NamedTuple):
    """What the numbers in `Rows` mean."""

    runs: Names
    experiments: Names
    keys: Names

    @classmethod
    def empty(cls) -> "Dictionaries":
        """None yet."""
        return cls(Names(), Names(), Names())


def metric_rows(points: Sequence[PointBlock], names: Dictionaries) -> Rows:
    """Lay blocks of points out as rows, call after call within a block."""
    size = sum(block.values.size for block in points)
    rows = Rows._make(np.empty(size, kind) for kind in ("i4", "i4", "i4", "i8", "i8", "i8", "f8", "i1", "f8"))
    start = 0
    for block in points:
        stop = start + block.values.size
        _fill(Rows._make(column[start:stop].reshape(block.values.shape) for column in rows), block, names)
        start = stop
    return rows


def stream_rows(table: pa.Table, names: Dictionaries) -> Rows:
    """Rows back from the live form."""
    if not len(table):
        return metric_rows([], names)
    table = table.unify_dictionaries()
    codes: list[npt.NDArray[np.int32]] = []
    for column, into in zip(("run_id", "experiment", "key"), names, strict=True):
        array = pa.concat_arrays(table[column].chunks)
        known = np.array([into.number(name) for name in array.dictionary.to_pylist()], np.int32)
        codes.append(known[values(array.indices)])
    whole, fraction = valid(table["step"]), valid(table["step_float"])
    return Rows(
        run=codes[0],
        experiment=codes[1],
        key=codes[2],
        seq=values(table["seq"]),
        time_us=values(table["time"]),
        step=np.where(whole, values(table["step"]), 0),
        step_float=np.where(fraction, values(table["step_float"]), 0.0),
        step_kind=whole.astype(np.int8) + 2 * fraction.astype(np.int8),
        value=values(table["value"]),
    )


def _fill(rows: Rows, block: PointBlock, names: Dictionaries) -> None:
    """Write a block into its place among the rows, here each of shape (calls, keys)."""
    rows.run[:] = names.runs.number(block.run_id)
    rows.experiment[:] = names.experiments.number(block.experiment)
    rows.key[:] = [names.keys.number(key) for key in block.keys]
    rows.seq[:] = block.seq[:, None]
    rows.time_us[:] = block.time_ns[:, None] // 1000
    rows.step[:] = rows.step_float[:] = rows.step_kind[:] = 0
    if block.step is not None:
        whole = block.step.dtype == np.int64
        (rows.step if whole else rows.step_float)[:] = block.step[:, None]
        rows.step_kind[:] = 1 if whole else 2
    rows.value[:] = block.values


def live_metrics(rows: Rows, names: Dictionaries) -> pa.RecordBatch:
    """Rows in the live form; the dictionaries grow from batch to batch of one stream."""
    columns = [
        coded(rows.run, names.runs.array()),
        coded(rows.experiment, names.experiments.array()),
        numbers(rows.seq),
        numbers(rows.time_us, TIME),
        coded(rows.key, names.keys.array()),
        *_steps(rows),
        numbers(rows.value),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LIVE_METRICS)


def sealed_metrics(rows: Rows, names: Dictionaries, writer: str) -> pa.Table:
    """Rows in the sealed form, in the order given."""
    columns = [
        coded(rows.run, names.runs.array()).dictionary_decode(),
        repeated(writer, len(rows.run)),
        numbers(rows.seq),
        numbers(rows.time_us, TIME),
        coded(rows.key, names.keys.array()).dictionary_decode(),
        *_steps(rows),
        numbers(rows.value),
    ]
    return pa.Table.from_arrays(columns, schema=METRICS)


def _steps(rows: Rows) -> tuple[pa.Array, pa.Array]:
    return numbers(rows.step, valid=rows.step_kind == 1), numbers(rows.step_float, valid=rows.step_kind == 2)


def live_facts(facts: Iterable[FactRecord]) -> pa.RecordBatch:
    """Facts in the live form."""
    rows = [
        (event.experiment, event.run_id, kind, key, value, seq, event.time_ns // 1000)
        for seq, event in facts
        for kind, key, value in fact_items(event)
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    experiment, run_id, kind, key, value = map(strings, columns[:5])
    seq, time_us = (np.array(column, np.int64) for column in columns[5:])
    arrays = [experiment, run_id, numbers(seq), numbers(time_us, TIME), kind, key, value]
    return pa.RecordBatch.from_arrays(arrays, schema=LIVE_FACTS)


def fact_items(event: FactEvent) -> list[tuple[str, str, str]]:
    """(kind, key, JSON value) for each row that an event gives."""
    match event:
        case ParamsLogged():
            return [("param", key, value) for key, value in event.params.items()]
        case TagsSet():
            return [("tag", key, value) for key, value in event.tags.items()]
        case StatusSet():
            return [("status", "status", json.dumps(event.status))]
        case RunEnded():
            return [("end", "status", json.dumps(event.status))]
        case FactLogged():
            return [(event.kind, key, value) for key, value in event.items.items()]
        case ArtifactLogged():
            return [("artifact", event.path, _object(event, "size", "sha256", "media_type", "kind"))]
        case ModelLogged():
            return [("model", event.name, _object(event, "version", "format", "path", "size", "sha256"))]
        case RunStarted():
            names = ("experiment", "run_name", "resumed", "parent_run_id", "group", "rank", "host", "pid")
            return [("run", name, json.dumps(getattr(event, name))) for name in names]


def _object(event: msgspec.Struct, *names: str) -> str:
    return json.dumps({name: getattr(event, name) for name in names})
