"""Every error this project raises on its own account, as one tree.

    TrackerError
    ├── StoreError
    │   ├── StoreUnavailable     the store's folder can't be made, read or written
    │   │   ├── ObjectsUnavailable   object storage doesn't answer, or not as asked
    │   │   └── Busy                 another process uploads this store already
    │   ├── FormatTooNew         the store was written by a newer version of this project
    │   └── SegmentCorrupt       a file of the store isn't what was written
    ├── LookupFailed             (also a LookupError)
    │   ├── ExperimentNotFound
    │   ├── RunNotFound
    │   ├── MetricNotFound
    │   ├── ArtifactNotFound
    │   ├── ModelNotFound
    │   └── CheckpointNotFound
    ├── RunStateError            (also a RuntimeError)
    │   ├── NoActiveRun          something was logged before start_run or after end_run
    │   └── WriterClosed         something was logged after close
    ├── PipelineError
    │   ├── QueueFull            back-pressure, where the user chose policy "raise"
    │   └── SinkFailed           the background writer failed, where the user chose strict=True
    ├── ForwardingError          nothing can be sent to an MLflow server as asked
    ├── ServerUnavailable        an MLflow server that is to be read doesn't answer, or not as one
    ├── ClusterUnavailable       the cluster that is to read doesn't answer, or can't
    ├── ImportFailed             runs of another tracker can't be read or taken over
    └── ModelError
        ├── ModelNotSerializable
        ├── CheckpointNotSerializable
        ├── ModelInUse           a version that is to be deleted is one that an alias means
        └── UntrustedModel       loading would run code; say trust=True if you trust the file

Misuse of an argument is ValueError or TypeError. A message says what was asked, what is there, and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self

_LONGEST_NAME = 60


class TrackerError(Exception):
    """Base of everything below."""


class StoreError(TrackerError):
    """The store on disk can't be used as asked."""


class StoreUnavailable(StoreError):
    """The store's folder can't be made, read or written."""


class ObjectsUnavailable(StoreUnavailable):
    """Object storage doesn't answer, or refuses: wrong credentials, no such bucket, no permission."""

    def __init__(self, message: str, *, transient: bool = True) -> None:
        super().__init__(message)
        self.transient = transient
        """Whether trying again may help by itself; False where a person has to change something."""


class Busy(StoreUnavailable):
    """Another process uploads this store; what is logged here it uploads, too."""


class FormatTooNew(StoreError):
    """The store was written by a newer version; reading it might misread it."""


class SegmentCorrupt(StoreError):
    """A file of the store isn't what was written; it is reported and left out."""


class LookupFailed(TrackerError, LookupError):
    """What was asked for by name isn't there."""

    @classmethod
    def among(cls, what: str, asked: str, there: Iterable[str], hint: str = "") -> Self:
        """Build the message: what was asked, the nearest names, what is there; long names are cut in the middle."""
        names = list(there)
        near = get_close_matches(asked, names, n=3)
        have = ", ".join(map(_cut, names[:20])) + (f", and {len(names) - 20} more" if len(names) > 20 else "")
        if near:
            told = f"did you mean {' or '.join(repr(_cut(name)) for name in near)}? What there is: {have}"
        else:
            told = f"there is: {have}" if names else f"there is no {what} at all"
        return cls(f"no {what} {asked!r}; {told}" + (f"; {hint}" if hint else ""))


class ExperimentNotFound(LookupFailed):
    """No run of that experiment is in the store."""


class RunNotFound(LookupFailed):
    """No run with that id is in the store."""


class MetricNotFound(LookupFailed):
    """The runs have no metric of that name."""


class ArtifactNotFound(LookupFailed):
    """The run has no artifact under that path."""


class ModelNotFound(LookupFailed):
    """No model of that name, or no such version or alias."""


class CheckpointNotFound(LookupFailed):
    """The run has no checkpoint, or not that one."""


class RunStateError(TrackerError, RuntimeError):
    """The call doesn't fit the run's state."""


class NoActiveRun(RunStateError):
    """Something was logged before start_run or after end_run."""


class WriterClosed(RunStateError):
    """Something was logged after the tracker was closed."""


class PipelineError(TrackerError):
    """The way from a log call to a file is blocked."""


class QueueFull(PipelineError):
    """The queue is at its limit and the policy is "raise"."""


class SinkFailed(PipelineError):
    """The background writer failed and the user chose strict=True; the cause is chained."""


class ModelError(TrackerError):
    """A model or checkpoint can't be saved or loaded as asked."""


class ModelNotSerializable(ModelError):
    """No format could hold the model; the run goes on."""


class CheckpointNotSerializable(ModelError):
    """A part of the state can't be saved in any form; the run goes on."""


class ModelInUse(ModelError):
    """The version isn't deleted, as an alias means it."""


class UntrustedModel(ModelError):
    """Loading the file would run code from it, and trust=True was not given."""


class ServerUnavailable(TrackerError):
    """An MLflow server that is to be read doesn't answer, or not as such a server does."""


class ClusterUnavailable(TrackerError):
    """The cluster that is to read a store doesn't answer, lost its workers, or has another version of steplog."""


class ImportFailed(TrackerError):
    """Runs of another tracker can't be read as asked, or not be taken over into the store."""


class ForwardingError(TrackerError):
    """Nothing can be forwarded as asked: no server named, no MLflow installed, another forwarder at work."""


class DashboardError(TrackerError):
    """The dashboard can't be started as asked, or didn't stay up."""


class PortTaken(DashboardError):
    """Something else listens on the port."""


def _cut(name: str) -> str:
    """A name that a line has room for: both its ends, as of many names only the last part differs."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 23]}...{name[-20:]}"
