"""A browser's questions to the read API, without a server: the application is called as a server calls it."""

import json
import struct
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx
import numpy as np
from starlette.applications import Starlette

from readers.dashboard.routes import api_routes
from readers.store import Store


class Site:
    """The read API over a store."""

    def __init__(self, root: Path) -> None:
        self.app = Starlette(routes=api_routes(Store(root)))

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer to one request."""
        return anyio.run(partial(self._send, method, path, **request))

    def get(self, path: str, headers: dict[str, str] | None = None, **params: str) -> httpx.Response:
        """The answer to a question in an address."""
        return self.send("GET", path, params=params, headers=headers)

    def post(self, path: str, **body: Any) -> httpx.Response:
        """The answer to a question in a body."""
        return self.send("POST", path, json=body)

    def told(self, path: str, **params: str) -> Any:
        """What a good answer says."""
        answer = self.send("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def asked(self, path: str, **body: Any) -> Any:
        """What a good answer to a body says."""
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def chart(self, runs: list[str], key: str, **more: Any) -> "Chart":
        """A series, asked for until it is whole."""
        while True:
            answer = self.post("/api/series", runs=runs, key=key, **more)
            assert answer.status_code == 200, answer.text
            found = read_chart(answer.content)
            if not found.header["partial"]:
                return found

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://localhost") as client:
            return await client.request(method, path, **request)


class Chart(NamedTuple):
    """A series, unpacked."""

    header: dict[str, Any]
    runs: dict[str, list[list[float]]]
    """By run: [x, y] when raw, else [min, max, last, nan]."""


def read_chart(body: bytes) -> Chart:
    """Unpack it as a browser does."""
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    assert (4 + length) % 8 == 0
    numbers = np.frombuffer(body, "<f8", offset=4 + length)
    runs = {}
    for run in header["runs"]:
        arrays = 2 if run["raw"] else 4
        part = numbers[run["at"] : run["at"] + arrays * run["n"]]
        runs[run["run_id"]] = part.reshape(arrays, run["n"]).tolist()
    return Chart(header, runs)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """(status, all of its words) of an answer that refuses."""
    told = answer.json()
    assert set(told) == {"error", "hint"}
    return answer.status_code, f"{told['error']} {told['hint']}"
