"""ExperimentTracker: each method checks its arguments, builds one event, and appends it.

Guarantee: when a log method has returned, what it logged survives the death of the process (see ingest.queue), and a
fault of the disk or of anything behind the queue never raises here: it is counted, said once, and tried again. What
does raise is misuse of an argument, logging without a run, and what the user chose: `strict=True`, overflow "raise".

It is made of parts, a mixin for each kind of call (metrics in tracker.metriclogging, and so on); what stands here is
how it begins and ends, and what the parts share.
"""

import logging
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from ingest.errors import SinkFailed
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings
from ingest.stats import Stats
from readers.store import Store
from tracker.answers import Answers
from tracker.artifacts import ArtifactLogging
from tracker.autolog import AutoLog
from tracker.checkpoints import CheckpointLogging
from tracker.diagnostics import DiagnosticLogging
from tracker.hooks import enrol
from tracker.modelanswers import ModelAnswers
from tracker.models import ModelLogging
from tracker.modelstages import ModelStages
from tracker.paramlogging import ParamLogging
from tracker.run import ActiveRun, ActiveRuns
from tracker.services import Services
from tracker.settings import DEFAULT_OUTPUT_DIR, read_settings
from tracker.spool import opened, spool_settings
from tracker.tracked import TrackedCalls

if TYPE_CHECKING:
    from readers.mlflow.process import Forwarding
    from readers.objects.process import Uploading
    from tracker.forwarding import RemoteRuns
    from tracker.uploads import Uploads

_log = logging.getLogger("steplog")


