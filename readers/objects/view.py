"""ObjectView: a store on object storage, as a layout that everything which reads a local store can read.

It is a folder of this process in the cache: its live/ shows what writers have uploaded (see livefiles), its tables are
those that the bucket lists (see listed), and a file is fetched when somebody is about to open it. Nothing is written to
the bucket by who reads.

Guarantees. *Exact*: each look changes first what is listed, then live/, in the order in which a local store changes
when segments are sealed; so the argument of ingest.catalog holds for a view, too. *Fresh*: a look is due `LOOK_S` after
the last, or later where listing takes long; what was uploaded before it is seen. When the bucket can't be reached the
view stays as it was, said once, for `STALE_OK_S`; then questions fail rather than answer from the past. *Own runs*:
what this host has logged to that address (its spool) is seen at once, uploaded or not: a part stays in the spool for
longer than a view may be old.
A view isn't usable in a forked child: the client's threads are the parent's. Open the store in the child.
"""

import atexit
import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from ingest.catalog import Part, live_segments, snapshot
from ingest.errors import FormatTooNew, ObjectsUnavailable, SegmentCorrupt, StoreUnavailable
from ingest.layout import DIRECTORY_MODE, FORMAT_VERSION, TABLES, Layout, StoreFile, Table, segment_name
from ingest.objects.address import Address, cache_folder, spool_folder
from ingest.objects.bucket import Bucket
from ingest.objects.names import STORE
from readers.objects.listed import Listed, ObjectPart, list_bucket
from readers.objects.livefiles import LiveFiles
from readers.objects.partfiles import PartFiles
from readers.objects.privatefolder import claim_private, make_private
from readers.objects.ranges import Footers, has_any, row_groups
from readers.objects.viewedfiles import ViewedFiles

LOOK_S = 5.0
LONGEST_S = 30.0
"""Seconds between two looks, however long they take: what a spool has removed must have been seen in the bucket."""
STALE_OK_S = 60.0
_SHARE = 20
"""Looking takes at most this part (1/n) of the time, but for that."""
_TRIES = 10
_NEW_S = 60.0
_SMALL_BYTES = 256 << 10
"""Fetched whole sooner than asked what is in it."""
_log = logging.getLogger("steplog")


