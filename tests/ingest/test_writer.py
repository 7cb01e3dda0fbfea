"""The writer, step by step: what is visible when, what a disk that fails does to it, and what it says about that."""

import errno
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest import faults as faults_module
from ingest.clock import ManualClock
from ingest.faults import Faults
from ingest.layout import Layout
from ingest.parts import publish
from ingest.recovery import recover
from ingest.segments import read_batches
from tests.ingest.byhand import ByHand, numbers_of, rows_of, tree

LARGE = {"first_segment_bytes": 1 << 20, "segment_bytes": 1 << 20}


@pytest.fixture
def hand(tmp_path: Path) -> ByHand:
    """A writer whose files are large: nothing rolls by itself."""
    return ByHand(tmp_path / "store", **LARGE)


def streamed(hand: ByHand) -> int:
    """Rows that followers of the live streams can read."""
    return sum(len(batch) for path in hand.folder.glob("*.metrics.arrows") for batch in read_batches(path))


class Disk:
    """A disk that can be full: file descriptors, new files and Parquet all fail with the same error."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.error: int | None = None
        self._root = str(root)
        for name in ("posix_fallocate", "open", "fdatasync", "fsync", "mkdir"):
            patch.setattr(os, name, self._failing(getattr(os, name)))
        patch.setattr("ingest.segments._Stream.write", self._failing(_stream_write()))
        patch.setattr("ingest.parts.write_rows", self._failing(_write_rows()))

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            reads = real.__name__ == "open" and not (arguments[1] & (os.O_WRONLY | os.O_RDWR))
            if self.error is not None and not reads:
                raise OSError(self.error, os.strerror(self.error))
            return real(*arguments, **options)

        return call


def _stream_write() -> Callable[..., Any]:
    from ingest.segments import _Stream

    return _Stream.write


def _write_rows() -> Callable[..., Any]:
    from ingest.parts import write_rows

    return write_rows


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Disk:
    """A disk that works until a test says otherwise."""
    return Disk(monkeypatch, tmp_path)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[str], list[str]]]:
    """Warnings so far that contain a text."""
    with caplog.at_level(logging.WARNING, "steplog"):
        yield lambda text: [record.getMessage() for record in caplog.records if text in record.getMessage()]


def test_what_was_logged_before_a_step_is_streamed_after_it(hand: ByHand) -> None:
    """Guarantee (flushed): a follower reads every event that was there when the step began, in order, once."""
    for number in range(10):
        hand.point("m", number)
    assert streamed(hand) == 0
    assert hand.step() is None
    assert streamed(hand) == 10
    hand.point("m", 10)
    hand.step()

    assert streamed(hand) == 11
    hand.finish()


def test_a_step_with_nothing_new_writes_nothing(hand: ByHand) -> None:
    """An idle run costs no disk."""
    hand.point("m", 1)
    hand.step()
    before = tree(hand.layout.root)
    hand.step()
    hand.step()

    assert tree(hand.layout.root) == before
    hand.finish()


def test_sealing_on_demand_leaves_parquet_and_an_empty_queue(hand: ByHand) -> None:
    """After a sealing step all that was logged is Parquet; the next file is empty, and a second one seals nothing."""
    hand.point("m", 1)
    assert hand.step(seal_now=True) is None
    assert hand.writer.segments == 1
    assert hand.step(seal_now=True) is None

    assert hand.writer.segments == 1
    assert {row.segment.split("-")[-1] for row in rows_of(hand.layout)} == {"000001"}
    hand.finish()


def test_a_segment_is_sealed_by_age(hand: ByHand) -> None:
    """Events are Parquet after seal_interval_s though the file isn't full."""
    hand.point("m", 1)
    hand.step()
    hand.clock.advance(59)
    hand.step()
    assert hand.writer.segments == 0
    hand.clock.advance(2)
    hand.step()

    assert hand.writer.segments == 1
    hand.finish()


def test_an_older_file_is_shown_before_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guarantee (order): while a full file can't be sealed, its events are streamed before those of its successor."""
    hand = ByHand(tmp_path / "store")
    for number in range(15):
        hand.point("m", number)
    assert hand.queue.current.number == 1
    hand.step()
    for number in range(15, 60):
        hand.point("m", number)
    assert hand.queue.current.number == 2
    with monkeypatch.context() as patch:
        patch.setattr("ingest.parts.write_rows", _raise(errno.ENOSPC))
        hand.step()

        assert len(hand.queue.waiting) == 1
        assert streamed(hand) == 60
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(60))}


