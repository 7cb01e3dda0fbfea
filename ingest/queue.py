"""The event queue: a log call's bytes go into a file that outlives the process.

Guarantee (acknowledged): when append has returned, the event survives the death of this process by any cause (kill -9,
OOM, os._exit), because it lies in the page cache of a shared mapping; a power cut can cost what sync has not yet
written. Under kind "memory" the mapping is anonymous, and the death of the process costs what was not yet flushed.

Argument: a frame enters the queue by one `mmap.write`, a single C call under the GIL: it checks the room, copies, and
moves the position, so threads need no lock and can't interleave (on builds without a GIL a lock is taken). Files are
preallocated, so a full disk can't turn a write into SIGBUS. A full or retired file is *shut* by moving its position to
its end; every later write to it raises ValueError and its caller goes on to the current file. One queue file becomes
one sealed segment, so nothing needs to remember how far sealing got.

When no next file can be made (full disk), facts go to a small file that was preallocated for them, and metrics to a
bounded ring in memory; both are handed over in order when there is room again.
"""

import secrets
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ingest.errors import QueueFull, WriterClosed
from ingest.filesystems import fits_mapped_queue
from ingest.frames import HEADER, frame
from ingest.layout import DIRECTORY_MODE
from ingest.queuefile import QueueFile
from ingest.settings import PipelineSettings, QueueKind
from ingest.shapes import Binding

_RESERVE_BYTES = 256 * 1024
_CLOSED = "the tracker is closed; make a new ExperimentTracker, or log before close()"


