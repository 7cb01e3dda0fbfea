"""Tables as files: frames of pandas, polars, pyarrow, or whatever speaks Arrow, by the file's suffix.

A frame is written by its own library, so nothing is imported that its owner hasn't imported; the logging process must
not load polars by itself (a child that is forked later could hang in it). Read back as pandas where that is installed,
else as polars. What each suffix keeps:

    .parquet, .arrow, .feather   types and values; of pandas the index too
    .csv, .tsv                   the values' text, floats exactly; an index with a name or labels becomes columns
    .json                        a list of rows, each a dict; read back as that
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any

from ingest.jsontext import from_json, to_json

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".json", ".arrow", ".feather")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def is_frame(data: object) -> bool:
    """Whether it is a table of a library that we know, or speaks Arrow."""
    return _library(data) is not None


def encode_table(data: object, suffix: str, name: str) -> bytes | memoryview:
    """Write a frame, a dict of columns or a list of row dicts; the rows' columns are all keys that any of them has.

    Raises: TypeError: no table. ValueError: no such format, it can't hold a column, or two columns have one name.
    """
    if suffix not in TABLE_SUFFIXES:
        raise ValueError(f"table {name!r} has no format by its suffix {suffix!r}; there is {', '.join(TABLE_SUFFIXES)}")
    library = _library(data)
    if library is None:
        data, library = _from_python(data, name), "pyarrow"
    try:
        return _WRITERS[library](data, suffix, name)
    except (TypeError, ValueError) as error:  # of pyarrow's errors those that concern a value are one of the two
        raise type(error)(f"table {name!r} can't be written as {suffix}: {error}") from error


def decode_table(data: bytes, suffix: str) -> object:
    """Read a table back: a pandas or polars frame, or for .json a list of dicts."""
    if suffix == ".json":
        return from_json(data)
    try:
        import pandas as pd
    except ImportError:
        return _read_polars(data, suffix)
    if suffix in _SEPARATORS:
        # Exact by default since pandas 3.1, which deprecates the option.
        exact = {} if _version(pd) >= (3, 1) else {"float_precision": "round_trip"}
        return pd.read_csv(BytesIO(data), sep=_SEPARATORS[suffix], **exact)
    return pd.read_parquet(BytesIO(data)) if suffix == ".parquet" else pd.read_feather(BytesIO(data))


def _version(library: Any) -> tuple[int, ...]:
    return tuple(map(int, library.__version__.split(".")[:2]))


def _read_polars(data: bytes, suffix: str) -> object:
    import polars as pl

    if suffix in _SEPARATORS:
        return pl.read_csv(data, separator=_SEPARATORS[suffix], infer_schema_length=None)
    return pl.read_parquet(BytesIO(data)) if suffix == ".parquet" else pl.read_ipc(BytesIO(data))


def _library(data: object) -> str | None:
    """Name the library whose writer takes the data."""
    for base in type(data).__mro__:
        root = base.__module__.partition(".")[0]
        if root in {"pandas", "polars"} and base.__name__ in {"DataFrame", "Series", "LazyFrame"}:
            return root
        if root == "pyarrow" and base.__name__ in {"Table", "RecordBatch"}:
            return root
    return "pyarrow" if hasattr(data, "__arrow_c_stream__") else None


def _from_python(data: object, name: str) -> Any:
    """Make an Arrow table of columns or rows."""
    rows = isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data)
    if not rows and not isinstance(data, Mapping):
        message = (
            f"table {name!r} can't be made of {type(data).__name__}; "
            "give a pandas, polars or pyarrow table, a dict of columns, or a list of row dicts"
        )
        raise TypeError(message)
    import pyarrow as pa

    try:
        columns = _columns(data) if rows else {key: list(data[key]) for key in data}  # type: ignore[arg-type, index, attr-defined]
        _refuse_namesakes(columns)
        return pa.table({str(key): values for key, values in columns.items()})
    except (TypeError, ValueError) as error:
        raise type(error)(f"table {name!r} can't be made of these columns: {error}") from error


def _columns(rows: Sequence[Mapping[Any, object]]) -> dict[Any, list[object]]:
    """Give the columns of rows, in the order in which their keys appear; None where a row lacks one.

    Arrow's own from_pylist takes the first row's keys for those of all.
    """
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: [row.get(key) for row in rows] for key in keys}


def _refuse_namesakes(names: Iterable[object]) -> None:
    """Raise ValueError for columns of one name: JSON would lose one, a CSV's reader rename it, Parquet's refuse."""
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise ValueError(f"more than one column is named {', '.join(map(repr, twice))}; rename all but one")


def _write_pandas(data: Any, suffix: str, name: str) -> bytes | memoryview:
    frame = data.to_frame() if hasattr(data, "to_frame") else data
    _refuse_namesakes(frame.columns)
    if suffix in {".arrow", ".feather"}:
        import pyarrow as pa

        return _write_arrow(pa.Table.from_pandas(frame), suffix, name)
    if suffix == ".parquet":
        buffer = BytesIO()
        frame.to_parquet(buffer, engine="pyarrow")
        return buffer.getbuffer()
    index = frame.index
    only_counts = index.nlevels == 1 and index.name is None and index.dtype.kind in "iu"
    flat = frame if only_counts else frame.reset_index()
    _refuse_namesakes(flat.columns)  # the index's columns are among them now
    if suffix == ".json":
        return to_json(flat.to_dict("records"), where=f"table {name!r}").encode()
    text: str = flat.to_csv(None, sep=_SEPARATORS[suffix], index=False)
    return text.encode("utf-8", "surrogatepass")


def _write_polars(data: Any, suffix: str, name: str) -> bytes | memoryview:
    frame = data.collect() if hasattr(data, "collect") else data
    frame = frame.to_frame() if hasattr(frame, "to_frame") else frame
    buffer = BytesIO()
    if suffix == ".json":
        return to_json(frame.to_dicts(), where=f"table {name!r}").encode()
    if suffix in _SEPARATORS:
        frame.write_csv(buffer, separator=_SEPARATORS[suffix])
    elif suffix == ".parquet":
        frame.write_parquet(buffer)
    else:
        frame.write_ipc(buffer)
    return buffer.getbuffer()


def _write_arrow(data: Any, suffix: str, name: str) -> bytes | memoryview:
    import pyarrow as pa

    table = data if isinstance(data, pa.Table) else pa.table(data)
    _refuse_namesakes(table.column_names)
    if suffix == ".json":
        return to_json(table.to_pylist(), where=f"table {name!r}").encode()
    sink = pa.BufferOutputStream()
    if suffix in _SEPARATORS:
        from pyarrow import csv

        csv.write_csv(table, sink, csv.WriteOptions(delimiter=_SEPARATORS[suffix]))
    elif suffix == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink)
    else:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return memoryview(sink.getvalue())


_WRITERS = {"pandas": _write_pandas, "polars": _write_polars, "pyarrow": _write_arrow}
