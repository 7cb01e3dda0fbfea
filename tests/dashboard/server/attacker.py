"""What an attacker has: sockets, and bytes that no proper client would send."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from readers.dashboard.app import create_app
from readers.dashboard.limits import LimitSettings
from readers.dashboard.server import Dashboard, bind
from readers.dashboard.settings import DashboardSettings

WAIT_S = 10.0


class Reply(NamedTuple):
    """An answer, as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Server(NamedTuple):
    """A running server, attacked over its socket."""

    port: int
    app: Any

    @property
    def authority(self) -> str:
        """Host and port, as a browser would send them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.authority}"

    @property
    def token(self) -> str:
        """What its own pages send with changes."""
        return str(self.app.state.session_token)

    def connect(self) -> socket.socket:
        """A connection without a request."""
        return socket.create_connection(("127.0.0.1", self.port), WAIT_S)

    def raw(self, request: bytes) -> Reply:
        """The answer to these very bytes; the server must close, or the reading ends in an error."""
        with self.connect() as connection:
            connection.sendall(request)
            return received(connection)

    def ask(self, method: str = "GET", target: str = "/api/session", body: bytes = b"", **headers: str | None) -> Reply:
        """The answer to a request with these headers: underscores for dashes; None leaves one out."""
        given: dict[str, str | None] = {"host": self.authority, "connection": "close"}
        if body:
            given["content-length"] = str(len(body))
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
        return self.raw(head.encode("latin-1") + body)

    def change(self, target: str, body: object, **headers: str | None) -> Reply:
        """The answer to a change, as our own page would ask for it."""
        ours = {"content_type": "application/json", "x_steplog_token": self.token, "origin": self.url}
        return self.ask("POST", target, json.dumps(body).encode(), **{**ours, **headers})


def received(connection: socket.socket) -> Reply:
    """Read until the other side closes."""
    data = b""
    try:
        while part := connection.recv(1 << 16):
            data += part
    except ConnectionResetError:  # closed while we were still sending; what came before counts
        pass
    head, _, body = data.partition(b"\r\n\r\n")
    if not head:
        return Reply(0, {}, b"")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = _joined(body)
    return Reply(int(lines[0].split()[1]), headers, body)


@contextmanager
def serving(settings: DashboardSettings, *, limits: LimitSettings | None = None, app: Any = None) -> Iterator[Server]:
    """A server in a thread of this process, on a free port."""
    ready = threading.Event()
    with bind(settings) as bound:
        application = app or create_app(settings, limits=limits)
        dashboard = Dashboard(settings, bound, on_ready=ready.set, app=application)
        thread = threading.Thread(target=dashboard.run, kwargs={"hard_end": False})
        thread.start()
        try:
            assert ready.wait(WAIT_S)
            yield Server(bound.getsockname()[1], application)
        finally:
            dashboard.end()
            thread.join(WAIT_S)
            assert not thread.is_alive()


def _joined(chunked: bytes) -> bytes:
    parts, rest = [], chunked
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        parts.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(parts)
