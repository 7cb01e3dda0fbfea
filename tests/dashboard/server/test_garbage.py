"""Bytes that mean nothing, and frames that break the rules: each ends its own connection and nothing else."""

import base64
import random
import re
import socket
import struct
from contextlib import suppress

import pytest

from tests.dashboard.server.attacker import WAIT_S, Reply, Server, received

PIECES = [
    *(
        b"GET ",
        b"POST ",
        b"/api/session",
        b"/api/runs/run-1",
        b" HTTP/1.1\r\n",
        b" HTTP/9.9\r\n",
        b"%2e%2e/",
        b"?token=",
    ),
    *(b"Host: localhost\r\n", b"Host: ", b"\r\n", b"\r\n\r\n", b"\x00", b"\xff\xfe", b"\n", b" ", b"Cookie: =;;=\r\n"),
    *(b"Content-Length: 5\r\n", b"Content-Length: -5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
    *(
        b"0\r\n\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: Upgrade\r\n",
        b"Upgrade: h2c\r\n",
    ),
    *(b"Expect: 100-continue\r\n", b"Range: bytes=0-\r\n", b"Accept-Encoding: gzip\r\n"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


_CLOSE = re.compile(rb"\x88[\x02-\x7d](..)", re.DOTALL)


def handshake(server: Server, *more: str) -> socket.socket:
    """An accepted live connection, spoken by hand."""
    key = base64.b64encode(bytes(16)).decode()
    head = [
        "GET /api/live HTTP/1.1",
        f"Host: {server.authority}",
        f"Origin: {server.url}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *more,
    ]
    connection = server.connect()
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    reply = b""
    while not reply.endswith(b"\r\n\r\n"):
        reply += connection.recv(1)
    assert b" 101 " in reply.splitlines()[0]
    assert b"deflate" not in reply.lower()  # so no small message becomes a large one
    return connection


def frame(first: int, payload: bytes, *, masked: bool = True) -> bytes:
    """A frame with this first byte: the end bit and the kind."""
    size = len(payload)
    mask = 0x80 if masked else 0
    head = bytes([first, mask | size]) if size < 126 else struct.pack("!BBQ", first, mask | 127, size)
    return head + (bytes(4) if masked else b"") + payload


def code(connection: socket.socket) -> int:
    """What the server closes a live connection with; 0 when it just ends."""
    data = b""
    with connection, suppress(ConnectionResetError):
        while not _CLOSE.search(data) and (part := connection.recv(1 << 16)):
            data += part
    found = _CLOSE.search(data)
    return 0 if found is None else int.from_bytes(found[1], "big")


@pytest.mark.parametrize("seed", range(8))
def test_no_bytes_bring_the_server_down(server: Server, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """Requests cut into pieces and put together anyhow: no fault, no secret, and the next visitor is answered."""
    chance = random.Random(seed)
    replies: list[Reply] = []
    for _ in range(60):
        request = b"".join(chance.choices(PIECES, k=chance.randrange(1, 14)))
        with server.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(WAIT_S)
            replies.append(received(connection))

    assert {reply.status for reply in replies} <= {0, 101, 200, 204, 400, 401, 403, 404, 405, 413, 415, 421, 426, 503}
    assert not any(b"Traceback" in reply.body for reply in replies)
    assert "fault" not in caplog.text
    assert "Exception in ASGI" not in caplog.text
    assert server.ask().status == 200


@pytest.mark.parametrize(
    ("frames", "closed"),
    [
        (frame(0x81, b"{}", masked=False), 1002),  # only clients mask, and they must
        (frame(0xF1, b"{}"), 1002),  # reserved bits
        (frame(0x83, b"{}"), 1002),  # a kind that there isn't
        (frame(0x80, b"{}"), 1002),  # goes on with nothing
        (frame(0x09, b"{}"), 1002),  # a ping in two parts
        (frame(0x89, b"x" * 126), 1002),  # a ping that is too long
        (frame(0x81, b"\xff\xfe"), 1007),  # no text
        (frame(0x81, b"[" * 100_000), 1007),  # no message
        (frame(0x82, b"{}"), 1003),  # bytes
        (frame(0x01, b"x" * 70_000) + frame(0x00, b"x" * 70_000) * 20, 1009),  # too long in parts
        (struct.pack("!BBQ", 0x81, 0xFF, 1 << 62), 1009),  # says that it will be too long
        (struct.pack("!BBQ", 0x81, 0xFF, 1 << 63), 1009),  # longer than there are
    ],
)
def test_frames_against_the_rules_end_their_connection(server: Server, frames: bytes, closed: int) -> None:
    """With the reason that the protocol has for it, before anything is read on."""
    connection = handshake(server)
    with suppress(ConnectionResetError, BrokenPipeError):  # refused before we were through
        connection.sendall(frames)

    assert code(connection) in ({closed, 0} if closed == 1009 else {closed})
    assert server.ask().status == 200


def test_a_flood_of_pings_is_answered_in_order(server: Server) -> None:
    """And nobody else waits for it."""
    with handshake(server) as connection:
        connection.sendall(frame(0x89, b"") * 2000)

        assert server.ask().status == 200
