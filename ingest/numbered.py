"""Numbered folders: 1, 2, 3 ... in a home, each there whole or not at all; model versions and checkpoints are such.

Guarantee: a number is never given twice, and what lies under one never changes. A folder is filled in the store's tmp/,
its files are synced, and it is renamed to the next free number. A folder can't be renamed onto one with files in it, so
the rename itself is the claim, and a crash before it leaves nothing that counts. Removing goes the other way: renamed
into tmp/ at once, emptied there. What a crash leaves in tmp/ the next recovery removes.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ingest.layout import DIRECTORY_MODE, FILE_MODE, sync_directory

Reserve = Callable[[Path, int], int]
_T = TypeVar("_T")
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


def publish(home: Path, tmp: Path, fill: Callable[[Path], _T], reserve: Reserve | None = None) -> tuple[int, _T]:
    """Let `fill` put files into a folder, and make it the next number of the home.

    Args:
        reserve: is given the filled folder and the highest number that is there, and gives the one to try first, where
            others than this home's processes give numbers too.

    Returns: the number, and what `fill` gave.
    Raises: OSError: the disk doesn't take it; what `fill` raises. Either way nothing is left behind.
    """
    folder = tmp / secrets.token_hex(16)
    tmp.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    folder.mkdir(mode=DIRECTORY_MODE)
    try:
        filled = fill(folder)
        _secure(folder)
        number = _claim(home, folder, reserve or _next)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return number, filled


def numbers(home: Path) -> list[int]:
    """List the numbers that are there, ascending."""
    try:
        names = [path.name for path in home.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal() and len(name) < 19)


def remove(home: Path, number: int, tmp: Path) -> bool:
    """Remove a number; False when it isn't there, as another process removed it. Raises: OSError."""
    gone = tmp / secrets.token_hex(16)
    tmp.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    try:
        (home / str(number)).rename(gone)
    except FileNotFoundError:
        return False
    shutil.rmtree(gone, ignore_errors=True)  # not synced: a power cut may bring it back, whole, and no harm is done
    return True


def _secure(folder: Path) -> None:
    """Make what libraries wrote its owner's only, and safe from a power cut."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(DIRECTORY_MODE if path.is_dir() else FILE_MODE)
        if path.is_dir():
            sync_directory(path)
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _next(_folder: Path, highest: int) -> int:
    return highest + 1


def _claim(home: Path, folder: Path, reserve: Reserve) -> int:
    """Rename a whole folder to the next free number."""
    for made in (home.parent, home):
        if not made.is_dir():
            made.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            sync_directory(made.parent)
    number = reserve(folder, max(numbers(home), default=0))
    while True:
        try:
            folder.rename(home / str(number))
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            number += 1
        else:
            sync_directory(home)
            return number
