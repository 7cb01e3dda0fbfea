"""Private folders: the cache is its user's alone, whatever the umask is, and nobody else's is used.

What a cache says counts: that a part was verified, for one. So a folder that somebody else made under its name, in a
shared place such as /tmp, is refused.
"""

import os
import stat
from pathlib import Path

from ingest.errors import StoreUnavailable
from ingest.layout import DIRECTORY_MODE


def make_private(folder: Path) -> None:
    """Make a folder, and those on the way to it, for this user alone; what is there already stays as it is."""
    try:
        folder.mkdir(mode=DIRECTORY_MODE)
    except FileNotFoundError:
        make_private(folder.parent)
        make_private(folder)
    except FileExistsError:
        if not folder.is_dir():
            raise


def claim_private(folder: Path) -> None:
    """The same, and see that it is this user's alone.

    Raises: StoreUnavailable: it is somebody else's, or can't be made.
    """
    try:
        make_private(folder)
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise PermissionError(
                1, f"it belongs to the user with number {found.st_uid}, and this one has {os.geteuid()}"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(DIRECTORY_MODE)
    except OSError as error:
        message = (
            f"the cache {str(folder)!r} can't be used: {error.strerror or error}; set STEPLOG_CACHE_DIR to another"
        )
        raise StoreUnavailable(message) from error
