"""What a user gives to be copied into the store: a file, or a folder of files."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ingest.paths import check_path


def open_plain(source: str | os.PathLike[str], *, folder: int | None = None) -> BinaryIO:
    """Open a file for reading if it is a plain one.

    Args:
        source: a path of the user's, where a link is followed; or with `folder` a name of ours, where none is.
        folder: descriptor of the folder that the name is in.

    Raises: FileNotFoundError, PermissionError ...: as `open`. ValueError: a folder, FIFO, socket or device.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # so that a FIFO doesn't block the call
    refused = f"{os.fspath(source)!r} is a folder, FIFO, socket or device, not a plain file"
    try:
        file = os.open(source, flags if folder is None else flags | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise ValueError(refused) from error
        raise
    if stat.S_ISREG(os.fstat(file).st_mode):
        return os.fdopen(file, "rb")
    os.close(file)
    raise ValueError(refused)


def list_folder(source: str | os.PathLike[str], path: str = "") -> tuple[list[tuple[str, Path]], list[str]]:
    """List (name below `path`, file) of a folder's files in order, and what can't be copied, each with its reason.

    A link to a file counts as the file. Links to folders are left out: they may lead round in a circle, or to half of
    the disk. So are links to nothing, FIFOs, sockets and devices.

    Raises: ValueError: a file's name can't be the name of an artifact, or the source is no folder.
    """
    top = Path(source)
    if not top.is_dir():
        raise ValueError(f"{str(top)!r} is no folder; log a single file with log_artifact")
    files: list[tuple[str, Path]] = []
    left_out: list[str] = []
    for folder, folders, names in os.walk(top):
        folders.sort()
        left_out += [f"{Path(folder, name)} (link to a folder)" for name in folders if Path(folder, name).is_symlink()]
        for name in sorted(names):
            file = Path(folder, name)
            if file.is_file():
                inside = file.relative_to(top).as_posix()
                files.append((check_path(f"{path}/{inside}" if path else inside), file))
            else:
                left_out.append(f"{file} ({'link to nothing' if file.is_symlink() else 'no plain file'})")
    return files, left_out
