"""Stores for the tests of uploading: made by the tracker, with rows that can be told apart."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from ingest.layout import Layout
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.target import write_target
from ingest.settings import PipelineSettings
from tests.objects.conftest import S3
from tracker import ExperimentTracker

SPOOL = PipelineSettings(compact_files=0)
_ROOT = Path(__file__).parents[2]
_DEATH = """
import os, signal, sys
from tracker import ExperimentTracker
from ingest.settings import PipelineSettings
tracker = ExperimentTracker(sys.argv[1], auto_log=False, pipeline=PipelineSettings(compact_files=0))
run = tracker.start_run("died", run_id=sys.argv[2])
for step in range(int(sys.argv[3])):
    tracker.log_metrics({"m": float(step)}, step=step)
print("ready", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def tracker_of(root: Path, address: Address | None = None, experiment: str | None = None) -> ExperimentTracker:
    """A tracker of a local store; with an address the store is its spool."""
    made = ExperimentTracker(root, experiment, auto_log=False, pipeline=SPOOL)
    if address is not None:
        write_target(Layout(root), address)
    return made


def log(tracker: ExperimentTracker, start: int, end: int, key: str = "m") -> None:
    """Log the points start <= value < end."""
    for value in range(start, end):
        tracker.log_metrics({key: float(value)}, step=value)


def bucket_of(s3: S3, name: str = "store") -> Bucket:
    """A bucket below the test's prefix, which gives up soon."""
    return Bucket(Address.of(s3.address(name)), timeout_s=5.0, retries=0)


def once(run_id: str, values: range, key: str = "m") -> Counter[tuple[str, str, float]]:
    """These points, each once."""
    return Counter((run_id, key, float(value)) for value in values)


def doomed(root: Path, run_id: str, points: int) -> "subprocess.Popen[bytes]":
    """A process that has logged to a store, and dies by SIGKILL when it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", _DEATH, str(root), run_id, str(points)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def die(process: "subprocess.Popen[bytes]") -> None:
    """Let it die."""
    process.communicate(b"\n")
