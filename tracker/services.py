"""Services: what a tracker's parts share: the way of a fact into the queue, faults, what begins and ends with a run.

Guarantee: a fault of the disk, or of anything behind the queue, never raises here: it is counted, said once, and tried
again; unless the user chose `strict=True`.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import SinkFailed
from ingest.events import FactEvent
from ingest.numbered import Reserve
from ingest.pipeline import Pipeline
from ingest.queue import EventQueue
from readers.store import Store
from tracker.autolog import AutoLog
from tracker.facade import Facade
from tracker.run import ActiveRun, ActiveRuns
from tracker.settings import TrackerSettings

if TYPE_CHECKING:
    from tracker.forwarding import RemoteRuns
    from tracker.uploads import Uploads

_log = logging.getLogger("steplog")


class Services(Facade):
    """The part of ExperimentTracker that its other parts lean on."""

    settings: TrackerSettings
    _pipeline: Pipeline
    _runs: ActiveRuns
    _automatic: AutoLog | None
    _said: set[str]
    _reader: Store | None
    _remote: "RemoteRuns | None"
    _uploads: "Uploads | None"
    _closers: dict[Callable[[], object], None]

    if TYPE_CHECKING:

        def _attach(self, run: ActiveRun) -> None: ...

    def _append(self, event: FactEvent) -> None:
        if self._disabled:
            return
        self._raise_if_strict()
        self._open_queue(self._runs.by_id.get(event.run_id))
        self._pipeline.append(event)

    def _open_queue(self, run: ActiveRun | None) -> EventQueue:
        """This process's queue."""
        queue = self._pipeline.queue()
        if run is not None and run.inherited and not run.attached:
            run.attached = True
            self._attach(run)
            if self._uploads is not None:
                self._uploads.attach()
        return queue

    def _now(self) -> int:
        return time.time_ns()

    def _raise_if_strict(self) -> None:
        error = self._pipeline.error if self.settings.pipeline.strict else None
        if error is not None:
            raise SinkFailed(f"the background writer failed: {error}") from error

    def _fault(self, what: str, error: Exception) -> None:
        """Say once, and count, what isn't the caller's fault; raise it only where the user chose strict=True."""
        self._pipeline.faults += 1
        if self.settings.pipeline.strict:
            raise SinkFailed(f"{what}: {error}") from error
        cause = f"{what} {type(error).__name__} {getattr(error, 'errno', '')}"
        if cause not in self._said:
            self._said.add(cause)
            _log.warning("steplog: %s failed in %s: %s. Training goes on (said once)", what, self.layout.root, error)

    def _reserve(self, home: Path, about: str) -> Reserve | None:
        return None if self._uploads is None else self._uploads.reserve(home, about)

    def _forked(self) -> None:
        """In a forked child: the runs are the parent's to end."""
        self._runs.forked()
        self._reader = self._reader if self._uploads is None else None  # a view is its process's own
        if self._uploads is not None:
            self._uploads.forked()
        if self._automatic is not None:
            self._automatic.forked()

    def _at_close(self, closer: Callable[[], object]) -> None:
        """Let something end with this tracker; twice is once."""
        self._closers[closer] = None

    def _begin_forwarding(self, run: ActiveRun) -> None:
        if self._remote is not None:
            self._remote.begin(run)
        if self._uploads is not None:
            self._uploads.begin()

    def _settle_forwarding(self, run: ActiveRun) -> None:
        if self._remote is not None:
            self._remote.settle(f"run {run.name!r}")

    def _end_auto_log(self, run: ActiveRun) -> None:
        if self._automatic is not None:
            self._automatic.end(run)
