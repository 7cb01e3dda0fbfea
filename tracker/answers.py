"""Answers: what a tracker says of its runs, with everything that it has logged so far."""

from ingest.errors import SinkFailed, StoreUnavailable
from ingest.pipeline import Pipeline
from readers.records import empty_summary
from readers.store import ExperimentSummary, RunRecord, Store
from tracker.facade import Facade
from tracker.settings import TrackerSettings


class Answers(Facade):
    """The part of ExperimentTracker that reads back."""

    settings: TrackerSettings
    experiment_name: str
    _pipeline: Pipeline
    _reader: Store | None

    def get_experiment_runs(self, experiment_name: str | None = None) -> list[RunRecord]:
        """The runs of an experiment, first started first.

        Each is a dict with run_id, run_name, status, start_time, end_time, params, metrics (last values), tags.
        Raises: ExperimentNotFound: naming those there are.
        """
        if self._disabled or (experiment_name is None and not self._known()):
            return []
        return self._store().experiment_runs(experiment_name or self.experiment_name)

    def get_experiment_summary(self, experiment_name: str | None = None) -> ExperimentSummary:
        """Counts by status, and for each metric the spread of the runs' last values and the best run.

        Raises: ExperimentNotFound: naming those there are; the tracker's own is empty before its first run.
        """
        if self._disabled or (experiment_name is None and not self._known()):
            return empty_summary(self.experiment_name)
        return self._store().experiment_summary(experiment_name or self.experiment_name)

    def _known(self) -> bool:
        """Whether this tracker's own experiment has a run yet."""
        return self._last_run_id is not None or self.experiment_name in self._store().experiments()

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
            self._reader = Store(self.layout.root)
        return self._reader
