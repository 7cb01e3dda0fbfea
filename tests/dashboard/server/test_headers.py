"""What every answer carries, and what none does."""

import re
from pathlib import Path

import pytest

from readers.dashboard.headers import HEADERS
from tests.dashboard.server.attacker import Reply, Server

REQUESTS = {
    "page": lambda s: s.ask(target="/"),
    "data": lambda s: s.ask(target="/api/store"),
    "head": lambda s: s.ask("HEAD", "/api/store"),
    "options": lambda s: s.ask("OPTIONS", "/api/store"),
    "not there": lambda s: s.ask(target="/api/nothing"),
    "no such file": lambda s: s.ask(target="/assets/nothing.js"),
    "no such run": lambda s: s.ask(target="/api/runs/nothing"),
    "wrong host": lambda s: s.ask(host="evil.example"),
    "wrong origin": lambda s: s.ask(origin="http://evil.example"),
    "wrong method": lambda s: s.ask("DELETE", "/api/runs/run-1"),
    "unknown method": lambda s: s.ask("BREW", "/"),
    "no token": lambda s: s.change("/api/series", {}, x_steplog_token=None),
    "no JSON": lambda s: s.ask("POST", "/api/series", b"{", content_type="application/json", x_steplog_token=s.token),
    "too large": lambda s: s.change("/api/series", {}, content_length=str(1 << 40)),
    "no HTTP": lambda s: s.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    "too long a head": lambda s: s.ask(target="/", x="y" * 70_000),
    "no handshake": lambda s: s.ask(target="/api/live", connection="Upgrade", upgrade="websocket"),
    "live page of nobody": lambda s: s.ask(
        target="/api/nothing",
        connection="Upgrade",
        upgrade="websocket",
        sec_websocket_version="13",
        sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==",
    ),
    "a page by POST": lambda s: s.change("/", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_every_answer_has_the_safety_headers(server: Server, name: str) -> None:
    """Answers, refusals, and what isn't even a request."""
    reply: Reply = REQUESTS[name](server)

    assert reply.status
    assert {header: reply.headers.get(header) for header in HEADERS} == HEADERS


@pytest.mark.parametrize("name", REQUESTS)
def test_no_answer_tells_what_runs_here(server: Server, store: Path, name: str) -> None:
    """No server's name or version, no trace, no path of this machine."""
    reply: Reply = REQUESTS[name](server)
    text = reply.body.decode("latin-1")

    assert "server" not in reply.headers
    assert not re.search(r"Traceback|File \"|\.py\b|uvicorn|starlette|h11|websockets", f"{reply.headers}{text}")
    assert str(store) not in text
    assert str(store.parent) not in text


@pytest.mark.parametrize(
    "name", ["not there", "no such run", "wrong host", "wrong method", "no token", "no JSON", "too large"]
)
def test_every_refusal_says_why_in_words(server: Server, name: str) -> None:
    """In one shape: what is wrong, and what to do."""
    reply: Reply = REQUESTS[name](server)

    assert set(reply.json) == {"error", "hint"}
    assert len(reply.json["error"].split()) > 2
    assert reply.headers["cache-control"] == "no-store"


def test_the_policy_allows_only_the_pages_own_files() -> None:
    """No inline script, no eval, no other host, no frame."""
    policy = HEADERS["content-security-policy"]

    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "X" * 100])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    """TRACE would send a cookie back in a body that a script can read."""
    reply = server.ask(method, "/", cookie="secret=1")

    assert reply.status in {400, 405}
    assert b"secret" not in reply.body


def test_head_has_the_headers_of_get_and_no_body(server: Server) -> None:
    """For the page and for data."""
    for target in ("/", "/api/store"):
        whole, head = server.ask(target=target), server.ask("HEAD", target)

        assert (head.status, head.body) == (whole.status, b"")
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


def test_data_is_kept_by_no_cache(server: Server) -> None:
    """Least of all the session's token."""
    assert server.ask(target="/api/session").headers["cache-control"] == "no-store"


def test_the_answer_with_a_secret_is_never_compressed(server: Server) -> None:
    """The length of a compressed answer can tell what is in it (BREACH)."""
    reply = server.ask(target="/api/session?" + "x" * 3000, accept_encoding="gzip, br")

    assert "content-encoding" not in reply.headers
    assert reply.json["token"] == server.token
