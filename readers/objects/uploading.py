"""The uploader's process, as `UploaderProcess` starts it; `steplog sync` is the command for people.

Run by its path. Reads lines on stdin: first what to upload, then {"settle": n} for each time that it shall say when all
that is there now is in the bucket, {"claim": n, ...} for a number of a model or checkpoint, at last {"end": true}.
Writes lines on stdout: {"state": ...} when that changes, at most some a second, {"settled": n}, {"claimed": n, ...}.
When stdin ends without "end" the program has died: it uploads the rest, for at most `linger_s`.

While another process uploads this spool it waits for its turn as a bare interpreter, and passes on what it is asked
(see requests).
"""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

TURN_S = 0.3
"""Seconds between two looks at whether it is our turn, and at what others ask."""
AGAIN_S = 1.0
_SLICE_S = 10.0
_OUTLIVE_S = 1.0


class Child:
    """What is asked from outside, and how far it is done."""

    def __init__(self, told: dict[str, Any], answering: Any) -> None:
        self.say, self.tell = answering.say, answering.tell
        self.root, self.url = Path(told["root"]), str(told["url"])
        self.linger_s = float(told["linger_s"])
        self.parent = os.getppid()
        self.uploader: Any = None
        self.wanted = self.done = 0
        self.ended = False
        self.gone_at: float | None = None
        self.asked = threading.Event()
        self.claims: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    # --- what it says

    def settle(self, wanted: int) -> None:
        """All is in the bucket that was there when `wanted` was asked."""
        if wanted > self.done:
            self.done = wanted
            self.say(settled=wanted)

    # --- what it hears

    def listen(self) -> None:
        """Read what is asked, until stdin ends."""
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            if "claim" in asked:
                self.claims.put(asked)
            self.wanted = asked.get("settle", self.wanted)
            self.ended = self.ended or bool(asked.get("end"))
            self.asked.set()
            if self.ended:
                break
        self.gone_at = time.monotonic()
        self.asked.set()
        if self.uploader is not None:  # if nobody is there any more, another one does what is left
            self.uploader.stop()

    def claim(self) -> None:
        """Give numbers out, one after the other; the uploader's own work may take long."""
        bucket = None
        while True:
            asked = self.claims.get()
            number = None
            try:
                from ingest.objects.claims import claim

                bucket = bucket or self._bucket()
                number = claim(bucket, asked["home"], asked["digest"], asked["above"])
            except Exception as error:  # noqa: BLE001 - the number is settled when it is uploaded; this says why
                self.say(error=f"no number could be reserved: {error}")
            self.say(claimed=asked["claim"], number=number)

    def _bucket(self) -> Any:
        from ingest.objects.address import Address
        from ingest.objects.bucket import Bucket

        return Bucket(Address.of(self.url), timeout_s=4.0, connect_timeout_s=3.0, retries=1, retry_s=4.0)

    # --- what it does

    def _outlive(self) -> None:
        from readers.answering import outlive

        outlive(self.parent, _OUTLIVE_S)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do here: told to end, or nobody is there for long enough."""
        return self.ended or (self.gone_at is not None and time.monotonic() - self.gone_at > self.linger_s)

    def wait_for_turn(self, requests: Any, is_held: Any) -> None:
        """Wait while another process uploads this spool; pass on to it what is asked here."""
        asked, name = (0, False), ""
        while not self.over and is_held(self.root):
            now = self.wanted, self.gone_at is not None
            if now != asked:
                if self.gone_at is not None:
                    self._outlive()
                asked, name = now, f"{os.getpid()}-{self.wanted}-{now[1]:d}"
                requests.ask(name)
            elif name and not requests.is_open(name):
                name = ""
                self.settle(asked[0])
                self.ended = self.ended or asked[1]
            self.asked.wait(TURN_S)
            self.asked.clear()

    def upload(self, requests: Any) -> None:
        """Upload what comes, until told to end or nobody is there any more; then, begun anew, what is left."""
        gone_at = self.gone_at
        if gone_at is not None:
            self._outlive()
        while not self.over and self.gone_at == gone_at:
            wanted, others = self.wanted, requests.names()
            left = None if gone_at is None else self.linger_s - (time.monotonic() - gone_at)
            settled = self.uploader.drain(_SLICE_S if left is None else max(0.1, left), last=gone_at is not None)
            self.tell(self.uploader.state, now=settled and wanted > self.done)
            if settled:
                self.settle(wanted)
                requests.answer(others)
            if gone_at is not None:
                self.ended = True
                return
            self._pause(requests)

    def _pause(self, requests: Any) -> None:
        """Wait as long as the uploader wants to, or until somebody asks."""
        until = time.monotonic() + self.uploader.pause_s
        while (left := until - time.monotonic()) > 0:
            if self.asked.wait(min(left, TURN_S)) or requests.names():
                break
        self.asked.clear()


def main() -> int:
    """Upload; the exit status."""
    # Ctrl-C is for the program, which says when it ends.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with contextlib.suppress(OSError):
        os.nice(5)  # the training goes first
    told = json.loads(sys.stdin.buffer.readline() or b"null")
    if told is None:
        return 0
    ours = str(Path(__file__).parents[2])
    sys.path += [entry for entry in [ours, *told["path"]] if entry not in sys.path]
    from readers.answering import Answering

    child = Child(told, Answering())
    threading.Thread(target=child.listen, daemon=True).start()
    threading.Thread(target=child.claim, daemon=True).start()
    from readers.objects.requests import Requests, is_held

    requests, said_busy = Requests(child.root), False
    while not child.over:
        try:
            if is_held(child.root):
                if not said_busy:
                    child.say(busy=f"another process uploads {child.root}; it uploads what is logged here, too")
                    said_busy = True
                child.wait_for_turn(requests, is_held)
                continue
            work(child, requests)
            said_busy = False
        except Exception as error:  # noqa: BLE001 - it starts anew where it stopped, and says why
            child.say(error=f"{type(error).__name__}: {error}")
        if not child.over:
            child.asked.wait(AGAIN_S)
            child.asked.clear()
    return 0


def work(child: Child, requests: Any) -> None:
    """Take the turn, and upload until the end."""
    from ingest.errors import Busy
    from ingest.layout import Layout
    from ingest.objects.address import Address
    from ingest.objects.bucket import Bucket
    from ingest.objects.uploader import Uploader

    with (
        contextlib.suppress(Busy),
        Bucket(Address.of(child.url)) as bucket,
        Uploader(Layout(child.root), bucket, on_change=child.tell) as child.uploader,
    ):
        child.say(ready=True)
        child.upload(requests)


if __name__ == "__main__":
    os._exit(main())  # a compaction may be on its way in a thread; it can be left at any point
