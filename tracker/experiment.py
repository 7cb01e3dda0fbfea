"""ExperimentTracker: each method checks its arguments, builds one event, and appends it.

Guarantee: when a log method has returned, what it logged survives the death of the process (see ingest.queue), and a
fault of the disk or of anything behind the queue never raises here: it is counted, said once, and tried again. What
does raise is misuse of an argument, logging without a run, and what the user chose: `strict=True`, overflow "raise".

`log_metrics` is the path that is walked a million times. It looks the call's keys up among the shapes declared in the
current queue file, packs time, step and values behind the prefix that was encoded then, and writes the frame: no
lock, no allocation that the collector would track. Whatever doesn't fit (new keys, a full file, a foreign number
type, misuse) raises somewhere on the way, and the slow way tells the cases apart.
"""

import atexit
import logging
import os
import tempfile
import time
import warnings
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from zlib import crc32

import msgspec

from ingest.errors import SinkFailed, StoreUnavailable
from ingest.events import FactEvent, MetricsLogged, ParamsLogged, TagsSet, encode
from ingest.frames import HEADER, frame
from ingest.jsontext import to_json
from ingest.keys import checked_key
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.queue import EventQueue
from ingest.redact import mask
from ingest.settings import PipelineSettings
from ingest.shapes import Packers, room_for
from ingest.stats import Stats
from readers.records import empty_summary
from readers.store import ExperimentSummary, RunRecord, Store
from tracker.artifacts import ArtifactLogging
from tracker.autolog import AutoLog
from tracker.checkpoints import CheckpointLogging
from tracker.diagnostics import DiagnosticLogging
from tracker.lifecycle import RunLifecycle
from tracker.metrics import PLAIN, know_numpy, metric_items, metric_step
from tracker.models import ModelLogging
from tracker.run import ActiveRun, ActiveRuns
from tracker.settings import DEFAULT_OUTPUT_DIR, TrackerSettings, read_settings

if TYPE_CHECKING:
    from readers.mlflow.process import Forwarding
    from tracker.forwarding import RemoteRuns

_header = HEADER.pack
_time_ns = time.time_ns
_is_plain = PLAIN.issuperset
_NO_SHAPES: Packers = {}
_log = logging.getLogger("steplog")


