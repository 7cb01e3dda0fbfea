"""Interrupts at a chosen moment: everywhere that CPython itself would run a signal handler, and nowhere else.

The interpreter looks for signals when a function begins, when a call of a C function ends, and when a loop goes back.
An exception at any other place (as between the end of a `with` block and the release of its lock) can't happen.
"""

import dis
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_LOOKS = ("CALL", "JUMP_BACKWARD", "RESUME")


class Interrupt(KeyboardInterrupt):
    """Ctrl-C at a moment that a test chose."""


def interrupt() -> None:
    """Do what Python's own SIGINT handler does."""
    raise Interrupt


@contextmanager
def at_moment(nth: int, action: Callable[[], None], *files: str) -> Iterator[list[str]]:
    """Run `action` at the n-th moment of this thread in some source files; gives where that was, once it was."""
    count = itertools.count(1)
    before: dict[FrameType, str] = {}
    hit: list[str] = []

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if event == "call" and frame.f_back is not None:
            before[frame.f_back] = ""  # what ends now is the call of a Python function
        if hit or not frame.f_code.co_filename.endswith(files):
            return None
        known, frame.f_trace_opcodes = frame.f_trace_opcodes, True
        if not known and sys.version_info[:2] == (3, 12):  # it looks only here whether anybody traces opcodes
            sys.settrace(trace)
        if event == "call":
            before[frame] = "RESUME"
        if event != "opcode":
            return trace
        previous, before[frame] = before.get(frame, ""), dis.opname[frame.f_code.co_code[frame.f_lasti]]
        if previous.startswith(_LOOKS) and next(count) == nth:
            hit.append(f"{frame.f_code.co_filename}:{frame.f_lineno}")
            sys.settrace(None)
            action()
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        yield hit
    finally:
        sys.settrace(old)
