"""TrainingRun: the run of a training whose loop is somebody else's.

A library's loop tells its callbacks when it begins and goes on, but few tell them that an exception left it. So a
training that has begun, and whose end nobody told, has failed. That shows when its callback is dropped (where only the
library held it: as soon as the exception was dealt with), when the same callback's next training begins, and at the
end of the process; a callback used as a context, `with callback:`, knows at once.

Guarantee: once a training has begun, nothing here raises into its loop but what the user chose (strict=True, overflow
"raise"). What can't be logged is said once, by the logger "steplog", and counted.
"""

import atexit
import logging
import sys
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from ingest.errors import NoActiveRun, QueueFull, SinkFailed, WriterClosed
from tracker.experiment import ExperimentTracker
from tracker.integrations.joined import Joined
from tracker.metrics import metric_value
from tracker.run import Status, check_run_id, status_after

_log = logging.getLogger("steplog")


class TrainingRun(Joined):
    """The current run of a tracker, or one that begins and ends with a training.

    Args:
        tracker, run_name, experiment_name: see Joined.
        run_id: of the run to go on with, or to make under this id; default: a new one for each training.
        untold_status: what a training is whose end nobody told.

    Raises: TypeError, ValueError: of the arguments.
    """

    def __init__(
        self,
        tracker: ExperimentTracker | None = None,
        *,
        run_name: str | None = None,
        experiment_name: str | None = None,
        run_id: str | None = None,
        untold_status: Status = "FAILED",
    ) -> None:
        super().__init__(tracker, run_name=run_name, experiment_name=experiment_name)
        self.wanted_run_id = None if run_id is None else check_run_id(run_id)
        self.last_run_id = self.wanted_run_id
        """The run of this training, or of the last one."""
        self._untold_status = untold_status
        self.trainings = 0
        """How many have begun, or gone on, here."""
        self._last_status: str | None = None
        """How the last run that was begun here ended; None where it wasn't."""
        self._reopened: str | None = None
        self._said: set[str] = set()

    @property
    def disabled(self) -> bool:
        """Whether nothing is logged (STEPLOG_MODE)."""
        return self.tracker.settings.disabled

    def begin(
        self,
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        *,
        resume_id: str | None = None,
    ) -> str:
        """Begin a training: join the current run, or start one. One that is still open here is over, untold.

        Args:
            run_name, params, tags: see Joined.
            resume_id: of the run to go on with, if no other is current or wanted, and the store has it.
        """
        self.settle()
        wanted = self.wanted_run_id or self._there(resume_id)
        if wanted is not None and self.tracker.active_run() != wanted:
            return self._started(self._run_name or run_name, wanted, params, tags)
        if self._is_of_another_thread():
            return self._started(self._run_name or run_name, None, params, tags, nested=False)
        begun = super().begin(run_name, params, tags)
        return self._opened(begun)

    def begin_part(
        self, run_name: str | None, group: str | None = None, params: Mapping[str, Any] | None = None
    ) -> str:
        """Begin a run of this training's own: beneath the current one where there is one."""
        self.settle()
        return self._started(run_name, None, params, None, group=group)

    def reopen(self, *, keep_status: bool = True) -> None:
        """Go on after the end, as evaluations do: with the current run, else with the one that was ended here last.

        Args:
            keep_status: it ends as it ended before, whatever is said at the end.
        """
        if self.run_id is not None:
            return
        if self._last_status is None or self.last_run_id is None or self.tracker.active_run() is not None:
            self.begin()
            return
        status = self._last_status
        self._started(None, self.last_run_id, None, None)
        self._reopened = status if keep_status else None

    def log(self, metrics: Mapping[str, Any], step: float | None = None) -> None:
        """Log one value for each metric; what is no number is left out, and said once."""
        run_id = self.run_id
        if run_id is None:
            return
        try:
            self.tracker.log_metrics(metrics, step, run_id=run_id)
        except (TypeError, ValueError):
            with self.safely("metrics"):
                self.tracker.log_metrics(self._numbers(metrics), step, run_id=run_id)
        except (NoActiveRun, WriterClosed) as error:
            self._fault("metrics", error)

    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop; see ExperimentTracker.should_stop."""
        return self.run_id is not None and self.tracker.should_stop(self.run_id)

    def end(self, status: str = "FINISHED") -> None:
        """End what was begun here; twice is once."""
        if self.run_id is None:
            return
        if self.started:
            status = self._reopened or status
            self._last_status = status
            _open.pop(self.run_id, None)
        self._reopened = None
        with self.safely("end of the run"):
            super().end(status)

    def settle(self) -> None:
        """End a training whose end nobody told."""
        if self.run_id is not None:
            self.end(self.untold())

    def untold(self) -> str:
        """The status of a training whose end nobody told; called when it ends so."""
        return self._untold_status

    @contextmanager
    def safely(self, what: str) -> Iterator[None]:
        """Keep what goes wrong in the block from the training; say it once, and count it."""
        try:
            yield
        except (SinkFailed, QueueFull):  # the user chose so
            raise
        except Exception as error:  # noqa: BLE001 - the callback's edge: the loop around it isn't ours
            self._fault(what, error)

    def _is_of_another_thread(self) -> bool:
        """Whether the current run is that of another training, beside this one: not to be joined."""
        current = self.tracker.active_run()
        return current in _open and self.tracker._runs.here() is None  # noqa: SLF001 - as start_run asks

    def _started(
        self,
        run_name: str | None,
        run_id: str | None,
        params: Mapping[str, Any] | None,
        tags: Mapping[str, Any] | None,
        *,
        group: str | None = None,
        nested: bool = True,
    ) -> str:
        tracker = self.tracker
        self.run_id = str(
            tracker.start_run(
                run_name,
                run_id=run_id,
                resume="allow" if run_id is not None else False,
                nested=nested and tracker.active_run() is not None,
                group=group,
                params=params,
                tags=tags,
            )
        )
        self._own_run = True
        return self._opened(self.run_id)

    def _there(self, run_id: str | None) -> str | None:
        """The id, if it is that of a run in the store, and no run is current."""
        if run_id is None or self.disabled or self.tracker.active_run() is not None:
            return None
        return run_id if self.tracker._look_up(run_id) is not None else None  # noqa: SLF001 - as start_run does

    def _opened(self, run_id: str) -> str:
        self.last_run_id, self._last_status, self._reopened = run_id, None, None
        self.trainings += 1
        if self.started:
            _open[run_id] = self
        return run_id

    def _numbers(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """The metrics that are numbers."""
        numbers = {}
        for key, value in metrics.items():
            try:
                numbers[str(key)] = metric_value(str(key), value)
            except (TypeError, ValueError) as error:
                if str(key) not in self._said:
                    self._said.add(str(key))
                    _log.warning("steplog: left out of run %s: %s (said once)", self.run_id, error)
        return numbers

    def _fault(self, what: str, error: Exception) -> None:
        if self._tracker is None:
            _log.warning("steplog: %s failed: %s. Training goes on", what, error)
        else:
            self._tracker._fault(f"{what} of run {self.last_run_id}", error)  # noqa: SLF001 - counted there

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = type(self).__new__(type(self))
        vars(made).update(self.__getstate__())
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_said": set(self._said)}

    def __del__(self) -> None:
        if vars(self).get("_own_run"):
            self.settle()


_open: "weakref.WeakValueDictionary[str, TrainingRun]" = weakref.WeakValueDictionary()
"""By the run's id, the trainings that have begun a run and not ended it."""


def _at_exit() -> None:
    """End what is open, before its tracker does: a tracker can't know that a training was left in the middle."""
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    for run in list(_open.values()):
        if error is not None and not hasattr(sys, "ps1"):
            run.end(status_after(error))
        else:
            run.settle()


atexit.register(_at_exit)  # after the trackers' own hook was registered, so called before it
