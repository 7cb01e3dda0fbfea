"""steplog ui: says where it is, ends at once when told to, and answers nobody that it shouldn't."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from readers.dashboard.binding import bind
from readers.dashboard.settings import DashboardSettings
from tracker.cli import main

WAIT_S = 15.0
ROOT = Path(__file__).parents[3]


@contextmanager
def ui(*arguments: object, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """The command, running; killed at the end if it still does."""
    command = [sys.executable, "-m", "tracker.cli", "ui", *map(str, arguments)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address(process: "subprocess.Popen[str]") -> str:
    """Where it says that it is."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    return found[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_also_with_open_connections(store: Path, number: signal.Signals) -> None:
    """Ctrl-C isn't held up by a page that is open; there is no trace of it on the terminal."""
    with ui(store, "--port", 0) as process:
        at = address(process)
        token = httpx.get(f"{at}/api/session", timeout=WAIT_S).json()["token"]
        with connect(at.replace("http", "ws") + "/api/live", origin=Origin(at)) as live:
            live.send(json.dumps({"token": token, "subscribe": {"runs": None, "keys": None}, "cursor": None}))
            live.recv(WAIT_S)
            process.send_signal(number)
            code = process.wait(WAIT_S)
            with pytest.raises(ConnectionClosed):
                live.recv(WAIT_S)
        assert process.stderr is not None

        assert code == (0 if number == signal.SIGINT else -signal.SIGTERM)
        assert process.stderr.read() == ""


@pytest.mark.parametrize(("more", "may"), [([], "can see and stop runs"), (["--read-only"], "can see runs")])
def test_off_loopback_it_warns_and_asks_for_a_token(store: Path, more: list[str], may: str) -> None:
    """The address has it; what a visitor may do is said."""
    with ui(store, "--port", 0, "--host", "0.0.0.0", *more) as process:  # noqa: S104 - that is what is tested
        at = address(process)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None

        assert re.search(r"/\?token=[\w-]{43}$", at)
        warning = process.stderr.read()
        assert "others on the network can reach it" in warning
        assert may in warning


def test_its_token_can_come_from_the_environment(store: Path) -> None:
    """Where no other user sees it."""
    with ui(store, "--port", 0, STEPLOG_TOKEN="token-of-the-environment") as process:  # noqa: S106 - a test's
        assert address(process).endswith("?token=token-of-the-environment")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{nothing}"], 2, "no store at"),
        (["{store}", "--port", "{taken}"], 1, "is taken by another program"),
        (["{store}", "--token", "short"], 2, "16 or more characters"),
        (["{store}", "--host", "203.0.113.7"], 1, "is no address of this machine"),
        (["{store}", "--name", "*"], 2, "plain host name"),
        (["{store}", "--alert", "loss is blue", "--port", "0"], 2, "loss is blue"),
        (["{store}", "--webhook", "file:///etc/passwd", "--port", "0"], 2, "http"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """And an exit code: 2 for what was asked wrongly, 1 for what can't be had."""
    with bind(DashboardSettings(store, port=0)) as taken:
        known = {"store": store, "nothing": tmp_path / "nothing", "taken": taken.getsockname()[1]}
        monkeypatch.setattr(sys, "argv", ["steplog", "ui", *(argument.format(**known) for argument in arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    said = capsys.readouterr().err

    assert end.value.code == code
    assert words in said
    assert said.count("\n") == 1


def test_its_webhook_can_come_from_the_environment(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no other user sees it; one that is none is refused as the option's is."""
    monkeypatch.setenv("STEPLOG_WEBHOOK", "file:///etc/passwd")
    monkeypatch.setattr(sys, "argv", ["steplog", "ui", str(store), "--port", "0"])
    with pytest.raises(SystemExit) as end:
        main()

    assert end.value.code == 2
    assert "http" in capsys.readouterr().err


def test_a_query_that_hangs_does_not_hold_up_the_end(store: Path) -> None:
    """What runs in a thread can't be stopped; it ends with the process."""
    code = """
import sys, threading
from starlette.responses import Response
from starlette.routing import Route
from readers.dashboard import server
from readers.dashboard.app import create_app
from readers.dashboard.settings import DashboardSettings
server.END_S = 0.2
settings = DashboardSettings(sys.argv[1], port=0)
app = create_app(settings)
def hang(request):
    print("hangs", flush=True)
    threading.Event().wait()
app.router.routes.insert(0, Route("/api/hang", hang))
bound = server.bind(settings)
server.Dashboard(settings, bound, app=app, on_ready=lambda: print(server.address(settings, bound), flush=True)).run()
"""
    command = [sys.executable, "-c", code, str(store)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        at = address(process).removeprefix("http://")
        host, _, port = at.partition(":")
        with socket.create_connection((host, int(port)), WAIT_S) as connection:
            connection.sendall(f"GET /api/hang HTTP/1.1\r\nHost: {at}\r\n\r\n".encode())
            assert process.stdout is not None
            assert process.stdout.readline() == "hangs\n"
            process.send_signal(signal.SIGINT)

            assert process.wait(WAIT_S) == 0
