"""A queue on another disk than the store: the same guarantees, whoever dies when."""

import itertools
import random
import shutil
from pathlib import Path

import pytest

from ingest.layout import Layout
from ingest.recovery import recover
from readers.store import Store
from tests.crash.test_kill_any_moment import sequences
from tests.crash.test_kill_each_step import ALL, COUNT
from tests.crash.victims import REACHED, Progress, Template
from tests.ingest.byhand import ByHand, numbers_of

KILLS = 10


@pytest.fixture
def queues(tmp_path: Path) -> Path:
    """Where the queues lie; on another file system than `scratch`, where there is one in memory."""
    return tmp_path / "queues"


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_acknowledged_is_lost_doubled_or_reordered(
    template: Template, scratch: Path, queues: Path, threads: int
) -> None:
    """Guarantee (acknowledged, order): kill -9 at any moment; who opens the store need not know of the queue_dir."""
    for number in range(KILLS):
        root, counters = scratch / f"store{number}", scratch / f"progress{number}"
        progress = Progress(counters)
        arguments = {"root": str(root), "progress": str(counters), "queue_dir": str(queues)}
        victim = template.fork("log_for_ever", threads=threads, runs=2, **arguments)
        progress.wait_for(0, number % 2)
        assert not victim.ends_within(random.uniform(0.0, 0.02)), template.log.read_text()
        victim.kill()

        assert victim.wait() == -9, template.log.read_text()
        for thread, numbers in sequences(root, threads).items():
            assert numbers == list(range(len(numbers)))
            assert progress[thread] <= len(numbers) <= progress[thread] + 1
        assert list(Layout(root).live.iterdir()) == []
    assert not any(queues.glob("*/*.queue"))


@pytest.mark.parametrize(("how", "part", "every"), [*(("die", part, 4) for part in range(4)), ("broken", 0, 5)])
def test_a_writer_that_ends_at_any_step_loses_nothing_acknowledged(
    template: Template, scratch: Path, queues: Path, how: str, part: int, every: int
) -> None:
    """Guarantee (nothing unseen): from the first folder to the last, a kill costs an empty folder in queue_dir."""
    for at in itertools.count(1 + part, every):
        root, counters = scratch / f"store{at}", scratch / f"progress{at}"
        progress = Progress(counters)
        arguments = {"root": str(root), "progress": str(counters), "queue_dir": str(queues), "count": COUNT}
        status = template.run("log_until", at=at, how=how, **arguments)
        report = recover(Layout(root))
        found = numbers_of(Layout(root))

        assert status in (-9, REACHED, 0), template.log.read_text()
        assert (report.lost, report.failed) == ([], []), f"step {at}"
        assert progress[0] <= sum(map(len, found.values())) <= progress[0] + 1, f"step {at}"
        assert all(found.get(key, []) == ALL[key][: len(found.get(key, []))] for key in ALL), f"step {at}"
        assert list(Layout(root).live.glob("*")) == [], f"step {at}"
        assert {path.name for path in queues.glob("*/*")} <= {"lock"}, f"step {at}"
        if not status:
            break
        shutil.rmtree(queues, ignore_errors=True)

    assert at > 100


@pytest.mark.parametrize("how", ["die", "full"])
@pytest.mark.parametrize("part", [0, 1])
def test_recovery_that_ends_at_any_step_loses_and_doubles_nothing(
    template: Template, scratch: Path, queues: Path, how: str, part: int
) -> None:
    """Guarantee (recovery): readers are exact in between, and the next recovery leaves neither link nor files."""
    for at in itertools.count(1 + part, 2):
        root = scratch / f"store{at}"
        hand = ByHand(root, queue_dir=str(queues))
        for number in range(COUNT):
            (hand.param if number % 5 == 4 else hand.point)("p0" if number % 5 == 4 else "m0", number)
        hand.die()
        status = template.run("recover_until", root=str(root), at=at, how=how, queue_dir=str(queues))

        assert status in (-9, REACHED, 0), template.log.read_text()
        assert numbers_of(Layout(root)) == ALL, f"before the next recovery, after step {at}"
        report = recover(Layout(root))
        assert (report.lost, report.failed) == ([], []), f"step {at}"
        assert numbers_of(Layout(root)) == ALL, f"step {at}"
        assert list(Layout(root).live.iterdir()) == [], f"step {at}"
        assert list(queues.glob("*/*")) == [], f"step {at}"
        if not status:
            break

    assert at > 30


def test_readers_see_a_running_process_through_the_link(template: Template, scratch: Path, queues: Path) -> None:
    """What was logged is there at once, and the run is RUNNING; after its death INTERRUPTED."""
    progress = Progress(scratch / "progress")
    victim = template.fork(
        "log_for_ever",
        root=str(scratch / "store"),
        progress=str(scratch / "progress"),
        threads=1,
        runs=1,
        queue_dir=str(queues),
    )
    progress.wait_for(0, 200)
    store, acknowledged = Store(scratch / "store"), progress[0]
    seen = store.metrics().collect().height + store.facts().collect().height
    status = store.runs().collect()["status"].to_list()
    victim.kill()
    victim.wait()

    assert seen >= acknowledged
    assert status == ["RUNNING"]
    assert store.runs().collect()["status"].to_list() == ["INTERRUPTED"]
