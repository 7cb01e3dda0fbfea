"""The registry of models at a steplog:// address: it is empty, and takes nothing.

MLflow's pages ask a registry about every run they show. A registry is another thing than a store of runs, and MLflow
lets it be elsewhere.
"""

from collections.abc import Sequence
from typing import Any

from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore

from tracker.mlflowstore.refused import refuse_the_rest


@refuse_the_rest
class NoModels(AbstractStore):  # type: ignore[misc] # MLflow's types are partial
    """A registry without models."""

    def search_registered_models(self, *_: Any, **__: Any) -> PagedList:
        """None."""
        return PagedList([], None)

    def search_model_versions(self, *_: Any, **__: Any) -> PagedList:
        """None."""
        return PagedList([], None)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[Any]:  # noqa: ARG002
        """None."""
        return []
