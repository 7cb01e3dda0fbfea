"""The run that a SummaryWriter writes: which one it is, and who ends it.

A writer of its own store has a tracker of its own, so that any number of writers can be open at once, a run each. Given
a tracker, the first writer logs to its current run (or starts one), and a further one to a child of that run.

To TensorBoard a folder is a run. So two writers of one folder in one process write one run, at once or one after the
other, and so does a writer that goes on after close(). Another process with that folder starts a run of its own, unless
it says purge_step: then it goes on with the newest run of that folder.
"""

import atexit
import weakref
from collections.abc import Mapping
from typing import Self

from ingest.jsontext import to_json
from ingest.layout import new_run_id
from tracker.childrun import ChildRun
from tracker.experiment import ExperimentTracker
from tracker.run import Status
from tracker.tensorboard.logdir import LogDir

TAG = "tensorboard.log_dir"
_run_of_folder: dict[tuple[str, str], str] = {}
"""(store, folder) -> run, of this process."""
_taken: "weakref.WeakKeyDictionary[ExperimentTracker, set[str]]" = weakref.WeakKeyDictionary()
"""The runs of trackers that were given, which have a writer by now."""
_runs: "weakref.WeakSet[WrittenRun]" = weakref.WeakSet()
_synced: "list[weakref.ref[ExperimentTracker]]" = []
"""The tracker that writers log to which are given none; empty, or one."""


def sync_to(tracker: ExperimentTracker) -> None:
    """Let the writers to come log to a tracker's run while it is open, unless they are given another one."""
    _synced[:] = [weakref.ref(tracker)]


def _synced_tracker() -> ExperimentTracker | None:
    tracker = _synced[0]() if _synced else None
    return None if tracker is None or tracker._pipeline.closed else tracker  # noqa: SLF001 - a part of the tracker


