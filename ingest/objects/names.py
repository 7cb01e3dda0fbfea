"""Names of objects below the prefix of a store's address, all in one place. Keys are relative to the prefix.

    store.json                                                      as in a local store
    metrics|facts|summaries/experiment=<e>/<name>.parquet           sealed parts, names as in a local store; immutable
    live/<writer>/<segment:06d>/<start:012d>-<end:012d>.zst         bytes [start, end) of a writer's queue file: whole
                                                                    frames, zstd; immutable
    live/<writer>/alive                                             heartbeat of a writer that lives
    artifacts/<run>/<path>  models/...  checkpoints/...             files, under the names that they have locally
    claims/models|checkpoints/<home>/<n>                            numbers that are taken (see claims)
    swaps/<n:012d>.json                                             state of compaction; the highest number counts
    tmp/<name>.parquet                                              merged parts before their swap is done
    retired/<table>/experiment=<e>/<name>.parquet                   replaced parts, for a grace period

A segment is live while an object of it begins at 0; parts of live segments don't count. So that object is deleted
first, and of several (see `pieces`) the longest of them last.

Object stores' clients refuse control characters in a key. Names of artifacts may have them; these are percent-encoded,
and so is a "%" that would be read as one of these codes (`key_of_file`, `file_of_key`). Names of tables' folders have
none (see ingest.layout.encode_name) and stay as they are.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from ingest.layout import Table, encode_name

STORE = "store.json"
LIVE, SWAPS, TMP, RETIRED = "live", "swaps", "tmp", "retired"
FILE_FOLDERS = ("artifacts", "models", "checkpoints")
"""Folders of plain files."""
SNAPSHOT_S = 15.0
"""Seconds between two uploads of what a live writer has logged."""
HEARTBEAT_S = 60.0
"""Seconds between two heartbeats of a live writer."""
STALE_S = 180.0
"""A writer counts as alive while the newest of its live objects and its heartbeat is younger, in seconds."""
RETIRED_S = 3600.0
"""Seconds for which a part that compaction has replaced stays readable in retired/."""

_LIVE = re.compile(
    r"live/(?P<writer>[^/]+)/(?P<segment>[0-9]{6,12})/(?P<start>[0-9]{12,15})-(?P<end>[0-9]{12,15})\.zst"
)
_SWAP = re.compile(r"swaps/(?P<number>[0-9]{12,15})\.json")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]|%(?=[01][0-9A-F]|7F|25)")
_CODE = re.compile(r"%([01][0-9A-F]|7F|25)")


class LiveKey(NamedTuple):
    """What the key of a live object says."""

    writer: str
    segment: int
    start: int
    """Offset of its first byte in the queue file."""
    end: int
    """Offset behind its last byte."""

    @property
    def key(self) -> str:
        """The key."""
        return live_key(self.writer, self.segment, self.start, self.end)


def live_key(writer: str, segment: int, start: int, end: int) -> str:
    """The key of bytes [start, end) of a writer's queue file; start = end = 0 only marks the segment as live."""
    return f"{live_folder(writer, segment)}/{start:012d}-{end:012d}.zst"


def live_folder(writer: str, segment: int | None = None) -> str:
    """The folder of a writer's live objects, or of one segment's."""
    return f"{LIVE}/{writer}" if segment is None else f"{LIVE}/{writer}/{segment:06d}"


def parse_live(key: str) -> LiveKey | None:
    """Undo `live_key`; None for any other key, a heartbeat's too."""
    found = _LIVE.fullmatch(key)
    if found is None:
        return None
    named = LiveKey(found["writer"], int(found["segment"]), int(found["start"]), int(found["end"]))
    return named if named.key == key and named.start <= named.end else None  # one with more zeros isn't ours


def pieces(keys: Iterable[LiveKey]) -> list[LiveKey]:
    """Of one segment's live objects those that make up its bytes from 0 on, in order; empty: the segment isn't live.

    Each begins where the last ended, or before: an upload that was cut off and repeated with more bytes leaves two
    objects that overlap, and both hold the same bytes there (a queue file is only appended to). What lies behind a gap
    is left out.
    """
    chain: list[LiveKey] = []
    for found in sorted(keys, key=lambda key: (key.start, -key.end)):
        reached = chain[-1].end if chain else 0
        if found.start <= reached and (found.end > reached or not chain):
            chain.append(found)
    return chain


def heartbeat_key(writer: str) -> str:
    """The key of a writer's heartbeat: JSON {"at": seconds since 1970 by the writer's clock}."""
    return f"{LIVE}/{writer}/alive"


def parse_heartbeat(key: str) -> str | None:
    """The writer whose heartbeat this is, or None."""
    folder, _, name = key.rpartition("/")
    above, _, writer = folder.partition("/")
    return writer if name == "alive" and above == LIVE and writer and "/" not in writer else None


def partition_key(table: Table, experiment: str) -> str:
    """The folder of one experiment's parts."""
    return f"{table}/experiment={encode_name(experiment)}"


def part_key(table: Table, experiment: str, name: str) -> str:
    """The key of a sealed part; `name` as in `ingest.layout.part_name`."""
    return f"{partition_key(table, experiment)}/{name}"


def scratch_key(name: str) -> str:
    """Where a merged part lies before its swap is done."""
    return f"{TMP}/{name}"


def retired_key(key: str) -> str:
    """Where a replaced part lies for its grace period; `key` is its former place."""
    return f"{RETIRED}/{key}"


def swap_key(number: int) -> str:
    """The key of the n-th state of compaction."""
    return f"{SWAPS}/{number:012d}.json"


def parse_swap(key: str) -> int | None:
    """Undo `swap_key`."""
    found = _SWAP.fullmatch(key)
    return int(found["number"]) if found and swap_key(int(found["number"])) == key else None


def key_of_file(path: str) -> str:
    """The key of a plain file; `path` is relative to the root of a store, with slashes."""
    return _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", path)


def file_of_key(key: str) -> str:
    """Undo `key_of_file`."""
    return _CODE.sub(lambda found: chr(int(found[1], 16)), key)
