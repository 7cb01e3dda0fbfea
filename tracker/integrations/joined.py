"""Joined: the run that an integration logs to.

That is the tracker's current run where there is one: then its life is its owner's. Else the integration starts one, and
ends it. The same holds for the tracker: who gives none gets one by the environment (STEPLOG_DIR and the others), which
is closed with the run that was started in it.
"""

from collections.abc import Mapping
from typing import Any

from tracker.experiment import ExperimentTracker


class Joined:
    """The current run of a tracker, or one that is started and ended here.

    Args:
        tracker: None for one of its own, made when it is needed.
        run_name: of a run that is started here.
        experiment_name: of a tracker that is made here.

    Raises: TypeError: the tracker is none.

    Copies (deepcopy, pickle) log to the same run, and end none.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
    ) -> None:
        if tracker is not None and not isinstance(tracker, ExperimentTracker):
            raise TypeError(
                f"tracker is an ExperimentTracker, or None for one of its own; not {type(tracker).__name__}"
            )
        if tracker is not None and experiment_name is not None:
            raise ValueError("give a tracker, which has an experiment, or experiment_name for one of its own; not both")
        self.run_id: str | None = None
        """The run, from `begin` on."""
        self._tracker = tracker
        self._own_tracker = tracker is None
        self._own_run = False
        self._run_name = run_name
        self._experiment_name = experiment_name

    @property
    def tracker(self) -> ExperimentTracker:
        """The tracker; made when there is none. Raises: StoreUnavailable."""
        if self._tracker is None:
            self._tracker = ExperimentTracker(experiment_name=self._experiment_name)
            self._own_tracker = True
        return self._tracker

    @property
    def started(self) -> bool:
        """Whether the run was started here, and is to be ended here."""
        return self._own_run

    def begin(
        self,
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Join the current run, or start one; twice is once. Gives the run's id.

        Args:
            run_name: of a run that is started, unless the constructor named it.
            params, tags: logged to it, whichever it is.
        """
        if self.run_id is not None:
            return self.run_id
        tracker = self.tracker
        active = tracker.active_run()
        if active is None:
            self.run_id = str(tracker.start_run(self._run_name or run_name, params=params, tags=tags))
            self._own_run = True
            return self.run_id
        self.run_id = active
        if params:
            tracker.log_params(params, run_id=active)
        if tags:
            tracker.set_tags(tags, run_id=active)
        return active

    def end(self, status: str = "FINISHED") -> None:
        """End what was started here, and close a tracker that was made here; twice is once."""
        run_id, self.run_id = self.run_id, None
        if self._tracker is None or run_id is None:
            return
        if self._own_run:
            self._own_run = False
            self._tracker.end_run(status, run_id=run_id)
        if self._own_tracker:
            self._tracker.close()
            self._tracker = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Joined":
        return self._copy()

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_own_run": False, "_own_tracker": False}

    def _copy(self) -> "Joined":
        made = Joined.__new__(Joined)
        vars(made).update(self.__getstate__())
        return made
