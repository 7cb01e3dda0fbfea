"""How long a dashboard's server takes to answer its page: ours and its peers, each its own server, over HTTP.

Two kinds of stores: many short runs, those of `queries` (10 params, 5 metrics x 100 steps), and few long ones (one
metric, one spike each), which each tool logs by its own API. Each server is started once a store and asked what its own
page asks (see dashboards_of), by one connection:

    ready   seconds from the start of its process until it answers about its runs
    first   milliseconds from there to the first whole answer
    longest of the requests of the first answer
    warm    the shortest of several further answers; requests of one answer follow one another
    sent    what came over the wire, in MB; points: how many of a chart's points there are in the answer
    spike   whether the highest value of all points is the one that was logged
    MB      resident memory of the server's processes in the end

The stores don't change meanwhile, so a server that keeps its answers in memory may give them again; ours does. What the
page itself needs to draw is not in it.
"""

import argparse
import hashlib
import inspect
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import dashboard_jobs, queries_of
from benchmarks.dashboard_jobs import KEY, SPIKE
from benchmarks.dashboards_of import NAMES, QUESTIONS, Client, Served, named
from benchmarks.environments import REPOSITORY, Environment
from benchmarks.launch import JobFailed, run
from benchmarks.lineup import Lineup, options
from benchmarks.peers import OURS
from benchmarks.query_data import ASKED
from benchmarks.query_stores import filled
from benchmarks.results import Document, document_of, publish
from benchmarks.table import number, table, times
from benchmarks.usage import descendants, memory_mb

NAME = "dashboard"
TOOLS: dict[str, Served] = {name: named(name) for name in NAMES}
_READY_S = 180.0
_REQUEST_S = 300.0
_POLL_S = 0.1
_CHARTED = 50


class Store(NamedTuple):
    """A store to be served."""

    folder: Path
    run_ids: list[str]
    what: str
    """What is in it, in words."""
    key: str
    """The metric that is charted."""
    highest: float | None
    """Its highest value, where that is known."""


def main() -> None:
    """Measure, print, keep."""
    parser = options(__doc__, TOOLS)
    parser.add_argument("--runs", type=int, default=1000, help="short runs of all tools")
    parser.add_argument("--more-runs", type=int, default=10_000, help="and of ours alone")
    parser.add_argument("--long", type=int, nargs=2, default=[10, 100_000], metavar=("RUNS", "POINTS"))
    parser.add_argument("--longer", type=int, nargs=2, default=[50, 1_000_000], metavar=("RUNS", "POINTS"))
    parser.add_argument("--warm", type=int, default=5, help="further answers")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.runs, chosen.more_runs, chosen.long, chosen.longer, chosen.warm = 50, 0, [2, 5000], None, 2
    with document_of(NAME, chosen, TOOLS) as (document, lineup):
        document["figures"] = []
        for name in lineup.places:
            for store in _stores(lineup, name, chosen):
                document["figures"] += _served(lineup, name, store, chosen.warm)
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each question."""
    head = (
        *("store", "tool", "warm ms", "x", "first ms", "longest ms", "requests"),
        *("sent MB", "points", "spike", "ready s", "MB"),
    )
    parts = []
    for question, words in QUESTIONS.items():
        rows = [row for row in document["figures"] if row["question"] == question]
        rows.sort(key=lambda row: row["store"])
        ours = {row["store"]: row["warm_s"] for row in rows if row["peer"] == OURS}
        parts.append(f"### {words[0].upper()}{words[1:]}\n")
        parts.append(table(head, [_row(row, ours.get(row["store"])) for row in rows]) + "\n")
    return "\n".join(parts)


def _row(row: dict[str, Any], ours: float | None) -> list[str]:
    spike = {True: "yes", False: "no", None: "-"}[row["spike"]]
    points = f"{row['points']:,}" if row["points"] is not None else "-"
    return [
        row["store"],
        row["peer"],
        number(1e3 * row["warm_s"]),
        times(row["warm_s"], ours),
        number(1e3 * row["first_s"]),
        number(1e3 * row["longest_s"]),
        f"{row['requests']:,}",
        number(row["sent_bytes"] / 1e6),
        points,
        spike,
        number(row["ready_s"]),
        number(row["memory_mb"]),
    ]


def _stores(lineup: Lineup, name: str, chosen: argparse.Namespace) -> Iterator[Store]:
    """The stores of one tool, filled where they aren't yet."""
    place = lineup.places[name]
    queried = queries_of.named(name)
    for runs in (chosen.runs, chosen.more_runs if name == OURS else 0):
        if runs:
            with _left_out(lineup, f"{name}, {runs} short runs"):
                found = filled(queried, place, runs, chosen.envs)
                yield Store(found.folder, found.run_ids, f"{runs:,} short runs", ASKED, None)
    sizes: list[list[int]] = [size for size in (chosen.long, chosen.longer if name == OURS else None) if size]
    for runs, points in sizes:
        with _left_out(lineup, f"{name}, {runs} long runs"):
            yield long_store(TOOLS[name], place, runs, points, chosen.envs)


