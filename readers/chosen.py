"""Chosen: which runs of a source a question is about.

Those of `run_ids`, each once, in that order; else those of `experiment`; else those of the tracker's own experiment;
and of a store or a path, which have none, all. Each question sees what was logged until then.
"""

import os
from collections.abc import Iterable, Sequence

from ingest.errors import ExperimentNotFound
from readers.runtable import RunTable
from readers.source import Source, store_of
from readers.store import Store


class Chosen:
    """Reads runs of a source, up to date.

    Raises: StoreUnavailable: there is no store. TypeError: neither a source nor a path.
    """

    def __init__(self, source: Source | str | os.PathLike[str]) -> None:
        self._source = source
        self._store = store_of(source)

    def these(self, run_ids: Sequence[str]) -> RunTable:
        """These runs, each once, in this order. Raises: RunNotFound. TypeError: not a list of run ids."""
        if run_ids is None:
            raise TypeError("run_ids is None; it is a list of run ids, as [run['run_id'] for run in runs] makes it")
        return RunTable.read(self.store, _ids(run_ids))

    def runs(self, run_ids: Sequence[str] | None, experiment: str | None) -> RunTable:
        """These runs, or those of an experiment, or those that the source stands for.

        Raises: RunNotFound, ExperimentNotFound, TypeError.
        """
        store = self.store
        if run_ids is not None:
            return RunTable.read(store, _ids(run_ids), None if experiment is None else [experiment])
        if experiment is not None:
            return RunTable.read(store, experiments=[experiment])
        own = getattr(self._source, "experiment_name", None)
        if own is None:
            return RunTable.read(store)
        try:
            return RunTable.read(store, experiments=[own])
        except ExperimentNotFound:  # nothing was logged yet: no runs
            return RunTable.read(store, [])

    @property
    def store(self) -> Store:
        """The store with all that was logged until now."""
        if not isinstance(self._source, str | os.PathLike):
            self._source.flush()
        return self._store


def _ids(run_ids: Iterable[str]) -> list[str]:
    if isinstance(run_ids, str):
        raise TypeError(f"run_ids is {run_ids!r}; it is a list of run ids, as in [{run_ids!r}]")
    found = list(run_ids)
    for place, run_id in enumerate(found):
        if not isinstance(run_id, str):
            raise TypeError(f"run_ids[{place}] is {run_id!r}; a run id is text: of a run's record, record['run_id']")
    return found
