"""PartFiles: parts of a bucket as files on this host, fetched when they are asked for, kept for the next who asks.

A part never changes and its name holds its checksum, which readers look at (see readers.verified); so a file that is
here is right, whichever process fetched it. A file appears whole, by a rename. All together take at most `MOST_BYTES`;
those that were used longest ago go first. One that goes while somebody reads it is fetched again when it is looked for.
"""

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ingest.objects.bucket import Bucket
from readers.objects.listed import ObjectPart
from readers.objects.privatefolder import make_private

MOST_BYTES = 8 << 30
_THREADS = 16
_FILL = 0.9
"""To what share of the limit is made room, so that this is rare."""
_SCRATCH_AGE_S = 3600.0


class PartFiles:
    """The files below `root` in a folder of the cache. Any thread, any number of processes."""

    def __init__(self, bucket: Bucket, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self.root = folder / "parts"
        self._tmp = folder / "tmp"
        self._bucket = bucket
        self._most_bytes = most_bytes
        self._known: Mapping[Path, ObjectPart] = {}
        self._unseen_bytes = most_bytes  # so that the first fetch looks what there is
        self._lock = threading.Lock()

    def update(self, parts: Collection[ObjectPart]) -> None:
        """These are the parts now; those that were before may still be asked for."""
        self._known = {**self._known, **{found.part.path: found for found in parts}}
        if len(self._known) > 4 * len(parts) + 10_000:
            self._known = {found.part.path: found for found in parts}

    def known(self, path: Path) -> ObjectPart | None:
        """The part whose file this is, here or not."""
        return self._known.get(path)

    def obtain(self, paths: Collection[Path]) -> list[Path]:
        """Have these files here; those that aren't in the bucket any more. Paths of other files are left alone.

        Raises: ObjectsUnavailable.
        """
        wanted = [self._known[path] for path in dict.fromkeys(paths) if path in self._known]
        missing = [found for found in wanted if not _touch(found.part.path)]
        if not missing:
            return []
        with self._lock:
            missing = [found for found in missing if not found.part.path.exists()]
            if len(missing) == 1:
                gone = [self._fetch(missing[0])]
            else:
                with ThreadPoolExecutor(_THREADS) as pool:
                    gone = list(pool.map(self._fetch, missing))
            self._make_room(sum(found.size for found in missing))
        return [path for path in gone if path is not None]

    def _fetch(self, found: ObjectPart) -> Path | None:
        """Fetch a part; its path when it is gone."""
        path = found.part.path
        make_private(path.parent)
        make_private(self._tmp)
        scratch = self._tmp / secrets.token_hex(16)
        try:
            for key in found.keys:
                with contextlib.suppress(FileNotFoundError):
                    self._bucket.download(key, scratch)
                    scratch.replace(path)
                    return None
        finally:
            scratch.unlink(missing_ok=True)
        return path

    def _make_room(self, more: int) -> None:
        """Remove what was used longest ago, if there is too much."""
        self._unseen_bytes += more
        if self._unseen_bytes < self._most_bytes * (1 - _FILL):
            return
        self._unseen_bytes = 0
        there = [
            (found.st_atime, found.st_size, path) for path in self.root.rglob("*.parquet") if (found := _stat(path))
        ]
        total = sum(size for _, size, _ in there)
        if total > self._most_bytes:
            for _, size, path in sorted(there):
                if total <= self._most_bytes * _FILL:
                    break
                path.unlink(missing_ok=True)
                total -= size
        for scratch in self._tmp.glob("*"):
            found = _stat(scratch)
            if found and len(scratch.name) == 32 and time.time() - found.st_mtime > _SCRATCH_AGE_S:
                scratch.unlink(missing_ok=True)


def _touch(path: Path) -> bool:
    """Note that a file is used; False when it isn't here. When it was modified stays: by that it counts as verified."""
    try:
        os.utime(path, ns=(time.time_ns(), os.stat(path).st_mtime_ns))  # noqa: PTH116 - there may be thousands
    except OSError:
        return path.exists()
    return True


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