class ExperimentTracker(RunLifecycle, ArtifactLogging, ModelLogging, CheckpointLogging, DiagnosticLogging):
    """Tracks the runs of one experiment: params, metrics, tags, artifacts, models, into open files.

    Args:
        output_dir: the store's folder, made when missing; several trackers and processes may share it.
        experiment_name: what the runs belong to; slashes make a hierarchy. Default: "default".
        backend: "local"; with "mlflow" and "both" the runs are also sent to an MLflow server, by a process that reads
            the store's files. Both write the store, which is what the server's answers are compared with.
        mlflow_tracking_uri: the server for these. Default: MLFLOW_TRACKING_URI, or what mlflow.set_tracking_uri said.
        auto_log: record the environment, git state, system metrics, and the params of logged models.
        strict: True raises background failures at the next call. False goes on in a temporary folder when output_dir
            can't be used, and without queue_dir when that can't. Default: both raise here, later failures warn.
        pipeline: the queue's and the writer's settings; see PipelineSettings.

    Raises: StoreUnavailable: output_dir can't be used. FormatTooNew. ForwardingError: no server is named, or MLflow
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
        self.layout = self._make_store(settings)
        pipeline = msgspec.structs.replace(settings.pipeline, queue_dir=self.layout.queue_dir)
        self._pipeline = Pipeline(self.layout, pipeline, rank=settings.rank)
        self._runs = ActiveRuns()
        self._last_run_id: str | None = None
        self._automatic = AutoLog(settings.system_metrics_interval_s) if settings.auto_log else None
        self._said: set[str] = set()
        self._reader: Store | None = None
        self._closers: dict[Callable[[], object], None] = {}
        _trackers.add(self)
        # A tracker that was dropped unclosed leaves no thread behind (one with active runs isn't dropped: see run.py).
        weakref.finalize(self, self._pipeline.abandon).atexit = False

    def _make_remote(self) -> "RemoteRuns | None":
        if self.settings.backend == "local" or self.settings.disabled:
            return None
        from tracker.forwarding import RemoteRuns  # 6 ms, for few

        return RemoteRuns(self)

    @staticmethod
    def _make_store(settings: TrackerSettings) -> Layout:
        layout = Layout(settings.output_dir, settings.pipeline.queue_dir)
        if settings.disabled:
            return layout
        try:
            layout.create()
        except StoreUnavailable as error:
            if settings.strict is not False:
                raise
            layout = _second_best(layout)
            warnings.warn(f"{error}. Logging to {layout.root} instead, since strict=False", stacklevel=4)
        return layout

    # --- logging

    def log_metrics(self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None) -> None:
        """Log one value for each metric.

        Args:
            metrics: name to number (anything with one real value: bool, Decimal, NumPy, torch, JAX scalars). NaN and
                infinities are kept. A nested dict is flattened with "/".
            step: int or float, in any order, repeats kept; None where there is no such axis.
            run_id: default: the current run.

        Raises: NoActiveRun. TypeError, ValueError: naming the metric that isn't one number.
        """
        try:
            run = self._runs.only
            if run is None or run_id is not None:
                run = self._run(run_id)
            binding = run.binding
            if not _is_plain(map(type, metrics.values())):
                raise TypeError  # noqa: TRY301 - perhaps a number all the same; the slow way looks at it
            if step is None:
                pack, prefix = binding.without_step[tuple(metrics)]
                payload = pack(prefix, _time_ns(), *metrics.values())
            else:
                pack, prefix = (binding.with_step if step.__class__ is int else _NO_SHAPES)[tuple(metrics)]
                payload = pack(prefix, _time_ns(), step, *metrics.values())
            binding.write(_header(len(payload), crc32(payload)) + payload)
        except Exception:  # noqa: BLE001 - new keys, a full file, a foreign number, misuse: told apart below
            slowly = not self._disabled
        else:
            return
        if slowly:
            self._log_metrics_slowly(metrics, step, run_id)

    def _log_metrics_slowly(self, metrics: Mapping[str, Any], step: float | None, run_id: str | None) -> None:
        """Log a call that is the first of its shape, meets a full file, or isn't as it should be."""
        run = self._run(run_id)
        know_numpy()
        keys, values = metric_items(metrics)
        number, kind = metric_step(step)
        if not keys:
            return
        self._raise_if_strict()
        time_ns = _time_ns()
        steps = () if number is None else (number,)
        while True:
            queue = self._open_queue(run)
            file, binding = queue.bind(run.id, run.experiment)
            packer = None
            try:
                if binding is not None:
                    packer = binding.packer(keys, kind)
                if binding is not None and packer is not None:
                    binding.write(frame(packer[0](packer[1], time_ns, *steps, *values)))
                    run.binding = binding
                    return
            except ValueError:  # the file is full or was shut
                queue.rotate(file, room_for(run.id, run.experiment, keys))
                continue
            packed = Struct(f"<{len(values)}d").pack(*values)
            event = MetricsLogged(run.id, run.experiment, time_ns, number, keys, packed)
            queue.put(encode(event), fact=False)
            return

    def log_metric(self, key: str, value: Any, step: float | None = None, *, run_id: str | None = None) -> None:
        """Log one metric; see `log_metrics`."""
        self.log_metrics({checked_key(key): value}, step, run_id=run_id)

    def log(self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None) -> None:
        """The same as `log_metrics`."""
        self.log_metrics(metrics, step, run_id=run_id)

    def log_params(self, params: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Log params: any values, nested ones too; a param logged again takes the new value and keeps its history.

        Values under secret-looking names (password, token, api_key, ...) are masked.
        Raises: NoActiveRun. TypeError: not a dict. ValueError: a cyclic value.
        """
        if self._disabled:
            return
        texts = self._texts("param", params)
        run = self._run(run_id)
        if texts:
            self._append(ParamsLogged(run.id, run.experiment, self._now(), texts))

    def log_param(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Log one param; see `log_params`."""
        self.log_params({key: value}, run_id=run_id)

    def set_tags(self, tags: Mapping[str, Any], *, run_id: str | None = None) -> None:
        """Set tags; a tag set again takes the new value."""
        if self._disabled:
            return
        texts = self._texts("tag", tags)
        run = self._run(run_id)
        if texts:
            self._append(TagsSet(run.id, run.experiment, self._now(), texts))

    def set_tag(self, key: str, value: Any, *, run_id: str | None = None) -> None:
        """Set one tag."""
        self.set_tags({key: value}, run_id=run_id)

    @staticmethod
    def _texts(what: str, values: object) -> dict[str, str]:
        """Values as JSON texts, by name."""
        if not isinstance(values, Mapping):
            raise TypeError(f"{what}s are a dict of name to value, not {type(values).__name__}")
        texts = {}
        for key, value in values.items():
            name = checked_key(key if isinstance(key, str) else str(key), what)
            texts[name] = to_json(mask(name, value), where=f"{what} {name!r}")
        return texts

    # --- answers

    def get_experiment_runs(self, experiment_name: str | None = None) -> list[RunRecord]:
        """The runs of an experiment, first started first.

        Each is a dict with run_id, run_name, status, start_time, end_time, params, metrics (last values), tags.
        Raises: ExperimentNotFound: naming those there are.
        """
        if self._disabled or (experiment_name is None and not self._known()):
            return []
        return self._store().experiment_runs(experiment_name or self.experiment_name)

    def get_experiment_summary(self, experiment_name: str | None = None) -> ExperimentSummary:
        """Counts by status, and for each metric the spread of the runs' last values and the best run.

        Raises: ExperimentNotFound: naming those there are; the tracker's own is empty before its first run.
        """
        if self._disabled or (experiment_name is None and not self._known()):
            return empty_summary(self.experiment_name)
        return self._store().experiment_summary(experiment_name or self.experiment_name)

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self.layout.root

    def stats(self) -> Stats:
        """Where every event logged by this process is: appended == queued + written + dropped + failed."""
        return self._pipeline.stats()

    def forwarding(self) -> "Forwarding | None":
        """How forwarding to the MLflow server stands, as far as it was told; None with backend "local".

        A named tuple: target, running, points and facts that the server has taken, waiting, aside, settled, error.
        """
        return None if self._remote is None else self._remote.view()

    # --- the pipeline's ends

    def flush(self, timeout_s: float | None = None, *, sync: bool = False, seal: bool = False) -> None:
        """Wait until what was logged is visible to every reader; with `sync` safe from power cuts; with `seal` Parquet.

        Raises: SinkFailed, TimeoutError: it isn't; it waits in the queue.
        """
        if not self._disabled:
            self._pipeline.flush(timeout_s, sync=sync, seal=seal)

    def close(self) -> None:
        """End open runs, seal everything, stop the background thread. Twice is once; at exit it is called for you."""
        if self._disabled or self._pipeline.closed:
            return
        self._end_all()
        while self._closers:
            self._closers.popitem()[0]()
        try:
            self._pipeline.close()
        except (SinkFailed, TimeoutError) as error:
            self._fault("close", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for run in list(self._runs.by_id.values()):
            if error is not None and not run.inherited:
                self.end_run("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", run_id=run.id)
        self.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same tracker: copies of whatever holds one (a callback, an estimator) log to the same runs."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        runs = [(run.id, run.experiment, run.name) for run in self._runs.by_id.values()]
        return {"settings": self.settings, "root": str(self.layout.root), "runs": runs, "last": self._last_run_id}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """In another process: log to the same runs, which stay its sender's to end."""
        self.settings = msgspec.structs.replace(state["settings"], output_dir=state["root"])
        self._begin()
        for run_id, experiment, name in state["runs"]:
            run = ActiveRun(run_id, experiment, name, last_metrics=self._read_last_metrics)
            run.inherit()
            self._runs.add(run)
        self._last_run_id = state["last"]

    # --- what the other parts of the tracker use

    def _append(self, event: FactEvent) -> None:
        if self._disabled:
            return
        self._raise_if_strict()
        self._open_queue(self._runs.by_id.get(event.run_id))
        self._pipeline.append(event)

    def _open_queue(self, run: ActiveRun | None) -> EventQueue:
        """This process's queue."""
        queue = self._pipeline.queue()
        if run is not None and run.inherited and not run.attached:
            run.attached = True
            self._attach(run)
        return queue

    def _now(self) -> int:
        return _time_ns()

    def _known(self) -> bool:
        """Whether this tracker's own experiment has a run yet."""
        return self._last_run_id is not None or self.experiment_name in self._store().experiments()

    def _make_visible(self) -> None:
        if not self._pipeline.closed:
            try:
                self._pipeline.flush(self.settings.pipeline.close_timeout_s)
            except (SinkFailed, TimeoutError) as error:
                self._fault("flush", error)

    def _store(self) -> Store:
        """The store, with everything logged so far visible in it."""
        if self._disabled:
            raise StoreUnavailable("nothing is stored, so nothing can be read: STEPLOG_MODE is 'disabled'")
        self._make_visible()
        if self._reader is None:
            self._reader = Store(self.layout.root)
        return self._reader

    def _raise_if_strict(self) -> None:
        error = self._pipeline.error if self.settings.pipeline.strict else None
        if error is not None:
            raise SinkFailed(f"the background writer failed: {error}") from error

    def _fault(self, what: str, error: Exception) -> None:
        """Say once, and count, what isn't the caller's fault; raise it only where the user chose strict=True."""
        self._pipeline.faults += 1
        if self.settings.pipeline.strict:
            raise SinkFailed(f"{what}: {error}") from error
        cause = f"{what} {type(error).__name__} {getattr(error, 'errno', '')}"
        if cause not in self._said:
            self._said.add(cause)
            _log.warning("steplog: %s failed in %s: %s. Training goes on (said once)", what, self.layout.root, error)

    def _at_close(self, closer: Callable[[], object]) -> None:
        """Let something end with this tracker; twice is once."""
        self._closers[closer] = None

    def _begin_forwarding(self, run: ActiveRun) -> None:
        if self._remote is not None:
            self._remote.begin(run)

    def _settle_forwarding(self, run: ActiveRun) -> None:
        if self._remote is not None:
            self._remote.settle(f"run {run.name!r}")

    def _begin_auto_log(self, run: ActiveRun) -> None:
        if self._automatic is not None:
            self._automatic.begin(self, run)

    def _end_auto_log(self, run: ActiveRun) -> None:
        if self._automatic is not None:
            self._automatic.end(run)


def _second_best(wanted: Layout) -> Layout:
    """A store to go on with: the one that was wanted, without its queue_dir; else one in a temporary folder."""
    layout = Layout(wanted.root)
    try:
        layout.create()
    except StoreUnavailable:
        layout = Layout(tempfile.mkdtemp(prefix="steplog-"))
        layout.create()
    return layout


_trackers: "weakref.WeakSet[ExperimentTracker]" = weakref.WeakSet()
"""Every tracker of this process, for exit and fork: neither hook can be undone, so there is one of each."""


def _at_exit() -> None:
    for tracker in list(_trackers):
        try:
            tracker.close()
        except SinkFailed as error:  # strict=True; the other trackers are closed all the same
            _log.error("steplog: %s", error)


def _after_fork_in_child() -> None:
    for tracker in list(_trackers):
        tracker._runs.forked()  # noqa: SLF001 - the hook is this module's
        if tracker._automatic is not None:  # noqa: SLF001
            tracker._automatic.forked()  # noqa: SLF001


# After the pipeline's own: exit hooks run last in, first out, and runs must end before their queue closes.
atexit.register(_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
