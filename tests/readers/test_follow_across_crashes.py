"""Each point once, while writers are killed and followers restart, and segments are sealed and merged all along."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.layout import Layout
from ingest.recovery import recover
from readers.store import Store
from readers.watcher import Watcher
from tests.waiting import until

CHILD = Path(__file__).with_name("child.py")
FOLLOWER = Path(__file__).with_name("follower.py")
QUEUES = ["file", "append", "memory"]


@contextmanager
def child(*args: object, queue: str = "file", first: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process of child.py that has started; killed in the end."""
    with subprocess.Popen(
        [sys.executable, CHILD, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "QUEUE": queue, "FIRST": str(first)},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


class Follower:
    """A watcher that is given up and made anew from its cursor, as if its process had been killed."""

    def __init__(self, root: Path, most: int) -> None:
        self._root, self._most = root, most
        self._watcher = Watcher(root, most=most)
        self.seen: list[float] = []

    def look(self) -> bool:
        """Take what is new; False when nothing was."""
        batch = self._watcher.poll()
        self.seen += batch.points.filter(key="n")["value"].to_list()
        return not batch.empty or batch.more

    def restart(self) -> None:
        """Begin anew where the last batch ended."""
        cursor = json.loads(json.dumps(self._watcher.cursor))
        self._watcher.close()
        self._watcher = Watcher(self._root, since=cursor, most=self._most)


def follow_writers(root: Path, queue: str, writers: int, points: int, most: int) -> list[float]:
    """What a follower sees of writers that are killed one after the other; each goes on where the last was seen."""
    Layout(root).create()
    follower = Follower(root, most)
    with child("compact", root):
        for _ in range(writers):
            enough = len(follower.seen) + points
            with child("count", root, "a", queue=queue, first=len(follower.seen)):
                while len(follower.seen) < enough:
                    follower.look()
                    follower.restart()
            while follower.look():
                pass
            recover(Layout(root))
            while follower.look():
                pass
    return follower.seen


@pytest.mark.parametrize("queue", QUEUES)
def test_killed_writers_are_followed_gapless(queue: str, root: Path) -> None:
    """Of each writer all that any reader will ever see, in order, though the follower restarts at every look."""
    seen = follow_writers(root, queue, writers=2, points=3_000, most=500)

    assert seen == list(range(len(seen)))
    assert Store(root).metrics(keys=["n"]).collect().height == len(seen)


@pytest.mark.kill
@pytest.mark.timeout(300)
@pytest.mark.parametrize("most", [20, 100_000])
@pytest.mark.parametrize("queue", QUEUES)
def test_many_killed_writers_are_followed_gapless(queue: str, most: int, root: Path) -> None:
    """The same, many times."""
    seen = follow_writers(root, queue, writers=20, points=500 if most == 20 else 20_000, most=most)

    assert seen == list(range(len(seen)))
    assert Store(root).metrics(keys=["n"]).collect().height == len(seen)


@pytest.mark.kill
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["plain", "asyncio", "trio"])
def test_a_killed_follower_goes_on_where_its_last_line_ended(how: str, root: Path, tmp_path: Path) -> None:
    """Killed at any moment, thirty times; what it wrote whole, with the cursor in it, is all that counts."""
    Layout(root).create()
    said = tmp_path / "said"
    said.touch()
    with child("count", root, "a") as writer, child("compact", root):
        for turn in range(30):
            lines = said.read_bytes().split(b"\n")[:-1]
            said.write_bytes(b"".join(line + b"\n" for line in lines))
            cursor = json.dumps(json.loads(lines[-1])["cursor"]) if lines else ""
            with (
                said.open("ab") as file,
                subprocess.Popen([sys.executable, FOLLOWER, root, how, cursor, "2000"], stdout=file) as follower,
            ):
                enough = 1000 * (turn + 1)
                until(lambda: said.stat().st_size >= enough, "it says what it follows")  # noqa: B023 - called at once
                follower.kill()
        total = int(writer.communicate()[0])
    batches = [json.loads(line) for line in said.read_bytes().split(b"\n")[:-1]]
    follower_ = Watcher(root, since=batches[-1]["cursor"])
    rest: list[float] = []
    while (batch := follower_.poll()).more or not batch.empty:
        rest += batch.points["value"].to_list()

    assert [*(value for batch in batches for value in batch["values"]), *rest] == list(range(total))
