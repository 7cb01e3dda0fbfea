"""A server that asks for a login gets it, and nobody else: no log, file of the store or error has a password in it."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from readers.mlflow.address import without_secrets
from tests.mlflow.proxy import Proxy
from tests.mlflow.sending import logged
from tests.waiting import until
from tracker import ExperimentTracker

Same = Callable[..., None]
USER, PASSWORD = "ada", "p@ss/topsecret"
WRITTEN = "p%40ss%2Ftopsecret"
HEADER = b64encode(f"{USER}:{PASSWORD}".encode())
SECRETS = (b"topsecret", HEADER)


class Door:
    """What lets only those in who say the word; who doesn't, is told what he said."""

    def __init__(self, proxy: Proxy, wanted: bytes = HEADER) -> None:
        self._proxy = proxy
        self._wanted = wanted
        proxy.fault = self._fault

    def _fault(self, request: bytes) -> str | None:
        said = [line for line in request.split(b"\r\n") if line.lower().startswith(b"authorization:")]
        if any(self._wanted in line for line in said):
            return None
        body = b"not you: " + b" ".join([*said, PASSWORD.encode(), WRITTEN.encode()])
        self._proxy.answers["closed"] = (
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=mlflow\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
        )
        return "closed"


@pytest.fixture(params=["the address", "the environment"])
def login(request: pytest.FixtureRequest, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address, with user and password in it, or beside it; off the repository, whose diff has both."""
    monkeypatch.chdir(tmp_path)
    if request.param == "the address":
        return proxy.uri.replace("//", f"//{USER}:{WRITTEN}@")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return proxy.uri


def bytes_below(root: Path) -> bytes:
    """All that a store holds."""
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_a_login_lets_everything_in_and_stays_secret(
    root: Path,
    proxy: Proxy,
    login: str,
    same: Same,
    asked: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Runs, points and artifacts; from the address as from the environment."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "120")
    Door(proxy)
    with ExperimentTracker(root, "login", "both", login) as tracker:
        run_id = tracker.start_run()
        tracker.log_metrics({"loss": 1.0}, step=1)
        tracker.log_text("text", "a.txt")
        tracker.end_run()
        view = tracker.forwarding()

    assert proxy.met == []
    assert proxy.requests
    same(run_id)
    assert asked.artifacts(run_id) == {"a.txt": b"text"}
    for secret in SECRETS:
        assert secret not in bytes_below(root)
        assert secret.decode() not in caplog.text + repr(view)


def test_a_wrong_login_is_said_and_stays_secret(
    root: Path, proxy: Proxy, login: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By the training, which goes on; the server even repeats what it was told."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "0.2")
    Door(proxy, b"another")
    with ExperimentTracker(root, "wrong login", "both", login) as tracker:
        tracker.start_run()
        tracker.log_metrics({"loss": 1.0}, step=1)
        until(lambda: tracker.forwarding().error, deadline_s=60)  # type: ignore[union-attr]
        tracker.end_run()
        view = tracker.forwarding()

    assert view is not None
    assert "the server doesn't let us in: give a user and password by MLFLOW_TRACKING_USERNAME" in str(view.error)
    assert "the server doesn't let us in" in caplog.text
    for secret in SECRETS:
        assert secret not in bytes_below(root)
        assert secret.decode() not in caplog.text + repr(view)


def test_the_command_says_a_wrong_login_without_it(root: Path, proxy: Proxy, login: str) -> None:
    """`steplog sync` waits for a door that doesn't open, as long as it was told."""
    from typer.testing import CliRunner

    from tracker.cli import app

    logged(root, "wrong login", 1, 3)
    Door(proxy, b"another")

    done = CliRunner().invoke(app, ["sync", str(root), "--to", login, "--timeout", "0.2"])

    assert done.exit_code == 1
    assert "the server doesn't let us in" in done.output
    for secret in SECRETS:
        assert secret.decode() not in done.output
        assert secret not in bytes_below(root)


def test_a_tokens_door_opens_by_the_environment(
    root: Path, proxy: Proxy, same: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLFLOW_TRACKING_TOKEN."""
    from readers.mlflow.forwarder import Forwarder

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-topsecret")
    Door(proxy, b"Bearer tok-topsecret")
    (run_id,) = logged(root, "token", 1, 3)

    with Forwarder(root, proxy.uri, everything=True) as forwarder:
        assert forwarder.drain()

    assert proxy.met == []
    same(run_id)
    assert b"topsecret" not in bytes_below(root)
    assert without_secrets("it was tok-topsecret", proxy.uri) == "it was ***"
