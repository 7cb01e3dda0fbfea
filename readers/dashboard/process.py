"""DashboardProcess: the server in a process of its own, for a program that has other things to do.

It ends with the program (see readers.childprocess); should something else hold the pipe, the server also looks who its
parent is. Its one line on stdout says that it is ready, or why not. What it says on stderr is kept, and repeated by the
logger "steplog.dashboard".
"""

import json
import logging
import os
import socket
import threading
from collections import deque
from pathlib import Path
from typing import IO, Self

from ingest.errors import DashboardError
from readers.childprocess import STOP_S, ChildProcess
from readers.dashboard.binding import address, bind
from readers.dashboard.settings import DashboardSettings

READY_S = 60.0
"""The longest that starting may take: importing the server from a cold network disk."""
KEPT_LINES = 400
REPEATED_LINES = 100
"""A server in trouble doesn't fill the terminal of a training."""
_MAIN = Path(__file__).with_name("__main__.py").absolute()
_logger = logging.getLogger("steplog.dashboard")


class DashboardProcess(ChildProcess):
    """A running server; made by `start`. Any thread."""

    def __init__(self, settings: DashboardSettings, bound: socket.socket) -> None:
        self.address = address(settings, bound)
        """What a visitor types into a browser; the token is in it where there is one."""
        self.port: int = bound.getsockname()[1]
        self.log: deque[str] = deque(maxlen=KEPT_LINES)
        """What the server said on stderr, newest last."""
        super().__init__(
            _MAIN,
            {"settings": json.loads(settings.to_json())},
            [str(bound.fileno()), str(os.getpid())],
            polars_threads=max(1, min(4, (os.cpu_count() or 1) // 4)),
            pass_fds=[bound.fileno()],
        )
        child = self._child
        self._hear(child.stderr if child else None, self._listen, "steplog-dashboard-log")

    @classmethod
    def start(cls, settings: DashboardSettings, *, next_free: bool = False, ready_s: float = READY_S) -> Self:
        """Start a server, and return when it answers.

        Args:
            next_free: where the port is taken, take the next that isn't.
            ready_s: how long it may take.

        Raises: PortTaken. DashboardError: it can't be started or listen there, or ended at once; says why.
        """
        with bind(settings, next_free=next_free) as bound:
            try:
                started = cls(settings, bound)
            except OSError as error:
                raise DashboardError(f"the dashboard can't be started: {error}") from error
        try:
            started._wait_until_ready(ready_s)
        except BaseException:
            started.stop()
            raise
        return started

    # --- within

    def _wait_until_ready(self, ready_s: float) -> None:
        """Wait for the server's one line. Raises: DashboardError."""
        child = self._child
        if child is None or child.stdout is None:
            raise DashboardError("the dashboard was stopped while it started")
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            child.kill()

        late = threading.Timer(ready_s, expire)
        late.start()
        try:
            line = child.stdout.readline()
        finally:
            late.cancel()
        said = json.loads(line) if line else {}
        if said.get("ready"):
            return
        self._stopping = True
        child.wait()
        for thread in self._threads:
            thread.join(STOP_S)
        if expired.is_set():
            raise DashboardError(f"the dashboard wasn't ready after {ready_s:g} s and was ended; {self._last_words()}")
        raise DashboardError(said.get("error") or f"the dashboard ended at its start; {self._last_words()}")

    def _last_words(self) -> str:
        return f"it said: {' | '.join(list(self.log)[-5:])}" if self.log else "it said nothing"

    def _listen(self, pipe: "IO[bytes]") -> None:
        """Keep and repeat what the server says, and say it when it ends unasked."""
        child = self._child
        for number, line in enumerate(pipe, 1):
            text = line.decode(errors="replace").rstrip()
            self.log.append(text)
            if number <= REPEATED_LINES:
                _logger.warning("%s", text)
            elif number == REPEATED_LINES + 1:
                _logger.warning("the dashboard says more, which is kept in .log and no longer repeated here")
        if not self._stopping and child is not None and self._child is child:
            _logger.warning("the dashboard at port %d has ended by itself; %s", self.port, self._last_words())
