"""A bell: one thread waits, anybody rings, at any moment.

`threading.Event` keeps its own lock while it sets its flag. A signal handler or a finalizer that logs, run by the same
thread in that moment, would wait for that lock for ever; a KeyboardInterrupt in that moment would leave it locked for
ever. A bare lock used as a signal has no such moment: taking and releasing it are single C calls.
"""

import threading
from contextlib import suppress


class Bell:
    """Remembers one ring; ringing it twice is once."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Wake the one who waits, or who will."""
        with suppress(RuntimeError):  # it was rung already
            self._silent.release()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a ring and take it; False when none came in time."""
        return self._silent.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))
