"""Recovery: adopt what dead writers left, so that a crash needs nobody's attention.

Guarantee (recovery): every whole event of a dead writer's queue files is sealed exactly once; a torn tail is set aside
in retired/torn and reported, never guessed at, and so is a segment with a record that is whole but not understood. It
runs in the next tracker or reader that opens the store; several at once exclude each other by the folder's `adopt`
lock; killed anywhere and run again it comes to the same files, because it only publishes under the segment's own name
and commits by unlinking the queue file (see sealing). A writer whose queue folder was wiped from this host is said
to be lost, once (see home).
"""

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ingest.alive import FolderLock
from ingest.aside import set_aside
from ingest.catalog import LiveSegment, live_writers, read_swap, segments_of
from ingest.errors import StoreError
from ingest.frames import Extent, whole
from ingest.home import SUFFIXES, find_lost_again, home_of, is_wiped, remove, set_lost_aside
from ingest.layout import Layout
from ingest.sealing import Contents, commit, seal

_SCRATCH_AGE_S = 3600.0


class RecoveryReport(msgspec.Struct):
    """What one recovery did."""

    writers: int = 0
    segments: int = 0
    events: int = 0
    points: int = 0
    torn: list[str] = []
    """A line for each torn tail: where it is kept, and why it isn't whole."""
    poisoned: list[str] = []
    """A line for each record that is whole but could not be understood, as of a newer version."""
    lost: list[str] = []
    """A line for each writer whose queue folder is gone from this host."""
    failed: list[str] = []
    """A line for each writer that could not be adopted now; it stays as it is."""

    def trouble(self) -> list[str]:
        """What people should be told: lines about events that are not in the tables, and won't be."""
        return self.torn + self.poisoned + self.lost


def recover(layout: Layout, pause: Callable[[], None] = lambda: None) -> RecoveryReport:
    """Seal everything that dead writers left. Never raises for the disk's or a file's sake: see `failed`.

    `pause` is called between two segments.
    """
    report = RecoveryReport()
    try:
        find_lost_again(layout)
        folders = live_writers(layout)
    except OSError as error:
        report.failed.append(f"{layout.live}: {error}")
        return report
    for folder in folders:
        try:
            if is_wiped(folder):
                report.lost += set_lost_aside(layout, folder)
                continue
            lock = FolderLock.adopt(home_of(folder))
            if lock is None:
                continue
            try:
                _adopt(layout, folder, report, pause)
            finally:
                lock.release()
        except (OSError, ValueError, StoreError) as error:  # one folder's trouble keeps nobody else's events back
            report.failed.append(f"{folder.name}: {error}")
    return report


def _adopt(layout: Layout, folder: Path, report: RecoveryReport, pause: Callable[[], None]) -> None:
    """Seal one dead writer's segments and remove its folder; what isn't ours stays, and the folder with it."""
    home = home_of(folder)
    for segment in sorted(segments_of(home)):
        _adopt_segment(layout, segment, report)
        pause()
    report.writers += 1
    for path in home.iterdir():
        if path.is_file() and (path.name == "lock" or path.suffix in SUFFIXES):
            path.unlink()
    (home / "adopt").unlink(missing_ok=True)
    remove(folder, home)


def _adopt_segment(layout: Layout, segment: LiveSegment, report: RecoveryReport) -> None:
    contents, extent, data = read_segment(segment)
    if extent.torn is not None:
        tail = data[extent.end :].rstrip(b"\0")
        kept = set_aside(layout, segment.writer, segment.number, tail, what="tail")
        report.torn.append(f"{segment.queue_file.name} of {segment.writer}: {extent.torn}; kept in {kept}")
    if contents.poisoned:
        set_aside(layout, segment.writer, segment.number, data[: extent.end], what="frames")
    seal(layout, contents)
    commit(segment.queue_file, segment.number)
    report.segments += 1
    report.events += contents.events
    report.points += contents.points()
    report.poisoned += [f"{segment.writer}: {line}" for line in contents.poisoned]


def read_segment(segment: LiveSegment) -> tuple[Contents, Extent, bytes]:
    """(whole events, where they end, all bytes) of a dead writer's segment.

    Raises: FileNotFoundError: it was sealed meanwhile.
    """
    data = segment.queue_file.read_bytes()
    if not data:  # a queue in memory: the streams are all there is
        contents = Contents.of_streams(segment.writer, segment.queue_file.parent, segment.number)
        return contents, Extent(0, 0, None), data
    extent = whole(data)
    return Contents.of_queue(segment.writer, segment.number, data[: extent.end]), extent, data


def remove_scratch(layout: Layout, older_than_s: float = _SCRATCH_AGE_S) -> int:
    """Remove files in tmp/ that a crash left there; returns how many. Younger ones may be in use.

    So is the one that a swap names, however old it is: it counts already (see compact).
    """
    removed, swap = 0, read_swap(layout)
    for path in layout.tmp.glob("*") if layout.tmp.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if path != layout.root / swap.scratch and time.time() - path.stat().st_mtime > older_than_s:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed += 1
    return removed
