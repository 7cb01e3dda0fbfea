"""A run's life: start, nest, resume, set a status, end.

A run belongs to the process that started it. Other processes write to it too: ranks by starting it with the same
run_id, forked or spawned children just by logging; those never end it. Ending waits until every reader can see what
was logged, but not for ever, and says what is left.
"""

import os
import socket
import sys
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from ingest.errors import NoActiveRun, RunNotFound, SinkFailed, WriterClosed
from ingest.events import FactLogged, ParamsLogged, RunEnded, RunStarted, StatusSet, TagsSet
from ingest.jsontext import to_json
from ingest.layout import new_run_id
from ingest.pipeline import Pipeline
from tracker.paramlogging import as_texts
from tracker.run import ActiveRun, RunId, check_run_id, check_status, status_after
from tracker.settings import TrackerSettings, check_name
from tracker.stopping import Stopping

Resume = bool | Literal["allow", "must"]


class RunLifecycle(Stopping):
    """The part of ExperimentTracker that begins and ends runs."""

    settings: TrackerSettings
    _pipeline: Pipeline

    def _begin_auto_log(self, run: ActiveRun) -> None:
        """Start recording what is recorded unasked."""
        raise NotImplementedError

    def _end_auto_log(self, run: ActiveRun) -> None:
        """Stop it; what was captured is logged on return."""
        raise NotImplementedError

    def _begin_forwarding(self, run: ActiveRun) -> None:
        """Let a run be sent to a server."""
        raise NotImplementedError

    def _settle_forwarding(self, run: ActiveRun) -> None:
        """Wait for it, within limits."""
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
        group = None if group is None else check_name("group", group)
        if resume not in (True, False, "allow", "must"):
            raise ValueError(f"resume is {resume!r}; it can be True, False, 'allow' or 'must'")
        parent_id = None if parent is None else check_run_id(str(parent), "parent")
        tag_texts, param_texts = as_texts("tag", tags or {}), as_texts("param", params or {})
        here = self._runs.here()
        wanted = check_run_id(run_id) if run_id is not None else self._environment_run_id(resume=resume)
        if self._disabled:
            return RunId.of(wanted or new_run_id(self._now()), self)
        experiment, known_name, resumed = self._find(wanted, resume)
        if resumed and wanted is not None:
            self._forget_stop(wanted)
        if nested:
            outer = self._runs.current()  # also one that another thread or task has started
            parent_id = parent_id or (None if outer is None else outer.id)
        elif here is not None and parent_id != here.id:
            self._replace(here)
            here = None
        if self._pipeline.closed:
            raise WriterClosed("the tracker is closed; make a new ExperimentTracker")
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
                parent_run_id=parent_id,
                group=group,
                rank=self.settings.rank,
                host=socket.gethostname(),
                pid=os.getpid(),
            )
        )
        self._begin_forwarding(run)
        if tag_texts:
            self._append(TagsSet(run.id, experiment, time_ns, tag_texts))
        if param_texts:
            self._append(ParamsLogged(run.id, experiment, time_ns, param_texts))
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
        try:
            if not run.inherited:
                self._append(RunEnded(run.id, run.experiment, self._now(), run.status or wanted))
        finally:
            self._runs.remove(run)
        if run.inherited:
            if run.attached:
                self._pipeline.run_ended()
            return
        self._pipeline.run_ended()
        if self._pipeline.interrupted():  # a signal handler in the middle of a log call: that can't be waited for
            return
        try:
            self._pipeline.flush(self.settings.pipeline.close_timeout_s)
        except (SinkFailed, TimeoutError) as error:
            self._fault("end_run", error)
        self._settle_forwarding(run)

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
        found = self._look_up(run_id)
        if found is None and resume:
            found = self._look_up_everywhere(run_id)
        if found is not None:
            return *found, bool(resume)
        if resume in (True, "must"):
            raise RunNotFound.among("run", run_id, self._store().run_ids(), hint="start_run(run_id=...) makes it")
        return self.settings.experiment, None, False

    def _environment_run_id(self, *, resume: Resume) -> str | None:
        """STEPLOG_RUN_ID, for the first run of this tracker or to resume."""
        wanted = self.settings.run_id
        if wanted is None or (self._last_run_id is not None and not resume):
            return None
        return check_run_id(wanted, "STEPLOG_RUN_ID")

    def _look_up(self, run_id: str) -> tuple[str, str] | None:
        from readers.lookup import find_run  # Arrow

        self._make_visible()
        return find_run(self.layout, run_id)

    def _look_up_everywhere(self, run_id: str) -> tuple[str, str] | None:
        """The same of what other nodes have logged to this address: a run may go on elsewhere."""
        from readers.lookup import find_run  # Arrow

        return None if self.settings.address is None else self._nearest(lambda layout: find_run(layout, run_id))

    def _read_last_metrics(self, run_id: str) -> dict[str, float]:
        from readers.lookup import last_metrics  # Arrow

        self._make_visible()
        return last_metrics(self.layout, run_id)

    def _read_extremes(self, run_id: str) -> list[tuple[str, float, float]]:
        """Give each metric of a run with its lowest and highest value, as the store has them by now."""
        from readers.lookup import extremes  # Arrow

        self._make_visible()
        return self._nearest(lambda layout: extremes(layout, run_id))

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
