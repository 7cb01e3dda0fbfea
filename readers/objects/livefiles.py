"""LiveFiles: what writers on other hosts have uploaded of their queues, as queue files in a view's live/ folder.

A view's live/ looks as that of a local store, so that whoever reads or follows one reads or follows the other. Bytes
are only ever appended to a file, whole frames at a time, each checked before it is shown. A writer's folder has a
`lock` that is held while the writer gives signs of life (see names.STALE_S): all such locks are one file with many
names, so that a thousand living writers take one open file here.

Writers of this host (the spool of a tracker that uploads there) are shown by a link to their own folder: what they log
is here at once.
"""

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from ingest.catalog import live_writers
from ingest.errors import SegmentCorrupt
from ingest.frames import whole
from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout
from ingest.objects.bucket import Bucket
from ingest.objects.names import LiveKey, live_key
from readers.objects.privatefolder import make_private

MOST_PIECE_BYTES = 256 << 20
MOST_SEGMENT_BYTES = 1 << 30
_THREADS = 16
_AT_ONCE = 64
_log = logging.getLogger("steplog")


class LiveFiles:
    """The live/ folder of a view. One thread at a time."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self._bucket = bucket
        self._folder = folder
        make_private(folder)
        self._held = folder.parent / "alive.lock"
        self._free = folder.parent / "dead.lock"
        for path in (self._held, self._free):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE))
        self._lock = os.open(self._held, os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._reached: dict[tuple[str, int], int] = {}
        self._damaged: set[str] = set()

    def update(
        self, live: Mapping[tuple[str, int], list[LiveKey]], alive: Collection[str], silent: Collection[str]
    ) -> bool:
        """Show these segments and no others; False when one vanished while it was fetched.

        Args:
            live: by writer and number, with the objects that make each up.
            alive: the writers that live; of these `silent` ones too that have no live segment.

        Raises: ObjectsUnavailable.
        """
        for segment in self._reached.keys() - live.keys():
            self._remove(*segment)
        for writer in {*(writer for writer, _ in live), *silent}:
            self._show(writer, alive=writer in alive)
        wanted = [
            (segment, key)
            for segment, chain in live.items()
            for key in chain
            if key.end > self._reached.get(segment, -1) and live_key(*key) not in self._damaged
        ]
        there = True
        with ThreadPoolExecutor(_THREADS) if len(wanted) > 1 else contextlib.nullcontext() as pool:
            for start in range(0, len(wanted), _AT_ONCE):  # so that memory holds only these
                some = wanted[start : start + _AT_ONCE]
                fetched = pool.map(self._fetch, some) if pool else map(self._fetch, some)
                for (segment, key), data in zip(some, fetched, strict=True):
                    there = there and data is not None
                    if data is not None and there:
                        self._append(segment, key, data)
        for writer in {folder.name for folder in self._own()} - {*(writer for writer, _ in live), *silent}:
            shutil.rmtree(self._folder / writer, ignore_errors=True)
        return there

    def link(self, spool: Layout) -> None:
        """Show the writers of this host."""
        there = {folder.name: folder for folder in live_writers(spool)}
        for path in self._links():
            if path.name not in there:
                path.unlink(missing_ok=True)
        for writer, folder in there.items():
            path = self._folder / writer
            if not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
                path.symlink_to(folder.readlink() if folder.is_symlink() else folder, target_is_directory=True)

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _own(self) -> Iterable[Path]:
        return [path for path in self._folder.iterdir() if not path.is_symlink()]

    def _links(self) -> Iterable[Path]:
        return [path for path in self._folder.iterdir() if path.is_symlink()]

    def _show(self, writer: str, *, alive: bool) -> None:
        """Make a writer's folder, with its lock as it should be."""
        folder, lock = self._folder / writer, self._held if alive else self._free
        if folder.is_symlink():  # it was a writer of this host
            folder.unlink()
        if not folder.is_dir():
            made = self._folder.parent / f"{writer}-{secrets.token_hex(4)}"
            made.mkdir(mode=DIRECTORY_MODE)
            os.link(lock, made / "lock")
            made.rename(folder)
        elif not (folder / "lock").samefile(lock):
            scratch = self._folder.parent / f"lock-{secrets.token_hex(4)}"
            os.link(lock, scratch)
            scratch.replace(folder / "lock")

    def _remove(self, writer: str, number: int) -> None:
        """A segment was committed: its parts count from now on."""
        self._reached.pop((writer, number), None)
        (self._folder / writer / f"{number:06d}.queue").unlink(missing_ok=True)

    def _fetch(self, wanted: tuple[tuple[str, int], LiveKey]) -> bytes | None:
        """The bytes of a live object; none of a damaged one, which is said once; None when it is gone."""
        key = wanted[1]
        name, size = live_key(*key), key.end - key.start
        if not size:
            return b""
        if size > MOST_PIECE_BYTES or key.end > MOST_SEGMENT_BYTES:
            return self._refuse(name, f"it says it has {size} bytes, more than a queue file")
        try:
            data = self._bucket.get(name)
        except FileNotFoundError:
            return None
        except SegmentCorrupt as error:
            return self._refuse(name, str(error))
        try:
            bytes_ = bytes(pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True))
        except (OSError, ValueError, pa.ArrowException) as error:
            return self._refuse(name, str(error))
        extent = whole(bytes_)
        if extent.end != size:
            return self._refuse(name, extent.torn or "it ends within a frame")
        return bytes_

    def _append(self, segment: tuple[str, int], key: LiveKey, data: bytes) -> None:
        """Put bytes behind those that are there."""
        reached = self._reached.get(segment, 0)
        if key.start > reached or (not data and key.end > key.start):  # one before it is damaged, or this one
            return
        path = self._folder / segment[0] / f"{segment[1]:06d}.queue"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data[reached - key.start :])
        self._reached[segment] = max(reached, key.end)

    def _refuse(self, name: str, why: str) -> bytes:
        self._damaged.add(name)
        _log.warning("steplog: %s is damaged: %s; it is left out, with what its writer logged after it", name, why)
        return b""
