"""The server's process, as `DashboardProcess` starts it; `steplog ui` is the command for people.

Run by its path, with the listening socket's number and the starter's process id; says one line on stdout.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

PARENT_LOOK_S = 1.0


def main(descriptor: int, parent: int) -> int:
    """Serve until stdin ends or the parent is gone; the exit status."""
    # Ctrl-C is for the program. Blocked, not ignored: uvicorn sets a handler of its own.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with contextlib.suppress(OSError):
        os.nice(5)  # the training goes first
    told = json.loads(sys.stdin.buffer.readline() or b"null")
    if told is None:
        return 0
    root = str(Path(__file__).parents[2])
    sys.path += [entry for entry in [root, *told["path"]] if entry not in sys.path]
    # What anybody prints goes to stderr, so that stdout has the one line and nothing else.
    answer = os.dup(1)
    os.dup2(2, 1)

    def say(line: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            os.write(answer, json.dumps(line).encode() + b"\n")
            os.close(answer)

    try:
        from ingest.errors import TrackerError
        from readers.dashboard.server import Dashboard
        from readers.dashboard.settings import DashboardSettings

        bound = socket.socket(fileno=descriptor)
        try:
            dashboard = Dashboard(DashboardSettings(**told["settings"]), bound, on_ready=lambda: say({"ready": True}))
        except (TrackerError, ValueError) as error:
            say({"error": str(error)})
            return 1
    except ImportError as error:
        say({"error": f"the dashboard's packages aren't all installed: {error}; install steplog with its dependencies"})
        return 1
    _end_with(parent, dashboard.end)
    dashboard.run()
    return 0


def _end_with(parent: int, end: Callable[[], None]) -> None:
    """End when nobody holds the other side of stdin any more, or when the parent is no longer ours."""
    gone = threading.Event()

    def until_closed() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        gone.set()

    def until_gone() -> None:
        while not gone.wait(PARENT_LOOK_S):
            if os.getppid() != parent:
                break
        end()

    threading.Thread(target=until_closed, daemon=True).start()
    threading.Thread(target=until_gone, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
