"""What a dashboard costs the training that started it, while somebody looks on.

One training logs five scalars each iteration of about 200 µs and has started a dashboard. Blocks with a page that is
connected and gets every point alternate with blocks without a page; the page is a client in a process of its own. The
slowdown is the mean iteration of the watched blocks over that of the others, its 95 % interval a bootstrap over pairs
of neighbouring blocks. On a machine with two cores the page and the server share the second one.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.conditions import OtherWork, conditions
from benchmarks.results import Document, publish
from benchmarks.table import number, table
from benchmarks.training_loop import block, calibrated
from tracker import ExperimentTracker, RealTimeTracker

NAME = "hosted_dashboard"
ITERATION_US, BLOCK_S, BLOCKS = 200.0, 2.5, 24
_SETTLE_S = 1.0
_DRAWS = 2_000


def main() -> None:
    """Measure, print, keep."""
    if sys.argv[1:2] == ["look"]:
        _look(sys.argv[2])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smoke run: short, and kept only where --results says")
    parser.add_argument("--data", type=Path, help="folder of the store (default: the temporary folder)")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    others = OtherWork()
    document: Document = {"benchmark": NAME, "quick": chosen.quick, "conditions": conditions(chosen.data)}
    document["figures"] = [_measured(4 if chosen.quick else BLOCKS, chosen.data)]
    document["conditions"]["other_work"] = others.share()
    publish(NAME, {**document, "peers": {}, "absent": {}}, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One line."""
    (row,) = document["figures"]
    low, high = row["slowdown_interval"]
    cells = [f"{100 * row['slowdown']:+.1f} %", f"{100 * low:+.1f} to {100 * high:+.1f} %"]
    cells += [number(row[name]) for name in ("alone_us", "watched_us", "points_seen")]
    head = ("slowed down", "95 % interval", "iteration µs", "with a page", "points that the page got")
    return f"### A page looks on at a training of 5 scalars each {ITERATION_US:.0f} µs\n\n{table(head, [cells])}"


def _measured(blocks: int, data: Path | None) -> dict[str, Any]:
    iteration = calibrated(ITERATION_US)
    with tempfile.TemporaryDirectory(dir=data) as folder, ExitStack() as stack:
        live = RealTimeTracker(ExperimentTracker(Path(folder) / "store", "bench", auto_log=False))
        stack.callback(live.tracker.close)
        live.start_run("training")
        address = live.start_dashboard(port=0)
        assert address is not None
        page = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.hosted_dashboard", "look", address.rstrip("/").partition("//")[2]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(page.wait)
        stack.callback(page.kill)
        means: dict[bool, list[float]] = {True: [], False: []}
        step = seen = 0
        for turn in range(blocks):
            watched = turn % 4 in {1, 2}  # alone, watched, watched, alone: a drift of the machine hits both alike
            seen = max(seen, _ask(page, "look" if watched else "leave"))
            time.sleep(_SETTLE_S)
            times = block(iteration, live.tracker.log_metrics, step, BLOCK_S)
            step += len(times)
            means[watched].append(statistics.fmean(times) / 1e3)
        seen = max(seen, _ask(page, "leave"))
        assert seen > 0
    chance = random.Random(0)
    pairs = list(zip(means[True], means[False], strict=True))
    draws = sorted(_ratio(chance.choices(pairs, k=len(pairs))) for _ in range(_DRAWS))
    return {
        "slowdown": _ratio(pairs),
        "slowdown_interval": [draws[_DRAWS // 40], draws[-_DRAWS // 40]],
        "alone_us": statistics.fmean(means[False]),
        "watched_us": statistics.fmean(means[True]),
        "points_seen": seen,
    }


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return sum(watched for watched, _ in pairs) / sum(alone for _, alone in pairs) - 1


def _ask(page: "subprocess.Popen[str]", what: str) -> int:
    """Have the page connect or leave; how many points it has had when that is done."""
    assert page.stdin is not None
    assert page.stdout is not None
    page.stdin.write(f"{what}\n")
    page.stdin.flush()
    return int(page.stdout.readline())


def _look(address: str) -> None:
    """The page: a client that decodes what comes while it is asked to look."""
    got: list[int] = []
    connection: ClientConnection | None = None
    open_pages = ExitStack()

    def take(source: ClientConnection) -> None:
        try:
            got.extend(len(json.loads(message).get("rows", [])) for message in source)
        except ConnectionClosed:
            return

    with urllib.request.urlopen(f"http://{address}/api/session") as answer:
        token = json.load(answer)["token"]
    for line in sys.stdin:
        if line.strip() == "look" and connection is None:
            connection = open_pages.enter_context(connect(f"ws://{address}/api/live", max_size=None))
            connection.send(json.dumps({"token": token, "subscribe": {"runs": None, "keys": None}, "cursor": None}))
            assert json.loads(connection.recv())["type"] == "hello"
            threading.Thread(target=take, args=(connection,), daemon=True).start()
        elif line.strip() == "leave" and connection is not None:
            open_pages.close()
            connection = None
        print(sum(got), flush=True)


if __name__ == "__main__":
    main()
