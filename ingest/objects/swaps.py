"""Swaps: which merged parts of a bucket count, and which parts they stand for; agreed on without a lock service.

The state is an object swaps/<n>.json, never changed; the highest n counts. It is made by conditional create, so that of
several who make n + 1 from n exactly one succeeds, and every state follows from the one before it.

What counts in a table = the listed ordinary parts whose keys aren't in `replaced`, and `parts`. A reader takes the
state before it lists the table. A compacted-* object that the state doesn't name doesn't count: it is replaced, or not
there yet. Argument: a part is deleted from its place only after a state that replaces it was made, and stays readable
in retired/ for RETIRED_S; a merged part is readable in tmp/ before the state that names it is made, and from then on at
its place or in tmp/. So who holds a state finds all that counts by it for RETIRED_S, at the one place or the other; who
finds it at neither begins anew with the newest state. Names never come back: a name is its bytes.

A part stays in `replaced` until it has been gone for RETIRED_S, and isn't listed: a late copy of an upload (an answer
that never came, a server that was stopped) can't make its rows count twice. S3 refuses requests signed more than 15
minutes ago, which is far below RETIRED_S.
"""

import secrets
from weakref import WeakKeyDictionary

import msgspec

from ingest.errors import FormatTooNew, SegmentCorrupt
from ingest.layout import FORMAT_VERSION, StoreFile, Table
from ingest.objects.bucket import Bucket
from ingest.objects.names import SWAPS, parse_swap, swap_key

_kept: "WeakKeyDictionary[Bucket, tuple[int, str, SwapState]]" = WeakKeyDictionary()
"""The state that was read last, with its number and what tells that the object is the same."""


class MergedPart(msgspec.Struct, frozen=True):
    """A merged part that counts."""

    table: Table
    path: str
    """Its key in the end; its experiment is in it."""
    scratch: str
    """Its key until then."""
    first_run: str
    """The smallest of its rows' run ids."""
    last_run: str
    """The largest."""
    size: int
    rows: int = 0


class SwapState(msgspec.Struct, frozen=True):
    """The content of swaps/<n>.json."""

    parts: tuple[MergedPart, ...] = ()
    """Every merged part that counts now."""
    replaced: tuple[str, ...] = ()
    """Keys of sealed or merged parts that don't count any more and may still be listed."""
    replaced_at: tuple[float, ...] = ()
    """When each was, by the server's clock, seconds since 1970; as long as `replaced`."""
    token: str = ""
    """Chance, so that who made it knows its own state again."""
    format_version: int = FORMAT_VERSION


def read_state(bucket: Bucket) -> tuple[int, SwapState]:
    """(n, the newest state); (0, an empty one) where nothing was ever merged.

    Raises: SegmentCorrupt: it isn't what was written; to guess could count rows twice. FormatTooNew: a newer version
        made it. ObjectsUnavailable.
    """
    while True:
        found = {number: entry for entry in bucket.list(SWAPS) if (number := parse_swap(entry.key)) is not None}
        if not found:
            return 0, SwapState()
        number, kept = max(found), _kept.get(bucket)
        if kept is not None and kept[:2] == (number, found[number].etag):
            return number, kept[2]
        try:
            state = decoded(bucket, bucket.get(swap_key(number)), number)
        except FileNotFoundError:  # newer ones were made meanwhile, and this one cleared away
            continue
        _kept[bucket] = number, found[number].etag, state
        return number, state


def decoded(bucket: Bucket, body: bytes, number: int) -> SwapState:
    """The state in a body. Raises: as `read_state`."""
    try:
        version = msgspec.json.decode(body, type=StoreFile).format_version
        if version > FORMAT_VERSION:
            message = (
                f"{bucket.address.shown} was compacted by a version with format {version}; this one reads up to "
                f"{FORMAT_VERSION}: update with 'pip install -U steplog'"
            )
            raise FormatTooNew(message)
        return msgspec.json.decode(body, type=SwapState)
    except msgspec.DecodeError as error:
        where = f"{swap_key(number)} of {bucket.address.shown}"
        message = f"{where} is damaged ({error}): it says which parts count. Restore it from a copy or another version"
        raise SegmentCorrupt(message) from error


def create(bucket: Bucket, number: int, state: SwapState) -> bool:
    """Make the n-th state; False: somebody else has made one. After an error the caller can't know, and looks again."""
    body = msgspec.json.encode(msgspec.structs.replace(state, token=secrets.token_hex(8)))
    if bucket.put(swap_key(number), body, create=True):
        return True
    try:
        return bucket.get(swap_key(number)) == body  # ours: the client repeated a request whose answer was lost
    except FileNotFoundError:
        return False
