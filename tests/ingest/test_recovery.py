"""Recovery: what a dead writer left is sealed once; who lives is left alone; what is torn is kept and said."""

import os
import threading
from pathlib import Path

import pytest

from ingest.alive import FolderLock, is_alive
from ingest.events import TagsSet, encode
from ingest.frames import HEADER, frame, payloads, whole
from ingest.layout import Layout, segment_name
from ingest.recovery import recover, remove_scratch
from ingest.segments import read_batches
from tests.ingest.byhand import RUN, ByHand, numbers_of, tree


def left(root: Path, count: int = 40, **settings: str) -> ByHand:
    """What a writer left that died."""
    hand = ByHand(root, **settings)
    for number in range(count):
        hand.point("m", number)
    hand.die()
    return hand


def test_what_a_dead_writer_left_is_sealed_and_its_folder_removed(tmp_path: Path) -> None:
    """Whole events only, all of them, and nothing live remains."""
    hand = left(tmp_path)
    report = recover(hand.layout)

    assert (report.writers, report.events, report.points, report.torn, report.failed) == (1, 40, 40, [], [])
    assert report.segments > 1
    assert numbers_of(hand.layout) == {"m": list(range(40))}
    assert list(hand.layout.live.iterdir()) == []


def test_a_living_writer_is_left_alone(tmp_path: Path) -> None:
    """Its lock is held, so nobody takes its files, however often they are looked at."""
    hand = ByHand(tmp_path)
    hand.point("m", 1)
    before = tree(hand.folder)
    report = recover(hand.layout)

    assert report.writers == 0
    assert tree(hand.folder) == before
    assert is_alive(hand.folder)
    hand.finish()


def test_asking_never_makes_a_dead_writer_look_alive(tmp_path: Path) -> None:
    """Those who ask take a shared lock for a moment; several at once don't see each other."""
    hand = left(tmp_path)
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(is_alive(hand.folder) for _ in range(500))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(answers) == {False}


def test_two_adopters_exclude_each_other(tmp_path: Path) -> None:
    """One adopts, the other goes on; the folder isn't left half done."""
    hand = left(tmp_path)
    first = FolderLock.adopt(hand.folder)

    assert first is not None
    assert FolderLock.adopt(hand.folder) is None
    assert recover(hand.layout).writers == 0
    first.release()
    assert recover(hand.layout).writers == 1


