"""Damaged, foreign and misplaced files: reported, left out, and everything else is answered."""

import logging
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.errors import SegmentCorrupt
from ingest.layout import Layout
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "empty": lambda path: path.write_bytes(b""),
    "foreign content": lambda path: path.write_bytes(b"PAR1 not really PAR1"),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
}


def three_parts(recorder: "Recorder") -> list[Path]:
    """One run in each of three segments; the metrics' parts in their order."""
    for number in range(3):
        run_id = f"r{number}"
        recorder.start(run_id)
        recorder.log(run_id, {"loss": float(number)}, number)
        recorder.end(run_id)
        recorder.seal()
    return sorted(recorder.layout.partition("metrics", "e").iterdir())


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_part_is_left_out_and_said_once(
    how: str, recorder: "Recorder", store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A part that isn't what was written is named in one warning; the other parts are answered."""
    parts = three_parts(recorder)
    DAMAGES[how](parts[1])

    with caplog.at_level(logging.WARNING, "steplog"):
        seen = [store.metrics().collect()["value"].sort().to_list() for _ in range(3)]

    assert seen == [[0.0, 2.0]] * 3
    assert [record.getMessage().count(parts[1].name) > 0 for record in caplog.records] == [True]
    assert [damage.path for damage in store.damaged()] == [parts[1]]
    assert store.runs().collect()["run_id"].to_list() == ["r0", "r1", "r2"]


def test_damage_after_the_first_reading_is_noticed(recorder: "Recorder", store: Store) -> None:
    """A part that was whole when it was verified, and was written over since, is verified again."""
    parts = three_parts(recorder)
    assert store.metrics().collect().height == 3
    flip(parts[0])

    assert store.metrics().collect()["value"].sort().to_list() == [1.0, 2.0]


def test_a_part_that_was_restored_is_answered_again(recorder: "Recorder", store: Store) -> None:
    """Put back from a copy, a damaged part counts as if nothing had happened."""
    parts = three_parts(recorder)
    whole = parts[0].read_bytes()
    flip(parts[0])
    assert store.metrics().collect().height == 2
    parts[0].write_bytes(whole)

    assert store.metrics().collect().height == 3
    assert store.damaged() == []


def test_a_part_with_the_right_checksum_and_wrong_columns_is_left_out(recorder: "Recorder", store: Store) -> None:
    """A file made by somebody else under a name like ours doesn't spoil the answer."""
    import hashlib

    import polars as pl

    parts = three_parts(recorder)
    made = parts[0].with_name("made.parquet")
    pl.DataFrame({"other": [1]}).write_parquet(made)
    digest = hashlib.sha256(made.read_bytes()).hexdigest()[:16]
    made = made.rename(made.with_name(f"made-000001.{digest}.parquet"))

    assert store.metrics().collect().height == 3
    assert [damage.path for damage in store.damaged()] == [made]


def test_what_isnt_ours_is_ignored_and_listed(recorder: "Recorder", store: Store) -> None:
    """Foreign files, links, pipes and folders in the tables' folders are neither opened nor hidden."""
    parts = three_parts(recorder)
    folder, table = parts[0].parent, recorder.layout.table("metrics")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "notes.parquet").write_bytes(b"x")
    os.mkfifo(folder / f"pipe-000009.{'0' * 16}.parquet")
    (folder / f"folder-000009.{'0' * 16}.parquet").mkdir()
    (folder / f"link-000009.{'0' * 16}.parquet").symlink_to(parts[0])
    (table / "README").write_bytes(b"x")
    (table / "other=1").mkdir()

    assert store.metrics().collect().height == 3
    assert {path.name.split("-")[0] for path in store.foreign()} == {
        ".DS_Store",
        "notes.parquet",
        "pipe",
        "folder",
        "link",
        "README",
        "other=1",
    }
    assert store.damaged() == []


def dead_writer(root: Path) -> Path:
    """What a killed writer leaves: a queue file with three events, of which the last is one number."""
    Layout(root).create()
    subprocess.run([sys.executable, Path(__file__).with_name("child.py"), "die", root], check=False)
    (queue,) = Layout(root).live.glob("*/*.queue")
    return queue


def used(queue: Path) -> int:
    """Where the zeros at the end of a queue file begin."""
    return len(queue.read_bytes().rstrip(b"\0"))


def test_a_dead_writers_events_are_adopted(root: Path) -> None:
    """What was acknowledged before the kill is answered, though nothing had been flushed."""
    dead_writer(root)
    store = Store(root)

    assert store.metrics().collect()["value"].to_list() == [1.0, 2.0]
    assert store.runs().collect()["status"].to_list() == ["INTERRUPTED"]
    assert list(Layout(root).live.iterdir()) == []


