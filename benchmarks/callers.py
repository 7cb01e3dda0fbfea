"""The caller's side of `forwarding`: what `log_metrics` costs with each backend, the server up and dead.

Each round of each backend is a process of its own that runs the loops of `log_call`; rounds alternate.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.mlflow_server import MlflowServer
from benchmarks.peers import LogCall

BACKENDS = ("local", "local again", "both, server up", "both, server dead")
"""How the tracker is set up. "local again" is the control: what the two differ by is noise."""
LOOPS = ("paced", "tight")
_QUANTILES = {"p50": 0.5, "p99": 0.99}
_NOBODY = "http://127.0.0.1:9"
_READY_S = 60.0
_POLL_S = 0.02


class Caller:
    """A tracker to be called, as a peer of `log_loops`."""

    requirements: tuple[str, ...] = ()
    settings = "auto_log=False; crash-safe queue (default)"
    environment: Mapping[str, str] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, folder: Path) -> LogCall:
        """Start a run; where it is to be forwarded, that works when this returns, or has failed."""
        from tracker import ExperimentTracker

        backend = "both" if self.name.startswith("both") else "local"
        tracker: Any = ExperimentTracker(folder / "store", "bench", backend, auto_log=False)
        tracker.start_run("r")
        if backend == "both":
            until = time.monotonic() + _READY_S
            while not ((view := tracker.forwarding()).settled or view.error):
                if time.monotonic() > until:
                    raise TimeoutError(f"{view}")
                time.sleep(_POLL_S)
            assert bool(view.error) == self.name.endswith("dead"), view
        self._tracker = tracker
        log: LogCall = tracker.log_metrics
        return log

    def close(self) -> None:
        """End the run; nobody waits for the server (STEPLOG_FORWARD_WAIT=0)."""
        self._tracker.close()

    def count_points(self, folder: Path) -> int | None:
        """Nobody asks."""
        del folder
        return None


def named(name: str) -> Caller:
    """The caller with that backend."""
    return Caller(name)


def calling(_peer: object, job: dict[str, Any]) -> dict[str, Any]:
    """All backends and loops in rounds.

    Args:
        job: `rounds`; `paced` and `tight`, the jobs of these loops.
    Returns: `rows`, one for each round, backend and loop, with p50 and p99 in µs, the timer's own time taken away;
        `forwarded`, points that the server had in the end.
    """
    home = Path(job["folder"])
    rows: list[dict[str, Any]] = []
    with MlflowServer(home / "mlflow") as server:
        for turn in range(job["rounds"]):
            first = turn % len(BACKENDS)
            for backend in BACKENDS[first:] + BACKENDS[:first]:
                uri = server.uri if backend.endswith("up") else _NOBODY
                for loop in LOOPS:
                    row = {"backend": backend, "loop": loop, "round": turn}
                    rows.append(row | _called(home, backend, uri, {"loop": loop, **job[loop]}))
        return {"rows": rows, "forwarded": server.points()}


def _called(home: Path, backend: str, uri: str, told: dict[str, Any]) -> dict[str, float]:
    """One round of one backend and loop."""
    with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as folder:
        answer, times_of = Path(folder) / "answer.json", Path(folder) / "times"
        job = {**told, "peer": backend, "adapters": "benchmarks.callers", "scalars": 1}
        job |= {"folder": folder, "answer": str(answer), "times": str(times_of)}
        environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "STEPLOG_FORWARD_WAIT": "0"}
        subprocess.run([sys.executable, "-m", "benchmarks.child", json.dumps(job)], env=environment, check=True)
        calls = json.loads(answer.read_text())["calls"]
        times = array("q", times_of.read_bytes())
    taken, timer = sorted(times[:calls]), statistics.median(times[calls:])
    return {name: max(0.0, taken[math.ceil(q * calls) - 1] - timer) / 1e3 for name, q in _QUANTILES.items()}
