"""Listed: what a bucket holds as of one moment, though listing it takes many requests and writers go on meanwhile.

Guarantee (snapshot): every row that was uploaded and committed before is in it once. Order: (1) live objects; (2) the
state of compaction; (3) the tables: metrics, summaries, facts; (4) live objects again; (5) which state is the newest:
if there is a newer one than that of (2), all begins anew. Argument. Parts of a segment that is live in (1) or in (4)
don't count: its live objects of (1) hold the same rows, and one that is live in (4) alone is younger than the look.
(Objects that the server put behind the commit are told apart: `_punctual`.) A segment that is live in neither was
committed before (1), and its parts were all there; or it never was live, so that each table has one part of it, and who
sees its metrics sees its facts, which are uploaded before and listed after; or it was committed between (1) and (4),
and may be half listed. Such a one is young, and its metrics and summaries, which are uploaded in the other order, are
not of the same experiments, or it has facts alone: then the tables are listed once more, when it is whole; what only
the second listing knows is left for the next look.

What compaction has replaced is told by its state of (2); what that names stays readable for an hour. Parts are deleted
only after a state that replaces them was made; so what counts by the state of (2) and isn't listed in (3), as it was
deleted in between, shows by the newer state in (5).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from ingest.catalog import Part
from ingest.errors import ObjectsUnavailable
from ingest.layout import TABLES, Table, decode_name, segment_name, split_part
from ingest.objects.bucket import Bucket, Entry
from ingest.objects.names import LIVE, STALE_S, LiveKey, parse_heartbeat, parse_live, pieces, retired_key
from ingest.objects.swaps import SwapState, read_state

_ORDER: tuple[Table, ...] = ("metrics", "summaries", "facts")
_YOUNG_S = 300.0
_TRIES = 20
_CLOCKS_S = 1.0  # a server tells whole seconds
_WRITER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_FOLDER = re.compile(r"experiment=[^/\0]+")
_MOST_NAME_BYTES = 240
_MERGED = "compacted-"


class ObjectPart(NamedTuple):
    """A sealed part in the bucket."""

    part: Part
    """Its path is where it is put when it is fetched whole."""
    keys: tuple[str, ...]
    """Where its bytes lie: one of these, in this order."""
    size: int
    runs: tuple[str, str] | None = None
    """The first and the last run id in it, where that is known without a look inside."""


class Listed(NamedTuple):
    """What there is."""

    live: dict[tuple[str, int], list[LiveKey]]
    """The live segments, by writer and number, each with the objects that make it up."""
    seen: dict[str, float]
    """When each writer that has live objects gave its last sign of life: seconds since 1970, the server's clock."""
    now: float
    """The latest time that the server has told, likewise."""
    parts: dict[Table, list[ObjectPart]]
    foreign: list[str]
    """Keys in the tables' folders that are none of ours."""
    replaced: frozenset[str] = frozenset()
    """Keys of parts that compaction has merged: their rows are in others, also where a part still lies in a spool."""

    def alive(self, now: float) -> set[str]:
        """The writers that gave a sign of life lately; `now` is the own clock's time."""
        latest = max(now, self.now)
        return {writer for writer, seen in self.seen.items() if latest - seen < STALE_S}


def list_bucket(bucket: Bucket, root: Path) -> Listed:
    """Look at a bucket; `root` is the folder of parts that are fetched whole.

    Raises: ObjectsUnavailable.
    """
    for _ in range(_TRIES):
        first = bucket.list(LIVE)
        number, state = read_state(bucket)
        tables = _list_tables(bucket)
        second = bucket.list(LIVE)
        live = _live(_punctual(first, tables, state))
        younger = _live(_punctual(second, tables, state)).keys() - live.keys()
        if _torn(tables, {*live, *younger}):
            known = {_segment_of(entry.key) for entry in tables}
            tables = [entry for entry in _list_tables(bucket) if _segment_of(entry.key) in known]
        if read_state(bucket)[0] == number:
            break
    else:
        raise ObjectsUnavailable(f"{bucket.address.shown} is compacted faster than it can be listed; try again")
    unsure = {segment_name(*segment) for segment in younger}
    parts, foreign = _parts(tables, state, root)
    parts = {table: [found for found in parts[table] if found.part.segment not in unsure] for table in TABLES}
    now = max((entry.modified for entry in [*first, *tables]), default=0.0)
    return Listed(live, _seen(first), now, parts, foreign, frozenset(state.replaced))


def _list_tables(bucket: Bucket) -> list[Entry]:
    return [entry for table in _ORDER for entry in bucket.list(table)]


