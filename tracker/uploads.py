"""output_dir="s3://…": a tracker's store on object storage, by a local store (the spool) and a process that uploads it.

No log call knows of it: everything is written to the spool, as to any local store, and the uploader reads the spool's
files. It is started with the first run and ends with the tracker. Ending a run waits for nothing; closing waits until
all is in the bucket, for `upload_wait_s` at most, and says what is left. That is in the spool: it is sent by this
process as long as it lives, by the next tracker of this host with this address, or by `steplog sync`.
"""

import hashlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.errors import SinkFailed
from ingest.objects.address import Address, spool_folder
from readers.objects.process import CLAIM_S, UploaderProcess, Uploading
from readers.objects.requests import is_held

if TYPE_CHECKING:
    from tracker.experiment import ExperimentTracker

LINGER_S = 30.0
"""How long the uploader goes on after a program that doesn't wait."""
RESTART_S = 5.0
"""How long it takes until an uploader that was killed is started again; twice as long each time, up to five minutes."""
_LONGEST_RESTART_S = 300.0
_CLAIM_AGAIN_S = 60.0
_AGAIN_S = 0.2
_log = logging.getLogger("steplog.upload")


class Uploads:
    """The uploading of one tracker. Any thread."""

    def __init__(self, tracker: "ExperimentTracker", address: Address) -> None:
        self.address = address
        self._tracker = weakref.ref(tracker)
        self._layout = tracker.layout
        self._wait_s = tracker.settings.upload_wait_s
        self._strict = tracker.settings.pipeline.strict
        self._process: UploaderProcess | None = None
        self._pid = 0
        self._last = Uploading.of(address.shown, {}, running=False)
        self._said: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._restart_s = RESTART_S
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._ask_again = 0.0

    # --- what the tracker does

    def begin(self) -> None:
        """A run was started here: be there."""
        with self._lock:
            if not self._alive() and not self._over.is_set():
                self._launch()

    def attach(self) -> None:
        """A run of another process is written here: be there, unless somebody uploads this spool already."""
        if not is_held(self._layout.root):
            self.begin()

    def view(self) -> Uploading:
        """How it stands."""
        if self._process is None or self._pid != os.getpid():
            return self._last
        return self._process.view()

    def forked(self) -> None:
        """In a forked child: the uploader is the parent's."""
        self._forget()

    def settle(self, timeout_s: float | None) -> None:
        """Wait until all that was logged before is in the bucket. Raises: TimeoutError: it isn't."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self.begin()
            process = self._process
            left = None if until is None else until - time.monotonic()
            if process is not None and process.settle(left):
                return
            if self._over.wait(_AGAIN_S) or (until is not None and time.monotonic() >= until):
                view = self.view()
                why = f" ({self._cut(view.error)})" if view.error else ""
                message = f"{self.address.shown} doesn't have everything after {timeout_s or 0:.2g} s{why}; it waits in"
                raise TimeoutError(f"{message} {self._layout.root}")

    def close(self) -> None:
        """Wait until all is in the bucket, for a while; then end the process.

        Raises: SinkFailed: the tracker is strict, and not all is there.
        """
        with self._lock:
            self._over.set()
            if self._process is None or self._pid != os.getpid():
                return
            if not self._process.alive:  # it was killed
                self._launch()
            process, self._process = self._process, None
        done = bool(self._wait_s) and process.settle(self._wait_s)
        self._last = process.view()._replace(running=False)
        if done:
            process.stop()
            return
        process.leave()
        if self._wait_s:
            self._say_left(self._last)

    def reserve(self, home: Path, about: str) -> Callable[[Path, int], int]:
        """Make what gives a number to a model or checkpoint that no other node gives.

        Args:
            home: the folder that its number is in, in the spool.
            about: the file of it that tells it from others.

        The bucket is asked, for five seconds at most; without it the number is above all that are known here, and
        whether another node has it too is settled when it is uploaded (see ingest.objects.claims).
        """
        name = home.relative_to(self._layout.root).as_posix()

        def reserve(folder: Path, highest: int) -> int:
            known = max(highest, self._numbers.get(name, 0))
            digest = hashlib.sha256((folder / about).read_bytes()).hexdigest()
            number = self._ask(name, digest, known) or known + 1
            self._numbers[name] = max(number, known)
            return number

        return reserve

    # --- within

    def _ask(self, home: str, digest: str, above: int) -> int | None:
        now = time.monotonic()
        if now < self._ask_again:  # the network is away: who trains doesn't wait for it again and again
            return None
        self.begin()
        process, view = self._process, self.view()
        if process is None or self._pid != os.getpid() or (view.error is not None and not view.settled):
            return None  # the uploader knows that the network is away, and has said it
        number = process.claim(home, digest, above)
        if number is None:
            self._ask_again = time.monotonic() + _CLAIM_AGAIN_S
            if home not in self._said:
                self._said.add(home)
                _log.warning(
                    "%s gave no number for a version in %s within %g s: it takes one above all that are known here, "
                    "and another one when it is uploaded, if some other node has that (said once)",
                    self.address.shown, home, CLAIM_S,
                )  # fmt: skip
        return number

    def _launch(self) -> None:
        """Start the process, in place of one that was killed; `_lock` is held."""
        if self._process is not None and self._pid == os.getpid():
            self._process.stop()
        ended = weakref.WeakMethod(self._restart)

        def restart() -> None:
            method = ended()
            if method is not None:
                method()

        try:
            self._process = UploaderProcess(
                self._layout.root,
                self.address.url,
                linger_s=self._wait_s or LINGER_S,
                warn=self._warn,
                said=self._said,
                ended=restart,
            )
        except OSError as error:
            tracker = self._tracker()
            if tracker is not None:
                tracker._fault("upload", error)  # noqa: SLF001 - one place says, counts, or raises
            return
        self._pid = os.getpid()

    def _restart(self) -> None:
        """The process was killed, by whom ever: begin another, a little later."""
        if self._over.wait(self._restart_s):
            return
        self._restart_s = min(2 * self._restart_s, _LONGEST_RESTART_S)
        self.begin()

    def _alive(self) -> bool:
        return self._process is not None and self._pid == os.getpid() and self._process.alive

    def _warn(self, what: str) -> None:
        """Say what is in the way."""
        _log.warning(
            "uploading to %s waits: %s. Everything is in %s, and is sent when that works (said once)",
            self.address.shown, self._cut(what, most=600), self._layout.root,
        )  # fmt: skip

    def _cut(self, error: str, most: int = 160) -> str:
        """What is in the way, without what stands beside it anyway."""
        text = error.removeprefix(f"{self.address.shown}: ")
        return text if len(text) <= most else f"{text[: most - 3]}..."

    def _say_left(self, view: Uploading) -> None:
        """Say what isn't in the bucket, and how it gets there."""
        usual = spool_folder(self.address) == self._layout.root
        why = f" ({self._cut(view.error)})" if view.error else ""
        what = f": {view.waiting_parts} files with {view.waiting_bytes:,} bytes wait" if view.waiting_parts else ""
        message = (
            f"{self.address.shown} doesn't have everything after {self._wait_s:g} s{why}{what}. All is in "
            f"{self._layout.root}; the next tracker with this address on this host sends it, or this command: "
            f"steplog sync {self.address.shown if usual else self._layout.root}"
        )
        if self._strict:
            raise SinkFailed(message)
        _log.warning("%s", message)