class ExperimentTracker(
    Services,
    TrackedCalls,
    ParamLogging,
    ArtifactLogging,
    ModelLogging,
    ModelStages,
    ModelAnswers,
    CheckpointLogging,
    DiagnosticLogging,
    Answers,
):
    """Tracks the runs of one experiment: params, metrics, tags, artifacts, models, into open files.

    Args:
        output_dir: the store's folder, made when missing; several trackers and processes may share it. Or an address
            of object storage, s3://bucket/prefix (also gs://, az://): what is logged goes to a folder on this host,
            and from there to the bucket, by a process beside this one (see tracker.uploads).
        experiment_name: what the runs belong to; slashes make a hierarchy. Default: "default".
        backend: "local"; with "mlflow" and "both" the runs are also sent to an MLflow server, by a process that reads
            the store's files. Both write the store. With "mlflow" it is the server that answers what is asked of runs.
        mlflow_tracking_uri: the server for these. Default: MLFLOW_TRACKING_URI, or what mlflow.set_tracking_uri said.
        auto_log: record the environment, git state, system metrics, and the params of logged models.
        strict: True raises background failures at the next call. False goes on in a temporary folder when output_dir
            can't be used, and without queue_dir when that can't. Default: both raise here, later failures warn.
        pipeline: the queue's and the writer's settings; see PipelineSettings.

    Raises: StoreUnavailable: output_dir can't be used. ObjectsUnavailable: it is an address, and obstore isn't
        installed; a network that is away raises nothing. FormatTooNew. ForwardingError: no server is named, or MLflow
        isn't installed. TypeError, ValueError: of the arguments.

    As a context manager it closes itself. At exit of the process open runs end (FAILED after an unhandled exception;
    the code of sys.exit can't be seen, so such a run is FINISHED) and everything is sealed.
    """

    def __init__(
        self,
        output_dir: str | os.PathLike[str] = DEFAULT_OUTPUT_DIR,
        experiment_name: str | None = None,
        backend: str = "local",
        mlflow_tracking_uri: str | None = None,
        auto_log: bool = True,
        *,
        strict: bool | None = None,
        pipeline: PipelineSettings | None = None,
    ) -> None:
        self.settings = read_settings(
            output_dir,
            experiment_name,
            backend,
            mlflow_tracking_uri,
            auto_log=auto_log,
            strict=strict,
            pipeline=pipeline,
        )
        self._begin()

    def _begin(self) -> None:
        settings = self.settings
        self._disabled = settings.disabled
        self._remote = self._make_remote()
        self.auto_log = settings.auto_log
        self.experiment_name = settings.experiment
        self.layout = opened(settings)
        changes = spool_settings(settings.pipeline) if settings.address else {"queue_dir": self.layout.queue_dir}
        pipeline = msgspec.structs.replace(settings.pipeline, **changes)
        self._pipeline = Pipeline(self.layout, pipeline, rank=settings.rank)
        self._runs = ActiveRuns()
        self._last_run_id: str | None = None
        self._automatic = AutoLog(settings.system_metrics_interval_s) if settings.auto_log else None
        self._said: set[str] = set()
        self._reader: Store | None = None
        self._uploads = self._make_uploads()
        self._closers: dict[Callable[[], object], None] = {}
        enrol(self)
        # A tracker that was dropped unclosed leaves no thread behind (one with active runs isn't dropped: see run.py).
        weakref.finalize(self, self._pipeline.abandon).atexit = False

    def _make_remote(self) -> "RemoteRuns | None":
        if self.settings.backend == "local" or self.settings.disabled:
            return None
        from tracker.forwarding import RemoteRuns  # 6 ms, for few

        return RemoteRuns(self)

    def _make_uploads(self) -> "Uploads | None":
        if self.settings.address is None or self.settings.disabled:
            return None
        from tracker.uploads import Uploads  # as above

        return Uploads(self, self.settings.address)

    # --- what it knows of itself

    @property
    def root(self) -> Path:
        """The store's folder; of one on object storage the spool: what was logged on this host."""
        return self.layout.root

    @property
    def address(self) -> str | None:
        """Where on object storage the store is; None for a folder."""
        return None if self.settings.address is None else self.settings.address.shown

    def stats(self) -> Stats:
        """Where every event logged by this process is: appended == queued + written + dropped + failed."""
        return self._pipeline.stats()

    def forwarding(self) -> "Forwarding | None":
        """How forwarding to the MLflow server stands, as far as it was told; None with backend "local".

        A named tuple: target, running, points and facts that the server has taken, waiting, aside, settled, error.
        """
        return None if self._remote is None else self._remote.view()

    def uploading(self) -> "Uploading | None":
        """How uploading to object storage stands, as far as it was told; None for a store in a folder.

        A named tuple: target, running; parts, live, files and bytes that were uploaded; waiting_parts, waiting_bytes,
        settled, error.
        """
        return None if self._uploads is None else self._uploads.view()

    # --- the pipeline's ends

    def flush(
        self, timeout_s: float | None = None, *, sync: bool = False, seal: bool = False, upload: bool = False
    ) -> None:
        """Wait until what was logged is visible to every reader on this host.

        Args:
            timeout_s: how long to wait; None waits as long as it takes.
            sync: also until it would survive a power cut.
            seal: also until it is Parquet.
            upload: also until it is on object storage, where every reader sees it; for a folder nothing more.

        Raises: SinkFailed, TimeoutError: it isn't; it waits in the queue, or in the spool.
        """
        if self._disabled:
            return
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._pipeline.flush(timeout_s, sync=sync, seal=seal)
        if upload and self._uploads is not None:
            self._uploads.settle(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End open runs, seal everything, stop the background thread. Twice is once; at exit it is called for you.

        With an address, wait until all is there too, for `upload_wait_s` at most; what is left then is said.
        """
        if self._disabled or self._pipeline.closed:
            return
        self._end_all()
        while self._closers:
            self._closers.popitem()[0]()
        try:
            self._pipeline.close()
        except (SinkFailed, TimeoutError) as error:
            self._fault("close", error)
        finally:
            if self._uploads is not None:
                self._uploads.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in list(self._runs.by_id.values()):
            if error is not None and not run.inherited:
                self.end_run("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", run_id=run.id)
        self.close()

    def _begin_auto_log(self, run: ActiveRun) -> None:
        if self._automatic is not None:
            self._automatic.begin(self, run)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same tracker: copies of whatever holds one (a callback, an estimator) log to the same runs."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        runs = [(run.id, run.experiment, run.name) for run in self._runs.by_id.values()]
        root = "" if self.settings.address else str(self.layout.root)  # with an address each host has its own spool
        return {"settings": self.settings, "root": root, "runs": runs, "last": self._last_run_id}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process: log to the same runs, which stay its sender's to end."""
        self.settings = msgspec.structs.replace(state["settings"], output_dir=state["root"])
        self._begin()
        for run_id, experiment, name in state["runs"]:
            run = ActiveRun(run_id, experiment, name, last_metrics=self._read_last_metrics)
            run.inherit()
            self._runs.add(run)
        self._last_run_id = state["last"]
