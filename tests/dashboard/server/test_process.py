"""The server in a process of its own: it costs its program nothing, and ends with it, however that ends."""

import logging
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ingest.errors import DashboardError, PortTaken
from readers.dashboard.binding import bind
from readers.dashboard.server import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tests.waiting import until

WAIT_S = 15.0
ROOT = Path(__file__).parents[3]
START = """
import os, sys
from readers.dashboard.server import DashboardProcess
from readers.dashboard.settings import DashboardSettings
from tests.waiting import until
dashboard = DashboardProcess.start(DashboardSettings(sys.argv[1], port=0))
print(dashboard.pid, dashboard.port, flush=True)
"""


@pytest.fixture
def running(store: Path) -> Iterator[DashboardProcess]:
    """A server in a process of its own."""
    started = DashboardProcess.start(DashboardSettings(store, port=0))
    yield started
    started.stop()


def answers(dashboard: DashboardProcess) -> bool:
    """Whether it shows the store."""
    return b"first" in httpx.get(f"{dashboard.address}/api/runs/run-1", timeout=WAIT_S).content


def parent(store: Path, code: str) -> "subprocess.Popen[str]":
    """A program that starts a server and goes on with `code`; it says the server's process id and port first."""
    return subprocess.Popen(
        [sys.executable, "-c", START + code, str(store)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_gone(pid: int) -> None:
    """Until a process that isn't our child has ended; fails after a while."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], WAIT_S)[0], f"{pid} still runs"
    finally:
        os.close(descriptor)


def said(program: "subprocess.Popen[str]") -> tuple[int, int]:
    """(process id, port) of a program's server."""
    assert program.stdout is not None
    pid, port = program.stdout.readline().split()
    return int(pid), int(port)


def test_it_starts_answers_and_stops(running: DashboardProcess) -> None:
    """Stopping twice is stopping once; the port is free again."""
    assert running.alive
    assert answers(running)

    running.stop()
    running.stop()

    assert (running.alive, running.pid) == (False, None)
    bind(DashboardSettings(".", port=running.port)).close()
    assert list(running.log) == []


def test_its_program_imports_no_server_and_no_data_frames(store: Path) -> None:
    """The training keeps its memory and its start."""
    with parent(
        store, "print(*(m for m in ('polars', 'starlette', 'uvicorn', 'pyarrow') if m in sys.modules))"
    ) as program:
        pid, _ = said(program)
        assert program.stdout is not None
        loaded = program.stdout.read().split()

    assert loaded == []
    wait_until_gone(pid)


@pytest.mark.parametrize(
    "code",
    [
        "sys.stdin.read()",  # killed while it waits
        "os.chdir('/'); sys.stdin.read()",
        "child = os.fork()\nif not child: os.setsid()\nsys.stdin.read()",  # a forked child outlives it
    ],
    ids=["waiting", "elsewhere", "forked"],
)
def test_it_ends_when_its_program_is_killed(store: Path, code: str) -> None:
    """By kill -9, which nobody can catch; a child that the program forked doesn't keep it."""
    with parent(store, code) as program:
        pid, port = said(program)
        program.kill()
        wait_until_gone(pid)
        assert program.stdin is not None
        program.stdin.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), WAIT_S)


@pytest.mark.parametrize("code", ["", "sys.exit(3)", "raise KeyError", "os._exit(1)"])
def test_it_ends_when_its_program_does(store: Path, code: str) -> None:
    """In order, by an error, and without clean-up."""
    with parent(store, code) as program:
        pid, _ = said(program)
        wait_until_gone(pid)
        program.communicate()


def test_a_forked_child_leaves_it_alone(store: Path) -> None:
    """Whatever the child does with its copy, the server goes on; the parent still stops it."""
    code = """
child = os.fork()
if not child:
    dashboard.stop()
    print(dashboard.alive, dashboard.pid, flush=True)
    sys.exit()
os.waitpid(child, 0)
import urllib.request
print(urllib.request.urlopen(dashboard.address).status in (200, 503), dashboard.alive, flush=True)
dashboard.stop()
print(dashboard.alive, flush=True)
"""
    with parent(
        store, code.replace("urlopen(dashboard.address)", "urlopen(dashboard.address + '/api/session')")
    ) as program:
        said(program)
        assert program.stdout is not None

        assert program.stdout.read().split() == ["False", "None", "True", "True", "False"]


