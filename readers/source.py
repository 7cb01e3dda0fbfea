"""Source: what the comparators ask of a tracker, so that they need not know one.

A tracker is a Source, and so is a Store, and whatever else has a store's folder and can make it up to date.
"""

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


def store_of(source: Source) -> Store:
    """The store behind a source, up to date."""
    source.flush()
    return source if isinstance(source, Store) else Store(source.root)
