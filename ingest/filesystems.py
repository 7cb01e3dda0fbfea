"""What a file system can be trusted with.

A mapped queue needs pages that other processes and the disk see as soon as they are written, and blocks that stay
allocated: local file systems promise both, network and user-space ones neither, and btrfs may still be out of space at
a write to blocks it has allocated (copy on write), which would end the process with SIGBUS. There the queue is written
by one `write` a log call: about a microsecond more (or on another disk: see home).
"""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_UNFIT = re.compile(
    r"nfs\d?|cifs|smb\w*|fuse(\..*)?|fuseblk|9p|afs|ceph|lustre|gpfs|beegfs|btrfs|vboxsf|virtiofs|glusterfs"
)


def fits_mapped_queue(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Tell whether a folder's file system is fit for a mapped queue; an unknown one counts as local."""
    return _UNFIT.fullmatch(file_system(folder, mounts)) is None


def file_system(folder: Path, mounts: Path = _MOUNTS) -> str:
    """The type of the file system that holds a folder; "" where the system doesn't tell."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return ""
    inside = os.path.realpath(folder)
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), left.split()[4])
        if len(point) >= len(best) and (inside + "/").startswith(point.rstrip("/") + "/"):
            best, kind = point, right.split()[0]
    return kind
