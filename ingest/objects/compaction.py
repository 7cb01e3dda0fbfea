"""Compaction of a bucket: many small parts become few large ones, with any number of writers and no lock service.

Guarantee: readers count every row once at every moment (see swaps). Steps: (1) take the newest state, then list the
tables, then the live segments: parts of these are left alone, and whatever else is listed was committed, so that nobody
puts it again (see sealedparts); (2) merge parts, and put the results in tmp/; (3) make the next state by conditional
create: now the merged parts count and those they were made of don't; (4) copy these to retired/ and the merged ones to
their places, (5) delete those from their places, and the merged ones from tmp/. Who is killed behind (3) leaves (4) and
(5) to the next compaction, which does them again, each without harm. Who loses the race at (3) looks at the winner's
state: the merges whose inputs all still count there go into the state after that; the others are dropped.

States are kept for a day. Who made one looks whether it is in line with the newest: a process that was stopped for
longer may have made one that nobody counts, and then deletes nothing. Whose inputs were listed more than RETIRED_S ago
makes none: a state forgets what it replaced some time after that (see swaps).

Which parts: as in ingest.compact. Who compacts: nodes take turns by conditional create of an object that names the
time, so that of a thousand nodes one does the work; that is only thrift, and two at once are safe.
"""

import logging
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from ingest.compact import LARGEST_BYTES, CompactionReport
from ingest.layout import TABLES, Table, split_part
from ingest.objects.bucket import Bucket, Entry
from ingest.objects.merges import MERGED, Merges
from ingest.objects.merging import Input, begun_at, describe
from ingest.objects.names import LIVE, TMP, parse_live, scratch_key
from ingest.objects.retiring import finish, remove_old
from ingest.objects.swaps import SwapState, create, read_state
from ingest.objects.transfers import Transfers

EVERY_S = 600.0
"""Seconds between two compactions of a bucket by the uploaders of its nodes."""
YOUNG_S = 600.0
"""Parts younger than that are left alone, but by who asks for it."""
_MOST_BYTES, _MOST_BYTES_IN_TRAINING = 2 * LARGEST_BYTES, LARGEST_BYTES // 2
_MOST_PARTS, _FEWEST_DUE, _TIER = 1000, 16, 4
_BUDGET_S = 120.0
_logger = logging.getLogger("steplog.upload")


def compact_objects(
    bucket: Bucket,
    tmp: Path,
    *,
    fewest: int = 2,
    everything: bool = True,
    budget_s: float = math.inf,
    youngest_s: float = 0.0,
) -> CompactionReport:
    """Merge the small parts of every table and experiment of a bucket.

    Args:
        bucket: the store.
        tmp: a local folder for what is being merged.
        fewest: number of parts that are worth merging.
        everything: merge all that is smaller than `ingest.compact.LARGEST_BYTES`; else only parts of about equal size.
        budget_s: begin no further merge after this time.
        youngest_s: leave parts alone that are younger: their host's readers may see them in its spool still, and have
            to ask the state then whether they were merged.

    Raises: ObjectsUnavailable. FormatTooNew. SegmentCorrupt: the state is damaged. OSError: the local disk. Whenever it
        ends, the store is whole.
    """
    deadline, transfers = time.monotonic() + budget_s, Transfers(8)
    try:
        merges = Merges(bucket, tmp, transfers)
        state = merges.state
        tables = {table: bucket.list(table) for table in TABLES}
        live = {f"{key.writer}-{key.segment:06d}" for key in map(parse_live, _keys(bucket.list(LIVE))) if key}
        finish(bucket, state, _keys(entry for found in tables.values() for entry in found), transfers)
        for table in TABLES:
            old = [entry for entry in tables[table] if merges.now - entry.modified >= youngest_s]
            for group in _groups(table, old, state, live, fewest, everything=everything):
                if time.monotonic() < deadline:
                    merges.add(group)
        merges.commit()
        remove_old(bucket, merges.number, merges.state, tables, merges.now)
    finally:
        transfers.close()
    return merges.report


