"""The tables as our readers give them: the columns of the sealed files (see ingest.tables), then the experiment.

Written out as Polars has them, so that a process which reads only sealed files doesn't import Arrow: that costs it
more than most answers.
"""

import polars as pl

from ingest.layout import Table

_TIME = pl.Datetime("us", "UTC")

SCHEMAS: dict[Table, pl.Schema] = {
    "metrics": pl.Schema(
        {
            "run_id": pl.String(),
            "writer": pl.String(),
            "seq": pl.Int64(),
            "time": _TIME,
            "key": pl.String(),
            "step": pl.Int64(),
            "step_float": pl.Float64(),
            "value": pl.Float64(),
            "experiment": pl.String(),
        }
    ),
    "facts": pl.Schema(
        {
            "run_id": pl.String(),
            "writer": pl.String(),
            "seq": pl.Int64(),
            "time": _TIME,
            "kind": pl.String(),
            "key": pl.String(),
            "value": pl.String(),
            "experiment": pl.String(),
        }
    ),
    "summaries": pl.Schema(
        {
            "run_id": pl.String(),
            "writer": pl.String(),
            "key": pl.String(),
            "count": pl.Int64(),
            "nan_count": pl.Int64(),
            "first": pl.Float64(),
            "first_step": pl.Float64(),
            "first_time": _TIME,
            "first_seq": pl.Int64(),
            "last": pl.Float64(),
            "last_step": pl.Float64(),
            "last_time": _TIME,
            "last_seq": pl.Int64(),
            "min": pl.Float64(),
            "min_step": pl.Float64(),
            "max": pl.Float64(),
            "max_step": pl.Float64(),
            "mean": pl.Float64(),
            "m2": pl.Float64(),
            "experiment": pl.String(),
        }
    ),
}
"""By table."""