def _raise(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_the_folder_is_gone_after_a_clean_end(hand: ByHand) -> None:
    """Nothing live, nothing in tmp: only Parquet."""
    hand.point("m", 1)
    hand.param("p", 2)
    hand.finish()

    assert {name.split("/")[0] for name in tree(hand.layout.root)} == {"store.json", "metrics", "facts", "summaries"}


def test_a_folder_with_an_unsealed_segment_is_never_removed(hand: ByHand) -> None:
    """What an interrupt has left behind is for recovery, not for the writer's broom."""
    hand.point("m", 1)
    stray = hand.folder / "000777.queue"
    other = ByHand(hand.layout.root, **LARGE)
    other.point("m", 2)
    other.die()
    (other.folder / "000001.queue").rename(stray)
    hand.finish()
    assert stray.exists()
    recover(hand.layout)

    assert numbers_of(hand.layout) == {"m": [1, 2]}


# --- a disk that fails


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_one_cause_is_one_warning_and_logging_goes_on(
    tmp_path: Path, disk: Disk, said: Callable[[str], list[str]], number: int
) -> None:
    """Guarantee (training goes on): whatever parts of the work meet it, for however long."""
    hand = ByHand(tmp_path / "store", overflow="drop_oldest", queue_bytes=8192)
    disk.error = number
    for logged in range(400):
        hand.point("m", logged)
        hand.param("p", logged)
        if logged % 20 == 19:
            hand.clock.advance(5)
            hand.step()
            stats = hand.writer.stats()
            assert stats.appended == 2 * (logged + 1)
            assert stats.appended == stats.queued + stats.written + stats.dropped + stats.failed
    assert hand.writer.faults.count > 10
    assert len(said("failed")) == 1
    assert os.strerror(number) in said("failed")[0]
    disk.error = None
    hand.clock.advance(31)
    hand.step()
    hand.step(seal_now=True)

    assert len(said("works again")) == 1
    assert hand.writer.error is None
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(400)), "p": list(range(400))}


def test_a_step_says_what_keeps_events_from_being_visible(hand: ByHand, disk: Disk) -> None:
    """flush() raises it: the caller asked whether the events are safe from more than the death of the process."""
    hand.point("m", 1)
    disk.error = errno.ENOSPC
    problem = hand.step()
    assert isinstance(problem, OSError)
    assert problem.errno == errno.ENOSPC
    disk.error = None

    assert hand.step() is None
    hand.finish()


