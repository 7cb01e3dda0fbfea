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
    """New points of one look, and what is said to everybody with it."""

    def __init__(self, number: int, points: pl.DataFrame, cursor: msgspec.Raw, said: tuple[str, ...] = ()) -> None:
        self.number = number
        self.cursor = cursor
        self.said = said
        """Messages about runs, alerts."""
        self.height = points.height
        self._run_ids, self._run = _coded(points["run_id"])
        self._keys, self._key = _coded(points["key"])
        self._writers, self._writer = _coded(points["writer"])
        self._rest = points.select(
            "step", "step_float", pl.col("time").cast(pl.Datetime("ms", "UTC")).to_physical(), "value", "seq"
        )
        self._sent: dict[Wanted, str | None] = {}

    @property
    def size(self) -> int:
        """Bytes, about."""
        names = (*self._run_ids, *self._keys, *self._writers, *self.said)
        return 52 * self.height + len(bytes(self.cursor)) + sum(map(len, names))

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
        frame = self._rest.with_columns(self._run, self._key, self._writer)
        for column, names, chosen in (("run_id", self._run_ids, wanted.runs), ("key", self._keys, wanted.keys)):
            if chosen is not None:
                places = [place for place, name in enumerate(names) if name in chosen]
                frame = frame.filter(pl.col(column).is_in(places)) if len(places) < len(names) else frame
        if frame.is_empty():
            return None
        if frame.height > MOST_ROWS:
            raise TooMany
        run_ids, run = _recoded(self._run_ids, frame["run_id"])
        keys, key = _recoded(self._keys, frame["key"])
        writers, writer = _recoded(self._writers, frame["writer"])
        return _points_message(self.cursor, run_ids, keys, writers, frame.with_columns(run, key, writer))


class TooMany(Exception):
    """More points at once than a message takes."""


class Ticks:
    """The last ticks, oldest first."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._ticks: deque[Tick] = deque()
        self._size = 0
        self._gone = -1
        """Number of the last that isn't kept any more."""

    def add(self, tick: Tick) -> None:
        """Keep one more; the oldest go."""
        self._ticks.append(tick)
        self._size += tick.size
        while self._size > self._kept_bytes:
            oldest = self._ticks.popleft()
            self._size -= oldest.size
            self._gone = oldest.number

    def after(self, number: int) -> list[Tick] | None:
        """All that came after a tick; None when some of them are gone."""
        if number < self._gone:
            return None
        return [tick for tick in self._ticks if tick.number > number]

    def clear(self) -> None:
        """Forget them all; numbers begin anew."""
        self._ticks.clear()
        self._size, self._gone = 0, -1


def _points_message(
    cursor: msgspec.Raw, run_ids: list[str], keys: list[str], writers: list[str], frame: pl.DataFrame
) -> str:
    """The message of some points.

    Args:
        frame: run_id, key and writer as places in the lists, step, step_float, time in ms, value, seq.
    """
    first = frame.group_by("writer").agg(pl.col("seq").min()).sort("writer")["seq"]
    later = frame["seq"] - first.gather(frame["writer"])
    columns = (frame["run_id"].to_list(), frame["key"].to_list(), *_numbers(frame))
    rows = list(zip(*columns, frame["writer"].to_list(), later.to_list(), strict=True))
    told = list(zip(writers, first.to_list(), strict=True))
    said = {"type": "points", "cursor": cursor, "runs": run_ids, "keys": keys, "writers": told, "rows": rows}
    return _encode(said).decode()


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


def _recoded(names: list[str], places: pl.Series) -> tuple[list[str], pl.Series]:
    """(of the names those that occur, for each row the place of its name among them)."""
    found = places.unique().sort().to_list()
    if len(found) == len(names):
        return names, places
    new = {place: n for n, place in enumerate(found)}
    return [names[place] for place in found], places.replace_strict(new, return_dtype=pl.UInt32)
