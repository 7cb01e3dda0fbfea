"""Ticks: what one look of the hub found new, small enough to be kept for a while, and ready to be sent.

A tick has a number, and whoever has got tick n and all before it goes on with tick n + 1: so a browser that lost its
connection for a moment loses no point and gets none twice. The last ticks are kept, up to `KEPT_BYTES` (half a million
points, some 25 s of twenty series at 1,000 points a second).
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import polars as pl

from readers.dashboard.jsonform import word

KEPT_BYTES = 20 << 20
MOST_ROWS = 100_000
"""Rows of one message. What comes faster is not sent point by point: a page draws some thousand pixels a second."""
_encode = msgspec.json.Encoder().encode


class Wanted(NamedTuple):
    """What a client wants to see; None means all."""

    runs: frozenset[str] | None = None
    keys: frozenset[str] | None = None


class Tick:
    """New points of one look, and the message about runs that goes with it."""

    def __init__(self, number: int, points: pl.DataFrame, cursor: msgspec.Raw, runs: str | None = None) -> None:
        self.number = number
        self.cursor = cursor
        self.runs = runs
        """The message of what changed in runs, or None."""
        self.height = points.height
        self._run_ids, self._run = _coded(points["run_id"])
        self._keys, self._key = _coded(points["key"])
        self._rest = points.select(
            "step", "step_float", pl.col("time").cast(pl.Datetime("ms", "UTC")).to_physical(), "value"
        )
        self._sent: dict[Wanted, str | None] = {}

    @property
    def size(self) -> int:
        """Bytes, about."""
        return 40 * self.height + sum(map(len, (*self._run_ids, *self._keys))) + len(self.cursor) + len(self.runs or "")

    def message(self, wanted: Wanted) -> str | None:
        """The points that a client wants, as text; None when there are none. Clients that want the same share it.

        Raises: TooMany: more than one message can take.
        """
        if wanted not in self._sent:
            self._sent[wanted] = self._message(wanted)
        return self._sent[wanted]

    def forget_messages(self) -> None:
        """Keep only the points: those who are connected have got their messages."""
        self._sent.clear()

    def _message(self, wanted: Wanted) -> str | None:
        runs = _places(self._run_ids, wanted.runs)
        keys = _places(self._keys, wanted.keys)
        if not self.height or not runs or not keys:
            return None
        frame = self._rest.with_columns(self._run, self._key)
        if len(runs) < len(self._run_ids):
            frame = frame.filter(pl.col("run_id").is_in(list(runs)))
        if len(keys) < len(self._keys):
            frame = frame.filter(pl.col("key").is_in(list(keys)))
        if frame.is_empty():
            return None
        if frame.height > MOST_ROWS:
            raise TooMany
        return points_message(
            self.cursor,
            [self._run_ids[place] for place in runs],
            [self._keys[place] for place in keys],
            frame.with_columns(
                pl.col("run_id").replace_strict(runs, return_dtype=pl.UInt32),
                pl.col("key").replace_strict(keys, return_dtype=pl.UInt32),
            ),
        )


class TooMany(Exception):
    """More points at once than a message takes."""


class Ticks:
    """The last ticks, oldest first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._ticks: deque[Tick] = deque()
        self._size = 0

    def add(self, tick: Tick) -> None:
        """Keep one more; the oldest go."""
        self._ticks.append(tick)
        self._size += tick.size
        while self._size > self._kept_bytes:
            self._size -= self._ticks.popleft().size

    def after(self, number: int) -> list[Tick] | None:
        """All that came after a tick; None when some of them are gone."""
        if self._ticks and self._ticks[0].number > number + 1:
            return None
        return [tick for tick in self._ticks if tick.number > number]

    def clear(self) -> None:
        """Forget them all."""
        self._ticks.clear()
        self._size = 0


def points_message(cursor: msgspec.Raw, run_ids: list[str], keys: list[str], frame: pl.DataFrame) -> str:
    """The message of some points.

    Args:
        frame: run_id and key as places in the lists, step, step_float, time in ms, value.
    """
    rows = list(zip(frame["run_id"].to_list(), frame["key"].to_list(), *_numbers(frame), strict=True))
    return _encode({"type": "points", "cursor": cursor, "runs": run_ids, "keys": keys, "rows": rows}).decode()


def _numbers(frame: pl.DataFrame) -> Iterator[list[int | float | str | None]]:
    """Steps, times, values as JSON can hold them."""
    steps = frame["step"].to_list()
    fractions = frame["step_float"]
    if fractions.null_count() < len(fractions):
        for place, step in enumerate(fractions.to_list()):
            if step is not None:
                steps[place] = step
    yield steps
    yield frame["time"].to_list()
    values = frame["value"]
    said: list[int | float | str | None] = values.to_list()
    odd = ~values.is_finite()
    if odd.any():
        for place in odd.arg_true().to_list():
            said[place] = word(float(values[place]))
    yield said


def _coded(names: pl.Series) -> tuple[list[str], pl.Series]:
    """(the distinct names, for each row the place of its name)."""
    distinct = names.unique(maintain_order=True)
    return distinct.to_list(), names.cast(pl.Enum(distinct)).to_physical().cast(pl.UInt32)


def _places(names: list[str], wanted: frozenset[str] | None) -> dict[int, int]:
    """Of the wanted names their old places, each with its new one."""
    old = (place for place, name in enumerate(names) if wanted is None or name in wanted)
    return {place: new for new, place in enumerate(old)}
