"""The event queue: a log call's bytes go into a file that outlives the process.

Guarantee (acknowledged): when append has returned, the event survives the death of this process by any cause (kill -9,
OOM, os._exit), because it lies in the page cache of a shared mapping; a power cut can cost what sync has not yet
written. Under kind "memory" the mapping is anonymous, and the death of the process costs what was not yet flushed.
Guarantee (order): events of one thread keep their order, also those of its signal handlers. One exception: what is
logged while there is no file to go on with; then facts may come before metrics, each in its own order.
Guarantee (back-pressure): the queue is bounded, and what happens at its limit is the policy that the user named;
params, tags and lifecycle events are never dropped; stats() accounts for every event.

Argument: a frame enters the queue by one `mmap.write`, a single C call under the GIL: it checks the room, copies, and
moves the position, so threads need no lock and can't interleave (on builds without a GIL a lock is taken). Files are
preallocated, so a full disk can't turn a write into SIGBUS. A full or retired file is *shut* by moving its position to
its end; every later write to it raises ValueError and its caller goes on to the current file. One queue file becomes
one sealed segment, so nothing needs to remember how far sealing got.

When no next file can be made (full disk), facts go to a small file that was preallocated for them, and metrics to a
bounded ring in memory; both are handed over in order when there is room again.
"""

import contextlib
import errno
import itertools
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ingest.errors import QueueFull, WriterClosed
from ingest.filesystems import fits_mapped_queue
from ingest.frames import HEADER, MAX_PAYLOAD, frame
from ingest.queuefile import QueueFile
from ingest.ring import Ring
from ingest.settings import PipelineSettings, QueueKind
from ingest.shapes import Binding

_RESERVE_BYTES = 256 * 1024
_CLOSED = "the tracker is closed; make a new ExperimentTracker, or log before close()"


