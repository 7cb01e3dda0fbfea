"""Transfers: requests of the uploader, several at once, each waited for no longer than the uploader's time allows.

A request that is on its way can't be called back. Who runs out of time leaves it to end by itself (every request does:
see bucket), and the next one waits until it has: so of one uploader no old request meets a new one at the server, but
for those whose connection broke; what that means is the uploader's to say.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_LOOK_S = 0.5


class Halted(Exception):
    """The time is up, or `stop` was called."""


class _Job(Generic[_T]):
    def __init__(self, work: Callable[[], _T], done: Callable[[_T], object] | None) -> None:
        self._work = work
        self._done = done
        self.result: list[_T] = []
        self.error: BaseException | None = None
        self.ended = False

    def run(self) -> None:
        """Do it; what it raises is raised where it is waited for."""
        try:
            self.result.append(self._work())
        except BaseException as error:  # noqa: BLE001 - see above
            self.error = error

    def tell(self) -> None:
        """Tell what it came to, if it came to something."""
        if self.result and self._done is not None:
            self._done(self.result[0])


class Transfers:
    """A few threads for requests. `all` and `one` are for one thread, which waits; `stop` for any.

    Args:
        threads: how many requests are on their way at most.
        meanwhile: called now and then while waiting, in the thread that waits.
    """

    def __init__(self, threads: int = 6, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.until: float | None = None
        """When the time is up, by time.monotonic()."""
        self._meanwhile = meanwhile
        self._most = threads
        self._threads = 0
        self._todo: deque[_Job[Any]] = deque()
        self._begun: list[_Job[Any]] = []
        self._running = 0
        self._stopping = self._closed = False
        self._changed = threading.Condition()

    def all(self, works: Iterable[Callable[[], _T]], done: Callable[[_T], object] | None = None) -> list[_T]:
        """Do all, in about their order; returns what they return, in order.

        Args:
            done: called with what each returns, in the thread that waits; of those that were still on their way when
                the time was up, in the next call.

        Raises: Halted. What the first that failed has raised; then no more were begun, and all that were have ended.
        """
        self.settle()
        jobs = [_Job(work, done) for work in works]
        if not jobs:
            return []
        with self._changed:
            self._todo.extend(jobs)
            self._staff()
            self._changed.notify_all()
        try:
            self._wait(lambda: any(job.error for job in jobs) or not (self._todo or self._running))
        finally:
            with self._changed:
                self._todo.clear()
            self._collect()
        failed = next((job.error for job in jobs if job.error), None)
        if failed is not None:
            self.settle()
            raise failed
        return [job.result[0] for job in jobs]

    def one(self, work: Callable[[], _T], done: Callable[[_T], object] | None = None) -> _T:
        """Do one. Raises: Halted; what it raises."""
        return self.all([work], done)[0]

    def pause(self, seconds: float) -> None:
        """Wait. Raises: Halted: the time would be up before."""
        end = time.monotonic() + seconds
        if self.until is not None and end > self.until:
            raise Halted
        self._wait(lambda: time.monotonic() >= end, at=end)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def stop(self) -> None:
        """End every wait with Halted, now and later. Any thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def close(self) -> None:
        """Begin nothing more; threads end when what they do has ended."""
        with self._changed:
            self._closed = True
            self._todo.clear()
            self._changed.notify_all()

    def settle(self) -> None:
        """Wait until what was begun has ended, and tell of it. Raises: Halted."""
        self._wait(lambda: not self._running)
        self._collect()

    def _collect(self) -> None:
        """Tell of what has ended."""
        with self._changed:
            ended = [job for job in self._begun if job.ended]
            self._begun = [job for job in self._begun if not job.ended]
        for job in ended:
            job.tell()

    def _wait(self, true: Callable[[], bool], at: float | None = None) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    raise Halted
                if true():
                    return
                ends = [end for end in (self.until, at) if end is not None]
                left_s = min(ends) - time.monotonic() if ends else _LOOK_S
                if self.until is not None and self.until <= time.monotonic():
                    raise Halted
                self._changed.wait(max(0.0, min(left_s, _LOOK_S)))
            self._collect()
            self._meanwhile()

    def _staff(self) -> None:
        while self._threads < min(self._most, self._running + len(self._todo)):
            self._threads += 1
            threading.Thread(target=self._work, name="steplog-transfer", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._todo:
                    if self._closed:
                        return
                    self._changed.wait()
                job = self._todo.popleft()
                self._begun.append(job)
                self._running += 1
            job.run()
            with self._changed:
                job.ended = True
                self._running -= 1
                self._changed.notify_all()
