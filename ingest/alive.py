"""Who is alive: a writer holds a lock on its folder's `lock` file for as long as its process lives.

The lock is `flock`: the kernel drops it when the process dies by any cause, so no lock ever needs a human. Everybody
else only asks for a shared lock on it, for a moment, so asking never makes a dead writer look alive; those who adopt
what a dead writer left exclude each other by a second file, `adopt`. A forked child inherits the open file, so it
must close its copy (see Pipeline). Where a file system has no locks, a writer counts as alive while its `lock` file
was touched in the last `STALE_AFTER_S` seconds (the writer touches it on every sync). A writer whose folder is on
another host (see home) counts as alive: its lock can only be asked there.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import time
from pathlib import Path

from ingest.home import is_elsewhere, link
from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout

STALE_AFTER_S = 120.0
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class FolderLock:
    """A lock on one file of a writer's folder; one that is not held (yet, or any more) is a FolderLock too."""

    def __init__(self, descriptor: int = -1) -> None:
        self._descriptor = descriptor

    def claim(self, layout: Layout, writer: str) -> None:
        """Make a writer's home, locked from the moment that others can see it; if it lies there, lock it there.

        Raises: OSError: it can't be made, or somebody else has it.
        """
        self.release()
        self._descriptor = _claim_inside(layout, writer) if layout.queue_dir is None else _claim_linked(layout, writer)

    def holds(self, folder: Path) -> bool:
        """Whether this is the lock of the folder as it lies there now."""
        return self._descriptor >= 0 and _same(self._descriptor, folder / "lock")

    @classmethod
    def adopt(cls, folder: Path) -> "FolderLock | None":
        """Lock a dead writer's folder, or None when its writer lives, somebody else adopts it, or it is gone."""
        if is_alive(folder):
            return None
        taken = _take(folder / "adopt")
        return None if taken is None else cls(taken)

    def touch(self) -> None:
        """Show a sign of life, for file systems without locks."""
        if self._descriptor >= 0:
            os.utime(self._descriptor)

    def release(self) -> None:
        """Let go; twice is once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_alive(folder: Path) -> bool:
    """Tell whether the writer of a folder lives."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name must not block us
    except (FileNotFoundError, NotADirectoryError):
        return is_elsewhere(folder)
    except PermissionError:  # another user's run: its lock can't be asked
        return True
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _claim_inside(layout: Layout, writer: str) -> int:
    """Lock a folder aside and move it to live/; the descriptor."""
    folder, scratch = layout.writer(writer), layout.tmp / f"{writer}-{secrets.token_hex(4)}"
    scratch.mkdir(mode=DIRECTORY_MODE, parents=True)
    try:
        taken = _take(scratch / "lock")
        try:
            layout.live.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            scratch.rename(folder)
        except OSError:
            if taken is not None:
                os.close(taken)
            taken = _take(folder / "lock")  # only its lock was deleted
            if taken is None:
                raise
    finally:
        with contextlib.suppress(OSError):
            (scratch / "lock").unlink(missing_ok=True)
            scratch.rmdir()
    return _or_raise(taken, folder)


def _claim_linked(layout: Layout, writer: str) -> int:
    """Lock a folder in queue_dir, and then show it; the descriptor. One that can't be shown and is empty is removed."""
    home = layout.home(writer)
    home.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    taken = _or_raise(_take(home / "lock"), home)
    try:
        link(layout, writer)
    except BaseException:
        os.close(taken)
        with contextlib.suppress(OSError):
            (home / "lock").unlink()
            home.rmdir()
        raise
    return taken


def _or_raise(taken: int | None, folder: Path) -> int:
    if taken is None:
        raise BlockingIOError(errno.EAGAIN, "locked by another process", str(folder))
    return taken


def _take(path: Path) -> int | None:
    """Make and lock a file; its descriptor, or None when it is locked or its folder is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if _locked(descriptor, fcntl.LOCK_EX) and _same(descriptor, path):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _locked(descriptor: int, kind: int) -> bool:
    """Try to lock without waiting."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        age_s = time.time() - os.fstat(descriptor).st_mtime
        return kind == fcntl.LOCK_EX or age_s > STALE_AFTER_S
    return True


def _same(descriptor: int, path: Path) -> bool:
    """Whether the locked file is still the one at the path: another adopter may have removed it meanwhile."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
