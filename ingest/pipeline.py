"""The pipeline: a queue, the thread that runs its writer, and the process they live in.

Guarantees kept here. *Fork*: a forked child never touches its parent's queue. Before a fork the writer's step is
waited for, so that neither it nor Arrow is in the middle of anything; in the child every queue file is shut, so that
a log call there falls into the slow path and opens a queue of the child's own. *Ending*: close drains within a
deadline and says what is left, which is still safe in the queue file; exit closes; a signal that kills needs nothing,
by the queue's guarantee. No signal handlers, no excepthook: they belong to the user.

The thread sleeps `flush_interval_s` while a run is active, and for good while none is. Heavy modules (Arrow, NumPy)
are imported by the thread, inside a step, so that starting a run costs the caller nothing and no fork happens in the
middle of an import.
"""

import atexit
import logging
import os
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from ingest.alive import FolderLock
from ingest.clock import Clock, SystemClock
from ingest.errors import SinkFailed, WriterClosed
from ingest.events import FactEvent, encode
from ingest.layout import Layout, new_writer_id
from ingest.queue import EventQueue
from ingest.settings import PipelineSettings
from ingest.stats import Stats

if TYPE_CHECKING:
    from ingest.writer import Writer

_FORK_WAIT_S = 10.0
_LOOK_S = 1.0  # between two looks whether the thread still lives, while its answer is waited for
_log = logging.getLogger("steplog")


