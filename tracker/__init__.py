"""An experiment tracker: the public names. Each is imported when first asked for: `import tracker` is light."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.errors import (
        ArtifactNotFound,
        Busy,
        CheckpointNotFound,
        CheckpointNotSerializable,
        ClusterUnavailable,
        DashboardError,
        ExperimentNotFound,
        FormatTooNew,
        ForwardingError,
        ImportFailed,
        LookupFailed,
        MetricNotFound,
        ModelError,
        ModelInUse,
        ModelNotFound,
        ModelNotSerializable,
        NoActiveRun,
        ObjectsUnavailable,
        PipelineError,
        PortTaken,
        QueueFull,
        RunNotFound,
        RunStateError,
        SegmentCorrupt,
        ServerUnavailable,
        SinkFailed,
        StoreError,
        StoreUnavailable,
        TrackerError,
        UntrustedModel,
        WriterClosed,
    )
    from ingest.settings import PipelineSettings
    from ingest.stats import Stats
    from readers.analyzer import HyperparameterAnalyzer
    from readers.checkpoints import Checkpoint
    from readers.compare import ExperimentComparator
    from readers.comparison import Comparison
    from readers.differences import Differences
    from readers.follow import follow, follow_sync
    from readers.mlflow.source import MLflowSource
    from tracker.automl.search import Search
    from tracker.automl.tracker import AutoMLTracker
    from tracker.automl.trial import Trial
    from tracker.experiment import ExperimentTracker
    from tracker.models import ModelVersion
    from tracker.realtime import RealTimeTracker
    from tracker.run import RunId
    from tracker.training.engine import MLTrainingEngine

_HOMES = {
    "AutoMLTracker": "tracker.automl.tracker",
    "Checkpoint": "readers.checkpoints",
    "Comparison": "readers.comparison",
    "Differences": "readers.differences",
    "ExperimentComparator": "readers.compare",
    "ExperimentTracker": "tracker.experiment",
    "HyperparameterAnalyzer": "readers.analyzer",
    "MLTrainingEngine": "tracker.training.engine",
    "MLflowSource": "readers.mlflow.source",
    "ModelVersion": "tracker.models",
    "PipelineSettings": "ingest.settings",
    "RealTimeTracker": "tracker.realtime",
    "RunId": "tracker.run",
    "Search": "tracker.automl.search",
    "Stats": "ingest.stats",
    "Trial": "tracker.automl.trial",
    "follow": "readers.follow",
    "follow_sync": "readers.follow",
}
_ERRORS = {
    "ArtifactNotFound",
    "Busy",
    "CheckpointNotFound",
    "CheckpointNotSerializable",
    "ClusterUnavailable",
    "DashboardError",
    "ExperimentNotFound",
    "FormatTooNew",
    "ForwardingError",
    "ImportFailed",
    "LookupFailed",
    "MetricNotFound",
    "ModelError",
    "ModelInUse",
    "ModelNotFound",
    "ModelNotSerializable",
    "NoActiveRun",
    "ObjectsUnavailable",
    "PipelineError",
    "PortTaken",
    "QueueFull",
    "RunNotFound",
    "RunStateError",
    "SegmentCorrupt",
    "ServerUnavailable",
    "SinkFailed",
    "StoreError",
    "StoreUnavailable",
    "TrackerError",
    "UntrustedModel",
    "WriterClosed",
}

__all__ = [
    "ArtifactNotFound",
    "AutoMLTracker",
    "Busy",
    "Checkpoint",
    "CheckpointNotFound",
    "CheckpointNotSerializable",
    "ClusterUnavailable",
    "Comparison",
    "DashboardError",
    "Differences",
    "ExperimentComparator",
    "ExperimentNotFound",
    "ExperimentTracker",
    "FormatTooNew",
    "ForwardingError",
    "HyperparameterAnalyzer",
    "ImportFailed",
    "LookupFailed",
    "MLTrainingEngine",
    "MLflowSource",
    "MetricNotFound",
    "ModelError",
    "ModelInUse",
    "ModelNotFound",
    "ModelNotSerializable",
    "ModelVersion",
    "NoActiveRun",
    "ObjectsUnavailable",
    "PipelineError",
    "PipelineSettings",
    "PortTaken",
    "QueueFull",
    "RealTimeTracker",
    "RunId",
    "RunNotFound",
    "RunStateError",
    "Search",
    "SegmentCorrupt",
    "ServerUnavailable",
    "SinkFailed",
    "Stats",
    "StoreError",
    "StoreUnavailable",
    "TrackerError",
    "Trial",
    "UntrustedModel",
    "WriterClosed",
    "follow",
    "follow_sync",
]


def __getattr__(name: str) -> Any:
    home = "ingest.errors" if name in _ERRORS else _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tracker' has no attribute {name!r}; it has: {', '.join(__all__)}")
    found = getattr(importlib.import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
