"""Attempts: ask a server until it answers, wait between, give up when told; and the state that is told of it.

A request that times out is to be made smaller, for the time being (`most`). One that the server fails at again and
again (`FAILS`), while it answers other questions, is to be halved; when it is a single record, it is refused. A
server that asks to be left alone for a while (Retry-After) is, but for no longer than `PATIENCE` of our longest pauses.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from readers.mlflow.batches import MAX_POINTS
from readers.mlflow.target import NotNow, Refused

FAILS = 5
PATIENCE = 10
_T = TypeVar("_T")


class Halted(Exception):
    """Told to stop, or out of time, while something waits to be delivered."""


class Smaller(Exception):
    """The request is to be tried in parts."""


class State(msgspec.Struct, frozen=True):
    """How forwarding stands."""

    target: str
    points: int = 0
    """Points that the server has taken in this store's lifetime, repeats included."""
    facts: int = 0
    waiting: int = 0
    """Records that were read and not yet delivered; more may lie in the store behind them."""
    aside: int = 0
    error: str | None = None
    """What is in the way now; None when nothing is."""
    settled: bool = False
    """Whether all that was in the store at the last look was dealt with."""


class Attempts:
    """How often a server was asked, and how it stands with it. One thread, but for `stop` and `state`."""

    def __init__(
        self,
        state: State,
        on_change: Callable[[State], None],
        answers: Callable[[], bool],
        backoff_s: tuple[float, float],
    ) -> None:
        self.state = state
        self.until: float | None = None
        """When to give up, of time.monotonic."""
        self.most = MAX_POINTS
        """Records of a request, as the server is quick enough for them."""
        self.stopping = threading.Event()
        self._on_change = on_change
        self._answers = answers
        self._backoff_s = backoff_s

    def make(self, ask: Callable[[], _T], *, size: int = 1) -> _T:
        """Ask until there is an answer. Raises: Refused. Halted. Smaller: try it in parts."""
        failed = 0
        delay_s = self._backoff_s[0]
        while True:
            if self.stopping.is_set() or (self.until is not None and time.monotonic() > self.until):
                raise Halted
            try:
                done = ask()
            except NotNow as error:
                self.change(error=str(error), settled=False)
                failed = failed + 1 if error.failed else 0
                if failed >= FAILS and self._answers():
                    if size > 1:
                        raise Smaller from error
                    raise Refused(f"the server fails at it: {error}") from error
                if size > 1 and "timed out" in str(error).lower():
                    self.most = max(1, size // 2)
                    raise Smaller from error
                asked_s = min(error.after_s or 0.0, PATIENCE * self._backoff_s[1])
                chance = random.uniform(0.5, 1.0)  # noqa: S311 - so that many don't come at once
                self._pause(max(asked_s, delay_s * chance))
                delay_s = min(2 * delay_s, self._backoff_s[1])
                continue
            if self.state.error is not None:
                self.change(error=None)
            if size >= self.most:
                self.most = min(MAX_POINTS, 2 * self.most)
            return done

    def change(self, **fields: object) -> None:
        """Tell a new state."""
        changed = msgspec.structs.replace(self.state, **fields)
        if changed != self.state:
            self.state = changed
            self._on_change(changed)

    def _pause(self, seconds: float) -> None:
        if self.until is not None:
            seconds = min(seconds, max(0.0, self.until - time.monotonic()) + 0.001)
        self.stopping.wait(seconds)
