"""Nodes: hosts of their own on this machine, with a name, a network and processes; by network namespaces, as root.

What a node has not is a disk of its own: it is given a folder that nobody else looks into.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.waiting import until

_NUMBERS = itertools.count(1)
_RENAME = 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"'


def whats_missing() -> str:
    """Why there can be no nodes here; "" where there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "nodes are network namespaces of Linux, which root makes"
    missing = [tool for tool in ("ip", "unshare") if shutil.which(tool) is None]
    if missing:
        return f"nodes need {' and '.join(missing)} (Debian, Ubuntu: apt-get install iproute2 util-linux)"
    probe = f"steplog-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    _ip("netns", "del", probe)
    return ""


class Node:
    """A host that reaches this machine at `gateway`, and nothing else. A context manager: its end is the node's."""

    def __init__(self, name: str) -> None:
        self.name = name
        number = next(_NUMBERS)
        place = (os.getpid() << 6 | number & 63) & 0x3FFFF  # a /30 of 10.192.0.0/12 each
        base = (10 << 24) + (192 << 16) + 4 * place
        self.gateway, self._own = (".".join(str(base + n >> shift & 255) for shift in (24, 16, 8, 0)) for n in (1, 2))
        self._space = f"steplog-{os.getpid()}-{number}"
        self._cable = f"sl{os.getpid() % 10**7}n{number}"
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        _ip("netns", "add", self._space)
        try:
            _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self._space)
            _ip("address", "add", f"{self.gateway}/30", "dev", self._cable)
            _ip("link", "set", self._cable, "up")
            _ip("-n", self._space, "address", "add", f"{self._own}/30", "dev", "eth0")
            for one in ("eth0", "lo"):
                _ip("-n", self._space, "link", "set", one, "up")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self, code: str, *arguments: object, env: dict[str, str]) -> "subprocess.Popen[str]":
        """A Python process of this host that runs a script; what it says and hears are pipes."""
        inside = ["ip", "netns", "exec", self._space, "unshare", "--uts", "sh", "-c", _RENAME, self.name]
        command = [*inside, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
        process = subprocess.Popen(
            command, text=True, env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._processes.append(process)
        return process

    def unplug(self) -> None:
        """Nothing goes out or comes in any more; nobody is told."""
        _ip("link", "set", self._cable, "down")

    def plug(self) -> None:
        """The network is back."""
        _ip("link", "set", self._cable, "up")

    def cut_power(self) -> None:
        """Kill every process of this host at once, by SIGKILL."""
        for process in self._pids():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for child in self._processes:
            child.wait()
        until(lambda: not self._pids(), "processes of a node live on")

    def close(self) -> None:
        """End it, and whatever still runs on it."""
        self.cut_power()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
        subprocess.run(["ip", "link", "del", self._cable], capture_output=True, check=False)
        _ip("netns", "del", self._space)

    def _pids(self) -> list[int]:
        told = subprocess.run(["ip", "netns", "pids", self._space], capture_output=True, text=True, check=False).stdout
        return [pid for pid in map(int, told.split()) if _runs(pid)]


def _runs(pid: int) -> bool:
    """Whether it isn't just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)
