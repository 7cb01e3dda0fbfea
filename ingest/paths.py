"""The names of artifacts and models: relative POSIX paths that stay where they are put.

What is only odd is accepted: `con.txt`, `.hidden`, `%2e%2e`, a newline, NFC beside NFD. What could lead out of its
folder, or has no place on some disk or in some table that we write to, is refused at the call.
"""

import os
import re
from typing import Literal

MAX_PATH_BYTES = 1024
"""Of a whole name; object stores take no longer keys."""
MAX_COMPONENT_BYTES = 255
"""Of what stands between two slashes; file systems take no more."""

_EXAMPLES = {"artifact": "plots/loss.png", "model": "churn/forest"}
_HOMES = {"artifact": "the run's folder", "model": "the models' folder"}
_DRIVE = re.compile(r"[A-Za-z]:")


def check_path(name: str | os.PathLike[str], what: Literal["artifact", "model"] = "artifact") -> str:
    """Return the name if it is a relative POSIX path that stays where it is put.

    Raises: ValueError: it isn't; the message says what is wrong with it. TypeError: not text.
    """
    path = name_text(name, "notes.txt" if what == "artifact" else _EXAMPLES[what])
    reason = _fault_of(path, _HOMES[what])
    if reason:
        shown = path if len(path) <= 80 else f"{path[:80]}..."
        raise ValueError(
            f"{shown!r} is refused as {what} name: {reason}; give a relative path such as {_EXAMPLES[what]!r}"
        )
    return path


def name_text(name: object, example: str = "notes.txt") -> str:
    """Return a name, given as text or as a path object, as text. Raises: TypeError: it is neither."""
    path = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(path, str):
        raise TypeError(f"name is a str such as {example!r}, not {type(name).__name__}")
    return path


def _fault_of(path: str, home: str) -> str:
    """Say what is wrong with a name, or nothing."""
    parts = path.split("/")
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "it has half a surrogate pair, which no UTF-8 text can hold"
    checks = (
        (not path, "it is empty"),
        ("\0" in path, "it has a NUL in it"),
        ("\\" in path, "it has a backslash in it, and folders are parted by '/'"),
        (path.startswith("/"), "it is absolute"),
        (_DRIVE.match(path), "it begins with a drive letter"),
        (".." in parts, f"'..' leads out of {home}"),
        ("." in parts or "" in parts, "it has an empty or '.' component"),
        (longest > MAX_COMPONENT_BYTES, f"a component has {longest} bytes, and {MAX_COMPONENT_BYTES} is the most"),
        (len(path.encode()) > MAX_PATH_BYTES, f"it has more than {MAX_PATH_BYTES} bytes"),
    )
    return next((reason for wrong, reason in checks if wrong), "")
