"""Summaries: a few numbers for each run and metric, mergeable, so that "all runs, last/min/max" touches no history.

A single point is a summary of itself, so one kernel does everything: it folds rows of one (run, writer, key), in the
order of their seq, into one row. Sealing folds points, compaction and readers fold rows; folding is associative but for
rounding. NaN points are counted apart and left out of min, max, mean and m2; `first` and `last` are what was logged
first and last, NaN or not. Variance of the finite case: Chan, Golub & LeVeque 1983, "Algorithms for computing the
sample variance" (m2 is the sum of squared deviations; var = m2 / (count - 1)).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest.arrays import coded, empty, numbers, repeated, truths, values
from ingest.tables import SUMMARIES, Dictionaries, Rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
_CARRIED = ("", "_step", "_time", "_seq")


def summarise(rows: Rows, names: Dictionaries, writer: str) -> pa.Table:
    """One row for each (run, key) in `rows`, which are sorted by run, key, seq."""
    if not len(rows.run):
        return empty(SUMMARIES)
    code = rows.run.astype(np.int64) * len(names.keys.names) + rows.key
    starts = np.flatnonzero(np.r_[True, code[1:] != code[:-1]])
    step = np.where(rows.step_kind == 1, rows.step.astype(np.float64), np.nan)
    step = np.where(rows.step_kind == 2, rows.step_float, step)
    nan = np.isnan(rows.value)
    columns: Columns = {"count": (~nan).astype(np.int64), "nan_count": nan.astype(np.int64)}
    for name in ("first", "last"):
        columns |= {name: rows.value, f"{name}_step": step, f"{name}_time": rows.time_us, f"{name}_seq": rows.seq}
    for name in ("min", "max"):
        columns |= {name: rows.value, f"{name}_step": step}
    columns |= {"mean": rows.value, "m2": np.zeros(len(code))}
    folded = fold(columns, starts)
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
    return _table({name: column.take(numbers(starts)) for name, column in ids.items()}, fold(columns, starts))


def fold(columns: Columns, starts: Ints) -> Columns:
    """Fold consecutive rows into one for each group; `starts` are the places where groups begin, shape (n_groups,).

    Rows of a group are in the order of their first_seq; one may reach beyond the first_seq of the next, since
    compaction doesn't only merge neighbours.
    """
    sizes = np.diff(np.r_[starts, len(columns["count"])])
    ends = _first_of(columns["last_seq"], np.maximum.reduceat(columns["last_seq"], starts), starts, sizes)
    folded: Columns = {name: np.add.reduceat(columns[name], starts) for name in ("count", "nan_count")}
    for name in _CARRIED:
        folded[f"first{name}"] = columns[f"first{name}"][starts]
        folded[f"last{name}"] = columns[f"last{name}"][ends]
    for name, choose in (("min", np.fmin), ("max", np.fmax)):
        best = choose.reduceat(columns[name], starts)
        folded[name] = best
        places = _first_of(columns[name], best, starts, sizes)
        folded[f"{name}_step"] = np.append(columns[f"{name}_step"], np.nan)[places]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        folded |= _moments(columns, starts, sizes, folded["count"])
    return folded


def _first_of(
    values: npt.NDArray[np.generic], best: npt.NDArray[np.generic], starts: Ints, sizes: Ints
) -> npt.NDArray[np.intp]:
    """The place of the first row of each group whose value is the group's best; behind the last row if it is NaN."""
    places = np.where(values == np.repeat(best, sizes), np.arange(len(values)), len(values))
    return np.minimum.reduceat(places, starts)


def _moments(columns: Columns, starts: Ints, sizes: Ints, count: Ints) -> Columns:
    """Mean and m2 of each group from its rows' own."""
    weight = columns["count"]
    rows = np.where(weight == 0, 0.0, columns["mean"])
    mean = np.add.reduceat(weight * rows, starts) / count
    around = np.where(weight == 0, 0.0, rows - np.repeat(mean, sizes))
    inner = np.where(weight == 0, 0.0, columns["m2"])
    m2 = np.add.reduceat(inner + weight * around * around, starts)
    return {"mean": mean, "m2": np.where(count == 0, np.nan, m2)}


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
