"""What a log call costs by where its store is: a folder, a bucket, one that nobody answers for, one that stands still.

Each place in a fresh process, rounds alternate; 50,000 one-scalar calls a second, each timed in the caller. With an
address the uploader's process works meanwhile: 50,000 points a second are a thousand times what a training logs.
`dead` refuses connections; `still` takes them and answers nothing, as a server under SIGSTOP.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.object_server import BUCKET, object_server
from benchmarks.table import number, table, times

PLACES = ("folder", "bucket", "dead", "still")
_FIRST = 20_000
_TOGETHER, _PAUSE_S = 1000, 0.02


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200_000, help="timed calls of a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each place")
    parser.add_argument("--place", choices=PLACES, help="measure this one, here")
    chosen = parser.parse_args()
    if chosen.place:
        print(json.dumps(measured(chosen.place, chosen.calls)))
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket() as still:
        still.bind(("127.0.0.1", 0))
        still.listen(64)
        with object_server(Path(folder) / "server") as environment:
            found: dict[str, list[dict[str, float]]] = {place: [] for place in PLACES}
            for round_ in range(chosen.rounds):
                for place in PLACES:
                    endpoint = {"dead": "http://127.0.0.1:9", "still": f"http://127.0.0.1:{still.getsockname()[1]}"}
                    told = {**os.environ, **environment, "STEPLOG_UPLOAD_WAIT": "0.1"}
                    told["STEPLOG_SPOOL_DIR"] = f"{folder}/{place}-{round_}"
                    told["AWS_ENDPOINT_URL"] = endpoint.get(place, environment["AWS_ENDPOINT_URL"])
                    command = [sys.executable, "-m", "benchmarks.log_call_places", "--place", place]
                    command += ["--calls", str(chosen.calls)]
                    done = subprocess.run(command, env=told, capture_output=True, text=True, check=True)
                    found[place].append(json.loads(done.stdout))
    medians = {
        place: {name: statistics.median(row[name] for row in rows) for name in rows[0]} for place, rows in found.items()
    }
    local = medians["folder"]
    head = ("store", "p50 ns", "p99 ns", "CPU us", "p50 by a folder's", "p99 by a folder's")
    rows = [
        (place, *map(number, row.values()), *(times(row[name], local[name]) for name in ("p50_ns", "p99_ns")))
        for place, row in medians.items()
    ]
    print(table(head, rows))
    print(json.dumps(medians))


def measured(place: str, calls: int) -> dict[str, float]:
    """Times of the calls of one round; the timer's own time is in them."""
    import numpy as np

    from tracker import ExperimentTracker

    folder = os.environ["STEPLOG_SPOOL_DIR"]
    where = f"{folder}/store" if place == "folder" else f"s3://{BUCKET}/{Path(folder).name}"
    tracker = ExperimentTracker(where, auto_log=False)
    with tracker, tracker.start_run():
        for step in range(_FIRST):
            tracker.log_metrics({"x": 1.0}, step=step)
        if place == "bucket":
            tracker.flush(60, upload=True)
        took = np.empty(calls, np.int64)
        clock, began = time.perf_counter_ns, time.process_time()
        for call in range(calls):
            before = clock()
            tracker.log_metrics({"x": 1.0}, step=call)
            took[call] = clock() - before
            if call % _TOGETHER == 0:
                time.sleep(_PAUSE_S)
        cpu_us = (time.process_time() - began) / calls * 1e6
        assert tracker.stats().dropped == 0
    return {"p50_ns": float(np.percentile(took, 50)), "p99_ns": float(np.percentile(took, 99)), "cpu_us": cpu_us}


if __name__ == "__main__":
    main()
