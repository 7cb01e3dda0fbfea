"""Engine: who runs the jobs of a query; found by what a user hands in as `cluster=`."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Protocol, TypeVar, runtime_checkable

Job = TypeVar("Job")
Done = TypeVar("Done")

TIMEOUT_S = 10.0
"""How long a cluster may be silent, or without a worker, before it counts as gone."""
_DASK = ("tcp", "tls", "ws", "wss", "ucx", "inproc")
_TAKEN = (
    "give the address of a Dask scheduler ('tcp://host:8786', 'tls://host:8786'), a distributed.Client or cluster, "
    "the module ray after ray.init(), or 'ray://host:10001'"
)


@runtime_checkable
class Engine(Protocol):
    """Runs jobs, on whichever machines."""

    @property
    def place(self) -> str:
        """Who runs them, for people: "the Dask cluster at tcp://…"."""

    def map(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        """What the function gives for each job, in the order of the jobs.

        Jobs are taken from `jobs` only as fast as results are; few more are under way at any time than can run at
        once. A job whose worker is lost is done again by another. What is under way when the iterator is closed is
        called off.

        Args:
            function: of a module, as it travels by its name; it may be called twice for a job.

        Raises: ClusterUnavailable: nobody is left to do them. What the function raises.
        """


def in_order(
    jobs: Iterable[Job],
    at_once: int,
    send: Callable[[Job], Any],
    result: Callable[[Any], Done],
    call_off: Callable[[Any], object],
) -> Iterator[Done]:
    """The results of jobs in their order, with so many under way at once; when it is closed, these are called off.

    Args:
        send: begins a job; what it gives stands for it with the others.
        result: waits for it.
    """
    coming = iter(jobs)
    under_way: deque[Any] = deque()
    try:
        while True:
            for job in coming:
                under_way.append(send(job))
                if len(under_way) >= at_once:
                    break
            if not under_way:
                return
            yield result(under_way.popleft())
    finally:
        for sent in under_way:
            call_off(sent)


class Here:
    """This process: each job is done when its result is asked for."""

    @property
    def place(self) -> str:
        """Who runs jobs, for people."""
        return "this process"

    def map(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        """Do one job after the other; see Engine."""
        return map(function, jobs)


def engine_of(cluster: object) -> Engine:
    """The engine behind what a user gave; it is there when this returns.

    Args:
        cluster: an address, as text: tcp://, tls:// and the like of a Dask scheduler, "ray" of the Ray cluster that
            this machine is part of, "ray://host:port" of another, "here" for this process. Or a distributed.Client
            or one of its clusters, or the module `ray` after ray.init(). Or an Engine.

    Raises: ClusterUnavailable: nobody answers within 10 s. ValueError: no such address, or a client that can't be
        asked. TypeError: something else. ImportError: the library isn't installed, with the command that does.
    """
    if isinstance(cluster, str):
        return _of_address(cluster.strip())
    if isinstance(cluster, ModuleType) and cluster.__name__ == "ray":
        from readers.cluster.ray import Ray

        return Ray()
    if any(kind.__module__.partition(".")[0] == "distributed" for kind in type(cluster).__mro__):
        from readers.cluster.dask import Dask

        return Dask.of(cluster)
    if isinstance(cluster, Engine) and not isinstance(cluster, type):
        return cluster
    raise TypeError(f"cluster is {cluster!r}, and nobody who runs jobs: {_TAKEN}")


def _of_address(address: str) -> Engine:
    scheme, mark, rest = address.lower().partition("://")
    if scheme == "here" and not mark:
        return Here()
    if scheme == "ray" and (rest or not mark):
        from readers.cluster.ray import Ray

        return Ray.at(address if mark else None)
    if scheme in _DASK and rest:
        from readers.cluster.dask import Dask

        return Dask.at(address)
    raise ValueError(f"cluster is {address!r}, and no address of one: {_TAKEN}")
