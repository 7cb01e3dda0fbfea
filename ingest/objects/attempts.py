"""Attempts: how an uploader stands, what is in its way, and when it tries again."""

import logging
import time
from collections.abc import Callable

import msgspec

from ingest.errors import ObjectsUnavailable

REFUSED_S = 60.0
"""Seconds between two tries where a person has to see to it: credentials, the bucket, its format."""
_logger = logging.getLogger("steplog.upload")


class State(msgspec.Struct, frozen=True):
    """How it stands."""

    parts: int = 0
    """Sealed parts that this uploader brought to the bucket."""
    live: int = 0
    """Live pieces likewise."""
    files: int = 0
    """Artifacts, models and checkpoints, files of them, likewise."""
    bytes: int = 0
    """Of all of these, as they lie here."""
    waiting_parts: int = 0
    """Sealed parts and files that are known to wait."""
    waiting_bytes: int = 0
    error: str | None = None
    """What is in the way, or is left out."""
    settled: bool = False
    """Whether all that was there at the last drain is in the bucket."""


class Attempts:
    """The state, and the pauses after failures. One thread; `state` any.

    Args:
        on_change: called with each new state.
        backoff_s: (first, longest) pause after a failure that may pass by itself.
    """

    def __init__(self, on_change: Callable[[State], None], backoff_s: tuple[float, float]) -> None:
        self.state = State()
        self._on_change = on_change
        self._backoff_s = backoff_s
        self._failures = 0
        self._again_at = -1e9
        self._said: set[str] = set()

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    @property
    def pause_s(self) -> float:
        """Seconds until the next try."""
        return max(0.0, self._again_at - time.monotonic())

    def failed(self, error: Exception) -> bool:
        """Note that a try failed; whether it may help to try again soon."""
        soon = error.transient if isinstance(error, ObjectsUnavailable) else isinstance(error, OSError)
        self._failures += 1
        first, most = self._backoff_s
        self._again_at = time.monotonic() + (
            min(most, first * 2.0 ** min(self._failures - 1, 30)) if soon else REFUSED_S
        )
        self.change(settled=False, error=str(error))
        return soon

    def succeeded(self, left_out: str | None) -> None:
        """Note that all is there, but for what is left out."""
        self._failures = 0
        if left_out is not None:
            self.say(left_out)
        self.change(settled=True, error=left_out, waiting_parts=0, waiting_bytes=0)

    def sent(self, size: int, *, waited: bool = True, **more: int) -> None:
        """Count something that is in the bucket now; `more` says of which kind."""
        state = self.state
        new = {name: getattr(state, name) + value for name, value in more.items()}
        if waited:
            new["waiting_parts"] = max(0, state.waiting_parts - 1)
            new["waiting_bytes"] = max(0, state.waiting_bytes - size)
        self.change(bytes=state.bytes + size, **new)

    def change(self, **new: object) -> None:
        """Change the state, and tell."""
        before = self.state
        self.state = msgspec.structs.replace(before, **new)
        if self.state != before:
            self._on_change(self.state)

    def say(self, text: str) -> None:
        """Warn, once of each thing."""
        if text not in self._said:
            self._said.add(text)
            _logger.warning("steplog: %s", text)
