"""A process from which others are forked that do one thing with a bucket, in milliseconds, and are killed in it.

Run as `python -m tests.objects.zygote`; each line it reads is a job, as JSON; it answers with the process id at once,
and with the exit status when that has ended. It has everything imported and never asked a bucket itself, whose
client's threads no fork has.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import obstore.store  # noqa: F401 - so that the forked have it
import pyarrow.compute
import pyarrow.parquet  # noqa: F401 - likewise

from ingest.layout import Layout
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.compaction import compact_objects
from ingest.objects.uploader import Uploader


def upload(root: str, address: str) -> None:
    """Bring all that a store holds to its bucket."""
    with Uploader(Layout(root), Bucket(Address.of(address)), backoff_s=(0.01, 0.05)) as uploader:
        assert uploader.drain(60, last=True), uploader.state.error


def compact(tmp: str, address: str) -> None:
    """Merge a bucket's parts."""
    compact_objects(Bucket(Address.of(address)), Path(tmp))


JOBS: dict[str, Callable[..., None]] = {"upload": upload, "compact": compact}


class Zygote:
    """Forks processes; the environment is that of the moment in which it was made."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.objects.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def start(self, job: str, **arguments: Any) -> int:
        """Begin a job; its process's id. `wait` for it before the next."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"job": job, **arguments}) + "\n")
        self._process.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """The exit status of the job; below 0: the signal that ended it."""
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        """End."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def main() -> None:
    """Fork for each line."""
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            _work(job)
        print(pid, flush=True)  # noqa: T201 - the answer
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201 - likewise


def _work(job: dict[str, str]) -> None:
    try:
        JOBS[job.pop("job")](**job)
    except BaseException:  # noqa: BLE001 - it is said, and the status tells
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
