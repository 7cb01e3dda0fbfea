"""DashboardProcess: the server in a process of its own, for a program that has other things to do.

The program that trains never imports Polars or a web framework for it, and its interpreter lock is never held by a
request. Guarantee: the server ends with the program that started it, however that ends. It holds the one writing end
of a pipe that the server reads: when it is closed, by `stop` or by the kernel, the server ends. A forked child closes
its copy, so it can't keep the server alive; should something else hold one, the server also looks who its parent is.

Two lines are spoken. To the server, on its stdin: its settings, as they have the token, which no command line shows.
From it, on its stdout: that it is ready, or why not. What it says on stderr is kept, and repeated by the logger
"steplog.dashboard".
"""

import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from ingest import process
from ingest.errors import DashboardError
from readers.dashboard.binding import address, bind
from readers.dashboard.settings import DashboardSettings

READY_S = 60.0
"""The longest that starting may take: importing the server from a cold network disk."""
STOP_S = 4.0
"""How long the server may take to end by itself; then it is killed."""
KEPT_LINES = 400
REPEATED_LINES = 100
"""A server in trouble doesn't fill the terminal of a training."""
_MAIN = Path(__file__).with_name("__main__.py").absolute()
_logger = logging.getLogger("steplog.dashboard")


class DashboardProcess:
    """A running server; made by `start`. Any thread."""

    def __init__(self, child: "subprocess.Popen[bytes]", at: str, port: int) -> None:
        self.address = at
        """What a visitor types into a browser; the token is in it where there is one."""
        self.port = port
        self.log: deque[str] = deque(maxlen=KEPT_LINES)
        """What the server said on stderr, newest last."""
        self._child: subprocess.Popen[bytes] | None = child
        self._lock = threading.Lock()
        self._stopping = False
        self._listener = threading.Thread(target=self._listen, args=[child], name="steplog-dashboard-log", daemon=True)

    @classmethod
    def start(cls, settings: DashboardSettings, *, next_free: bool = False, ready_s: float = READY_S) -> Self:
        """Start a server, and return when it answers.

        Args:
            next_free: where the port is taken, take the next that isn't.
            ready_s: how long it may take.

        Raises: PortTaken. DashboardError: it can't listen there, or ended at once; says why.
        """
        with bind(settings, next_free=next_free) as bound:
            child = _launch(bound)
            started = cls(child, address(settings, bound), bound.getsockname()[1])
        started._listener.start()
        try:
            _tell(child, settings)
            started._wait_until_ready(child, ready_s)
        except BaseException:
            started.stop()
            raise
        process.tell(started)
        return started

    @property
    def alive(self) -> bool:
        """Whether it runs; False in a forked child, whose it isn't."""
        child = self._child
        return child is not None and child.poll() is None

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it was stopped."""
        return None if self._child is None else self._child.pid

    def stop(self) -> None:
        """End the server, within seconds. Twice is once."""
        with self._lock:
            self._stopping = True
            child, self._child = self._child, None
        if child is None:
            return
        _close(child.stdin)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._listener.join(STOP_S)  # it ends when the last holder of the server's stderr does
        _close(child.stdout)
        if not self._listener.is_alive():
            _close(child.stderr)

    # --- as a Survivor (see ingest.process)

    def rest_locks(self) -> "Iterable[threading.RLock]":
        """None: a fork needs nothing of it to be at rest."""
        return ()

    def forked(self) -> None:
        """In a forked child: let go of the parent's server."""
        self._lock = threading.Lock()
        child, self._child = self._child, None
        if child is not None:
            for pipe in (child.stdin, child.stdout, child.stderr):
                _close(pipe)
            child.returncode = 0  # it isn't ours to wait for

    def exiting(self) -> None:
        """At the end of the program."""
        with suppress(OSError):
            self.stop()

    # --- within

    def _wait_until_ready(self, child: "subprocess.Popen[bytes]", ready_s: float) -> None:
        """Wait for the server's one line. Raises: DashboardError."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            child.kill()

        late = threading.Timer(ready_s, expire)
        late.start()
        try:
            line = child.stdout.readline() if child.stdout else b""
        finally:
            late.cancel()
        said = json.loads(line) if line else {}
        if said.get("ready"):
            return
        self._stopping = True
        child.wait()
        self._listener.join(STOP_S)
        if expired.is_set():
            raise DashboardError(f"the dashboard wasn't ready after {ready_s:g} s and was ended; {self._last_words()}")
        raise DashboardError(said.get("error") or f"the dashboard ended at its start; {self._last_words()}")

    def _last_words(self) -> str:
        return f"it said: {' | '.join(list(self.log)[-5:])}" if self.log else "it said nothing"

    def _listen(self, child: "subprocess.Popen[bytes]") -> None:
        """Keep and repeat what the server says, and say it when it ends unasked. Runs in a thread that only waits."""
        with suppress(ValueError, OSError):  # closed meanwhile
            for number, line in enumerate(child.stderr or (), 1):
                text = line.decode(errors="replace").rstrip()
                self.log.append(text)
                if number <= REPEATED_LINES:
                    _logger.warning("%s", text)
                elif number == REPEATED_LINES + 1:
                    _logger.warning("the dashboard says more, which is kept in .log and no longer repeated here")
        if not self._stopping and self._child is child:
            _logger.warning("the dashboard at port %d has ended by itself; %s", self.port, self._last_words())


def _tell(child: "subprocess.Popen[bytes]", settings: DashboardSettings) -> None:
    """Hand the server its settings, and where else this program imports from."""
    path = [str(Path(entry).absolute()) for entry in sys.path if entry]
    told = {"settings": json.loads(settings.to_json()), "path": path}
    with suppress(BrokenPipeError):  # it has ended: what it said tells why
        if child.stdin:
            child.stdin.write(json.dumps(told).encode() + b"\n")


def _launch(bound: socket.socket) -> "subprocess.Popen[bytes]":
    if not sys.executable:
        raise DashboardError(
            "this Python doesn't know its own executable, so it can't start another one for the server"
        )
    command = [sys.executable, "-P", str(_MAIN), str(bound.fileno()), str(os.getpid())]
    cores = os.cpu_count() or 1
    environment = {"POLARS_MAX_THREADS": str(max(1, min(4, cores // 4))), **os.environ}
    return subprocess.Popen(
        command,
        bufsize=0,  # no buffer, no lock of one that a fork could leave taken
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[bound.fileno()],
        env=environment,
        cwd="/",  # so that it holds no folder that somebody wants to unmount
        start_new_session=True,  # Ctrl-C is for the program; the server ends with it
    )


def _close(pipe: "IO[bytes] | None") -> None:
    if pipe is not None:
        with suppress(OSError):
            pipe.close()
