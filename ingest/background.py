"""The background thread of one queue: it steps the writer, answers those who wait, and rests when a fork asks.

Two locks. `step_lock` is held while the writer works, so who holds it finds nothing half done. `gate` comes before it:
who wants the thread to rest takes both, the thread passes the gate before each piece of work, and so lets the others go
first instead of racing them. An exception never ends the loop before its queue is closed.
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
from ingest.clock import Clock
from ingest.errors import SinkFailed
from ingest.layout import Layout
from ingest.queue import EventQueue
from ingest.settings import PipelineSettings
from ingest.stats import Stats

if TYPE_CHECKING:
    from ingest.writer import Writer

LEFT = "what is left is safe in the queue files, and the next reader or tracker of the store seals it:"
_LOOK_S = 1.0  # between two looks whether the thread still lives, while its answer is waited for
_log = logging.getLogger("steplog")


class Request:
    """Something that a caller waits for."""

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


class Activity:
    """Whether runs are active in this process, and since when none is."""

    def __init__(self, clock: Clock) -> None:
        self.runs = 0
        self._clock = clock
        self._since = clock.monotonic()

    def idle_s(self) -> float:
        """Seconds since the last run ended or the queue was opened; negative while a run is active."""
        return -1.0 if self.runs else self._clock.monotonic() - self._since

    def begin_idling(self) -> None:
        """Count from now."""
        self._since = self._clock.monotonic()


class Background:
    """The thread, and the way to ask it for something."""

    def __init__(
        self, layout: Layout, writer: str, settings: PipelineSettings, activity: Activity, clock: Clock
    ) -> None:
        """Make the writer's folder and its queue; the thread begins with `start`."""
        self.layout = layout
        self.settings = settings
        self.activity = activity
        self.clock = clock
        self.gate = threading.RLock()
        self.step_lock = threading.RLock()
        self.faults = 0
        """Failures of the thread itself."""
        self.writer: Writer | None = None
        self._bell = Bell()
        self._asking = threading.RLock()
        self._requests: list[Request] = []
        self._begun = threading.Lock()
        self._thread: threading.Thread | None = None
        self.lock = FolderLock()
        with suppress(OSError):  # the ring takes events until the thread can make the folder; it says what is wrong
            self.lock.claim(layout, writer)
        self.queue = EventQueue(layout.home(writer), settings, self._bell.ring)

    def wake(self) -> None:
        """Let the thread look at once; from anywhere, at any moment."""
        self._bell.ring()

    def start(self) -> None:
        """Start the thread if an interrupt, or a lack of threads, has kept it from starting."""
        with self._asking:
            if self._thread is not None and self._thread.ident is not None:
                return
            self._thread = threading.Thread(target=self._loop, name="steplog-writer", daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:  # too many threads, or the interpreter is shutting down
                self._thread = None
                self.faults += 1
                _log.warning("steplog: no background writer: %s; what is logged is kept in %s", error, self.layout.live)

    def ask(self, request: Request, timeout_s: float | None) -> None:
        """Wait until a step that began after this call has ended.

        Raises: SinkFailed: there is no thread to answer. TimeoutError.
        """
        with self._asking:
            self._requests.append(request)
        self.start()
        self.wake()
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        while not request.answered:
            if self.ended():
                if self.left():
                    raise SinkFailed(f"the background writer has ended; {LEFT} {self.layout.live}")
                return
            left_s = deadline - time.monotonic()
            if not request.bell.wait(min(_LOOK_S, left_s)) and left_s <= 0:
                raise TimeoutError(f"the background writer did not flush within {timeout_s} s; the events wait for it")

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end after its queue was closed."""
        self.start()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def ended(self) -> bool:
        """Whether no thread will answer any more."""
        thread = self._thread
        return thread is None or (thread.ident is not None and not thread.is_alive())

    def left(self) -> bool:
        """Whether anything logged isn't sealed for good."""
        return any((*self.queue.waiting, self.queue.ring, not self.queue.closed))

    def stats(self, faults: int, *, wait: bool) -> Stats:
        """Where every event is; between two pieces of work, or without waiting for that."""
        if not wait:
            return self.made_writer().stats(faults=faults + self.faults)
        with self.gate, self.step_lock:
            return self.made_writer().stats(faults=faults + self.faults)

    def rest_locks(self) -> "tuple[threading.RLock, ...]":
        """Give what a fork has to hold, in this order, so that nothing is half done."""
        return self._asking, self.gate, self.step_lock

    def let_go(self) -> None:
        """In a forked child: close the copies of the parent's files, which changes nothing in them."""
        if self.writer is not None:
            self.writer.let_go()
        self.queue.let_go()
        self.lock.release()

    def made_writer(self) -> "Writer":
        """The writer; a new one before the thread has made its own."""
        if self.writer is not None:
            return self.writer
        from ingest.writer import Writer  # heavy: NumPy and Arrow

        made = Writer(self.layout, self.lock, self.queue, self.settings, self.clock)
        made.pause = self._pause
        return made

    def _loop(self) -> None:
        """Step, answer, sleep, until the queue is closed."""
        if not self._begun.acquire(blocking=False):  # started twice
            return
        self._thread = threading.current_thread()
        error: Exception | None = None
        try:
            writer = self._begin()
            while not self.queue.closed:
                busy = self.activity.runs > 0 or writer.busy()
                self._bell.wait(self.settings.flush_interval_s if busy else None)
                self._turn(writer)
            with self._working():
                writer.finish()
                error = writer.error
        except Exception as caught:  # noqa: BLE001 - the thread's edge: kept for flush and close, and shown
            error = caught
            _log.exception(
                "steplog: the background writer of %s ended; %s %s", self.layout.root, LEFT, self.layout.live
            )
        finally:
            for request in self._requests:
                request.answer(error if self.left() else None)

    def _begin(self) -> "Writer":
        """Make the writer and adopt what dead ones left.

        Another thread may be importing the same heavy modules, and circular imports show them half done: try again.
        """
        for patience_s in (0.01, 0.05, 0.25, 1.0, 4.0):
            try:
                with self._working():
                    self.writer = self.made_writer()
                    self.writer.adopt()
                    return self.writer
            except (ImportError, AttributeError) as error:
                self.faults += 1
                _log.debug("steplog: %s; trying again in %s s", error, patience_s)
            time.sleep(patience_s)
        with self._working():
            self.writer = self.made_writer()
        return self.writer

    def _turn(self, writer: "Writer") -> None:
        """One step with the requests that came since the last."""
        with self._asking:
            requests, self._requests = self._requests, []
        sealing = self.activity.idle_s() >= self.settings.end_seal_delay_s or any(one.seal for one in requests)
        error: Exception | None = None
        try:
            with self._working():
                error = writer.step(
                    flush_now=bool(requests), seal_now=sealing, sync_now=any(one.sync for one in requests)
                )
        except Exception as caught:  # noqa: BLE001 - the thread's edge: the loop goes on whatever a step met
            error = caught
            self.faults += 1
            _log.exception("steplog: a step of the background writer of %s failed", self.layout.root)
        finally:
            for request in requests:
                request.answer(error)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Hold what a fork and stats() wait for, but let them go first."""
        with self.gate:
            self.step_lock.acquire()
        try:
            yield
        finally:
            self.step_lock.release()

    def _pause(self) -> None:
        """Let those in who wait for the thread to rest, in the middle of a long step."""
        self.step_lock.release()
        with self.gate:
            self.step_lock.acquire()
