"""Hooks: what every tracker of this process is told when the process forks and when it ends.

Neither hook can be undone, so there is one of each, and they hold no tracker alive. Exit hooks run last in, first out:
these come after the pipeline's own (see ingest.process), as runs must end before their queue closes.
"""

import atexit
import logging
import os
import weakref
from typing import TYPE_CHECKING

import ingest.process  # noqa: F401 - its hooks are registered before these
from ingest.errors import SinkFailed

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

_trackers: "weakref.WeakSet[ExperimentTracker]" = weakref.WeakSet()
_log = logging.getLogger("steplog")


def enrol(tracker: "ExperimentTracker") -> None:
    """Tell a tracker of forks and of the end, as long as it lives."""
    _trackers.add(tracker)


def _at_exit() -> None:
    for tracker in list(_trackers):
        try:
            tracker.close()
        except SinkFailed as error:  # strict=True; the other trackers are closed all the same
            _log.error("steplog: %s", error)


def _after_fork_in_child() -> None:
    for tracker in list(_trackers):
        tracker._forked()  # noqa: SLF001 - nobody else has to call it


atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
