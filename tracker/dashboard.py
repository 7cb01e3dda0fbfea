"""The dashboard beside a training: one server process for one tracker, which it ends with.

Nothing here stops the training. What is wrong with an argument is said at the call; what is wrong with the machine (the
port is taken, the server doesn't start) is the tracker's fault to say once, to count, and to raise only in strict mode.
"""

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

from ingest.errors import PortTaken, TrackerError
from readers.alertrules import parse_rule
from readers.dashboard.process import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tracker.experiment import ExperimentTracker


class Dashboard:
    """At most one running server. Any thread."""

    def __init__(self, tracker: ExperimentTracker) -> None:
        self._tracker = tracker
        self._lock = threading.RLock()
        self._pid = 0
        self.process: DashboardProcess | None = None
        """The server, while it runs."""

    def start(
        self,
        port: int,
        *,
        host: str,
        next_free: bool,
        read_only: bool,
        token: str | None,
        alerts: Sequence[str],
        webhook: str | None,
    ) -> str | None:
        """Start the server unless it runs; see RealTimeTracker.start_dashboard."""
        asked = check_port(port)
        rules = [parse_rule(rule).text for rule in ([alerts] if isinstance(alerts, str) else alerts)]
        if webhook is not None:
            from readers.webhook import check_url  # brings in TLS

            check_url(webhook)
        if self._tracker.settings.disabled:
            return None
        settings = DashboardSettings(
            self._tracker.address or self._tracker.root,
            host=host,
            port=asked,
            read_only=bool(read_only),
            token=token,
            alerts=tuple(rules),
            webhook=webhook,
        )
        with self._lock:
            if self.process is not None and self.process.alive:
                return self.process.address
            try:
                self.process = self._started(settings, next_free=bool(next_free))
            except (OSError, TrackerError) as error:
                self._tracker._fault("start_dashboard", error)  # noqa: SLF001 - one place says, counts, or raises
                return None
            self._pid = os.getpid()
            self._tracker._at_close(self.stop)  # noqa: SLF001 - it ends with the tracker
            _say(self.process.address, settings)
            return self.process.address

    def _started(self, settings: DashboardSettings, *, next_free: bool) -> DashboardProcess:
        """Start it; where an address can't be reached, over what this host has of it, which is said."""
        try:
            return DashboardProcess.start(settings, next_free=next_free)
        except TrackerError as error:
            if self._tracker.address is None or isinstance(error, PortTaken):
                raise
            here = replace(settings, store=self._tracker.root)
            process = DashboardProcess.start(here, next_free=next_free)
            print(f"steplog: {error}; the dashboard shows what this host has", file=sys.stderr, flush=True)  # noqa: T201 - its own voice
            return process

    def stop(self) -> None:
        """Stop the server; when none runs, nothing happens."""
        with self._lock:
            process, self.process = self.process, None
        if process is not None and self._pid == os.getpid():  # to a forked child it isn't its own
            process.stop()


def _say(address: str, settings: DashboardSettings) -> None:
    """Tell where it is."""
    print(f"steplog: the dashboard is at {address}", file=sys.stderr, flush=True)  # noqa: T201 - its own voice
    if settings.exposure:
        print(f"steplog: {settings.exposure}", file=sys.stderr, flush=True)  # noqa: T201 - likewise


def check_port(port: object) -> int:
    """The port as a number; text of digits, as of an environment variable, is taken too.

    Raises: TypeError: no number. ValueError: no port.
    """
    if isinstance(port, str) and port.isascii() and port.isdecimal():
        port = int(port)
    if not isinstance(port, int) or isinstance(port, bool):
        raise TypeError(f"port is {port!r} ({type(port).__name__}); it is a number from 0 to 65535, 0 for any free one")
    if not 0 <= port <= 65535:
        raise ValueError(f"port is {port}; it is a number from 0 to 65535, 0 for any free one")
    return port
