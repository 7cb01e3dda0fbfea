"""What MLflow's entry points name. It is imported by every process that imports mlflow, so it imports nothing heavy.

`ingest.process` is imported here for its exit hook: hooks run last in, first out, and MLflow's own, which ends the run
that is still active, has to find our queue open. MLflow loads the plugins before it registers that hook.
"""

from typing import TYPE_CHECKING, Any

import ingest.process  # noqa: F401 - see above
from ingest.errors import StoreError

if TYPE_CHECKING:
    from tracker.mlflowstore.store import SteplogStore


def open_store(store_uri: str, artifact_uri: str | None = None) -> "SteplogStore":
    """The store at an address such as steplog://experiments (see address).

    Args:
        artifact_uri: where an MLflow server says that artifacts are asked for, "mlflow-artifacts:/"; anything else
            doesn't matter, as the store keeps its own.

    Raises: MlflowException: the folder can't be used.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_STATE

    from tracker.mlflowstore.store import SteplogStore

    try:
        return SteplogStore(store_uri, artifact_uri)
    except StoreError as error:
        raise MlflowException(str(error), INVALID_STATE) from error


def open_artifacts(artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None) -> Any:
    """The files below steplog://.../artifacts/<run id>/...; of a store's own address, those of all its runs."""
    from tracker.mlflowstore.artifacts import StoreArtifacts

    found: StoreArtifacts = StoreArtifacts(artifact_uri, tracking_uri, registry_uri)
    return found


def open_registry(store_uri: str | None = None, tracking_uri: str | None = None) -> Any:
    """A registry of models, which is empty."""
    from tracker.mlflowstore.registry import NoModels

    return NoModels(store_uri, tracking_uri)
