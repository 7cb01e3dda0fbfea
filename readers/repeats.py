"""Repeats: which rows of a frame share their key with another row. Nearly always none does, and that is told quickly.

Rows are told apart by a 64-bit hash. Two rows with one hash and different keys are marked as well; among a million rows
there is such a pair once in 40 million frames. So whoever asks treats what is marked in the way that is right for any
rows, and leaves out only the work on the others.
"""

import functools
import operator
from collections.abc import Sequence

import polars as pl


def repeats(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series | None:
    """Mark the rows whose key columns another row has, too; None when there are none.

    Args:
        key: the columns that make the key.
    Returns: shape (n_rows,), bool.
    """
    hashes = rows.select(
        functools.reduce(operator.add, (pl.col(column).hash(seed) for seed, column in enumerate(key, 1)))
    ).to_series()
    return None if hashes.n_unique() == len(hashes) else hashes.is_duplicated()
