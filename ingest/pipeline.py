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

import threading
from collections.abc import Iterator
from contextlib import suppress

from ingest.background import LEFT, Activity, Background, Request
from ingest.clock import Clock, SystemClock
from ingest.errors import SinkFailed, WriterClosed
from ingest.events import FactEvent, encode
from ingest.layout import Layout, new_writer_id
from ingest.process import tell
from ingest.queue import EventQueue
from ingest.settings import PipelineSettings
from ingest.stats import Stats


class Pipeline:
    """One writer of one store in one process: opened by the first event, forked safely, closed once."""

    def __init__(
        self, layout: Layout, settings: PipelineSettings | None = None, *, rank: int = 0, clock: Clock | None = None
    ) -> None:
        self.settings = settings or PipelineSettings()
        self.layout = Layout(layout.root, self.settings.queue_dir)
        self.clock: Clock = clock or SystemClock()
        self.rank = rank
        self.closed = False
        self.faults = 0
        """Failures met outside the background thread."""
        self._reset()
        tell(self)

    def _reset(self) -> None:
        self._activity = Activity(self.clock)
        self._opening = threading.RLock()
        self._background: Background | None = None
        self._gave_up = False

    @property
    def active_runs(self) -> int:
        """How many runs are active in this process."""
        return self._activity.runs

    def queue(self) -> EventQueue:
        """The queue of this process; opened, with its thread, when there is none.

        Raises: WriterClosed.
        """
        if self._background is not None:
            return self._background.queue
        with self._opening:
            if self.closed:
                raise WriterClosed("the tracker is closed; make a new ExperimentTracker, or log before close()")
            return self._open().queue

    def _open(self) -> Background:
        """Open the queue unless it is open.

        An interrupt on the way leaves an empty folder at worst, which the next recovery removes.
        """
        if self._background is not None:
            return self._background
        with suppress(ImportError, AttributeError):  # half done in another thread: the background tries again
            import ingest.writer  # noqa: F401 - heavy; see above

        made = Background(self.layout, new_writer_id(self.rank), self.settings, self._activity, self.clock)
        self._activity.begin_idling()
        if self._background is None:  # no call from here to the next line, so no handler either
            self._background = made
        else:  # a signal handler's log call was faster
            made.queue.close()
            made.lock.release()
        self._background.start()
        return self._background

    def append(self, event: FactEvent) -> None:
        """Queue a fact."""
        self.queue().put(encode(event), fact=True)
        if not self._activity.runs:
            self._wake()

    def flush(self, timeout_s: float | None = None, *, sync: bool = False, seal: bool = False) -> None:
        """Wait until what was logged before is visible to every reader on this host.

        Args:
            timeout_s: how long to wait; None waits as long as it takes.
            sync: also until it would survive a power cut.
            seal: also until it is Parquet.

        Raises: SinkFailed: the disk doesn't take it; the events are still in the queue. TimeoutError.
        """
        if self._background is None:
            return
        if self.interrupted():
            raise TimeoutError(
                f"flush interrupts another call of this thread, and can't wait for it; {LEFT} {self.layout.live}"
            )
        request = Request(seal=seal, sync=sync)
        self._background.ask(request, timeout_s)
        if request.error is not None:
            raise SinkFailed(
                f"what was logged can't be written to {self.layout.root}: {request.error}; it waits in the queue, and "
                "is written as soon as that works"
            ) from request.error

    def run_started(self) -> None:
        """A run became active in this process."""
        self._activity.runs += 1
        self._wake()

    def run_ended(self) -> None:
        """A run that was active here ended; after the last one everything is sealed soon."""
        self._activity.runs = max(0, self._activity.runs - 1)
        self._activity.begin_idling()
        self._wake()

    def stats(self) -> Stats:
        """Where every event is, as of now; for a signal handler in the middle of a call, roughly."""
        if self._background is None:
            return Stats(0, 0, 0, 0, 0, 0, 0, self.faults, None)
        return self._background.stats(self.faults, wait=not self.interrupted())

    def interrupted(self) -> bool:
        """Whether the caller is a signal handler or finalizer, in the middle of a call of its own thread.

        That call may hold a lock that the background thread needs, so that waiting for the thread would be waiting for
        oneself. What was logged is safe, and what was to be waited for happens when the call goes on.
        """
        background = self._background
        inner = () if background is None else (*background.rest_locks(), background.queue.lock)
        return any(_is_owned(lock) for lock in (self._opening, *inner))

    @property
    def error(self) -> Exception | None:
        """The last background failure, while it lasts."""
        writer = None if self._background is None else self._background.writer
        return None if writer is None else writer.error

    def abandon(self) -> None:
        """Take no more events, and let the thread finish by itself: what `close` does, without waiting."""
        with self._opening:
            self.closed = True
            if self._background is not None:
                self._background.queue.close()
        self._wake()

    def close(self, timeout_s: float | None = None) -> None:
        """Write and seal everything, and end the thread. Twice is once.

        Raises: SinkFailed, TimeoutError: not all could be sealed; it is safe in the queue file, and the next reader or
        tracker that opens the store seals it.
        """
        interrupted = self.interrupted()
        self.abandon()
        background = self._background
        if background is None or self._gave_up or interrupted:
            return
        background.join(self.settings.close_timeout_s if timeout_s is None else timeout_s)
        if not background.left():
            return
        self._gave_up = True
        if not background.ended():
            raise TimeoutError(f"the background writer was not done in time; {LEFT} {self.layout.live}")
        raise SinkFailed(f"not all could be sealed ({self.error}); {LEFT} {self.layout.live}") from self.error

    def rest_locks(self) -> "Iterator[threading.RLock]":
        """Give what a fork has to hold so that neither a step nor an opening is under way."""
        yield self._opening
        if self._background is not None:  # asked only now that nobody is opening it
            yield from self._background.rest_locks()

    def forked(self) -> None:
        """Forget the parent's queue without touching its files; the child's first event opens its own."""
        background = self._background
        self._reset()
        if background is not None:
            background.let_go()

    def exiting(self) -> None:
        """Close what the user left open."""
        with suppress(SinkFailed, TimeoutError):  # said already by the writer's own warning
            self.close()

    def _wake(self) -> None:
        if self._background is not None:
            self._background.wake()


def _is_owned(lock: "threading.RLock") -> bool:
    """Whether this thread holds a lock: what threading.Condition asks."""
    return bool(lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001
