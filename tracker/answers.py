"""Answers: what a tracker says of its runs, with everything that it has logged so far.

The store answers, or with backend "mlflow" the server, which has by then what it could be sent. With an address it is
the bucket, with what this host has logged, uploaded or not.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ingest.errors import ExperimentNotFound, ObjectsUnavailable, SinkFailed, StoreUnavailable
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from readers.records import empty_summary
from readers.store import ExperimentSummary, RunRecord, Store
from tracker.facade import Facade
from tracker.settings import TrackerSettings

if TYPE_CHECKING:
    from readers.mlflow.serverframes import ServerFrames
    from tracker.forwarding import RemoteRuns

_T = TypeVar("_T")
_log = logging.getLogger("steplog")


class Answers(Facade):
    """The part of ExperimentTracker that reads back."""

    settings: TrackerSettings
    experiment_name: str
    _pipeline: Pipeline
    _reader: Store | None
    _said: set[str]
    _remote: "RemoteRuns | None"

    def get_experiment_runs(self, experiment_name: str | None = None) -> list[RunRecord]:
        """The runs of an experiment, first started first.

        Each is a dict with run_id, run_name, status, start_time, end_time, params, metrics (last values), tags.
        Raises: ExperimentNotFound: naming those there are; the tracker's own is empty before its first run.
            ServerUnavailable: with backend "mlflow", the server doesn't answer; Store(tracker.root) does.
            ObjectsUnavailable: with an address, the bucket doesn't.
        """
        if self._disabled:
            return []
        try:
            return self.frames().experiment_runs(experiment_name or self.experiment_name)
        except ExperimentNotFound:
            if experiment_name is None:
                return []
            raise

    def get_experiment_summary(self, experiment_name: str | None = None) -> ExperimentSummary:
        """Counts by status, and for each metric the spread of the runs' last values and the best run.

        Raises: as get_experiment_runs.
        """
        if self._disabled:
            return empty_summary(self.experiment_name)
        try:
            return self.frames().experiment_summary(experiment_name or self.experiment_name)
        except ExperimentNotFound:
            if experiment_name is None:
                return empty_summary(self.experiment_name)
            raise

    def frames(self) -> "Store | ServerFrames":
        """The runs as tables, with all that was logged until now: the store's, or with backend "mlflow" the server's.

        This is what makes a tracker a Source of comparators: see readers.source.
        Raises: StoreUnavailable: nothing is stored (STEPLOG_MODE). ServerUnavailable.
        """
        if self._remote is None or self.settings.backend != "mlflow":
            return self._store()
        self._make_visible()
        return self._remote.frames()

    def _make_visible(self) -> None:
        if not self._pipeline.closed:
            try:
                self._pipeline.flush(self.settings.pipeline.close_timeout_s)
            except (SinkFailed, TimeoutError) as error:
                self._fault("flush", error)

    def _store(self) -> Store:
        """The store, with everything logged so far visible in it."""
        if self._disabled:
            raise StoreUnavailable("nothing is stored, so nothing can be read: STEPLOG_MODE is 'disabled'")
        self._make_visible()
        if self._reader is None:
            address = self.settings.address
            if address is None:
                self._reader = Store(self.layout.root)
            else:
                from readers.opening import view_of  # obstore, for who asks

                view_of(address).add_spool(self.layout.root)
                self._reader = Store(address.url)
        return self._reader

    def _answered(self, question: Callable[[Store], _T]) -> _T:
        address = self.settings.address
        if address is None:
            return question(self._store())
        try:
            return question(self._store())
        except ObjectsUnavailable as error:
            if "answered" not in self._said:
                self._said.add("answered")
                _log.warning("%s. Only what this host has in %s is looked at (said once)", error, self.layout.root)
            return question(Store(self.layout.root))

    def _nearest(self, question: Callable[[Layout], _T]) -> _T:
        if self.settings.address is None:
            return question(self.layout)
        return self._answered(lambda store: question(store.layout))
