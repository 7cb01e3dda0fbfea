"""How fast a store goes up to object storage: the uploader beside the tools that copy folders, same server, same bytes.

    parts   what a thousand short runs leave: small sealed parts of three tables
    files   eight artifacts of 64 MB

Each is brought by each tool, in a process of its own, to an empty prefix of an S3 server of this machine (SeaweedFS),
in rounds in which the tools alternate; then the bucket is listed, and must have all files with their bytes. Time runs
from the start of the process to its end. The uploader does more than copy: it fixes what there is, keeps a journal
with which a second one goes on, and commits each segment, so that a reader never sees half of one; that is a mark
before and a deletion after its three parts. Tools: `aws s3 cp --recursive`; s5cmd and rclone where they are on PATH.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conditions import OtherWork, conditions
from benchmarks.environments import REPOSITORY
from benchmarks.many_runs_data import sweeps
from benchmarks.many_runs_store import facts_of, rows_of
from benchmarks.object_server import BUCKET, SETTINGS, object_server
from benchmarks.results import Document, publish
from benchmarks.table import number, table, times
from benchmarks.usage import memory_mb

NAME = "upload_throughput"
_SAMPLE_S = 0.02
_DRAIN = """
import json, sys
from pathlib import Path
from ingest.layout import Layout
from ingest.objects.address import Address
from ingest.objects.bucket import Bucket
from ingest.objects.uploader import Uploader
with Bucket(Address.of(sys.argv[2])) as bucket, Uploader(Layout(Path(sys.argv[1])), bucket) as uploader:
    assert uploader.drain(500), uploader.state.error
    counts = bucket.counts
print(json.dumps({name: getattr(counts, name) for name in counts.__struct_fields__}))
"""
Command = Callable[[Path, str], list[str]]


def _tools() -> dict[str, Command]:
    """Those that are here, ours first."""
    found: dict[str, Command] = {"steplog": lambda store, url: [sys.executable, "-c", _DRAIN, str(store), url]}
    known: dict[str, Command] = {
        "aws": lambda store, url: ["aws", "s3", "cp", "--recursive", "--only-show-errors", str(store), url],
        "s5cmd": lambda store, url: ["s5cmd", "--log", "error", "cp", f"{store}/*", f"{url}/"],
        "rclone": lambda store, url: [
            *("rclone", "copy", "--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint"),
            *(os.environ["AWS_ENDPOINT_URL"], str(store), f":s3:{url.removeprefix('s3://')}"),
        ],
    }
    return found | {name: command for name, command in known.items() if shutil.which(name)}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=1000, help="of small parts")
    parser.add_argument("--files", type=int, default=8, help="artifacts of 64 MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of the server and the stores (default: the temporary folder)")
    parser.add_argument("--quick", action="store_true", help="smoke run: small, and kept only where --results says")
    parser.add_argument("--results", type=Path, help="folder that keeps the JSON line (default: benchmarks/results)")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.segments, chosen.files, chosen.rounds = 100, 1, 1
    document: Document = {"benchmark": NAME, "quick": chosen.quick, "conditions": conditions(chosen.data)}
    others = OtherWork()
    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=chosen.data) as folder:
        home = Path(folder)
        stores = {"parts": _parts(home / "parts", chosen.segments), "files": _files(home / "files", chosen.files)}
        for kind, store in stores.items():
            with object_server(home / "server") as environment:
                os.environ.update(environment)
                figures += _measured(kind, store, chosen.rounds)
    versions = {name: _version(name) for name in _tools() if name != "steplog"}
    peers = {name: {"version": version, "settings": "its defaults"} for name, version in versions.items()}
    absent = {name: "not on PATH" for name in ("aws", "s5cmd", "rclone") if name not in versions}
    document |= {"figures": figures, "peers": peers, "absent": absent, "server": SETTINGS}
    document["conditions"]["other_work"] = others.share()
    publish(NAME, document, rendered(document), chosen)


def rendered(document: Document) -> str:
    """One table for each kind of bytes."""
    head = ("tool", "s", "ours x", "MB/s", "files/s", "CPU s", "MB resident", "requests")
    parts = []
    for kind in dict.fromkeys(figure["kind"] for figure in document["figures"]):
        rows = [figure for figure in document["figures"] if figure["kind"] == kind]
        ours = next((row["s"] for row in rows if row["tool"] == "steplog"), None)
        cells = [
            [
                row["tool"],
                number(row["s"]),
                times(row["s"], ours),
                number(row["bytes"] / 1e6 / row["s"]),
                number(row["files"] / row["s"]),
                number(row["cpu_s"]),
                number(row["resident_mb"]),
                "-" if row["requests"] is None else f"{row['requests']:,.0f}",
            ]
            for row in rows
        ]
        parts.append(
            f"### {kind}: {rows[0]['files']:,} files, {rows[0]['bytes'] / 1e6:,.0f} MB\n\n{table(head, cells)}\n"
        )
    return "\n".join([*parts, "ours x: how many times faster ours is. Medians of rounds."])


def _measured(kind: str, store: Path, rounds: int) -> list[dict[str, Any]]:
    """The figures of all tools, in rounds."""
    files = {path.relative_to(store).as_posix(): path.stat().st_size for path in store.rglob("*") if path.is_file()}
    found: dict[str, list[dict[str, Any]]] = {}
    tools = list(_tools().items())
    for turn in range(rounds):
        for name, command in tools[turn % len(tools) :] + tools[: turn % len(tools)]:
            print(f"{kind}: {name}", file=sys.stderr)
            url = f"s3://{BUCKET}/{kind}-{name}-{turn}"
            found.setdefault(name, []).append(_run(command(store, url)))
            shutil.rmtree(store / "upload", ignore_errors=True)  # the uploader's journal
            _check(url, files)
    return [
        {"kind": kind, "tool": name, "files": len(files), "bytes": sum(files.values()), "rounds": rounds}
        | {figure: statistics.median(one[figure] for one in found[name]) for figure in ("s", "cpu_s", "resident_mb")}
        | {"requests": found[name][0]["requests"]}
        for name, _ in tools
    ]


def _run(command: list[str]) -> dict[str, Any]:
    """Run a tool to its end."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        tool = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        resident_mb = 0.0
        while not (waited := os.wait4(tool.pid, os.WNOHANG))[0]:
            resident_mb = max(resident_mb, memory_mb(tool.pid)[0])
            time.sleep(_SAMPLE_S)
        _, status, used = waited
        took_s = time.monotonic() - began
        tool.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if tool.returncode:
            raise RuntimeError(f"{command[0]}: {err.read().strip()[-2000:]}")
        said = out.read()
    told = json.loads(said) if said.startswith("{") else {}
    requests = sum(told[name] for name in ("puts", "gets", "lists", "copies", "deletes")) if told else None
    return {
        "s": took_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "resident_mb": resident_mb,
        "requests": requests,
    }


