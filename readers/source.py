"""Source: what comparisons are computed from, so that they need not know who keeps the runs.

A Source gives its runs as tables (RunFrames). A Store reads them from files; an MLflowSource asks a tracking server; a
tracker gives the one or the other, by its backend. Whatever else has a store's folder and can make it up to date will
do as well, and so will the folder's path.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingest.errors import StoreUnavailable
from ingest.objects.address import is_address
from readers.cluster.engine import Engine, engine_of
from readers.mlflow.address import without_credentials
from readers.store import Store

if TYPE_CHECKING:
    import polars as pl

Names = Sequence[str] | None
"""Only these; None for all."""


class RunFrames(Protocol):
    """Runs as tables, each a Polars LazyFrame with the columns that the Store's method of that name has."""

    @property
    def place(self) -> str:
        """Where the runs are, for people: "store 'experiments'"."""

    @property
    def hint(self) -> str:
        """What to do about a run that isn't there."""

    def frames(self) -> "RunFrames":
        """The same: tables are a Source, too."""

    def experiments(self) -> list[str]:
        """The names of all experiments."""

    def runs(self, experiments: Collection[str] | None = None, runs: Names = None) -> "pl.LazyFrame":
        """One row a run, first started first."""

    def params(self, runs: Names = None, experiments: Collection[str] | None = None) -> "pl.LazyFrame":
        """One row for each run and param."""

    def tags(self, runs: Names = None, experiments: Collection[str] | None = None) -> "pl.LazyFrame":
        """One row for each run and tag."""

    def lasts(self, runs: Names = None, experiments: Collection[str] | None = None) -> "pl.LazyFrame | None":
        """Of `summaries` run_id, key and last, where these come much sooner than the rest; None where they don't."""

    def summaries(
        self, keys: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> "pl.LazyFrame":
        """One row for each run and metric."""

    def metrics(
        self, keys: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> "pl.LazyFrame":
        """One row a point."""

    def facts(
        self, kinds: Names = None, runs: Names = None, experiments: Collection[str] | None = None
    ) -> "pl.LazyFrame":
        """One row a fact."""


class Source(Protocol):
    """Somewhere with runs."""

    def frames(self) -> RunFrames:
        """The runs as of now."""


class StoreFolder(Protocol):
    """Something with a store on disk."""

    @property
    def root(self) -> Path:
        """The store's folder."""

    def flush(self) -> None:
        """Make everything logged so far visible in the folder."""


AnySource = Source | StoreFolder | str | os.PathLike[str]
"""What a comparator takes; a path is a store's folder, or its address on object storage (s3://…)."""


class Reading:
    """A source that is asked again and again; of a folder the store is opened once.

    Args:
        cluster: who reads the files of its store: as for Store; None for the source itself.

    Raises: StoreUnavailable: there is no store. TypeError: neither a source nor a path. Of a cluster what Store raises.
    """

    def __init__(self, source: AnySource, cluster: object = None) -> None:
        self._source = source
        self._engine = None if cluster is None else engine_of(cluster)
        self._spread: Store | None = None
        self._store = None if _gives_frames(source) else store_of(source)  # type: ignore[arg-type]

    def frames(self) -> RunFrames:
        """The runs as of now. Raises: TypeError: a cluster is to read them, and they aren't in a store's files."""
        return self._given() if self._engine is None else self._by_cluster(self._given(), self._engine)

    def _by_cluster(self, frames: RunFrames, engine: Engine) -> Store:
        if not isinstance(frames, Store):
            raise TypeError(f"a cluster reads the files of a store, and the runs of {frames.place} are in none")
        if self._spread is None:
            self._spread = Store(frames.layout.place, cluster=engine)
        return self._spread

    def _given(self) -> RunFrames:
        if self._store is None:
            return self._source.frames()  # type: ignore[union-attr]
        if not isinstance(self._source, str | os.PathLike):
            self._source.flush()  # type: ignore[union-attr]
        return self._store

    @property
    def experiment(self) -> str | None:
        """The experiment that a question is about which names neither runs nor one; None: all runs."""
        return getattr(self._source, "experiment_name", None)


def store_of(source: StoreFolder | str | os.PathLike[str]) -> Store:
    """The store behind a source, up to date; a path is the folder of one.

    Raises: StoreUnavailable: there is none. TypeError: neither has it a folder nor is it a path.
    """
    if isinstance(source, str) and "://" in source and not is_address(source):
        raise StoreUnavailable(
            f"{without_credentials(source)!r} is no store; of an MLflow server give MLflowSource(address)"
        )
    if isinstance(source, str | os.PathLike):
        return Store(source)
    if not hasattr(source, "flush") or not hasattr(source, "root"):
        raise TypeError(f"{source!r} is no tracker, Store or path: give the ExperimentTracker, or the store's folder")
    source.flush()
    return source if isinstance(source, Store) else Store(source.root)


def _gives_frames(source: object) -> bool:
    return not isinstance(source, str | os.PathLike | type) and hasattr(source, "frames")