def test_many_recoveries_at_once_seal_each_segment_once(tmp_path: Path) -> None:
    """Readers and trackers that open a store together don't double what they adopt."""
    for number in range(6):
        left(tmp_path, 10 + number)
    layout = Layout(tmp_path)
    threads = [threading.Thread(target=recover, args=(layout,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recover(layout)

    assert sorted(numbers_of(layout)["m"]) == sorted(number for more in range(6) for number in range(10 + more))
    assert list(layout.live.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 7, 8, 9, 30])
def test_a_torn_tail_is_set_aside_and_reported(tmp_path: Path, cut: int) -> None:
    """The last event lacks some bytes: those before it are sealed, its rest is kept for people."""
    hand = ByHand(tmp_path)
    for number in range(5):
        hand.param("p", number)
    file = hand.queue.current
    frames = [at for at, _ in payloads(file.read(0, file.used()), 0, file.used())]
    end = file.used()
    hand.die()
    path = hand.folder / "000001.queue"
    data = bytearray(path.read_bytes())
    data[end - cut : end] = bytes(cut)
    path.write_bytes(data)
    report = recover(hand.layout)

    assert report.events == 4
    assert len(report.torn) == 1
    kept = tmp_path / "retired" / "torn" / f"{segment_name(hand.name, 1)}.tail"
    assert str(kept.relative_to(tmp_path)) in report.torn[0]
    assert kept.read_bytes() == bytes(data[frames[4] : end]).rstrip(b"\0")
    assert numbers_of(hand.layout) == {"p": [0, 1, 2, 3]}


def test_a_record_of_a_newer_version_is_kept_and_the_rest_is_sealed(tmp_path: Path) -> None:
    """Regression: it was counted, and thrown away with the queue file."""
    hand = ByHand(tmp_path)
    hand.param("p", 1)
    unknown = encode(TagsSet(RUN, "e", 1, {"a": "1"})).replace(b"\x95\x05", b"\x95\x63")
    hand.queue.put(unknown, fact=True)
    hand.param("p", 2)
    hand.die()
    report = recover(hand.layout)
    kept = (tmp_path / "retired" / "torn" / f"{segment_name(hand.name, 1)}.frames").read_bytes()

    assert numbers_of(hand.layout) == {"p": [1, 2]}
    assert len(report.poisoned) == 1
    assert unknown in [payload for _, payload in payloads(kept, 0, len(kept))]
    assert whole(kept).torn is None


def test_one_writer_s_trouble_keeps_nobody_else_s_events_back(tmp_path: Path) -> None:
    """What can't be adopted now is reported, stays as it is, and is adopted when that works."""
    bad, good = ByHand(tmp_path), left(tmp_path, 20)
    bad.point("b", 1, experiment="bad")
    bad.die()
    (tmp_path / "metrics" / "experiment=bad").write_bytes(b"a file in the way")
    report = recover(bad.layout)

    assert [line.split(":")[0] for line in report.failed] == [bad.name]
    assert not good.folder.exists()
    assert (bad.folder / "000001.queue").exists()
    (tmp_path / "metrics" / "experiment=bad").unlink()
    recover(bad.layout)
    assert numbers_of(bad.layout) == {"m": list(range(20)), "b": [1]}


def test_a_queue_in_memory_leaves_what_was_flushed(tmp_path: Path) -> None:
    """Its streams are all there is: what readers saw before the crash, they see after it."""
    hand = ByHand(tmp_path, queue="memory", first_segment_bytes=1 << 20, segment_bytes=1 << 20)
    for number in range(30):
        hand.point("m", number)
        if number == 19:
            hand.step()
    hand.die()
    recover(hand.layout)

    assert numbers_of(hand.layout) == {"m": list(range(20))}


def test_a_stream_torn_anywhere_gives_whole_batches(tmp_path: Path) -> None:
    """A follower of a live stream reads to its last whole batch, at every byte that it may end with."""
    hand = ByHand(tmp_path, first_segment_bytes=1 << 20, segment_bytes=1 << 20)
    sizes = []
    for number in range(3):
        hand.point("m", number)
        hand.step()
        sizes.append((hand.folder / "000001.metrics.arrows").stat().st_size)
    data = (hand.folder / "000001.metrics.arrows").read_bytes()
    torn = tmp_path / "torn.arrows"
    for cut in range(0, len(data), 5):
        torn.write_bytes(data[:cut])

        assert sum(len(batch) for batch in read_batches(torn)) >= len([size for size in sizes if size <= cut])
        assert sum(len(batch) for batch in read_batches(torn)) <= len([size for size in sizes if size < cut]) + 1
    hand.finish()


def test_an_empty_folder_of_a_dead_writer_is_removed(tmp_path: Path) -> None:
    """A process that died before its first event leaves nothing to keep."""
    hand = ByHand(tmp_path)
    hand.die()
    recover(hand.layout)

    assert list(hand.layout.live.iterdir()) == []
    assert numbers_of(hand.layout) == {}


def test_old_scratch_is_removed_and_young_is_not(tmp_path: Path) -> None:
    """Files of a crashed seal don't pile up; those that may be in use stay."""
    hand = left(tmp_path)
    old, young = hand.layout.tmp / "old.parquet", hand.layout.tmp / "young.parquet"
    for path in (old, young):
        path.write_bytes(b"x")
    os.utime(old, (1, 1))

    assert remove_scratch(hand.layout) == 1
    assert sorted(path.name for path in hand.layout.tmp.iterdir()) == ["young.parquet"]


def test_frames_behind_a_damaged_one_are_never_guessed_at(tmp_path: Path) -> None:
    """A flipped bit in the middle: what lies behind is kept aside, bytes and all, and not in the tables."""
    hand = ByHand(tmp_path)
    for number in range(10):
        hand.param("p", number)
    file = hand.queue.current
    used = file.used()
    offsets = [at for at, _ in payloads(file.read(0, used), 0, used)]
    hand.die()
    path = hand.folder / "000001.queue"
    data = bytearray(path.read_bytes())
    data[offsets[4] + HEADER.size + 3] ^= 1
    path.write_bytes(data)
    report = recover(hand.layout)
    kept = (tmp_path / "retired" / "torn" / f"{segment_name(hand.name, 1)}.tail").read_bytes()

    assert numbers_of(hand.layout) == {"p": [0, 1, 2, 3]}
    assert "frame 4" in report.torn[0]
    assert kept == bytes(data[offsets[4] : used])
    assert frame(b"") not in kept
