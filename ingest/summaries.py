"""Summaries: a few numbers for each run and metric, mergeable, so that "all runs, last/min/max" touches no history.

Sealing folds points, compaction folds rows of one (run, writer, key) into one, both by the kernel in ingest.aggregates;
here it is given Arrow's tables. Readers fold further, over writers (see readers.summaries).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest import aggregates
from ingest.aggregates import Columns
from ingest.arrays import coded, empty, numbers, repeated, truths, values
from ingest.tables import SUMMARIES, Dictionaries, Rows


def summarise(rows: Rows, names: Dictionaries, writer: str) -> pa.Table:
    """One row for each (run, key) in `rows`, which are sorted by run, key, seq."""
    if not len(rows.run):
        return empty(SUMMARIES)
    code = rows.run.astype(np.int64) * len(names.keys.names) + rows.key
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    step = np.where(rows.step_kind == 1, rows.step.astype(np.float64), np.nan)
    step = np.where(rows.step_kind == 2, rows.step_float, step)
    folded = aggregates.partial(rows.value, step, rows.time_us, rows.seq, starts)
    ids = {
        "run_id": coded(rows.run[starts], names.runs.array()).dictionary_decode(),
        "writer": repeated(writer, len(starts)),
        "key": coded(rows.key[starts], names.keys.array()).dictionary_decode(),
    }
    return _table(ids, folded)


def merge(table: pa.Table) -> pa.Table:
    """Fold summaries of one (run, writer, key) into one row each; sorted by run, key."""
    if not len(table):
        return table
    order = [(name, "ascending") for name in ("run_id", "key", "writer", "first_seq")]
    table = table.take(pc.sort_indices(table, sort_keys=order))
    ids = {name: table[name].combine_chunks() for name in ("run_id", "writer", "key")}
    changed = np.zeros(len(table) - 1, bool)
    for column in ids.values():
        changed |= truths(pc.not_equal(column[1:], column[:-1]))
    starts = np.flatnonzero(np.r_[True, changed])
    columns = {field.name: values(table[field.name]) for field in SUMMARIES if field.name not in ids}
    return _table(
        {name: column.take(numbers(starts)) for name, column in ids.items()}, aggregates.merge(columns, starts)
    )


def _table(ids: dict[str, pa.Array], columns: Columns) -> pa.Table:
    arrays = []
    for field in SUMMARIES:
        if field.name in ids:
            arrays.append(ids[field.name])
            continue
        column = columns[field.name]
        step = field.name.endswith("_step")  # NaN: no step was given
        arrays.append(numbers(column, field.type, valid=~np.isnan(column) if step else None))
    return pa.Table.from_arrays(arrays, schema=SUMMARIES)
