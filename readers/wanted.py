"""Wanted: of which runs and metrics somebody wants to hear."""

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from ingest.layout import Table
from readers.predicates import one_of


class Wanted(NamedTuple):
    """A choice of runs and metrics; None means all."""

    runs: tuple[str, ...] | None = None
    keys: tuple[str, ...] | None = None

    @classmethod
    def of(cls, runs: Collection[str] | None, keys: Collection[str] | None) -> "Wanted":
        """The choice that was given. Raises: TypeError: a single text, or names that are no texts."""
        return cls(_names("runs", runs), _names("keys", keys))

    def rows(self, table: Table) -> pl.Expr | None:
        """Which rows of a table are wanted; None where all are. Facts are not metrics: keys don't choose among them."""
        of_runs = None if self.runs is None else one_of("run_id", self.runs)
        of_keys = None if self.keys is None or table == "facts" else one_of("key", self.keys)
        if of_runs is None or of_keys is None:
            return of_keys if of_runs is None else of_runs
        return of_runs & of_keys


def _names(what: str, given: Collection[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not all(isinstance(name, str) for name in given):
        raise TypeError(f"{what} is {given!r}; it is a list of names, or None for all")
    return tuple(str(name) for name in given)  # a run id of ours is a str with methods of its own
