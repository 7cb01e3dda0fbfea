"""The writer: what MLflow's calls tell, as events of one pipeline for each store and process.

Guarantee: when a method has returned, what it was given survives the death of the process (see ingest.queue).

A run that was created here is *owned*: this process counts as its writer until it ends it, or dies, and then the run is
INTERRUPTED. Any process may log to any run, as MLflow allows: to a run that isn't its own it says so by an "attach"
fact, as a forked child of a tracker does, and its death says nothing about the run.

`log` is what is called a million times. As in tracker.metriclogging, the keys are looked up among the shapes declared
in the current queue file, and numbers are packed behind the prefix that was encoded then.
"""

import functools
import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_STATE

from ingest.errors import SinkFailed, StoreError
from ingest.events import STEP_INT, FactEvent, FactLogged, RunEnded, RunStarted
from ingest.frames import frame
from ingest.jsontext import REMOVED, to_json
from ingest.layout import Layout
from ingest.metricscall import MetricsCall
from ingest.pipeline import Pipeline
from tracker.mlflowstore.row import Row
from tracker.run import UNBOUND
from tracker.settings import read_settings

LOOK_AGAIN_S = 1.0
"""How long is believed what was read of a run that this process doesn't own."""
IDLE_S = 60.0
"""How long such a run is remembered after it was last looked at."""
_log = logging.getLogger("steplog")


class WrittenRun:
    """A run that this process has written to."""

    __slots__ = ("attached", "binding", "deleted", "experiment", "id", "params", "pid", "row", "seen_s")

    def __init__(self, run_id: str, experiment: str, params: dict[str, str] | None, *, owned: bool) -> None:
        self.id = run_id
        self.experiment = experiment
        self.params = params
        """Texts of those that are known to be set; None before anybody asked."""
        self.pid = os.getpid() if owned else 0
        """The process that owns it, if it is this one or its parent."""
        self.attached = owned
        self.deleted = False
        self.row: Row | None = None
        """What it is, where this process owns it and nobody needs to read it."""
        self.binding = UNBOUND
        self.seen_s = time.monotonic()

    @property
    def owned(self) -> bool:
        """Whether it is this process's to end."""
        return self.pid == os.getpid()

    @property
    def known(self) -> bool:
        """Whether what was read of it needn't be read again."""
        return self.pid != 0 or time.monotonic() - self.seen_s < LOOK_AGAIN_S


class RunWriter:
    """The way into one store; `at` gives the one of this process, so that stores and artifacts share it."""

    def __init__(self, root: Path) -> None:
        settings = read_settings(root, None, "local", None, auto_log=False, strict=None, pipeline=None)
        self.layout = Layout(root, settings.pipeline.queue_dir)
        self.runs: dict[str, WrittenRun] = {}
        self._settings = settings
        self._pipeline = Pipeline(self.layout, settings.pipeline, rank=settings.rank)
        self._made = False

    @staticmethod
    @functools.cache  # MLflow makes stores and artifact repositories apart, each from its address
    def at(root: Path) -> "RunWriter":
        """This process's writer of a store."""
        return RunWriter(root)

    def start(self, event: RunStarted) -> WrittenRun:
        """Own a run from now on: one that begins, or one that is resumed or joined."""
        run = WrittenRun(event.run_id, event.experiment, None if event.resumed else {}, owned=True)
        self._open().run_started()
        self.append(event)
        self.runs[run.id] = run
        return run

    def end(self, run: WrittenRun, status: str, time_ns: int) -> None:
        """End a run that this process owns; on return every reader sees what it logged."""
        self.append(RunEnded(run.id, run.experiment, time_ns, status))
        self.runs.pop(run.id, None)
        pipeline = self._open()
        pipeline.run_ended()
        if pipeline.interrupted():
            return
        try:
            pipeline.flush(self._settings.pipeline.close_timeout_s)
        except (SinkFailed, TimeoutError) as error:
            _log.warning("steplog: what run %s logged waits in the queue, and is safe there: %s", run.id, error)

    def append(self, event: FactEvent) -> None:
        """Write a fact."""
        self._open().append(event)

    def tell(self, run_id: str, experiment: str, kind: str, items: Mapping[str, object]) -> None:
        """Write facts of one kind about a run, or about what isn't one; a value of None takes a fact back."""
        texts = {key: REMOVED if value is None else to_json(value) for key, value in items.items()}
        self.append(FactLogged(run_id, experiment, time.time_ns(), kind, texts))

    def log(self, run: WrittenRun, keys: tuple[str, ...], values: tuple[float, ...], time_ns: int, step: int) -> None:
        """Write one point of each metric. Raises: struct.error: a time or step of more than 64 bits."""
        try:
            binding = run.binding
            pack, prefix = binding.with_step[keys]
            binding.write(frame(pack(prefix, time_ns, step, *values)))
        except (KeyError, ValueError):  # new keys, a full file, a fork
            self.attach(run)
            call = MetricsCall(run.id, run.experiment, time_ns, step, STEP_INT, keys, values)
            bound = call.put(lambda: self._open().queue())
            if bound is not None:
                run.binding = bound

    def attach(self, run: WrittenRun) -> None:
        """Say that this process writes to a run, unless it has."""
        if run.attached and run.pid in {0, os.getpid()}:
            return
        run.attached, run.pid = True, 0
        self._open().run_started()
        items = {"pid": to_json(os.getpid()), "host": to_json(socket.gethostname())}
        self.append(FactLogged(run.id, run.experiment, time.time_ns(), "attach", items))

    def forget_idle(self) -> None:
        """Forget the runs of others that nothing was logged to for a while: a server meets very many."""
        since = time.monotonic() - IDLE_S
        for run in [run for run in list(self.runs.values()) if run.pid == 0 and run.seen_s < since]:
            self.runs.pop(run.id, None)
            if run.attached:
                self._open().run_ended()

    def _open(self) -> Pipeline:
        """The pipeline, in a store that is there. Raises: MlflowException: the folder can't be written."""
        if not self._made:
            try:
                self.layout.create()
            except StoreError as error:
                raise MlflowException(str(error), INVALID_STATE) from error
            self._made = True
        return self._pipeline
