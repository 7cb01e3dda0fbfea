"""A run's life: start, nest, resume, set a status, end.

A run belongs to the process that started it. Other processes write to it too: ranks by starting it with the same
run_id, forked or spawned children just by logging; those never end it. Ending waits until every reader can see what
was logged, but not for ever, and says what is left.
"""

import functools
import inspect
import os
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar

from ingest.errors import NoActiveRun, RunNotFound, SinkFailed
from ingest.events import FactLogged, RunEnded, RunStarted, StatusSet
from ingest.jsontext import to_json
from ingest.layout import new_run_id
from ingest.pipeline import Pipeline
from tracker.facade import Facade
from tracker.run import ActiveRun, ActiveRuns, RunId, check_run_id, check_status, status_after
from tracker.settings import TrackerSettings, check_name

_P = ParamSpec("_P")
_T = TypeVar("_T")
Resume = bool | Literal["allow", "must"]


class RunLifecycle(Facade):
    """The part of ExperimentTracker that begins and ends runs."""

    settings: TrackerSettings
    _pipeline: Pipeline
    _runs: ActiveRuns

    def _begin_auto_log(self, run: ActiveRun) -> None:
        """Start recording what is recorded unasked."""
        raise NotImplementedError

    def _end_auto_log(self, run: ActiveRun) -> None:
        """Stop it; what was captured is logged on return."""
        raise NotImplementedError

    def log_params(self, params: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """See ExperimentTracker."""
        raise NotImplementedError

    def log_metrics(self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None) -> None:
        """See ExperimentTracker."""
        raise NotImplementedError

    def set_tags(self, tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """See ExperimentTracker."""
        raise NotImplementedError

    def start_run(
        self,
        run_name: str | None = None,
        *,
        run_id: str | None = None,
        resume: Resume = False,
        parent: str | None = None,
        nested: bool = False,
        group: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> RunId:
        """Start a run and make it the current one here (in this thread or task; the first one, in the whole process).

        Args:
            run_name: for people; need not be unique. Default: "run-" and the end of the id.
            run_id: to join or resume a run, from another process or later. Default: a new id, which sorts by time.
            resume: True or "must": the run must exist; "allow": it may. Without it, a run_id that exists is joined too.
            parent: id of the run that this is a part of.
            nested: make the current run the parent, and keep it open; otherwise it ends, with a warning.
            group: a word that runs to be compared share.
            tags, params: logged at once.

        Returns: the run's id, a str that is a context manager: `with tracker.start_run(...):` ends it, as FAILED when
            the block raises.
        Raises: RunNotFound: nothing to resume. TypeError, ValueError: of the arguments.
        """
        name = None if run_name is None else check_name("run_name", run_name)
        here = self._runs.here()
        wanted = check_run_id(run_id) if run_id is not None else self._environment_run_id(resume=resume)
        if self._disabled:
            return RunId.of(wanted or new_run_id(self._now()), self)
        experiment, known_name, resumed = self._find(wanted, resume)
        if nested and here is not None:
            parent = parent or here.id
        elif here is not None and parent != here.id:
            self._replace(here)
            here = None
        time_ns = self._now()
        run = ActiveRun(
            wanted or new_run_id(time_ns), experiment, "", previous=here, last_metrics=self._read_last_metrics
        )
        run.name = name or known_name or f"run-{run.id[-6:]}"
        self._runs.add(run)
        self._last_run_id = run.id
        self._pipeline.run_started()
        self._append(
            RunStarted(
                run.id,
                experiment,
                time_ns,
                run.name,
                resumed=resumed,
                parent_run_id=None if parent is None else check_run_id(str(parent)),
                group=group,
                rank=self.settings.rank,
                host=socket.gethostname(),
                pid=os.getpid(),
            )
        )
        if tags:
            self.set_tags(tags)
        if params:
            self.log_params(params)
        self._begin_auto_log(run)
        return RunId.of(run.id, self)

    def end_run(self, status: str = "FINISHED", *, run_id: str | None = None) -> None:
        """End a run; what it logged is visible to every reader on return, and Parquet about a second later.

        Args:
            status: FINISHED, FAILED or KILLED; what `set_run_status` said before stays.
            run_id: default: the current run. When there is none, nothing happens: `finally: end_run()` is always right.
        """
        wanted = check_status(status)
        run = self._runs.by_id.get(run_id) if run_id is not None else self._runs.current()
        if run is None or self._disabled:
            return
        self._end_auto_log(run)
        if not run.inherited:
            self._append(RunEnded(run.id, run.experiment, self._now(), run.status or wanted))
        self._runs.remove(run)
        if run.inherited:
            if run.attached:
                self._pipeline.run_ended()
            return
        self._pipeline.run_ended()
        try:
            self._pipeline.flush(self.settings.pipeline.close_timeout_s)
        except (SinkFailed, TimeoutError) as error:
            self._fault("end_run", error)

    def finish(self, status: str = "FINISHED") -> None:
        """The same as `end_run`."""
        self.end_run(status)

    def set_run_status(self, status: str, *, run_id: str | None = None) -> None:
        """Set the run's status: RUNNING, FINISHED, FAILED, KILLED or INTERRUPTED. It survives `end_run`."""
        wanted = check_status(status)
        if self._disabled:
            return
        run = self._run(run_id)
        run.status = None if wanted == "RUNNING" else wanted
        self._append(StatusSet(run.id, run.experiment, self._now(), wanted))

    def active_run(self) -> str | None:
        """The id of the current run, or None."""
        run = self._runs.current()
        return None if run is None else run.id

    def tracked(self, run_name: str | None = None, **options: Any) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
        """Decorator: each call of the function is a run.

        Its arguments become params, a returned dict of numbers becomes metrics; the run is FAILED when it raises.
        `run_name` defaults to the function's name; `options` go to `start_run`.
        """

        def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
            signature = inspect.signature(function)

            @functools.wraps(function)
            def run_it(*args: _P.args, **kwargs: _P.kwargs) -> _T:
                bound = signature.bind(*args, **kwargs)
                bound.apply_defaults()
                with self.start_run(run_name or function.__name__, **options):
                    self.log_params(dict(bound.arguments))
                    result = function(*args, **kwargs)
                    if isinstance(result, Mapping):
                        self.log_metrics(result)
                    return result

            return run_it

        return decorate

    def _run(self, run_id: str | None) -> ActiveRun:
        """The active run that a call means. Raises: NoActiveRun."""
        run = self._runs.by_id.get(run_id) if run_id is not None else self._runs.current()
        if run is not None:
            return run
        active = ", ".join(self._runs.by_id) or "none"
        if run_id is not None:
            raise NoActiveRun(
                f"run {run_id!r} is not active in this tracker (active: {active}); "
                "start it by start_run(run_id=..., resume=True)"
            )
        raise NoActiveRun("no run is active: call start_run() before logging, and log before end_run()")

    def _replace(self, run: ActiveRun) -> None:
        warnings.warn(
            f"run {run.name!r} ({run.id}) was still active and is ended by this start_run; call end_run() first, or "
            "start_run(nested=True) to keep it open",
            stacklevel=3,
        )
        self.end_run(run_id=run.id)

    def _find(self, run_id: str | None, resume: Resume) -> tuple[str, str | None, bool]:
        """(experiment, name, whether it was there) of a run to join or resume."""
        if run_id is None:
            if resume in (True, "must"):
                raise ValueError("resume=True needs run_id=, or STEPLOG_RUN_ID: which run shall go on?")
            return self.settings.experiment, None, False
        if run_id in self._runs.by_id:
            raise ValueError(f"run {run_id!r} is active in this tracker already; end it first, or log with run_id=")
        found = self._store().find_run(run_id)
        if found is not None:
            return found["experiment"], found["run_name"], bool(resume)
        if resume in (True, "must"):
            raise RunNotFound.among("run", run_id, self._store().run_ids(), hint="start_run(run_id=...) makes it")
        return self.settings.experiment, None, False

    def _environment_run_id(self, *, resume: Resume) -> str | None:
        """STEPLOG_RUN_ID, for the first run of this tracker or to resume."""
        wanted = self.settings.run_id
        if wanted is None or (self._last_run_id is not None and not resume):
            return None
        return check_run_id(wanted)

    def _read_last_metrics(self, run_id: str) -> dict[str, float]:
        return self._store().last_metrics(run_id)

    def _attach(self, run: ActiveRun) -> None:
        """In a child process: say that it writes to its parent's run, and be awake as long as it may."""
        self._pipeline.run_started()
        items = {"pid": to_json(os.getpid()), "host": to_json(socket.gethostname())}
        self._append(FactLogged(run.id, run.experiment, self._now(), "attach", items))

    def _end_all(self) -> None:
        """End every run that is still active as the process's end says: FAILED after an unhandled exception."""
        error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        interactive = hasattr(sys, "ps1")  # there, the last exception may be of an earlier cell
        for run in list(self._runs.by_id.values()):
            if not run.inherited:
                self.end_run("FINISHED" if interactive else status_after(error), run_id=run.id)
