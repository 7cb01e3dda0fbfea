"""FoundRuns: which runs of a server a question is about, asked for as they are needed.

An experiment's runs come at once. A few that are named by their ids come alone, wherever they are. What came once stays
for the rest of the question.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from ingest.errors import ExperimentNotFound
from ingest.layout import RUN_ID
from readers.imports.mlflowruns import RUN_ID_TAG
from readers.mlflow.names import experiment_name
from readers.mlflow.remoterun import RemoteRun, remote_run

if TYPE_CHECKING:
    from readers.mlflow.server import TrackingServer

_FEW, _MOST_LOOKED_UP = 300, 5


class FoundRuns:
    """The runs of a server, as of when each was first asked for.

    Args:
        ids: MLflow's ids of runs by their own, as far as they were ever seen; added to.
    """

    def __init__(self, server: "TrackingServer", ids: dict[str, str]) -> None:
        self._server = server
        self._ids = ids
        self._names: dict[str, str] | None = None
        self._found: dict[str, RemoteRun] = {}
        self._whole: set[str] = set()
        """Ids of the experiments that were read whole."""

    @property
    def place(self) -> str:
        """Where the runs are, for people."""
        return f"MLflow server {self._server.shown}"

    def experiments(self) -> list[str]:
        """The names of the experiments that weren't deleted, sorted. Raises: ServerUnavailable."""
        return sorted(self._experiments().values())

    def own_ids(self) -> dict[str, str]:
        """The ids that runs have here, by MLflow's, of all that came so far."""
        return {run.mlflow_id: run.run_id for run in self._found.values()}

    def experiment_ids(self, experiments: Collection[str] | None) -> list[str]:
        """The ids of some experiments, or of all. Raises: ExperimentNotFound: naming those there are."""
        names = self._experiments()
        if experiments is None:
            return list(names)
        if isinstance(experiments, str):
            raise TypeError(f"experiments is {experiments!r}; it is a list of names, as in [{experiments!r}]")
        by_name = {name: number for number, name in names.items()}
        for name in experiments:
            if experiment_name(name) not in by_name:
                hint = f"asked was the {self.place}"
                raise ExperimentNotFound.among("experiment", name, self.experiments(), hint)
        return [by_name[experiment_name(name)] for name in experiments]

    def these(self, experiments: Collection[str] | None, runs: Sequence[str] | None) -> list[tuple[str, RemoteRun]]:
        """The runs that are meant, each with the id under which it is; first started first.

        A run may be named by its own id or by MLflow's. Where several carry one id (somebody copied a run with its
        tags), it is the first one's.
        """
        where = set(self.experiment_ids(experiments))
        if runs is None:
            self._read(where)
        elif not self._whole.issuperset(where):
            self._look_up(where, list(dict.fromkeys(runs)))
        by_id: dict[str, RemoteRun] = {}
        for run in sorted(self._found.values(), key=_order):
            if run.experiment_id in where:
                by_id.setdefault(run.run_id, run)
                by_id.setdefault(run.mlflow_id, run)
        if runs is not None:
            return [(run_id, by_id[run_id]) for run_id in dict.fromkeys(runs) if run_id in by_id]
        first = {run_id: run for run_id, run in by_id.items() if run_id == run.run_id}
        taken = {run.mlflow_id for run in first.values()}
        return [*first.items(), *((key, run) for key, run in by_id.items() if run.mlflow_id not in taken)]

    def _read(self, experiment_ids: Collection[str]) -> None:
        """Read experiments whole, as far as they weren't yet."""
        missing = [number for number in experiment_ids if number not in self._whole]
        self._take(missing, "")
        self._whole.update(missing)

    def _look_up(self, experiment_ids: Collection[str], run_ids: Sequence[str]) -> None:
        """Read some runs alone; all of the experiments where that would take more questions."""
        missing = self._unknown(run_ids)
        if len(missing) > _FEW:
            self._read(experiment_ids)
            return
        ids = [self._ids.get(run_id, run_id) for run_id in missing]
        if ids and all(map(RUN_ID.fullmatch, ids)):
            listed = ", ".join(f"'{one}'" for one in ids)
            self._take(experiment_ids, f"attributes.run_id IN ({listed})", copies=False)
        missing = self._unknown(run_ids)
        if len(missing) > _MOST_LOOKED_UP or not all(map(RUN_ID.fullmatch, missing)):
            self._read(experiment_ids)
            return
        for run_id in missing:
            self._take(experiment_ids, f"tags.`{RUN_ID_TAG}` = '{run_id}'")

    def _unknown(self, run_ids: Sequence[str]) -> list[str]:
        return [run_id for run_id in run_ids if not {run_id, self._ids.get(run_id)} & self._found.keys()]

    def _take(self, experiment_ids: Collection[str], condition: str, *, copies: bool = True) -> None:
        """Keep the runs that fit; `copies`: all that carry one id are among them, so the first is the one it means."""
        names = self._experiments()
        first: dict[str, str] = {}
        for told in self._server.runs(experiment_ids, condition):
            run = remote_run(told, names.get(told.experiment_id, ""))
            self._found[run.mlflow_id] = run
            first.setdefault(run.run_id, run.mlflow_id)
        if copies:
            self._ids.update(first)

    def _experiments(self) -> dict[str, str]:
        """Names by id."""
        if self._names is None:
            self._names = self._server.experiments()
        return self._names


def _order(run: RemoteRun) -> tuple[int, bool, str, str]:
    """First started first; of one millisecond, parents before their children."""
    is_child = run.parent is not None or run.parent_mlflow_id is not None
    return run.start_ms or 0, is_child, run.run_id, run.mlflow_id