class EventQueue:
    """The queue of one writer: the current file, those waiting to be sealed, and a ring for when there is no file.

    Thread rule: put and rotate may be called from any thread and from a signal handler (`lock` is re-entrant for its
    sake, and an interrupt between any two steps leaves what the next call can go on with); roll, prepare, refill and
    release belong to the writer's thread.
    """

    def __init__(self, folder: Path, settings: PipelineSettings, wake: Callable[[], None]) -> None:
        self.folder = folder
        self.settings = settings
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.ring = Ring(settings.ring_bytes)
        self.blocked = False
        self.closed = False
        self.waiting: deque[QueueFile] = deque()
        self._wake = wake
        self._kind: QueueKind = settings.queue
        if settings.queue == "file" and not fits_mapped_queue(folder):
            self._kind = "append"
        self._numbers = itertools.count(1)
        self._seen = 0, 0
        self._size = settings.first_segment_bytes
        self._ready: QueueFile | None = None
        self._reserve: QueueFile | None = self._make_reserve()
        try:
            self.current = self._activate(self._make("first", self._size))
        except OSError:  # no folder or no space from the start: the ring takes events until refill finds some
            self.current = QueueFile.nowhere(folder)
            self.blocked = True

    def put(self, payload: bytes, *, fact: bool) -> None:
        """Append an encoded, self-contained event. A fact is never dropped, whatever the policy.

        Raises: WriterClosed. QueueFull: the queue is at its limit and the policy is "raise" (metrics only).
            ValueError: larger than any event may be.
        """
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"one call logs {len(payload)} bytes; at most {MAX_PAYLOAD} are kept: log an artifact")
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
                    self.ring.add(data, fact=fact)
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
            if not self.blocked and not full.refused and self._has_room(full, fact=fact):
                if self._advance_to(self._take_next(at_least)):
                    return True
            elif self.current is not full:  # somebody else went on while this call waited
                return True
            self._block(full)
            return self.current is not full and fact

    def roll(self) -> None:
        """Shut the current file though it isn't full. Raises: OSError: no next file can be made; all is as before."""
        full = self.current
        made = self._spare(0)
        with self.lock:
            if self.current is full and not self.closed:
                self._advance(made)
            else:  # somebody was faster
                made.discard()

    def prepare(self) -> None:
        """Make the next file ahead of need, and the pages of this one. Raises: OSError: no file can be made."""
        file = self.current
        if self.closed or file.closed:
            return
        used = file.used()
        pace = used - (self._seen[1] if self._seen[0] == file.number else 0)
        self._seen = file.number, used
        file.prefault(pace)
        if self._reserve is None and not self.blocked:
            self._reserve = self._make_reserve()
        if self._ready is None and not self.blocked and used * 4 > file.size:
            made = self._make("ready", self._next_size(0))
            made.prefault(pace)
            with self.lock:
                self._ready = made

    def refill(self) -> None:
        """Go back to files, and hand the ring over in order. Raises: OSError: there is still no space."""
        while self.blocked and not self._over_limit():
            made = self._spare(self.ring.next_size())
            with self.lock:
                self._advance(made)
                if self.current is not made:
                    continue
                if not self.ring.move_to(made):
                    raise made.refused or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(made.path))
                self.blocked = bool(self.ring)
                self.room.notify_all()
        if self.closed:
            self._retire(self.current)

    def release(self, file: QueueFile) -> None:
        """Forget a sealed file and let blocked callers go on."""
        with self.lock:
            file.close()
            while file in self.waiting:
                self.waiting.remove(file)
            self.room.notify_all()

    def close(self) -> None:
        """Refuse new events; what is there waits to be sealed. Unused spare files are removed. Twice is once."""
        with self.lock:
            self.closed = True
            self._retire(self.current)
            spare = [file for file in (self._ready, self._reserve) if file is not None]
            self._ready = self._reserve = None
            self.room.notify_all()
        for file in spare:
            with contextlib.suppress(OSError):  # read-only by now: the next recovery removes it
                file.discard()

    def let_go(self) -> None:
        """In a forked child: let go of the parent's files without touching what is in them."""
        self.closed = True
        for file in (self.current, *self.waiting, self._ready, self._reserve):
            if file is not None:
                file.close()

    def files(self) -> tuple[tuple[QueueFile, ...], int, int]:
        """(files that aren't sealed, oldest first; frames in the ring; metrics dropped), as of one moment."""
        with self.lock:
            current = () if self.current in self.waiting or self.current.closed else (self.current,)
            return (*self.waiting, *current), len(self.ring), self.ring.dropped

    def backlog_bytes(self) -> int:
        """Size of the queue files that wait to be sealed."""
        return sum(file.size for file in list(self.waiting))

    def _over_limit(self) -> bool:
        return bool(self.waiting) and self.backlog_bytes() >= self.settings.queue_bytes

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
            return False
        return True

    def _advance(self, following: QueueFile) -> None:
        """Make `following` current. The lock is held. Raises: OSError: it can't take its name.

        The old file is shut before the new one is current: otherwise a thread could write to it after it wrote to the
        new one. A signal handler that logs in between finds it shut and makes a file of its own current, with a higher
        number: then that one stays, or what the handler logs next would come before what it logged now.
        """
        previous = self.current
        try:
            self._activate(following)
        except OSError:
            following.close()
            raise
        self._retire(previous)
        if self.current is previous:  # no call from here to the next line, so no handler either
            self.current = following
        else:
            following.discard()
        self._wake()

    def _retire(self, file: QueueFile) -> None:
        """Shut a file and let it wait to be sealed. Twice is once, and a sealed one stays sealed."""
        file.shut()
        if file.number and not file.closed and file not in self.waiting:
            self.waiting.append(file)

    def _block(self, full: QueueFile) -> None:
        """Turn to the ring, with the reserve file for facts. The lock is held."""
        self.blocked = True
        full.shut()
        reserve, self._reserve = self._reserve, None
        self._advance_to(reserve)
        self._wake()

    def _take_next(self, at_least: int) -> QueueFile | None:
        """A file to go on with; None when there is no space."""
        try:
            return self._spare(at_least)
        except OSError:
            return None  # the writer's thread meets the same error in refill, and reports it there

    def _spare(self, at_least: int) -> QueueFile:
        """The file made ahead, or a new one when that is missing or too small. Raises: OSError: no file can be made."""
        with self.lock:  # the writer's thread and a log call may both want it
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
        return QueueFile(path, size, self._kind, facts_only=facts_only)

    def _make_reserve(self) -> QueueFile | None:
        """The small file kept for end records on a full disk; doing without it is allowed."""
        try:
            return self._make("reserve", _RESERVE_BYTES, facts_only=True)
        except OSError:
            return None

    def _activate(self, file: QueueFile) -> QueueFile:
        file.activate(next(self._numbers))
        return file
