"""Stores of many runs, written as compaction leaves them: by the project's own schemas and writer of parts.

To log 10⁹ points takes half an hour; here the rows of sealed parts are made in NumPy and written a row group at a time,
by as many processes as there are cores. A part holds consecutive runs of one experiment, sorted by run, metric and
seq, and is as large as what `steplog compact` makes; facts and summaries are those that the log calls would have given
(tests of the benchmark read them back). Beside a store lies what the right answers are made of (`Truth`).
"""

import json
import multiprocessing
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.many_runs_data import ASKED, METRICS, STEPS, SWEEP, Sweep, experiment_of, status_of, sweeps
from ingest.arrays import strings
from ingest.columns import FactRecord
from ingest.events import ParamsLogged, RunEnded, RunStarted
from ingest.layout import Layout, Table
from ingest.parts import METRICS_ROW_GROUP, place, write_scratch
from ingest.summaries import summarise
from ingest.tables import FACTS, Dictionaries, Rows, live_facts, sealed_metrics

_SWEEPS_A_PART = 10  # 10 million points, 27 MB
_SEQ = 1 << 32  # a writer's first segment
_BEFORE_POINTS = 2  # events of a run before its first point

Job = tuple[str, list[int], str]
"""(store, first numbers of sweeps, experiment): one part of metrics."""


class Truth(NamedTuple):
    """What was logged, a row a run."""

    last: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    """Shape (runs, metrics)."""
    total: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    """The sum of `ASKED`'s values, shape (runs,)."""
    lr: np.ndarray[tuple[int, ...], np.dtype[np.float64]]

    @classmethod
    def read(cls, store: Path) -> "Truth":
        """What was kept beside the store."""
        with np.load(truth_of(store)) as file:
            return cls(file["last"], file["total"], file["lr"])


def truth_of(store: Path) -> Path:
    """Where a store's truth lies."""
    return store.with_name(f"{store.name}.truth.npz")


def made(folder: Path, runs: int, processes: int = 2) -> Path:
    """The store of so many runs below `folder`; made if it isn't there. `runs` is a multiple of SWEEP.

    Raises: ValueError: it isn't.
    """
    if runs % SWEEP:
        raise ValueError(f"{runs} runs are no whole number of sweeps of {SWEEP}")
    store = folder / f"runs-{runs}"
    if truth_of(store).is_file():
        return store
    shutil.rmtree(store, ignore_errors=True)
    layout = Layout(store)
    layout.create()
    of_experiment: dict[str, list[int]] = {}
    for first in range(0, runs, SWEEP):
        of_experiment.setdefault(experiment_of(first), []).append(first)
    jobs: list[Job] = [
        (str(store), firsts[start : start + _SWEEPS_A_PART], experiment)
        for experiment, firsts in of_experiment.items()
        for start in range(0, len(firsts), _SWEEPS_A_PART)
    ]
    truth = Truth(np.empty((runs, len(METRICS))), np.empty(runs), np.empty(runs))
    small: dict[str, list[tuple[pa.Table, pa.Table]]] = {}
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for (_, firsts, experiment), (facts, summaries, found) in zip(jobs, pool.imap(written, jobs), strict=True):
            small.setdefault(experiment, []).append((facts, summaries))
            places = np.concatenate([np.arange(first, first + SWEEP) for first in firsts])
            for column, values in zip(truth, found, strict=True):
                column[places] = values
    for experiment, tables in small.items():
        facts, summaries = zip(*tables, strict=True)
        _publish(layout, "facts", experiment, [pa.concat_tables(facts)])
        _publish(layout, "summaries", experiment, [pa.concat_tables(summaries)])
    with truth_of(store).open("wb") as file:
        np.savez(file, last=truth.last, total=truth.total, lr=truth.lr)
    return store


def written(job: Job) -> tuple[pa.Table, pa.Table, Truth]:
    """Write one part of metrics; gives the facts and summaries of its runs, and the truth."""
    store, firsts, experiment = job
    found: list[tuple[pa.Table, pa.Table, Truth]] = []
    pieces = _metrics(chain.from_iterable(sweeps(first, SWEEP) for first in firsts), found)
    _publish(Layout(store), "metrics", experiment, pieces)
    facts, summaries, truths = zip(*found, strict=True)
    together = Truth._make(np.concatenate(columns) for columns in zip(*truths, strict=True))
    return pa.concat_tables(facts), pa.concat_tables(summaries), together