def test_a_failure_to_prepare_is_no_failure_to_flush(hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was logged is visible though the next file can't be made ahead."""
    for number in range(9000):
        hand.point("m", number)
    monkeypatch.setattr(os, "posix_fallocate", _raise(errno.ENOSPC))

    assert hand.step() is None
    assert hand.writer.faults.count == 1
    monkeypatch.undo()
    hand.finish()


def test_a_step_asked_to_seal_says_when_it_could_not(hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Visible, but not Parquet."""
    hand.point("m", 1)
    monkeypatch.setattr("ingest.parts.write_rows", _raise(errno.ENOSPC))

    assert hand.step(seal_now=True) is not None
    assert hand.step() is None
    monkeypatch.undo()
    assert hand.step(seal_now=True) is None
    hand.finish()


def test_a_failed_sync_writes_the_segment_anew(hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the pages can't be trusted, and a second try that says "ok" may lie: the segment is sealed instead."""
    hand.point("m", 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", _raise(errno.EIO))
        assert hand.step(sync_now=True) is not None
    hand.step()

    assert hand.writer.segments == 1
    assert numbers_of(hand.layout) == {"m": [1]}
    hand.finish()


def test_back_off_grows_and_an_urgent_step_does_not_wait(hand: ByHand) -> None:
    """A dead disk isn't hammered; a flush tries at once."""
    tries: list[float] = []
    faults = Faults(hand.clock, "here")

    def fail() -> None:
        tries.append(hand.clock.monotonic())
        raise OSError(errno.EIO, "broken")

    for _ in range(2000):
        faults.attempt("seal", fail)
        hand.clock.advance(0.1)
    gaps = [round(later - earlier, 1) for earlier, later in itertools.pairwise(tries)]
    before = len(tries)
    faults.attempt("seal", fail, urgent=True)

    assert gaps == sorted(gaps)
    assert gaps[0] < 0.5
    assert 29 < gaps[-1] < 31
    assert len(tries) == before + 1
    hand.finish()


def test_a_disk_that_is_full_now_and_then_does_not_fill_the_log(said: Callable[[str], list[str]]) -> None:
    """A cause is said anew only after it has not been met for a while."""
    clock = ManualClock()
    faults = Faults(clock, "here")
    full = _raise(errno.ENOSPC)
    for _ in range(100):
        faults.attempt("seal", full, urgent=True)
        clock.advance(10)
        faults.attempt("seal", lambda: None, urgent=True)
    assert (len(said("failed")), len(said("works again"))) == (1, 1)
    clock.advance(faults_module._SAY_AGAIN_S + 1)
    faults.attempt("seal", full, urgent=True)

    assert len(said("failed")) == 2


def test_an_unexpected_error_is_shown_with_its_trace_and_survived(
    hand: ByHand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug of ours, or of a library, stops neither the thread nor the other parts of a step."""
    hand.point("m", 1)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.writer.compact_if_due", _bug)
        hand.writer.settings = type(hand.settings)(compact_files=1)
        hand.step(seal_now=True)

    assert [record.exc_info is not None for record in caplog.records if "compact failed" in record.getMessage()] == [
        True
    ]
    assert numbers_of(hand.layout) == {"m": [1]}
    hand.finish()


def _bug(*_: object) -> None:
    raise ZeroDivisionError("a bug")


# --- a store that is deleted


def test_a_deleted_store_is_made_again_with_what_was_in_memory(hand: ByHand, said: Callable[[str], list[str]]) -> None:
    """Guarantee (training goes on): after rm -rf, events still mapped and later ones are readable; it is said once."""
    for number in range(100):
        hand.point("m", number)
    shutil.rmtree(hand.layout.root)
    for number in range(100, 200):
        hand.point("m", number)
    assert hand.step() is None
    assert [row.number for row in rows_of(hand.layout)] == list(range(200))
    hand.point("m", 200)
    hand.step()

    assert len(said("deleted")) == 1
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(201))}
    assert Layout(hand.layout.root).check()


def test_a_store_deleted_while_files_wait_to_be_sealed(tmp_path: Path) -> None:
    """Also what waited: a file whose name is gone is sealed from its pages."""
    hand = ByHand(tmp_path / "store")
    for number in range(300):
        hand.point("m", number)
        if number == 200:
            shutil.rmtree(hand.layout.root)
    hand.step()
    hand.finish()

    assert numbers_of(hand.layout) == {"m": list(range(300))}
    assert hand.writer.stats().dropped == 0


def test_a_store_deleted_and_rotated_is_still_nobody_else_s(tmp_path: Path) -> None:
    """Regression: the next file was made in a folder without a lock, where another process adopted it while in use."""
    hand = ByHand(tmp_path / "store")
    shutil.rmtree(hand.layout.root)
    for number in range(300):  # rotates before the writer's thread has looked
        hand.point("m", number)
    hand.layout.create()
    report = recover(hand.layout)

    assert report.writers == 0
    hand.step()
    assert hand.lock.holds(hand.folder)
    for number in range(300, 310):
        hand.point("m", number)
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(310))}


def test_only_the_lock_deleted_is_taken_again(hand: ByHand) -> None:
    """A folder without its lock is locked anew where it lies."""
    hand.point("m", 1)
    (hand.folder / "lock").unlink()
    hand.step(seal_now=True)

    assert hand.lock.holds(hand.folder)
    assert recover(hand.layout).writers == 0
    hand.finish()
    assert numbers_of(hand.layout) == {"m": [1]}


def test_a_seal_that_fails_half_way_in_a_store_made_again_doubles_nothing(
    hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts are published, the metrics fail: until the segment is whole, the queue file is what counts."""
    hand.point("m", 1)
    hand.param("p", 2)
    hand.queue.roll()
    shutil.rmtree(hand.layout.root)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.sealing.publish", lambda *a: publish(*a) if a[1] == "facts" else _raise(errno.ENOSPC)())
        hand.step()
    assert numbers_of(hand.layout) == {"m": [1], "p": [2]}
    hand.clock.advance(31)
    hand.step()

    assert hand.writer.segments == 1
    assert numbers_of(hand.layout) == {"m": [1], "p": [2]}
    hand.finish()


def test_what_could_not_be_sealed_at_the_end_is_there_for_the_next(
    hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guarantee (ending): the files stay, and the lock is free, also for a tracker of the same process."""
    hand.point("m", 1)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.parts.write_rows", _raise(errno.ENOSPC))
        hand.finish()
    assert len(hand.queue.waiting) == 1
    assert recover(hand.layout).points == 1

    assert numbers_of(hand.layout) == {"m": [1]}


def test_ring_events_are_given_up_only_at_the_very_end_and_counted(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that takes nothing until the end: what was in memory only is lost, counted, and said."""
    hand = ByHand(tmp_path / "store")
    disk.error = errno.ENOSPC
    for number in range(100):
        hand.point("m", number)
    in_ring = len(hand.queue.ring)
    hand.finish()
    stats = hand.writer.stats()

    assert in_ring > 0
    assert stats.dropped == in_ring
    assert stats.appended == 100
    assert f"{in_ring} events are lost" in caplog.text
    disk.error = None
    recover(hand.layout)
    assert len(numbers_of(hand.layout)["m"]) == 100 - in_ring
