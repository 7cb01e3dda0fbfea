"""What was told through MLflow alone: facts of our kinds, of each the last.

MLflow's experiments exist without runs, its runs can be deleted and come back, its models have lives of their own. What
is known of these is kept as facts of kinds that only this package reads:

    mlflow.experiment      of `experiment-<id>`: name, created, updated, stage, artifact_location, tag.<name>
    mlflow.run             of a run: stage; status and end_time, where who ended it didn't own it; user
    mlflow.input           of a run: a data set that it used, under its name and digest
    mlflow.model_input     of a run: a model that it used
    mlflow.model_output    of a run: a model that it made, and at which step
    mlflow.model           of a run or of a model without one: what a logged model began with, under its id
    mlflow.model_field     likewise: a tag, param or field of it that was changed, under model and field, in a list
    mlflow.model_metric    likewise: a logged model's metric, under model, metric and data set

A stage is written with its time: deleting an experiment deletes its runs, and what was told last counts.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ingest.jsontext import from_json
from readers.store import Store

if TYPE_CHECKING:
    import polars as pl

EXPERIMENT, RUN, INPUT = "mlflow.experiment", "mlflow.run", "mlflow.input"
MODEL_INPUT, MODEL_OUTPUT = "mlflow.model_input", "mlflow.model_output"
MODEL, MODEL_FIELD, MODEL_METRIC = "mlflow.model", "mlflow.model_field", "mlflow.model_metric"

ACTIVE, DELETED = "active", "deleted"
Stage = tuple[str, int]
"""What became of a run or experiment, and when, in ns."""
BORN: Stage = (ACTIVE, 0)
Told = dict[str, dict[str, Any]]
"""By run (or what stands for one) and key: a value, read from its JSON."""


class Facts:
    """Facts of some kinds, as they were at one moment.

    Args:
        runs: only of these, or of what stands for one; None for all.
        experiments: only of these.
    """

    def __init__(
        self,
        store: Store,
        kinds: Sequence[str],
        *,
        runs: Sequence[str] | None = None,
        experiments: Sequence[str] | None = None,
    ) -> None:
        self._rows = store.facts(kinds, runs, experiments).collect()
        self._kinds = set(self._rows["kind"].unique())

    def told(self, kind: str) -> Told:
        """What was told last of a kind of ours."""
        found: Told = defaultdict(dict)
        if kind not in self._kinds:
            return found
        for run_id, _, key, value in self._latest(kind).iter_rows():
            found[run_id][key] = from_json(value)
        return found

    def flat(self, kind: str) -> "pl.DataFrame":
        """Params or tags as rows of readers.params.VALUES."""
        from readers.params import flat

        return flat(self._latest(kind))

    def _latest(self, kind: str) -> "pl.DataFrame":
        from readers.params import latest

        return latest(self._rows.filter(kind=kind))


def told(
    store: Store, kind: str, *, runs: Sequence[str] | None = None, experiments: Sequence[str] | None = None
) -> Told:
    """What was told last of one kind."""
    return Facts(store, [kind], runs=runs, experiments=experiments).told(kind)


def latest_stage(*stages: Any) -> str:
    """Active or deleted, whichever was told last."""
    name, _ = max((tuple(stage) for stage in stages), key=lambda stage: int(stage[1]))
    return str(name)
