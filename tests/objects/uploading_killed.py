"""Run as a program: upload stores, or compact buckets, and die by SIGKILL at each request in turn.

Reads JSON on stdin: a list of [kind, root, address, number, after]; for each a forked child does the work and kills
itself before (or after) its n-th request that changes the bucket. Writes a list of booleans: whether each was killed.
(The children are forked from a process that never used the client library: it doesn't survive a fork.)
"""

import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from ingest.layout import Layout
from ingest.objects import compaction, uploader
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket


class KillingBucket(Bucket):
    """Dies at a request."""

    left = 0
    after = False

    def _step(self, *, done: bool) -> None:
        cls = type(self)
        if done == cls.after:
            cls.left -= 1
            if cls.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def put(self, key: str, data: bytes | Path, *, create: bool = False) -> bool:
        """Put, and maybe die."""
        self._step(done=False)
        made = super().put(key, data, create=create)
        self._step(done=True)
        return made

    def copy(self, source: str, target: str) -> None:
        """Copy, and maybe die."""
        self._step(done=False)
        super().copy(source, target)
        self._step(done=True)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete, and maybe die."""
        asked = [*keys]
        if asked:
            self._step(done=False)
            super().delete(asked)
            self._step(done=True)


def work(kind: str, root: str, address: str, number: int, after: bool) -> None:
    """Do it, in a child."""
    KillingBucket.left, KillingBucket.after = number, after
    bucket = KillingBucket(Address.of(address))
    if kind == "compact":
        compaction.compact_objects(bucket, Path(root))
        return
    with uploader.Uploader(Layout(root), bucket) as made:
        assert made.drain(last=True), made.state


def main() -> None:
    """Do them all."""
    killed = []
    for job in json.load(sys.stdin):
        child = os.fork()
        if not child:
            status = 1
            try:
                work(*job)
                status = 0
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in {0, -signal.SIGKILL}, status
        killed.append(status != 0)
    print(json.dumps(killed))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
