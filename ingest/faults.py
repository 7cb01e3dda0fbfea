"""Faults of the background thread: caught, counted, said once, tried again.

Guarantee (training goes on): whatever a part of a step raises ends here. A part that failed is
tried again with back-off. One cause (a full disk, a read-only folder) is one warning, whichever parts meet it and
however often; when everything works again, one line says so. A cause is said anew only after it has not been met for a
while, so that a disk that is now full and now not doesn't fill the log.
"""

import errno
import logging
from collections.abc import Callable

from ingest.clock import Clock

_BACK_OFF_S = (0.2, 30.0)
_SAY_AGAIN_S = 120.0
_ADVICE = {
    errno.ENOENT: "; the store, or a part of it, was deleted: it is made again",
    errno.ENOSPC: "; make room on its disk",
    errno.EDQUOT: "; make room in your quota",
    errno.EACCES: "; make it writable",
    errno.EROFS: "; make its file system writable",
}
_log = logging.getLogger("steplog")


class Faults:
    """What fails now, what has failed, and what was said about it."""

    def __init__(self, clock: Clock, where: str, consequence: Callable[[], str] = lambda: "") -> None:
        self.count = 0
        self.last_error: str | None = None
        self.failing: dict[str, Exception] = {}
        """Parts that failed when they were last tried."""
        self._clock = clock
        self._where = where
        self._consequence = consequence
        self._retry_at: dict[str, float] = {}
        self._delay_s: dict[str, float] = {}
        self._met: dict[str, float] = {}
        """When each cause was last met."""
        self._to_resolve = False

    @property
    def error(self) -> Exception | None:
        """A failure that lasts; None when all works."""
        return next(iter(self.failing.values()), None)

    def attempt(self, what: str, action: Callable[[], None], *, urgent: bool = False) -> Exception | None:
        """Run a part of a step; returns what it raised, also while it waits to be tried again."""
        if not urgent and what in self.failing and self._clock.monotonic() < self._retry_at[what]:
            return self.failing[what]
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whatever happened, the next step goes on
            self.failing[what] = error
            delay = min(self._delay_s.get(what, _BACK_OFF_S[0] / 2) * 2, _BACK_OFF_S[1])
            self._delay_s[what], self._retry_at[what] = delay, self._clock.monotonic() + delay
            self.report(what, error)
            return error
        if what in self.failing:
            del self.failing[what], self._delay_s[what], self._retry_at[what]
            self._resolve()
        return None

    def report(self, what: str, error: Exception) -> None:
        """Count a failure, and say it unless its cause was said lately."""
        self.count += 1
        self.last_error = f"{what}: {error}"
        cause, now = cause_of(what, error), self._clock.monotonic()
        known = cause in self._met and now - self._met[cause] < _SAY_AGAIN_S
        self._met[cause] = now
        if known:
            return
        self._to_resolve = True
        trace = None if cause_of("", error) else error
        _log.warning(
            "steplog: %s failed in %s: %s%s%s (said once)",
            what,
            self._where,
            error,
            _ADVICE.get(_errno(error) or 0, ""),
            self._consequence(),
            exc_info=trace,
        )

    def _resolve(self) -> None:
        if self._to_resolve and not self.failing:
            self._to_resolve = False
            _log.warning("steplog: all works again in %s", self._where)


def cause_of(what: str, error: Exception) -> str:
    """What failures have in common that a user can do something about: of the system's, the kind of error."""
    number = _errno(error)
    if number:
        return f"errno {number}"
    return f"{what} {type(error).__name__}" if what else ""


def _errno(error: Exception) -> int | None:
    """The system's number for an error, or for what it was raised from."""
    found = error if isinstance(error, OSError) else error.__cause__
    return found.errno if isinstance(found, OSError) else None
