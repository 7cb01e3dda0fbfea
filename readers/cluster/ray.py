"""Ray: jobs run as tasks of a Ray cluster.

Ray itself does a task again whose worker died, three times. A task for which there is no processor waits for ever, so a
wait that takes long looks at who is there.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self
from urllib.parse import urlsplit

from ingest.errors import ClusterUnavailable
from readers.cluster.engine import TIMEOUT_S, Done, Job, in_order

_INSTALL = "a Ray cluster needs the library ray: pip install ray"
_LOOK_S = 1.0
_A_PROCESSOR, _MOST = 2, 256


class Ray:
    """Runs jobs on the Ray cluster that this process is connected to. Any thread.

    Raises: ValueError: it is connected to none. ImportError: ray isn't installed.
    """

    def __init__(self) -> None:
        self._ray = _ray()
        if not self._ray.is_initialized():
            raise ValueError("Ray isn't connected to a cluster: call ray.init() first, or give its address")

    @classmethod
    def at(cls, address: str | None) -> Self:
        """Connect this process to a cluster, unless it is already.

        Args:
            address: as in "ray://host:10001"; None for the cluster that this machine is part of (RAY_ADDRESS).

        Raises: ClusterUnavailable: nobody answers. ValueError: no such address. ImportError.
        """
        ray = _ray()
        if not ray.is_initialized():
            if address is not None:
                _reach(address)
            try:
                ray.init(address or "auto", log_to_driver=False)
            except (ConnectionError, RuntimeError, OSError) as error:
                raise ClusterUnavailable(f"no Ray cluster at {address or 'this machine'}: {error}") from error
        return cls()

    @property
    def place(self) -> str:
        """Who runs jobs, for people."""
        return "the Ray cluster"

    def map(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        """Run jobs as tasks; see Engine."""
        task = self._ray.remote(function)
        at_once = min(max(2, int(_A_PROCESSOR * self._processors())), _MOST)
        return in_order(jobs, at_once, task.remote, self._result, self._ray.cancel)

    def _result(self, reference: Any) -> Any:
        """Wait for a task, for as long as there is somebody to do it."""
        errors = self._ray.exceptions
        alone_since = None
        while True:
            try:
                return self._ray.get(reference, timeout=_LOOK_S)
            except errors.GetTimeoutError:
                if self._processors():
                    alone_since = None
                elif alone_since is None:
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > TIMEOUT_S:
                    raise ClusterUnavailable(
                        f"{self.place} has had no processor for {TIMEOUT_S:.0f} s; is it running ('ray status')?"
                    ) from None
            except errors.RuntimeEnvSetupError as error:
                raise ClusterUnavailable(f"{self.place} can't start a worker: {error}") from error
            except errors.RayTaskError as error:
                if isinstance(error, ModuleNotFoundError):
                    raise ClusterUnavailable(
                        f"{self.place} can't load a job: {error}; its machines need steplog installed, in the "
                        "same version as here"
                    ) from error
                raise
            except errors.RayError as error:
                raise ClusterUnavailable(f"{self.place} lost a job: {error}; ask again") from error

    def _processors(self) -> float:
        try:
            return float(self._ray.cluster_resources().get("CPU", 0))
        except (ConnectionError, RuntimeError, self._ray.exceptions.RayError) as error:
            raise ClusterUnavailable(f"{self.place} doesn't answer: {error}; is it running ('ray status')?") from error


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ImportError(_INSTALL) from error
    return ray


def _reach(address: str) -> None:
    """See whether anybody listens, as Ray itself tries for minutes. Raises: ClusterUnavailable, ValueError."""
    parts = urlsplit(address)
    if not parts.hostname:
        raise ValueError(f"cluster is {address!r}; of Ray it is 'ray', or as in 'ray://host:10001'")
    try:
        socket.create_connection((parts.hostname, parts.port or 10001), timeout=TIMEOUT_S).close()
    except OSError as error:
        raise ClusterUnavailable(
            f"no Ray cluster at {address}: {error}; is its client server running, and can this machine reach it?"
        ) from error
