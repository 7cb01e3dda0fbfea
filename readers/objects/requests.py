"""Requests: of the processes that share a spool one uploads; the others ask it to say when all is in the bucket.

    <spool>/upload/lock                     held by the one that uploads
    <spool>/upload/wanted/<pid>-<n>         made by who asks; removed, as the answer, after all was uploaded

Argument: who uploads lists the requests before it looks at the spool, and removes those when all that it found is in
the bucket; so a request that is gone means that everything from before it is there. If the one that uploads dies, the
requests stay, and the next one finds them. Standard library only: who waits is light.
"""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Requests:
    """The requests of one spool."""

    def __init__(self, spool: Path) -> None:
        self._folder = spool / "upload" / "wanted"

    def ask(self, name: str) -> None:
        """Ask. Raises: OSError: the disk doesn't take it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._folder / name, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))

    def is_open(self, name: str) -> bool:
        """Whether it isn't answered yet."""
        return (self._folder / name).exists()

    def names(self) -> list[str]:
        """What isn't answered yet."""
        with suppress(OSError):  # nobody has asked anything
            return os.listdir(self._folder)  # noqa: PTH208 - names, no paths
        return []

    def answer(self, names: Iterable[str]) -> None:
        """All is in the bucket that was there when these were listed."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


def is_held(spool: Path) -> bool:
    """Whether somebody uploads this spool now."""
    try:
        descriptor = os.open(spool / "upload" / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # nobody ever has
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks here: who really wants to know tries to take it
        return False
    finally:
        os.close(descriptor)
    return False
