"""Live frames: decoded events as the rows of a batch, each writer's in the order they were logged.

All writers' events of a look become one frame: to make a frame costs as much as thousands of rows in it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from ingest.columns import FactRecord, PointBlock
from ingest.tables import Dictionaries, Names, fact_items, metric_rows
from readers.batch import FACTS, POINTS


def points_frame(written: Sequence[tuple[str, PointBlock]]) -> pl.DataFrame:
    """POINTS rows of (writer, block), writer after writer."""
    names, writers = Dictionaries.empty(), Names()
    rows = metric_rows([block for _, block in written], names)
    numbers = np.array([writers.number(writer) for writer, _ in written], np.int32)
    frame = pl.DataFrame(
        {
            "run_id": _texts(names.runs, rows.run),
            "experiment": _texts(names.experiments, rows.experiment),
            "key": _texts(names.keys, rows.key),
            "step": rows.step,
            "step_float": rows.step_float,
            "time": pl.Series(rows.time_us, dtype=pl.Int64).cast(POINTS["time"]),
            "value": rows.value,
            "writer": _texts(writers, np.repeat(numbers, [block.values.size for _, block in written])),
            "seq": rows.seq,
            "kind": rows.step_kind,
        }
    )
    return (
        frame.lazy()
        .with_columns(
            step=pl.when(pl.col("kind") == 1).then("step"), step_float=pl.when(pl.col("kind") == 2).then("step_float")
        )
        .drop("kind")
        .sort("writer", "seq", maintain_order=True)
        .collect()
    )


def facts_frame(written: Sequence[tuple[str, FactRecord]]) -> pl.DataFrame:
    """FACTS rows of (writer, record)."""
    rows = [
        (event.run_id, event.experiment, kind, key, value, event.time_ns // 1000, writer, seq)
        for writer, (seq, event) in written
        for kind, key, value in fact_items(event)
    ]
    schema = {**FACTS, "time": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("time").cast(FACTS["time"]))


def _texts(names: Names, codes: Any) -> pl.Series:
    return pl.Series(names.names, dtype=pl.String).gather(codes)
