"""Faults: what goes wrong in an integration is said once, and stops nobody's training."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("steplog")


class Faults:
    """What an integration says of its own failures.

    Args:
        what: who fails, for the message, such as "sklearn.autolog".
    """

    def __init__(self, what: str) -> None:
        self.count = 0
        """How often something failed, said or not."""
        self._what = what
        self._said: set[str] = set()

    @contextmanager
    def kept(self, doing: str) -> Iterator[None]:
        """Keep what the block raises from the training; said at the first of each kind, with its place."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the edge between a training and its log: nothing may pass
            self.count += 1
            cause = f"{doing} {type(error).__name__}"
            if cause not in self._said:
                self._said.add(cause)
                shown = f"{type(error).__name__}: {error}"
                _log.warning(
                    "steplog: %s failed at %s: %s. Training goes on (said once)",
                    self._what,
                    doing,
                    shown,
                    exc_info=_log.isEnabledFor(logging.DEBUG),
                )
