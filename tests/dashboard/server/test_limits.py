"""Too much, too often, too slow: each has an end, and nobody else is kept from an answer meanwhile."""

import gzip
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from readers.dashboard import connections
from readers.dashboard.app import create_app
from readers.dashboard.limits import LimitSettings
from readers.dashboard.rates import MOST_KEPT, Rates
from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import WAIT_S, Server, received, serving


class Slow:
    """An endpoint that answers when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = threading.Semaphore(0)
        self.ran = 0

    def answer(self, request: Request) -> Response:
        """Wait in a thread, as a query does."""
        del request
        self.ran += 1
        self.running.release()
        assert self.go.wait(WAIT_S)
        return JSONResponse({"done": True})


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Let go at the end."""
    endpoint = Slow()
    yield endpoint
    endpoint.go.set()


def limited(store: Path, limits: LimitSettings, **endpoints: object) -> Server:
    """A server with these limits, and further endpoints under /api/."""
    settings = DashboardSettings(store, port=0)
    app = create_app(settings, limits=limits)
    app.router.routes[:0] = [Route(f"/api/{name}", endpoint) for name, endpoint in endpoints.items()]  # type: ignore[arg-type]
    return _RUNNING.enter_context(serving(settings, app=app))


_RUNNING = ExitStack()


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    _RUNNING.close()


# --- sizes


@pytest.mark.parametrize("length", [str((4 << 20) + 1), str(1 << 40), "9" * 19])
def test_a_body_that_says_it_is_too_large_is_not_read(server: Server, length: str) -> None:
    """The answer comes before it."""
    reply = server.change("/api/series", {}, content_length=length)

    assert reply.status == 413
    assert reply.headers["connection"] == "close"


