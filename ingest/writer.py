"""The writer: takes events from a queue to files, one step at a time.

Guarantee (flushed): when `drain` has returned without an error, every event that was in the queue before the call is
visible to readers on this host, and its order is the queue's. Guarantee (sealed): see sealing. Guarantee (a fault never
stops training): every step catches what the disk does to it, counts it, says it once, and is tried again with back-off;
nothing leaves the queue before it is sealed, so a step that failed can always be repeated.
Thread rule: one thread at a time; Pipeline runs it on its own thread, tests step it by hand.
"""

import logging
from collections.abc import Callable

from ingest.alive import FolderLock
from ingest.clock import Clock
from ingest.columns import Decoder, count_events
from ingest.compact import compact_if_due
from ingest.layout import Layout
from ingest.queue import EventQueue
from ingest.queuefile import QueueFile
from ingest.recovery import recover, remove_scratch
from ingest.sealing import Contents, commit, seal
from ingest.segments import LiveSegment
from ingest.settings import PipelineSettings

_CHUNK_BYTES = 256 * 1024
_BACK_OFF_S = (0.2, 30.0)
_log = logging.getLogger("steplog")


class _Taken:
    """How much of a queue file readers can see."""

    def __init__(self, queue: EventQueue, file: QueueFile) -> None:
        self.offset = 0
        self.events = 0
        self.points = 0
        self.decoder = Decoder(file.number)
        self.live = LiveSegment(queue.folder, file.number)
        self.since: float | None = None
        """When its first event was taken, monotonic seconds."""


