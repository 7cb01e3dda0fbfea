"""Entries: what is known of an object without its bytes; and counts of what was asked of a bucket."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

_NEAR_BYTES = 1 << 20  # OBJECT_STORE_COALESCE_DEFAULT of the client


class Entry(NamedTuple):
    """An object."""

    key: str
    size: int
    modified: float
    """By the server's clock, seconds since 1970."""
    etag: str


class Counts(msgspec.Struct):
    """Requests and bytes so far; what the client repeated by itself is counted once."""

    puts: int = 0
    gets: int = 0
    lists: int = 0
    copies: int = 0
    deletes: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


def together(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges that the client asks for: it fetches spans together that are less than `_NEAR_BYTES` apart."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start - found[-1][1] <= _NEAR_BYTES:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def entry_of(meta: Any) -> Entry:
    """What the client tells of an object."""
    return Entry(meta["path"], meta["size"], meta["last_modified"].timestamp(), meta["e_tag"] or "")
