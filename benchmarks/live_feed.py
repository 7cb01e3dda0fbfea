"""What the live feed costs the dashboard's server: twenty series at 1,000 points a second each, a page looks on.

    keys   one run that logs 20 metrics a call;  runs   20 runs that log one each, in turns
    CPU    of the server's process, as a share of one core: with nobody there, a page but no run, and while points come
    late   milliseconds from a point's log call to its arrival at the page; a message holds a quarter of a second
    MB     resident memory of the server at the beginning and at the end of the measurement

The page is a client in this process that decodes every message. Every point has to come, once.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from websockets.sync.client import ClientConnection, connect

from benchmarks.browsers import cpu_s, resident_mb
from benchmarks.conditions import OtherWork, conditions
from benchmarks.results import Document, publish
from benchmarks.table import number, table
from tracker import ExperimentTracker

NAME = "live_feed"
SERIES, RATE = 20, 1000
_WARM_S = 3.0
_PATIENCE_S = 60.0


def main() -> None:
    """Measure, print, keep."""
    if sys.argv[1:2] == ["log"]:
        _log(sys.argv[2], sys.argv[3], float(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smoke run: short, and kept only where --results says")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long points are counted")
    parser.add_argument("--data", type=Path, help="folder of the stores (default: the temporary folder)")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    seconds = 2.0 if chosen.quick else chosen.seconds
    others = OtherWork()
    document: Document = {"benchmark": NAME, "quick": chosen.quick, "conditions": conditions(chosen.data)}
    document["figures"] = [_measured(how, seconds, chosen.data) for how in ("keys", "runs")]
    document["conditions"]["other_work"] = others.share()
    publish(NAME, {**document, "peers": {}, "absent": {}}, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One line each way to log."""
    head = ("20 series", "points/s", "CPU, nobody", "page, no run", "CPU, live", "late p50", "late max", "MB", "to")
    names = ("points_per_s", "cpu_nobody", "cpu_no_run", "cpu_live", "late_p50_ms", "late_max_ms", "mb_begin", "mb_end")
    rows = []
    for row in document["figures"]:
        cells = [f"{100 * row[name]:.1f} %" if name.startswith("cpu") else number(row[name]) for name in names]
        rows.append([row["how"], *cells])
    return f"### {SERIES} series at {RATE:,} points a second each\n\n{table(head, rows)}"


def _measured(how: str, seconds: float, data: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=data) as folder:
        root = str(Path(folder) / "store")
        ExperimentTracker(root, auto_log=False).close()
        with serving(root) as (server, address):
            figures: dict[str, Any] = {"how": how}
            time.sleep(_WARM_S)
            figures["cpu_nobody"] = _share(server, min(5.0, seconds))
            with _page(address) as page:
                time.sleep(2 * _WARM_S)
                figures["cpu_no_run"] = _share(server, min(5.0, seconds))
                return {**figures, **_live(server, page, root, how, seconds)}


def _live(server: psutil.Process, page: ClientConnection, root: str, how: str, seconds: float) -> dict[str, Any]:
    """Count what comes while a process logs."""
    training = logging_apart(root, how, seconds + 2 * _WARM_S)
    began, late, points, total, kept = 0.0, [], 0, 0, (0.0, 0.0)
    logged: int | None = None
    first = time.monotonic()
    while True:
        message = json.loads(page.recv(_PATIENCE_S))
        now, wall_ms = time.monotonic(), time.time() * 1000
        if message["type"] == "resync":
            raise RuntimeError("the page was told to fetch anew: it didn't keep up")
        rows = message.get("rows", [])
        total += len(rows)
        if not began and now - first > _WARM_S:
            began, kept = now, (cpu_s(server), resident_mb(server))
        elif began and now - began < seconds and rows:
            points += len(rows)
            late += [wall_ms - rows[place][3] for place in (0, len(rows) // 2, -1)]
            cpu = (cpu_s(server) - kept[0]) / (now - began)
            rate, mb = points / (now - began), resident_mb(server)
        if logged is None and training.poll() is not None:
            logged = int(training.communicate()[0])
        if logged == total:
            break
    figures = {"points_per_s": rate, "cpu_live": cpu, "late_p50_ms": statistics.median(late), "late_max_ms": max(late)}
    return {**figures, "mb_begin": kept[1], "mb_end": mb, "points": total}


def logging_apart(root: str, how: str, seconds: float) -> "subprocess.Popen[str]":
    """A process that logs at the rate for so long, and says in the end how many points."""
    command = [sys.executable, "-m", "benchmarks.live_feed", "log", root, how, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _log(root: str, how: str, seconds: float) -> None:
    """Log at the rate; what the process of the training does."""
    with ExperimentTracker(root, "live", auto_log=False) as tracker:
        runs = [tracker.start_run(f"run {n}", nested=True) for n in range(1 if how == "keys" else SERIES)]
        keys = [f"metric {n}" for n in range(SERIES if how == "keys" else 1)]
        began, step = time.monotonic(), 0
        while (spent := time.monotonic() - began) < seconds:
            while step < spent * RATE:
                for run in runs:
                    tracker.log_metrics(dict.fromkeys(keys, step * 0.1), step=step, run_id=run)
                step += 1
            time.sleep(0.005)
    print(step * SERIES)


@contextmanager
def serving(root: str) -> Iterator[tuple[psutil.Process, str]]:
    """The dashboard's server over a store, and its address."""
    command = [sys.executable, "-m", "tracker.cli", "ui", root, "--port", "0"]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    try:
        line = next(line for line in started.stdout if "http://" in line)
        yield psutil.Process(started.pid), line.partition("http://")[2].partition("/")[0].strip()
    finally:
        started.terminate()
        started.communicate()


@contextmanager
def _page(address: str) -> Iterator[ClientConnection]:
    with urllib.request.urlopen(f"http://{address}/api/session") as answer:
        token = json.load(answer)["token"]
    with connect(f"ws://{address}/api/live", max_size=None) as page:
        page.send(json.dumps({"token": token, "subscribe": {"runs": None, "keys": None}, "cursor": None}))
        assert json.loads(page.recv())["type"] == "hello"
        yield page


def _share(process: psutil.Process, seconds: float) -> float:
    before = cpu_s(process)
    time.sleep(seconds)
    return (cpu_s(process) - before) / seconds


if __name__ == "__main__":
    main()