def test_a_body_that_grows_too_large_is_not_read_on(store: Path) -> None:
    """Whoever doesn't say the length is stopped at the limit."""
    running = limited(store, LimitSettings(body_bytes=1 << 16))
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    head = (
        f"POST /api/series HTTP/1.1\r\nHost: {running.authority}\r\nContent-Type: application/json\r\n"
        f"X-Steplog-Token: {running.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    with running.connect() as connection:
        connection.sendall(head + chunk * 9)

        assert received(connection).status == 413


def test_who_sends_too_much_gets_to_read_why(server: Server) -> None:
    """An ordinary client sends all before it reads: the answer is there then, and the connection wasn't reset."""
    reply = server.change("/api/series", " " * (24 << 20))

    assert reply.status == 413
    assert reply.json["error"] == "The request is larger than 4 MiB."


@pytest.mark.parametrize("length", ["-1", "abc", "1, 2", "0x10", "1e3", "+5", "9" * 50])
def test_an_odd_length_is_no_request(server: Server, length: str) -> None:
    """What two parsers could read in two ways isn't read."""
    assert server.change("/api/series", {}, content_length=length).status in {400, 413}


def test_two_lengths_are_no_request(server: Server) -> None:
    """Nor a length beside chunks: a second request could hide in the first (request smuggling)."""
    head = f"POST /api/series HTTP/1.1\r\nHost: {server.authority}\r\n"
    hidden = "GET /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n"
    twice = server.raw(f"{head}Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}".encode())
    both = server.raw(
        f"{head}Connection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}".encode()
    )
    odd = server.raw(f"{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}".encode())

    assert twice.status == 400
    assert both.body.count(b"HTTP/1.1") == 0
    assert server.token.encode() not in both.body
    assert odd.status in {400, 501}


@pytest.mark.parametrize("head", ["X: " + "y" * 70_000, "\r\n".join(f"X-{n}: y" for n in range(9000))])
def test_a_head_that_is_too_large_is_not_read_on(server: Server, head: str) -> None:
    """One long header or many short ones."""
    reply = server.raw(f"GET / HTTP/1.1\r\nHost: {server.authority}\r\n{head}".encode())

    assert reply.status in {0, 400, 431}


def test_a_head_without_an_end_is_not_kept(server: Server) -> None:
    """Bytes without a line's end don't pile up."""
    with server.connect() as connection:
        connection.sendall(b"GET /" + b"a" * 200_000)

        assert received(connection).status in {0, 400}


def test_a_live_message_that_is_too_long_ends_the_connection(server: Server) -> None:
    """It isn't read to its end."""
    with connect(f"ws://{server.authority}/api/live", origin=Origin(server.url)) as live:
        live.send(json.dumps({"token": "x" * (2 << 20)}))
        with pytest.raises(ConnectionClosed) as end:
            live.recv(WAIT_S)

    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1009


def test_deeply_nested_json_is_refused(server: Server) -> None:
    """Not a fault of ours."""
    body = b"[" * 500_000
    reply = server.ask(
        "POST", "/api/series", body, content_type="application/json", x_steplog_token=server.token, origin=server.url
    )

    assert reply.status == 400


# --- slowness


def test_a_head_that_never_ends_is_given_up(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowloris: many connections that send a byte now and then would keep everybody else out."""
    monkeypatch.setattr(connections, "HEAD_S", 0.05)
    running = limited(store, LimitSettings())
    with running.connect() as silent, running.connect() as begun, running.connect() as second:
        begun.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        second.sendall(f"GET /api/session HTTP/1.1\r\nHost: {running.authority}\r\n\r\nGET / HT".encode())

        assert received(silent).status == 408
        assert received(begun).status == 408
        assert received(second).body.count(b"408 Request Timeout") == 1


def test_a_body_that_never_ends_is_given_up(store: Path) -> None:
    """And its connection is closed."""
    running = limited(store, LimitSettings(body_s=0.05))
    reply = running.change("/api/series", {}, content_length="1000")

    assert (reply.status, reply.headers["connection"]) == (408, "close")


def test_an_answer_that_nobody_reads_is_given_up(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to a visitor who reads nothing would wait in memory for ever."""
    monkeypatch.setattr(connections, "READ_S", 0.05)

    def endless(request: Request) -> Response:
        del request
        return StreamingResponse(repeat(b"x" * 65536))

    running = limited(store, LimitSettings(), endless=endless)
    with running.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET /api/endless HTTP/1.1\r\nHost: {running.authority}\r\n\r\n".encode())
        poll = select.poll()
        poll.register(connection, 0)  # asks only whether the other side has gone

        assert poll.poll(WAIT_S * 1000)


def test_a_question_that_takes_too_long_is_given_up(store: Path, slow: Slow) -> None:
    """Its visitor is told so; others are answered."""
    running = limited(store, LimitSettings(query_s=0.05), slow=slow.answer)
    reply = running.ask(target="/api/slow")

    assert reply.status == 504
    assert reply.json["hint"]
    assert running.ask().status == 200


def test_given_up_questions_do_not_pile_up(store: Path, slow: Slow) -> None:
    """Each keeps its place until it really ends, so no more than so many ever run; the page is still served."""
    running = limited(store, LimitSettings(query_s=0.05, at_once=2), slow=slow.answer)
    answers = [running.ask(target="/api/slow").status for _ in range(5)]

    assert answers == [504] * 5
    assert slow.ran == 2
    assert running.ask(target="/").status in {200, 503}
    slow.go.set()
    assert running.ask(target="/api/session").status == 200


# --- numbers


def test_questions_beyond_the_waiting_ones_are_refused(store: Path, slow: Slow) -> None:
    """One runs, one waits, the third is told to come again."""
    running = limited(store, LimitSettings(at_once=1, waiting=1), slow=slow.answer)
    with running.connect() as first, running.connect() as second:
        request = f"GET /api/slow HTTP/1.1\r\nHost: {running.authority}\r\nConnection: close\r\n\r\n".encode()
        first.sendall(request)
        assert slow.running.acquire(timeout=WAIT_S)
        second.sendall(request)
        third = running.ask(target="/api/slow")
        while third.status == 200:  # the second hadn't arrived yet
            third = running.ask(target="/api/slow")
        slow.go.set()

        assert (third.status, third.headers["retry-after"]) == (503, "1")
        assert received(first).json == received(second).json == {"done": True}


def test_an_answer_on_its_way_holds_up_no_question(store: Path) -> None:
    """A slow line downloads for minutes; only the finding of the answer counts."""
    half, rest = threading.Event(), threading.Event()

    def download(request: Request) -> Response:
        del request

        def parts() -> Iterator[bytes]:
            yield b"half"
            half.set()
            assert rest.wait(WAIT_S)
            yield b"rest"

        return StreamingResponse(parts())

    running = limited(store, LimitSettings(at_once=1, waiting=1), download=download)
    with running.connect() as connection:
        connection.sendall(
            f"GET /api/download HTTP/1.1\r\nHost: {running.authority}\r\nConnection: close\r\n\r\n".encode()
        )
        assert half.wait(WAIT_S)
        meanwhile = running.ask().status
        rest.set()

        assert meanwhile == 200
        assert received(connection).body == b"halfrest"


def test_too_many_requests_are_refused(store: Path) -> None:
    """Of data; the page itself is cheap."""
    running = limited(store, LimitSettings(rate=0.001, burst=5))
    answers = [running.ask().status for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2
    assert running.ask(target="/").status in {200, 503}


def test_too_many_connections_are_refused(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there already are answered."""
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    running = limited(store, LimitSettings())
    with ExitStack() as stack:
        open_ones = [stack.enter_context(running.connect()) for _ in range(3)]
        refused = received(stack.enter_context(running.connect()))
        open_ones[0].sendall(f"GET / HTTP/1.1\r\nHost: {running.authority}\r\nConnection: close\r\n\r\n".encode())

        assert refused.status == 503
        assert received(open_ones[0]).status in {200, 503}


def test_buckets_fill_again_at_their_rate() -> None:
    """Each name has its own; one that nobody remembers is full."""
    now = [0.0]
    buckets = Rates(rate=2, burst=3, clock=lambda: now[0])

    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]
    assert buckets.take("b")
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    for number in range(MOST_KEPT + 1):
        buckets.take(f"visitor {number}")
    assert [buckets.take("a") for _ in range(4)] == [True, True, True, False]


# --- faults


def test_a_fault_tells_the_visitor_a_number_and_the_terminal_all(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    """No trace and no path in the answer."""

    def broken(request: Request) -> Response:
        del request
        raise KeyError(str(store / "secret"))

    running = limited(store, LimitSettings(), broken=broken)
    reply = running.ask(target="/api/broken")

    assert reply.status == 500
    assert b"secret" not in reply.body
    assert "content-security-policy" in reply.headers
    number = reply.json["hint"].split()[-1].rstrip(".")
    assert f"fault {number} at '/api/broken'" in caplog.text
    assert "KeyError" in caplog.text


def test_text_is_compressed_for_who_asks_for_it(server: Server) -> None:
    """And says that it differs by that."""
    target = "/api/runs/run-1"
    packed, plain = server.ask(target=target, accept_encoding="gzip"), server.ask(target=target)

    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert json.loads(gzip.decompress(packed.body)).keys() == plain.json.keys()
