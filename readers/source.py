"""Source: what the comparators ask of a tracker, so that they need not know one.

A tracker is a Source, and so is a Store, and whatever else has a store's folder and can make it up to date.
"""

import os
from pathlib import Path
from typing import Protocol

from readers.store import Store


class Source(Protocol):
    """Something with a store on disk."""

    @property
    def root(self) -> Path:
        """The store's folder."""

    def flush(self) -> None:
        """Make everything logged so far visible in the folder."""


def store_of(source: Source | str | os.PathLike[str]) -> Store:
    """The store behind a source, up to date; a path is the folder of one.

    Raises: StoreUnavailable: there is none. TypeError: neither a source nor a path.
    """
    if isinstance(source, str | os.PathLike):
        return Store(source)
    if not hasattr(source, "flush") or not hasattr(source, "root"):
        raise TypeError(f"{source!r} is no tracker, Store or path: give the ExperimentTracker, or the store's folder")
    source.flush()
    return source if isinstance(source, Store) else Store(source.root)
