"""Verified parts: a sealed part's bytes are compared with the checksum in its name before anything parses them.

Why: Polars gives wrong numbers for some mutated Parquet files, panics on others, and ends the process on a few. Once is
enough, as a part never changes: a part counts as verified while size, modification time and inode are those of the
file that was hashed. Other processes profit through a small file in the store's tmp/; it only saves work, so it is
written without a sync, and one that can't be written or understood is done without.
"""

import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.digests import verify
from ingest.errors import SegmentCorrupt
from ingest.layout import FILE_MODE, Layout

_CACHE = "verified.msgpack"
_CACHE_BYTES = 64 << 20
_MOST_KEPT = 100_000
_SAVE_AFTER_BYTES = 4 << 20  # hashed since the last save; less is quicker hashed again than shared
_THREADS = 4
_log = logging.getLogger("steplog")


class Stamp(NamedTuple):
    """What tells that a file is still the one that was hashed."""

    size: int
    mtime_ns: int
    inode: int


class Damage(NamedTuple):
    """A file of the store that is left out of every answer."""

    path: Path
    reason: str
    """What is wrong and what to do, in a sentence that names the file."""


class Verified:
    """Which parts of a store were found whole, and which damaged. Any thread."""

    def __init__(self, layout: Layout) -> None:
        self._tmp = layout.tmp
        self._whole: dict[str, Stamp] | None = None
        self._damaged: dict[Path, tuple[Stamp, Damage]] = {}
        self._unsaved_bytes = 0
        self._lock = threading.Lock()

    def check(self, path: Path) -> bool:
        """Tell whether a part is whole; damage is said once, and remembered.

        Raises: FileNotFoundError: it was moved or deleted.
        """
        return path in self.whole({path: stamp_of(path)})

    def whole(self, stamps: Mapping[Path, Stamp]) -> set[Path]:
        """Those of the parts (path: stamp) that are what was written.

        Raises: FileNotFoundError: one was moved or deleted.
        """
        known = self._known()
        new = [path for path, stamp in stamps.items() if known.get(path.name) != stamp]
        unknown = [path for path in new if not self._is_bad(path, stamps[path])]
        if len(unknown) == 1:
            self._hash(unknown[0], stamps[unknown[0]])
        elif unknown:
            with ThreadPoolExecutor(_THREADS) as pool:  # hashing lets go of the GIL
                list(pool.map(self._hash, unknown, (stamps[path] for path in unknown)))
        if self._unsaved_bytes > _SAVE_AFTER_BYTES:
            self._save()
        return {path for path, stamp in stamps.items() if not self._is_bad(path, stamp)}

    def damaged(self) -> list[Damage]:
        """The damage met so far, in files that are still there."""
        return sorted(damage for path, (_, damage) in self._damaged.items() if path.exists())

    def among(self, paths: Iterable[Path]) -> list[tuple[Path, Stamp, str]]:
        """The damage met so far among these, each with the stamp that the file had, and the reason."""
        known = [(path, self._damaged.get(path)) for path in paths]
        return [(path, found[0], found[1].reason) for path, found in known if found is not None]

    def set_aside(self, path: Path, reason: str, stamp: Stamp | None = None) -> None:
        """Leave a file out from now on, and say so once.

        Args:
            stamp: what it was when another process found it so; None for now.
        """
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile: nothing to leave out
            if stamp is not None and self._is_bad(path, stamp):
                return
            self._damaged[path] = stamp or stamp_of(path), Damage(path, reason)
            _log.warning("steplog: %s", reason)

    def _hash(self, path: Path, stamp: Stamp) -> None:
        try:
            verify(path)
        except SegmentCorrupt as error:
            self.set_aside(path, str(error))
        except FileNotFoundError:
            raise
        except OSError as error:
            self.set_aside(path, f"{path} can't be read ({error.strerror or error}); it is left out")
        else:
            with self._lock:
                self._damaged.pop(path, None)
                self._known()[path.name] = stamp
                self._unsaved_bytes += stamp.size

    def _is_bad(self, path: Path, stamp: Stamp) -> bool:
        found = self._damaged.get(path)
        return found is not None and found[0] == stamp

    def _known(self) -> dict[str, Stamp]:
        if self._whole is None:
            self._whole = self._load()
        return self._whole

    def _load(self) -> dict[str, Stamp]:
        """What other processes found; nothing when there is no such file or it can't be understood."""
        try:
            with (self._tmp / _CACHE).open("rb") as file:
                return msgspec.msgpack.decode(file.read(_CACHE_BYTES), type=dict[str, Stamp])
        except (OSError, ValueError, RecursionError):
            return {}

    def _save(self) -> None:
        with self._lock:
            kept = dict(list(self._known().items())[-_MOST_KEPT:])
            self._unsaved_bytes = 0
        scratch = self._tmp / f"{_CACHE}.{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):  # read-only or full: the next process hashes again
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.msgpack.encode(kept))
            scratch.replace(self._tmp / _CACHE)


def stamp_of(path: Path) -> Stamp:
    """The file's stamp. Raises: FileNotFoundError."""
    found = os.stat(path)  # noqa: PTH116 - Path.stat costs three times as much, and there may be thousands of parts
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)
