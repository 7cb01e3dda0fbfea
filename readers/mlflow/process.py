"""ForwarderProcess: the forwarder in a process of its own, so that a training feels nothing of it.

The program that trains imports neither Polars nor MLflow for it, holds no connection, and waits for nothing but what
`settle` is told to wait. Guarantee: what was logged is in the store, whatever happens here; a forwarder that dies or
never starts delays, and the next one (of the next tracker, or `steplog sync`) goes on from the place kept on disk.

The child ends with the program (see readers.childprocess): when its stdin ends without a word (the program was killed)
it sends what is left, for at most `linger_s`, and ends.
"""

import json
import logging
import threading
from pathlib import Path
from typing import IO, Any, NamedTuple

from readers.childprocess import ChildProcess

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


class ForwarderProcess(ChildProcess):
    """A running forwarder; made by starting it, which doesn't wait for it. Any thread.

    Raises: OSError: it can't be started.
    """

    def __init__(self, root: Path, uri: str, shown: str, *, linger_s: float) -> None:
        self._target = shown
        self._state: dict[str, Any] = {}
        self._changed = threading.Condition(threading.Lock())
        self._asked = self._settled = 0
        self._said: set[str] = set()
        self.busy = False
        """Whether another process forwards this store there; it sends what is logged here, too."""
        super().__init__(_MAIN, {"root": str(root), "uri": uri, "linger_s": linger_s})
        child = self._child
        self._hear(child.stdout if child else None, self._listen, "steplog-mlflow")
        self._hear(child.stderr if child else None, self._repeat, "steplog-mlflow")

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

    def forked(self) -> None:
        """In a forked child: let go of the parent's."""
        super().forked()
        self._changed = threading.Condition(threading.Lock())

    # --- within

    def _say_farewell(self) -> None:
        self._tell({"end": True})

    def _listen(self, pipe: "IO[bytes]") -> None:
        """Take in what the child tells."""
        try:
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
        finally:
            with self._changed:  # nobody waits for one that has ended
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
        for number, line in enumerate(pipe):
            if number < 100:
                _logger.warning("%s", line.decode(errors="replace").rstrip())
