"""Artifact bytes on disk, under the names the user gave them.

Guarantee: under a name lies a whole file or none, also after a crash; writing a name again replaces the file at once,
and who has the old one open reads on. For this the bytes go to the store's tmp/, hashed on the way, are synced, and
renamed.

No name leads out of its folder: it is checked as a relative POSIX path, and then walked from the folder's descriptor
one component at a time without following links, so that neither `..` nor a link planted before or during the call
points anywhere else. Folders are 0700, files 0600. (Needs openat, so Linux and macOS.)
"""

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from ingest.errors import SegmentCorrupt
from ingest.layout import DIRECTORY_MODE, FILE_MODE
from ingest.paths import check_path
from ingest.sources import list_folder, open_plain

_CHUNK_BYTES = 1 << 20
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class StoredFile(msgspec.Struct, frozen=True):
    """What lies under a name now."""

    path: str
    size: int
    sha256: str


class ByteSink(Protocol):
    """What `put_stream` hands to the function that makes the bytes."""

    def write(self, data: bytes | memoryview, /) -> int:
        """Take all of the bytes."""


def put_bytes(root: Path, path: str, data: bytes | memoryview, *, tmp: Path) -> StoredFile:
    """Put bytes under a name. Raises: as `put_stream`."""
    return put_stream(root, path, lambda sink: sink.write(data), tmp=tmp)


def put_file(root: Path, path: str, source: str | os.PathLike[str], *, tmp: Path) -> StoredFile:
    """Copy a file under a name; of a link, what it points to. Raises: as `put_stream` and `sources.open_plain`."""
    with open_plain(source) as file:
        return put_stream(root, path, lambda sink: copy(file, sink), tmp=tmp)


def put_folder(root: Path, path: str, source: str | os.PathLike[str], *, tmp: Path) -> Iterator[StoredFile]:
    """Copy the files of a folder, one after the other, below a name ("" for the root itself).

    What `list_folder` leaves out is left out here. Raises: as it does, before the first file is copied.
    """
    files, _ = list_folder(source, path)
    return (put_file(root, name, file, tmp=tmp) for name, file in files)


def put_stream(root: Path, path: str, write: Callable[[ByteSink], object], *, tmp: Path) -> StoredFile:
    """Put what `write` writes under a name below `root`; the folders on the way are made.

    Raises: ValueError: no such name can be, or a file lies where a folder is needed, or the other way round.
        OSError: the disk is full, the folder read-only ...; what lay there before lies there still.
    """
    *parents, name = check_path(path).split("/")
    scratch = tmp / secrets.token_hex(16)
    with _folder(root, parents, path, create=True) as folder:
        _refuse_folder(folder, name, path)
        try:
            stored = _write(scratch, path, write, tmp)
            os.replace(scratch, name, dst_dir_fd=folder)
        except IsADirectoryError as error:  # made since the look above
            raise ValueError(_is_folder(path)) from error
        finally:
            scratch.unlink(missing_ok=True)
        os.fsync(folder)
    return stored


def copy(source: BinaryIO, sink: ByteSink) -> None:
    """Copy to the end, a chunk at a time."""
    while chunk := source.read(_CHUNK_BYTES):
        sink.write(chunk)


def open_beneath(root: Path, path: str) -> BinaryIO:
    """Open a stored file for reading.

    Raises: OSError: as `open`. SegmentCorrupt: a link or no plain file lies there, which nobody here made.
    """
    *parents, name = check_path(path).split("/")
    try:
        with _folder(root, parents, path, create=False) as folder:
            return open_plain(name, folder=folder)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in {errno.ELOOP, errno.ENOTDIR}:
            raise
        raise SegmentCorrupt(f"{path!r} below {str(root)!r} can't be opened as a plain file: {error}") from error


class HashingSink:
    """Counts and hashes what goes through to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def write(self, data: bytes | memoryview, /) -> int:
        """Pass the bytes on."""
        self.file.write(data)
        self.digest.update(data)
        length = data.nbytes if isinstance(data, memoryview) else len(data)
        self.size += length
        return length


@contextmanager
def _folder(root: Path, parents: list[str], path: str, *, create: bool) -> Iterator[int]:
    """Open the folder at the end of the way down from `root`; nothing on it may be a link."""
    if create:
        root.parent.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        root.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
    here = os.open(root, _FOLDER_FLAGS)
    try:
        for part in parents:
            if create:
                _make(part, here)
            above, here = here, _enter(part, here, path)
            os.close(above)
        yield here
    finally:
        os.close(here)


def _make(part: str, folder: int) -> None:
    """Make a folder unless it is there."""
    try:
        os.mkdir(part, DIRECTORY_MODE, dir_fd=folder)
    except FileExistsError:
        return
    os.fsync(folder)


def _enter(part: str, folder: int, path: str) -> int:
    """Open a folder inside another."""
    try:
        return os.open(part, _FOLDER_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            what = f"{part!r} in {path!r} is a file or a link there, and can't be a folder too; choose another name"
            raise ValueError(what) from error
        raise


def _refuse_folder(folder: int, name: str, path: str) -> None:
    """Refuse to put a file where a folder is."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(found.st_mode):
        raise ValueError(_is_folder(path))


def _is_folder(path: str) -> str:
    return f"{path!r} is a folder there, with other artifacts in it; choose another name"


def _write(scratch: Path, path: str, write: Callable[[ByteSink], object], tmp: Path) -> StoredFile:
    """Write and sync the file that is to be renamed."""
    tmp.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(scratch, flags, FILE_MODE), "wb") as file:
        sink = HashingSink(file)
        write(sink)
        file.flush()
        os.fsync(file.fileno())
    return StoredFile(path, sink.size, sink.digest.hexdigest())
