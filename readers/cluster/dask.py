"""Dask: jobs run by the workers of a Dask cluster (the library `distributed`).

Dask itself does a job again whose worker was lost, and one whose result was lost with its worker. It doesn't say that
nobody is left: a job without a worker waits for ever. So a wait that takes long asks the scheduler who is there.

Results stay with the workers until they are asked for, so the asker holds one at a time.
"""

import pickle
import secrets
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from typing import Any, Self

from ingest.errors import ClusterUnavailable
from readers.cluster.engine import TIMEOUT_S, Done, Job, in_order

_INSTALL = "a Dask cluster needs the library distributed: pip install 'steplog[distributed]'"
_CLOSED = ("closed", "closing")
_LOOK_S = 1.0
_TRANSFER_S = 30.0
"""For a result to come, the first time; it is some tens of megabytes at most."""
_A_THREAD, _MOST = 2, 256
"""Jobs under way for each thread of the workers, so that none waits for its next; and in all."""


class Dask:
    """Runs jobs on the workers of a Dask cluster. Any thread.

    Args:
        client: a connected, synchronous distributed.Client; whoever made it closes it.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._address = getattr(client.scheduler, "address", "an unknown address")

    @classmethod
    def at(cls, address: object) -> Self:
        """Connect to a scheduler, by its address or the cluster that it belongs to, for as long as this is used.

        TLS, time-outs and whatever else a connection needs are taken from Dask's own configuration.

        Raises: ClusterUnavailable: nobody answers. ImportError: distributed isn't installed.
        """
        try:
            client = _distributed().Client(address, timeout=TIMEOUT_S, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            raise ClusterUnavailable(
                f"no Dask scheduler at {address} within {TIMEOUT_S:.0f} s: {error}; is it running ('dask scheduler'), "
                "and can this machine reach it?"
            ) from error
        engine = cls(client)
        weakref.finalize(engine, client.close)
        return engine

    @classmethod
    def of(cls, given: object) -> Self:
        """A client, or a cluster that can be connected to, such as a LocalCluster.

        Raises: ValueError: the client is closed, or asynchronous. TypeError: something else. ClusterUnavailable.
        """
        distributed = _distributed()
        if isinstance(given, distributed.deploy.Cluster):
            return cls.at(given)
        if not isinstance(given, distributed.Client):
            raise TypeError(f"cluster is {given!r}; of Dask give a distributed.Client, a cluster, or its address")
        if getattr(given, "_asynchronous", False) or given.asynchronous:
            raise ValueError(
                "the client is asynchronous, and answers here aren't: give Client(address), or the address"
            )
        if given.status in _CLOSED:
            raise ValueError("the client is closed; give one that is connected, or the scheduler's address")
        return cls(given)

    @property
    def place(self) -> str:
        """Who runs jobs, for people."""
        return f"the Dask cluster at {self._address}"

    def map(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        """Run jobs on the workers; see Engine."""
        return in_order(
            jobs, self._at_once(), partial(self._submitted, function), self._result, lambda future: future.cancel()
        )

    def _submitted(self, function: Callable[[Job], Done], job: Job) -> Any:
        """A job on its way: only the worker that does it loads what we send; a scheduler needn't have steplog."""
        from cloudpickle import dumps

        key = f"{function.__name__}-{secrets.token_hex(8)}"  # what Dask's dashboard shows
        return self._client.submit(pickle.loads, dumps(_Call(function, job)), key=key, pure=False)

    def _at_once(self) -> int:
        return min(max(2, _A_THREAD * sum(self._threads().values())), _MOST)

    def _result(self, future: Any) -> Any:
        """Wait for a job, for as long as there is somebody to do it."""
        alone_since = None
        transfer_s = _TRANSFER_S
        while True:
            try:
                with self._client.as_current():
                    _distributed().wait([future], timeout=_LOOK_S)
                return future.result(timeout=transfer_s)
            except TimeoutError:
                if future.status == "error":
                    raise
                if future.status == "finished":  # it is on its way here, over a slow network or a dead one
                    transfer_s *= 2
                if self._threads():
                    alone_since = None
                elif alone_since is None:
                    alone_since = time.monotonic()
                elif time.monotonic() - alone_since > TIMEOUT_S:
                    raise ClusterUnavailable(
                        f"{self.place} has had no worker for {TIMEOUT_S:.0f} s: all were lost, or none has come yet; "
                        "start some ('dask worker'), or wait for them by client.wait_for_workers(), and ask again"
                    ) from None
            except CancelledError as error:
                raise ClusterUnavailable(
                    f"{self.place} dropped a job: its scheduler is gone, or somebody cancelled it; ask again"
                ) from error
            except Exception as error:
                raise _in_words(error, self.place) from error

    def _threads(self) -> dict[str, int]:
        """The workers' threads. Raises: ClusterUnavailable: the scheduler doesn't answer."""
        try:
            found: dict[str, int] = self._client.sync(self._client.scheduler.ncores, callback_timeout=TIMEOUT_S)
        except (OSError, TypeError, AttributeError, RuntimeError) as error:  # also of a client that was closed
            closed = self._client.status in _CLOSED
            why = "the client was closed" if closed else f"{str(error) or type(error).__name__}; is it running?"
            raise ClusterUnavailable(f"{self.place} doesn't answer: {why}") from error
        return found


class _Call:
    """A call in the form of a pickle: who loads it makes it."""

    def __init__(self, function: Callable[[Job], Done], job: Job) -> None:
        self._call = function, (job,)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise ImportError(_INSTALL) from error
    return distributed


def _in_words(error: Exception, place: str) -> Exception:
    """What Dask raises for a job, as one of our errors; the job's own errors as they are."""
    if isinstance(error, _distributed().KilledWorker):
        return ClusterUnavailable(
            f"{place} lost a job with each of several workers, likely for want of memory: {error}"
        )
    if isinstance(error, ModuleNotFoundError) or "deserializ" in str(error):
        said = str(error).partition("\n")[0]
        return ClusterUnavailable(
            f"{place} can't load a job: {said}; its workers need steplog installed, in the same version as here"
        )
    return error
