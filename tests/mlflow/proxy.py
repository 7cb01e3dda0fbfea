"""A proxy on loopback before a real server: loses answers, cuts them in half, resets, delays, and answers rubbish."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

ANSWERS = {
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
    "html": b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html>login</>",
    "wrong json": b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{"run":1}',
    "bytes": b"\x00\xff\x13 garbage\r\n\r\n",
    "401": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}
FAULTS = (*ANSWERS, "reset", "half", "lost", "late", "refused")
DELAY_S = 0.03


class Proxy:
    """Hands one request a connection on to a server, or does what `fault` says of it (None: nothing).

    Beside FAULTS there are "delayed", DELAY_S late, and "silent": the answer never comes, until who asked has gone.
    """

    def __init__(self, to: str) -> None:
        parts = urlsplit(to)
        self._to = (parts.hostname, parts.port)
        self.fault: Callable[[bytes], str | None] = lambda _request: None
        self.answers = {**ANSWERS}
        self.late: list[bytes] = []
        self.met: list[str] = []
        self.requests: list[bytes] = []
        self.at_s: list[float] = []
        """When they came, of time.monotonic."""
        self._closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client, suppress(ConnectionError):
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        request = _message(client)
        if not request:
            return
        self.at_s.append(time.monotonic())
        self.requests.append(request)
        fault = self.fault(request)
        self.met += [fault] if fault else []
        if fault in self.answers:
            client.sendall(self.answers[fault])
            return
        if fault in {"reset", "late"}:
            self.late += [request] if fault == "late" else []
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        answer = self._asked(request)
        if fault == "refused":
            return
        if fault == "silent":
            client.recv(1)
            return
        if fault == "delayed":
            self._closing.wait(DELAY_S)
        if fault == "lost":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            client.sendall(answer[: len(answer) // 2] if fault == "half" else answer)
        while self.late:  # what was held back arrives when it is expected no more
            self._asked(self.late.pop())

    def _asked(self, request: bytes) -> bytes:
        with socket.create_connection(self._to) as server:
            server.sendall(request.replace(b"keep-alive", b"close", 1))
            return b"".join(iter(lambda: server.recv(1 << 16), b""))


def _message(connection: socket.socket) -> bytes:
    """A whole request."""
    found = b""
    while b"\r\n\r\n" not in found:
        more = connection.recv(1 << 16)
        if not more:
            return b""
        found += more
    head, _, body = found.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = (int(lengths[0].split(b":")[1]) if lengths else 0) - len(body)
    while missing > 0:
        more = connection.recv(min(missing, 1 << 16))
        found, missing = found + more, missing - len(more)
    return found
