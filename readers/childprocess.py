"""ChildProcess: a Python process of ours beside the program, for work that the program must not feel.

The program that trains imports nothing for that work, and its interpreter lock is never held by it. Guarantee: the
child ends with the program that started it, however that ends. It reads a pipe whose one writing end is here: when
that is closed, by `stop` or by the kernel, the child ends. A forked child of the program closes its copy, so it can't
keep the other alive.

Each speaks lines of JSON: the program on the child's stdin, first of all what the child needs, which no command line
shows; the child on its stdout. What it says on stderr is for people.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ingest import process

STOP_S = 4.0
"""How long the child may take to end by itself; then it is killed."""


class ChildProcess:
    """A running child; starting it doesn't wait for it. Any thread.

    Args:
        main: the file it runs.
        settings: what it is told first; `path`, where this program imports from, is told with it.
        arguments: its command line; everybody on the host can read that.
        polars_threads: threads that Polars may use in it, unless the environment says.
        pass_fds: open files that it inherits.

    Raises: OSError: it can't be started.
    """

    def __init__(
        self,
        main: Path,
        settings: dict[str, Any],
        arguments: Sequence[str] = (),
        *,
        polars_threads: int = 1,
        pass_fds: Sequence[int] = (),
    ) -> None:
        if not sys.executable:
            raise OSError("this Python doesn't know its own executable, so it can't start another one")
        self._lock = threading.RLock()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._child: subprocess.Popen[bytes] | None = subprocess.Popen(
            [sys.executable, "-P", str(main), *arguments],
            bufsize=0,  # no buffer, no lock of one that a fork could leave taken
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            env={"POLARS_MAX_THREADS": str(polars_threads), **os.environ},
            cwd="/",  # so that it holds no folder that somebody wants to unmount
            start_new_session=True,  # Ctrl-C is for the program
        )
        self._tell({**settings, "path": [str(Path(entry).absolute()) for entry in sys.path if entry]})
        process.tell(self)

    @property
    def alive(self) -> bool:
        """Whether it runs; False in a forked child, whose it isn't."""
        child = self._child
        return child is not None and child.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it was stopped."""
        return None if self._child is None else self._child.pid

    def stop(self) -> None:
        """End it, within seconds. Twice is once."""
        with self._lock:
            self._stopping = True
            child = self._child
            if child is None:
                return
            self._say_farewell()
            self._child = None
        _close(child.stdin)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        others = [thread for thread in self._threads if thread is not threading.current_thread()]
        for thread in others:
            thread.join(STOP_S)  # it ends when the last holder of the child's pipe does
        if not any(thread.is_alive() for thread in others):
            _close(child.stdout)
            _close(child.stderr)

    def leave(self) -> None:
        """Let it end by itself, as if the program had died; nobody waits for it."""
        with self._lock:
            self._stopping = True
            child, self._child = self._child, None
        if child is not None:
            _close(child.stdin)
            child.returncode = 0  # nobody waits for it

    # --- as a Survivor (see ingest.process)

    def rest_locks(self) -> "Iterable[threading.RLock]":
        """None: a fork needs nothing of it to be at rest."""
        return ()

    def forked(self) -> None:
        """In a forked child: let go of the parent's."""
        self._lock = threading.RLock()
        child, self._child = self._child, None
        if child is not None:
            for pipe in (child.stdin, child.stdout, child.stderr):
                _close(pipe)
            child.returncode = 0  # it isn't ours to wait for

    def exiting(self) -> None:
        """At the end of the program."""
        with suppress(OSError):
            self.stop()

    # --- for those that are one

    def _say_farewell(self) -> None:
        """Tell it something before its stdin is closed."""

    def _tell(self, line: dict[str, Any]) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            with suppress(OSError, ValueError):  # it has ended: `alive` says so
                child.stdin.write(json.dumps(line).encode() + b"\n")

    def _hear(self, pipe: "IO[bytes] | None", listen: "Callable[[IO[bytes]], None]", name: str) -> None:
        """Listen to one of its pipes, in a thread that only waits."""

        def hear() -> None:
            with suppress(ValueError, OSError):  # closed meanwhile
                if pipe is not None:
                    listen(pipe)
            _close(pipe)

        thread = threading.Thread(target=hear, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _close(pipe: "IO[bytes] | None") -> None:
    if pipe is not None:
        with suppress(OSError):
            pipe.close()
