"""Processes that are made to die: a template that has imported everything once, and forks a victim for each test.

A victim logs numbered events and acknowledges each in shared memory after its log call has returned. Whatever kills it,
what it acknowledged must be in the store afterwards: once, in order. The template itself runs no thread, so that a
victim is what a fresh training script is.
"""

import errno
import itertools
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ingest.compact import compact
from ingest.layout import Layout
from ingest.numbered import remove
from ingest.recovery import recover
from ingest.settings import PipelineSettings
from readers.checkpoints import About, list_checkpoints
from tests.waiting import until
from tracker.checkpoints import superfluous, write_checkpoint
from tracker.experiment import ExperimentTracker
from tracker.modelregistry import ModelRegistry, file_facts

REPOSITORY = Path(__file__).parents[2]
SLOTS = 16
TINY = PipelineSettings(
    first_segment_bytes=2048,
    segment_bytes=16384,
    flush_interval_s=0.001,
    seal_interval_s=0.005,
    sync_interval_s=0.002,
    compact_files=4,
)
"""Rotations, seals, syncs and compactions all the time."""
DEADLINE_S = 15.0
REACHED = 7
"""Exit code of a victim that came to the step where it should fail, and went on."""


class Progress:
    """Counters in memory that outlives whoever counts. One writer a slot."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(8 * SLOTS)
            self._map = mmap.mmap(file.fileno(), 8 * SLOTS)

    def __setitem__(self, slot: int, count: int) -> None:
        self._map[8 * slot : 8 * slot + 8] = count.to_bytes(8, "little")  # one copy, never half of it

    def __getitem__(self, slot: int) -> int:
        return int.from_bytes(self._map[8 * slot : 8 * slot + 8], "little")

    def wait_for(self, slot: int, count: int) -> None:
        """Wait until a counter has come so far. Raises: AssertionError: it hasn't in time."""
        until(lambda: self[slot] >= count, lambda: f"slot {slot} is at {self[slot]}, not at {count}")


class Ended(NamedTuple):
    """How a script ended."""

    status: int
    out: str
    err: str


