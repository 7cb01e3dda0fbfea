"""Resume: where a client was when it lost its connection, and what it missed since.

A cursor of the live feed names the hub and its tick, which is enough while that hub still keeps what followed. For
other cases (the server was started anew, the client was away longer) it also says how far each writer had been read
that was writing then. Nobody wants the ten thousand writers of a large store in each message; of those not named it is
known that they had been read to their end, unless they were made since. A writer's name tells when it was made.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import polars as pl

from ingest.catalog import live_writers
from readers.dashboard.ticks import Wanted
from readers.store import Store
from readers.watcher import Watcher

LONGEST_AWAY_S = 600.0
"""Who was away for longer fetches anew, which is quicker then."""
MOST_ROWS = 100_000
"""Likewise who missed more points."""
MOST_WRITERS = 200
"""More writers at once are not named in a cursor; then only the same hub can resume it."""
_MARGIN_MS = 5_000  # between the making of a writer's name and its first event; and clocks of hosts differ
_Position = Mapping[str, Mapping[str, int]]


class LiveCursor(msgspec.Struct, forbid_unknown_fields=True):
    """A client's position in the live feed, as it goes over the wire; clients keep it as it is."""

    hub: str
    tick: int
    at: int
    """When it was given out, in milliseconds since 1970."""
    writers: dict[str, tuple[int, int]] | None = None
    """Of each that was writing the `seq` of its last point and its last fact; None where there were too many."""

    def raw(self) -> msgspec.Raw:
        """Encoded."""
        return msgspec.Raw(msgspec.json.encode(self))

    @property
    def age_s(self) -> float:
        """How long ago it was given out."""
        return time.time() - self.at / 1000


class Missed(NamedTuple):
    """What a client has to get before the next tick."""

    points: pl.DataFrame
    facts: pl.DataFrame


def missed(store: Store, cursor: LiveCursor, now: _Position, wanted: Wanted) -> Missed | None:
    """What came between a cursor and a position; None when that can't be told, or is too much.

    Args:
        now: cursor of a Watcher: how far the hub has come.
    """
    if cursor.writers is None or not -60.0 <= cursor.age_s <= LONGEST_AWAY_S:
        return None
    since = {kind: dict(now.get(kind, {})) for kind in ("points", "facts")}
    living = {folder.name for folder in live_writers(store.layout)}
    for place, seqs in enumerate((since["points"], since["facts"])):
        for writer in list(seqs):
            if writer in cursor.writers:
                seqs[writer] = min(seqs[writer], cursor.writers[writer][place])
            elif writer in living or _made_ms(writer) >= cursor.at - _MARGIN_MS:
                del seqs[writer]
    points, facts, rows = [], [], 0
    for batch in _batches(store, since, wanted):
        rows += batch.points.height
        if rows > MOST_ROWS:
            return None
        points.append(_until(batch.points, now.get("points", {})))
        facts.append(_until(batch.facts, now.get("facts", {})))
    return Missed(pl.concat(points), pl.concat(facts))


def _batches(store: Store, since: dict[str, dict[str, int]], wanted: Wanted) -> Iterator[Any]:
    with Watcher(store, wanted.runs, wanted.keys, since) as watcher:
        more = True
        while more:
            batch = watcher.poll()
            more = batch.more
            yield batch


def _until(rows: pl.DataFrame, now: Mapping[str, int]) -> pl.DataFrame:
    """The rows that the hub has come past; the others come with its next tick."""
    if rows.is_empty() or not now:
        return rows.clear()
    passed = rows["writer"].replace_strict(now, default=-1, return_dtype=pl.Int64)
    return rows.filter(rows["seq"] <= passed)


def _made_ms(writer: str) -> int:
    """When a writer's name was made, in milliseconds since 1970; now, for a name that doesn't say."""
    try:
        return int(writer.rpartition("-")[2][:-6], 16)
    except ValueError:
        return time.time_ns() // 1_000_000
