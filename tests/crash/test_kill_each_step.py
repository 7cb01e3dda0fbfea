"""Death and failure at each system call in turn, of logging and sealing, of recovery, of compaction.

Each test counts the calls that touch the store (open, rename, unlink, mkdir, fsync, fallocate ...) and lets the n-th be
the last, or fail, for n = 1, 2, 3 ... until the work is done before it comes to that.
"""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.compact import compact
from ingest.layout import Layout
from ingest.recovery import recover
from readers.store import Store
from tests.crash.victims import REACHED, Progress, Template
from tests.ingest.byhand import ByHand, numbers_of, tree

COUNT = 60
ALL = {"m0": [n for n in range(COUNT) if n % 5 != 4], "p0": [n for n in range(COUNT) if n % 5 == 4]}


def left_by_a_dead_writer(root: Path) -> None:
    """A store with segments that nobody sealed: full files, and one that is half full."""
    hand = ByHand(root)
    for number in range(COUNT):
        (hand.param if number % 5 == 4 else hand.point)("p0" if number % 5 == 4 else "m0", number)
    hand.die()


def many_small_parts(root: Path) -> None:
    """A store with a part for every few events."""
    hand = ByHand(root)
    for number in range(COUNT):
        (hand.param if number % 5 == 4 else hand.point)("p0" if number % 5 == 4 else "m0", number)
        if number % 20 == 19:
            hand.step(seal_now=True)
    hand.finish()


def until_done(
    template: Template, scratch: Path, prepare: Callable[[Path], None], victim: str, how: str, part: int
) -> int:
    """Let the n-th step be the last, for every other n, and look at the store each time; returns the last n."""
    prepare(scratch / "before")
    for at in itertools.count(1 + part, 2):
        root = scratch / "store"
        shutil.copytree(scratch / "before", root)
        status = template.run(victim, root=str(root), at=at, how=how)

        assert status in (-9, REACHED, 0), template.log.read_text()
        assert numbers_of(Layout(root)) == ALL, f"before the next recovery, after step {at}"
        recover(Layout(root))
        compact(Layout(root))
        assert numbers_of(Layout(root)) == ALL, f"after recovery and compaction, after step {at}"
        assert [name for name in tree(root) if name.startswith("live/")] == [], f"after step {at}"
        if at % 10 < 2:
            assert Store(root).metrics().collect().height == len(ALL["m0"])
            assert Store(root).foreign() == []
        shutil.rmtree(root)
        if status == 0:
            return at
    raise AssertionError


@pytest.mark.parametrize("how", ["die", "full"])
@pytest.mark.parametrize("part", [0, 1])
def test_recovery_that_ends_at_any_step_loses_and_doubles_nothing(
    template: Template, scratch: Path, how: str, part: int
) -> None:
    """Guarantee (recovery): crash inside, run again, same result; and readers are exact in between."""
    assert until_done(template, scratch, left_by_a_dead_writer, "recover_until", how, part) > 30


@pytest.mark.parametrize("how", ["die", "full"])
@pytest.mark.parametrize("part", [0, 1])
def test_compaction_that_ends_at_any_step_loses_and_doubles_nothing(
    template: Template, scratch: Path, how: str, part: int
) -> None:
    """Guarantee (sealed, compaction): readers count every row once at every moment of a swap."""
    assert until_done(template, scratch, many_small_parts, "compact_until", how, part) > 30


def log_and_look(template: Template, scratch: Path, at: int, how: str, span: int = 1) -> int:
    """One victim that logs by hand, and what it left behind."""
    root, counters = scratch / f"store{at}", scratch / f"progress{at}"
    progress = Progress(counters)
    arguments = {"root": str(root), "progress": str(counters), "count": COUNT, "at": at, "how": how, "span": span}
    status = template.run("log_until", **arguments)
    recover(Layout(root))
    found = numbers_of(Layout(root))
    numbers = found.get("m0", []) + found.get("p0", [])

    assert status in (-9, REACHED, 0), template.log.read_text()
    assert progress[0] <= len(numbers) <= progress[0] + 1, f"step {at} of {how}"
    assert len(set(numbers)) == len(numbers), f"step {at} of {how}"
    assert all(found.get(key, []) == ALL[key][: len(found.get(key, []))] for key in ALL), f"step {at} of {how}"
    if how != "die":
        assert progress[1] == 0, f"{progress[1]} dropped at step {at} of {how}"
        assert found == ALL, f"step {at} of {how}"
    shutil.rmtree(root, ignore_errors=True)  # who died first of all had not made it
    return status


@pytest.mark.parametrize("part", range(3))
def test_a_writer_that_dies_at_any_step_loses_nothing_acknowledged(
    template: Template, scratch: Path, part: int
) -> None:
    """Guarantee (acknowledged, sealed): at each system call of open, drain, roll, seal, sync, compaction, close."""
    for at in itertools.count(1 + part, 3):
        if log_and_look(template, scratch, at, "die") == 0:
            break

    assert at > 100


@pytest.mark.parametrize("part", range(3))
def test_a_system_call_that_fails_once_costs_nothing(template: Template, scratch: Path, part: int) -> None:
    """Guarantee (training goes on): whichever call fails, logging goes on and all is there at the end."""
    for at in itertools.count(1 + part, 3):
        if log_and_look(template, scratch, at, ("full", "broken", "read-only")[at // 3 % 3]) == 0:
            break

    assert at > 100


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_fails_for_a_while_costs_nothing(template: Template, scratch: Path, how: str) -> None:
    """Guarantee (training goes on): thirty calls in a row fail, then all is handed over in order."""
    for at in itertools.count(1, 9):
        if log_and_look(template, scratch, at, how, 30) == 0:
            break

    assert at > 100
