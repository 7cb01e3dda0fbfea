"""Digests: what tells that a sealed part's bytes are those that were written. Light, for readers that need no Arrow."""

import hashlib
from pathlib import Path

from ingest.errors import SegmentCorrupt
from ingest.layout import split_part


def digest_of(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def verify(path: Path) -> None:
    """Compare a part's bytes with the digest in its name.

    Raises: SegmentCorrupt: they differ. FileNotFoundError: it was compacted or deleted meanwhile.
    """
    named = split_part(path.name)
    found = digest_of(path)
    if named is None or named[1] != found:
        size = path.stat().st_size
        message = (
            f"{path} is damaged: its {size} bytes have digest {found}, not the one in its name; it is left out. "
            "'steplog check --repair' sets it aside; restore it from a copy if there is one"
        )
        raise SegmentCorrupt(message)
