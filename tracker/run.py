"""The active run: its id, its state, its way into the queue, and which one a log call without run_id means.

Each thread and each asyncio task may have a run of its own; whoever started none logs to the process-wide one. A run
started where its predecessor was started takes its place (the predecessor ends, with a warning), unless it is nested:
then the predecessor comes back when it ends.
"""

import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, cast

from ingest.layout import RUN_ID
from ingest.shapes import Binding

if TYPE_CHECKING:
    from asyncio import Task

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED"]
STATUSES: tuple[Status, ...] = ("RUNNING", "FINISHED", "FAILED", "KILLED", "INTERRUPTED")


def _unbound(_: bytes) -> int:
    raise ValueError("the run has no queue file yet")


UNBOUND = Binding(_unbound, "", "", iter(()))
"""What a run is bound to before its first metric, and in a forked child."""


class _EndsRuns(Protocol):
    def end_run(self, status: str = "FINISHED", *, run_id: str | None = None) -> None: ...


class RunId(str):
    """A run's id; as a context manager it ends the run: FAILED when the block raises, KILLED on Ctrl-C."""

    __slots__ = ("_tracker",)
    _tracker: _EndsRuns

    @classmethod
    def of(cls, run_id: str, tracker: _EndsRuns) -> "RunId":
        """An id that knows its tracker."""
        made = cls(run_id)
        made._tracker = tracker
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tracker.end_run(status_after(error), run_id=str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


class ActiveRun:
    """A run that this process writes."""

    def __init__(
        self,
        run_id: str,
        experiment: str,
        name: str,
        previous: "ActiveRun | None" = None,
        last_metrics: Callable[[str], dict[str, float]] | None = None,
    ) -> None:
        self.id = run_id
        self.experiment = experiment
        self.name = name
        self.previous = previous
        self.binding: Binding = UNBOUND
        self.status: Status | None = None
        """What set_run_status said; it survives end_run."""
        self.ended = False
        self.inherited = False
        """Whether the process that started it is this one's parent: it is not ours to end."""
        self.attached = False
        """Whether an inherited run has said that this process writes to it."""
        self.stop = False
        """Whether it was asked to stop when that was last looked at."""
        self.stop_look_s = 0.0
        """When that is to be looked at next, on the monotonic clock."""
        self._last_metrics = last_metrics
        self._thread = weakref.ref(threading.current_thread())
        task = _task()
        self._task = weakref.ref(task) if task is not None else None

    @property
    def last_metrics(self) -> dict[str, float]:
        """The last value of each metric, read back from the store."""
        return self._last_metrics(self.id) if self._last_metrics else {}

    def started_here(self) -> bool:
        """Whether the caller stands where this run was started, or nobody stands there any more."""
        thread = self._thread()
        if thread is None or not thread.is_alive():
            return True
        if thread is not threading.current_thread():
            return False
        if self._task is None:
            return _task() is None  # started outside of all tasks: those that run inside of it have their own
        task = self._task()
        return task is None or task.done() or task is _task()

    def inherit(self) -> None:
        """Make this a forked child's copy."""
        self.binding, self.inherited, self.attached = UNBOUND, True, False


class ActiveRuns:
    """The runs one tracker has active, and which of them a call means."""

    def __init__(self) -> None:
        self.by_id: dict[str, ActiveRun] = {}
        self.only: ActiveRun | None = None
        """The one run that every call without run_id means, when there is no other choice: the log call's short way."""
        self._default: ActiveRun | None = None
        self._lock = threading.RLock()

    def current(self) -> ActiveRun | None:
        """The run of this thread or task, else the process-wide one."""
        run = _context.get().get(id(self))
        while run is not None and run.ended:
            run = run.previous
        if run is not None and self.by_id.get(run.id) is run:
            return run
        return self._default

    def here(self) -> ActiveRun | None:
        """The run that a start_run here would take the place of."""
        run = self.current()
        return run if run is not None and run.started_here() else None

    def add(self, run: ActiveRun) -> None:
        """Make a run the current one here; its tracker lives as long as the run is active."""
        with self._lock:
            self.by_id[run.id] = run
            _kept.add(run)
            if self._default is None or self._default.ended or self._default is run.previous:
                self._default = run
            self._refresh()
        _context.set({**_context.get(), id(self): run})

    def add_beside(self, run: ActiveRun) -> None:
        """Let calls with its run_id mean a run, and no others."""
        with self._lock:
            self.by_id[run.id] = run
            _kept.add(run)
            self._refresh()

    @contextmanager
    def within(self, run: ActiveRun) -> Iterator[None]:
        """Let calls without run_id mean a run that is beside the current one, in this block and this thread or task."""
        token = _context.set({**_context.get(), id(self): run})
        try:
            yield
        finally:
            _context.reset(token)

    def remove(self, run: ActiveRun) -> None:
        """Forget an ended run; the one it was nested in comes back."""
        with self._lock:
            run.ended = True
            _kept.discard(run)
            if self.by_id.get(run.id) is run:
                del self.by_id[run.id]
            default = self._default
            while default is not None and default.ended:
                default = default.previous
            self._default = default
            self._refresh()
        mine = {key: active for key, active in _context.get().items() if active is not run}
        if run.previous is not None and not run.previous.ended:
            mine[id(self)] = run.previous
        _context.set(mine)

    def forked(self) -> None:
        """In a forked child: the runs are the parent's to end; another of its threads may have held the lock."""
        self._lock = threading.RLock()
        for run in self.by_id.values():
            run.inherit()

    def _refresh(self) -> None:
        chain, length = self._default, 0
        while chain is not None:
            length += not chain.ended
            chain = chain.previous
        self.only = self._default if length == len(self.by_id) else None


_context: ContextVar[Mapping[int, ActiveRun]] = ContextVar("steplog_active_runs", default=MappingProxyType({}))


_kept: set[ActiveRun] = set()
"""Active runs, and through them their trackers, so that the end of the process can end them."""


def check_status(status: object) -> Status:
    """The status in capitals. Raises: ValueError: none of STATUSES."""
    wanted = status.upper() if isinstance(status, str) else status
    if wanted not in STATUSES:
        raise ValueError(f"status is {status!r}; it can be {', '.join(STATUSES)}")
    return wanted


def check_run_id(run_id: object, what: str = "run_id") -> str:
    """The id as a plain str. Raises: ValueError: not fit to name a folder."""
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise ValueError(
            f"{what} is {run_id!r}; it is 1 to 128 letters, digits, '.', '_' or '-', a letter or digit first"
        )
    return str(run_id)


def status_after(error: BaseException | None) -> Status:
    """The status of a run whose block was left by an exception, or by none."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "FINISHED"
    return "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"


def _task() -> "Task[Any] | None":
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:  # nobody imported it, so no task runs
        return None
    try:
        return cast("Task[Any] | None", asyncio.current_task())
    except RuntimeError:  # no event loop runs in this thread
        return None
