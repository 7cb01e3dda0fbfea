"""Live pieces: what writers have logged and not sealed yet, in the bucket, and the sign that a writer lives.

Guarantees. *Whole frames*: an object holds bytes [start, end) of a queue file, where end is behind a frame whose
checksum was compared; frames never change once they are whole. *No gap*: a next piece begins where the confirmed ones
end. A put whose answer never came is repeated from the same start, maybe with more bytes: the bytes that both hold are
the same, and readers take overlaps (see names.pieces).

*Commit*: a segment is live while an object of it begins at 0. `mark` puts an empty one where there is none, before the
first part of the segment is uploaded; `drop` deletes them when all parts are there: of those that begin at 0 the one
that reaches farthest is the last, and what lies behind it goes after that. So a reader that finds a first object finds
all rows that were uploaded live, and one that finds none finds all parts.

*Late puts*: the server may do a put whose answer never came, or that a killed uploader has sent, as late as it likes
(in practice within 15 minutes, when its signature expires): after `drop` that would make a sealed segment live again,
with its parts ignored. So after any such doubt, and after a start, `sweep` lists what the writers of this store have in
the bucket, and what belongs to no segment that is live here is deleted.

A queue in memory has no bytes on disk; its rows are in the bucket when they are sealed.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from ingest.alive import is_alive
from ingest.catalog import LiveSegment, live_segments, live_writers
from ingest.errors import ObjectsUnavailable
from ingest.frames import HEADER, whole
from ingest.home import home_of
from ingest.layout import Layout
from ingest.objects.bucket import Bucket
from ingest.objects.names import HEARTBEAT_S, LIVE, LiveKey, heartbeat_key, live_folder, live_key, parse_live, pieces
from ingest.objects.transfers import Transfers

PIECE_BYTES = 4 * 1024 * 1024
"""Most bytes of a queue file that make one object, unless a single frame is longer."""

_AGAIN_S, _MANY = 5.0, 16
Segment = tuple[str, int]
"""A writer and the number of its segment."""


class Piece(NamedTuple):
    """Bytes of a queue file that are whole frames, and not in the bucket yet."""

    key: LiveKey
    path: Path


class LivePieces:
    """What the bucket has of the live segments of one store. One thread."""

    def __init__(self, layout: Layout, bucket: Bucket, transfers: Transfers) -> None:
        self._layout = layout
        self._bucket = bucket
        self._transfers = transfers
        self.objects: dict[Segment, set[LiveKey]] = {}
        """The live objects that are in the bucket, as far as is known."""
        self._looked: set[str] = set()
        self._live: set[Segment] = set()
        self._beaten: dict[str, float] = {}
        self._signs: dict[str, float] = {}
        self._next_beat = -1e9
        self._beating: threading.Thread | None = None

    def look(self, writers: Iterable[str]) -> None:
        """Learn what an uploader before this one has put there of them. Raises: ObjectsUnavailable. Halted."""
        new = {*writers} - self._looked
        folders = [live_folder(writer) for writer in sorted(new)] if len(new) < _MANY else [LIVE]
        listed = self._transfers.all(partial(self._bucket.list, folder) for folder in folders)
        for key in filter(None, (parse_live(entry.key) for entries in listed for entry in entries)):
            if key.writer in new:
                self.objects.setdefault(key[:2], set()).add(key)
        self._looked |= new

    def waiting(self) -> list[Piece]:
        """What is to be uploaded as of now, of each segment in order. Raises: ObjectsUnavailable. Halted. OSError."""
        segments = live_segments(self._layout)
        self._live = {(segment.writer, segment.number) for segment in segments}
        self.look(segment.writer for segment in segments)
        return [piece for segment in segments for piece in self._pieces(segment)]

    def send(self, waiting: Iterable[Piece], done: Callable[[Piece], None]) -> bool:
        """Upload pieces; False: some are gone, as their segments were sealed meanwhile.

        Raises: ObjectsUnavailable. Halted.
        """
        of: dict[Segment, list[Piece]] = {}
        for piece in waiting:
            of.setdefault(piece.key[:2], []).append(piece)
        all_there = True
        while of:
            heads = [found.pop(0) for found in of.values()]
            of = {segment: found for segment, found in of.items() if found}

            def sent(found: tuple[Piece, bool]) -> None:
                if found[1]:
                    self._signs[found[0].key.writer] = time.monotonic()
                    self.objects.setdefault(found[0].key[:2], set()).add(found[0].key)
                    done(found[0])

            for piece, is_there in self._transfers.all((partial(self._put, head) for head in heads), sent):
                if not is_there:
                    all_there = False
                    of.pop(piece.key[:2], None)
        return all_there

    def mark(self, segment: Segment) -> None:
        """See that a segment is live in the bucket; `look` first. Any thread. Raises: ObjectsUnavailable."""
        if not pieces(self.objects.get(segment, ())):
            key = LiveKey(*segment, 0, 0)
            self._bucket.put(key.key, pa.compress(b"", codec="zstd", asbytes=True))
            self.objects.setdefault(segment, set()).add(key)

    def drop(self, segment: Segment) -> None:
        """Let the parts of a segment count: it isn't live any more. Any thread. Raises: ObjectsUnavailable.

        Its objects were a sign that the writer lives: one that does gets another, before they go.
        """
        writer = segment[0]
        if self._is_due(writer, self._beaten) and is_alive(home_of(self._layout.writer(writer))):
            self._put_sign(writer)
        self._signs.pop(writer, None)
        known = self.objects.get(segment, set())
        first = sorted((key for key in known if key.start == 0), key=lambda key: key.end)
        for keys in (first[:-1], first[-1:], [key for key in known if key.start]):
            if keys:
                self._bucket.delete(key.key for key in keys)
        self.objects.pop(segment, None)

    def forget_gone(self, sealed: Iterable[Segment]) -> None:
        """Drop segments that were not live at the last `waiting` and aren't to be committed: such as hold no row.

        Args:
            sealed: the segments whose parts are to be committed, listed after `waiting`.

        Raises: ObjectsUnavailable. Halted.
        """
        kept = {*sealed, *self._live}
        self._transfers.all([partial(self.drop, segment) for segment in [*self.objects] if segment not in kept])

    def sweep(self, writers: Iterable[str]) -> None:
        """Look anew at what the bucket has of writers of this store; call `forget_gone` then.

        Raises: ObjectsUnavailable. Halted.
        """
        asked = {*writers, *self._looked}
        self._looked -= asked
        self.look(asked)

    def beat(self) -> None:
        """Show that the writers of this store live, where that was last shown HEARTBEAT_S ago; doesn't wait for it.

        A live piece shows it as well. Of one that died the sign grows old.
        """
        now = time.monotonic()
        if now < self._next_beat or (self._beating is not None and self._beating.is_alive()):
            return
        self._next_beat = now + 1.0
        due = [
            folder.name
            for folder in live_writers(self._layout)
            if self._is_due(folder.name, self._beaten, self._signs) and is_alive(home_of(folder))
        ]
        if due:
            self._beating = threading.Thread(target=self._beat, args=(due,), name="steplog-heartbeat", daemon=True)
            self._beating.start()

    def leave(self) -> None:
        """Take the sign away of writers that are gone, with all they had in the bucket. Raises: as `drop`; Halted."""
        there = {folder.name for folder in live_writers(self._layout)} | {segment[0] for segment in self.objects}
        gone = sorted((self._looked | self._beaten.keys()) - there)
        if gone:
            self._transfers.one(lambda: self._bucket.delete(map(heartbeat_key, gone)))
        for writer in gone:
            self._looked.discard(writer)
            self._beaten.pop(writer, None)

    # --- within

    def _beat(self, writers: Iterable[str]) -> None:
        for writer in writers:
            try:
                self._put_sign(writer)
            except ObjectsUnavailable:  # said by the upload that fails for the same reason
                self._next_beat = time.monotonic() + _AGAIN_S
                return

    def _put_sign(self, writer: str) -> None:
        self._bucket.put(heartbeat_key(writer), json.dumps({"at": time.time()}).encode())
        self._beaten[writer] = time.monotonic()

    @staticmethod
    def _is_due(writer: str, *shown: dict[str, float]) -> bool:
        """Whether the writer's last sign of these kinds is HEARTBEAT_S old."""
        latest = max(signs.get(writer, -1e9) for signs in shown)
        return time.monotonic() - latest >= HEARTBEAT_S

    def _pieces(self, segment: LiveSegment) -> list[Piece]:
        chain = pieces(self.objects.get((segment.writer, segment.number), ()))
        start, found = chain[-1].end if chain else 0, []
        try:
            with segment.queue_file.open("rb") as file:
                while (end := _whole_end(file.fileno(), start)) > start:
                    found.append(Piece(LiveKey(segment.writer, segment.number, start, end), segment.queue_file))
                    start = end
        except FileNotFoundError:  # sealed meanwhile
            return []
        return found

    def _put(self, piece: Piece) -> tuple[Piece, bool]:
        """Upload one; whether its queue file was still there."""
        key = piece.key
        try:
            with piece.path.open("rb") as file:
                data = os.pread(file.fileno(), key.end - key.start, key.start)
        except FileNotFoundError:
            return piece, False
        if len(data) < key.end - key.start:
            return piece, False
        self._bucket.put(live_key(*key), pa.compress(data, codec="zstd", asbytes=True))
        return piece, True


def _whole_end(descriptor: int, start: int) -> int:
    """Where the whole frames behind `start` end, of about PIECE_BYTES at most; `start` where there are none."""
    data = os.pread(descriptor, PIECE_BYTES, start)
    if len(data) < HEADER.size:
        return start
    length = HEADER.unpack_from(data)[0] + HEADER.size
    if length > len(data) == PIECE_BYTES:
        data = os.pread(descriptor, length, start)
    return start + whole(data).end
