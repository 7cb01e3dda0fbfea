"""MLflow's own database store beside ours: the same calls to both, and the same answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

OF_THE_CALLER = ("mlflow.user", "mlflow.source.name", "mlflow.source.type")


class Both(NamedTuple):
    """A client of our store and one of MLflow's, and a prefix that no other test's experiments have."""

    ours: Any
    theirs: Any
    prefix: str

    def answer(self, calls: Callable[[Any], Any]) -> Any:
        """What the calls give, which is the same from both."""
        ours, theirs = calls(self.ours), calls(self.theirs)
        assert ours == theirs
        return ours


def clients(root: Path, database: Path, prefix: str) -> Both:
    """Clients of a store that is made at `root`, and of a database."""
    from mlflow import MlflowClient

    return Both(MlflowClient(f"steplog://{root}"), MlflowClient(f"sqlite:///{database}"), prefix)


def told(run: Any) -> dict[str, Any]:
    """What is to be the same of a run in both stores."""
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "stage": run.info.lifecycle_stage,
        "times": (run.info.start_time, run.info.end_time),
        "params": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key not in OF_THE_CALLER},
        "metrics": {key: repr(value) for key, value in run.data.metrics.items()},
        "inputs": [each.to_dictionary() for each in run.inputs.dataset_inputs],
    }


def refusal(call: Callable[[], Any]) -> str:
    """The code of MLflow's error that a call ends in."""
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as caught:
        call()
    return str(caught.value.error_code)