def _publish(layout: Layout, table: Table, experiment: str, pieces: Iterable[pa.Table]) -> None:
    first = iter(pieces)
    head = next(first)
    made_at = head["run_id"][0].as_py()
    scratch = write_scratch(layout, table, chain([head], first))
    place(scratch, layout.partition(table, experiment), f"compacted-{made_at}")


def _metrics(found: Iterable[Sweep], noted: list[tuple[pa.Table, pa.Table, Truth]]) -> Iterator[pa.Table]:
    """The rows of sweeps in pieces of whole row groups, but for the last; notes what else is to be known of each."""
    left: list[pa.Table] = []
    for sweep in found:
        rows, names = rows_of(sweep)
        table = _with_writers(sealed_metrics(rows, names, ""), rows.run, sweep)
        summary = summarise(rows, names, "")
        runs = np.repeat(np.arange(SWEEP, dtype=np.int32), len(METRICS))
        noted.append((facts_of(sweep), _with_writers(summary, runs, sweep), _truth(sweep)))
        left.append(table)
        whole = sum(map(len, left)) // METRICS_ROW_GROUP * METRICS_ROW_GROUP
        together = pa.concat_tables(left)
        yield together.slice(0, whole)
        left = [together.slice(whole)]
    yield from left


def rows_of(sweep: Sweep) -> tuple[Rows, Dictionaries]:
    """The points of runs, sorted by run, metric, step; of any number of runs and steps."""
    names = Dictionaries.empty()
    runs = [names.runs.number(run_id) for run_id in sweep.run_ids]
    keys = [names.keys.number(key) for key in METRICS]
    experiment = names.experiments.number(sweep.experiment)
    shape = sweep.values.shape
    size = sweep.values.size

    def laid_out(values: Any, *, axis: int, kind: str) -> Any:
        placed = np.expand_dims(np.asarray(values, kind), [place for place in range(3) if place != axis])
        return np.ascontiguousarray(np.broadcast_to(placed, shape)).reshape(-1)

    rows = Rows(
        run=laid_out(runs, axis=0, kind="i4"),
        experiment=np.full(size, experiment, np.int32),
        key=laid_out(keys, axis=1, kind="i4"),
        seq=laid_out(_SEQ + _BEFORE_POINTS + np.arange(shape[2]), axis=2, kind="i8"),
        time_us=np.ascontiguousarray(np.broadcast_to(sweep.time_us[:, None, :], shape)).reshape(-1),
        step=laid_out(np.arange(shape[2]), axis=2, kind="i8"),
        step_float=np.zeros(size),
        step_kind=np.ones(size, np.int8),
        value=sweep.values.reshape(-1),
    )
    return rows, names


def _with_writers(table: pa.Table, runs: Any, sweep: Sweep) -> pa.Table:
    """The table with each run's writer; `runs` are places in the sweep, one a row."""
    writers = pa.DictionaryArray.from_arrays(pa.array(runs, pa.int32()), strings(sweep.writers)).dictionary_decode()
    return table.set_column(table.schema.get_field_index("writer"), table.schema.field("writer"), writers)


def facts_of(sweep: Sweep) -> pa.Table:
    """What each run says of itself: its start, its params, its end."""
    records: list[FactRecord] = []
    sizes = []
    for index, run_id in enumerate(sweep.run_ids):
        number, writer, at = sweep.first + index, sweep.writers[index], sweep.time_us[index] * 1000
        start, about = int(at[0]) - 1_000_000_000, (run_id, sweep.experiment)
        host, pid = writer.split("-")[:2]
        params = {name: json.dumps(value) for name, value in sweep.params[index].items()}
        events: list[FactRecord] = [
            FactRecord(_SEQ, RunStarted(*about, start, sweep.names[index], host=host, pid=int(pid))),
            FactRecord(_SEQ + 1, ParamsLogged(*about, start, params)),
        ]
        status = status_of(number)
        if status is not None:
            end = RunEnded(*about, int(at[-1]) + 1_000_000, status)
            events.append(FactRecord(_SEQ + _BEFORE_POINTS + STEPS, end))
        records += events
        sizes.append(8 + len(params) + (status is not None))
    rows = pa.Table.from_batches([live_facts(records)]).drop_columns(["experiment"])
    runs = np.repeat(np.arange(SWEEP, dtype=np.int32), sizes)
    rows = rows.add_column(1, FACTS.field("writer"), pa.nulls(len(rows), pa.string()))
    return _with_writers(rows, runs, sweep)


def _truth(sweep: Sweep) -> Truth:
    asked = sweep.values[:, METRICS.index(ASKED)]
    return Truth(sweep.values[:, :, -1], asked.sum(axis=1), np.array([params["lr"] for params in sweep.params]))
