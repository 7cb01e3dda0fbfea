"""ForwarderProcess: the forwarder in a process of its own, so that a training feels nothing of it.

The program that trains imports neither Polars nor MLflow for it, holds no connection, and waits for nothing but what
`settle` is told to wait. Guarantee: what was logged is in the store, whatever happens here; a forwarder that dies or
never starts delays, and the next one (of the next tracker, or `steplog sync`) goes on from the place kept on disk.

The child ends with the program: it holds the reading end of a pipe. When that is closed without a word (the program was
killed) it sends what is left, for at most `linger_s`, and ends.
"""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from ingest import process

STOP_S = 4.0
"""How long the child may take to end by itself; then it is killed."""
_MAIN = Path(__file__).with_name("__main__.py").absolute()
_logger = logging.getLogger("steplog.mlflow")


class Forwarding(NamedTuple):
    """How forwarding to the MLflow server stands, as far as it has been told."""

    target: str
    """The server, without credentials."""
    running: bool
    """Whether the forwarder's process lives."""
    points: int
    """Points of this store that the server has taken, repeats included."""
    facts: int
    """Params, tags and files likewise."""
    waiting: int
    """Records that were read and not yet delivered; more may lie in the store behind them."""
    aside: int
    """Records that the server refused."""
    settled: bool
    """Whether all that was in the store at the forwarder's last look was dealt with."""
    error: str | None
    """What is in the way, or the last that was said of it."""


class ForwarderProcess:
    """A running forwarder; made by starting it, which doesn't wait for it. Any thread."""

    def __init__(self, root: Path, uri: str, shown: str, *, linger_s: float) -> None:
        self._target = shown
        self._state: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._changed = threading.Condition(threading.Lock())
        self._asked = self._settled = 0
        self._said: set[str] = set()
        self._stopping = False
        self.busy = False
        """Whether another process forwards this store there; it sends what is logged here, too."""
        self._child: subprocess.Popen[bytes] | None = _launch()
        path = [str(Path(entry).absolute()) for entry in sys.path if entry]
        self._tell({"root": str(root), "uri": uri, "linger_s": linger_s, "path": path})
        pipes = self._child.stdout, self._child.stderr
        names = self._listen, self._repeat
        self._threads = [
            threading.Thread(target=listen, args=[pipe], name="steplog-mlflow", daemon=True)
            for listen, pipe in zip(names, pipes, strict=True)
        ]
        for thread in self._threads:
            thread.start()
        process.tell(self)

    @property
    def alive(self) -> bool:
        """Whether it runs; False in a forked child, whose it isn't."""
        child = self._child
        return child is not None and child.poll() is None

    @property
    def pid(self) -> int | None:
        """The forwarder's process id; None when it was stopped."""
        return None if self._child is None else self._child.pid

    def view(self) -> Forwarding:
        """How it stands."""
        state = self._state
        points, facts, waiting, aside = (int(state.get(name) or 0) for name in ("points", "facts", "waiting", "aside"))
        settled, error = bool(state.get("settled")), state.get("error")
        return Forwarding(self._target, self.alive, points, facts, waiting, aside, settled, error)

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that is in the store now was dealt with; whether it was, in time; not while `busy`."""
        with self._lock:
            self._asked += 1
            wanted = self._asked
            self._tell({"settle": wanted})
        with self._changed:
            return self._changed.wait_for(
                lambda: self._settled >= wanted or self.busy or not self.alive, timeout_s
            ) and (self._settled >= wanted)

    def stop(self) -> None:
        """End it, within seconds. Twice is once."""
        with self._lock:
            self._stopping = True
            child = self._child
            if child is None:
                return
            self._tell({"end": True})
            self._child = None
        _close(child.stdin)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        for thread in self._threads:
            thread.join(STOP_S)
        for pipe in (child.stdout, child.stderr):
            _close(pipe)

    # --- as a Survivor (see ingest.process)

    def rest_locks(self) -> "Iterable[threading.RLock]":
        """None: a fork needs nothing of it to be at rest."""
        return ()

    def forked(self) -> None:
        """In a forked child: let go of the parent's forwarder."""
        self._lock = threading.RLock()
        self._changed = threading.Condition(threading.Lock())
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

    def _tell(self, line: dict[str, Any]) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            with suppress(OSError, ValueError):  # it has ended: `alive` says so
                child.stdin.write(json.dumps(line).encode() + b"\n")

    def _listen(self, pipe: "IO[bytes]") -> None:
        """Take in what the child tells. Runs in a thread that only waits."""
        with suppress(ValueError, OSError):  # closed meanwhile
            for line in pipe:
                said = json.loads(line)
                with self._changed:
                    self._state = {**self._state, **said.get("state", {})}
                    if "error" in said:
                        self._state["error"] = said["error"]
                    self._settled = said.get("settled", self._settled)
                    self.busy = "busy" in said or (self.busy and "ready" not in said)
                    self._changed.notify_all()
                self._warn(said)
        with self._changed:
            self._changed.notify_all()

    def _warn(self, said: dict[str, Any]) -> None:
        """Say once each thing that is in the way."""
        if "busy" in said:
            _logger.info("%s", said["busy"])
        error = said.get("error") or said.get("state", {}).get("error")
        kind = str(error)[:40]
        if error and kind not in self._said:
            self._said.add(kind)
            _logger.warning(
                "forwarding to %s waits: %s. Everything is in the store, and is sent when that works (said once)",
                self._target,
                error,
            )

    def _repeat(self, pipe: "IO[bytes]") -> None:
        """Repeat what the child says on stderr; at most a hundred lines."""
        with suppress(ValueError, OSError):
            for number, line in enumerate(pipe):
                if number < 100:
                    _logger.warning("%s", line.decode(errors="replace").rstrip())


def _launch() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", str(_MAIN)],
        bufsize=0,  # no buffer, no lock of one that a fork could leave taken
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"POLARS_MAX_THREADS": "1", **os.environ},
        cwd="/",  # so that it holds no folder that somebody wants to unmount
        start_new_session=True,  # Ctrl-C is for the program
    )


def _close(pipe: "IO[bytes] | None") -> None:
    if pipe is not None:
        with suppress(OSError):
            pipe.close()
