"""ChildRun: a run beside the current one, which it never becomes: a trial of a search, as it goes or after the fact.

A search begins and ends children by the thousand, from any thread, some of them long after they happened. So a child
takes its times as arguments, records no environment of its own (its parent has it), and its end waits for nothing:
what it logged is safe when the call has returned, as everything is, and visible to readers on this host.
"""

import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingest.events import STEP_INT, STEP_NONE, ParamsLogged, RunEnded, RunStarted, TagsSet
from ingest.layout import new_run_id
from ingest.metricscall import MetricsCall
from tracker.paramlogging import as_texts
from tracker.run import ActiveRun, Status

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker


class ChildRun:
    """A run with a parent, from its start to its end.

    Args:
        parent: the run that it is a part of; active in the tracker.
        name, group, params, tags: as for start_run.
        time_ns: when it began; None: now.
    """

    def __init__(
        self,
        tracker: "ExperimentTracker",
        parent: ActiveRun,
        *,
        name: str,
        group: str | None,
        params: Mapping[str, object],
        tags: Mapping[str, object],
        time_ns: int | None = None,
    ) -> None:
        param_texts, tag_texts = as_texts("param", params), as_texts("tag", tags)
        self._tracker = tracker
        now = tracker._now()  # noqa: SLF001 - this is a part of the tracker
        run = ActiveRun(new_run_id(now), parent.experiment, name, last_metrics=tracker._read_last_metrics)  # noqa: SLF001
        self._run = run
        started = now if time_ns is None else time_ns
        tracker._runs.add_beside(run)  # noqa: SLF001
        tracker._pipeline.run_started()  # noqa: SLF001
        tracker._append(  # noqa: SLF001
            RunStarted(
                run.id,
                run.experiment,
                started,
                name,
                parent_run_id=parent.id,
                group=group,
                rank=tracker.settings.rank,
                host=socket.gethostname(),
                pid=os.getpid(),
            )
        )
        tracker._begin_forwarding(run)  # noqa: SLF001
        tracker._append(TagsSet(run.id, run.experiment, started, tag_texts))  # noqa: SLF001
        if param_texts:
            tracker._append(ParamsLogged(run.id, run.experiment, started, param_texts))  # noqa: SLF001

    @property
    def id(self) -> str:
        """The run's id, for `run_id=` of the tracker's methods."""
        return self._run.id

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None, time_ns: int | None = None) -> None:
        """Log floats, at a time that may be past."""
        tracker, run = self._tracker, self._run
        if not metrics:
            return
        kind = STEP_NONE if step is None else STEP_INT
        moment = tracker._now() if time_ns is None else time_ns  # noqa: SLF001 - this is a part of the tracker
        call = MetricsCall(run.id, run.experiment, moment, step, kind, tuple(metrics), tuple(metrics.values()))
        binding = call.put(lambda: tracker._open_queue(run))  # noqa: SLF001
        if binding is not None:
            run.binding = binding

    def end(self, status: Status, tags: Mapping[str, object], time_ns: int | None = None) -> None:
        """Set the last tags and end it; twice is once."""
        tracker, run = self._tracker, self._run
        if run.ended:
            return
        moment = tracker._now() if time_ns is None else time_ns  # noqa: SLF001 - this is a part of the tracker
        texts = as_texts("tag", tags)
        try:
            if texts:
                tracker._append(TagsSet(run.id, run.experiment, moment, texts))  # noqa: SLF001
            tracker._append(RunEnded(run.id, run.experiment, moment, run.status or status))  # noqa: SLF001
        finally:
            tracker._runs.remove(run)  # noqa: SLF001
            tracker._pipeline.run_ended()  # noqa: SLF001
