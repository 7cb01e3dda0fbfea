"""The lives that the hub follows are those that the store tells; what it sends fits a message and a queue."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from readers.batch import POINTS
from readers.dashboard import lives as lives_module
from readers.dashboard import ticks as ticks_module
from readers.dashboard.clients import Client
from readers.dashboard.control import Controls
from readers.dashboard.lives import RunLives
from readers.dashboard.resume import MOST_WRITERS, Writing
from readers.dashboard.ticks import Tick, Ticks, Wanted
from readers.store import Store
from readers.watcher import Watcher
from tracker import ExperimentTracker

KILLED = "import os, sys; from tracker import ExperimentTracker; \
t = ExperimentTracker(sys.argv[1], 'e', auto_log=False); t.start_run('killed', run_id='killed'); \
t.log_metrics({'x': 1.0}); os._exit(9)"
CURSOR = msgspec.Raw(b'{"hub":"h"}')


class Followed:
    """A store, and what the hub would know of its runs."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.watcher = Watcher(self.store, since="now")
        self.lives = RunLives(self.store)
        self.lives.begin()
        self.known: dict[str, dict[str, Any]] = {}

    def look(self) -> None:
        """As the hub does, twice: a death counts when it was seen by two looks."""
        for _ in range(2):
            more = True
            while more:
                batch = self.watcher.poll()
                self.lives.note(batch.points, batch.facts)
                more = batch.more
            self.known.update(self.lives.look())

    def check(self) -> None:
        """All that was told is what the store tells."""
        self.look()
        told = {row["run_id"]: row for row in self.store.runs().collect().iter_rows(named=True)}
        for run_id, life in self.known.items():
            took, should = life["duration_s"], told[run_id]["duration_s"]
            assert took == (None if should is None else pytest.approx(should))
            assert {**life, "duration_s": should} == told[run_id]


def test_lives_are_what_the_store_tells(tmp_path: Path) -> None:
    """Started, joined, ended, failed, killed, resumed, with a status set, while the hub looks on and before."""
    root = tmp_path / "store"
    with ExperimentTracker(root, "e", auto_log=False) as tracker:
        tracker.start_run("old", run_id="old")
        tracker.end_run("FAILED")
        tracker.start_run("running", run_id="running", group="g")
        followed = Followed(root)
        tracker.start_run("new", run_id="new", nested=True)
        with ExperimentTracker(root, "e", auto_log=False) as rank:
            rank.start_run(run_id="new")
            followed.check()
        followed.check()
        tracker.set_run_status("FAILED")
        tracker.end_run()
        followed.check()
        assert followed.known["new"]["status"] == "FAILED"

        subprocess.run([sys.executable, "-c", KILLED, root], check=False, timeout=15)
        followed.check()
        assert followed.known["killed"]["status"] == "INTERRUPTED"
        Controls(followed.store).set_note("killed", "why?")
        followed.check()
        for run_id in ("old", "killed"):
            tracker.start_run(run_id=run_id, resume=True, nested=True)
            followed.check()
            assert followed.known[run_id]["status"] == "RUNNING"
    followed.check()
    assert {life["status"] for life in followed.known.values()} == {"FAILED", "FINISHED"}
    followed.watcher.close()


def test_what_has_ended_is_forgotten_and_known_when_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that sees ten thousand runs come and go doesn't keep them."""
    monkeypatch.setattr(lives_module, "MOST_KEPT", 2)
    root = tmp_path / "store"
    with ExperimentTracker(root, "e", auto_log=False) as tracker:
        followed = Followed(root)
        for number in range(4):
            tracker.start_run(run_id=f"r{number}")
            tracker.end_run()
        followed.look()
        assert len(followed.lives._lives) == 0
        tracker.start_run(run_id="r1", resume=True)
        followed.check()
    followed.watcher.close()


def points(count: int) -> pl.DataFrame:
    """Points of one series."""
    rows = {"run_id": "r", "experiment": "e", "key": "x", "step": range(count), "value": 1.0, "writer": "w"}
    return pl.DataFrame(rows).select(
        pl.lit(None, pl.Float64).alias(name)
        if name == "step_float"
        else pl.lit(0).cast(kind).alias(name)
        if name in {"time", "seq"}
        else pl.col(name).cast(kind)
        for name, kind in POINTS.items()
    )


def taken(client: Client) -> list[dict[str, Any]]:
    """All that a client has queued."""
    messages = []
    while (message := client._next()) is not None:
        messages.append(json.loads(message))
    return messages


@pytest.fixture
def client() -> Any:
    """A client that takes nothing by itself."""
    loop = asyncio.new_event_loop()
    yield Client(loop, Wanted(), queue_bytes=1_000)
    loop.close()


def test_more_points_than_a_message_holds_mean_fetch_anew(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that logs a million points a second is not sent point by point."""
    monkeypatch.setattr(ticks_module, "MOST_ROWS", 10)
    client.deliver(Tick(1, points(11), CURSOR))

    assert [message["type"] for message in taken(client)] == ["resync"]


def test_a_full_queue_is_let_go_but_for_the_greeting(client: Client) -> None:
    """Its size stays below its limit, and what comes after it was emptied comes again."""
    client.greet(Tick(0, points(0), CURSOR))
    for number in range(1, 100):
        client.deliver(Tick(number, points(3), CURSOR, ('{"type":"runs","changed":[]}',)))
        assert client._size <= 1_000
    client.resync(Tick(100, points(0), CURSOR))
    kinds = [message["type"] for message in taken(client)]
    client.deliver(Tick(101, points(3), CURSOR))

    assert kinds == ["hello", "resync"]
    assert [message["type"] for message in taken(client)] == ["points"]


def test_a_heartbeat_stands_behind_what_was_taken(client: Client) -> None:
    """Not behind what others were sent meanwhile."""
    client.deliver(Tick(1, points(1), msgspec.Raw(b'"one"')))
    client.deliver(Tick(2, points(0), msgspec.Raw(b'"two"')))

    assert [message["cursor"] for message in taken(client)] == ["one"]
    assert json.loads(client._heartbeat())["cursor"] == "two"


def test_ticks_are_kept_up_to_a_size(client: Client) -> None:
    """Who is behind the last that is kept is told so; who isn't gets what followed."""
    ticks = Ticks(kept_bytes=3 * Tick(1, points(10), CURSOR).size)
    for number in range(1, 8):
        ticks.add(Tick(number, points(10), CURSOR))

    assert [tick.number for tick in ticks.after(4) or ()] == [5, 6, 7]
    assert ticks.after(7) == []
    assert ticks.after(3) is None


def test_a_cursor_names_no_thousand_writers(tmp_path: Path) -> None:
    """A message isn't all cursor; such a client fetches anew when the server was started anew."""
    ExperimentTracker(tmp_path, auto_log=False).close()
    for number in range(MOST_WRITERS + 1):
        (tmp_path / "live" / f"host-1-0-{number:06d}").mkdir()
    writing = Writing(Store(tmp_path))
    writing.look()
    with Watcher(tmp_path, since="now") as watcher:
        cursor = json.loads(bytes(writing.cursor("hub", 1, [watcher.poll()])))

    assert cursor["writers"] is None
