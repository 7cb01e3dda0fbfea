"""Chosen: which runs of a source a question is about.

Those of `run_ids`, each once, in that order; else those of `experiment`; else those of the tracker's own experiment;
and of a store or a path, which have none, all. Each question sees what was logged until then.
"""

from collections.abc import Iterable, Sequence

from ingest.errors import ExperimentNotFound
from readers.runtable import RunTable
from readers.source import AnySource, Reading, RunFrames


class Chosen:
    """Reads runs of a source, up to date.

    Args:
        cluster: who reads its files; see readers.source.Reading.

    Raises: StoreUnavailable: there is no store. TypeError: neither a source nor a path.
    """

    def __init__(self, source: AnySource, cluster: object = None) -> None:
        self._reading = Reading(source, cluster)

    def these(self, run_ids: Sequence[str], frames: RunFrames | None = None) -> RunTable:
        """These runs, each once, in this order. Raises: RunNotFound. TypeError: not a list of run ids."""
        if run_ids is None:
            raise TypeError("run_ids is None; it is a list of run ids, as [run['run_id'] for run in runs] makes it")
        return RunTable.read(frames or self.frames(), _ids(run_ids))

    def runs(self, run_ids: Sequence[str] | None, experiment: str | None, frames: RunFrames | None = None) -> RunTable:
        """These runs, or those of an experiment, or those that the source stands for.

        Raises: RunNotFound, ExperimentNotFound, TypeError.
        """
        frames = frames or self.frames()
        if run_ids is not None:
            return RunTable.read(frames, _ids(run_ids), None if experiment is None else [experiment])
        if experiment is not None:
            return RunTable.read(frames, experiments=[experiment])
        own = self._reading.experiment
        if own is None:
            return RunTable.read(frames)
        try:
            return RunTable.read(frames, experiments=[own])
        except ExperimentNotFound:  # nothing was logged yet: no runs
            return RunTable.read(frames, [])

    def frames(self) -> RunFrames:
        """The runs with all that was logged until now."""
        return self._reading.frames()


def _ids(run_ids: Iterable[str]) -> list[str]:
    if isinstance(run_ids, str):
        raise TypeError(f"run_ids is {run_ids!r}; it is a list of run ids, as in [{run_ids!r}]")
    found = list(run_ids)
    for place, run_id in enumerate(found):
        if not isinstance(run_id, str):
            raise TypeError(f"run_ids[{place}] is {run_id!r}; a run id is text: of a run's record, record['run_id']")
    return found
