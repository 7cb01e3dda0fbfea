"""What the tests run in processes of their own: a writer, a writer that is killed, a compactor.

Usage: child.py count ROOT RUN_ID      logs n = 0, 1, 2, ... until its stdin closes, then ends the run, prints the total
       child.py die ROOT               logs 1.0 and 2.0 as "loss" of the run "dead", and dies at once
       child.py compact ROOT           compacts again and again until its stdin closes
"""

import os
import struct
import sys
import threading
import time
from pathlib import Path

from ingest.compact import compact
from ingest.events import MetricsLogged, RunEnded, RunStarted, encode
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings

HASTY = PipelineSettings(
    queue=os.environ.get("QUEUE", "file"),  # type: ignore[arg-type]
    flush_interval_s=0.005,
    sync_interval_s=None,
    first_segment_bytes=8 << 10,
    segment_bytes=32 << 10,
    seal_interval_s=0.05,
    queue_bytes=1 << 20,
    compact_files=8,
)


def wait_for_eof() -> threading.Event:
    """An event that is set when the parent closes this process's stdin, or dies."""
    done = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    return done


def say(what: object) -> None:
    """Tell the parent."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def count(root: Path, run_id: str) -> None:
    """Log numbers, going on after the last one that is there."""
    done = wait_for_eof()
    n = int(os.environ.get("FIRST", "0"))
    pipeline = Pipeline(Layout(root), HASTY)
    pipeline.append(RunStarted(run_id, "counting", time.time_ns(), "counting", resumed=n > 0))
    pipeline.run_started()
    say("started")
    while not done.wait(0.001):
        for _ in range(20):
            event = MetricsLogged(run_id, "counting", time.time_ns(), n, ("n",), struct.pack("<d", n))
            pipeline.queue().put(encode(event), fact=False)
            n += 1
    pipeline.append(RunEnded(run_id, "counting", time.time_ns(), "FINISHED"))
    pipeline.run_ended()
    pipeline.close(10)
    say(n)


def die(root: Path) -> None:
    """Leave a queue file of which nothing was flushed."""
    pipeline = Pipeline(Layout(root), PipelineSettings(flush_interval_s=3600.0))
    pipeline.append(RunStarted("dead", "e", time.time_ns(), "doomed"))
    for value in (1.0, 2.0):
        event = MetricsLogged("dead", "e", time.time_ns(), None, ("loss",), struct.pack("<d", value))
        pipeline.queue().put(encode(event), fact=False)
    os._exit(9)


def keep_compacting(root: Path) -> None:
    """Compact without a pause."""
    done = wait_for_eof()
    say("started")
    swaps = 0
    while not done.wait(0.001):
        swaps += compact(Layout(root)).files_after
    say(swaps)


if __name__ == "__main__":
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "count":
        count(folder, sys.argv[3])
    elif what == "die":
        die(folder)
    else:
        keep_compacting(folder)
