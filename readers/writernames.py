"""Writer names: what the name of a writer tells of it, a host and a rank (see ingest.layout.new_writer_id).

A name that isn't of that form (a table written by another program) tells no rank.
"""

import functools
import re

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


@functools.lru_cache(1 << 16)
def rank_of(writer: str) -> int:
    """The rank of one writer, or of one of its segments; 0 where the name tells none."""
    match = re.match(_RANK, writer, re.ASCII)
    return 0 if match is None else int(match[1])


def of_rank(wanted: int) -> pl.Expr:
    """Whether each row's `writer` has that rank; names that tell none count as rank 0. Pushed down to Parquet."""
    text = pl.col("writer").str
    return text.contains(rf"^[^-]*-\d+-0*{wanted}-") if wanted else ~text.contains(r"^[^-]*-\d+-0*[1-9]\d{0,8}-")
