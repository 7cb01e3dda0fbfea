"""Time as an argument, so that tests own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the pipeline asks of time."""

    def time_ns(self) -> int:
        """Wall time, UTC, nanoseconds since 1970; may go backwards."""

    def monotonic(self) -> float:
        """Seconds that only grow."""


class SystemClock:
    """The machine's own clocks."""

    time_ns = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, time_ns: int = 1_700_000_000_000_000_000) -> None:
        self.now_ns = time_ns
        self.elapsed_s = 0.0

    def time_ns(self) -> int:
        """Return the wall time that was last set."""
        return self.now_ns

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self.now_ns += int(seconds * 1e9)
        self.elapsed_s += seconds