class EventQueue:
    """The queue of one writer: the current file, those waiting to be sealed, and a ring for when there is no file.

    Thread rule: put and rotate may be called from any thread and from a signal handler (`lock` is re-entrant for its
    sake); prepare, refill, release and close belong to the writer's thread.
    """

    def __init__(self, folder: Path, settings: PipelineSettings, wake: Callable[[], None]) -> None:
        self.folder = folder
        self.settings = settings
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.ring: deque[tuple[bytes, bool]] = deque()
        self.ring_bytes = 0
        self.dropped = 0
        self.blocked = False
        self.closed = False
        self.waiting: deque[QueueFile] = deque()
        self._wake = wake
        self._kind: QueueKind = settings.queue
        if settings.queue == "file" and not fits_mapped_queue(folder):
            self._kind = "append"
        self._number = 0
        self._seen = 0, 0
        self._size = settings.first_segment_bytes
        self._ready: QueueFile | None = None
        self._reserve: QueueFile | None = self._make_reserve()
        try:
            self.current = self._activate(self._make("first", self._size))
        except OSError:  # no space from the start: the ring takes events until refill finds some
            self.current = QueueFile.nowhere(folder)
            self.blocked = True

    def put(self, payload: bytes, *, fact: bool) -> None:
        """Append an encoded, self-contained event. A fact is never dropped, whatever the policy.

        Raises: WriterClosed. QueueFull: the queue is at its limit and the policy is "raise" (metrics only).
        """
        data = frame(payload)
        while not self.closed:
            file = self.current
            if not self.blocked or (fact and file.facts_only):
                try:
                    file.write(data)
                except ValueError:
                    if self.rotate(file, len(data), fact=fact):
                        continue
                else:
                    return
            with self.lock:
                if file is self.current and self.blocked:
                    self._to_ring(data, fact=fact)
                    return
        raise WriterClosed(_CLOSED)

    def bind(self, run_id: str, experiment: str) -> tuple[QueueFile, Binding | None]:
        """The current file and the run's binding to it; None while metrics can only go to the ring."""
        file = self.current
        return file, None if self.blocked or self.closed else file.bind(run_id, experiment)

    def rotate(self, full: QueueFile, at_least: int = 0, *, fact: bool = False) -> bool:
        """Shut `full` and make the next file current; False when there is none: the ring takes events then.

        Raises: WriterClosed, QueueFull: see `put`.
        """
        with self.lock:
            if self.closed:
                raise WriterClosed(_CLOSED)
            if self.current is not full:
                return True
            if not self.blocked and self._has_room(full, fact=fact):
                if self._advance_to(self._take_next(at_least)):
                    return True
            elif self.current is not full:  # somebody else went on while this call waited
                return True
            self._block(full)
            return self.current is not full and fact

    def roll(self) -> None:
        """Shut the current file though it isn't full. Raises: OSError: there is no next file; nothing has changed."""
        made = self._spare(0)
        with self.lock:
            self._advance(made)

    def prepare(self) -> None:
        """Make the next file ahead of need, and the pages of this one. Raises: OSError: no file can be made."""
        if self.closed:
            return
        number, used = self.current.number, self.current.used()
        pace = used - (self._seen[1] if self._seen[0] == number else 0)
        self._seen = number, used
        self.current.prefault(pace)
        if self._ready is None and not self.blocked and used * 4 > self.current.size:
            made = self._make("ready", self._next_size(0))
            made.prefault(pace)
            with self.lock:
                self._ready = made

    def refill(self) -> None:
        """Go back to files, and hand the ring over in order. Raises: OSError: there is still no space."""
        while self.blocked and not self._over_limit():
            made = self._spare(len(self.ring[0][0]) if self.ring else 0)
            with self.lock:
                self._advance(made)
                while self.ring and len(self.ring[0][0]) <= made.size - made.used():
                    data, _ = self.ring.popleft()
                    made.write(data)
                    self.ring_bytes -= len(data)
                self.blocked = bool(self.ring)
                self.room.notify_all()
        if self._reserve is None and not self.blocked and not self.closed:
            self._reserve = self._make_reserve()
        if self.closed and self.current not in self.waiting:
            self.current.shut()
            self.waiting.append(self.current)

    def release(self, file: QueueFile) -> None:
        """Forget a sealed file and let blocked callers go on."""
        with self.lock:
            self.waiting.remove(file)
            self.room.notify_all()
        file.close()

    def close(self) -> None:
        """Refuse new events; what is there waits to be sealed. Unused spare files are removed."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
            self.current.shut()
            if self.current not in self.waiting:
                self.waiting.append(self.current)
            spare = [file for file in (self._ready, self._reserve) if file is not None]
            self._ready = self._reserve = None
            self.room.notify_all()
        for file in spare:
            file.discard()

    def backlog_bytes(self) -> int:
        """Size of the queue files that wait to be sealed."""
        return sum(file.size for file in list(self.waiting))

    def _over_limit(self) -> bool:
        return self.backlog_bytes() >= self.settings.queue_bytes

    def _has_room(self, full: QueueFile, *, fact: bool) -> bool:
        """Apply the policy at the limit; True when `full` may be followed by another file. The lock is held."""
        if not self._over_limit() or fact:
            return True
        if self.settings.overflow == "raise":
            raise QueueFull(
                f"the queue holds {self.backlog_bytes()} bytes that are not yet on disk as Parquet (limit "
                f"{self.settings.queue_bytes}): log less often, or choose overflow='block' or 'drop_oldest'"
            )
        if self.settings.overflow == "block":
            self._wake()
            self.room.wait_for(
                lambda: self.closed or self.current is not full or not self._over_limit(),
                self.settings.block_timeout_s,
            )
        return self.current is full and not self._over_limit() and not self.closed

    def _advance_to(self, following: QueueFile | None) -> bool:
        """Make `following` current if it can be had. The lock is held."""
        if following is None:
            return False
        try:
            self._advance(following)
        except OSError:  # the folder is gone or read-only: the writer's thread meets it in refill, and reports it
            following.close()
            return False
        return True

    def _advance(self, following: QueueFile) -> None:
        """Make `following` current. The lock is held. Raises: OSError: it can't take its name."""
        self._activate(following)
        self.current.shut()
        if self.current not in self.waiting:
            self.waiting.append(self.current)
        self.current = following
        self._wake()

    def _block(self, full: QueueFile) -> None:
        """Turn to the ring, with the reserve file for facts. The lock is held."""
        self.blocked = True
        full.shut()
        reserve, self._reserve = self._reserve, None
        self._advance_to(reserve)
        self._wake()

    def _to_ring(self, data: bytes, *, fact: bool) -> None:
        """Keep a frame in memory; drop the oldest metrics over the limit. The lock is held."""
        self.ring.append((data, fact))
        self.ring_bytes += len(data)
        if self.ring_bytes > self.settings.ring_bytes:
            self._trim_ring()

    def _trim_ring(self) -> None:
        """Drop the oldest metrics until a tenth of the ring is free, so that the next calls needn't."""
        facts: list[tuple[bytes, bool]] = []
        while self.ring and self.ring_bytes > self.settings.ring_bytes * 0.9:
            data, fact = self.ring.popleft()
            if fact:
                facts.append((data, fact))
            else:
                self.ring_bytes -= len(data)
                self.dropped += 1
        self.ring.extendleft(reversed(facts))

    def _take_next(self, at_least: int) -> QueueFile | None:
        """A file to go on with; None when there is no space."""
        try:
            return self._spare(at_least)
        except OSError:
            return None  # the writer's thread meets the same error in refill, and reports it there

    def _spare(self, at_least: int) -> QueueFile:
        """The file made ahead, or a new one when that is missing or too small. Raises: OSError: no file can be made."""
        ready, self._ready = self._ready, None
        if ready is not None and ready.size >= at_least + HEADER.size and ready.path.exists():
            return ready
        if ready is not None:
            ready.discard()
        return self._make("ready", self._next_size(at_least + HEADER.size))

    def _next_size(self, at_least: int) -> int:
        self._size = min(self.settings.segment_bytes, self._size * 4)
        return max(self._size, at_least)

    def _make(self, name: str, size: int, *, facts_only: bool = False) -> QueueFile:
        path = self.folder / f"{name}-{secrets.token_hex(4)}.spare"
        try:
            return QueueFile(path, size, self._kind, facts_only=facts_only)
        except FileNotFoundError:  # the store was deleted under us: make it again
            self.folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            return QueueFile(path, size, self._kind, facts_only=facts_only)

    def _make_reserve(self) -> QueueFile | None:
        """The small file kept for end records on a full disk; doing without it is allowed."""
        try:
            return self._make("reserve", _RESERVE_BYTES, facts_only=True)
        except OSError:
            return None

    def _activate(self, file: QueueFile) -> QueueFile:
        self._number += 1
        file.activate(self._number)
        return file
