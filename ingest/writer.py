"""The writer: takes events from a queue to files, one step at a time.

Guarantee (flushed): when a step has returned no error, every event that was in the queue before it is visible to
readers on this host, in the queue's order: nothing of a file is shown while an older file has something that isn't.
Guarantee (sealed): see sealing. Guarantee (training goes on): see faults; nothing leaves the queue before
it is sealed, so a step that failed can always be repeated.
Thread rule: one thread at a time; Pipeline runs it on its own thread, tests step it by hand.
"""

import errno
import logging
import os
from collections.abc import Callable

from ingest.alive import FolderLock
from ingest.aside import set_aside
from ingest.catalog import segments_of
from ingest.clock import Clock
from ingest.columns import Decoder, count_events
from ingest.compact import compact_if_due
from ingest.faults import Faults
from ingest.home import is_linked, leave, link
from ingest.layout import Layout
from ingest.queue import EventQueue
from ingest.queuefile import QueueFile
from ingest.recovery import recover, remove_scratch
from ingest.sealing import Contents, commit, seal
from ingest.segments import LiveSegment
from ingest.settings import PipelineSettings
from ingest.stats import Stats

_CHUNK_BYTES = 256 * 1024
_LAST_TRIES = 3
_TOUCH_S = 20.0  # well below alive.STALE_AFTER_S
_log = logging.getLogger("steplog")


class _Taken:
    """How much of a queue file readers can see."""

    def __init__(self, queue: EventQueue, file: QueueFile) -> None:
        self.offset = 0
        self.events = 0
        self.points = 0
        self.decoder = Decoder(file.number)
        self.live = LiveSegment(queue.folder, file.number)


