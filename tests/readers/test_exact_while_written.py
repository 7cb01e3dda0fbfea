"""Every query is right at every moment: while writers log, seal and are killed, and compaction and recovery run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from ingest.layout import Layout
from readers.store import Store

CHILD = Path(__file__).with_name("child.py")
SECONDS = 4.0
FEWEST = 10
"""Rounds of queries, on however busy a machine."""


@contextmanager
def child(*args: object, first: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process of child.py that has started."""
    process = subprocess.Popen(
        [sys.executable, CHILD, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "FIRST": str(first)},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> int:
    """Let a child end by itself; what it printed last."""
    return int(process.communicate()[0])


def prefix(store: Store, metrics: pl.LazyFrame, run_id: str, least: int) -> int:
    """How many numbers of a run are visible: 0, 1, 2, ... without a gap and none twice, no fewer than before."""
    seen = metrics.filter(run_id=run_id).sort("writer", "seq").select("value", "step").collect()
    numbers = seen["value"].to_list()
    assert sorted(numbers) == list(range(len(numbers))), store.root
    assert seen["step"].to_list() == numbers
    assert len(numbers) >= least
    return len(numbers)


def test_every_query_sees_a_gapless_prefix(root: Path) -> None:
    """Of a run being written, sealed and compacted, each query sees the first n points, each once, and n only grows."""
    Layout(root).create()
    store = Store(root)
    metrics = store.metrics(keys=["n"])
    deadline, seen, summarised, queries = time.monotonic() + SECONDS, 0, 0, 0
    with child("count", root, "a") as writer, child("compact", root) as compactor:
        while time.monotonic() < deadline or queries < FEWEST:
            seen = prefix(store, metrics, "a", seen)
            of_summary = store.summaries(runs=["a"]).collect()
            counted = int(of_summary["count"].sum())
            assert summarised <= counted
            assert of_summary["max"].to_list() in ([], [counted - 1])
            summarised = counted
            assert store.runs().collect().rows_by_key("run_id", named=True)["a"][0]["status"] == "RUNNING"
            queries += 1
        swaps = finish(compactor)
        total = finish(writer)

    assert prefix(store, metrics, "a", seen) == total
    assert store.runs().collect()["status"].to_list() == ["FINISHED"]
    assert swaps > 5
    assert store.damaged() == []


def test_a_killed_writer_loses_and_doubles_nothing(root: Path) -> None:
    """Killed again and again, a writer goes on where the store ends, and queries see a prefix at every moment."""
    Layout(root).create()
    store = Store(root)
    metrics = store.metrics(keys=["n"])
    deadline, seen, kills = time.monotonic() + SECONDS, 0, 0
    with child("compact", root):
        while time.monotonic() < deadline or kills < 3:
            with child("count", root, "a", first=seen) as writer:
                before = seen
                while seen < before + 200 * (kills % 4 + 1):
                    seen = prefix(store, metrics, "a", seen)
                writer.send_signal(signal.SIGKILL)
                writer.wait()
            kills += 1
            seen = prefix(store, metrics, "a", seen)  # adopts what it left, all of it: nothing is added later
            assert prefix(store, metrics, "a", seen) == seen
            assert store.runs().collect()["status"].to_list() == ["INTERRUPTED"]

    assert not any(Layout(root).live.iterdir())
