"""What happens to a process: it forks, and it ends. One hook each for all pipelines, since neither can be undone.

Guarantee (fork): a forked child never touches its parent's queue. Before a fork every pipeline comes to rest, so that
nobody is in the middle of a step, of opening a queue, or of an import; in the child each is told to forget what was its
parent's. Waiting for that has a limit: a disk that hangs must not hang the user's fork.

Guarantee (ending): at exit each pipeline is closed, in the main thread, while daemon threads still run. No signal
handlers, no excepthook: they belong to the user.
"""

import atexit
import os
import threading
import time
import weakref
from collections.abc import Iterable
from typing import Protocol

FORK_WAIT_S = 10.0
"""The longest that a fork waits for all pipelines to come to rest."""


class Survivor(Protocol):
    """What is to be told."""

    def rest_locks(self) -> "Iterable[threading.RLock]":
        """Give the locks that mean that it is at rest; each is taken before the next is asked for."""

    def forked(self) -> None:
        """In the child: forget what was the parent's."""

    def exiting(self) -> None:
        """Come to an end. Never raises."""


class _Process:
    """The survivors of this process, and what is held while it forks."""

    def __init__(self) -> None:
        self.survivors: weakref.WeakSet[Survivor] = weakref.WeakSet()
        self._forking = threading.RLock()
        self._resting: list[threading.RLock] = []

    def before_fork(self) -> None:
        """Bring everything to rest."""
        deadline = time.monotonic() + FORK_WAIT_S
        self._forking.acquire()  # two threads that fork at once would wait for each other's locks
        for lock in (lock for survivor in list(self.survivors) for lock in survivor.rest_locks()):
            if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                self._resting.append(lock)

    def after_fork_in_parent(self) -> None:
        """Let everything go on."""
        resting, self._resting = self._resting, []
        for lock in reversed(resting):
            lock.release()
        self._forking.release()

    def after_fork_in_child(self) -> None:
        """Begin anew; the locks of the parent's threads mean nothing here."""
        self._forking = threading.RLock()
        self._resting = []
        for survivor in list(self.survivors):
            survivor.forked()

    def exit(self) -> None:
        """Close what the user left open."""
        for survivor in list(self.survivors):
            survivor.exiting()


_process = _Process()


def tell(survivor: Survivor) -> None:
    """Tell a pipeline of forks and of the end, as long as it lives."""
    _process.survivors.add(survivor)


os.register_at_fork(
    before=_process.before_fork,
    after_in_parent=_process.after_fork_in_parent,
    after_in_child=_process.after_fork_in_child,
)
atexit.register(_process.exit)
