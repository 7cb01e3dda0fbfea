"""Cells: small values that change, each in a file of its own, and all that they ever were.

    <home>/<path>.json           what a cell is now; the path has a folder, as in "aliases/best"
    <home>/history/<id>.json     each change; an id begins with its time

Guarantee: a cell's file is replaced at once. Several processes lose none of each other's cells, a reader sees a whole
value, and a crash leaves the old one or the new one. A change counts once its cell is written; the copy in the history
follows. Until it does, the cell's own file stands for it, and who changes the cell next makes the copy first: so a
change is in the history if it ever was seen.
"""

import hashlib
import logging
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.jsontext import from_json, to_json
from ingest.layout import DIRECTORY_MODE, sync_directory, write_atomically
from ingest.sources import open_plain

HISTORY = "history"
_ID = "id"
_SHAPE = re.compile(r"\d{20}-[0-9a-f]{8}")
_MOST_BYTES = 16 << 20
_log = logging.getLogger("steplog")
Change = dict[str, Any]
"""What a cell's file says: whatever was put, its "time_ns" and "id"."""


class Cells:
    """The cells of one home.

    Args:
        home: the folder that they lie in; it must be there before something is put.
        tmp: where files are written before they are renamed; on the same disk.
    """

    def __init__(self, home: Path, tmp: Path) -> None:
        self._home = home
        self._tmp = tmp

    def put(self, path: str, change: Change, time_ns: int) -> None:
        """Change a cell. Raises: OSError: the disk doesn't take it, and the cell is what it was."""
        file = self._home / f"{path}.json"
        before = self.read(path)
        if before is not None:
            self._keep(before)
        told = {**change, "time_ns": time_ns, _ID: f"{time_ns:020d}-{secrets.token_hex(4)}"}
        self._make(file.parent)
        try:
            write_atomically(file, to_json(told).encode(), self._tmp)
            self._keep(told)
        except OSError as error:
            now = self.read(path)
            if now is None or now[_ID] != told[_ID]:
                raise
            _log.warning("steplog: %s is changed, but not all about it is safe from a power cut: %s", file, error)

    def read(self, path: str) -> Change | None:
        """Give what a cell is now; None if it never was anything, or can't be read (which is said)."""
        return _read(self._home / f"{path}.json")

    def below(self, folder: str) -> Iterator[Change]:
        """Give the cells right below a folder, sorted by file name; those that can't be read are said and left out."""
        home = self._home / folder
        for file in sorted(home.glob("*.json")) if home.is_dir() else []:
            change = _read(file)
            if change is not None:
                yield change

    def history(self) -> list[Change]:
        """Give all changes, the first one first."""
        found = {change[_ID]: change for change in self.below(HISTORY)}
        for top in self._home.iterdir() if self._home.is_dir() else ():
            if top.name == HISTORY or top.name.isdecimal() or not top.is_dir():
                continue
            for change in filter(None, map(_read, top.rglob("*.json"))):
                found.setdefault(change[_ID], change)
        return [found[key] for key in sorted(found)]

    def _keep(self, change: Change) -> None:
        """Copy a change to the history, unless it is there."""
        file = self._home / HISTORY / f"{change[_ID]}.json"
        if not file.exists():
            self._make(file.parent)
            write_atomically(file, to_json(change).encode(), self._tmp)

    def _make(self, folder: Path) -> None:
        """Make a folder and those above it, up to the home, so that a power cut leaves them."""
        if folder.is_dir():
            return
        if folder.parent != self._home:
            self._make(folder.parent)
        folder.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        sync_directory(folder.parent)


def _read(file: Path) -> Change | None:
    try:
        with open_plain(file) as opened:
            change = from_json(opened.read(_MOST_BYTES))
        return _checked(change, file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        _log.warning("steplog: %s can't be read, and is left out: %r", file, error)
        return None


def _checked(change: object, file: Path) -> Change:
    """What a cell's file says, with an id. Raises: TypeError, ValueError, KeyError: it isn't what a cell says."""
    if not isinstance(change, dict):
        raise TypeError(f"it holds {type(change).__name__}, no object")
    if _ID not in change:  # of a version that kept no history
        time_ns = file.stat().st_mtime_ns
        place = hashlib.sha256(file.name.encode()).hexdigest()[:8]
        change |= {"time_ns": time_ns, _ID: f"{time_ns:020d}-{place}"}
    if not _SHAPE.fullmatch(str(change[_ID])) or not isinstance(change["time_ns"], int):
        raise ValueError(f"its id {change[_ID]!r} is none of ours")
    return change