class _Request:
    """Something the caller waits for."""

    def __init__(self, *, seal: bool, sync: bool) -> None:
        self.seal = seal
        self.sync = sync
        self.done = threading.Event()
        self.error: Exception | None = None


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
        self.lost = 0
        """Events that came when no queue could be opened."""
        self.faults = 0
        """Failures met outside the background thread."""
        self.forked = False
        """Whether this is a child's copy of a pipeline that its parent opened."""
        self._reset()
        _live.add(self)

    def _reset(self) -> None:
        self._queue: EventQueue | None = None
        self._writer: Writer | None = None
        self._lock: FolderLock | None = None
        self._thread: threading.Thread | None = None
        self._opening = threading.RLock()
        self._step = threading.RLock()
        self._wake = threading.Event()
        self._requests: list[_Request] = []
        self._idle_since: float | None = None

    def queue(self) -> EventQueue:
        """The queue of this process; opened, with its thread, when there is none.

        Raises: WriterClosed. OSError: the store's folder can't be used.
        """
        if self._queue is not None:
            return self._queue
        with self._opening:
            if self.closed:
                raise WriterClosed("the tracker is closed; make a new ExperimentTracker, or log before close()")
            if self._queue is None:
                self._open()
            if self._queue is None:  # pragma: no cover - _open sets it or raises
                raise WriterClosed("the tracker has no queue")
            return self._queue

    def _open(self) -> None:
        writer = new_writer_id(self.rank)
        self._lock = FolderLock.claim(self.layout, writer)
        self._queue = EventQueue(self.layout.writer(writer), self.settings, self._wake.set)
        self._thread = threading.Thread(target=self._loop, name="steplog-writer", daemon=True)
        self._idle_since = self.clock.monotonic()
        self._thread.start()

    def append(self, event: FactEvent) -> None:
        """Queue a fact."""
        self.queue().put(encode(event), fact=True)
        if not self.active_runs:
            self._wake.set()

    def flush(self, timeout_s: float | None = None, *, sync: bool = False, seal: bool = False) -> None:
        """Wait until what was logged before is visible to every reader on this host.

        Args:
            timeout_s: how long to wait; None waits as long as it takes.
            sync: also until it would survive a power cut.
            seal: also until it is Parquet.

        Raises: SinkFailed: the disk doesn't take it; the events are still in the queue. TimeoutError.
        """
        if self._queue is None or self._thread is None:
            return
        request = _Request(seal=seal, sync=sync)
        with self._opening:
            self._requests.append(request)
        self._wake.set()
        self._wait_for(request, timeout_s)
        if request.error is not None:
            raise SinkFailed(
                f"what was logged can't be written to {self.layout.root}: {request.error}; it waits in the queue, and "
                "is written as soon as that works"
            ) from request.error

    def _wait_for(self, request: _Request, timeout_s: float | None) -> None:
        """Wait for an answer, as long as there is a thread to give it."""
        thread = self._thread
        deadline = None if timeout_s is None else self.clock.monotonic() + timeout_s
        while not request.done.wait(_LOOK_S):
            if deadline is not None and self.clock.monotonic() >= deadline:
                raise TimeoutError(f"the background writer did not flush within {timeout_s} s; the events wait for it")
            if (thread is None or not thread.is_alive()) and not request.done.is_set():
                raise SinkFailed(f"the background writer has ended; {_LEFT} {self.layout.live}")

    def run_started(self) -> None:
        """A run became active in this process."""
        self.active_runs += 1
        self._wake.set()

    def run_ended(self) -> None:
        """A run that was active here ended; after the last one everything is sealed soon."""
        self.active_runs = max(0, self.active_runs - 1)
        self._idle_since = self.clock.monotonic()
        self._wake.set()

    def stats(self) -> Stats:
        """Where every event is, as of now."""
        writer, queue = self._writer, self._queue
        if queue is None:
            return Stats(self.lost, 0, 0, self.lost, 0, 0, 0, self.faults, None)
        with self._step:
            if writer is None:
                from ingest.writer import Writer  # heavy: NumPy and Arrow

                writer = Writer(self.layout, self._held_lock(), queue, self.settings, self.clock)
            written, queued = writer.visible(), writer.pending()
            return Stats(
                appended=written + queued + queue.dropped + writer.failed + self.lost,
                queued=queued,
                written=written,
                dropped=queue.dropped + self.lost,
                failed=writer.failed,
                points=writer.visible_points(),
                segments=writer.segments,
                faults=writer.faults + self.faults,
                last_error=writer.last_error,
            )

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
        self._wake.set()

    def close(self, timeout_s: float | None = None) -> None:
        """Write and seal everything, and end the thread. Twice is once.

        Raises: SinkFailed, TimeoutError: not all could be sealed; it is safe in the queue file, and the next reader or
        tracker that opens the store seals it.
        """
        self.abandon()
        queue, thread = self._queue, self._thread
        if queue is None or thread is None:
            return
        timeout_s = self.settings.close_timeout_s if timeout_s is None else timeout_s
        thread.join(timeout_s)
        if thread.is_alive():
            raise TimeoutError(f"the background writer was not done after {timeout_s} s; {_LEFT} {self.layout.live}")
        if queue.waiting:
            error = self.error
            raise SinkFailed(f"not all could be sealed ({error}); {_LEFT} {self.layout.live}") from error

    def _loop(self) -> None:
        """The thread: step, answer requests, sleep."""
        try:
            with self._step:
                from ingest.writer import Writer  # heavy: NumPy and Arrow

                queue = self.queue()
                self._writer = writer = Writer(self.layout, self._held_lock(), queue, self.settings, self.clock)
                writer.adopt()
            while not queue.closed:
                self._wake.wait(self.settings.flush_interval_s if self._busy(writer) else None)
                self._wake.clear()
                self._turn(writer)
            with self._step:
                writer.finish()
        except Exception as error:  # noqa: BLE001 - the thread's edge: kept for flush and close, and shown
            _log.exception(
                "steplog: the background writer of %s ended; %s %s", self.layout.root, _LEFT, self.layout.live
            )
            for request in self._requests:
                request.error = error
        finally:
            for request in self._requests:
                request.done.set()

    def _turn(self, writer: "Writer") -> None:
        """One step with the requests that came since the last."""
        with self._opening:
            requests, self._requests = self._requests, []
        idle_s = None if self.active_runs or self._idle_since is None else self.clock.monotonic() - self._idle_since
        seal_now = idle_s is not None and idle_s >= self.settings.end_seal_delay_s
        with self._step:
            faults = writer.faults
            writer.step(
                seal_now=seal_now or any(request.seal for request in requests),
                sync_now=any(request.sync for request in requests),
            )
            error = writer.error if writer.faults != faults else None
        for request in requests:
            request.error = error
            request.done.set()

    def _busy(self, writer: "Writer") -> bool:
        return self.active_runs > 0 or writer.busy()

    def _held_lock(self) -> FolderLock:
        if self._lock is None:
            raise WriterClosed("the tracker has no open store")
        return self._lock

    def _before_fork(self) -> None:
        self._held = self._step.acquire(timeout=_FORK_WAIT_S)

    def _after_fork_in_parent(self) -> None:
        if self._held:
            self._step.release()

    def _after_fork_in_child(self) -> None:
        """Forget the parent's queue without touching its files; the child's first event opens its own."""
        queue, lock = self._queue, self._lock
        self.forked = True
        self.active_runs = 0
        self._reset()
        if queue is not None:
            for file in (queue.current, *queue.waiting):
                file.close()
            queue.closed = True
        if lock is not None:
            lock.release()


_LEFT = "what is left is safe in the queue files, and the next reader or tracker of the store seals it:"
_live: "weakref.WeakSet[Pipeline]" = weakref.WeakSet()
"""Every pipeline of this process: os.register_at_fork can't be undone, so there is one hook for all of them."""


def _before_fork() -> None:
    for pipeline in list(_live):
        pipeline._before_fork()  # noqa: SLF001 - the hooks are this module's


def _after_fork_in_parent() -> None:
    for pipeline in list(_live):
        pipeline._after_fork_in_parent()  # noqa: SLF001


def _after_fork_in_child() -> None:
    for pipeline in list(_live):
        pipeline._after_fork_in_child()  # noqa: SLF001


def _at_exit() -> None:
    """Close what the user left open; runs before the daemon threads are stopped."""
    for pipeline in list(_live):
        with suppress(SinkFailed, TimeoutError):  # said already by the writer's own warning
            pipeline.close()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
