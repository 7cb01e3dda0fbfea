"""Clients of the object storage library: one for each kind of request, with the time-outs that fit it.

Every request ends in time: `timeout_s` for small ones; what sends many bytes gets, on top, the time that they take at
`SLOWEST` bytes a second; what fetches goes on as long as bytes come, with no pause longer than `timeout_s`. A request
is repeated `retries` times within `retry_s`.

A forked child can't use its parent's connections, nor make its own in the same library: it gets a clear error.
"""

import os
import threading
from datetime import timedelta
from typing import Any

from ingest.errors import ObjectsUnavailable
from ingest.objects.address import Address
from ingest.objects.credentials import connect

SLOWEST = 128 * 1024
"""Bytes a second; a connection slower than that is given up."""
CHUNK_BYTES = 8 * 1024 * 1024
"""Of a large file that goes up in parts."""
AT_ONCE = 2
"""Chunks of one file that are on their way at once."""
_LONGEST_FETCH_S = 3600.0
_IDLE_S = 10.0  # servers close idle connections after some 20 s: a request on such a one fails

_user: int | None = None  # the process whose threads the client library has


class Clients:
    """The clients of one address, each made when first needed. Any thread."""

    def __init__(
        self, address: Address, timeout_s: float, connect_timeout_s: float, retries: int, retry_s: float
    ) -> None:
        self._address = address
        self._timeouts = timeout_s, min(connect_timeout_s, timeout_s)
        self._retry = {"max_retries": retries, "retry_timeout": timedelta(seconds=retry_s)}
        self._lock = threading.Lock()
        self._made: dict[tuple[str, int], Any] = {}

    @property
    def small(self) -> Any:
        """For requests of few bytes."""
        return self._client("small", 0)

    @property
    def fetch(self) -> Any:
        """For what comes here."""
        return self._client("fetch", 0)

    def sending(self, chunk: int = CHUNK_BYTES) -> Any:
        """For what goes out in pieces of `chunk` bytes, `AT_ONCE` at a time."""
        return self._client("send", chunk)

    def forget(self) -> None:
        """Make new ones at the next request, and look for credentials anew."""
        with self._lock:
            self._made.clear()

    def _client(self, kind: str, chunk: int) -> Any:
        _check_process(self._address)
        with self._lock:
            if (kind, chunk) not in self._made:
                timeout_s, connect_s = self._timeouts
                whole_s = _LONGEST_FETCH_S if kind == "fetch" else timeout_s + AT_ONCE * chunk / SLOWEST
                options = {"timeout": timedelta(seconds=whole_s), "connect_timeout": timedelta(seconds=connect_s)}
                options["pool_idle_timeout"] = timedelta(seconds=_IDLE_S)
                if kind == "fetch":
                    options["read_timeout"] = timedelta(seconds=timeout_s)
                self._made[kind, chunk] = connect(self._address, options, self._retry)
            return self._made[kind, chunk]


def _check_process(address: Address) -> None:
    global _user  # noqa: PLW0603 - the library has one set of threads a process
    if _user is None:
        _user = os.getpid()
    elif _user != os.getpid():
        message = (
            f"{address.shown}: this process was forked from one that uses object storage, whose connections don't "
            "survive that; start it by spawn: multiprocessing.get_context('spawn')"
        )
        raise ObjectsUnavailable(message, transient=False)