def test_it_does_not_care_where_its_program_is(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's relative path means what it meant; a file there that has a module's name isn't imported."""
    for name in ("starlette", "polars", "readers", "json", "uvicorn"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(store.parent)
    settings = DashboardSettings(store.name, port=0)
    monkeypatch.chdir(tmp_path)
    started = DashboardProcess.start(settings)
    try:
        assert answers(started)
    finally:
        started.stop()


def test_its_token_is_on_no_command_line(store: Path) -> None:
    """Nor in its environment: both can be seen by others."""
    token = "a-token-that-nobody-sees"  # noqa: S105 - a test's
    started = DashboardProcess.start(DashboardSettings(store, port=0, token=token))
    try:
        process = Path(f"/proc/{started.pid}")
        seen = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
    finally:
        started.stop()

    assert token.encode() not in seen
    assert started.address.endswith(f"/?token={token}")


def test_ctrl_c_is_for_the_program(running: DashboardProcess) -> None:
    """The program decides what ends; the server isn't in its terminal's group, and the signal doesn't reach it."""
    assert running.pid is not None
    os.kill(running.pid, signal.SIGINT)

    blocked = re.search(r"^SigBlk:\s*(\w+)", Path(f"/proc/{running.pid}/status").read_text(), re.MULTILINE)
    assert os.getpgid(running.pid) != os.getpgid(0)
    assert blocked
    assert int(blocked[1], 16) & 1 << (signal.SIGINT - 1)
    assert answers(running)


def test_what_it_says_is_repeated_and_kept(running: DashboardProcess, caplog: pytest.LogCaptureFixture) -> None:
    """Also that it ended by itself."""
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)
    wait_until_gone(running.pid)

    assert not running.alive
    until(lambda: f"the dashboard at port {running.port} has ended by itself" in caplog.text, "it says so")


def test_a_failed_start_says_why(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store; no server; too slow. Nothing is left running."""
    with pytest.raises(DashboardError, match="no store at"):
        DashboardProcess.start(DashboardSettings(tmp_path / "nothing", port=0))
    with pytest.raises(DashboardError, match=r"wasn't ready after 0\.001 s"):
        DashboardProcess.start(DashboardSettings(store, port=0), ready_s=0.001)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DashboardError, match="ended at its start; it said nothing"):
        DashboardProcess.start(DashboardSettings(store, port=0))


def test_a_taken_port_is_told_at_once(store: Path) -> None:
    """Before any process is started; the next free one is taken where that was asked for."""
    with bind(DashboardSettings(store, port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            DashboardProcess.start(DashboardSettings(store, port=port))
        started = DashboardProcess.start(DashboardSettings(store, port=port), next_free=True)
        try:
            assert port < started.port <= port + 100
            assert started.address == f"http://127.0.0.1:{started.port}"
        finally:
            started.stop()


def test_a_server_in_trouble_does_not_fill_the_terminal(
    store: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many lines are repeated; more are kept."""
    caplog.set_level(logging.WARNING, "steplog.dashboard")
    troubled = tmp_path / "troubled.py"
    troubled.write_text(
        "import os, sys\n"
        "for n in range(1000): print('trouble', n, file=sys.stderr)\n"
        "sys.stderr.flush()\n"
        "os.close(2)\n"
        "print('{\"ready\": true}', flush=True)\n"
        "sys.stdin.read()\n"
    )
    monkeypatch.setattr("readers.dashboard.process._MAIN", troubled)
    dashboard = DashboardProcess.start(DashboardSettings(store, port=0))
    dashboard.stop()

    assert sum("trouble" in record.message for record in caplog.records) <= 101
    assert dashboard.log[-1] == "trouble 999"