def compact_if_due(bucket: Bucket, tmp: Path, note: Path) -> None:
    """Compact in a thread of its own, if this node is on; cheap if not.

    Args:
        note: a file whose time says when that was last looked at; the first look only makes it.

    Raises: OSError: it can't be written. ObjectsUnavailable.
    """
    now = time.time()
    try:
        due_at = note.stat().st_mtime + EVERY_S * random.uniform(0.8, 1.2)  # noqa: S311 - so that not all ask at once
    except FileNotFoundError:
        due_at = math.inf
    if now < due_at < math.inf:
        return
    note.touch(0o600)
    if due_at == math.inf or not bucket.put(f"{TMP}/turn-{int(now / EVERY_S)}", b"", create=True):
        return

    def work() -> None:
        try:
            compact_objects(bucket, tmp, fewest=_FEWEST_DUE, everything=False, budget_s=_BUDGET_S, youngest_s=YOUNG_S)
        except Exception as error:  # noqa: BLE001 - the next turn tries again, and `steplog compact` says it, too
            _logger.warning("steplog: compaction of %s waits: %s", bucket.address.shown, error)

    threading.Thread(target=work, name="steplog-compaction", daemon=True).start()


def adopt(bucket: Bucket, parts: Sequence[tuple[Table, str, Path]]) -> None:
    """Let local merged parts count, as (table, key, path); those that the state knows already are left out.

    Raises: as compact_objects.
    """
    transfers = Transfers()
    try:
        while True:
            number, state = read_state(bucket)
            known = {*state.replaced, *(part.path for part in state.parts)}
            new = [(table, key, path) for table, key, path in parts if key not in known]
            if not new:
                break
            scratches = [scratch_key(path.name) for _, _, path in new]
            transfers.all([_putter(bucket, to, path) for to, (_, _, path) in zip(scratches, new, strict=True)])
            merged = [describe(table, key, to, path) for to, (table, key, path) in zip(scratches, new, strict=True)]
            if create(bucket, number + 1, msgspec.structs.replace(state, parts=(*state.parts, *merged))):
                continue  # and see that it is in line with the newest
        finish(bucket, state, {entry.key for table in TABLES for entry in bucket.list(table)}, transfers)
    finally:
        transfers.close()


def _groups(
    table: Table, entries: Sequence[Entry], state: SwapState, live: set[str], fewest: int, *, everything: bool
) -> list[list[Input]]:
    """The parts to merge, group by group; each is one experiment's and of a bounded size."""
    tiers: dict[tuple[str, int], list[Input]] = defaultdict(list)
    replaced = {*state.replaced}
    there = [
        Input(table, part.path, part.scratch, part.size, begun_at(part.first_run))
        for part in state.parts
        if part.table == table
    ]
    for entry in entries:
        named = split_part(entry.key.rpartition("/")[2])
        if named is None or entry.key.count("/") != 2 or entry.key in replaced:
            continue
        if not named[0].startswith(MERGED) and named[0] not in live:
            there.append(Input(table, entry.key, "", entry.size, entry.modified))
    for part in there:
        if part.size < LARGEST_BYTES:
            tier = 0 if everything else int(math.log(max(part.size, 16 * 1024), _TIER))
            tiers[part.key.rpartition("/")[0], tier].append(part)
    most = _MOST_BYTES if everything else _MOST_BYTES_IN_TRAINING
    aged = [sorted(parts, key=lambda part: (part.at, part.key)) for parts in tiers.values()]  # neighbours in time
    return [group for parts in aged for group in _bounded(parts, most) if len(group) >= fewest]


def _bounded(parts: Sequence[Input], most: int) -> list[list[Input]]:
    """Cut a list into groups, which bounds the memory of a merge."""
    groups: list[list[Input]] = [[]]
    total = 0
    for part in parts:
        if groups[-1] and (total + part.size > most or len(groups[-1]) >= _MOST_PARTS):
            groups.append([])
            total = 0
        groups[-1].append(part)
        total += part.size
    return groups


def _keys(entries: Iterable[Entry]) -> set[str]:
    return {entry.key for entry in entries}


def _putter(bucket: Bucket, key: str, path: Path) -> Callable[[], bool]:
    return lambda: bucket.put(key, path)
