"""The token: asked of everybody off loopback, given once in the address, then in a cookie."""

from pathlib import Path

import pytest

from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import Server, serving
from tests.dashboard.server.conftest import TOKEN

TARGETS = [
    "/",
    "/run/run-1",
    "/assets/index.js",
    "/api/session",
    "/api/runs",
    "/api/runs/run-1/artifacts/0",
    "/nowhere",
]
WRONG = [
    "",
    "x",
    TOKEN[:-1],
    f"{TOKEN}x",
    TOKEN.upper(),
    f" {TOKEN}",
    f"{TOKEN}%00",
    "%C3%A9",
]


@pytest.fixture
def fresh(store: Path) -> "object":
    """A server nobody has guessed at yet."""
    with serving(DashboardSettings(store, port=0, token=TOKEN)) as running:
        yield running


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_without_it_nothing_is_answered(guarded: Server, method: str, target: str) -> None:
    """Not even the page, or whether there is something at an address."""
    reply = guarded.ask(method, target)

    assert reply.status == 401
    assert TOKEN.encode() not in reply.body
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("token", WRONG)
def test_a_wrong_one_is_refused(fresh: Server, token: str) -> None:
    """In the address, as a bearer, and as a cookie."""
    raw = token.replace("%00", "").replace("%C3%A9", "é")
    answers = [
        fresh.ask(target=f"/?token={token.replace(' ', '+')}").status,
        fresh.ask(authorization=f"Bearer x{raw}").status,
        fresh.ask(cookie=f"steplog-{fresh.port}={raw}").status,
        fresh.ask(cookie=f"steplog-{fresh.port}={TOKEN}").status,  # the cookie holds something else
    ]

    assert set(answers) == {401}


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/?token=wrong", 401, "That isn&#x27;t this dashboard&#x27;s token."),
        ("/", 401, "This dashboard asks for its token"),
        ("/api/runs", 401, "This dashboard asks for its token."),
    ],
)
def test_a_person_without_it_gets_a_page_that_says_what_to_do(
    fresh: Server, target: str, status: int, words: str
) -> None:
    """A browser that opens the address; programs, and the page's own script, get JSON."""
    page = fresh.ask(target=target, accept=BROWSER)
    program = fresh.ask(target="/api/runs", accept="application/json")

    assert (page.status, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{words}</h1>" in page.body.decode()
    assert "<code>steplog ui</code> printed" in page.body.decode()
    assert (program.status, set(program.json)) == (401, {"error", "hint"})


def test_it_is_given_once_in_the_address(guarded: Server) -> None:
    """The page is opened anew without it, and a cookie that scripts and other sites can't use stands in for it."""
    reply = guarded.ask(target=f"/run/run-1?x=step&token={TOKEN}&filter=a%3Db")
    cookie, _, options = reply.headers["set-cookie"].partition("; ")

    assert (reply.status, reply.headers["location"]) == (303, "/run/run-1?x=step&filter=a%3Db")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(options.split("; "))
    assert TOKEN not in cookie
    assert guarded.ask(target="/api/session", cookie=cookie).status == 200
    assert guarded.ask(target="/api/session", cookie=f"a=b; {cookie}; c").status == 200
    assert guarded.ask(target=f"/?token={TOKEN}", cookie=cookie).headers["location"] == "/"


def test_after_another_sites_link_the_cookie_is_used_too(guarded: Server) -> None:
    """A redirect would count as that site's doing, so the page goes on by itself."""
    reply = guarded.ask(
        target=f"/?token={TOKEN}&a=%22%3E%3Cscript%3E&b=1",
        sec_fetch_site="cross-site",
        sec_fetch_mode="navigate",
        sec_fetch_dest="document",
    )

    assert reply.status == 200
    assert b'content="0;url=/?a=%22%3E%3Cscript%3E&amp;b=1"' in reply.body
    assert "set-cookie" in reply.headers


@pytest.mark.parametrize("target", ["//evil.example/", "/\\evil.example/", "/%5Cevil.example", "/%2F%2Fevil.example/"])
def test_it_redirects_nowhere_else(guarded: Server, target: str) -> None:
    """An address that looks like another server's doesn't become one."""
    reply = guarded.ask(target=f"{target}?token={TOKEN}")

    assert not reply.headers.get("location", "/").startswith(("//", "/\\", "http"))
    assert b"url=//" not in reply.body


def test_a_program_sends_it_as_a_bearer(guarded: Server) -> None:
    """And gets no cookie."""
    reply = guarded.ask(target="/api/runs", authorization=f"Bearer {TOKEN}")

    assert (reply.status, "set-cookie" in reply.headers) == (200, False)


def test_data_is_not_given_for_a_token_in_the_address(guarded: Server) -> None:
    """Addresses end up in logs and histories; only a page that is opened may have it."""
    assert guarded.ask(target=f"/api/session?token={TOKEN}").status == 401


def test_the_token_alone_changes_nothing(guarded: Server) -> None:
    """A change needs the session's too."""
    assert (
        guarded.change("/api/runs/run-1/stop", {}, authorization=f"Bearer {TOKEN}", x_steplog_token=TOKEN).status == 403
    )
    assert guarded.change("/api/runs/run-1/stop", {}).status == 401


def test_guessing_is_slowed_down(fresh: Server) -> None:
    """After a few wrong ones none is looked at any more, the right one neither; who is in stays in."""
    cookie = fresh.ask(target=f"/?token={TOKEN}").headers["set-cookie"].partition(";")[0]
    answers = [fresh.ask(authorization=f"Bearer wrong-{n}").status for n in range(12)]

    assert answers[:10] == [401] * 10
    assert answers[-1] == 429
    assert fresh.ask(authorization=f"Bearer {TOKEN}").status == 429
    assert fresh.ask(cookie=cookie).status == 200


def test_a_live_connection_needs_it_too(guarded: Server) -> None:
    """Before the handshake."""
    head = (
        f"GET /api/live HTTP/1.1\r\nHost: {guarded.authority}\r\nOrigin: {guarded.url}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    assert guarded.raw(head.encode()).status == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "lab.example"])  # noqa: S104 - that is tested
def test_off_loopback_there_is_always_one(store: Path, host: str) -> None:
    """Made when none was given, long enough, each time another."""
    first, second = (DashboardSettings(store, host=host).token for _ in range(2))

    assert first
    assert second
    assert first != second
    assert len(first) >= 43  # 256 bits


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_loopback_nobody_is_asked_unless_one_is_given(store: Path, host: str) -> None:
    """Which is for machines that several people use."""
    assert DashboardSettings(store, host=host).token is None
    assert DashboardSettings(store, host=host, token=TOKEN).token == TOKEN
    assert TOKEN not in repr(DashboardSettings(store, host=host, token=TOKEN))


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "with a space in it all", "ümlaut-ümlaut-ümlaut", "a&b=c#d?e/f:ghijk"]
)
def test_a_weak_or_unsendable_one_is_refused(store: Path, token: str) -> None:
    """It says what one looks like."""
    with pytest.raises(ValueError, match="16 or more characters"):
        DashboardSettings(store, token=token)
