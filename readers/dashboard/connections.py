"""Connections: uvicorn's protocols with limits of time and number, so that slow or many visitors can't hold the server.

What uvicorn lacks: a limit on how long a request's head may take (slowloris), and on how long a visitor may take to
read an answer; its own answers to what isn't HTTP don't carry our headers. The parser is h11, whatever else is
installed: it refuses what is ambiguous (two Host headers, two lengths, folded lines), and limits the head's size.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response

from readers.dashboard.headers import HEADERS

HEAD_S = 10.0
"""From the first byte (or the connection's begin) to the end of a request's headers."""
READ_S = 30.0
"""How long a visitor's side may take no bytes of an answer that wait for it."""
MOST_CONNECTIONS = 256
HEAD_BYTES = 64 << 10
"""A link may name hundreds of runs."""


class Deadline:
    """Something that will happen, unless it is called off before."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def set(self, after_s: float, do: Callable[[], None]) -> None:
        """Let it happen then; one that runs already is left as it is."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(after_s, do)

    def call_off(self) -> None:
        """Let it not happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpConnection(H11Protocol):
    """One visitor's connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head, self._reading = Deadline(), Deadline()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.write(_raw(503, b"Service Unavailable", "The dashboard has too many visitors."))
            transport.close()
            return
        self._head.set(HEAD_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._head.call_off()
        self._reading.call_off()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Go on with what has come; a head that has begun must end in time."""
        super().handle_events()
        if self.transport.get_protocol() is not self or self.conn.their_state is not h11.IDLE:
            self._head.call_off()
        elif self.conn.trailing_data[0]:
            self._head.set(HEAD_S, self._too_slow)

    def send_400_response(self, msg: str) -> None:
        """Answer what isn't HTTP."""
        del msg
        self.transport.write(_raw(400, b"Bad Request", "This is no request that the dashboard understands."))
        self.transport.close()

    def pause_writing(self) -> None:
        """The visitor reads slower than we write."""
        super().pause_writing()
        self._reading.set(READ_S, partial(_reset, self.transport))

    def resume_writing(self) -> None:
        """The visitor has caught up."""
        super().resume_writing()
        self._reading.call_off()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also one whose other side doesn't take the last bytes."""
        super().timeout_keep_alive_handler()
        self._reading.set(READ_S, partial(_reset, self.transport))

    def _too_slow(self) -> None:
        self.transport.write(_raw(408, b"Request Timeout", "The request took too long to arrive."))
        self.transport.close()
        self._reading.set(READ_S, partial(_reset, self.transport))


class SocketConnection(WebSocketsSansIOProtocol):
    """One visitor's live connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reading = Deadline()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it; whatever is refused on the way to a live connection has our headers too."""
        super().connection_made(transport)
        accept, reject = self.conn.accept, self.conn.reject
        self.conn.accept = lambda request: _headed(accept(request))  # type: ignore[method-assign]
        self.conn.reject = lambda status, text: _headed(reject(status, text))  # type: ignore[method-assign]

    async def send(self, message: Any) -> None:
        """Send it. A refusal ends the handshake: uvicorn would log an error for each, which any page could cause."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def pause_writing(self) -> None:
        """The visitor reads slower than we write."""
        super().pause_writing()
        self._reading.set(READ_S, partial(_reset, self.transport))

    def resume_writing(self) -> None:
        """The visitor has caught up."""
        super().resume_writing()
        self._reading.call_off()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._reading.call_off()
        super().connection_lost(exc)


def _reset(transport: asyncio.Transport) -> None:
    """End a connection and let go of what wasn't sent, in the kernel too."""
    opened = transport.get_extra_info("socket")
    if opened is not None and opened.fileno() >= 0:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _headed(response: Response) -> Response:
    if response.status_code != 101:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response


def _raw(status: int, phrase: bytes, words: str) -> bytes:
    """An answer without an application: the visitor hasn't come that far."""
    body = json.dumps({"error": words, "hint": ""}).encode()
    head: list[tuple[bytes, bytes]] = [
        *((name.encode(), value.encode()) for name, value in HEADERS.items()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    return b"HTTP/1.1 %d %s\r\n" % (status, phrase) + b"".join(b"%s: %s\r\n" % pair for pair in head) + b"\r\n" + body