@contextmanager
def _left_out(lineup: Lineup, what: str) -> Iterator[None]:
    """A store that can't be filled is said, and the others are measured."""
    try:
        yield
    except JobFailed as error:
        lineup.leave_out(what, f"not filled: {error}")


def long_store(tool: Served, place: Environment, runs: int, points: int, kept: Path) -> Store:
    """A store of long runs, made by the tool if it isn't there yet. Raises: JobFailed."""
    source = inspect.getsource(type(tool).log_long) + inspect.getsource(dashboard_jobs)
    digest = hashlib.sha256(f"{source}{place.version(tool)}".encode()).hexdigest()[:12]
    home = kept.expanduser() / "stores" / f"{tool.name}-long-{runs}x{points}-{digest}"
    listing = home / "runs.json"
    if not listing.is_file():
        print(f"filling a store of {runs} x {points:,} points: {tool.name}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        job = {"loop": "lengthening", "adapters": "benchmarks.dashboards_of", "store": str(home / "store")}
        outcome = run(tool, place, job | {"runs": runs, "points": points}, timeout_s=3600.0, counted=False)
        listing.write_text(json.dumps(outcome.answer))
    told = json.loads(listing.read_text())
    return Store(home / "store", told["run_ids"], f"{runs} x {points:,} points", KEY, SPIKE)


def _served(lineup: Lineup, name: str, store: Store, warm: int) -> list[dict[str, Any]]:
    """The figures of one tool's server over one store."""
    tool = TOOLS[name]
    print(f"{name}: {store.what}", file=sys.stderr)
    try:
        with _server(tool, lineup.places[name], store) as (process, port, ready_s):
            questions = ["chart"] if store.highest is not None else list(QUESTIONS)
            figures = [_asked(tool, port, question, store, warm) for question in questions]
            memory = sum(memory_mb(pid)[0] for pid in [process.pid, *descendants(process.pid)])
    except (OSError, ValueError, KeyError, AssertionError) as error:
        lineup.leave_out(f"{name}, {store.what}", f"failed: {error}")
        return []
    return [{"peer": name, "store": store.what, "ready_s": ready_s, "memory_mb": memory, **row} for row in figures]


def _asked(tool: Served, port: int, question: str, store: Store, warm: int) -> dict[str, Any]:
    """Ask once, and then some more times."""
    client = Client(port, _REQUEST_S)
    tool.ready(client, store.key, store.run_ids)
    client.requests, client.bytes, client.longest_s = 0, 0, 0.0
    run_ids = store.run_ids[:_CHARTED]
    began = time.monotonic()
    answer = tool.ask(client, question, store.key, run_ids)
    first_s = time.monotonic() - began
    row = {"question": question, "first_s": first_s, "longest_s": client.longest_s, "requests": client.requests}
    told = tool.told(question, store.key, answer)
    wanted = len(store.run_ids) if question == "table" else len(run_ids)
    assert told["runs"] == wanted, f"{told['runs']} runs came, of {wanted}"
    took = []
    for _ in range(warm):
        client.bytes = 0
        began = time.monotonic()
        tool.ask(client, question, store.key, run_ids)
        took.append(time.monotonic() - began)
    row |= {"warm_s": min(took), "warm_each_s": took, "sent_bytes": client.bytes, "points": told.get("points")}
    client.close()
    known = "highest" in told and store.highest is not None
    return row | {"spike": told["highest"] == store.highest if known else None}


@contextmanager
def _server(tool: Served, place: Environment, store: Store) -> Iterator[tuple["subprocess.Popen[bytes]", int, float]]:
    """The tool's server, ready to answer; ended afterwards. Raises: OSError: it isn't ready in time."""
    with tempfile.TemporaryDirectory() as home, (Path(home) / "output").open("wb") as output:
        port = _free_port()
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": home, "PYTHONPATH": str(REPOSITORY)}
        environment |= {name: value.replace("{store}", str(store.folder)) for name, value in tool.environment.items()}
        environment |= {"PYTHONSAFEPATH": "1", "LANG": "C.UTF-8"}
        began = time.monotonic()
        process = subprocess.Popen(
            [str(place.python), *tool.command(store.folder, port)],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while not _is_ready(tool, port, store):
                if process.poll() is not None or time.monotonic() - began > _READY_S:
                    said = (Path(home) / "output").read_text(errors="replace")[-300:]
                    raise OSError(f"no server within {_READY_S:.0f} s: {said}")
                time.sleep(_POLL_S)
            yield process, port, time.monotonic() - began
        finally:
            _end(process)


def _is_ready(tool: Served, port: int, store: Store) -> bool:
    client = Client(port, _REQUEST_S)
    with suppress(OSError, ValueError, KeyError):
        tool.ready(client, store.key, store.run_ids)
        return True
    client.close()
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the server and what it started."""
    started = descendants(process.pid)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in started:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
