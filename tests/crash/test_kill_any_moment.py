"""kill -9 at a random moment: what was acknowledged is in the store, once and in order, and recovery is idempotent."""

import random
from pathlib import Path
from typing import Any

import pytest

from ingest.layout import Layout
from ingest.recovery import recover
from readers.store import Store
from tests.crash.victims import Progress, Template
from tests.ingest.byhand import tree

MODES: dict[str, dict[str, Any]] = {
    "one thread": {"threads": 1, "runs": 1},
    "four threads": {"threads": 4, "runs": 1},
    "four threads, several runs": {"threads": 4, "runs": 3},
    "one write a call": {"threads": 2, "runs": 2, "queue": "append"},
}
STORES, KILLS = 4, 18  # for each mode


def sequences(root: Path, threads: int) -> dict[int, list[int]]:
    """The numbers that each thread's events have, in the order of seq, from all runs and kinds."""
    found: dict[int, list[tuple[int, int]]] = {thread: [] for thread in range(threads)}
    Layout(root).create()  # the victim may have died before it had
    store = Store(root)
    for key, value, seq in store.metrics().select("key", "value", "seq").collect().rows():
        if key.startswith("m"):
            found[int(key[1:])].append((seq, int(value)))
        elif key.startswith("new"):
            _, thread, number = key.split()
            assert int(number) == value
            found[int(thread)].append((seq, int(number)))
    for kind, key, value, seq in store.facts().select("kind", "key", "value", "seq").collect().rows():
        if kind in ("param", "tag"):
            found[int(key[1:])].append((seq, int(value)))
    assert store.damaged() == []
    assert store.foreign() == []
    return {thread: [number for _, number in sorted(pairs)] for thread, pairs in found.items()}


def kill_one(template: Template, root: Path, mode: str, seed: int) -> None:
    """Kill a victim, recover, and compare with what it had acknowledged."""
    chance = random.Random(seed)
    arguments = MODES[mode]
    threads = arguments["threads"]
    counters = root.parent / f"{root.name}.progress"
    counters.unlink(missing_ok=True)
    progress = Progress(counters)
    victim = template.fork("log_for_ever", root=str(root), progress=str(counters), **arguments)
    if chance.random() < 0.9:
        progress.wait_for(0, 1)
    assert not victim.ends_within(chance.uniform(0.0, 0.02)), template.log.read_text()
    victim.kill()

    assert victim.wait() == -9, template.log.read_text()
    for thread, numbers in sequences(root, threads).items():
        acknowledged = progress[thread]
        assert numbers == list(range(len(numbers))), f"thread {thread} of {mode}, seed {seed}"
        assert acknowledged <= len(numbers) <= acknowledged + 1, f"thread {thread} of {mode}, seed {seed}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("store", range(STORES))
def test_nothing_acknowledged_is_lost_doubled_or_reordered(
    template: Template, scratch: Path, mode: str, store: int
) -> None:
    """Guarantee (acknowledged, order): whenever the process dies, what log calls returned for is there."""
    for number in range(KILLS):
        kill_one(template, scratch / str(number), mode, random.randrange(2**32))


@pytest.mark.parametrize("mode", ["one thread", "four threads, several runs"])
def test_writers_that_die_one_after_the_other_in_one_store(template: Template, scratch: Path, mode: str) -> None:
    """Guarantee (recovery): each next writer adopts what the last one left, in the middle of its own work."""
    chance = random.Random(11)
    root = scratch / "store"
    expected: dict[int, int] = {}
    for _ in range(12):
        counters = scratch / "progress"
        counters.unlink(missing_ok=True)
        progress = Progress(counters)
        victim = template.fork("log_for_ever", root=str(root), progress=str(counters), **MODES[mode])
        progress.wait_for(0, 1)
        assert not victim.ends_within(chance.uniform(0.005, 0.03)), template.log.read_text()
        victim.kill()
        victim.wait()
        for thread in range(4):
            expected[thread] = expected.get(thread, 0) + progress[thread]
    found = sequences(root, 4)

    assert all(expected[thread] <= len(numbers) <= expected[thread] + 12 for thread, numbers in found.items())
    assert Store(root).metrics().select("writer", "seq", "key").collect().is_duplicated().sum() == 0


def test_recovery_twice_changes_nothing(template: Template, scratch: Path) -> None:
    """Guarantee (recovery): it is idempotent, and leaves nothing live."""
    root = scratch / "store"
    for number in range(5):
        counters = scratch / f"progress{number}"
        progress = Progress(counters)
        victim = template.fork("log_for_ever", root=str(root), progress=str(counters), threads=2, runs=2)
        progress.wait_for(0, 50)
        victim.kill()
        victim.wait()
        recover(Layout(root))
        once = tree(root)
        report = recover(Layout(root))

        assert tree(root) == once
        assert (report.writers, report.segments, report.failed) == (0, 0, [])
        assert not [name for name in once if name.startswith("live/")]


@pytest.mark.kill
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("store", range(40))
@pytest.mark.timeout(120)
def test_many_more_kills(template: Template, scratch: Path, mode: str, store: int) -> None:
    """The same, often enough to meet what is rare."""
    for number in range(50):
        kill_one(template, scratch / str(number), mode, random.randrange(2**32))
