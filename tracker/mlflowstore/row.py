"""Row: what a run's life comes to, in MLflow's words.

Our reader says what its writers did (see readers.runs), and facts of the kind `mlflow.run` what was told through MLflow
by others: that it ended, or is deleted. INTERRUPTED is FAILED there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tracker.mlflowstore.told import ACTIVE, BORN, Stage, latest_stage

NAME_TAG, PARENT_TAG, USER_TAG, STATUS_TAG = "mlflow.runName", "mlflow.parentRunId", "mlflow.user", "steplog.status"
RUNNING, FAILED, INTERRUPTED = "RUNNING", "FAILED", "INTERRUPTED"
COLUMNS = ["run_id", "experiment", "run_name", "status", "start_time", "end_time", "parent_run_id"]
"""Of readers.runs; the times in ms."""


class Row(NamedTuple):
    """One run; times in ms."""

    run_id: str
    experiment: str
    run_name: str
    status: str
    start_time: int
    end_time: int | None = None
    parent: str | None = None
    lifecycle_stage: str = ACTIVE
    user_id: str = ""
    interrupted: bool = False

    def tags(self) -> dict[str, str]:
        """What MLflow wants as tags."""
        tags = {NAME_TAG: self.run_name}
        if self.parent is not None:
            tags[PARENT_TAG] = self.parent
        if self.interrupted:
            tags[STATUS_TAG] = INTERRUPTED
        return tags


def row_of(columns: tuple[Any, ...], about: Mapping[str, Any], of_experiment: Stage) -> Row:
    """The row of a run.

    Args:
        columns: values of COLUMNS.
        about: its facts of the kind `mlflow.run`.
        of_experiment: what became of its experiment.
    """
    run_id, experiment, name, status, start, end, parent = columns
    said = about.get("status", RUNNING)
    if said != RUNNING:
        status, end = said, about.get("end_time", end)
    stage = ACTIVE if not about and of_experiment is BORN else latest_stage(about.get("stage", BORN), of_experiment)
    lost = status == INTERRUPTED
    return Row(
        run_id,
        experiment,
        name or run_id,
        FAILED if lost else status,
        start or 0,
        end,
        parent,
        stage,
        about.get("user", ""),
        lost,
    )
