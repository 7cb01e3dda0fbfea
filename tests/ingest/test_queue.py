"""The event queue: rotation, order, and what interrupts, signal handlers and threads may do to it."""

import itertools
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.catalog import snapshot
from ingest.errors import QueueFull, WriterClosed
from ingest.events import ParamsLogged, encode
from ingest.frames import MAX_PAYLOAD, whole
from ingest.layout import Layout
from ingest.queue import EventQueue
from ingest.queuefile import QueueFile
from ingest.recovery import recover
from tests.ingest.byhand import ByHand, numbers_of, rows_of
from tests.ingest.interrupts import Interrupt, at_moment, interrupt


@pytest.fixture
def hand(tmp_path: Path) -> ByHand:
    """A writer stepped by hand."""
    return ByHand(tmp_path)


def _param(key: str, text: str) -> bytes:
    return encode(ParamsLogged("run", "e", 1, {key: text}))


def rows_of_text(layout: Layout) -> dict[str, str]:
    """Params by name, as the texts they were."""
    tables = [pq.read_table(part.path, partitioning=None) for part in snapshot(layout, "facts").parts]
    return {row["key"]: row["value"] for table in tables for row in table.to_pylist()}


def points(hand: ByHand, key: str, count: int) -> None:
    """Log numbers from 0 on."""
    for number in range(count):
        hand.point(key, number)


def test_a_full_file_is_followed_by_the_next_and_nothing_is_lost(hand: ByHand) -> None:
    """Rotation: what didn't fit is in the next file, in order, once."""
    for number in range(500):
        hand.point("m", number)
    hand.finish()

    assert numbers_of(hand.layout) == {"m": list(range(500))}
    assert hand.writer.segments > 3


def test_eight_threads_that_rotate_at_once_lose_and_double_nothing(hand: ByHand) -> None:
    """Every acknowledged event is there exactly once, each thread's in its order."""
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=points, args=(hand, f"m{at}", 800)) for at in range(8)]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            hand.step()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(0.005)
    hand.finish()

    assert numbers_of(hand.layout) == {f"m{at}": list(range(800)) for at in range(8)}
    assert hand.writer.faults.count == 0


def test_an_event_larger_than_a_file_gets_a_file_of_its_own(hand: ByHand) -> None:
    """Ten megabytes in one param are kept whole, whatever the segment size."""
    text = '"' + "9" * 10_000_000 + '"'
    hand.param("before", 1)
    hand.queue.put(_param("huge", text), fact=True)
    hand.param("after", 2)
    hand.finish()

    assert rows_of_text(hand.layout) == {"before": "1", "huge": text, "after": "2"}


