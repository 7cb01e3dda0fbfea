"""Batch: what a look at a store found new, and the cursor behind it.

A cursor says for each writer up to which `seq` its points, and its facts, were taken. That is enough: a writer's events
are numbered in order and become visible in order, whole events only, and neither sealing nor compaction changes a
`seq`. So "all rows with a larger seq" gives each row once, wherever it lies by then. Points and facts are counted
apart: under a queue in memory the facts of a moment show before its points.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import polars as pl

from readers.schemas import SCHEMAS

_ORDER = ("run_id", "experiment", "key", "step", "step_float", "time", "value", "writer", "seq")
POINTS = pl.Schema({name: SCHEMAS["metrics"][name] for name in _ORDER})
"""Columns of `Batch.points`: one row a point. A step that isn't an integer is in `step_float`, `step` is null then."""
FACTS = pl.Schema(
    {name: SCHEMAS["facts"][name] for name in ("run_id", "experiment", "kind", "key", "value", "time", "writer", "seq")}
)
"""Columns of `Batch.facts`: one row a fact; `value` is JSON."""


class Cursor(msgspec.Struct, forbid_unknown_fields=True):
    """How far a watcher has come. As a user keeps it: a dict of JSON's types (`as_dict`, `of`)."""

    points: dict[str, int] = {}
    """writer -> seq of its last point that was taken."""
    facts: dict[str, int] = {}
    """writer -> seq of its last fact that was taken."""

    @classmethod
    def of(cls, given: Mapping[str, object]) -> "Cursor":
        """A cursor from what `as_dict` gave. Raises: ValueError: it is none."""
        try:
            return msgspec.convert(dict(given), cls)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ValueError(
                f"since is no cursor of a batch: {error}; give batch.cursor, or None to begin anew"
            ) from error

    def as_dict(self) -> dict[str, dict[str, int]]:
        """A copy as a dict of JSON's types."""
        return {"points": dict(self.points), "facts": dict(self.facts)}


class Batch(NamedTuple):
    """What is new. Facts come no later than the points that their writer logged after them."""

    points: pl.DataFrame
    """POINTS; each writer's in the order they were logged, several writers' merged by time."""
    facts: pl.DataFrame
    """FACTS; in the same order."""
    cursor: dict[str, dict[str, int]]
    """The position behind this batch, JSON-able: given as `since` it goes on from here."""
    more: bool = False
    """Whether more is waiting: then look again at once, without `wait`."""

    @property
    def empty(self) -> bool:
        """Whether nothing is new."""
        return self.points.is_empty() and self.facts.is_empty()
