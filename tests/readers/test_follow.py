"""follow: batches as they come, under asyncio and trio and without either, left at any moment."""

import gc
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import pytest

import tracker
from readers.batch import Batch
from readers.follow import follow, follow_sync

BACKENDS = ["asyncio", "trio"]
FOLLOWER = Path(__file__).with_name("follower.py")


def numbers(batch: Batch) -> list[float]:
    """The values of its points."""
    found: list[float] = batch.points["value"].to_list()
    return found


def test_it_is_public() -> None:
    """By the names a user imports."""
    assert (tracker.follow, tracker.follow_sync) == (follow, follow_sync)


def test_a_plain_iterator_gives_what_is_new(recorder: Any, root: Path) -> None:
    """Never an empty batch; the next one waits until there is something."""
    recorder.log("r", {"loss": 1.0})
    batches = follow_sync(root)
    seen = [numbers(next(batches))]
    recorder.log("r", {"loss": 2.0})
    seen.append(numbers(next(batches)))
    batches.close()  # type: ignore[attr-defined]

    assert seen == [[1.0], [2.0]]


@pytest.mark.parametrize("sealed", [False, True])
def test_who_stops_at_the_first_batch_without_more_has_all(recorder: Any, root: Path, *, sealed: bool) -> None:
    """So a job that takes what is there, now and then, need not know when that was all."""
    recorder.start("r")
    for value in range(50):
        recorder.log("r", {"loss": float(value)})
    if sealed:
        recorder.seal()
    recorder.log("r", {"loss": 50.0})
    seen: list[float] = []
    for batch in follow_sync(root, most=7):
        seen += numbers(batch)
        if not batch.more:
            break

    assert seen == [float(value) for value in range(51)]


def test_arguments_are_refused_at_the_call(root: Path) -> None:
    """Not at the first batch, which may be long in coming."""
    for call in (follow, follow_sync):
        with pytest.raises(TypeError):
            call(root, runs="r")


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_iterator_gives_what_is_new(backend: str, recorder: Any, root: Path) -> None:
    """The same under both event loops, while other tasks run."""
    seen: list[list[float]] = []

    async def main() -> None:
        recorder.log("r", {"loss": 1.0})
        async for batch in follow(root):
            seen.append(numbers(batch))
            if len(seen) == 3:
                break
            recorder.log("r", {"loss": 1.0 + len(seen)})

    anyio.run(main, backend=backend)
    assert seen == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cancelled_follower_has_closed_its_files_and_loses_nothing(backend: str, recorder: Any, root: Path) -> None:
    """Cancelled while it waits; asked again, it goes on where it was."""
    recorder.log("r", {"loss": 1.0})
    following = follow(root)
    held: list[bool] = []

    async def main() -> None:
        await anext(following)
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                await anyio.lowlevel.checkpoint()
                scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(cancel)
                await anext(following)
        held.extend(tail.queue.is_open for tail in following._watcher._live.tails())
        recorder.log("r", {"loss": 2.0})
        held.append(numbers(await anext(following)) == [2.0])

    anyio.run(main, backend=backend)
    assert held == [False, True]


@pytest.mark.parametrize("backend", BACKENDS)
def test_leaving_the_block_ends_it(backend: str, recorder: Any, root: Path) -> None:
    """`async with` closes; what is asked of it afterwards is over."""
    recorder.log("r", {"loss": 1.0})

    async def main() -> list[Batch]:
        async with follow(root) as batches:
            await anext(batches)
        return [batch async for batch in batches]

    assert anyio.run(main, backend=backend) == []


def queue_files() -> int:
    """How many queue files this process holds open."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here")
    return sum(path.is_symlink() and str(path.readlink()).endswith(".queue") for path in folder.iterdir())


@pytest.mark.parametrize("backend", ["none", *BACKENDS])
def test_an_iterator_that_is_dropped_leaves_no_open_file(backend: str, recorder: Any, root: Path) -> None:
    """As by a `break` out of the loop."""
    recorder.log("r", {"loss": 1.0})
    gc.collect()
    before = queue_files()

    async def first() -> None:
        async for _ in follow(root):
            held.append(queue_files())
            break

    held: list[int] = []
    if backend == "none":
        for _ in follow_sync(root):
            held.append(queue_files())
            break
    else:
        anyio.run(first, backend=backend)
    gc.collect()

    assert held == [before + 1]
    assert queue_files() == before


def test_a_follower_that_is_interrupted_ends_as_python_does(recorder: Any, root: Path) -> None:
    """Ctrl-C in the plain iterator is a KeyboardInterrupt in whoever iterates."""
    recorder.log("r", {"loss": 1.0})
    with subprocess.Popen([sys.executable, FOLLOWER, root, "plain"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            rest = process.communicate(timeout=15)[0]
        finally:
            process.kill()

    assert json.loads(line)["values"] == [1.0]
    assert (rest, process.returncode) == ("interrupted\n", 0)


def test_points_come_once_though_the_follower_is_killed(recorder: Any, root: Path) -> None:
    """Who writes the cursor down with what it took goes on right there, after kill -9 too."""
    cursor, seen = "", []
    for number in range(3):
        recorder.log("r", {"loss": float(number)})
        if number == 1:
            recorder.seal()
        with subprocess.Popen(
            [sys.executable, FOLLOWER, root, "plain", cursor], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            taken = json.loads(process.stdout.readline())
            process.kill()
        cursor = json.dumps(taken["cursor"])
        seen += taken["values"]

    assert seen == [0.0, 1.0, 2.0]


def test_a_follower_of_many_writers_gets_all_of_each(write: Callable[[], Any], root: Path) -> None:
    """Some of them start while it follows."""
    batches, expected = follow_sync(root), []
    seen: list[float] = []
    for number in range(5):
        writer = write()
        for value in range(3):
            writer.log(f"r{number}", {"loss": 10.0 * number + value})
            expected.append(10.0 * number + value)
        while len(seen) < len(expected):
            seen += [value for batch in islice(batches, 1) for value in numbers(batch)]

    assert sorted(seen) == expected