def _live(entries: Iterable[Entry]) -> dict[tuple[str, int], list[LiveKey]]:
    """The live segments."""
    found: dict[tuple[str, int], list[LiveKey]] = defaultdict(list)
    for entry in entries:
        key = parse_live(entry.key)
        if key is not None and _WRITER.fullmatch(key.writer):
            found[key.writer, key.segment].append(key)
    chains = {segment: pieces(keys) for segment, keys in found.items()}
    return {segment: chain for segment, chain in sorted(chains.items()) if chain}


def _punctual(entries: Iterable[Entry], tables: Iterable[Entry], state: SwapState) -> list[Entry]:
    """The live objects without those of committed segments: of a commit that ends now, or put late by the server.

    Of a request whose answer never came nobody knows when the server does it (see livepieces); a segment may look live
    again then. It isn't, if compaction has merged its parts, which it does with no live one; or if its metrics are of
    the same experiments as its summaries: no metrics go up before all summaries, and here they are listed in the other
    order, so all parts are there; or, as it may have facts alone, if what makes it live is younger than its parts.
    """
    merged = {_segment_of(key) for key in state.replaced}
    sealed: dict[str, float] = {}
    has: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in tables:
        segment, (table, _, rest) = _segment_of(entry.key), entry.key.partition("/")
        sealed[segment] = max(entry.modified, sealed.get(segment, 0.0))
        has[segment][table].add(rest.partition("/")[0])
    begun: dict[str, float] = {}
    keys = [(entry, key) for entry in entries if (key := parse_live(entry.key))]
    for entry, key in keys:
        segment = segment_name(*key[:2])
        if key.start == 0:
            begun[segment] = min(entry.modified, begun.get(segment, entry.modified))
    late = {
        name
        for name, at in begun.items()
        if name in merged
        or (has[name]["metrics"] and has[name]["metrics"] == has[name]["summaries"])
        or at > sealed.get(name, at) + _CLOCKS_S
    }
    return [entry for entry, key in keys if segment_name(*key[:2]) not in late]


def _seen(entries: Iterable[Entry]) -> dict[str, float]:
    """When each writer gave its last sign of life."""
    seen: dict[str, float] = {}
    for entry in entries:
        key = parse_live(entry.key)
        writer = parse_heartbeat(entry.key) if key is None else key.writer
        if writer is not None and _WRITER.fullmatch(writer):
            seen[writer] = max(entry.modified, seen.get(writer, 0.0))
    return seen


def _segment_of(key: str) -> str:
    """The segment of a part's key; "" for any other key."""
    named = split_part(key.rpartition("/")[2])
    return named[0] if named else ""


def _torn(tables: Collection[Entry], live: Collection[tuple[str, int]]) -> bool:
    """Whether a segment may have been half listed."""
    latest = max((entry.modified for entry in tables), default=0.0)
    ignored = {segment_name(*segment) for segment in live}
    of: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in tables:
        table, _, rest = entry.key.partition("/")
        segment = _segment_of(entry.key)
        if segment and segment not in ignored and latest - entry.modified < _YOUNG_S:
            of[segment][table].add(rest.partition("/")[0])
    return any(there["metrics"] != there["summaries"] or not there["summaries"] for there in of.values())


def _parts(tables: Iterable[Entry], state: SwapState, root: Path) -> tuple[dict[Table, list[ObjectPart]], list[str]]:
    """(the parts that count, keys that are none of ours)."""
    found: dict[Table, list[ObjectPart]] = {table: [] for table in TABLES}
    foreign: list[str] = []
    replaced = set(state.replaced)
    merged = {part.path: part for part in state.parts}
    for entry in tables:
        named = _named(entry.key, root)
        if named is None:
            foreign.append(entry.key)
        elif not named[1].segment.startswith(_MERGED) and entry.key not in replaced and entry.key not in merged:
            found[named[0]].append(ObjectPart(named[1], (entry.key, retired_key(entry.key)), entry.size))
    for part in merged.values():
        named = _named(part.path, root)
        if named is None:
            foreign.append(part.path)
            continue
        places = (part.path, part.scratch, part.path, retired_key(part.path))  # it moves from the second to the first
        keys = tuple(key for key in places if key)
        found[named[0]].append(ObjectPart(named[1], keys, part.size, (part.first_run, part.last_run)))
    return found, foreign


def _named(key: str, root: Path) -> tuple[Table, Part] | None:
    """(table, part) of a key; None for what can't be a part of ours, or the name of a file here."""
    steps = key.split("/")
    named = split_part(steps[-1])
    if len(steps) != 3 or steps[0] not in TABLES or not _FOLDER.fullmatch(steps[1]) or named is None:
        return None
    if "\0" in key or any(len(step.encode(errors="replace")) > _MOST_NAME_BYTES for step in steps):
        return None
    experiment = decode_name(steps[1].removeprefix("experiment="))
    return next(table for table in TABLES if table == steps[0]), Part(root / key, experiment, *named)
