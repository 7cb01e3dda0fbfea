"""The first rows of a Parquet, Arrow or NumPy file as JSON, for a preview: python -m readers.dashboard.tables_apart.

It runs as a process of its own (see previews), given the open file, and bounds its own memory and time before it looks
into it. Pickled objects are refused, extension types are read as what they are stored as.
"""

import io
import math
import os
import resource
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import msgspec

from readers.dashboard.previews import LONGEST_CELL, MOST_COLUMNS, MOST_ROWS, Preview

_MEMORY_BYTES = 4 << 30
_CPU_S = 8


def main() -> None:
    """Read the file given by its ending and descriptor; print its preview."""
    suffix, descriptor = sys.argv[1], int(sys.argv[2])
    _bound()
    with os.fdopen(descriptor, "rb") as file:
        found = _READERS[suffix](file)
    sys.stdout.buffer.write(msgspec.json.encode(found))


def _bound() -> None:
    """Take no more than a preview needs; leave no core behind."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def parquet(file: BinaryIO) -> Preview:
    """The first rows of the first columns; of the first row group only what these need."""
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file, arrow_extensions_enabled=False)
    names = source.schema_arrow.names
    picked = list(dict.fromkeys(names))[:MOST_COLUMNS]
    batch = next(source.iter_batches(MOST_ROWS, columns=picked), None)
    columns = (
        {} if batch is None else {name: batch.column(name).to_pylist() for name in picked if name in batch.schema.names}
    )
    return _table(picked, columns, source.metadata.num_rows, len(names))


def arrow(file: BinaryIO) -> Preview:
    """The first rows of an Arrow file, or an old Feather file."""
    import pyarrow as pa

    source = pa.ipc.open_file(file)
    names = source.schema.names
    picked = list(dict.fromkeys(names))[:MOST_COLUMNS]
    columns = {}
    rows = 0
    if source.num_record_batches:
        batch = source.get_batch(0).slice(0, MOST_ROWS)
        columns = {name: batch.column(names.index(name)).to_pylist() for name in picked}
        rows = sum(source.get_batch(place).num_rows for place in range(min(source.num_record_batches, 1000)))
    return _table(picked, columns, rows, len(names))


def npy(file: BinaryIO) -> Preview:
    """An array's shape and type, and its first numbers as a table."""
    import numpy as np

    array = np.lib.format.open_memmap(_path(file), mode="r") if _mappable(file) else None
    if array is None:
        array = np.load(io.BytesIO(file.read(64 << 20)), allow_pickle=False)
    shape, kind = array.shape, array.dtype
    width = shape[-1] if array.ndim > 1 else 1
    rows = array.reshape(-1, width)[:MOST_ROWS, :MOST_COLUMNS] if array.size else np.empty((0, 0))
    cut = array.size > rows.size
    return {
        "kind": "table",
        "columns": [str(place) for place in range(rows.shape[1])],
        "rows": [[_cell(value) for value in row] for row in rows.tolist()],
        "truncated": cut,
        "words": f"array of shape {shape}, {kind}{'; its first rows and columns' if cut else ''}",
    }


def _mappable(file: BinaryIO) -> bool:
    return os.path.exists(_path(file))  # noqa: PTH110 - a name in /proc


def _path(file: BinaryIO) -> str:
    return f"/proc/self/fd/{file.fileno()}"


def _table(names: Sequence[str], columns: dict[str, list[Any]], rows: int, all_columns: int) -> Preview:
    shown = max(map(len, columns.values()), default=0)
    return {
        "kind": "table",
        "columns": [name[:LONGEST_CELL] for name in names],
        "rows": [[_cell(columns[name][row]) for name in names if name in columns] for row in range(shown)],
        "truncated": rows > shown or all_columns > len(names),
        "words": f"the first {shown:,} of {rows:,} rows, {len(names)} of {all_columns} columns",
    }


def _cell(value: object) -> object:
    """A cell that fits; what is no number is text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN").replace("inf", "Infinity")
    if isinstance(value, int) and abs(value) <= 2**53:  # a browser would round a larger one
        return value
    return str(value)[:LONGEST_CELL].encode("utf-8", "replace").decode()


_READERS: dict[str, Callable[[BinaryIO], Preview]] = {
    ".parquet": parquet,
    ".arrow": arrow,
    ".feather": arrow,
    ".npy": npy,
}

if __name__ == "__main__":
    main()
