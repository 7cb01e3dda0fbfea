"""auto_log: what is recorded of every run without being asked for.

The environment is captured on a thread of its own, since git and package metadata take tens of milliseconds, and is
there when the run ends. System metrics are sampled in the background for runs that aren't part of another one. Neither
can fail a run: a capture that fails is said once.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from ingest.errors import RunStateError
from ingest.events import FactEvent, FactLogged
from ingest.jsontext import to_json
from tracker.environment import SystemSampler, capture
from tracker.run import ActiveRun

_WAIT_S = 10.0
_log = logging.getLogger("steplog")


class _Facade(Protocol):
    def _append(self, event: FactEvent) -> None: ...

    def _now(self) -> int: ...

    def log_metrics(
        self, metrics: Mapping[str, Any], step: float | None = None, *, run_id: str | None = None
    ) -> None: ...

    def log_text(self, text: str, name: str, *, run_id: str | None = None) -> object: ...


class AutoLog:
    """Records the environment and system metrics of one tracker's runs."""

    def __init__(self, system_interval_s: float) -> None:
        self._interval_s = system_interval_s
        self._captures: dict[str, threading.Thread] = {}
        self._samplers: dict[str, SystemSampler] = {}

    def begin(self, tracker: _Facade, run: ActiveRun) -> None:
        """Start recording for a run; one that is part of another has its surroundings recorded there."""
        if run.previous is not None:
            return
        capturing = threading.Thread(target=_capture, args=(tracker, run), name="steplog-environment", daemon=True)
        self._captures[run.id] = capturing
        capturing.start()
        if self._interval_s > 0:

            def log_system(metrics: Mapping[str, float]) -> None:
                if not run.ended:
                    tracker.log_metrics(metrics, run_id=run.id)

            self._samplers[run.id] = SystemSampler(log_system, interval_s=self._interval_s)
            self._samplers[run.id].start()

    def end(self, run: ActiveRun) -> None:
        """Stop recording; what was captured is logged on return."""
        sampler = self._samplers.pop(run.id, None)
        if sampler is not None:
            sampler.stop()
        capturing = self._captures.pop(run.id, None)
        if capturing is not None and capturing is not threading.current_thread():
            capturing.join(_WAIT_S)

    def forked(self) -> None:
        """Forget the parent's threads: they don't run in a forked child."""
        self._captures.clear()
        self._samplers.clear()


def _capture(tracker: _Facade, run: ActiveRun) -> None:
    try:
        found = capture()
        diff = found.pop("git.diff", None)
        items = {name: to_json(value) for name, value in found.items()}
        tracker._append(FactLogged(run.id, run.experiment, tracker._now(), "env", items))  # noqa: SLF001
        if isinstance(diff, str) and diff:
            tracker.log_text(diff, "environment/git.diff", run_id=run.id)
    except RunStateError:
        _log.info("steplog: run %s ended before its environment was captured", run.id)
    except Exception as error:  # noqa: BLE001 - the thread's edge: recording must not fail a run
        _log.warning("steplog: the environment of run %s could not be captured: %s", run.id, error)
