"""The commands that analyse take --cluster, or STEPLOG_CLUSTER, and print the same."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracker.cli import main

if TYPE_CHECKING:
    from tests.cluster.daskprocesses import DaskProcesses

pytestmark = [
    pytest.mark.usefixtures("small_chunks"),
    pytest.mark.timeout(60),  # a cluster is five processes that import a lot: on a busy machine they take their time
]
Said = tuple[int, str, str]


@pytest.fixture
def steplog(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command on the store in this process."""
    monkeypatch.setenv("STEPLOG_DIR", str(root))
    monkeypatch.delenv("STEPLOG_CLUSTER", raising=False)

    def run(*args: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["steplog", *args])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    "command",
    [
        ["best", "e/0", "--metric", "loss", "--json"],
        ["compare", "-e", "e/1", "--json"],
        ["query", "--sql", "SELECT run_id, max(value) AS v FROM metrics GROUP BY run_id ORDER BY run_id", "--json"],
        ["importance", "e/0", "--metric", "loss", "--json"],
        ["query", "metrics.loss < 0.3", "--json"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_command_prints_the_same_with_a_cluster(
    command: list[str], steplog: Callable[..., Said], dask: "DaskProcesses", monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the option; importance with its warnings."""
    expected = steplog(*command)

    assert expected[0] == 0
    assert steplog(*command, "--cluster", dask.address) == expected


def test_the_variable_names_the_cluster(
    steplog: Callable[..., Said], dask: "DaskProcesses", monkeypatch: pytest.MonkeyPatch
) -> None:
    """STEPLOG_CLUSTER is taken where the option isn't given, and refused as the option is."""
    expected = steplog("best", "--metric", "loss")
    monkeypatch.setenv("STEPLOG_CLUSTER", dask.address)
    assert steplog("best", "--metric", "loss") == expected
    monkeypatch.setenv("STEPLOG_CLUSTER", "nonsense")
    code, out, err = steplog("best", "--metric", "loss")

    assert (code, out) == (2, "")
    assert "'nonsense'" in err
    assert "tcp://host:8786" in err


def test_a_cluster_that_is_not_there_is_one_line(steplog: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1 and the address."""
    pytest.importorskip("distributed")
    monkeypatch.setattr("readers.cluster.dask.TIMEOUT_S", 0.5)

    code, out, err = steplog("best", "--cluster", "tcp://127.0.0.1:9")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "no Dask scheduler at tcp://127.0.0.1:9" in err


def test_a_command_ends_in_peace(root: Path, dask: "DaskProcesses") -> None:
    """As a process of its own: nothing on stderr, from Dask neither, and it doesn't hang at its end."""
    command = [sys.executable, "-m", "tracker.cli", "best", "--store", str(root), "--cluster", dask.address, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)

    assert (done.returncode, done.stderr) == (0, "")
    assert '"direction"' in done.stdout
