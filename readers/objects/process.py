"""UploaderProcess: the uploader in a process of its own, so that a training feels nothing of it.

The program that trains imports neither obstore nor anything else for it, holds no connection, and waits for nothing but
what it asks for with a time limit. Guarantee: what was logged is in the spool, whatever happens here; an uploader that
dies or never starts delays, and the next one (of the next tracker, or `steplog sync`) goes on where it stopped.

Of the processes of a host that share a spool one uploads; the others' children wait for their turn, at the cost of a
bare interpreter, and ask it to say when all is in the bucket (see requests). So `settle` means the same in all of them.

The child ends with the program: when its stdin ends without a word (the program was killed) it uploads what is left,
for at most `linger_s`, and ends.
"""

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from readers.sendingprocess import SendingProcess

_MAIN = Path(__file__).with_name("uploading.py").absolute()
_logger = logging.getLogger("steplog.upload")
CLAIM_S = 5.0
"""How long giving a number to a model or a checkpoint waits for the bucket."""


class Uploading(NamedTuple):
    """How uploading to object storage stands, as far as it has been told."""

    target: str
    """The address."""
    running: bool
    """Whether this process has an uploader, at work or waiting for its turn."""
    parts: int
    """Sealed files uploaded by it."""
    live: int
    """Pieces of what was not sealed yet."""
    files: int
    """Files of artifacts, models and checkpoints."""
    bytes: int
    """Of all these together."""
    waiting_parts: int
    """Sealed files that wait."""
    waiting_bytes: int
    """Bytes that wait, as far as they were counted."""
    settled: bool
    """Whether all that was in the spool at the uploader's last look is in the bucket."""
    error: str | None
    """What is in the way, or the last that was said of it."""

    @classmethod
    def of(cls, target: str, state: dict[str, Any], *, running: bool) -> Self:
        """What a state that an uploader has told says."""
        told = {name: state.get(name) or 0 for name in cls._fields[2:-2]}
        return cls(target, running, **told, settled=bool(state.get("settled")), error=state.get("error"))


class UploaderProcess(SendingProcess):
    """A running uploader; made by starting it, which doesn't wait for it. Any thread.

    Args:
        root: the spool.
        url: the address.
        linger_s: for how long it goes on when the program was killed.
        warn: says what is in the way; called once a cause.
        said: the causes that were said already.
        ended: called when it has ended though nobody stopped it, in a thread that may wait.

    Raises: OSError: it can't be started.
    """

    def __init__(
        self,
        root: Path,
        url: str,
        *,
        linger_s: float,
        warn: Callable[[str], None],
        said: set[str],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._target = url
        self._when_ended = ended
        self._claims = itertools.count()
        self._claimed: dict[int, int | None] = {}
        settings = {"root": str(root), "url": url, "linger_s": linger_s}
        super().__init__(_MAIN, settings, warn=warn, logger=_logger, said=said, name="steplog-upload")

    def view(self) -> Uploading:
        """How it stands."""
        return Uploading.of(self._target, self._state, running=self.alive)

    def claim(self, home: str, digest: str, above: int, timeout_s: float = CLAIM_S) -> int | None:
        """Reserve the next number of a home in the bucket; None where that doesn't answer in time.

        Args:
            home: as "models/churn": see ingest.objects.claims.
            digest: of what is to have the number.
            above: the highest number that is known here.
        """
        number = next(self._claims)
        self._tell({"claim": number, "home": home, "digest": digest, "above": above})
        with self._changed:
            self._changed.wait_for(lambda: number in self._claimed or self.over, timeout_s)
            return self._claimed.pop(number, None)

    def exiting(self) -> None:
        """At the end of a program that didn't close its tracker: let it upload what is left, for `linger_s`."""
        with self._lock:
            self._stopping = True
            self.leave()

    # --- within

    def _is_in_vain(self) -> bool:
        return False  # a busy one asks the one that is at work

    def _cause(self, error: str) -> str:
        advice = error.rpartition("; ")[2]  # of an ObjectsUnavailable; the rest names the key
        return super()._cause(advice)

    def _heard(self, said: dict[str, Any]) -> None:
        if "claimed" in said:
            self._claimed[said["claimed"]] = said.get("number")

    def _ended(self) -> None:
        if not self._stopping:
            self._when_ended()  # in the thread that listened