class Writer:
    """Drains one queue into live segments, seals them, syncs, and looks after the store."""

    def __init__(
        self, layout: Layout, lock: FolderLock, queue: EventQueue, settings: PipelineSettings, clock: Clock
    ) -> None:
        self.layout = layout
        self.pause: Callable[[], None] = lambda: None
        """Called between two pieces of work, when nothing is half done: whoever waits for that may come in."""
        self.lock = lock
        self.writer = queue.folder.name
        self.queue = queue
        self.settings = settings
        self.clock = clock
        self.faults = Faults(clock, str(layout.root), self._consequence)
        self.written = 0
        self.points = 0
        self.failed = 0
        self.segments = 0
        self._taken: dict[int, _Taken] = {}
        self._counted: dict[int, tuple[int, int]] = {}
        """(offset, events before it) for each file that stats() has looked at."""
        self._since = 0, 0.0
        """The current file, and when it was first seen with something in it."""
        self._compacted = 0
        self._synced = 0, 0
        self._sync_due = self._touch_due = self._stream_due = clock.monotonic()

    def step(self, *, flush_now: bool = True, seal_now: bool = False, sync_now: bool = False) -> Exception | None:
        """Do everything that is due; with `flush_now` also what failed lately and would be tried again later.

        Returns: what keeps events that were logged before from being visible; with `seal_now` from being Parquet, with
            `sync_now` from being safe from a power cut; None when nothing does.
        """
        attempt, urgent = self.faults.attempt, flush_now
        attempt("look", self._look, urgent=urgent)
        self._make_room(urgent=urgent)
        if urgent or self.clock.monotonic() >= self._stream_due:
            attempt("write", self._drain, urgent=urgent)
            rare = self.settings.queue != "memory"
            self._stream_due = self.clock.monotonic() + (self.settings.stream_interval_s if rare else 0.0)
        if self._roll_due(seal_now=seal_now) and not attempt("roll", self.queue.roll, urgent=urgent):
            attempt("seal", self._seal_waiting, urgent=urgent)
        self.pause()
        attempt("sync", lambda: self._sync(now=sync_now), urgent=urgent)
        attempt("prepare", self.queue.prepare)
        attempt("compact", self._compact)
        asked = {"look", "refill"} | ({"roll", "seal"} if seal_now or self.queue.ring else {"write"})
        asked |= {"sync"} if sync_now else set()
        return next((error for what, error in self.faults.failing.items() if what in asked), None)

    def adopt(self) -> None:
        """Seal what dead writers left in this store."""
        self.faults.attempt("recover", self._recover)

    def _recover(self) -> None:
        report = recover(self.layout, self.pause)
        remove_scratch(self.layout)
        for line in report.trouble() + report.failed:
            _log.warning("steplog: recovery of %s: %s", self.layout.root, line)

    def finish(self) -> None:
        """Seal everything after the queue was closed."""
        self.queue.close()  # again: an interrupt may have come between its steps
        for _ in range(_LAST_TRIES):
            self._make_room(urgent=True)
        lost = self.queue.ring.give_up()
        if lost:
            _log.error("steplog: %d events are lost: %s took none until the end", lost, self.layout.root)
        if not self.queue.waiting:
            self.faults.attempt("leave", self._leave, urgent=True)
        # Held any longer, it would keep the next tracker of this process from adopting what is left.
        self.lock.release()

    def _leave(self) -> None:
        """Remove the writer's folder, unless a segment lies there (after an interrupt): then recovery looks at it."""
        if self.lock.holds(self.queue.folder) and not any(segments_of(self.queue.folder)):
            leave(self.layout, self.writer)

    def let_go(self) -> None:
        """In a forked child: close the copies of the parent's streams, which changes nothing in them."""
        for taken in self._taken.values():
            taken.live.close()

    def busy(self) -> bool:
        """Whether anything waits for the next step."""
        current = self.queue.current
        return bool(self.queue.waiting) or self.queue.blocked or (not current.closed and current.used() > 0)

    def stats(self, *, faults: int = 0) -> Stats:
        """Where every event is; `faults` are those met elsewhere. Between steps."""
        files, in_ring, dropped = self.queue.files()
        taken = list(self._taken.values())
        written = self.written + sum(one.events for one in taken)
        queued = in_ring + sum(self._pending_in(file) for file in files)
        return Stats(
            appended=written + queued + dropped + self.failed,
            queued=queued,
            written=written,
            dropped=dropped,
            failed=self.failed,
            points=self.points + sum(one.points for one in taken),
            segments=self.segments,
            faults=self.faults.count + faults,
            last_error=self.faults.last_error,
        )

    @property
    def error(self) -> Exception | None:
        """A background failure that lasts."""
        return self.faults.error

    def _consequence(self) -> str:
        if self.queue.closed:
            return ""
        return f". Training goes on, events wait in {'memory' if self.queue.blocked else 'the queue file'}"

    def _pending_in(self, file: QueueFile) -> int:
        """Events of a file that readers can't see yet. What was counted once isn't counted again."""
        offset, events = self._counted.get(file.number, (0, 0))
        more, length = count_events(file.read(offset, file.used()))
        self._counted[file.number] = offset + length, events + more
        taken = self._taken.get(file.number)
        return events + more - (taken.events if taken else 0)

    def _look(self) -> None:
        """See to the folder: somebody may have deleted the store. Our pages are still there, so nothing is lost."""
        current = self.queue.current
        if self.queue.closed or current.closed or not current.number:
            return
        there = current.path.exists()
        missing = self.layout.writer(self.writer) if there else current.path
        if there and is_linked(self.layout, self.writer):
            return
        self.faults.report("write", FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(missing)))
        self._check_folder()
        if not there:
            self.queue.roll()

    def _check_folder(self) -> None:
        """Make sure of our folder, with our lock in it, and of the link to it."""
        if not self.lock.holds(self.queue.folder):
            self.layout.create()
            self.lock.claim(self.layout, self.writer)
        elif not is_linked(self.layout, self.writer):
            self.layout.create()
            link(self.layout, self.writer)

    def _make_room(self, *, urgent: bool) -> None:
        """Seal what waits and empty the ring, in turns: each needs the other when the queue is at its limit."""
        for _ in range(2 + self.queue.ring.size // self.settings.first_segment_bytes):
            if self.faults.attempt("refill", self._refill, urgent=urgent):
                break
            if self.faults.attempt("seal", self._seal_waiting, urgent=urgent) or not self.queue.blocked:
                break

    def _refill(self) -> None:
        if self.queue.blocked:
            self._check_folder()
            self.queue.refill()

    def _drain(self) -> None:
        """Take what is new to live segments: of the current file, and before it of those that can't be sealed now."""
        for file in self.queue.files()[0]:
            if not file.path.exists() and file.used():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file.path))
            if file.number:
                self._drain_file(file)

    def _drain_file(self, file: QueueFile) -> None:
        taken = self._taken.get(file.number)
        if taken is None:
            taken = self._taken[file.number] = _Taken(self.queue, file)
        try:
            while self._take_chunk(file, taken):
                pass
        except BaseException:
            del self._taken[file.number]  # the next step begins anew, with new streams
            taken.live.discard()
            raise

    def _take_chunk(self, file: QueueFile, taken: _Taken) -> bool:
        """Take up to a chunk; False when there is no more."""
        end, size = file.used(), _CHUNK_BYTES
        while True:
            data = file.read(taken.offset, min(end, taken.offset + size))
            decoded = taken.decoder.decode(data, 0, len(data))
            if decoded.end or taken.offset + size >= end:
                break
            size *= 8  # one event larger than a chunk
        if not decoded.end:
            return False
        if decoded.points or decoded.facts:
            taken.points += taken.live.append(decoded.points, decoded.facts)
        taken.offset += decoded.end
        taken.events = taken.decoder.events
        return taken.offset < end

    def _roll_due(self, *, seal_now: bool) -> bool:
        current = self.queue.current
        if self.queue.blocked or self.queue.closed or current.closed or not current.used():
            return False
        if self._since[0] != current.number:
            self._since = current.number, self.clock.monotonic()
        return seal_now or self.clock.monotonic() - self._since[1] >= self.settings.seal_interval_s

    def _seal_waiting(self) -> None:
        """Seal the files that are shut, oldest first."""
        while self.queue.waiting:
            file = self.queue.waiting[0]
            if not file.closed:
                self._seal(file)
            self.queue.release(file)
            self.pause()

    def _seal(self, file: QueueFile) -> None:
        data = file.read(0, file.used())
        contents = Contents.of_queue(self.writer, file.number, data)
        if contents.events:
            self._check_folder()
            # If it was deleted: without it the segment isn't live, and a try that failed half-way would count already.
            file.restore(data)
            if contents.poisoned:
                set_aside(self.layout, self.writer, file.number, data, what="frames")
            del data  # what is decoded takes several times as much already
            seal(self.layout, contents)
        commit(file.path, file.number)
        self._counted.pop(file.number, None)
        taken = self._taken.pop(file.number, None)
        if taken is not None:
            taken.live.close()
        self.written += contents.events - len(contents.poisoned)
        self.failed += len(contents.poisoned)
        self.points += contents.points()
        self.segments += bool(contents.events)
        for line in contents.poisoned:
            _log.warning("steplog: %s of %s is not understood; kept in retired/torn", line, file.path.name)

    def _compact(self) -> None:
        """Merge small parts when something was sealed since the last time."""
        if self.settings.compact_files and self._compacted != self.segments:
            compact_if_due(self.layout, self.settings.compact_files)
            self._compacted = self.segments

    def _sync(self, *, now: bool) -> None:
        """Bound what a power cut can lose.

        After a failed sync the pages can't be trusted to be written by another try, so the segment is sealed: written
        anew, to another file.
        """
        if self.clock.monotonic() >= self._touch_due:
            self._touch_due = self.clock.monotonic() + _TOUCH_S
            self.lock.touch()
        interval = self.settings.sync_interval_s
        if not now and (interval is None or self.clock.monotonic() < self._sync_due):
            return
        files = self.queue.files()[0]
        state = self.queue.current.number, sum(file.used() for file in files)
        if state == self._synced:
            return
        self._sync_due = self.clock.monotonic() + (interval or 0.0)
        try:
            for file in files:
                file.sync()
        except OSError:
            self.queue.roll()
            raise
        self._synced = state
