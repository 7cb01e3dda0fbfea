"""Answering: how a child of ours speaks to the program that started it (see readers.childprocess); for its main file.

Light: a child that waits for its turn imports nothing else.
"""

import contextlib
import json
import os
import time
from typing import Any

TELL_S = 0.2
"""Seconds between two states that are told."""
_STEP_S = 0.01


class Answering:
    """The child's end of its stdout, a line of JSON each. Any thread."""

    def __init__(self) -> None:
        self._told_at = 0.0
        self._answer = os.dup(1)
        os.dup2(2, 1)  # what anybody prints goes to stderr, so that stdout has our lines and nothing else

    def say(self, **line: Any) -> None:
        """Write a line; nobody may be listening any more."""
        with contextlib.suppress(OSError):
            os.write(self._answer, json.dumps(line).encode() + b"\n")

    def tell(self, state: Any, *, now: bool = False) -> None:
        """Tell how it stands, unless that was said a moment ago."""
        if now or state.error is not None or time.monotonic() - self._told_at > TELL_S:
            self._told_at = time.monotonic()
            self.say(state={name: getattr(state, name) for name in state.__struct_fields__})


def outlive(parent: int, timeout_s: float) -> None:
    """Wait until the program is gone: its locks are free then, so that who reads knows that it died."""
    deadline = time.monotonic() + timeout_s
    while os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(_STEP_S)
