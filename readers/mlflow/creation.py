"""Creation: our runs at a server, each made there when something of it is first to be sent.

A run is found by our id among its tags, so one whose creation was tried and went unanswered isn't made a second time;
where an answer comes too late, there may be two, of which the one that nothing was sent to is taken away at the end.

A run's parent is made before it, also where nothing of the parent is to be sent yet: MLflow wants its own id for it.
"""

from collections.abc import Callable
from functools import partial

from ingest.layout import RUN_ID
from readers.mlflow.attempts import Attempts
from readers.mlflow.batches import Start
from readers.mlflow.names import PREFIX, experiment_name
from readers.mlflow.progress import KnownRun, Progress
from readers.mlflow.setaside import Refusals
from readers.mlflow.target import RUN_ID_TAG, Refused, Target
from readers.store import Store


class Creation:
    """Makes runs of one store at one server. One thread.

    Args:
        wanted: whether a run is to be sent at all.
    """

    def __init__(
        self,
        store: Store,
        target: Target,
        progress: Progress,
        attempts: Attempts,
        refusals: Refusals,
        *,
        wanted: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._target = target
        self._progress = progress
        self._attempts = attempts
        self._refusals = refusals
        self._wanted = wanted
        self._making: set[str] = set()
        self.starts: dict[str, Start] = {}
        """What was read of runs' starts."""
        self.behind = False
        """Whether what is delivered now is from before the cursor."""
        self._experiments: dict[str, str] = {}

    def run(self, run_id: str) -> KnownRun | None:
        """The run at the server, created when missing; None when the server refuses that. Raises: Halted."""
        if run_id in self._refusals.runs:
            return None
        known = self._progress.runs.get(run_id)
        if known is not None:
            return known
        if not RUN_ID.fullmatch(run_id):
            self._refusals.refuse(run_id, run_id, "its id is none that this project gives")
            return None
        start = self.starts.get(run_id) or self._looked_up(run_id)
        self._making.add(run_id)
        try:
            return self._made(run_id, start, self._parent(start.parent))
        finally:
            self._making.discard(run_id)

    def _parent(self, run_id: str | None) -> KnownRun | None:
        """A run's parent at the server, if it is one of the store's that is sent, too. Raises: Halted."""
        known = self._progress.runs.get(run_id or "")
        if run_id is None or known is not None or not self._wanted(run_id) or run_id in self._making:
            return known
        return self.run(run_id) if run_id in self.starts or self._store.find_run(run_id) is not None else None

    def _made(self, run_id: str, start: Start, parent: KnownRun | None) -> KnownRun | None:
        tries: list[None] = []
        tags = self._tags_of(run_id, start, parent)

        def create() -> KnownRun:
            tries.append(None)
            experiment = self._experiment(start.experiment)
            there = self._target.find_runs(experiment, run_id)
            mlflow_id = there[0] if there else self._target.create_run(experiment, start.name, start.start_ms, tags)
            return KnownRun(
                run_id, mlflow_id, experiment, whole=not self.behind, unsure=max(len(tries), len(there)) > 1
            )

        try:
            known = self._attempts.make(create)
        except Refused as error:
            self._refusals.refuse(run_id, start.name, str(error))
            return None
        self._progress.keep(known, sync=True)
        self._refusals.made(run_id)
        return known

    def _tags_of(self, run_id: str, start: Start, parent: KnownRun | None) -> dict[str, str]:
        tags = {RUN_ID_TAG: run_id}
        if start.parent:
            tags[PREFIX + "parent_run_id"] = start.parent[:5000]
        if parent is not None:
            tags["mlflow.parentRunId"] = parent.mlflow_id
        if start.group:
            tags[PREFIX + "group"] = start.group[:5000]
        if experiment_name(start.experiment) != start.experiment:
            tags[PREFIX + "experiment"] = start.experiment[:5000]
        return tags

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = self._target.experiment(experiment_name(name))
        return self._experiments[name]

    def _looked_up(self, run_id: str) -> Start:
        """What the store says of a run whose start was read before it was to be forwarded."""
        row = self._store.find_run(run_id)
        if row is None or row["start_time"] is None:
            return Start("default" if row is None else row["experiment"], run_id, 0, None, None)
        start_ms = int(row["start_time"].timestamp() * 1000)
        return Start(row["experiment"], row["run_name"] or run_id, start_ms, row["parent_run_id"], row["group"])

    def remove_doubles(self, run: KnownRun) -> None:
        """Take away what a creation left whose answer was lost, where nothing was sent. Raises: Halted. Refused."""
        if run.unsure:
            for found in self._attempts.make(lambda: self._target.find_runs(run.experiment_id, run.run_id)):
                if found != run.mlflow_id:
                    self._attempts.make(partial(self._target.delete_run, found))
