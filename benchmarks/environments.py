"""A virtual environment a peer, made once and kept outside the repository.

The folder's name ends in a digest of the requirements and the interpreter, so a changed pin makes a new environment
and an unfinished one (no `versions.json`) is made again. Peers with the same requirements share one.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import Installed

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_FOLDER = Path.home() / ".cache" / "steplog-benchmarks"
_INSTALL_TIMEOUT_S = 1200


class NotInstallable(Exception):
    """A peer's packages can't be installed here; says pip's last words."""


@dataclass(frozen=True)
class Environment:
    """An interpreter that can import the peer, and what is installed beside it."""

    python: Path
    versions: dict[str, str]

    def version(self, peer: Installed) -> str:
        """The installed version of the peer's own distribution."""
        first = peer.requirements[0]
        return self.versions.get("steplog" if first == "." else _plain(first.split("==", 1)[0]), "?")


def environment(peer: Installed, folder: Path = DEFAULT_FOLDER) -> Environment:
    """Return the peer's environment, made if it isn't there yet.

    Raises: NotInstallable: pip failed, or no virtual environment can be made.
    """
    editable = peer.requirements[0] == "."
    wanted = [sys.version, *peer.requirements]
    if editable:  # its dependencies decide what must be installed; its code is read from the repository anyway
        wanted += [str(REPOSITORY), (REPOSITORY / "pyproject.toml").read_text()]
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    home = folder.expanduser() / f"{peer.requirements[0].split('==')[0].replace('.', 'steplog')}-{digest}"
    python, listing = home / "bin" / "python", home / "versions.json"
    if not listing.is_file():
        _make(home, peer)
        listing.write_text(json.dumps(_freeze(python), indent=1))
    return Environment(python, json.loads(listing.read_text()))


def _make(home: Path, peer: Installed) -> None:
    """Make the environment and install into it; the whole output goes to `install.log` there."""
    print(f"making an environment for {peer.name}: {' '.join(peer.requirements)}", file=sys.stderr)
    started = time.monotonic()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    packages = [
        argument
        for wanted in peer.requirements
        for argument in (("--editable", str(REPOSITORY)) if wanted == "." else (wanted,))
    ]
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(home)],
        [str(home / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *packages],
    )
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise NotInstallable(f"not installed within {_INSTALL_TIMEOUT_S} s") from error
        (home / "install.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if line.strip() and "WARNING" not in line]
            raise NotInstallable(told[-1] if told else f"exit status {done.returncode}")
    print(f"  done in {time.monotonic() - started:.0f} s", file=sys.stderr)


def _freeze(python: Path) -> dict[str, str]:
    """Name to version of everything installed, the repository itself included."""
    command = [str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {_plain(package["name"]): package["version"] for package in listed}


def _plain(name: str) -> str:
    """A distribution's name as PyPI normalises it."""
    return name.lower().replace("_", "-").replace(".", "-")
