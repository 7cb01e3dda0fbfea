"""Webhooks: an alert goes where the user said and nowhere else, and nobody waits for it."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from readers.alert import Alert
from readers.webhook import ATTEMPTS, WAITING, Webhook, check_url

ALERT = Alert(datetime(2026, 1, 1, tzinfo=UTC), "id", "e", "run", "loss", "loss is nan", "loss is NaN", float("nan"), 3)


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    body: bytes
    content_type: str | None


class Server:
    """A receiver on this machine that answers as a test says."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append(Asked(self.command, self.path, body, self.headers.get("Content-Type")))
                status, headers = outer.answers(len(outer.asked))
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST = _any  # noqa: N815 - the library's names

            def log_message(self, *arguments: Any) -> None:
                """Say nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def url(self, path: str = "/hook?secret=1") -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    """One that answers 200."""
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


class Pauses:
    """Pauses that take no time."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, timeout: float) -> bool:
        """Remember it."""
        self.seconds.append(timeout)
        return False


def sent(url: str, times: int = 1) -> tuple[Webhook, list[float]]:
    """A webhook that has sent the alert so often, and its pauses."""
    pauses = Pauses()
    webhook = Webhook(url, wait=pauses)
    for _ in range(times):
        webhook(ALERT)
    webhook.close()
    return webhook, pauses.seconds


def test_an_alert_is_posted_as_json(server: Server) -> None:
    """With its words as "text", as chats show them, and its fields; valid JSON though the value is NaN."""
    webhook, _ = sent(server.url())
    (asked,) = server.asked
    body = json.loads(asked.body)

    assert (asked.method, asked.path, asked.content_type) == ("POST", "/hook?secret=1", "application/json")
    assert body["text"] == "loss is NaN (step 3, run run, rule: loss is nan)"
    assert (body["alert"]["value"], body["alert"]["time"]) == ("NaN", "2026-01-01T00:00:00Z")
    assert (webhook.sent, webhook.failed) == (1, 0)


def test_a_failing_server_is_tried_again_with_growing_pauses(server: Server) -> None:
    """Until it works."""
    server.answers = lambda count: (503 if count < 4 else 200, {})
    webhook, pauses = sent(server.url())

    assert (webhook.sent, webhook.failed, len(server.asked)) == (1, 0, 4)
    assert pauses == [1, 2, 4]


def test_it_gives_up_in_the_end_and_says_so(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """With the host, and not with the rest of the address, which is a secret."""
    server.answers = lambda _: (500, {})
    with caplog.at_level(logging.WARNING, "steplog"):
        webhook, _ = sent(server.url())

    assert (webhook.sent, webhook.failed, len(server.asked)) == (0, 1, ATTEMPTS)
    assert f"webhook at 127.0.0.1:{server.port}: it answered 500" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302, 303])
def test_what_will_not_change_is_not_tried_again(server: Server, status: int) -> None:
    """The address is wrong, or it asks for a browser; the next alert is tried all the same."""
    server.answers = lambda count: (status if count == 1 else 200, {"Location": "/login"} if status < 400 else {})
    webhook, pauses = sent(server.url(), times=2)

    assert (webhook.sent, webhook.failed, pauses) == (1, 1, [])
    assert {asked.method for asked in server.asked} == {"POST"}


def test_nobody_listening_is_tried_again_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """A refused connection."""
    closed = Server()
    closed.http.server_close()
    webhook, pauses = sent(closed.url())

    assert (webhook.failed, len(pauses)) == (1, ATTEMPTS - 1)
    assert "refused" in caplog.text.lower()


def test_a_redirect_on_the_same_host_is_followed(server: Server) -> None:
    """By POST, with the body."""
    server.answers = lambda count: (308, {"Location": "/moved"}) if count == 1 else (200, {})
    webhook, _ = sent(server.url())

    assert [(asked.method, asked.path) for asked in server.asked] == [("POST", "/hook?secret=1"), ("POST", "/moved")]
    assert server.asked[0].body == server.asked[1].body
    assert webhook.sent == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/x",
        "http://localhost:{port}/x",
        "https://127.0.0.1:{port}/x",
        "http://127.0.0.1:1/x",
        "//evil.example/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "http://user:pass@127.0.0.1:{port}/x",
        "http://[broken/x",
    ],
)
def test_a_redirect_to_anywhere_else_is_not_followed(server: Server, location: str) -> None:
    """Nobody there can make this machine ask another, or another port."""
    server.answers = lambda _: (307, {"Location": location.format(port=server.port)})
    webhook, pauses = sent(server.url())

    assert (webhook.sent, webhook.failed, len(server.asked), pauses) == (0, 1, 1 + len(pauses), pauses)
    assert {asked.path for asked in server.asked} == {"/hook?secret=1"}


def test_a_circle_of_redirects_ends(server: Server) -> None:
    """After three."""
    server.answers = lambda _: (307, {"Location": "/again"})
    webhook, pauses = sent(server.url())

    assert (webhook.failed, len(server.asked), pauses) == (1, 4, [])


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "gopher://host/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "chat.example/hook",
        "http://",
        "https:///path",
        "http://user:pass@host/",
        "http://host/a b",
        "http://host/a\r\nX: y",
        "http://host:0/",
        "http://host:99999/",
        "http://[::1/",
        "",
    ],
)
def test_only_plain_http_addresses_are_taken(url: str) -> None:
    """At the call; the message doesn't repeat what may be a secret."""
    with pytest.raises(ValueError, match="webhook"):
        Webhook(url)


def test_an_address_is_text() -> None:
    """None isn't one."""
    with pytest.raises(TypeError, match="a webhook is an address such as"):
        check_url(None)
    assert check_url("https://chat.example/hook") == "https://chat.example/hook"


def test_who_alerts_does_not_wait_for_the_webhook(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not even when a hundred wait already: what comes on top is counted and said."""
    answering = threading.Event()
    server.answers = lambda _: (200, {}) if answering.wait(10) else (500, {})
    webhook = Webhook(server.url())
    for _ in range(WAITING + 20):
        webhook(ALERT)
    failed = webhook.failed
    answering.set()
    webhook.close()

    assert 19 <= failed <= 20
    assert webhook.sent + webhook.failed == WAITING + 20
    assert "alerts wait already" in caplog.text


def test_closing_does_not_wait_for_ever(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A pause between attempts ends with it."""
    server.answers = lambda _: (503, {})
    webhook = Webhook(server.url())
    webhook(ALERT)
    webhook.close(timeout_s=0.0)
    webhook._thread.join(5)

    assert not webhook._thread.is_alive()
    assert webhook.failed >= 1