def _check(url: str, files: dict[str, int]) -> None:
    """Raise RuntimeError unless the bucket has all files."""
    from ingest.objects.address import Address
    from ingest.objects.bucket import Bucket

    with Bucket(Address.of(url)) as bucket:
        there = {entry.key: entry.size for entry in bucket.list()}
    lacking = [name for name, size in files.items() if there.get(name) != size and name != "store.json"]
    if lacking:
        raise RuntimeError(f"{url} lacks {len(lacking)} of {len(files)} files, as {lacking[0]}")


def _parts(store: Path, segments: int) -> Path:
    """A store of so many runs, each sealed by a process of its own: three parts each."""
    from ingest.layout import Layout, segment_name
    from ingest.parts import publish as seal
    from ingest.summaries import summarise
    from ingest.tables import sealed_metrics

    layout = Layout(store)
    layout.create()
    for sweep in sweeps(0, -(-segments // 100) * 100):
        facts = facts_of(sweep)
        for place in range(min(100, segments - sweep.first)):
            one = sweep.alone(place)
            (writer,), experiment = one.writers, one.experiment
            rows, names = rows_of(one)
            segment = segment_name(writer, 1)
            own = facts.filter(np.array([run == one.run_ids[0] for run in facts["run_id"].to_pylist()]))
            seal(layout, "facts", experiment, segment, [own])
            seal(layout, "metrics", experiment, segment, [sealed_metrics(rows, names, writer)])
            seal(layout, "summaries", experiment, segment, [summarise(rows, names, writer)])
    return store


def _files(store: Path, count: int) -> Path:
    """A store with so many artifacts of a run."""
    from ingest.layout import Layout

    layout = Layout(store)
    layout.create()
    folder = layout.run_artifacts("run")
    folder.mkdir(parents=True)
    chance = np.random.default_rng(5)
    for place in range(count):
        (folder / f"weights-{place}.bin").write_bytes(chance.bytes(64 << 20))
    return store


def _version(name: str) -> str:
    done = subprocess.run(
        [name, "version" if name != "aws" else "--version"], capture_output=True, text=True, check=False
    )
    return (done.stdout or done.stderr).split("\n")[0].split(" Python")[0].strip()


if __name__ == "__main__":
    main()