class Script:
    """Python code in a process of its own; it runs in a folder, and finds `tracker` and the name `store`."""

    def __init__(self, folder: Path, body: str) -> None:
        prelude = f"import os, signal, sys, threading, time\nstore = {str(folder / 'store')!r}\nexperiment = 'e'\n"
        self._process = subprocess.Popen(
            [sys.executable, "-c", prelude + SETTINGS + textwrap.dedent(body)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def go_on(self, word: str = "") -> None:
        """Let it return from `input()` with a word."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def line(self) -> str:
        """The next line it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def alive(self) -> bool:
        """Whether it runs still."""
        return self._process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in that time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def send(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Wait for its end; a script that hangs is killed and its test fails."""
        try:
            out, err = self._process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # faulthandler shows where it stands
            out, err = self._process.communicate()
            raise AssertionError(f"the script did not end within {DEADLINE_S} s:\n{err}") from None
        return Ended(self._process.returncode, out, err)


SETTINGS = """
import faulthandler; faulthandler.enable()
from tracker import ExperimentTracker, PipelineSettings
small = PipelineSettings(first_segment_bytes=4096, segment_bytes=16384, flush_interval_s=0.005, seal_interval_s=0.02)
"""


def run(folder: Path, body: str) -> Ended:
    """Run a script to its end."""
    return Script(folder, body).end()


class Victim(NamedTuple):
    """A forked process."""

    pid: int
    template: "Template"

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in that time."""
        return self.template.answers_within(seconds)

    def wait(self) -> int:
        """Wait for its end; the exit code, or minus the signal."""
        return int(self.template.answer()["status"])


class Template:
    """Forks victims, one at a time."""

    def __init__(self, log: Path) -> None:
        self.log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from tests.crash.victims import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=REPOSITORY,
                text=True,
            )

    def fork(self, name: str, **arguments: Any) -> Victim:
        """Start the victim of that name."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"name": name, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        return Victim(int(self.answer()["pid"]), self)

    def run(self, name: str, **arguments: Any) -> int:
        """Start a victim and wait for its end."""
        return self.fork(name, **arguments).wait()

    def answer(self) -> dict[str, int]:
        """What the template says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the template died: {self.log.read_text()}"
        answer: dict[str, int] = json.loads(line)
        return answer

    def answers_within(self, seconds: float) -> bool:
        """Whether it says something in that time."""
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_S)
        self._process.stdout.close()


def serve() -> None:
    """The template's loop: read a request, fork, report the end."""
    import ingest.writer  # noqa: F401 - victims find it imported

    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if not pid:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                VICTIMS[request["name"]](**request["arguments"])
            except BaseException:  # noqa: BLE001 - the end of a process
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(3)
            os._exit(0)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 - the protocol
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


# --- what victims do


def log_for_ever(
    root: str, progress: str, threads: int, runs: int, *, queue: str = "file", queue_dir: str | None = None
) -> None:
    """Log from several threads into several runs, params and tags in between, until killed."""
    settings = PipelineSettings(**{**_fields(TINY), "queue": queue, "queue_dir": queue_dir})
    tracker = ExperimentTracker(root, "crash", auto_log=False, pipeline=settings)
    names = [tracker.start_run(f"run {number}", nested=number > 0) for number in range(runs)]
    counters = Progress(Path(progress))

    def work(thread: int) -> None:
        for number in itertools.count():
            log_one(tracker, str(names[number % runs]), thread, number)
            counters[thread] = number + 1

    workers = [threading.Thread(target=work, args=(thread,), daemon=True) for thread in range(1, threads)]
    for worker in workers:
        worker.start()
    work(0)


def log_one(tracker: ExperimentTracker, run: str, thread: int, number: int) -> None:
    """The event that has this number in this thread's sequence."""
    if number % 7 == 3:
        tracker.log_params({f"p{thread}": number}, run_id=run)
    elif number % 7 == 5:
        tracker.set_tags({f"t{thread}": number}, run_id=run)
    elif number % 11 == 4:
        tracker.log_metrics({f"new {thread} {number}": float(number)}, run_id=run)
    else:
        tracker.log_metrics({f"m{thread}": float(number), "other": 0.5}, step=number, run_id=run)


def _fields(settings: PipelineSettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


# --- dying, or failing, at the n-th step of the file system


AUDITED = frozenset(
    {
        "open",
        "os.rename",
        "os.remove",
        "os.symlink",
        "os.mkdir",
        "os.rmdir",
        "os.utime",
        "os.truncate",
        "os.scandir",
        "os.listdir",
    }
)
ERRORS = {"full": errno.ENOSPC, "broken": errno.EIO, "read-only": errno.EROFS}
WRAPPED = ("fsync", "fdatasync", "posix_fallocate", "write", "ftruncate")


class Steps:
    """Counts the system calls that touch some folders, and dies or fails at the n-th and the `span` - 1 that follow."""

    def __init__(self, root: str, at: int, how: str, span: int = 1, queue_dir: str | None = None) -> None:
        self.count = 0
        self._roots = (root, queue_dir or root)
        self._at = range(at, at + span)
        self._how = how
        for name in WRAPPED:
            setattr(os, name, self._counting(name, getattr(os, name)))
        sys.addaudithook(self._heard)

    def _counting(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(descriptor: int, *arguments: Any) -> Any:
            if str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(self._roots):
                self._step(name)
            return real(descriptor, *arguments)

        return counted

    def _heard(self, event: str, arguments: Sequence[object]) -> None:
        if event in AUDITED and any(str(argument).startswith(self._roots) for argument in arguments[:2]):
            self._step(f"{event} {' '.join(map(str, arguments[:2]))}")

    def _step(self, what: str) -> None:
        self.count += 1
        if self.count not in self._at:
            return
        if self._how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        number = ERRORS[self._how]
        raise OSError(number, f"{os.strerror(number)} (injected)", what)


def recover_until(root: str, at: int, how: str, queue_dir: str | None = None) -> None:
    """Recover, and die or fail at the n-th step."""
    steps = Steps(root, at, how, queue_dir=queue_dir)
    recover(Layout(root))
    os._exit(REACHED if steps.count >= at else 0)


def compact_until(root: str, at: int, how: str) -> None:
    """Compact, and die or fail at the n-th step."""
    steps = Steps(root, at, how)
    with suppress(OSError):
        compact(Layout(root))
    os._exit(REACHED if steps.count >= at else 0)


def log_until(
    root: str, progress: str, count: int, at: int, how: str, span: int = 1, queue_dir: str | None = None
) -> None:
    """Log and seal in one thread, step by step, and die or fail at the n-th system call.

    To die it is allowed before it has a store; what fails then is raised to the user, and no concern here.
    """
    from tests.ingest.byhand import ByHand

    counters = Progress(Path(progress))
    early = Steps(root, at, how, queue_dir=queue_dir) if how == "die" else None
    hand = ByHand(Path(root), compact_files=4, queue_dir=queue_dir)
    steps = early or Steps(root, at, how, span, queue_dir)
    for number in range(count):
        if number % 5 == 4:
            hand.param("p0", number)
        else:
            hand.point("m0", number)
        counters[0] = number + 1
        if number % 20 == 19:
            hand.clock.advance(1.5)
            hand.step(seal_now=number % 40 == 39)
            stats = hand.writer.stats()
            assert stats.appended == number + 1, stats
            assert stats.dropped == 0, stats
    for _ in range(span):  # the disk works again; before the end, so that nothing has to be given up
        if span > 1 and (hand.writer.faults.failing or steps.count < at + span):
            hand.clock.advance(31.0)
            hand.step(seal_now=True)
    hand.finish()
    counters[1] = hand.writer.stats().dropped
    counters[2] = hand.writer.faults.count
    os._exit(REACHED if steps.count >= at else 0)


def checkpoint_until(root: str, at: int, how: str) -> None:
    """Save one more checkpoint and keep only that, and die or fail at the n-th step."""
    steps = Steps(root, at, how)
    layout = Layout(root)
    with suppress(OSError):
        save_checkpoint(layout, 2)
        for number in superfluous(list_checkpoints(layout, "run"), keep_last=1, keep_best=0):
            remove(layout.run_checkpoints("run"), number, layout.tmp)
    os._exit(REACHED if steps.count >= at else 0)


def checkpoint_state(number: int) -> dict[str, Any]:
    """The training state that has this number."""
    return {"number": number, "weights": [number] * 100, "array": np.full(1000, number), "object": Custom(number)}


def save_checkpoint(layout: Layout, number: int) -> None:
    """Save the state of that number."""
    write_checkpoint(layout, "run", checkpoint_state(number), About(number, number, {}, {}, []))


def promote_until(root: str, at: int, how: str) -> None:
    """Promote the second version of a model, and die or fail at the n-th step."""
    steps = Steps(root, at, how)
    with suppress(OSError):
        ModelRegistry(Layout(root)).promote("m", 2, "production")
    os._exit(REACHED if steps.count >= at else 0)


def delete_until(root: str, at: int, how: str) -> None:
    """Delete the third version of a model, and die or fail at the n-th step."""
    steps = Steps(root, at, how)
    with suppress(OSError):
        ModelRegistry(Layout(root)).delete("m", 3)
    os._exit(REACHED if steps.count >= at else 0)


def save_version(registry: ModelRegistry, number: int) -> int:
    """Save the version of that number of the model "m"."""

    def write(folder: Path) -> Any:
        (folder / "model.bin").write_bytes(b"model %d" % number)
        size, sha256 = file_facts(folder / "model.bin")
        described = {"format": "pickle", "file": "model.bin", "class_name": "X", "time_ns": number}
        return {**described, "size": size, "sha256": sha256}

    return registry.publish("m", write)[0].version


class Custom:
    """What only a pickle can hold."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and other.number == self.number

    __hash__ = None  # type: ignore[assignment]


VICTIMS: dict[str, Callable[..., None]] = {
    "log_for_ever": log_for_ever,
    "recover_until": recover_until,
    "compact_until": compact_until,
    "log_until": log_until,
    "checkpoint_until": checkpoint_until,
    "promote_until": promote_until,
    "delete_until": delete_until,
}


@contextmanager
def template(folder: Path) -> Iterator[Template]:
    """A template for as long as the block runs."""
    made = Template(folder / "template.log")
    try:
        yield made
    finally:
        made.close()
