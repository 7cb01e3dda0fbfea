"""The journal: what of a store is in the bucket already, and the lock of the one process that uploads it.

    <store>/upload/lock                     held by the one uploader (flock: the kernel frees it)
    <store>/upload/<address>/journal.jsonl  lines, appended: segments committed, files uploaded, and what was forgotten

Guarantee: what the journal says is in the bucket. A line is written after the upload it tells of was confirmed, and
`sync` makes it outlive a power cut before anybody relies on it. A torn last line is left out. Losing the journal means
that what is here is uploaded once more, to the same keys (see sealedparts for what that means where a bucket was
compacted in between).
"""

import fcntl
import os
from typing import Any, NamedTuple

import msgspec

from ingest.errors import Busy, StoreUnavailable
from ingest.layout import DIRECTORY_MODE, FILE_MODE, Layout, write_atomically
from ingest.objects.address import Address

_SEALED, _FILE, _FORGET = "segment", "file", "forget"


class Stamp(NamedTuple):
    """What tells that a file is the one that was uploaded: every write of ours makes a new file."""

    modified_ns: int
    inode: int
    size: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        """Of a file's status."""
        return cls(found.st_mtime_ns, found.st_ino, found.st_size)


class UploadLock:
    """Held from the start until `release`. Raises: Busy: another process has it. StoreUnavailable."""

    def __init__(self, layout: Layout) -> None:
        folder = layout.root / "upload"
        try:
            folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            message = f"uploading keeps its place in {str(folder)!r}, which can't be used: {error.strerror or error}"
            raise StoreUnavailable(message) from error
        self._file = os.fdopen(descriptor, "r+b")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            if not isinstance(error, BlockingIOError):
                message = f"{str(folder)!r} can't be locked: {error.strerror or error}; a spool is on a local disk"
                raise StoreUnavailable(message) from error
            message = f"another process uploads the store {str(layout.root)!r} already: a training, or steplog sync"
            raise Busy(message) from error

    def release(self) -> None:
        """Let another uploader go on; twice is once."""
        self._file.close()


class Journal:
    """What of a store was uploaded to one address. One thread.

    Raises: StoreUnavailable: its files can't be used.
    """

    def __init__(self, layout: Layout, address: Address) -> None:
        self.folder = layout.root / "upload" / address.slug
        self._path = self.folder / "journal.jsonl"
        self.segments: dict[str, float] = {}
        """Committed segments of which something may still lie in the store, and when each was: seconds since 1970."""
        self.files: dict[str, Stamp] = {}
        """Uploaded files by their path relative to the root."""
        try:
            self.folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            lines = self._read()
            if lines > 100 + 2 * (len(self.segments) + len(self.files)):
                body = b"".join(map(_line, self._all()))
                write_atomically(self._path, body, layout.tmp)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.fdopen(os.open(self._path, flags, FILE_MODE), "ab")
            if self._file.tell():
                self._file.write(b"\n")  # ends a torn line
        except OSError as error:
            message = (
                f"uploading keeps its place in {str(self.folder)!r}, which can't be used: {error.strerror or error}"
            )
            raise StoreUnavailable(message) from error

    def note_segment(self, segment: str, at: float) -> None:
        """A segment's parts are all in the bucket; `sync` before relying on it. Raises: OSError."""
        self.segments[segment] = at
        self._write([_SEALED, segment, at])

    def note_file(self, path: str, stamp: Stamp) -> None:
        """A file is in the bucket as it is here. Raises: OSError."""
        self.files[path] = stamp
        self._write([_FILE, path, *stamp])

    def forget_segment(self, segment: str) -> None:
        """Nothing of it is here any more. Raises: OSError."""
        if self.segments.pop(segment, None) is not None:
            self._write([_FORGET, _SEALED, segment])

    def forget_file(self, path: str) -> None:
        """It isn't here any more. Raises: OSError."""
        if self.files.pop(path, None) is not None:
            self._write([_FORGET, _FILE, path])

    def sync(self) -> None:
        """Make what was noted outlive a power cut. Raises: OSError."""
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: list[Any]) -> None:
        self._file.write(_line(line))

    def _all(self) -> list[list[Any]]:
        segments = [[_SEALED, segment, at] for segment, at in self.segments.items()]
        return [*segments, *([_FILE, path, *stamp] for path, stamp in self.files.items())]

    def _read(self) -> int:
        """Take in what is there; returns the number of lines."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return 0
        for line in lines:
            try:
                kind, name, *rest = msgspec.json.decode(line, type=list[Any])
                if kind == _SEALED:
                    self.segments[str(name)] = float(rest[0])
                elif kind == _FILE:
                    self.files[str(name)] = Stamp(*map(int, rest))
                elif kind == _FORGET:
                    (self.segments if name == _SEALED else self.files).pop(str(rest[0]), None)
            except (ValueError, TypeError, IndexError):  # torn by a crash: what it told is uploaded again
                continue
        return len(lines)


def _line(line: list[Any]) -> bytes:
    return msgspec.json.encode(line) + b"\n"
