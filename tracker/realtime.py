"""RealTimeTracker: metrics as a stream, checkpoints, the best value so far, a dashboard beside the training.

It is a thin front to one ExperimentTracker: what it streams is logged there, and nothing that fails here stops the
training. The best value so far is kept in memory, by run: asking for it right after `stream_metrics` is a dictionary's
look-up. A run that wasn't begun here (resumed, or logged to by `log_metrics`) is read from the store once.

The dashboard runs in a process of its own, which ends with this one however it ends.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Any, Self

from readers.alert import Alert
from readers.best import Mode, resolve_mode
from readers.checkpoints import Checkpoint, Which
from tracker.alarms import Alarm
from tracker.checkpoints import check_retention
from tracker.dashboard import Dashboard
from tracker.experiment import ExperimentTracker
from tracker.metrics import metric_items
from tracker.run import RunId
from tracker.stream import Stream, own_step


class RealTimeTracker:
    """Streams a run's metrics, saves its checkpoints, and shows it live.

    Args:
        tracker: logs the runs. Several of these may share one, and use it beside them.
        monitor, mode: the metric that tells the best checkpoint, and which way it is better; default: the headline
            metric (see readers.best), "auto" by its name.
        keep_last: checkpoints kept of a run besides the `keep_best` best ones; None keeps all.

    Raises: TypeError, ValueError: of the arguments.

    As a context manager it ends the current run (as FAILED when the block raises) and stops the dashboard.
    """

    def __init__(
        self,
        tracker: ExperimentTracker,
        *,
        monitor: str | None = None,
        mode: Mode = "auto",
        keep_last: int | None = None,
        keep_best: int = 1,
    ) -> None:
        if not isinstance(tracker, ExperimentTracker):
            raise TypeError(f"tracker is an ExperimentTracker, not {type(tracker).__name__}")
        check_retention(keep_last, keep_best)
        resolve_mode(mode, monitor or "")
        self.tracker = tracker
        self._monitor, self._mode = monitor, mode
        self._keep_last, self._keep_best = keep_last, keep_best
        self._streams: dict[str, Stream] = {}
        self._alarms: list[Alarm] = []
        self._dashboard = Dashboard(tracker)
        self._disabled = tracker.settings.disabled
        self._lock = threading.RLock()

    # --- runs and metrics

    def start_run(self, run_name: str | None = None, **options: Any) -> RunId:
        """Start a run; arguments, result and errors as of ExperimentTracker.start_run."""
        begun_here = options.get("run_id") is None and not options.get("resume")
        run_id = self.tracker.start_run(run_name, **options)
        if begun_here and not self.tracker.settings.run_id:
            self._streams[str(run_id)] = Stream(known=True)
        return run_id

    def stream_metrics(
        self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None
    ) -> None:
        """Log one value for each metric; readers on this host, the dashboard among them, see it at once.

        Args:
            metrics: as for log_metrics. Where no step is given, "iteration", "step" or "epoch" among them (the first
                of these that there is) is the step; it is logged as a metric too.
            run_id: default: the current run.

        Raises: NoActiveRun. TypeError, ValueError: naming the metric that isn't one number.
        """
        if step is None:
            step = own_step(metrics)
        self.tracker.log_metrics(metrics, step=step, run_id=run_id)
        if not self._disabled:
            stream = self._stream(run_id)
            stream.add(metrics, step)
            if self._alarms:
                values = zip(*metric_items(metrics), strict=True)
                stream.alarms.feed(self._alarms, self.tracker._run(run_id), values, step)  # noqa: SLF001 - its name
            return
        with suppress(TypeError, ValueError, AttributeError):  # nobody has looked at them: what can't be kept is not
            self._stream(run_id).add(metrics, step)

    def get_best_metric(self, name: str, mode: Mode = "auto", *, run_id: str | None = None) -> float:
        """The best value so far of a metric of a run, as streamed up to this moment.

        Args:
            mode: "max", "min", or "auto" by the name (see readers.best).
            run_id: default: the current run, else the last one.

        Returns: the best value; NaN doesn't count. Of a metric that has no value yet, unknown ones included, what any
            value is better than: -inf to maximize, inf to minimize; so `max(now, get_best_metric(...))` is right from
            the first step on. Values that only `log_metrics` logged are looked up in the store, which takes
            milliseconds; of a metric that was both streamed and logged, the streamed ones count.
        Raises: ValueError: no such mode.
        """
        towards = resolve_mode(mode, name)
        stream = self._stream(run_id)
        extremes, nothing = (stream.highest, -inf) if towards == "maximize" else (stream.lowest, inf)
        if not stream.known or name not in extremes:
            self._read(stream, run_id)
        return float(extremes.get(name, nothing))

    def on_alert(self, rule: str, call: Callable[[Alert], object]) -> None:
        """Have a function called when a streamed metric breaks a rule: once, until the trouble is over.

        Args:
            rule: such as "loss is nan", "grad/* > 1e3", "accuracy no improvement for 20"; see readers.alertrules.
            call: takes the Alert, in the thread that streams, before `stream_metrics` returns. What it raises comes out
                there, so it may end the training.

        Raises: ValueError: no rule, or one about silence, which `steplog watch` finds. TypeError.
        """
        self._alarms.append(Alarm.of(rule, call))

    def end_run(self, status: str = "FINISHED", *, run_id: str | None = None) -> None:
        """End a run, as the tracker does; the dashboard goes on until it is stopped or this process ends."""
        ended = run_id or self.tracker.active_run()
        self.tracker.end_run(status, run_id=run_id)
        with self._lock:
            self._streams.pop(str(ended), None)  # from now on the store knows it all

    # --- checkpoints

    def save_checkpoint(
        self, state: object, *, step: float | None = None, run_id: str | None = None
    ) -> Checkpoint | None:
        """Save a training state, whole or not at all; see ExperimentTracker.save_checkpoint.

        Args:
            state: dicts, lists, numbers, text, NumPy arrays, torch state dicts, models.
            step: default: the one that was streamed last.

        Returns: the checkpoint; None where it couldn't be saved, which is said once and stops no training.
        Raises: NoActiveRun. ValueError: no such step. CheckpointNotSerializable, SinkFailed: the tracker is strict.
        """
        stream = self._stream(run_id)
        streamed = stream.last if self._monitor is None or self._monitor in stream.last else None
        return self.tracker.save_checkpoint(
            state,
            step=stream.step if step is None else step,
            metrics=streamed or None,
            monitor=self._monitor,
            mode=self._mode,
            keep_last=self._keep_last,
            keep_best=self._keep_best,
            run_id=run_id,
        )

    def load_checkpoint(
        self,
        run: str | None = None,
        which: Which = "latest",
        *,
        metric: str | None = None,
        mode: Mode = "auto",
        trust: bool = False,
    ) -> Any:
        """Load the state of a checkpoint; see ExperimentTracker.load_checkpoint."""
        return self.tracker.load_checkpoint(run, which, metric=metric, mode=mode, trust=trust)

    def list_checkpoints(self, run: str | None = None) -> list[Checkpoint]:
        """List a run's checkpoints, the first saved first."""
        return self.tracker.list_checkpoints(run)

    # --- the dashboard

    def start_dashboard(
        self,
        port: int = 8080,
        *,
        host: str = "127.0.0.1",
        next_free: bool = False,
        read_only: bool = False,
        token: str | None = None,
        alerts: Sequence[str] = (),
        webhook: str | None = None,
    ) -> str | None:
        """Serve the store's pages from a process of its own, say where on stderr, and return at once.

        Args:
            port: 0 takes any that is free.
            host: "127.0.0.1" lets nobody in from other machines; any other needs, and makes, a token.
            next_free: where the port is taken, take the next one that isn't.
            read_only: no page can stop a run or change a tag.
            alerts: rules that it watches, of all runs of the store, also ones about silence: "stalled 10x"; see
                readers.alertrules.
            webhook: an http(s) address that alerts are posted to as JSON.

        Returns: the address; when a dashboard of this tracker runs already, that one's. None where none could be
            started, because the port is taken or not allowed: that is said, and stops no training; and where the
            tracker is disabled.
        Raises: ValueError, TypeError: no such port, host, rule or address. SinkFailed: it couldn't be started, and the
            tracker is strict.
        """
        return self._dashboard.start(
            port,
            host=host,
            next_free=next_free,
            read_only=read_only,
            token=token,
            alerts=alerts,
            webhook=webhook,
        )

    def stop_dashboard(self) -> None:
        """Stop the dashboard; when none runs, nothing happens."""
        self._dashboard.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = isinstance(error, KeyboardInterrupt)
        self.end_run("FINISHED" if error is None else "KILLED" if interrupted else "FAILED")
        self.stop_dashboard()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The same: copies of whatever holds one (a callback, an estimator) stream to the same runs."""
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Give it to another process: the dashboard stays here, and what was streamed is in the store."""
        return {name: value for name, value in vars(self).items() if name not in {"_streams", "_dashboard", "_lock"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._streams, self._dashboard, self._lock = {}, Dashboard(self.tracker), threading.RLock()

    # --- what is known of a run

    def _stream(self, run_id: str | None) -> Stream:
        """What was streamed to the run that a call means; of a run that wasn't begun here, nothing is known yet."""
        key = str(run_id or self.tracker.active_run() or self.tracker._last_run_id)  # noqa: SLF001 - as of questions
        stream = self._streams.get(key)
        if stream is None:
            with self._lock:
                stream = self._streams.setdefault(key, Stream(known=self._disabled))
        return stream

    def _read(self, stream: Stream, run_id: str | None) -> None:
        """Take in what the store knows of the run and the stream doesn't."""
        asked = run_id or self.tracker.active_run() or self.tracker._last_run_id  # noqa: SLF001 - as above
        if asked is not None and not self._disabled:
            stream.take_in(self.tracker._read_extremes(str(asked)))  # noqa: SLF001 - as above