class ObjectView(Layout):
    """The view of one store in this process (see readers.opening). Any thread.

    Raises: ObjectsUnavailable.
    """

    adopts = False

    def __init__(self, address: Address, bucket: Bucket) -> None:
        cache = cache_folder(address)
        super().__init__(_own_folder(cache / "views"))
        self.tmp = cache / "tmp"
        self.address = address
        self.bucket = bucket
        self.parts = PartFiles(bucket, cache)
        self.footers = Footers(bucket)
        self._live_files = LiveFiles(bucket, self.live)
        self._spool = Layout(spool_folder(address, os.environ.get("STEPLOG_QUEUE_DIR") or None))
        self._listed: Listed | None = None
        self._looked_at = self._due = float("-inf")
        self._said: str | None = None
        self._files = ViewedFiles(bucket, self.root, self.tmp)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        atexit.register(self.close)

    @property
    def place(self) -> str:
        """The address."""
        return self.address.url

    def add_spool(self, root: Path) -> None:
        """Show what lies in this spool, too, in place of the usual one."""
        self._spool = Layout(root)

    def check(self) -> bool:
        """Tell whether a store is there, here or in the bucket."""
        self._refuse_forked()
        try:
            found = msgspec.json.decode(self.bucket.get(STORE), type=StoreFile)
        except FileNotFoundError:
            return self._spool.check()
        except ValueError as error:
            raise StoreUnavailable(f"{self.place}/{STORE} is not a store file: {error}") from error
        if found.format_version > FORMAT_VERSION:
            message = (
                f"the store {self.place!r} has format {found.format_version}; this version reads up to "
                f"{FORMAT_VERSION}: update with 'pip install -U steplog'"
            )
            raise FormatTooNew(message)
        return True

    def create(self) -> None:
        """Refused: a view only reads. Raises: StoreUnavailable."""
        raise StoreUnavailable(f"{self.place!r} is read here; ExperimentTracker(output_dir={self.place!r}) writes it")

    def refresh(self) -> bool:
        """Look if that is due. Raises: ObjectsUnavailable."""
        self._refuse_forked()
        if self._listed is not None and time.monotonic() < self._due:
            if self._lock.acquire(blocking=False):  # else somebody looks, and sees to it
                try:
                    self._live_files.link(self._spool)
                finally:
                    self._lock.release()
            return False
        with self._lock:
            if self._listed is not None and time.monotonic() < self._due:
                return False
            began = time.monotonic()
            try:
                changed = self._look()
            except ObjectsUnavailable as error:
                self._due = time.monotonic() + LOOK_S
                if self._listed is None or began - self._looked_at > STALE_OK_S:
                    raise
                self._say(f"{error}; answers are {began - self._looked_at:.0f} s old")
                return False
            self._said, self._looked_at = None, began
            took_s = time.monotonic() - began
            self._due = time.monotonic() + max(LOOK_S, min(_SHARE * took_s, LONGEST_S))
            return changed

    def last_look(self) -> Listed:
        """What the bucket held at the last look."""
        self.refresh()
        if self._listed is None:
            raise ObjectsUnavailable(f"{self.place} was never seen")
        return self._listed

    def look_again(self) -> None:
        """Look at the next occasion."""
        self._due = float("-inf")

    def listed(self, table: Table) -> Iterable[Part]:
        """The parts in the bucket, and of this host those that aren't there yet."""
        return [found.part for found in self.object_parts(table)]

    def object_parts(self, table: Table) -> list[ObjectPart]:
        """The same, with what is known of each; a part of the spool has no keys."""
        if self._listed is None:
            self.refresh()
        there = self._listed.parts[table] if self._listed is not None else []
        own = self._own_parts(table)
        names = {(found.experiment, found.segment) for found in own}
        others = [found for found in there if (found.part.experiment, found.part.segment) not in names]
        return [*others, *(ObjectPart(part, (), 0) for part in own)]

    def foreign(self) -> Sequence[str]:
        """Keys in the tables' folders that are none of ours."""
        self.refresh()
        return () if self._listed is None else self._listed.foreign

    def may_hold(self, path: Path, runs: Collection[str]) -> bool:
        """Whether a part can have points of these runs; a footer is read for it where the state doesn't say."""
        found = self.parts.known(path)
        if found is None or path.exists() or found.size < _SMALL_BYTES:
            return True
        wanted = sorted(runs)
        try:
            if found.runs:
                return has_any(wanted, *found.runs)
            return bool(row_groups(self.footers.of(found).metadata, wanted))
        except (FileNotFoundError, SegmentCorrupt):  # who reads it says so
            return True

    def obtain(self, *paths: Path) -> None:
        """Have parts, or files of artifacts, models and checkpoints, here."""
        self._refuse_forked()
        plain = [path for path in paths if self._files.has(path)]
        gone = self.parts.obtain([path for path in paths if path not in plain] if plain else paths)
        if gone:
            self.look_again()
        for path in plain:
            self._files.obtain(path, self._spool)

    def obtain_folder(self, path: Path, most_bytes: int | None = None) -> None:
        """Have the files below a folder of artifacts, models or checkpoints here; it is listed every few seconds."""
        self._refuse_forked()
        self._files.obtain_folder(path, self._spool, most_bytes)

    def close(self) -> None:
        """Remove the folder."""
        if os.getpid() == self._pid:
            self._live_files.close()
            shutil.rmtree(self.root, ignore_errors=True)

    # --- within

    def _look(self) -> bool:
        """Look at the bucket, and show what is there. Raises: ObjectsUnavailable."""
        for _ in range(_TRIES):
            listed = list_bucket(self.bucket, self.parts.root)
            alive = listed.alive(time.time())
            ours, mine = self._own_segments(), {folder.name for folder in _folders(self._spool.live)}
            live = {
                (writer, number): chain
                for (writer, number), chain in listed.live.items()
                if writer not in mine and segment_name(writer, number) not in ours
            }
            listed = listed._replace(live=live)
            changed = self._listed is None or listed[:1] != self._listed[:1] or listed.parts != self._listed.parts
            self.parts.update([found for table in TABLES for found in listed.parts[table]])
            self._listed = listed  # before live/ changes: what was committed is listed by now
            self._live_files.link(self._spool)
            if self._live_files.update(live, alive, alive - mine - {writer for writer, _ in live}):
                return changed
        raise ObjectsUnavailable(f"{self.place} changes faster than it can be read; try again")

    def _own_parts(self, table: Table) -> list[Part]:
        """What this host has sealed, and not yet removed from its spool."""
        if not self._spool.store_file.exists():
            return []
        replaced = frozenset() if self._listed is None else self._listed.replaced
        root, parts = self._spool.root, snapshot(self._spool, table).parts
        return [part for part in parts if part.path.relative_to(root).as_posix() not in replaced]

    def _own_segments(self) -> set[str]:
        """The segments that the spool has anything of."""
        if not self._spool.store_file.exists():
            return set()
        live = {segment_name(segment.writer, segment.number) for segment in live_segments(self._spool)}
        return live | {part.segment for table in TABLES for part in self._own_parts(table)}

    def _refuse_forked(self) -> None:
        if os.getpid() != self._pid:
            raise StoreUnavailable(
                f"{self.place} was opened before this process was forked; open it here, or start the process by 'spawn'"
            )

    def _say(self, message: str) -> None:
        if self._said is None:
            self._said = message
            _log.warning("steplog: %s", message)


def _own_folder(views: Path) -> Path:
    """Make a folder of this process's own, and remove those of processes that have died."""
    claim_private(views.parent)
    make_private(views)
    for folder in _folders(views):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _NEW_S:  # its lock may not be held yet
                continue
            descriptor = os.open(folder / "alive.lock", os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
    made = views / f"{os.getpid()}-{secrets.token_hex(6)}"
    made.mkdir(mode=DIRECTORY_MODE)
    return made


def _folders(path: Path) -> list[Path]:
    try:
        return [found for found in path.iterdir() if found.is_dir()]
    except OSError:
        return []
