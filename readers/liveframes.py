"""Live frames: decoded events as the rows of a batch, in the order they were logged."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from ingest.columns import FactRecord, PointBlock
from ingest.tables import Dictionaries, Names, fact_items, metric_rows
from readers.batch import FACTS, POINTS


def points_frame(blocks: Sequence[PointBlock], writer: str) -> pl.DataFrame:
    """POINTS rows."""
    if not blocks:
        return POINTS.to_frame()
    names = Dictionaries.empty()
    rows = metric_rows(blocks, names)
    frame = pl.DataFrame(
        {
            "run_id": _texts(names.runs, rows.run),
            "experiment": _texts(names.experiments, rows.experiment),
            "key": _texts(names.keys, rows.key),
            "step": rows.step,
            "step_float": rows.step_float,
            "time": pl.Series(rows.time_us, dtype=pl.Int64).cast(POINTS["time"]),
            "value": rows.value,
            "seq": rows.seq,
            "kind": rows.step_kind,
        }
    )
    frame = frame.with_columns(
        step=pl.when(pl.col("kind") == 1).then("step"),
        step_float=pl.when(pl.col("kind") == 2).then("step_float"),
        writer=pl.lit(writer),
    )
    return frame.select(POINTS.names()).sort("seq", maintain_order=True)


def facts_frame(records: Sequence[FactRecord], writer: str) -> pl.DataFrame:
    """FACTS rows."""
    rows = [
        (event.run_id, event.experiment, kind, key, value, event.time_ns // 1000, writer, seq)
        for seq, event in records
        for kind, key, value in fact_items(event)
    ]
    schema = {**FACTS, "time": pl.Int64()}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("time").cast(FACTS["time"]))


def _texts(names: Names, codes: Any) -> pl.Series:
    return pl.Series(names.names, dtype=pl.String).gather(codes)
