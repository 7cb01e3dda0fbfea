"""The forwarder's process, as `ForwarderProcess` starts it; `steplog sync` is the command for people.

Run by its path. Reads lines on stdin: first what to forward, then {"settle": n} for each time that it shall say when
all that is there now was dealt with, at last {"end": true}. Writes lines on stdout: {"state": …} when that changes, at
most some a second, and {"settled": n}. When stdin ends without "end" the program has died: it sends the rest, for at
most `linger_s`, and tells what became of its runs.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

AGAIN_S = 1.0
_BUSY_S = 1.0


class Child:
    """What is asked from outside, and how far it is done."""

    def __init__(self, answering: Any) -> None:
        self.say, self.tell = answering.say, answering.tell
        self.forwarder: Any = None
        self.wanted = self.done = 0
        self.ended = False
        self.gone = threading.Event()
        self.asked = threading.Event()

    def listen(self) -> None:
        """Read what is asked, until stdin ends."""
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            self.wanted = asked.get("settle", self.wanted)
            self.ended = self.ended or bool(asked.get("end"))
            self.asked.set()
            if self.ended:
                break
        self.gone.set()
        self.asked.set()
        if self.ended and self.forwarder is not None:
            self.forwarder.stop()

    def forward(self, linger_s: float, parent: int) -> None:
        """Send what comes, until told to end or nobody is there any more."""
        while not self.ended:
            wanted = self.wanted
            gone = self.gone.is_set()
            if gone:
                self._outlive(parent)
            settled = self.forwarder.drain(linger_s if gone else _BUSY_S, last=gone)
            self.tell(self.forwarder.state, now=settled and wanted > self.done)
            if settled and wanted > self.done:
                self.done = wanted
                self.say(settled=wanted)
            if gone:
                return
            self.asked.wait(self.forwarder.pause_s)
            self.asked.clear()

    @staticmethod
    def _outlive(parent: int) -> None:
        from readers.answering import outlive

        outlive(parent, _BUSY_S)


def main() -> int:
    """Forward; the exit status."""
    parent = os.getppid()
    # Ctrl-C is for the program, which says when it ends.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with contextlib.suppress(OSError):
        os.nice(5)  # the training goes first
    told = json.loads(sys.stdin.buffer.readline() or b"null")
    if told is None:
        return 0
    root = str(Path(__file__).parents[2])
    sys.path += [entry for entry in [root, *told["path"]] if entry not in sys.path]
    from readers.answering import Answering

    child = Child(Answering())
    threading.Thread(target=child.listen, daemon=True).start()
    from ingest.errors import TrackerError
    from readers.mlflow.forwarder import Forwarder
    from readers.mlflow.progress import Busy

    said_busy = False
    while not child.ended:
        try:
            with Forwarder(told["root"], told["uri"], on_change=child.tell) as child.forwarder:
                child.say(ready=True)
                child.forward(told["linger_s"], parent)
            return 0
        except Busy as error:  # the other one sends this, too; when it ends it is our turn
            if not said_busy:
                child.say(busy=str(error))
            said_busy = True
        except TrackerError as error:
            child.say(error=str(error))
            return 1
        except Exception as error:  # noqa: BLE001 - it starts anew where it stopped, and says why
            child.say(state={"target": "", "error": f"{type(error).__name__}: {error}"})
        if child.gone.wait(AGAIN_S):
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
