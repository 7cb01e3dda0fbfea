"""The importer: runs of another tracker into a store.

Guarantees. *Exact*: values, steps and times are the source's (times to the microsecond, the finest a store has); what
looks like a secret is masked, as in every log call. *Whole*: a run whose events take less than a queue file appears
in the store at once; of a larger one readers see the beginning first, as of a run that is being written.
*Once*: what a run came from, and how much of each metric was taken over, is written in the same batch as the points
themselves; so an import that is killed goes on where it was, one that is repeated adds nothing, and one of a source
that has grown adds what is new. A metric whose old points are others now is left as it is, and said. *One at a time*: a
lock that dies with the process.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Protocol

from ingest.bulk import Batch, BulkWriter
from ingest.columns import PointBlock
from ingest.compact import compact_if_due
from ingest.errors import ImportFailed
from ingest.events import FactEvent
from ingest.layout import FILE_MODE, Layout
from ingest.objects.address import is_address
from ingest.recovery import recover
from ingest.settings import PipelineSettings
from readers.imports import taking
from readers.imports.found import FoundRun, RunSource, Series
from readers.imports.known import Known, KnownRun, times
from readers.imports.outcome import ImportReport
from readers.store import Store

_BATCH_BYTES = 4 << 20
_BATCH_S = 2.0
_BATCH_RUNS = 1000
_FILE_BYTES = PipelineSettings().segment_bytes


class Watching(Protocol):
    """Who shows how it goes."""

    def begin(self, runs: int | None) -> None:
        """So many runs are there; None where that isn't known."""

    def run(self, name: str) -> None:
        """Another run is being looked at."""

    def points(self, count: int) -> None:
        """So many points came in."""


class Unwatched:
    """Shows nothing."""

    def begin(self, runs: int | None) -> None:
        """Do nothing."""

    def run(self, name: str) -> None:
        """Do nothing."""

    def points(self, count: int) -> None:
        """Do nothing."""


def import_runs(source: RunSource, root: str | os.PathLike[str], *, watching: Watching | None = None) -> ImportReport:
    """Take the runs of a source over into a store, which is made when missing.

    Raises: ImportFailed: the source can't be read at all, or somebody else imports into this store. StoreUnavailable,
        FormatTooNew. OSError: the disk can't take it. What came in before any of these stays, and the same call goes
        on behind it.
    """
    if is_address(root):
        raise ImportFailed(
            f"{root!r} is an address: import into a folder, and send that there with 'steplog sync FOLDER --to {root}'"
        )
    layout = Layout(root)
    layout.create()
    with _only_one(layout):
        recover(layout)  # what an import before this one left
        with BulkWriter(layout) as writer:
            importing = _Import(layout, writer, Known(Store(layout.root)), watching or Unwatched())
            try:
                importing.all_of(source)
            finally:
                importing.report.problems += source.problems
                importing.report.notes += source.notes
        compact_if_due(layout, PipelineSettings().compact_files)
    return importing.report


@contextmanager
def _only_one(layout: Layout) -> Iterator[None]:
    descriptor = os.open(layout.root / "import.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ImportFailed(
                f"another process imports into {str(layout.root)!r} right now; wait until it is done"
            ) from error
        yield
    finally:
        os.close(descriptor)


class _Import:
    def __init__(self, layout: Layout, writer: BulkWriter, known: Known, watching: Watching) -> None:
        self.report = ImportReport()
        self.layout = layout
        self._writer = writer
        self._known = known
        self._watching = watching
        self._shapes = count()
        self._batch = Batch(self._shapes)
        self._pending = 0
        self._since = time.monotonic()
        self._seen: set[str] = set()

    def all_of(self, source: RunSource) -> None:
        """Take over each run; one that can't be read keeps no other one back."""
        self._watching.begin(source.count())
        try:
            for run in source.runs():
                self._one(run)
        except ValueError as error:
            self._publish()
            raise ImportFailed(str(error)) from error
        except ImportFailed:
            self._publish()
            raise
        self._publish()

    def _one(self, run: FoundRun) -> None:
        """Take over a run, or say why not."""
        self._watching.run(run.name)
        kept, self._batch = self._batch, Batch(self._shapes)
        try:
            self._check_new(run)
            whole = taking.Taking(self, run).take()
        except (ValueError, OSError, ImportFailed) as error:
            self._batch = kept
            if isinstance(error, ImportFailed) or (isinstance(error, OSError) and taking.is_ours(self.layout, error)):
                raise
            self.report.left_out += 1
            self.report.problems.append(f"run {run.name!r} ({run.source}) is left out: {error}")
        else:
            self._join(kept, whole=whole)

    def _check_new(self, run: FoundRun) -> None:
        """Raises: ValueError: the source gave it before."""
        if run.identity in self._seen:
            raise ValueError("the source has a run of this identity twice; the first one came in")
        self._seen.add(run.identity)

    def _join(self, kept: Batch, *, whole: bool) -> None:
        """Put the run that was taken behind those that wait to be published."""
        kept.join(self._batch)
        self._batch = kept
        self._pending += whole
        late = time.monotonic() - self._since > _BATCH_S
        if late or kept.size > _BATCH_BYTES or self._pending >= _BATCH_RUNS:
            self._publish()

    def _publish(self) -> None:
        self._writer.publish(self._batch)
        self._batch, self._pending, self._since = Batch(self._shapes), 0, time.monotonic()

    # --- what a run needs

    def fact(self, event: FactEvent) -> None:
        """Queue a fact."""
        self._batch.add_fact(event)

    def points(self, run_id: str, experiment: str, series: Series, otherwise_ns: int) -> int:
        """Queue points; those of a large run are published on the way. Returns how many."""
        when, values = times(series, otherwise_ns), series.value[:, None]
        self._batch.add_points(PointBlock(run_id, experiment, (series.key,), when, when, series.step, values))
        self._watching.points(len(series.value))
        return len(series.value)

    def is_full(self) -> bool:
        """Whether the run fills a queue file by itself."""
        return self._batch.size > _FILE_BYTES - (taking.POINTS_AT_ONCE * 48)

    def publish_part(self) -> None:
        """Publish the beginning of a run."""
        self._writer.publish(self._batch)
        self._batch = Batch(self._shapes)

    def known(self, run: FoundRun) -> KnownRun | None:
        """What earlier imports took of it."""
        return self._known.find(run.identity)

    def is_taken(self, run_id: str) -> bool:
        """Whether another run has the id."""
        return run_id in self._known.run_ids

    def remember(self, run_id: str) -> None:
        """The id is in use from now on."""
        self._known.run_ids.add(run_id)
