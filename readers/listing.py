"""Listing: the catalog's listing of a store, made anew only when a folder changed.

Rows come into a store through live/: a writer's folder appears there, queue files appear and vanish in it. Each of
these changes the modification time of a folder, so a look at an idle store is one `stat` for live/ and one for each
living writer. Sealed parts can come without that (a store that is copied to, a writer whose queue is on another host's
disk), so the tables' folders are looked at once a second.

Modification times tick: a change in the same tick as a listing, but after it, leaves no trace. So for a while after
each change every look lists. Network mounts remember times for many seconds; there the listing is simply repeated.
"""

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import NamedTuple

from ingest.catalog import LiveSegment, Part, live_writers, snapshot
from ingest.errors import StoreError
from ingest.filesystems import fits_mapped_queue
from ingest.layout import Layout

_TICK_S = 0.1
"""Well above what local file systems' times are rounded to."""
_TABLES_S = 1.0
_REMOTE_S = 0.5
_RETRY_S = 1.0
_SHARE = 100
"""Looking at the tables' folders takes at most this part (1/n) of the time."""
_log = logging.getLogger("steplog")


class Listed(NamedTuple):
    """Where all rows were, as of one moment."""

    metrics: tuple[Part, ...]
    facts: tuple[Part, ...]
    live: tuple[LiveSegment, ...]
    unsure: frozenset[str]
    """Writers of which a segment was sealed between the listings of the two tables: to be left out this time."""


class Listing:
    """Lists a store when there is reason to. One thread."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stamps: dict[Path, int] = {}
        """Of live/ and the writers' folders, from before they were listed."""
        self._tables: dict[Path, int] = {}
        """Of the tables' folders."""
        self._trusts_times: bool | None = None
        """None while there was no store yet."""
        self._again = False
        self._again_until = self._not_before = self._tables_due = -1.0
        self._said: str | None = None

    def again(self) -> None:
        """List at the next look in any case."""
        self._again = True

    def look(self) -> Listed | None:
        """The store as it is now; None when it is as it was, or can't be listed now."""
        now = time.monotonic()
        if now < self._not_before:
            return None
        self._again |= self._layout.refresh()
        stamps = {path: _stamp(path) for path in (self._layout.live, *self._stamps)}
        if stamps != self._stamps or self._tables_changed(now):
            self._again_until = now + _TICK_S
        elif not self._again and now >= self._again_until:
            return None
        try:
            if not self._there():
                return None
            listed = self._list(stamps)
        except (StoreError, OSError, ValueError) as error:  # compaction.json is damaged, the store changes too fast
            self._say(f"{self._layout.root} can't be listed now: {error}")
            self._not_before = now + _RETRY_S
            return None
        self._not_before = -1.0 if self._trusts_times else time.monotonic() + _REMOTE_S
        return listed

    def _there(self) -> bool:
        """Whether there is a store. Raises: StoreError."""
        root = self._layout.root
        if self._trusts_times is None and self._layout.check():
            self._trusts_times = fits_mapped_queue(root)
        if self._trusts_times is not None and not root.is_dir():
            self._say(f"the store {str(root)!r} is gone; what is new in it comes when it is back")
        return self._trusts_times is not None

    def _list(self, stamps: dict[Path, int]) -> Listed:
        """The metrics first: a segment whose metrics are seen sealed then has sealed facts, too."""
        self._again = False
        folders = live_writers(self._layout)
        metrics, facts = snapshot(self._layout, "metrics"), snapshot(self._layout, "facts")
        self._stamps = {path: stamps.get(path, -1) for path in (self._layout.live, *folders)}
        unsure = {segment.writer for segment in {*metrics.live} - {*facts.live}}
        self._again = bool(unsure)
        if self._layout.root.is_dir():
            self._said = None
        return Listed(metrics.parts, facts.parts, facts.live, frozenset(unsure))

    def _tables_changed(self, now: float) -> bool:
        if now < self._tables_due:
            return False
        found = {}
        for table in (self._layout.table("metrics"), self._layout.table("facts")):
            found[table] = _stamp(table)
            with contextlib.suppress(OSError), os.scandir(table) as entries:
                found |= {Path(entry.path): _stamp(Path(entry.path)) for entry in entries}
        changed, self._tables = found != self._tables, found
        self._tables_due = now + max(_TABLES_S, _SHARE * (time.monotonic() - now))
        return changed or self._trusts_times is False

    def _say(self, message: str) -> None:
        if message != self._said:
            self._said = message
            _log.warning("steplog: %s", message)


def _stamp(path: Path) -> int:
    """What changes when a folder's entries do; -1 while it isn't there."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - Path.stat costs three times as much, twenty times a second
    except OSError:
        return -1
