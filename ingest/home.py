"""A writer's home: the folder of its queue files; in the store's live/, or on a disk of its host with a link there.

A store on a network mount makes a slow and careful queue (see filesystems); `queue_dir` names a folder on local disk
instead. The home is <queue_dir>/<writer>/ then, and live/<writer> a symbolic link to it: readers on this host see
through it. On another host the link leads nowhere. What is not sealed can't be seen there, and who is behind it counts
as alive: only its own host can tell.

Guarantees kept here. *Nothing unseen*: a home holds no queue file before its link lies in live/, and that is removed
only when no queue file is left; so whenever the writer dies, what it logged can be found by the link. A crash in
between costs an empty folder in queue_dir. *Wiped homes*: a link whose home is gone from its own host (scratch space
that was cleared after a job) is moved to retired/lost and said once; what was not sealed is lost with the disk. If the
home is there after all (a disk that was not mounted at the time), the next recovery moves the link back.
"""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from ingest.layout import DIRECTORY_MODE, Layout, host_name, host_of, sync_directory

SUFFIXES = {".queue", ".spare", ".arrows"}
"""Of the files in a home that are a writer's; beside them lie `lock` and `adopt`."""


def home_of(folder: Path) -> Path:
    """Where a folder in live/ really lies."""
    try:
        return folder.readlink()
    except OSError:  # no link, or gone meanwhile
        return folder


def may_be_home(folder: Path) -> bool:
    """Whether a link in live/ is one of ours: to a folder of its own name, or to one that isn't here."""
    home = home_of(folder)
    return home.is_absolute() and home.name == folder.name and (home.is_dir() or not home.exists())


def is_elsewhere(folder: Path) -> bool:
    """Whether the home is on another host, as far as can be told from here."""
    return _leads_nowhere(folder) and host_of(folder.name) != host_name()


def is_wiped(folder: Path) -> bool:
    """Whether the home was on this host and is gone, while the link to it is still there."""
    return _leads_nowhere(folder) and host_of(folder.name) == host_name()


def is_linked(layout: Layout, writer: str) -> bool:
    """Whether others can find a writer's home."""
    folder, home = layout.writer(writer), layout.home(writer)
    return folder == home or home_of(folder) == home


def link(layout: Layout, writer: str) -> None:
    """Let others find a writer's home. Raises: OSError: no link can be made."""
    if not is_linked(layout, writer):
        layout.live.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
        layout.writer(writer).symlink_to(layout.home(writer), target_is_directory=True)
        sync_directory(layout.live)  # what is synced in the home is of no use if a power cut takes the link


def leave(layout: Layout, writer: str) -> None:
    """Remove the home of a writer that has sealed everything, while its lock is held."""
    folder, home = layout.writer(writer), layout.home(writer)
    if folder == home:
        gone = layout.tmp / f"{writer}-{secrets.token_hex(4)}"
        folder.rename(gone)  # at once: whoever saw it half empty and unlocked would adopt it
        shutil.rmtree(gone)
        return
    for path in home.iterdir():
        if path.suffix in SUFFIXES:
            path.unlink()
    folder.unlink(missing_ok=True)
    (home / "lock").unlink(missing_ok=True)
    with suppress(OSError):  # somebody adopts it right now, and removes it; or what lies there isn't ours
        home.rmdir()


def remove(folder: Path, home: Path) -> None:
    """Remove what is left of a dead writer's folder, link first; one with other people's files in it stays."""
    if home != folder:
        if any(home.iterdir()):
            return
        folder.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else looks at it right now; the next recovery removes it
        home.rmdir()


def set_lost_aside(layout: Layout, folder: Path) -> list[str]:
    """Move a link whose home was wiped to retired/lost; returns what there is to say, by the first who does it."""
    home = home_of(folder)
    layout.lost.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    try:
        folder.rename(layout.lost / folder.name)
    except FileNotFoundError:
        return []
    return [f"the queue folder {str(home)!r} is gone, with what its writer had not sealed; found again, it is adopted"]


def find_lost_again(layout: Layout) -> None:
    """Move links back whose homes are there after all."""
    for kept in layout.lost.iterdir() if layout.lost.is_dir() else ():
        if home_of(kept).is_dir():
            kept.rename(layout.writer(kept.name))


def _leads_nowhere(folder: Path) -> bool:
    """In this order: a writer that leaves removes the link first, so it isn't there when its home isn't."""
    return not folder.exists() and folder.is_symlink()
