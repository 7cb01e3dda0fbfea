"""A store of few runs with very many points, as `dashboard` charts it: sealed parts, made column by column.

The pipeline logs a million points in a second or so; this makes them as fast as Parquet is written, through the code
that seals segments, so what lies there is what a tracker would have left.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingest.columns import FactRecord
from ingest.compact import compact
from ingest.events import ParamsLogged, RunEnded, RunStarted
from ingest.layout import Layout, new_run_id
from ingest.sealing import Contents, seal
from ingest.tables import Dictionaries, Rows, live_facts

KEY = "train/loss"
SPIKE = 1e3
"""The value of one point of each run."""
_T0_NS = 1_700_000_000_000_000_000
_EXPERIMENT = "long"


def long_runs(folder: Path, runs: int, points: int) -> list[str]:
    """Make a store of runs with so many points of one metric each, compacted; the run ids.

    Each run's values fall and tremble, its steps are 0, 1, 2 ..., a hundredth of a second apart, and one point of it is
    `SPIKE`, at step 7919 * run modulo the number of points.
    """
    layout = Layout(folder)
    layout.create()
    ids = []
    for number in range(runs):
        run_id = new_run_id(_T0_NS + number * 1_000_000)
        seal(layout, _contents(number, run_id, points))
        ids.append(run_id)
    compact(layout)
    return ids


def values_of(number: int, points: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """The values of one run."""
    rng = np.random.default_rng(number)
    steps = np.arange(points)
    values = np.exp(-steps / (points / 5)) * (1 + number / 50) + rng.normal(0, 0.05, points)
    values[spike_of(number, points)] = SPIKE
    return values


def spike_of(number: int, points: int) -> int:
    """The step of a run's spike."""
    return 7919 * number % points


def _contents(number: int, run_id: str, points: int) -> Contents:
    names = Dictionaries.empty()
    zeros = np.zeros(points, np.int32)
    for known, name in zip(names, (run_id, _EXPERIMENT, KEY), strict=True):
        known.number(name)
    steps = np.arange(points, dtype=np.int64)
    begun_ns = _T0_NS + number * 3_600_000_000_000
    rows = Rows(
        run=zeros,
        experiment=zeros,
        key=zeros,
        seq=steps + 2,
        time_us=begun_ns // 1000 + steps * 10_000,
        step=steps,
        step_float=np.zeros(points),
        step_kind=np.ones(points, np.int8),
        value=values_of(number, points),
    )
    ended_ns = begun_ns + points * 10_000_000
    return Contents(
        f"long-{number:04d}",
        1,
        rows,
        names,
        pa.Table.from_batches([live_facts(_facts(number, run_id, begun_ns, ended_ns))]),
    )


def _facts(number: int, run_id: str, begun_ns: int, ended_ns: int) -> Iterator[FactRecord]:
    yield FactRecord(0, RunStarted(run_id, _EXPERIMENT, begun_ns, f"long {number}"))
    yield FactRecord(
        1, ParamsLogged(run_id, _EXPERIMENT, begun_ns, {"lr": repr(10 ** -(1 + number / 10)), "seed": str(number % 5)})
    )
    yield FactRecord(1 << 31, RunEnded(run_id, _EXPERIMENT, ended_ns, "FINISHED"))
