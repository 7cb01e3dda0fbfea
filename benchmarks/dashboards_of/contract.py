"""What `dashboard` asks of a tool."""

import http.client
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.peers.contract import Installed

if TYPE_CHECKING:
    from benchmarks.dashboard_jobs import LongRun

QUESTIONS = {
    "table": "all runs with their params and last metrics",
    "chart": "one metric of all runs, as their page draws it",
}
"""The questions, asked of stores of many short runs and of few long ones."""

Told = dict[str, Any]


class Client:
    """One browser's connection to a server; counts what goes over it."""

    def __init__(self, port: int, timeout_s: float) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        self.headers: dict[str, str] = {}
        """Sent with every request."""
        self.requests = 0
        self.bytes = 0
        self.longest_s = 0.0

    def get(self, path: str) -> bytes:
        """The body of an answer."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: object) -> bytes:
        """The body of an answer to a JSON body."""
        return self._ask("POST", path, json.dumps(body).encode())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        kind = {"Content-Type": "application/json"} if body is not None else {}
        began = time.monotonic()
        self._connection.request(method, path, body, {**self.headers, **kind})
        answer = self._connection.getresponse()
        data = answer.read()
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        self.requests += 1
        self.bytes += len(data)
        if answer.status != 200:
            raise OSError(f"{method} {path[:80]}: {answer.status} {data[:200]!r}")
        return data


class Served(Installed, Protocol):
    """One tool's own server over a store that `queries` or `log_long` filled."""

    def log_long(self, folder: Path, runs: "Iterable[LongRun]") -> list[str]:
        """Log long runs of one metric to an empty folder; their ids, in order. In the tool's environment."""

    def command(self, folder: Path, port: int) -> list[str]:
        """What follows the interpreter to serve the store on loopback."""

    def ready(self, client: Client, metric: str, run_ids: Sequence[str]) -> None:
        """Return once the server has the store's runs. Raises: OSError, ValueError, KeyError: not yet."""

    def ask(self, client: Client, question: str, metric: str, run_ids: Sequence[str]) -> list[bytes]:
        """The bodies of all the requests that it takes."""

    def told(self, question: str, metric: str, answer: list[bytes]) -> Told:
        """What came: runs; for a chart also points, and the highest value of all."""
