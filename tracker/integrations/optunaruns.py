"""StudyRuns: the run that a study is logged to: the current one, the one that has the study already, or a new one."""

import optuna

from ingest.errors import WriterClosed
from tracker.experiment import ExperimentTracker
from tracker.integrations.joined import Joined
from tracker.integrations.optunaknown import KnownStudy


class StudyRuns:
    """The run that a callback logs to.

    Args:
        tracker: None for one by the environment.

    Raises: TypeError: tracker is none. WriterClosed: it is closed.
    """

    def __init__(self, tracker: ExperimentTracker | None) -> None:
        self._joined = Joined(tracker)
        self._given = tracker
        self._made: ExperimentTracker | None = None
        self._own = False
        self.run_id = ""
        """From `begin` on."""
        if tracker is not None and not tracker.settings.disabled and tracker._pipeline.closed:  # noqa: SLF001
            raise WriterClosed("the tracker is closed; make a new ExperimentTracker")

    @property
    def tracker(self) -> ExperimentTracker:
        """The tracker, which is made where none was given."""
        tracker = self._joined.tracker
        if tracker is not self._given:
            self._made = tracker
        return tracker

    def begin(self, study: optuna.Study) -> KnownStudy | None:
        """Join the current run, else go on with the one that has the study, else start one; gives what is known."""
        tracker = self.tracker
        active = self.run_id or tracker.active_run()
        known = KnownStudy.of(tracker, study, run_id=active)
        if active is None:
            self._own = True
            resumed = None if known is None else known.run_id
            active = str(tracker.start_run(study.study_name, run_id=resumed, resume=resumed is not None))
        self.run_id = active
        return known

    def end(self, status: str) -> None:
        """End a run that was started here."""
        run_id, self.run_id = self.run_id, ""
        if self._own and run_id:
            self._own = False
            self.tracker.end_run(status, run_id=run_id)
        self.close()

    def close(self) -> None:
        """Close a tracker that was made here."""
        if self._made is not None:
            self._made.close()
            self._made, self._joined = None, Joined()
