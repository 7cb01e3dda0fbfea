"""MetricLogging: a metric's way into the queue, the path that is walked a million times.

`log_metrics` looks the call's keys up among the shapes declared in the current queue file, packs time, step and values
behind the prefix that was encoded then, and writes the frame: no lock, no allocation that the collector would track.
Whatever doesn't fit (new keys, a full file, a foreign number type, misuse) raises somewhere on the way, and the slow
way tells the cases apart.
"""

import time
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from ingest.frames import HEADER
from ingest.keys import checked_key
from ingest.metricscall import MetricsCall
from ingest.queue import EventQueue
from ingest.shapes import Packers
from tracker.facade import Facade
from tracker.metrics import PLAIN, know_numpy, metric_items, metric_step
from tracker.run import ActiveRun, ActiveRuns

_header = HEADER.pack
_time_ns = time.time_ns
_is_plain = PLAIN.issuperset
_NO_SHAPES: Packers = {}


class MetricLogging(Facade):
    """The part of ExperimentTracker that logs metrics."""

    _runs: ActiveRuns

    def _open_queue(self, run: ActiveRun | None) -> EventQueue:
        """Give this process's queue."""
        raise NotImplementedError

    def _raise_if_strict(self) -> None:
        """Raise what went wrong in the background, where the user chose strict=True."""
        raise NotImplementedError

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

    def _log_metrics_slowly(
        self, metrics: Mapping[str, Any], step: float | None, run_id: str | None, time_ns: int | None = None
    ) -> None:
        """Log a call that is the first of its shape, meets a full file, isn't as it should be, or has its own time."""
        run = self._run(run_id)
        know_numpy()
        keys, values = metric_items(metrics)
        number, kind = metric_step(step)
        if not keys:
            return
        self._raise_if_strict()
        moment = _time_ns() if time_ns is None else time_ns
        call = MetricsCall(run.id, run.experiment, moment, number, kind, keys, tuple(values))
        binding = call.put(lambda: self._open_queue(run))
        if binding is not None:
            run.binding = binding

    def log_metric(self, key: str, value: Any, step: float | None = None, *, run_id: str | None = None) -> None:
        """Log one metric; see `log_metrics`."""
        self.log_metrics({checked_key(key): value}, step, run_id=run_id)

    def log(self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None) -> None:
        """The same as `log_metrics`."""
        self.log_metrics(metrics, step, run_id=run_id)
