"""ViewedFiles: artifacts, models and checkpoints of a store on object storage, fetched into a view when asked for.

Their names stay while their bytes may change, so each time it is looked whether a file is still what is there. What
this host has in its spool is taken from there: it may not be uploaded yet.
"""

import logging
import secrets
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingest.layout import Layout
from ingest.objects.bucket import Bucket
from ingest.objects.names import FILE_FOLDERS, file_of_key, key_of_file
from ingest.paths import check_path
from readers.objects.privatefolder import make_private

LIST_S = 5.0
"""Seconds for which a folder that was listed isn't listed again."""
_THREADS = 8
_log = logging.getLogger("steplog")


class ViewedFiles:
    """The plain files below a view's root. Any thread.

    Args:
        root: the view's folder.
        tmp: on the same disk.
    """

    def __init__(self, bucket: Bucket, root: Path, tmp: Path) -> None:
        self._bucket = bucket
        self._root = root
        self._tmp = tmp
        self._stamps: dict[Path, str] = {}
        """Of the files here: what tells that they are those that are there."""
        self._listed_at: dict[tuple[Path, int | None], float] = {}
        self._said: set[str] = set()

    def has(self, path: Path) -> bool:
        """Whether a path is that of a plain file."""
        return any(path.is_relative_to(self._root / folder) for folder in FILE_FOLDERS)

    def obtain(self, path: Path, spool: Layout) -> None:
        """Have a file here, as it is now. Raises: ObjectsUnavailable."""
        if self._take(path, spool):
            return
        found = self._bucket.head(self._key(path))
        if found is not None:
            self._fetch(path, found.etag)

    def obtain_folder(self, path: Path, spool: Layout, most_bytes: int | None) -> None:
        """Have the files below a folder here, and none that are gone. Raises: ObjectsUnavailable."""
        names = self._take_folder(path, spool)
        asked = path, most_bytes
        if time.monotonic() - self._listed_at.get(asked, float("-inf")) < LIST_S:
            return
        wanted: dict[Path, str] = {}
        for entry in self._bucket.list(self._key(path)):
            name = self._name(entry.key)
            if name is not None and name not in names and (most_bytes is None or entry.size <= most_bytes):
                wanted[self._root / name] = entry.etag
            names.add(name or "")
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self._fetch, wanted.keys(), wanted.values()))
        for file in path.rglob("*"):  # what was removed there, as checkpoints are that nobody asked to keep
            if file.is_file() and file.relative_to(self._root).as_posix() not in names:
                file.unlink(missing_ok=True)
                self._stamps.pop(file, None)
        self._listed_at[asked] = time.monotonic()

    # --- within

    def _key(self, path: Path) -> str:
        return key_of_file(path.relative_to(self._root).as_posix())

    def _name(self, key: str) -> str | None:
        """The file that an object is; None for one that can't be a file of ours, which is said once."""
        try:
            return check_path(file_of_key(key))
        except ValueError as error:
            self._say(key, error)
            return None

    def _say(self, key: str, why: object) -> None:
        if key not in self._said:
            self._said.add(key)
            _log.warning("steplog: %s has an object that is left out: %s", self._bucket.address.shown, why)

    def _take_folder(self, path: Path, spool: Layout) -> set[str]:
        """Take what the spool has below a folder; the names."""
        names = set()
        own = spool.root / path.relative_to(self._root)
        for file in own.rglob("*") if own.is_dir() else ():
            inside = file.relative_to(spool.root)
            if self._take(self._root / inside, spool):
                names.add(inside.as_posix())
        return names

    def _take(self, path: Path, spool: Layout) -> bool:
        """Take a file from the spool; False when it isn't there."""
        own = spool.root / path.relative_to(self._root)
        try:
            if own.is_symlink() or not own.is_file():
                return False
            stamp = f"spool {own.stat().st_mtime_ns}"
            if self._stamps.get(path) != stamp or not path.is_file():
                self._place(path, stamp, lambda scratch: shutil.copyfile(own, scratch))
        except FileNotFoundError:  # uploaded, and removed since it was looked for
            return False
        return True

    def _fetch(self, path: Path, etag: str) -> None:
        """Fetch a file, unless it is here as it is there; one that was deleted meanwhile stays away."""
        if self._stamps.get(path) == etag and path.is_file():
            return
        try:
            self._place(path, etag, lambda scratch: self._bucket.download(self._key(path), scratch))
        except FileNotFoundError:
            return
        except (FileExistsError, IsADirectoryError, NotADirectoryError):  # keys can be so, files can't
            name = path.relative_to(self._root).as_posix()
            self._say(name, f"{name!r} lies below, or above, another file's name")

    def _place(self, path: Path, stamp: str, fill: Callable[[Path], object]) -> None:
        scratch = self._tmp / secrets.token_hex(16)
        for folder in (self._tmp, path.parent):
            make_private(folder)
        try:
            fill(scratch)
            scratch.replace(path)
            self._stamps[path] = stamp
        finally:
            scratch.unlink(missing_ok=True)