class Writer:
    """Drains one queue into live segments, seals them, syncs, and looks after the store."""

    def __init__(
        self, layout: Layout, lock: FolderLock, queue: EventQueue, settings: PipelineSettings, clock: Clock
    ) -> None:
        self.layout = layout
        self.lock = lock
        self.writer = queue.folder.name
        self.queue = queue
        self.settings = settings
        self.clock = clock
        self.written = 0
        self.points = 0
        self.failed = 0
        self.segments = 0
        self.faults = 0
        self.last_error: str | None = None
        self.error: Exception | None = None
        self._taken: dict[int, _Taken] = {}
        self._said: set[str] = set()
        self._retry_at: dict[str, float] = {}
        self._delay_s: dict[str, float] = {}
        self._synced = (0, 0)
        self._sync_due = clock.monotonic()

    def step(self, *, seal_now: bool = False, sync_now: bool = False) -> None:
        """Do everything that is due. With `seal_now`, what was logged is Parquet on return, or a fault counted."""
        urgent = seal_now or sync_now
        self._try("refill", self._refill, urgent=urgent)
        self._try("seal", self._seal_waiting, urgent=urgent)
        if self._try("write", self._drain_current, urgent=True) and self._roll_due(seal_now=seal_now):
            self._try("roll", self.queue.roll, urgent=urgent)
        self._try("seal", self._seal_waiting, urgent=urgent)
        self._try("sync", lambda: self._sync(now=sync_now), urgent=urgent)
        self._try("prepare", self.queue.prepare)

    def adopt(self) -> None:
        """Seal what dead writers left in this store."""
        self._try("recover", self._recover)

    def _recover(self) -> None:
        report = recover(self.layout)
        remove_scratch(self.layout)
        for line in report.torn + report.poisoned + report.failed:
            _log.warning("steplog: recovery of %s: %s", self.layout.root, line)

    def finish(self) -> None:
        """Seal everything after the queue was closed."""
        if self.queue.ring:
            self._try("refill", self._refill, urgent=True)
        if self.queue.ring:
            self.queue.dropped += len(self.queue.ring)
            _log.error("steplog: %d events are lost: the disk took none until the end", len(self.queue.ring))
            self.queue.ring.clear()
        self._try("seal", self._seal_waiting, urgent=True)
        if not self.queue.waiting:
            self._try("leave", self._leave, urgent=True)

    def _leave(self) -> None:
        """Remove the writer's folder: nothing is left in it."""
        for path in self.queue.folder.iterdir():
            path.unlink()
        self.queue.folder.rmdir()
        self.lock.release()

    def busy(self) -> bool:
        """Whether anything waits for the next step."""
        current = self.queue.current
        taken = self._taken.get(current.number)
        return bool(self.queue.waiting) or self.queue.blocked or (taken is not None and taken.events > 0)

    def visible(self) -> int:
        """Events visible to readers."""
        return self.written + sum(taken.events for taken in list(self._taken.values()))

    def visible_points(self) -> int:
        """Metric values visible to readers."""
        return self.points + sum(taken.points for taken in list(self._taken.values()))

    def pending(self) -> int:
        """Events in the queue that readers can't see yet."""
        files = {file.number: file for file in (*self.queue.waiting, self.queue.current)}
        return len(self.queue.ring) + sum(self._pending_in(file) for file in files.values())

    def _pending_in(self, file: QueueFile) -> int:
        taken = self._taken.get(file.number)
        try:
            return count_events(file.read(taken.offset if taken else 0, file.used()))
        except ValueError:  # sealed and closed meanwhile
            return 0

    def _refill(self) -> None:
        if self.queue.blocked or self.queue.closed:
            self._check_folder()
        if self.queue.blocked:
            self.queue.refill()

    def _check_folder(self) -> None:
        """Make the store's folders again if somebody deleted them; what was mapped is still there to be sealed."""
        if not self.queue.folder.exists():
            self.layout.create()
            self.lock.release()
            self.lock = FolderLock.claim(self.layout, self.writer)

    def _drain_current(self) -> None:
        """Take what is new in the current file to its live segment.

        A file that waits to be sealed is not drained any more: sealing shows its events to readers at once. While one
        waits, nothing behind it is shown: what readers see of a writer is always a prefix of what it logged.
        """
        with self.queue.lock:
            file, waiting = self.queue.current, self.queue.closed or bool(self.queue.waiting)
        if waiting or not file.number:
            return
        taken = self._taken.get(file.number)
        if taken is None:
            taken = self._taken[file.number] = _Taken(self.queue, file)
        if not file.path.exists():
            self._deleted()
            return
        try:
            while self._take_chunk(file, taken):
                pass
        except BaseException:
            taken.live.discard()
            del self._taken[file.number]
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
        taken.since = self.clock.monotonic() if taken.since is None else taken.since
        return taken.offset < end

    def _deleted(self) -> None:
        """The file's name is gone but its pages are ours: go on in a new file, and seal from the pages."""
        self._check_folder()
        self._fault("write", OSError(2, f"the store folder {self.layout.root} was deleted; it is made again"))
        self.queue.roll()

    def _roll_due(self, *, seal_now: bool) -> bool:
        taken = self._taken.get(self.queue.current.number)
        if taken is None or not taken.events:
            return False
        age_s = self.clock.monotonic() - (taken.since or 0.0)
        return seal_now or age_s >= self.settings.seal_interval_s

    def _seal_waiting(self) -> None:
        """Seal the files that are shut, oldest first."""
        if not self.queue.waiting:
            return
        while self.queue.waiting:
            file = self.queue.waiting[0]
            self._seal(file)
            self.queue.release(file)
        if self.settings.compact_files:
            compact_if_due(self.layout, self.settings.compact_files)

    def _seal(self, file: QueueFile) -> None:
        contents = Contents.of_queue(self.writer, file.number, file.read(0, file.used()))
        if contents.events:
            self._check_folder()
            seal(self.layout, contents)
        commit(file.path, file.number)
        taken = self._taken.pop(file.number, None)
        if taken is not None:
            taken.live.discard()
        self.written += contents.events - len(contents.poisoned)
        self.failed += len(contents.poisoned)
        self.points += contents.points()
        self.segments += bool(contents.events)
        for line in contents.poisoned:
            _log.warning("steplog: set aside %s of %s", line, file.path.name)

    def _sync(self, *, now: bool) -> None:
        """Bound what a power cut can lose.

        After a failed sync another try may say "ok" for pages that were given up, so the segment is sealed instead:
        written anew, to another file.
        """
        interval = self.settings.sync_interval_s
        if self.queue.closed or (not now and (interval is None or self.clock.monotonic() < self._sync_due)):
            return  # once closed, all is sealed, which syncs
        file = self.queue.current
        state = (file.number, file.used())
        if state == self._synced:
            return
        self._sync_due = self.clock.monotonic() + (interval or 0.0)
        try:
            file.sync()
        except OSError:
            self.queue.roll()
            raise
        self._synced = state
        self.lock.touch()

    def _try(self, what: str, action: Callable[[], None], *, urgent: bool = False) -> bool:
        """Run one part of a step; keep, count and say its failure. False when it failed or waits to be tried again."""
        if not urgent and self.clock.monotonic() < self._retry_at.get(what, 0.0):
            return False
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whatever happened, the next step goes on
            self._fault(what, error)
            return False
        if what in self._delay_s:
            del self._delay_s[what], self._retry_at[what]
            self.error = self.error if self._delay_s else None
            self._said = {said for said in self._said if not said.startswith(what)}
            _log.warning("steplog: %s works again in %s", what, self.layout.root)
        return True

    def _fault(self, what: str, error: Exception) -> None:
        self.faults += 1
        self.last_error = f"{what}: {error}"
        self.error = error
        delay = min(self._delay_s.get(what, _BACK_OFF_S[0] / 2) * 2, _BACK_OFF_S[1])
        self._delay_s[what], self._retry_at[what] = delay, self.clock.monotonic() + delay
        cause = f"{what}{type(error).__name__}{getattr(error, 'errno', '')}"
        if cause in self._said:
            return
        self._said.add(cause)
        _log.warning(
            "steplog: %s failed in %s: %s. Training goes on; it is tried again, and events wait in %s (said once)",
            what,
            self.layout.root,
            error,
            "memory" if self.queue.blocked else "the queue file",
            exc_info=error if not isinstance(error, OSError) else None,
        )
