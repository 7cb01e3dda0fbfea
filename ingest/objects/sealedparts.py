"""Sealed parts: segments that are done, from the store to the bucket, each so that its rows count once at any moment.

Order for a segment, and why a kill at any point of it loses and doubles nothing: (1) it is live in the bucket, by its
pieces or an empty mark; (2) its parts go up, facts before summaries before metrics; (3) the journal says so, synced;
(4) its live objects are deleted: the commit (see livepieces). Until (4) readers and compaction ignore its parts, so
putting them once more changes nothing. After (3) they are never put again: a part that compaction has merged and
deleted since doesn't come back. A kill between (3) and (4) leaves live objects of a segment that the journal knows, and
the next start deletes these. (If the journal itself is lost in between, by hand or with the disk, a part that is still
here is put once more, which doubles its rows where the bucket was compacted in the meantime.)

Which segments are done, and of which parts: parts are listed, then live segments, then parts again. What the first
listing knows and isn't live was committed before, so the second listing has all its parts.

A spool's parts leave its tables KEEP_S after their commit (see kept): readers of this host look at the spool as well as
at the bucket, so that a listing of the bucket that is a moment old misses nothing. The parts of any other store stay.

Parts that compaction has merged in a local store before its first upload are ordinary merged parts of the bucket:
they count by the state of its compaction (see compaction.adopt). From the first upload on the store isn't compacted
any more (see ingest.compact), as the bucket has its parts under their names.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ingest.catalog import live_segments
from ingest.layout import TABLES, Layout, Table, split_part, split_segment
from ingest.objects.bucket import Bucket
from ingest.objects.journal import Journal
from ingest.objects.kept import clear, put_away
from ingest.objects.livepieces import LivePieces
from ingest.objects.transfers import Transfers

KEEP_S = 120.0
"""Seconds for which a spool keeps a part that is in the bucket."""
MERGED = "compacted-"
_CLEAR_S = 60.0
_BATCH = 64
_ORDER: tuple[Table, ...] = ("facts", "summaries", "metrics")


class LocalPart(NamedTuple):
    """A sealed part in the store."""

    table: Table
    key: str
    path: Path
    segment: str
    size: int


class SealedParts:
    """The sealed parts of one store, and how far they are in the bucket. One thread."""

    def __init__(
        self, layout: Layout, bucket: Bucket, journal: Journal, live: LivePieces, transfers: Transfers
    ) -> None:
        self._layout = layout
        self._bucket = bucket
        self._journal = journal
        self._live = live
        self._transfers = transfers
        self._kept: list[LocalPart] = []
        self._absent: set[str] = set()
        self._up: set[str] = set()  # parts are in the bucket, and the journal doesn't say so yet
        self._cleared_at = -1e9

    def waiting(self) -> tuple[dict[str, list[LocalPart]], list[LocalPart]]:
        """(the parts of each segment that is to be uploaded, merged parts that are). Raises: OSError."""
        first = {part.segment for part in self._list()}
        live = {f"{found.writer}-{found.number:06d}" for found in live_segments(self._layout)}
        segments: dict[str, list[LocalPart]] = {}
        merged: list[LocalPart] = []
        self._kept = []
        for part in self._list():
            if part.segment in self._journal.segments:
                self._kept.append(part)
            elif part.segment in first and part.segment not in live:
                if part.segment.startswith(MERGED):
                    merged.append(part)
                elif _is_segment(part.segment):
                    segments.setdefault(part.segment, []).append(part)
        self._absent = self._journal.segments.keys() - {part.segment for part in self._kept}
        return dict(sorted(segments.items())), merged

    def send(self, waiting: dict[str, list[LocalPart]], done: Callable[[LocalPart], None]) -> None:
        """Upload and commit segments. Raises: ObjectsUnavailable. Halted. OSError: the journal can't be kept."""
        names = [*waiting]
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            self._live.look(split_segment(name)[0] for name in batch)
            self._transfers.all((partial(self._put, n, waiting[n]) for n in batch if n not in self._up), self._up.add)
            for name in batch:
                self._journal.note_segment(name, time.time())
            self._journal.sync()
            self._up.clear()
            for name in batch:
                for part in waiting[name]:
                    done(part)
            self._transfers.all(partial(self._live.drop, split_segment(name)) for name in batch)

    def forget_old(self) -> None:
        """Put away a spool's parts that are in the bucket for long, as of the last `waiting`. Raises: OSError."""
        limit = time.time() - KEEP_S
        for part in self._kept:
            if self._journal.segments.get(part.segment, limit) < limit:
                put_away(self._layout, part.table, part.path, part.segment)
        if time.monotonic() - self._cleared_at > _CLEAR_S:
            self._cleared_at = time.monotonic()
            clear(self._layout)
        for segment in self._absent:
            if self._journal.segments[segment] < limit:
                self._journal.forget_segment(segment)

    def _put(self, segment: str, parts: list[LocalPart]) -> str:
        """Upload one segment's parts; any thread."""
        self._live.mark(split_segment(segment))
        for part in sorted(parts, key=lambda part: (_ORDER.index(part.table), part.key)):
            self._bucket.put(part.key, part.path)
        return segment

    def _list(self) -> Iterator[LocalPart]:
        """Every part that lies in the folders of the tables."""
        for table in TABLES:
            for folder in _folders(self._layout.table(table)):
                with os.scandir(folder.path) as entries:
                    for entry in entries:
                        named = split_part(entry.name)
                        if named is None or not entry.is_file(follow_symlinks=False):
                            continue
                        key, path = f"{table}/{folder.name}/{entry.name}", Path(entry.path)
                        try:
                            yield LocalPart(table, key, path, named[0], entry.stat().st_size)
                        except FileNotFoundError:
                            continue


def _folders(table: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(table) as entries:
            return [e for e in entries if e.name.startswith("experiment=") and e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _is_segment(name: str) -> bool:
    try:
        return bool(split_segment(name))
    except ValueError:
        return False
