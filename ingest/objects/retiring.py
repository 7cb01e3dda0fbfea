"""Retiring: what follows from a state of compaction, and what is old enough to be removed.

`finish` brings merged parts to their places and replaced ones to retired/; it does nothing where that is done already,
so any number of processes may do it at once, and any may be killed. `remove_old` removes what nobody reads any more:
replaced parts RETIRED_S after they were replaced; states, scratch and marks of turns after a day, by which time no
process that knows them is at work. Times are the server's: clocks of nodes may be wrong.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import msgspec

from ingest.layout import Table
from ingest.objects.bucket import Bucket, Entry
from ingest.objects.names import RETIRED, RETIRED_S, SWAPS, TMP, parse_swap, retired_key
from ingest.objects.swaps import MergedPart, SwapState, create
from ingest.objects.transfers import Transfers

OLD_S = 86_400.0
_MERGED = "compacted-"


def server_time(bucket: Bucket) -> float:
    """The server's clock, seconds since 1970. Raises: ObjectsUnavailable."""
    key = f"{TMP}/clock-{secrets.token_hex(8)}"
    bucket.put(key, b"")
    found = bucket.head(key)
    bucket.delete([key])
    return 0.0 if found is None else found.modified


def finish(
    bucket: Bucket,
    state: SwapState,
    listed: Collection[str],
    transfers: Transfers,
    only: Sequence[MergedPart] | None = None,
) -> None:
    """Do what is left of the merges that led to a state.

    Args:
        listed: keys that were in the tables after the state was read.
        only: just these merged parts, and what of `listed` is replaced; else all that there are.

    Raises: ObjectsUnavailable. Halted.
    """
    there = {*listed}
    scratches = {entry.key for entry in bucket.list(TMP)} if only is None else {part.scratch for part in only}
    moved = [part for part in (state.parts if only is None else only) if part.scratch in scratches]
    replaced = sorted(there.intersection(state.replaced))
    transfers.all([partial(_copy, bucket, key, retired_key(key)) for key in replaced])
    transfers.all([partial(_copy, bucket, part.scratch, part.path) for part in moved if part.path not in there])
    bucket.delete(replaced)
    arrived = transfers.all([partial(bucket.head, part.path) for part in moved])
    bucket.delete(part.scratch for part, found in zip(moved, arrived, strict=True) if found is not None)


def remove_old(
    bucket: Bucket, number: int, state: SwapState, tables: Mapping[Table, Sequence[Entry]], now: float
) -> None:
    """Remove what nobody reads any more.

    Args:
        number: of the newest state.
        tables: what was listed after a state was read.
        now: the server's time.

    Raises: ObjectsUnavailable.
    """
    needed = {part.scratch for part in state.parts}
    counted = {part.path for part in state.parts}
    old: list[str] = [entry.key for entry in bucket.list(RETIRED) if now - entry.modified > RETIRED_S]
    old += [e.key for e in bucket.list(TMP) if now - e.modified > OLD_S and e.key not in needed]
    old += [e.key for e in bucket.list(SWAPS) if now - e.modified > OLD_S and (parse_swap(e.key) or number) < number]
    listed = [entry for entries in tables.values() for entry in entries]
    old += [e.key for e in listed if _is_merged(e.key) and e.key not in counted and now - e.modified > OLD_S]
    bucket.delete(old)
    there = {entry.key for entry in listed}
    kept = [
        (key, at)
        for key, at in zip(state.replaced, state.replaced_at, strict=True)
        if key in there or now - at < 2 * RETIRED_S
    ]
    if len(kept) < len(state.replaced) // 2:  # only now and then, as it makes a state
        keys, times = (tuple(column) for column in zip(*kept, strict=True)) if kept else ((), ())
        create(bucket, number + 1, msgspec.structs.replace(state, replaced=keys, replaced_at=times))


def _copy(bucket: Bucket, source: str, target: str) -> None:
    """Copy, unless it was moved already by somebody else."""
    try:
        bucket.copy(source, target)
    except FileNotFoundError:
        return


def _is_merged(key: str) -> bool:
    return key.rpartition("/")[2].startswith(_MERGED)