@pytest.mark.parametrize("how", ["flipped", "truncated", "garbage"])
def test_a_torn_queue_file_gives_its_whole_events(how: str, root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Events before the damage are answered; the damage is said, and never guessed at."""
    queue = dead_writer(root)
    data, end = bytearray(queue.read_bytes()), used(queue)
    if how == "flipped":
        data[end - 3] ^= 1
    elif how == "truncated":
        data = data[: end - 3]
    else:
        data[end : end + 40] = os.urandom(40)
    queue.write_bytes(data)

    with caplog.at_level(logging.WARNING, "steplog"):
        values = Store(root).metrics().collect()["value"].to_list()

    assert values == ([1.0, 2.0] if how == "garbage" else [1.0])
    assert len(caplog.records) == 1
    assert queue.name in caplog.text


def test_an_empty_queue_file_is_no_obstacle(root: Path) -> None:
    """A writer that died before its first event leaves nothing to be read."""
    queue = dead_writer(root)
    queue.write_bytes(b"")

    assert Store(root).metrics().collect().is_empty()


def test_a_pipe_in_a_dead_writers_folder_stops_nobody(root: Path) -> None:
    """Named like our files, a pipe would block who opens it; it isn't opened."""
    queue = dead_writer(root)
    os.mkfifo(queue.with_name("000007.queue"))
    folder = Layout(root).live / "other"
    folder.mkdir()
    os.mkfifo(folder / "lock")

    assert Store(root).metrics().collect()["value"].to_list() == [1.0, 2.0]


def test_the_memory_of_what_was_verified_may_be_garbage(recorder: "Recorder") -> None:
    """The file by which processes share it is only a saving: any content of it gives the same answers."""
    parts = three_parts(recorder)
    flip(parts[2])
    cache = recorder.layout.tmp / "verified.msgpack"

    for content in (b"", b"\xff" * 100, b"\x81\xa1a\x93\x01\x02\xa1x", os.urandom(1000)):
        cache.write_bytes(content)
        assert Store(recorder.layout.root).metrics().collect().height == 2


def test_processes_share_what_was_verified(recorder: "Recorder", monkeypatch: pytest.MonkeyPatch) -> None:
    """A second store object hashes nothing that a first one did, once that was worth a note."""
    three_parts(recorder)
    monkeypatch.setattr("readers.verified._SAVE_AFTER_BYTES", 0)
    assert Store(recorder.layout.root).metrics().collect().height == 3
    hashed: list[Path] = []
    monkeypatch.setattr("readers.verified.verify", hashed.append)

    assert Store(recorder.layout.root).metrics().collect().height == 3
    assert hashed == []


def test_a_damaged_live_stream_is_read_from_the_queue(recorder: "Recorder", store: Store) -> None:
    """The streams are a view: where one can't be read, the living writer's queue file is."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.flush()
    (stream,) = recorder.layout.live.glob("*/*.metrics.arrows")
    data = stream.read_bytes()
    stream.write_bytes(data.replace(b"loss", b"\xff\xff\xff\xff"))

    assert store.metrics().collect().select("key", "value").rows() == [("loss", 1.0)]


def test_a_frame_half_copied_when_its_page_was_read_isnt_taken(
    recorder: "Recorder", store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a living writer's file that meets a frame being written, and whole ones behind it, is done again."""
    recorder.start("r")
    for number in range(20):
        recorder.log("r", {"loss": 1.0}, number)
    looks = [lambda data: data.replace(struct.pack("<d", 1.0), bytes(8), 1)]
    read = Path.read_bytes

    def look(path: Path) -> bytes:
        data = read(path)
        return looks.pop()(data) if path.suffix == ".queue" and looks else data

    monkeypatch.setattr(Path, "read_bytes", look)

    assert store.metrics().collect()["value"].to_list() == [1.0] * 20
    assert looks == []


def test_a_damaged_note_of_compaction_is_said_not_guessed_at(recorder: "Recorder", store: Store) -> None:
    """Without knowing which parts are being replaced, rows could be counted twice: the error says what to do."""
    three_parts(recorder)
    recorder.layout.compaction_file.write_bytes(b'{"generation": 1, "tab')

    with pytest.raises(SegmentCorrupt, match=r"compaction\.json is damaged.*move it away"):
        store.metrics().collect()
    recorder.layout.compaction_file.unlink()
    assert store.metrics().collect().height == 3
