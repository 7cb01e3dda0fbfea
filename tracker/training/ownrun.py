"""The run that a fit logs to: the one that is active, or one of its own, which ends with it.

A run that is active in a process is the current one of every thread that has none. One that a fit has started for
itself must not be: it ends when that fit does, in the midst of another's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from tracker.experiment import ExperimentTracker

_starting = threading.Lock()
_started: dict[str, int] = {}
"""Runs that fits have started for themselves, and in which thread: for others they are no current run."""


@contextmanager
def own_run(tracker: ExperimentTracker) -> Iterator[None]:
    """A run to log to: the current one, which stays open, or else one that ends with the block, as its status says."""
    here = threading.get_ident()
    with _starting:
        current = tracker.active_run()
        if current is not None and _started.get(current, here) != here:
            current = None  # another thread's fit has started it for itself, and will end it
        own = None if current is not None else tracker.start_run("automl")
        if own is not None:
            _started[str(own)] = here
    try:
        with own or nullcontext():
            yield
    finally:
        _started.pop(str(own), None)
