"""DNS rebinding: a stranger's name that suddenly points here gets nothing."""

from pathlib import Path

import pytest

from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import Server, serving

OURS = ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.1:{port}", "localhost:{port}", "LocalHost:9000"]
STRANGE = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.1:{port}@evil.example",
    "evil.example#127.0.0.1",
    "evil.example/127.0.0.1",
    "localhost.",
    "local host",
    "127.0.0.1:",
    "127.0.0.1:{port}:{port}",
    "127.0.0.1, evil.example",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0.0.0.0",  # noqa: S104 - a name that is refused
    "[::]",
    "[::ffff:127.0.0.1]",
    "::1",
    "[::1",
    "192.168.0.1",
    "\N{FULLWIDTH LATIN SMALL LETTER L}ocalhost",
    "",
    "*",
    "null",
]


@pytest.mark.parametrize("host", OURS)
@pytest.mark.parametrize("target", ["/", "/api/store"])
def test_our_own_names_are_answered(server: Server, host: str, target: str) -> None:
    """In any case, with any port: a tunnel may end on another one."""
    assert server.ask(target=target, host=host.format(port=server.port)).status in {200, 503}


@pytest.mark.parametrize("host", STRANGE)
@pytest.mark.parametrize("target", ["/", "/api/store", "/assets/x.js", "/nowhere"])
def test_any_other_name_gets_nothing(server: Server, host: str, target: str) -> None:
    """Whatever is asked for, also what isn't there."""
    reply = server.raw(
        f"GET {target} HTTP/1.1\r\nHost: {host.format(port=server.port)}\r\nConnection: close\r\n\r\n".encode()
    )

    assert reply.status in {400, 421}
    assert b"exp" not in reply.body


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/store HTTP/1.0\r\n\r\n",
        "GET /api/store HTTP/1.1\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost: evil.example\r\nForwarded: host=localhost\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/api/store HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET http://localhost/api/store HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET //evil.example/api/store HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /api/store HTTP/1.1\r\n Host: localhost\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /api/store HTTP/1.1\r\nHost: localhost\x00\r\n\r\n",
    ],
)
def test_ambiguous_requests_get_nothing(server: Server, head: str) -> None:
    """None or two names, a name in the target, a proxy's word for it."""
    reply = server.raw(head.encode())

    assert reply.status in {400, 421}
    assert b"exp" not in reply.body


def test_a_proxys_name_is_answered_when_it_was_given(store: Path) -> None:
    """And no other."""
    with serving(DashboardSettings(store, port=0, names=("Lab.Example",))) as running:
        assert running.ask(host="lab.example").status == 200
        assert running.ask(host="lab.example:443", origin="https://lab.example").status == 200
        assert running.ask(host="x.lab.example").status == 421


def test_off_loopback_addresses_in_numbers_are_answered(store: Path) -> None:
    """Nobody can make a number point elsewhere; a name still has to be one of ours."""
    settings = DashboardSettings(store, host="0.0.0.0", port=0)  # noqa: S104 - that is what is tested
    with serving(settings) as running:
        bearer = f"Bearer {settings.token}"
        answered = {
            host: running.ask(host=host, authorization=bearer).status
            for host in ("192.168.7.7:80", "[fe80::1]", "evil.example", "127.1")
        }

    assert answered == {"192.168.7.7:80": 200, "[fe80::1]": 200, "evil.example": 421, "127.1": 421}
