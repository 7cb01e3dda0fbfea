"""A store that is spoilt, gone or hostile: the server says so without telling where it lies, and stays up."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from readers.dashboard.settings import DashboardSettings
from tests.dashboard.server.attacker import serving

TARGETS = (
    "/api/store",
    "/api/runs",
    "/api/runs/run-1",
    "/api/runs/run-1/artifacts/0",
    "/api/runs?filter=x+%3E",
    "/api/alerts",
)


def newer(root: Path) -> None:
    """Written by a version that doesn't exist yet."""
    (root / "store.json").write_text('{"format_version": 999}')


def flipped(root: Path) -> None:
    """Each sealed file has other bytes than it had."""
    for part in root.rglob("*.parquet"):
        part.chmod(0o600)
        part.write_bytes(part.read_bytes()[::-1])


def piped(root: Path) -> None:
    """A pipe in place of each sealed file, and of a file of rules: opening one could wait for ever."""
    for part in list(root.rglob("*.parquet")):
        part.unlink()
        os.mkfifo(part)


SPOILERS: list[Callable[[Path], object]] = [shutil.rmtree, newer, flipped, piped]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_spoilt_store_is_answered_without_its_place(
    store: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    """While the server runs; questions and changes."""
    root = tmp_path / "secret-place" / "store"
    shutil.copytree(store, root)
    with serving(DashboardSettings(root, port=0)) as running:
        assert running.ask(target="/api/runs/run-1").status == 200
        spoil(root)
        replies = [running.ask(target=target) for target in TARGETS]
        replies += [running.change(f"/api/runs/run-1/{what}", {}) for what in ("stop", "tags", "note")]
        alive = running.ask().status

    assert [reply for reply in replies if b"secret-place" in reply.body or b"Traceback" in reply.body] == []
    assert [reply for reply in replies if reply.status == 500] == []
    assert alive == 200


def test_a_pipe_in_place_of_the_rules_holds_up_no_start(store: Path, tmp_path: Path) -> None:
    """The store may be a stranger's."""
    root = tmp_path / "store"
    shutil.copytree(store, root)
    (root / "control").mkdir(exist_ok=True)
    os.mkfifo(root / "control" / "alerts.json")
    with serving(DashboardSettings(root, port=0)) as running:
        reply = running.ask(target="/api/alerts")

    assert "alerts.json" in reply.json["problem"]
    assert str(tmp_path) not in reply.body.decode()
