"""Pages of other sites: they can send requests here, and get nothing and change nothing."""

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.dashboard.server.attacker import Server

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
TARGETS = ["/", "/api/session", "/api/runs", "/api/runs/run-1/stop", "/api/runs/run-1/artifacts/0", "/nowhere"]
FOREIGN = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}",
    "chrome-extension://abcdef",
    "file://",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_origin_is_refused_on_every_method(server: Server, method: str, origin: str) -> None:
    """Another port of this machine is foreign too."""
    reply = server.ask(method, origin=origin.format(port=server.port))

    assert reply.status == 403
    assert server.token.encode() not in reply.body


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "something-new"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_another_site_caused_is_refused(server: Server, method: str, site: str, target: str) -> None:
    """By the browser's own word, on every address and method."""
    assert server.ask(method, target, sec_fetch_site=site, sec_fetch_mode="no-cors").status == 403


@pytest.mark.parametrize("target", ["/api/session", "/api/runs", "/api/runs/run-1/artifacts/0"])
@pytest.mark.parametrize("destination", ["document", "iframe", "embed", "object", "script", "image"])
def test_data_is_no_target_of_another_sites_link(server: Server, target: str, destination: str) -> None:
    """Neither opened nor embedded."""
    reply = server.ask(
        target=target, sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest=destination
    )

    assert reply.status == 403


@pytest.mark.parametrize(("destination", "status"), [("document", 200), ("iframe", 403), ("object", 403), ("", 403)])
def test_a_link_from_elsewhere_opens_a_page_and_embeds_none(server: Server, destination: str, status: int) -> None:
    """The document is the same for everybody."""
    reply = server.ask(
        target="/run/run-1?x=step",
        sec_fetch_site="cross-site",
        sec_fetch_mode="navigate",
        sec_fetch_dest=destination,
    )

    assert (200 if reply.status == 503 else reply.status) == status  # 503: the page isn't built here


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_and_typed_addresses_are_answered(server: Server, site: str) -> None:
    """And the page's origin may be given."""
    assert server.ask(sec_fetch_site=site, origin=server.url).status == 200


def test_no_answer_lets_other_origins_read(server: Server) -> None:
    """There is no word of CORS anywhere."""
    replies = [server.ask(method, target) for method in METHODS for target in TARGETS]

    assert [reply.headers for reply in replies if any("access-control" in name for name in reply.headers)] == []


def test_a_form_of_another_site_changes_nothing(server: Server) -> None:
    """What a form can send is no JSON, has no token, and comes from another origin; each alone is refused."""
    body = json.dumps({"note": "mine"}).encode()
    target = "/api/runs/run-1/tags"
    answers = [
        server.ask("POST", target, body, content_type="text/plain", x_steplog_token=server.token).status,
        server.ask("POST", target, body, content_type="application/x-www-form-urlencoded").status,
        server.ask("POST", target, body, x_steplog_token=server.token).status,
        server.ask("POST", target, body, content_type="application/json").status,
        server.change(target, {"note": "mine"}, origin="http://evil.example").status,
        server.change(target, {"note": "mine"}, sec_fetch_site="same-site").status,
    ]

    assert answers == [415, 415, 415, 403, 403, 403]
    assert server.ask(target="/api/runs/run-1").json["note"] is None


@pytest.mark.parametrize("token", [None, "", "x", "null", "{token}x", "{cut}", "é", "{upper}"])
@pytest.mark.parametrize(
    "target", ["/api/runs/run-1/stop", "/api/runs/run-1/tags", "/api/runs/run-1/note", "/api/series", "/api/nowhere"]
)
def test_a_change_without_the_sessions_token_is_refused(server: Server, target: str, token: str | None) -> None:
    """Whatever it would change, also where there is nothing to change."""
    named = {"token": server.token, "cut": server.token[:-1], "upper": server.token.swapcase()}
    given = None if token is None else token.format(**named)

    assert server.change(target, {}, x_steplog_token=given).status == 403


def test_a_token_elsewhere_than_in_its_header_is_no_token(server: Server) -> None:
    """Not in the address, the body, or a cookie: another site's page could send it from there."""
    reply = server.change(
        f"/api/runs/run-1/note?token={server.token}",
        {"text": "mine", "token": server.token},
        x_steplog_token=None,
        cookie=f"x-steplog-token={server.token}",
    )

    assert reply.status == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_a_foreign_page_opens_no_live_connection(server: Server, origin: str, caplog: pytest.LogCaptureFixture) -> None:
    """Browsers let any page open a WebSocket to anywhere, and always tell its origin. Nor can it fill the terminal."""
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{server.authority}/api/live", origin=Origin(origin)):
        pass

    assert refused.value.response.status_code == 403
    assert "content-security-policy" in refused.value.response.headers
    assert server.ask().status == 200  # so the refused one is through
    assert caplog.records == []


def test_a_rebound_name_opens_no_live_connection(server: Server) -> None:
    """The host is looked at there too."""
    head = (
        "GET /api/live HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert server.raw(head.encode()).status == 421


def test_our_own_page_opens_a_live_connection(server: Server) -> None:
    """And is greeted once it has sent its token."""
    with connect(f"ws://{server.authority}/api/live", origin=Origin(server.url)) as live:
        live.send(json.dumps({"token": server.token, "subscribe": {"runs": [], "keys": []}, "cursor": None}))

        assert json.loads(live.recv(10))["type"] == "hello"
