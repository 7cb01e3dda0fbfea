"""Resume: where a client was when it lost its connection, and what it missed since.

A cursor of the live feed names the hub and its tick, which is enough while that hub still keeps what followed. For
other cases (the server was started anew, the client was away longer) it also says how far each writer had been read
that was writing then. Nobody wants the ten thousand writers of a large store in each message; of those not named it is
known that they had been read to their end, unless they were made since. A writer's name tells when it was made.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from ingest.catalog import live_writers
from readers.batch import FACTS, POINTS, Batch
from readers.store import Store
from readers.watcher import Watcher

LONGEST_AWAY_S = 600.0
"""Who was away for longer fetches anew, which is quicker then."""
MOST_ROWS = 100_000
"""Likewise who missed more points."""
MOST_WRITERS = 200
"""More writers at once are not named in a cursor; then only the same hub can resume it."""
_MARGIN_MS = 5_000  # between the making of a writer's name and its first event; and clocks of hosts differ
_NAMED_S = 60.0
_PATIENCE_S, _PAUSE_S = 3.0, 0.01
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


class Writing:
    """Who is writing, and who was a moment ago: whom a cursor has to name. The hub's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_at_ms = 0
        self._living: set[str] = set()
        self._advanced: dict[str, float] = {}
        """Writer -> when something new of it was read."""

    def look(self) -> None:
        """Before the store is looked at: who is there now, and gone after that, has left nothing unseen."""
        self._looked_at_ms = time.time_ns() // 1_000_000
        self._living = {folder.name for folder in live_writers(self._store.layout)}

    def cursor(self, hub: str, tick: int, batches: Sequence[Batch]) -> msgspec.Raw:
        """The cursor behind a tick, encoded."""
        now = time.monotonic()
        for rows in (rows for batch in batches for rows in (batch.points, batch.facts) if rows.height):
            self._advanced.update(dict.fromkeys(rows["writer"].unique(), now))
        self._advanced = {writer: at for writer, at in self._advanced.items() if now - at < _NAMED_S}
        points, facts = (batches[-1].cursor[kind] for kind in ("points", "facts"))
        named = sorted(self._living.union(self._advanced))
        seqs = {writer: (points.get(writer, -1), facts.get(writer, -1)) for writer in named}
        return LiveCursor(hub, tick, self._looked_at_ms, seqs if len(named) <= MOST_WRITERS else None).raw()


class Missed(NamedTuple):
    """What a client has to get before the next tick."""

    points: pl.DataFrame
    facts: pl.DataFrame


def missed(store: Store, cursor: LiveCursor, now: _Position) -> Missed | None:
    """What came between a cursor and a position; None when that can't be told, or is too much.

    Args:
        now: cursor of a Watcher: how far the hub has come.
    """
    if cursor.writers is None or not -60.0 <= cursor.age_s <= LONGEST_AWAY_S:
        return None
    since = {kind: dict(now[kind]) for kind in ("points", "facts")}
    living = {folder.name for folder in live_writers(store.layout)}
    for place, seqs in enumerate((since["points"], since["facts"])):
        for writer in list(seqs):
            if writer in cursor.writers:
                seqs[writer] = min(seqs[writer], cursor.writers[writer][place])
            elif writer in living or _made_ms(writer) >= cursor.at - _MARGIN_MS:
                del seqs[writer]
    points, facts, rows = [POINTS.to_frame()], [FACTS.to_frame()], 0
    deadline = time.monotonic() + _PATIENCE_S
    with Watcher(store, since=since) as watcher:
        while not _reached(watcher.cursor, now):  # a look gives nothing of who seals at the same time
            batch = watcher.poll()
            rows += batch.points.height
            if rows > MOST_ROWS or time.monotonic() > deadline:
                return None
            points.append(_until(batch.points, now["points"]))
            facts.append(_until(batch.facts, now["facts"]))
            if batch.empty:
                watcher.wait(_PAUSE_S)
    return Missed(pl.concat(points), pl.concat(facts))


def _reached(cursor: _Position, now: _Position) -> bool:
    """Whether a watcher has come as far as the hub."""
    return all(cursor[kind].get(writer, -1) >= seq for kind in ("points", "facts") for writer, seq in now[kind].items())


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
