"""The pipeline: a queue, the thread that runs its writer, and the process they live in.

Guarantees kept here. *Fork* (see process): before a fork the writer's step is waited for, so that neither it nor Arrow
is in the middle of anything; in the child every queue file is closed, so that a log call there falls into the slow
path and opens a queue of the child's own. *Ending*: close drains within a deadline and says what is left, which is
still safe in the queue file; exit closes; a signal that kills needs nothing, by the queue's guarantee. *Interrupts*: a
Ctrl-C, or a signal handler or finalizer that logs, may come between any two steps of any method here; what it leaves
behind, the next call can go on with.

The thread sleeps `flush_interval_s` while a run is active, and for good while none is. Heavy modules (Arrow, NumPy)
are imported by the first event of a process, in its caller's thread: the thread's own import would show them half done
to a training loop that looks them up in sys.modules (as scikit-learn does for pyarrow), and to a fork.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ingest.alive import FolderLock
from ingest.bell import Bell
from ingest.clock import Clock, SystemClock
from ingest.errors import SinkFailed, WriterClosed
from ingest.events import FactEvent, encode
from ingest.layout import Layout, new_writer_id
from ingest.process import tell
from ingest.queue import EventQueue
from ingest.settings import PipelineSettings
from ingest.stats import Stats

if TYPE_CHECKING:
    from ingest.writer import Writer

_LOOK_S = 1.0  # between two looks whether the thread still lives, while its answer is waited for
_log = logging.getLogger("steplog")


class _Request:
    """Something the caller waits for."""

    def __init__(self, *, seal: bool, sync: bool) -> None:
        self.seal = seal
        self.sync = sync
        self.answered = False
        self.error: Exception | None = None
        self.bell = Bell()

    def answer(self, error: Exception | None) -> None:
        """Let the caller go on."""
        self.error, self.answered = error, True
        self.bell.ring()


class Pipeline:
    """One writer of one store in one process: opened by the first event, forked safely, closed once."""

    def __init__(
        self, layout: Layout, settings: PipelineSettings | None = None, *, rank: int = 0, clock: Clock | None = None
    ) -> None:
        self.layout = layout
        self.settings = settings or PipelineSettings()
        self.clock: Clock = clock or SystemClock()
        self.rank = rank
        self.active_runs = 0
        self.closed = False
        self.faults = 0
        """Failures met outside the background thread."""
        self._reset()
        tell(self)

    def _reset(self) -> None:
        self._queue: EventQueue | None = None
        self._writer: Writer | None = None
        self._lock = FolderLock()
        self._thread: threading.Thread | None = None
        self._begun = threading.Lock()
        self._opening = threading.RLock()
        self._step = threading.RLock()
        self._gate = threading.RLock()
        self._wake = Bell()
        self._requests: list[_Request] = []
        self._idle_since = self.clock.monotonic()
        self._gave_up = False

    def queue(self) -> EventQueue:
        """The queue of this process; opened, with its thread, when there is none.

        Raises: WriterClosed.
        """
        if self._queue is not None:
            return self._queue
        with self._opening:
            if self.closed:
                raise WriterClosed("the tracker is closed; make a new ExperimentTracker, or log before close()")
            return self._open()

    def _open(self) -> EventQueue:
        """Open a queue unless there is one.

        An interrupt on the way leaves an empty folder at worst, which the next recovery removes.
        """
        if self._queue is not None:
            return self._queue
        import ingest.writer  # noqa: F401 - see above

        writer, lock = new_writer_id(self.rank), FolderLock()
        with suppress(OSError):  # the ring takes events until the thread can make the folder; it says what is wrong
            lock.claim(self.layout, writer)
        queue = EventQueue(self.layout.writer(writer), self.settings, self._wake.ring)
        self._idle_since = self.clock.monotonic()
        if self._queue is None:
            self._lock, self._queue = lock, queue
        else:  # a signal handler's log call was faster
            queue.close()
            lock.release()
        self._start()
        return self._queue

    def _start(self) -> None:
        """Start the thread if an interrupt, or a lack of threads, has kept it from starting."""
        with self._opening:
            if self._thread is not None and self._thread.ident is not None:
                return
            self._thread = threading.Thread(target=self._loop, name="steplog-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # too many threads, or the interpreter is shutting down
                self._thread = None
                self.faults += 1
                _log.warning("steplog: no background writer: %s; what is logged is kept in %s", error, self.layout.live)

    def append(self, event: FactEvent) -> None:
        """Queue a fact."""
        self.queue().put(encode(event), fact=True)
        if not self.active_runs:
            self._wake.ring()

    def flush(self, timeout_s: float | None = None, *, sync: bool = False, seal: bool = False) -> None:
        """Wait until what was logged before is visible to every reader on this host.

        Args:
            timeout_s: how long to wait; None waits as long as it takes.
            sync: also until it would survive a power cut.
            seal: also until it is Parquet.

        Raises: SinkFailed: the disk doesn't take it; the events are still in the queue. TimeoutError.
        """
        if self._queue is None:
            return
        if self.interrupted():
            raise TimeoutError(
                f"flush interrupts another call of this thread, and can't wait for it; {_LEFT} {self.layout.live}"
            )
        request = _Request(seal=seal, sync=sync)
        with self._opening:
            self._requests.append(request)
        self._start()
        self._wake.ring()
        self._wait_for(request, timeout_s)
        if request.error is not None:
            raise SinkFailed(
                f"what was logged can't be written to {self.layout.root}: {request.error}; it waits in the queue, and "
                "is written as soon as that works"
            ) from request.error

    def _wait_for(self, request: _Request, timeout_s: float | None) -> None:
        """Wait for an answer, as long as there is a thread to give it."""
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while not request.answered:
            if self._ended():
                if self._left():
                    raise SinkFailed(f"the background writer has ended; {_LEFT} {self.layout.live}")
                return
            left_s = deadline - time.monotonic()
            if not request.bell.wait(min(_LOOK_S, left_s)) and left_s <= 0:
                raise TimeoutError(f"the background writer did not flush within {timeout_s} s; the events wait for it")

    def _ended(self) -> bool:
        """Whether no thread will answer any more."""
        thread = self._thread
        return thread is None or (thread.ident is not None and not thread.is_alive())

    def _left(self) -> bool:
        """Whether anything logged is not visible."""
        return self._queue is not None and any((*self._queue.waiting, self._queue.ring, not self._queue.closed))

    def run_started(self) -> None:
        """A run became active in this process."""
        self.active_runs += 1
        self._wake.ring()

    def run_ended(self) -> None:
        """A run that was active here ended; after the last one everything is sealed soon."""
        self.active_runs = max(0, self.active_runs - 1)
        self._idle_since = self.clock.monotonic()
        self._wake.ring()

    def stats(self) -> Stats:
        """Where every event is, as of now."""
        queue = self._queue
        if queue is None:
            return Stats(0, 0, 0, 0, 0, 0, 0, self.faults, None)
        if self.interrupted():  # as good as can be: the numbers may be those of a moment in between
            return self._made_writer(queue).stats(faults=self.faults)
        with self._gate, self._step:
            return self._made_writer(queue).stats(faults=self.faults)

    def interrupted(self) -> bool:
        """Whether the caller is a signal handler or finalizer, in the middle of a call of its own thread.

        That call may hold a lock that the background thread needs, so that waiting for the thread would be waiting for
        oneself. What was logged is safe, and what was to be waited for happens when the call goes on.
        """
        queue = (self._queue.lock,) if self._queue is not None else ()
        return any(lock._is_owned() for lock in (self._opening, self._gate, self._step, *queue))  # noqa: SLF001

    @property
    def error(self) -> Exception | None:
        """The last background failure, while it lasts."""
        return self._writer.error if self._writer is not None else None

    def abandon(self) -> None:
        """Take no more events, and let the thread finish by itself: what `close` does, without waiting."""
        with self._opening:
            self.closed = True
            if self._queue is not None:
                self._queue.close()
        self._wake.ring()

    def close(self, timeout_s: float | None = None) -> None:
        """Write and seal everything, and end the thread. Twice is once.

        Raises: SinkFailed, TimeoutError: not all could be sealed; it is safe in the queue file, and the next reader or
        tracker that opens the store seals it.
        """
        interrupted = self.interrupted()
        self.abandon()
        if self._queue is None or self._gave_up or interrupted:
            return
        self._start()
        thread = self._thread
        if thread is not None:
            thread.join(self.settings.close_timeout_s if timeout_s is None else timeout_s)
        if not self._left():
            return
        self._gave_up = True
        if not self._ended():
            raise TimeoutError(f"the background writer was not done in time; {_LEFT} {self.layout.live}")
        raise SinkFailed(f"not all could be sealed ({self.error}); {_LEFT} {self.layout.live}") from self.error

    def _loop(self) -> None:
        """The thread: step, answer requests, sleep. It ends when the queue is closed."""
        if self._queue is None or not self._begun.acquire(blocking=False):  # started twice
            return
        self._thread = threading.current_thread()
        queue, error = self._queue, None
        try:
            writer = self._begin(queue)
            while not queue.closed:
                self._wake.wait(self.settings.flush_interval_s if self._busy(writer) else None)
                self._turn(writer)
            with self._working():
                writer.finish()
                error = writer.error
        except Exception as caught:  # noqa: BLE001 - the thread's edge: kept for flush and close, and shown
            error = caught
            _log.exception(
                "steplog: the background writer of %s ended; %s %s", self.layout.root, _LEFT, self.layout.live
            )
        finally:
            for request in self._requests:
                request.answer(error if self._left() else None)

    def _begin(self, queue: EventQueue) -> "Writer":
        """Make the writer and adopt what dead ones left.

        Another thread may be importing the same heavy modules, and circular imports show them half done: try again.
        """
        for patience_s in (0.01, 0.05, 0.25, 1.0, 4.0):
            try:
                with self._working():
                    writer = self._writer = self._made_writer(queue)
                    writer.adopt()
                    return writer
            except (ImportError, AttributeError) as error:
                self.faults += 1
                _log.debug("steplog: %s; trying again in %s s", error, patience_s)
            time.sleep(patience_s)
        with self._working():
            writer = self._writer = self._made_writer(queue)
        return writer

    def _made_writer(self, queue: EventQueue) -> "Writer":
        if self._writer is not None:
            return self._writer
        from ingest.writer import Writer  # heavy: NumPy and Arrow

        made = Writer(self.layout, self._lock, queue, self.settings, self.clock)
        made.pause = self._pause
        return made

    def _turn(self, writer: "Writer") -> None:
        """One step with the requests that came since the last."""
        with self._opening:
            requests, self._requests = self._requests, []
        idle_s = -1.0 if self.active_runs else self.clock.monotonic() - self._idle_since
        error: Exception | None = None
        try:
            with self._working():
                error = writer.step(
                    flush_now=bool(requests),
                    seal_now=idle_s >= self.settings.end_seal_delay_s or any(request.seal for request in requests),
                    sync_now=any(request.sync for request in requests),
                )
        except Exception as caught:  # noqa: BLE001 - the thread's edge: the loop goes on whatever a step met
            error = caught
            self.faults += 1
            _log.exception("steplog: a step of the background writer of %s failed", self.layout.root)
        finally:
            for request in requests:
                request.answer(error)

    def _busy(self, writer: "Writer") -> bool:
        return self.active_runs > 0 or writer.busy()

    def rest_locks(self) -> "tuple[threading.RLock, ...]":
        """Give what a fork has to hold so that neither a step nor an opening is under way."""
        return self._opening, self._gate, self._step

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold what a fork and stats() wait for, but let them go first."""
        with self._gate:
            self._step.acquire()
        try:
            yield
        finally:
            self._step.release()

    def _pause(self) -> None:
        """Let those in who wait for the thread to rest, in the middle of a long step, instead of racing them."""
        self._step.release()
        with self._gate:
            self._step.acquire()

    def forked(self) -> None:
        """Forget the parent's queue without touching its files; the child's first event opens its own."""
        queue, writer, lock = self._queue, self._writer, self._lock
        self.active_runs = 0
        self._reset()
        if writer is not None:
            writer.let_go()
        if queue is not None:
            queue.let_go()
        lock.release()

    def exiting(self) -> None:
        """Close what the user left open."""
        with suppress(SinkFailed, TimeoutError):  # said already by the writer's own warning
            self.close()


_LEFT = "what is left is safe in the queue files, and the next reader or tracker of the store seals it:"
