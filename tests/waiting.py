"""Waiting for what nobody announces: looked at again and again until it holds. Every such wait of the tests is here."""

import time
from collections.abc import Callable

DEADLINE_S = 15.0
_PAUSE_S = 0.001


def until(true: Callable[[], object], what: object = "", *, deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as a condition holds. Raises: AssertionError: it doesn't in time; says what `what` is then."""
    deadline = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(_PAUSE_S)