class WrittenRun:
    """A run, begun when it is first needed and taken up again after its end.

    Args:
        tracker: None for one of its own.
        shared: whether other writers of that folder in this process write the same run.
        resumes: whether to go on with the newest run of that folder.
    """

    def __init__(self, tracker: ExperimentTracker | None, folder: LogDir, *, shared: bool, resumes: bool) -> None:
        if tracker is not None and not isinstance(tracker, ExperimentTracker):
            raise TypeError(
                f"tracker is an ExperimentTracker, or None for one of its own; not {type(tracker).__name__}"
            )
        tracker = tracker or _synced_tracker()
        self.id = ""
        self.open = False
        self._given = tracker
        self._tracker = tracker
        self._folder = folder
        self._shared = shared
        self._resumes = resumes
        self._child: ChildRun | None = None
        self._ours = True
        self._hparams: list[Mapping[str, object]] = []
        self._explained = False
        _runs.add(self)

    @property
    def tracker(self) -> ExperimentTracker:
        """The tracker; one of its own is made anew after its end."""
        if self._tracker is None:
            self._tracker = ExperimentTracker(experiment_name=self._folder.experiment)
        return self._tracker

    @property
    def disabled(self) -> bool:
        """Whether every call is to do nothing."""
        return self.tracker.settings.disabled

    def begin(self) -> Self:
        """Begin it, or take it up again; twice is once."""
        if not self.open:
            if self._given is None:
                self._begin_own(self.tracker)
            else:
                self._begin_in(self._given)
            self.open = True
        return self

    def log(self, key: str, value: float, step: float | None, time_ns: int | None) -> None:
        """Log one point, now or at its own time."""
        tracker = self.tracker
        if time_ns is None:
            tracker.log_metrics({key: value}, step, run_id=self.id)
        else:
            tracker._log_metrics_slowly({key: value}, step, self.id, time_ns)  # noqa: SLF001 - a part of the tracker

    def log_all(self, tag: str, numbers: Mapping[str, float], step: float | None, time_ns: int | None) -> None:
        """Log a point of each number below a tag."""
        metrics = {f"{tag}/{name}": number for name, number in numbers.items()}
        self.tracker._log_metrics_slowly(metrics, step, self.id, time_ns)  # noqa: SLF001 - a part of the tracker

    def log_child(
        self,
        name: str,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        step: float | None,
        tags: Mapping[str, object],
    ) -> None:
        """Log a run that is a part of this one, whole."""
        tracker = self.tracker
        parent = tracker._run(self.id)  # noqa: SLF001 - this is a part of the tracker
        child = ChildRun(tracker, parent, name=name, group=None, params=params, tags=tags)
        if metrics:
            tracker.log_metrics(metrics, step, run_id=child.id)
        child.end("FINISHED", {})
        self._hparams.append(params)

    def settle(self) -> None:
        """Give the params of the only child to the run itself, whose curves they explain; twice is once."""
        active = self.open and self.id in self.tracker._runs.by_id  # noqa: SLF001 - this is a part of the tracker
        if active and len(self._hparams) == 1 and not self._explained:
            self._explained = True
            self.tracker.log_params(self._hparams[0], run_id=self.id)

    def flush(self) -> None:
        """Wait until what was logged is visible; a disk that takes nothing is said, not raised."""
        self.tracker._make_visible()  # noqa: SLF001 - this is a part of the tracker

    def end(self, status: Status) -> None:
        """End what was begun here; what it logged is visible to every reader on return."""
        if not self.open:
            return
        self.settle()
        self.open = False
        tracker = self.tracker
        if self._given is not None:
            _taken.get(tracker, set()).discard(self.id)
        if self._child is not None:
            self._child.end(status, {})
            self._child = None
        elif self._ours:
            tracker.end_run(status, run_id=self.id)
        if self._given is None:
            tracker.close()
            self._tracker = None

    def _begin_own(self, tracker: ExperimentTracker) -> None:
        """Start a run, or go on with the one that this process has for the folder."""
        place = str(tracker.layout.root), self._folder.identity
        known = self.id or (_run_of_folder.get(place, "") if self._shared else "")
        if not known and self._resumes and not self.disabled:
            known = self._newest(tracker)
        tags = {TAG: self._folder.path}
        if known:
            self.id = str(tracker.start_run(self._folder.name, run_id=known, resume="allow", tags=tags))
        else:
            # STEPLOG_RUN_ID names the first run of a process; that of a further writer would be the same one
            fresh = new_run_id(tracker._now()) if _run_of_folder else None  # noqa: SLF001 - a part of the tracker
            self.id = str(tracker.start_run(self._folder.name, run_id=fresh, tags=tags))
        _run_of_folder[place] = self.id

    def _begin_in(self, tracker: ExperimentTracker) -> None:
        """Log to the current run, or to a child of it, or start one."""
        taken = _taken.setdefault(tracker, set())
        current = tracker._runs.current()  # noqa: SLF001 - this is a part of the tracker
        tags = {TAG: self._folder.path}
        if current is None:
            known = self.id or None
            self.id = str(tracker.start_run(self._folder.name, run_id=known, resume="allow", tags=tags))
        elif current.id in taken and current.id != self.id:
            self._child = ChildRun(tracker, current, name=self._folder.name, group=None, params={}, tags=tags)
            self.id = self._child.id
        else:
            self.id, self._ours = current.id, False
            tracker.set_tags(tags, run_id=self.id)
        taken.add(self.id)

    def _newest(self, tracker: ExperimentTracker) -> str:
        """The run of this folder that was started last, by any process; "" where there is none."""
        from readers.lookup import facts_of  # Arrow

        tracker._make_visible()  # noqa: SLF001 - this is a part of the tracker
        wanted = to_json(self._folder.path)
        found = [fact.run_id for fact in facts_of(tracker.layout, "tag") if (fact.key, fact.value) == (TAG, wanted)]
        return found[-1] if found else ""


def _at_exit() -> None:
    for run in list(_runs):
        run.settle()


atexit.register(_at_exit)  # hooks that came last go first: these before the trackers' own, which end the runs
