"""ForwarderProcess: the forwarder in a process of its own, so that a training feels nothing of it.

The program that trains imports neither Polars nor MLflow for it, holds no connection, and waits for nothing but what
`settle` is told to wait. Guarantee: what was logged is in the store, whatever happens here; a forwarder that dies or
never starts delays, and the next one (of the next tracker, or `steplog sync`) goes on from the place kept on disk.

The child ends with the program (see readers.childprocess): when its stdin ends without a word (the program was killed)
it sends what is left, for at most `linger_s`, and ends.
"""

import logging
from pathlib import Path
from typing import NamedTuple

from readers.sendingprocess import SendingProcess

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


class ForwarderProcess(SendingProcess):
    """A running forwarder; made by starting it, which doesn't wait for it. Any thread.

    One that is `busy` doesn't forward, and `settle` doesn't wait for it.
    Raises: OSError: it can't be started.
    """

    def __init__(self, root: Path, uri: str, shown: str, *, linger_s: float) -> None:
        self._target = shown
        settings = {"root": str(root), "uri": uri, "linger_s": linger_s}
        super().__init__(_MAIN, settings, warn=self._say, logger=_logger, said=set(), name="steplog-mlflow")

    def view(self) -> Forwarding:
        """How it stands."""
        state = self._state
        points, facts, waiting, aside = (int(state.get(name) or 0) for name in ("points", "facts", "waiting", "aside"))
        settled, error = bool(state.get("settled")), state.get("error")
        return Forwarding(self._target, self.alive, points, facts, waiting, aside, settled, error)

    # --- within

    def _cause(self, error: str) -> str:
        return error[:40]

    def _say(self, error: str) -> None:
        _logger.warning(
            "forwarding to %s waits: %s. Everything is in the store, and is sent when that works (said once)",
            self._target,
            error,
        )
