"""Plain files: artifacts, models and checkpoints, from the store to the bucket, under the names that they have here.

Guarantees. *Before the facts that name them*: whoever logs a file puts it here before the fact; the uploader first
fixes which rows it is going to upload, and then looks for files: so a row in the bucket names no file that isn't there.
*Whole*: files are renamed into place here, and so is what a put makes. One that is replaced under its name goes up
again: it is another file, with another inode and time. One that the server refuses for itself (its name is too long
for a key) is said and left out; it keeps nothing else back.

*Versions that are removed* here (retention of checkpoints, a model's version) are removed there: their number's folder
is gone while the folder above it is still there. Nothing else is ever deleted in the bucket for being gone here.

*Room*: a spool keeps a large file (LARGE_BYTES) for FILE_KEEP_S after its upload; then readers fetch it from the
bucket. Folders and small files stay: they say which numbers of models and checkpoints are taken.

A folder whose time of change is the one at the last look, and older than that look, has the same files: it isn't read.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ingest.errors import ObjectsUnavailable
from ingest.layout import Layout
from ingest.objects.bucket import Bucket
from ingest.objects.journal import Journal, Stamp
from ingest.objects.names import FILE_FOLDERS, key_of_file
from ingest.objects.transfers import Transfers

FILE_KEEP_S = 86_400.0
"""Seconds for which a spool keeps a large file that is in the bucket, unless it was changed."""
LARGE_BYTES = 64 * 1024
_SURE_NS = 100_000_000  # coarser than any file system's clock ticks
_LOOK_S = 600.0
_BATCH = 256
_NUMBERED = re.compile(r"(?P<version>(?P<home>(?:models|checkpoints)/.+?)/[0-9]{1,18})/.+", re.DOTALL)


class LocalFile(NamedTuple):
    """A file that is to be uploaded."""

    name: str
    """Relative to the root, with slashes."""
    path: Path
    stamp: Stamp


class _Folder(NamedTuple):
    """What a folder held at the last look."""

    modified_ns: int
    looked_ns: int
    folders: tuple[str, ...]


class PlainFiles:
    """The files of one store, and which of them are in the bucket. One thread."""

    def __init__(self, layout: Layout, bucket: Bucket, journal: Journal, transfers: Transfers) -> None:
        self._layout = layout
        self._bucket = bucket
        self._journal = journal
        self._transfers = transfers
        self._folders: dict[str, _Folder] = {}
        self._waiting: dict[str, LocalFile] = {}
        self._next_look = -1e9
        self._changed = True  # a folder was, since versions that are gone were last looked for
        self.refused: dict[str, tuple[Stamp, str]] = {}
        """Files that the server doesn't take as they are, and what it says."""

    def waiting(self) -> list[LocalFile]:
        """What is to be uploaded as of now. Raises: OSError."""
        for name in FILE_FOLDERS:
            self._walk(name)
        return [*self._waiting.values()]

    def send(self, waiting: list[LocalFile], done: Callable[[LocalFile], None]) -> None:
        """Upload files. Raises: ObjectsUnavailable. Halted. OSError: the journal can't be kept."""
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]

            def tried(found: tuple[LocalFile, str | None]) -> None:
                file, trouble = found
                self._waiting.pop(file.name, None)
                self.refused.pop(file.name, None)
                if trouble:
                    self.refused[file.name] = file.stamp, trouble
                elif trouble is None:
                    self._journal.note_file(file.name, file.stamp)
                    done(file)

            self._transfers.all((partial(self._put, file) for file in batch), tried)
            self._journal.sync()

    def left_out(self) -> str | None:
        """What there is to say of files that the server refuses, if any."""
        for name, (_stamp, why) in self.refused.items():
            return f"{len(self.refused)} files can't be uploaded as they are; one is {name!r}: {why}"
        return None

    def remove_gone(self) -> None:
        """Remove from the bucket the versions that were removed here. Raises: ObjectsUnavailable. Halted. OSError."""
        if not self._changed:
            return
        gone: list[str] = []
        seen: dict[str, bool] = {}
        for name in self._journal.files:
            numbered = _NUMBERED.fullmatch(name)
            if numbered is None:
                continue
            version = numbered["version"]
            if version not in seen:
                home, folder = self._layout.root / numbered["home"], self._layout.root / version
                seen[version] = home.is_dir() and not folder.exists()
            if seen[version]:
                gone.append(name)
        if gone:
            self._transfers.one(lambda: self._bucket.delete(map(key_of_file, gone)))
            for name in gone:
                self._journal.forget_file(name)
        self._changed = False

    def forget_old(self) -> None:
        """Delete a spool's large files that are in the bucket for long. Raises: OSError."""
        if time.monotonic() < self._next_look:
            return
        self._next_look, limit_ns = time.monotonic() + _LOOK_S, time.time_ns() - int(FILE_KEEP_S * 1e9)
        for name, stamp in self._journal.files.items():
            if stamp.size >= LARGE_BYTES and stamp.modified_ns < limit_ns:
                path = self._layout.root / name
                try:
                    if Stamp.of(path.lstat()) == stamp and path.lstat().st_ctime_ns < limit_ns:
                        path.unlink()
                except (FileNotFoundError, NotADirectoryError):
                    continue

    def _put(self, file: LocalFile) -> tuple[LocalFile, str | None]:
        """Upload one; and why the server refuses it for itself, "" if it isn't here any more, None if all is well."""
        try:
            self._bucket.put(key_of_file(file.name), file.path)
        except FileNotFoundError:
            if file.path.exists():  # what isn't there is something of the server's
                raise
            return file, ""
        except ObjectsUnavailable as error:
            if not error.transient and self._takes_others():
                return file, str(error)
            raise
        return file, None

    def _takes_others(self) -> bool:
        """Whether the server takes anything at all."""
        try:
            self._bucket.put("tmp/probe", b"")
            self._bucket.delete(["tmp/probe"])
        except ObjectsUnavailable:
            return False
        return True

    def _walk(self, top: str) -> None:
        todo = [top]
        while todo:
            name = todo.pop()
            todo += self._look(name)

    def _look(self, name: str) -> tuple[str, ...]:
        """Look into one folder; the names of those in it."""
        folder, now_ns = self._layout.root / name, time.time_ns()
        try:
            modified_ns = folder.stat().st_mtime_ns
            known = self._folders.get(name)
            if known is not None and known.modified_ns == modified_ns < known.looked_ns - _SURE_NS:
                return known.folders
            folders: list[str] = []
            self._changed = True
            for entry in _entries(folder):
                below = f"{name}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(below)
                elif entry.is_file(follow_symlinks=False):
                    self._note(below, Path(entry.path), Stamp.of(entry.stat(follow_symlinks=False)))
        except (FileNotFoundError, NotADirectoryError):  # removed meanwhile
            self._folders.pop(name, None)
            return ()
        self._folders[name] = _Folder(modified_ns, now_ns, tuple(folders))
        return tuple(folders)

    def _note(self, name: str, path: Path, stamp: Stamp) -> None:
        if self._journal.files.get(name) == stamp or self.refused.get(name, (None,))[0] == stamp:
            self._waiting.pop(name, None)
        else:
            self._waiting[name] = LocalFile(name, path, stamp)


def _entries(folder: Path) -> "Iterator[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        yield from entries
