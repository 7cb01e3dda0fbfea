"""A training of its own process, for the tests of the live feed.

Usage: trainer.py ROOT RUN_ID     logs 0, 1, 2, ... as "n", some 1,000 a second, until its stdin closes; then prints how
many. It seals three times a second and compacts, so that what a browser is sent comes from all kinds of files.
"""

import sys
import threading

from ingest.settings import PipelineSettings
from tracker import ExperimentTracker


def main(root: str, run_id: str) -> None:
    """Log until told to end."""
    done = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    settings = PipelineSettings(flush_interval_s=0.05, seal_interval_s=0.3, sync_interval_s=None, compact_files=8)
    with ExperimentTracker(root, "training", auto_log=False, pipeline=settings) as tracker:
        tracker.start_run("counting", run_id=run_id)
        say("started")
        n = 0
        while not done.wait(0.01):
            for _ in range(10):
                tracker.log_metrics({"n": n}, step=n)
                n += 1
    say(n)


def say(what: object) -> None:
    """Tell the parent."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
