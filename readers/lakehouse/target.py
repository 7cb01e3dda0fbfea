"""Targets: what a table at its destination can do, whatever keeps it; and what can go wrong there."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa

from ingest.errors import TrackerError
from readers.lakehouse.datafiles import DataFile
from readers.lakehouse.rows import LakeTable

MARK = "exported by steplog"
"""What a table's description or properties say, so that no table of somebody else's is replaced."""


class ExportFailed(TrackerError):
    """Tables can't be written there as asked; those that were finished before are whole, the others are as before."""


class TableThere(FileExistsError):
    """A table is where none should be, or one that is not to be replaced; `filename` says where."""

    def __init__(self, shown: str) -> None:
        super().__init__(errno.EEXIST, "there is a table already", shown)


class LibraryMissing(TrackerError, ImportError):
    """The library that writes such tables isn't installed."""


class TargetTable(ABC):
    """One table at its destination, before it is written and while it is."""

    shown: str
    """Where it is, for people, and for whoever opens it."""
    partitioned: bool
    """Whether its files are to have rows of one experiment each."""

    @abstractmethod
    def create(self, name: str) -> AbstractContextManager[Any]:
        """Make a file, which is no part of the table yet."""

    @abstractmethod
    def commit(self, files: Sequence[DataFile]) -> None:
        """Let the table have these rows and no others, at once.

        Raises: ExportFailed: it can't be done; the table is as before.
        """

    @abstractmethod
    def discard(self, names: Sequence[str]) -> None:
        """Remove files that won't be part of it."""


class Target(Protocol):
    """A destination of tables."""

    longest_partition: int
    """An experiment's name may have that many bytes, for a table to be partitioned by it."""

    def table(self, table: LakeTable, schema: pa.Schema, *, by_experiment: bool, replace: bool) -> TargetTable:
        """A table there, looked at and not yet touched.

        Raises: TableThere: it is there, and is not to be replaced. ValueError: it is somebody else's.
        """


def foreign(shown: str, what: str) -> ValueError:
    """What is raised where something lies that no export of ours made."""
    return ValueError(f"{shown} {what}, not one that steplog exported; it is left alone: give another target")
