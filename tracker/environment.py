"""What a run ran on, for reproducing it later: platform, packages, command, git state.

No blanket copy is made of the environment's variables, and what is taken passes the redactor: command line, git remote,
git diff. What isn't there (git, a GPU, a library) is left out; git is waited for a few seconds at most.
"""

import functools
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from ingest.redact import redact, redact_command
from tracker.system import SystemSampler, gpu_names

__all__ = ["SystemSampler", "capture", "git_state", "installed_packages"]

GIT_TIMEOUT_S = 3.0
"""For each of the three questions put to git; a huge repository on a slow disk goes without an answer."""
MAX_DIFF_BYTES = 1 << 20
"""Of the diff of uncommitted changes; what is longer is cut, and says so."""
_INSTALLED = re.compile(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist-info|egg-info)")


def capture(folder: str | os.PathLike[str] = ".") -> dict[str, object]:
    """Describe machine, interpreter, packages, command and git state, secrets left out.

    Keys: platform, python, packages, cpu_count, memory_bytes, hostname, command, folder; where there is one, gpus; in a
    git repository git.commit, git.branch, git.dirty, git.remote, git.untracked, and when dirty git.diff (text).
    """
    found: dict[str, object] = {
        "platform": platform.platform(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": installed_packages(),
        "cpu_count": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "hostname": socket.gethostname(),
        "command": redact_command([sys.executable, *sys.orig_argv[1:]]),
        "folder": str(Path(folder).absolute()),
    }
    gpus = gpu_names()
    if gpus:
        found["gpus"] = gpus
    return found | {f"git.{name}": value for name, value in git_state(folder).items()}


@functools.cache
def installed_packages() -> dict[str, str]:
    """Give the version of each installed distribution, as the names of their metadata folders tell it.

    Reading the metadata itself would take a millisecond a package.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        if not os.path.isdir(folder):  # noqa: PTH112 - entries may be any text, zip files and "" too
            continue
        for name in os.listdir(folder):  # noqa: PTH208
            match = _INSTALLED.fullmatch(name)
            if match:
                found.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), match[2])
    return dict(sorted(found.items()))


def git_state(folder: str | os.PathLike[str] = ".") -> dict[str, object]:
    """Give commit, branch, dirty, remote, untracked and diff of the repository that a folder is in; {} without one.

    File watchers and diff programs that a repository's configuration names are not run, and no lock is taken.
    """
    status = _git(folder, "status", "--porcelain=v2", "--branch", "-z")
    if status is None:
        return {}
    lines = status.split("\0")
    heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    commit = heads.get("branch.oid")
    changes = [line for line in lines if line and line[0] in "12u"]
    untracked = [line[2:] for line in lines if line.startswith("? ")]
    state: dict[str, object] = {
        "commit": commit if commit != "(initial)" else None,
        "branch": heads.get("branch.head"),
        "dirty": bool(changes),
        "untracked": untracked[:100],
    }
    remote = _git(folder, "remote", "get-url", "origin")
    if remote:
        state["remote"] = redact(remote.strip())
    diff = _git(folder, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color") if changes else None
    return state | {"diff": redact(diff)} if diff else state


def _git(folder: str | os.PathLike[str], *arguments: str) -> str | None:
    """Ask git; None where it has no answer, or none in time."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "diff.external=", *arguments]
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    with tempfile.TemporaryFile() as answer:  # a pipe would hold a huge diff in memory
        try:
            subprocess.run(
                command, cwd=folder, env=quiet, stdin=subprocess.DEVNULL, stdout=answer, stderr=subprocess.DEVNULL,
                timeout=GIT_TIMEOUT_S, check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            return None
        answer.seek(0)
        data = answer.read(MAX_DIFF_BYTES + 1)
    text = data[:MAX_DIFF_BYTES].decode(errors="replace")
    return text if len(data) <= MAX_DIFF_BYTES else f"{text}\n[cut at {MAX_DIFF_BYTES} bytes]\n"
