"""SendingProcess: a child that sends what is in a store to somewhere else, and tells how far it is.

One of a store sends, by a lock; the others wait their turn, and are `busy` meanwhile. Who asks `settle` waits until all
that is in the store was dealt with. What is in the way is said once a cause.
"""

import json
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from readers.childprocess import ChildProcess

_CHANGING = re.compile(r"\d+")
"""What differs between two messages of one cause: counts, ports, times."""
_MOST_CAUSES = 20


class SendingProcess(ChildProcess):
    """A running sender; made by starting it, which doesn't wait for it. Any thread.

    Args:
        main: the file it runs.
        settings: what it is told first.
        warn: says what is in the way; called once a cause.
        logger: says the rest: what the child says on stderr, and that another process sends.
        said: the causes that were said already.
        name: of the threads that listen.

    Raises: OSError: it can't be started.
    """

    def __init__(
        self,
        main: Path,
        settings: dict[str, Any],
        *,
        warn: Callable[[str], None],
        logger: logging.Logger,
        said: set[str],
        name: str,
    ) -> None:
        self._state: dict[str, Any] = {}
        self._changed = threading.Condition(threading.Lock())
        self._asked = self._settled = 0
        self._warn, self._logger, self._said = warn, logger, said
        self.over = False
        """Whether it will tell nothing any more."""
        self.busy = False
        """Whether another process sends this store there; it sends what is logged here, too."""
        super().__init__(main, settings)
        child = self._child
        self._hear(child.stdout if child else None, self._listen, name)
        self._hear(child.stderr if child else None, self._repeat, name)

    def settle(self, timeout_s: float | None) -> bool:
        """Wait until all that is in the store now was dealt with; False: not in time, or the child has ended."""
        with self._lock:
            self._asked += 1
            wanted = self._asked
            self._tell({"settle": wanted})
        with self._changed:
            done = self._changed.wait_for(lambda: self._settled >= wanted or self._is_in_vain() or self.over, timeout_s)
            return done and self._settled >= wanted

    def forked(self) -> None:
        """In a forked child: let go of the parent's."""
        super().forked()
        self._changed = threading.Condition(threading.Lock())

    # --- within

    def _is_in_vain(self) -> bool:
        """Whether waiting for it is of no use now."""
        return self.busy

    def _cause(self, error: str) -> str:
        """What two messages of one cause have in common."""
        return _CHANGING.sub("#", error)

    def _heard(self, said: dict[str, Any]) -> None:
        """Take in what only one kind of sender tells; `_changed` is held."""

    def _ended(self) -> None:
        """Nobody will tell any more."""

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
                    self._heard(said)
                    self._changed.notify_all()
                self._speak(said)
        finally:
            with self._changed:  # nobody waits for one that has ended
                self.over = True
                self._changed.notify_all()
            self._ended()

    def _speak(self, said: dict[str, Any]) -> None:
        """Say once each thing that is in the way."""
        if "busy" in said:
            self._logger.info("%s", said["busy"])
        error = said.get("error") or said.get("state", {}).get("error")
        cause = self._cause(str(error))
        if error and cause not in self._said and len(self._said) < _MOST_CAUSES:
            self._said.add(cause)
            self._warn(str(error))

    def _repeat(self, pipe: "IO[bytes]") -> None:
        """Repeat what the child says on stderr; at most a hundred lines."""
        for number, line in enumerate(pipe):
            if number < 100:
                self._logger.warning("%s", line.decode(errors="replace").rstrip())