def test_an_event_that_no_file_may_hold_is_refused_at_the_call(hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepted at the call means readable later: a frame longer than recovery believes isn't taken."""
    monkeypatch.setattr("ingest.queue.MAX_PAYLOAD", 1000)
    with pytest.raises(ValueError, match="at most 1000"):
        hand.queue.put(bytes(1001), fact=True)
    hand.queue.put(_param("p", "1" * 900), fact=True)
    assert MAX_PAYLOAD > 1000


def test_a_name_longer_than_a_small_file_does_not_turn_in_circles(hand: ByHand) -> None:
    """Regression: room for a declaration was estimated without the experiment's name, and rotation never ended."""
    hand.point("m", 1, experiment="é" * 3000)
    hand.finish()

    assert numbers_of(hand.layout) == {"m": [1]}


def test_after_close_every_call_says_so(hand: ByHand) -> None:
    """A log call after close raises WriterClosed, and changes nothing."""
    hand.point("m", 1)
    hand.queue.close()
    with pytest.raises(WriterClosed, match="closed"):
        hand.loose("m", 2)
    with pytest.raises(WriterClosed, match="closed"):
        hand.param("p", 2)
    hand.finish()

    assert numbers_of(hand.layout) == {"m": [1]}


def test_closing_twice_is_once(hand: ByHand) -> None:
    """The second close finds nothing to do."""
    hand.point("m", 1)
    hand.queue.close()
    hand.queue.close()
    hand.finish()
    hand.finish()

    assert numbers_of(hand.layout) == {"m": [1]}


def test_the_files_of_a_queue_without_a_folder_are_made_when_there_is_one(tmp_path: Path) -> None:
    """A queue that could not make its first file keeps events in the ring until it can."""
    hand = ByHand(tmp_path)
    queue = EventQueue(tmp_path / "not there", hand.settings, lambda: None)
    queue.put(_param("p", "1"), fact=True)

    assert queue.blocked
    assert len(queue.ring) == 1
    (tmp_path / "not there").mkdir()
    queue.refill()
    assert not queue.blocked
    assert whole(queue.current.read(0, queue.current.size)).frames == 1


def test_a_parent_s_files_are_closed_in_a_child_without_a_change(hand: ByHand) -> None:
    """Letting go, as a forked child does, leaves the bytes as they are and refuses every write."""
    for number in range(100):
        hand.point("m", number)
    before = {path.name: path.read_bytes() for path in hand.folder.glob("*.queue")}
    file, binding = hand.queue.bind("r", "e")
    assert binding is not None
    hand.queue.let_go()

    with pytest.raises(ValueError, match=r"closed|range"):
        binding.write(b"x")
    assert {path.name: path.read_bytes() for path in hand.folder.glob("*.queue")} == before
    assert file.closed


# --- interrupts

TRACED = ("ingest/queue.py", "ingest/queuefile.py", "ingest/shapes.py", "ingest/ring.py")


@pytest.mark.parametrize("part", range(3))
def test_ctrl_c_at_any_moment_of_a_log_call_costs_nothing_acknowledged(scratch: Path, part: int) -> None:
    """An interrupt in the middle of a log call, its rotation included: that call isn't acknowledged, all others are."""
    for nth in itertools.count(1 + part, 3):
        hand = ByHand(scratch / str(nth), first_segment_bytes=256, segment_bytes=256)
        acknowledged: list[int] = []
        with at_moment(nth, interrupt, *TRACED) as hit:
            for number in range(8):
                try:
                    (hand.point if number % 3 else hand.param)("m", number)
                except Interrupt:
                    continue
                acknowledged.append(number)
        for number in range(8, 12):
            hand.point("m", number)
        hand.step()
        hand.finish()
        recover(hand.layout)
        found = sorted(numbers_of(hand.layout)["m"])

        assert len(found) == len(set(found)), hit
        assert set(acknowledged) | set(range(8, 12)) <= set(found), hit
        assert hand.writer.faults.count == 0, (hit, hand.writer.faults.last_error)
        if not hit:
            break

    assert nth > 60


@pytest.mark.parametrize("part", range(3))
def test_a_signal_handler_that_logs_at_any_moment_of_a_log_call_costs_nothing(scratch: Path, part: int) -> None:
    """Whatever the interrupted call was about to do, the handler's event and the call's own are there once."""
    for nth in itertools.count(1 + part, 3):
        hand = ByHand(scratch / str(nth), first_segment_bytes=256, segment_bytes=256)

        def handler(hand: ByHand = hand) -> None:
            for number in range(100, 106):  # enough to rotate in the middle of a rotation
                hand.point("h", number)

        with at_moment(nth, handler, *TRACED) as hit:
            for number in range(8):
                (hand.point if number % 3 else hand.param)("m", number)
        hand.step()
        hand.finish()
        recover(hand.layout)
        found = numbers_of(hand.layout)

        assert sorted(found["m"]) == list(range(8)), hit
        assert found.get("h", []) == (list(range(100, 106)) if hit else []), hit
        assert hand.writer.faults.count == 0, (hit, hand.writer.faults.last_error)
        if not hit:
            break

    assert nth > 60


def test_ctrl_c_at_any_moment_of_close_costs_nothing(scratch: Path) -> None:
    """Regression: an interrupt between the steps of close had the folder removed with what wasn't sealed yet."""
    for nth in itertools.count(1):
        hand = ByHand(scratch / str(nth))
        for number in range(50):
            hand.point("m", number)
        with at_moment(nth, interrupt, *TRACED) as hit:
            try:
                hand.queue.close()
            except Interrupt:
                assert hit
        hand.writer.finish()

        assert numbers_of(hand.layout) == {"m": list(range(50))}, hit
        if not hit:
            break

    assert nth > 8


# --- policies


def test_policy_raise_raises_for_metrics_and_never_for_facts(tmp_path: Path) -> None:
    """The user chose to be told; params, tags and lifecycle events are taken all the same."""
    hand = ByHand(tmp_path, overflow="raise", queue_bytes=2048)
    acknowledged: list[int] = []
    while True:
        try:
            hand.point("m", len(acknowledged))
        except QueueFull as full:
            assert "limit 2048" in str(full)  # noqa: PT017 - how many calls it takes is not the claim
            break
        acknowledged.append(len(acknowledged))
    for number in range(200):
        hand.param("p", number)
    hand.step()
    hand.point("m", len(acknowledged))
    hand.finish()

    assert numbers_of(hand.layout) == {"m": [*acknowledged, len(acknowledged)], "p": list(range(200))}
    assert hand.writer.stats().dropped == 0


def test_policy_drop_oldest_keeps_the_newest_metrics_and_every_fact(tmp_path: Path) -> None:
    """The ring drops from its old end, and counts what it drops."""
    hand = ByHand(tmp_path, overflow="drop_oldest", queue_bytes=2048, ring_bytes=2048)
    for number in range(1000):
        hand.point("m", number)
        if number % 10 == 0:
            hand.param("p", number)
    stats = hand.writer.stats()
    hand.finish()
    found = numbers_of(hand.layout)

    assert stats.appended == 1100
    assert stats.dropped == 1000 - len(found["m"])
    assert 0 < stats.dropped < 1000
    assert found["p"] == list(range(0, 1000, 10))
    kept = found["m"]
    assert kept == sorted(kept)
    assert kept[-1] == 999
    gaps = [after - before for before, after in itertools.pairwise(kept) if after - before > 1]
    assert len(gaps) == 1  # what was in files, then a hole, then what was in the ring


def test_policy_block_waits_for_the_writer(tmp_path: Path) -> None:
    """A call at the limit stands until the background thread has sealed something, and then goes on."""
    hand = ByHand(tmp_path, overflow="block", queue_bytes=2048, block_timeout_s=30.0)
    logger = threading.Thread(target=points, args=(hand, "m", 600))
    logger.start()
    while logger.is_alive():
        hand.step()
        logger.join(0.001)
    hand.finish()

    assert numbers_of(hand.layout) == {"m": list(range(600))}
    assert hand.writer.stats().dropped == 0


def test_policy_block_gives_up_waiting_and_keeps_the_event_in_the_ring(tmp_path: Path) -> None:
    """Training stands no longer than the time-out, once; later calls don't wait again."""
    hand = ByHand(tmp_path, overflow="block", queue_bytes=2048, block_timeout_s=0.05)
    for number in range(300):
        hand.point("m", number)

    assert hand.queue.blocked
    assert hand.writer.stats().queued == 300
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(300))}


def test_flush_hands_the_ring_over_though_the_queue_was_at_its_limit(tmp_path: Path) -> None:
    """Regression: a step sealed the backlog but left the ring in memory, and flush said that all was visible."""
    hand = ByHand(tmp_path, overflow="drop_oldest", queue_bytes=2048)
    for number in range(300):
        hand.point("m", number)
    assert len(hand.queue.ring) > 0

    assert hand.step() is None
    assert len(hand.queue.ring) == 0
    assert [int(row.number) for row in rows_of(hand.layout)] == list(range(300))


def test_a_shut_file_takes_no_write_and_gives_all_it_took(tmp_path: Path) -> None:
    """Shut moves the position to the end; what other threads wrote meanwhile is found by looking behind."""
    file = QueueFile(tmp_path / "a.spare", 4096, "file")
    file.write(b"\x05\0\0\0crc!hello")
    file._shut_at = 0  # as if a thread had written between the two steps of shut
    file.shut()

    with pytest.raises(ValueError, match="range"):
        file.write(b"x")
    assert file.used() == 13
    file.close()
