"""Writer names: what the name of a writer tells of it, a host and a rank (see ingest.layout.new_writer_id).

A name that isn't of that form (a table written by another program) tells no rank.
"""

import polars as pl

_RANK = r"^[^-]*-\d+-(\d{1,9})-"
_HOST = r"^([^-]+)-"


def rank() -> pl.Expr:
    """The rank of each row's `writer`: Int64, null where the name tells none."""
    return pl.col("writer").map_batches(ranks_of, return_dtype=pl.Int64(), is_elementwise=True).alias("rank")


def host() -> pl.Expr:
    """The host of each row's `writer`, as far as a name has it: cut to 40 letters, digits and underscores."""
    return pl.col("writer").str.extract(_HOST).alias("host")


def ranks_of(writers: pl.Series) -> pl.Series:
    """The rank of each writer. Rows of one writer mostly follow each other, and each such stretch is read once."""
    if writers.is_empty():
        return pl.Series(writers.name, [], pl.Int64)
    stretches = writers.rle().struct.field("value")
    ranks = stretches.str.extract(_RANK).cast(pl.Int64)
    return ranks.gather(writers.rle_id()).rename(writers.name)
