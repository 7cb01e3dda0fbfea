"""What is recorded of every run: enough to repeat it, no secrets, and no wait."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.jsontext import from_json, to_json
from tracker import environment
from tracker.environment import capture, git_state, installed_packages


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a git repository with one commit."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-b", "trunk")
    (folder / "train.py").write_text("lr = 0.1\n")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> None:
    """Commit all there is."""
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-m", "m")


def test_the_capture_says_what_the_run_ran_on() -> None:
    """Platform, interpreter, packages, machine and command are there, and can be stored."""
    found: Any = capture()

    assert found["python"].endswith(sys.version.split()[0])
    assert found["packages"]["numpy"] == __import__("numpy").__version__
    assert found["packages"]["scikit-learn"] == __import__("sklearn").__version__
    assert found["cpu_count"] == os.cpu_count()
    assert found["memory_bytes"] > 2**28
    assert found["command"][0] == sys.executable
    assert from_json(to_json(found)) == found


def test_package_versions_are_those_of_their_metadata() -> None:
    """What the folders' names tell is what importlib.metadata reads from the files."""
    from importlib.metadata import distributions

    expected = {
        dist.metadata["Name"].lower().replace("_", "-").replace(".", "-"): dist.version for dist in distributions()
    }
    assert installed_packages() == expected


def test_secrets_in_the_command_line_are_masked() -> None:
    """What a user gives as --api-key doesn't reach the store; nor does the environment."""
    code = "import json; from tracker.environment import capture; print(json.dumps(capture()))"
    done = subprocess.run(
        [sys.executable, "-c", code, "--api-key", "hunter2", "--lr", "0.1"],
        env={**os.environ, "MY_VARIABLE": "value-of-a-variable"}, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert json.loads(done.stdout)["command"][-4:] == ["--api-key", "***", "--lr", "0.1"]
    assert "hunter2" not in done.stdout
    assert "value-of-a-variable" not in done.stdout


def test_a_clean_repository_is_its_commit(repository: Path) -> None:
    """Commit and branch, from any folder inside; nothing to differ."""
    (repository / "sub").mkdir()

    state = git_state(repository / "sub")
    assert state == {"commit": git(repository, "rev-parse", "HEAD"), "branch": "trunk", "dirty": False, "untracked": []}


def test_a_dirty_repository_gives_the_diff_that_makes_it_so(repository: Path) -> None:
    """Staged and unstaged changes together apply to the commit; untracked files are named."""
    (repository / "train.py").write_text("lr = 0.2\n")
    (repository / "staged.py").write_text("x = 1\n")
    git(repository, "add", "staged.py")
    (repository / "new.py").write_text("")

    state: Any = git_state(repository)
    assert state["dirty"]
    assert state["untracked"] == ["new.py"]
    git(repository, "stash")
    (repository / "a.diff").write_text(state["diff"])
    git(repository, "apply", "a.diff")
    assert (repository / "train.py").read_text() == "lr = 0.2\n"
    assert (repository / "staged.py").read_text() == "x = 1\n"


def test_secrets_in_remote_and_diff_are_masked(repository: Path) -> None:
    """Neither the token in a remote's address nor the key in a changed line is kept."""
    git(repository, "remote", "add", "origin", "https://ann:hunter2@git.example/r.git")
    (repository / "train.py").write_text('api_key = "hunter2"\n')

    state: Any = git_state(repository)
    assert state["remote"] == "https://***@git.example/r.git"
    assert '+api_key = "***"' in state["diff"]
    assert "hunter2" not in str(state)


def test_a_huge_diff_is_cut_and_says_so(repository: Path) -> None:
    """The cap holds, in memory and in the store."""
    (repository / "train.py").write_text("x = 1\n" * 400_000)

    state: Any = git_state(repository)
    assert environment.MAX_DIFF_BYTES < len(state["diff"]) < environment.MAX_DIFF_BYTES + 100
    assert state["diff"].endswith(f"[cut at {environment.MAX_DIFF_BYTES} bytes]\n")


def test_without_a_repository_or_git_or_time_there_is_no_git_state(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these is a run like any other, without git's part."""
    assert git_state(tmp_path) == {}
    assert not any(name.startswith("git.") for name in capture(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(repository) == {}
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o700)
    monkeypatch.setattr(environment, "GIT_TIMEOUT_S", 0.05)
    assert git_state(repository) == {}


def test_a_repository_without_a_commit_has_none(tmp_path: Path, repository: Path) -> None:
    """The branch is known, the commit isn't, and nothing fails."""
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-b", "trunk")

    assert git_state(empty) == {"commit": None, "branch": "trunk", "dirty": False, "untracked": []}


def test_programs_named_by_the_repository_are_not_run(repository: Path) -> None:
    """A watcher or diff program in its configuration is code of whoever wrote that."""
    (repository / "train.py").write_text("lr = 0.3\n")
    for name in ("core.fsmonitor", "diff.external"):
        git(repository, "config", name, f"touch {repository}/ran")

    assert git_state(repository)["dirty"]
    assert not (repository / "ran").exists()
