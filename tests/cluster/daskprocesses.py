"""A real Dask cluster on this machine: a scheduler and workers, a process each."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.waiting import until

_QUIET = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2", "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "false"}


class DaskProcesses:
    """A scheduler; workers are added to it.

    Args:
        folder: where they may write.
        variables: further ones of their environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, **_QUIET, **variables}
        self._processes: list[subprocess.Popen[bytes]] = []
        described = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
                                     "--idle-timeout", "600", "--scheduler-file", str(described))  # fmt: skip
        until(lambda: _address(described), self.said, deadline_s=40)
        self.address = _address(described)

    def add_worker(self, *, nanny: bool = False, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a worker of one thread; with a nanny it is started anew when it dies."""
        self._environment |= variables
        return self._start("worker", self.address, "--nthreads", "1", "--nanny" if nanny else "--no-nanny",
                           "--no-dashboard", "--local-directory", str(self._folder))  # fmt: skip

    def client(self, workers: int) -> Any:
        """A client; so many workers have come."""
        from distributed import Client

        client: Any = Client
        made = client(self.address, timeout=40, set_as_default=False)
        made.wait_for_workers(workers, timeout=40)
        return made

    def close(self) -> None:
        """End all of them, the scheduler last: workers without one try to find it again."""
        for some in (self._processes[1:], self._processes[:1]):
            for process in some:
                process.terminate()
            for process in some:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def said(self) -> str:
        """What they printed."""
        return "\n".join(path.read_text() for path in self._folder.glob("*.log"))

    def _start(self, what: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        with (self._folder / f"{what}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=self._folder)
        self._processes.append(process)
        return process


def _address(described: Path) -> str:
    """The scheduler's address, once its file is written to the end."""
    try:
        return str(json.loads(described.read_text())["address"])
    except (FileNotFoundError, ValueError):
        return ""
