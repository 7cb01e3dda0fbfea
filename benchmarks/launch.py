"""Runs one job in a peer's environment and accounts for all that came of it.

CPU is counted to the end of the last process: this one adopts what a peer leaves behind (see usage), waits for it, and
ends what has not gone after a grace period; what it used until then is counted. A peer can't reach the network: it is
set up offline, and where it tries all the same, its proxy is a closed port of this machine.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import REPOSITORY, Environment
from benchmarks.peers import Installed
from benchmarks.usage import adopt_orphans, descendants, memory_mb, waited_cpu_s

_GRACE_S = 15.0
_POLL_S = 0.05
_NOWHERE = "http://127.0.0.1:9"
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", ""),
    "PYTHONPATH": str(REPOSITORY),
    "PYTHONSAFEPATH": "1",  # a peer's folder in the working directory must not stand in for its package
    "LANG": "C.UTF-8",
    "http_proxy": _NOWHERE,
    "https_proxy": _NOWHERE,
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "no_proxy": "localhost,127.0.0.1",
    "DO_NOT_TRACK": "1",
    # One thread, so that numpy's work doesn't run where the background threads would.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


class JobFailed(Exception):
    """A peer's process failed, hung or gave no answer; says its last words."""


@dataclass
class Outcome:
    """What a job answered, and what it cost until its last process was gone."""

    answer: dict[str, Any]
    cpu_s: float
    started_at: float
    ended_at: float
    """time.monotonic(), which all processes of a machine share, when the last process went by itself; and
    `started_at`, when the first was started."""
    disk_bytes: int
    points_on_disk: int | None
    times: "array[int]" = field(default_factory=lambda: array("q"))
    memory: list[tuple[float, float, float]] = field(default_factory=list)
    """(time.monotonic(), resident MB, of it anonymous MB) of the whole tree, where sampling was asked for."""
    left_behind: int = 0
    """Processes that had to be ended after the grace period."""


def run(
    peer: Installed,
    place: Environment,
    job: dict[str, Any],
    *,
    data: Path | None = None,
    timeout_s: float = 300.0,
    sample_memory_s: float = 0.0,
    cores: set[int] | None = None,
    counted: bool = True,
) -> Outcome:
    """Run `job` for `peer`, in a fresh folder below `data` that is removed afterwards.

    Args:
        data: where peers write; the system's temporary folder if None.
        sample_memory_s: how often the tree's memory is read; 0 for never.
        cores: what the tree is pinned to.
        counted: whether the points on disk are counted afterwards.
    Raises: JobFailed.
    """
    adopt_orphans()
    with _folder(data) as home:
        folder = home / "data"
        folder.mkdir()
        told = {**job, "peer": peer.name, "folder": str(folder), "answer": str(home / "answer.json")}
        told["times"] = str(home / "times")
        environment = _ENVIRONMENT | {"HOME": str(home), "TMPDIR": str(home)}
        environment |= {name: value.replace("{folder}", str(folder)) for name, value in peer.environment.items()}
        cpu = waited_cpu_s()
        with (home / "output").open("wb") as output:
            started_at = time.monotonic()
            child = subprocess.Popen(
                [str(place.python), "-m", "benchmarks.child", json.dumps(told)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            if cores is not None:
                os.sched_setaffinity(child.pid, cores)
            memory, timed_out = _watch(child, timeout_s, sample_memory_s)
            ended_at, left = _gather_orphans(0.0 if timed_out else _GRACE_S)
        outcome = Outcome({}, waited_cpu_s() - cpu, started_at, ended_at, 0, None, memory=memory, left_behind=left)
        _read_answer(home, child.returncode, timeout_s if timed_out else None, outcome)
        outcome.disk_bytes = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
        outcome.points_on_disk = _count(peer, place, folder) if counted else None
        return outcome


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """A fresh folder; its removal doesn't mind a peer that still writes."""
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=data))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _watch(
    child: "subprocess.Popen[bytes]", timeout_s: float, sample_s: float
) -> tuple[list[tuple[float, float, float]], bool]:
    """Wait for the child, sampling its memory; ends its whole session after `timeout_s`."""
    memory: list[tuple[float, float, float]] = []
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            child.wait(sample_s or max(0.0, until - time.monotonic()))
            return memory, False
        except subprocess.TimeoutExpired:
            if sample_s:
                memory.append((time.monotonic(), *memory_mb(child.pid)))
    _end([child.pid, *descendants(child.pid)])
    child.wait()
    return memory, True


def _gather_orphans(grace_s: float) -> tuple[float, int]:
    """Wait for adopted processes, end those that stay longer than `grace_s`.

    Returns: when the last one went by itself (or now), and how many had to be ended.
    """
    gone_at, ended = time.monotonic(), 0
    until = gone_at + grace_s
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return gone_at, ended
        if pid:
            gone_at = gone_at if ended else time.monotonic()
        elif time.monotonic() > until:
            staying = descendants(os.getpid())
            ended += len(staying)
            _end(staying)
            until = time.monotonic() + _GRACE_S
        else:
            time.sleep(_POLL_S)


def _end(pids: list[int]) -> None:
    """Kill processes of a job of ours; they may have gone by themselves."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _read_answer(home: Path, status: int, timed_out_s: float | None, outcome: Outcome) -> None:
    """Fill in what the child answered.

    Raises: JobFailed: it gave none.
    """
    answer = home / "answer.json"
    if timed_out_s is not None or not answer.is_file():
        words = (home / "output").read_text(errors="replace").strip().splitlines()
        why = f"not done in {timed_out_s:.0f} s" if timed_out_s is not None else f"exit status {status}"
        raise JobFailed(f"{why}: {words[-1] if words else 'no output'}")
    outcome.answer = json.loads(answer.read_text())
    times = home / "times"
    if times.is_file():
        with times.open("rb") as file:
            outcome.times.fromfile(file, times.stat().st_size // 8)


def _count(peer: Installed, place: Environment, folder: Path) -> int | None:
    """Ask the peer, in its own environment, how many points lie in `folder`."""
    code = (
        "import sys, pathlib; from benchmarks.peers import PEERS;"
        "print(PEERS[sys.argv[1]].count_points(pathlib.Path(sys.argv[2])))"
    )
    command = [str(place.python), "-c", code, peer.name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=_ENVIRONMENT, timeout=300, check=False)
    if done.returncode:
        print(f"{peer.name}: points not counted: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return None if done.stdout.strip() == "None" else int(done.stdout)
