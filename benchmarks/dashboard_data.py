"""Our store of few runs with very many points, as `dashboard` charts it: sealed parts, made column by column.

The pipeline logs a million points in a second or so; this makes them as fast as Parquet is written, through the code
that seals segments, so what lies there is what a tracker would have left.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.dashboard_jobs import LongRun
from ingest.columns import FactRecord
from ingest.compact import compact
from ingest.events import ParamsLogged, RunEnded, RunStarted
from ingest.layout import Layout, new_run_id
from ingest.sealing import Contents, seal
from ingest.tables import Dictionaries, Rows, live_facts

_T0_NS = 1_700_000_000_000_000_000
_EXPERIMENT = "long"


def long_runs(folder: Path, runs: Sequence[LongRun]) -> list[str]:
    """Make a store of these runs, compacted; the run ids. Steps are 0, 1, 2 ..., a hundredth of a second apart."""
    layout = Layout(folder)
    layout.create()
    ids = []
    for run in runs:
        run_id = new_run_id(_T0_NS + run.number * 1_000_000)
        seal(layout, _contents(run, run_id))
        ids.append(run_id)
    compact(layout)
    return ids


def _contents(run: LongRun, run_id: str) -> Contents:
    """One run as the rows of a segment."""
    names = Dictionaries.empty()
    for known, name in zip(names, (run_id, _EXPERIMENT, run.key), strict=True):
        known.number(name)
    zeros, steps = np.zeros(run.points, np.int32), np.arange(run.points, dtype=np.int64)
    begun_ns = _T0_NS + run.number * 3_600_000_000_000
    rows = Rows(
        run=zeros,
        experiment=zeros,
        key=zeros,
        seq=steps + 2,
        time_us=begun_ns // 1000 + steps * 10_000,
        step=steps,
        step_float=np.zeros(run.points),
        step_kind=np.ones(run.points, np.int8),
        value=np.array(run.values()),
    )
    facts = pa.Table.from_batches([live_facts(_facts(run, run_id, begun_ns))])
    return Contents(f"long-{run.number:04d}", 1, rows, names, facts)


def _facts(run: LongRun, run_id: str, begun_ns: int) -> Iterator[FactRecord]:
    params = {"lr": repr(10 ** -(1 + run.number / 10)), "seed": str(run.number % 5)}
    yield FactRecord(0, RunStarted(run_id, _EXPERIMENT, begun_ns, run.name))
    yield FactRecord(1, ParamsLogged(run_id, _EXPERIMENT, begun_ns, params))
    yield FactRecord(1 << 31, RunEnded(run_id, _EXPERIMENT, begun_ns + run.points * 10_000_000, "FINISHED"))
