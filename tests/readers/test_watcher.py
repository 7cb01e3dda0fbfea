"""Watcher: what is new, each point and each fact once, wherever they lie and whoever restarts."""

import json
import logging
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.compact import compact
from ingest.errors import FormatTooNew, StoreUnavailable
from ingest.events import MetricsLogged, RunStarted, encode
from ingest.frames import frame
from ingest.layout import Layout
from ingest.recovery import recover
from ingest.settings import PipelineSettings
from readers.batch import FACTS, POINTS, Batch
from readers.store import Store
from readers.watcher import Watcher

CHILD = Path(__file__).with_name("child.py")
QUIET_IN_MEMORY = PipelineSettings(
    queue="memory", flush_interval_s=3600.0, seal_interval_s=3600.0, end_seal_delay_s=3600.0, compact_files=0
)


def all_of(watcher: Watcher) -> Batch:
    """All that is there, in one batch."""
    batches = [watcher.poll()]
    while batches[-1].more:
        batches.append(watcher.poll())
    points, facts = (pl.concat(frames) for frames in zip(*((b.points, b.facts) for b in batches), strict=True))
    return Batch(points, facts, batches[-1].cursor)


def values(watcher: Watcher) -> list[float]:
    """The values of all points that are new."""
    found: list[float] = all_of(watcher).points["value"].to_list()
    return found


def test_a_batch_has_all_there_is_to_know_of_points_and_facts(recorder: Any, root: Path) -> None:
    """Live and sealed give the same rows, columns and types."""
    recorder.start("r", "vision/é", "name")
    for step in (None, 2**62 + 1, 0.5):
        recorder.log("r", {"loss": 1.0, "nan": float("nan")}, step, "vision/é")
    live = all_of(Watcher(root))
    recorder.seal()
    sealed = all_of(Watcher(root))

    assert live.points.schema == sealed.points.schema == POINTS
    assert live.facts.schema == sealed.facts.schema == FACTS
    assert live.points["experiment"].unique().to_list() == ["vision/é"]
    assert live.points["step"].to_list() == [None, None, 2**62 + 1, 2**62 + 1, None, None]
    assert live.points["step_float"].to_list() == [None] * 4 + [0.5] * 2
    assert live.points.equals(sealed.points, null_equal=True)
    assert live.facts.equals(sealed.facts)


def test_each_point_comes_once_across_live_sealed_and_compacted(recorder: Any, root: Path) -> None:
    """Whatever happened to a point between two looks: it is there once, in the order of its writer."""

    def log(value: float) -> None:
        recorder.log("r", {"b": value, "a": value})

    watcher = Watcher(root)
    recorder.start("r")
    log(1.0)
    seen = [values(watcher)]
    log(2.0)
    recorder.seal()
    log(3.0)
    seen.append(values(watcher))
    recorder.seal()
    log(4.0)
    recorder.seal()
    compact(recorder.layout)
    seen.append(values(watcher))
    log(5.0)
    compact(recorder.layout)
    seen.append(values(watcher))

    assert seen == [[1.0, 1.0], [2.0, 2.0, 3.0, 3.0], [4.0, 4.0], [5.0, 5.0]]
    assert values(watcher) == []


def test_a_cursor_goes_through_json_and_another_watcher_goes_on(recorder: Any, root: Path) -> None:
    """Points and facts that were handed out don't come again, also when all was sealed and merged meanwhile."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    cursor = json.loads(json.dumps(Watcher(root).poll().cursor))
    recorder.log("r", {"loss": 2.0})
    recorder.params("r", {"late": 1})
    live = all_of(Watcher(root, since=cursor))
    recorder.seal()
    recorder.log("r", {"loss": 3.0})
    recorder.seal()
    compact(recorder.layout)
    sealed = all_of(Watcher(root, since=cursor))

    assert live.points["value"].to_list() == [2.0]
    assert sealed.points["value"].to_list() == [2.0, 3.0]
    assert live.facts["key"].to_list() == sealed.facts["key"].to_list() == ["late"]


def test_segments_that_were_merged_past_others_keep_their_order(recorder: Any, root: Path) -> None:
    """Compaction may put segments 1 and 3 together and leave 2 alone; a writer's points come in its own order."""
    recorder.start("r")
    for values_ in ([1.0], [2.0] * 3, [3.0]):
        for value in values_:
            recorder.log("r", {"loss": value})
        recorder.seal()
    parts = sorted(recorder.layout.partition("metrics", "e").iterdir())
    aside = parts[1].rename(root / parts[1].name)
    compact(recorder.layout)
    aside.rename(parts[1])

    assert len(list(parts[1].parent.iterdir())) == 2
    assert values(Watcher(root)) == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert [value for _ in range(9) for value in Watcher(root, most=1).poll().points["value"]] == []  # facts first


def test_parts_that_vanish_amid_a_history_cost_nothing(recorder: Any, root: Path) -> None:
    """Merged while a follower is slow, and their grace period over: what was not taken yet comes from the new part."""
    for value in range(6):
        recorder.log("r", {"loss": float(value)})
        recorder.seal()
    watcher = Watcher(root, most=1)
    first = watcher.poll().points["value"].to_list()
    compact(recorder.layout)
    shutil.rmtree(root / "retired")

    assert first == [0.0]
    assert values(watcher) == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_history_comes_in_batches_of_whole_calls(recorder: Any, root: Path, *, sealed: bool) -> None:
    """`most` bounds a batch; each batch's cursor goes on right behind it, and no call is torn apart."""
    recorder.start("r")
    for step in range(40):
        recorder.log("r", {"a": 0.0, "b": 0.0, "c": 0.0}, step)
    if sealed:
        recorder.seal()
    cursor: dict[str, dict[str, int]] | None = None
    steps: list[int] = []
    while len(steps) < 120:
        watcher = Watcher(root, since=cursor, most=10)
        while (batch := watcher.poll()).points.is_empty():
            assert batch.more
        cursor = batch.cursor
        steps += batch.points["step"].to_list()

        assert batch.points.height <= 12
    assert steps == [step for step in range(40) for _ in range(3)]


def test_facts_come_no_later_than_the_points_after_them(recorder: Any, root: Path) -> None:
    """Whoever is told of a point has been told of its run."""
    for run in ("r", "s"):
        recorder.start(run)
        for _ in range(20):
            recorder.log(run, {"loss": 1.0})
        recorder.seal()
    watcher, known = Watcher(root, most=7), set()
    while (batch := watcher.poll()).more:
        known |= set(batch.facts.filter(kind="run")["run_id"])

        assert set(batch.points["run_id"]) <= known
    assert known == {"r", "s"}


def test_only_the_runs_and_metrics_asked_for(recorder: Any, root: Path) -> None:
    """Also runs that begin later, and metrics that nobody has logged yet."""
    watcher = Watcher(root, runs=["later"], keys=["late"])
    sealed = Watcher(root, runs=["later"], keys=["late"])
    recorder.start("r")
    recorder.log("r", {"late": 1.0})
    before = all_of(watcher)
    recorder.start("later")
    recorder.log("later", {"late": 2.0, "loss": 3.0})
    after = all_of(watcher)
    recorder.seal()

    assert before.empty
    assert after.points.select("run_id", "key", "value").rows() == [("later", "late", 2.0)]
    assert set(after.facts["run_id"]) == {"later"}
    assert all_of(sealed).points.equals(after.points)


def test_now_leaves_out_what_is_there(recorder: Any, root: Path) -> None:
    """Sealed and live alike, of points and facts; the cursor of the empty first batch says so, too."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    recorder.seal()
    recorder.log("r", {"loss": 2.0})
    watcher = Watcher(root, since="now")
    cursor = watcher.poll().cursor
    recorder.log("r", {"loss": 3.0})

    assert values(watcher) == values(Watcher(root, since=cursor)) == [3.0]


def test_a_store_may_come_later_vanish_and_come_back(new_recorder: Any, root: Path, caplog: Any) -> None:
    """A watcher of a folder that isn't there waits for it; one whose store was moved away says so once."""
    watcher = Watcher(root)
    nothing = values(watcher)
    writer = new_recorder(root)
    writer.start("r")
    writer.log("r", {"loss": 1.0})
    seen = values(watcher)
    writer.close()
    root.rename(root.with_name("away"))
    gone = [values(watcher) for _ in range(3)]
    root.with_name("away").rename(root)
    again = new_recorder(root)
    again.log("r", {"loss": 2.0})

    assert (nothing, seen, gone, values(watcher)) == ([], [1.0], [[]] * 3, [2.0])
    assert [record.message for record in caplog.records] == [
        f"steplog: the store {str(root)!r} is gone; what is new in it comes when it is back"
    ]
    again.close()


def test_an_empty_folder_and_an_empty_store_have_nothing_new(root: Path) -> None:
    """And are not made into anything."""
    root.mkdir()
    watcher = Watcher(root)

    assert watcher.poll().empty
    assert list(root.iterdir()) == []
    Layout(root).create()
    assert watcher.poll().empty


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"runs": "r"}, TypeError),
        ({"keys": "loss"}, TypeError),
        ({"keys": [1]}, TypeError),
        ({"since": {"points": {"w": "x"}}}, ValueError),
        ({"since": {"offset": 3}}, ValueError),
        ({"since": "then"}, ValueError),
        ({"most": 0}, ValueError),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], error: type[Exception], root: Path) -> None:
    """When the watcher is made, not at the first look."""
    with pytest.raises(error):
        Watcher(root, **asked)


def test_a_store_that_cant_be_read_is_refused(root: Path) -> None:
    """One of a newer version, one whose store.json is damaged; and what is no store at all."""
    Layout(root).create()
    (root / "store.json").write_text('{"format_version": 99}')
    with pytest.raises(FormatTooNew):
        Watcher(root)
    (root / "store.json").write_text("{")
    with pytest.raises(StoreUnavailable):
        Watcher(root)
    with pytest.raises(TypeError, match="no tracker, Store or path"):
        Watcher(42)  # type: ignore[arg-type]


def test_a_tracker_and_a_store_are_as_good_as_a_path(recorder: Any, store: Store) -> None:
    """All have a folder."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})

    assert values(Watcher(store)) == values(Watcher(str(store.root))) == [1.0]


def test_several_writers_of_a_run_are_merged_by_time(write: Callable[[], Any], root: Path) -> None:
    """Each in its own order, whatever its clock says."""
    one, two = write(), write()
    for writer, hour in ((one, 0), (two, 0), (one, -1), (two, 1)):
        writer.now_ns += hour * 3_600_000_000_000
        writer.log("r", {"loss": float(hour)}, writer.tick())
    batch = Watcher(root).poll()

    assert batch.points.filter(writer=one.writer)["value"].to_list() == [0.0, -1.0]
    assert batch.points.filter(writer=two.writer)["value"].to_list() == [0.0, 1.0]
    assert batch.points["value"].to_list()[-1] == 1.0


def test_a_dead_writers_points_come_once_whoever_adopts_them(root: Path) -> None:
    """From its queue file as it was left, then from the part that recovery makes."""
    Layout(root).create()
    subprocess.run([sys.executable, CHILD, "die", root], check=False)
    watcher = Watcher(root)
    left = all_of(watcher)
    recover(Layout(root))

    assert left.points["value"].to_list() == [1.0, 2.0]
    assert values(watcher) == []
    assert values(Watcher(root, since=left.cursor)) == []
    assert values(Watcher(root)) == [1.0, 2.0]


def test_a_damaged_part_is_said_once_and_the_rest_comes(recorder: Any, root: Path, caplog: Any) -> None:
    """It isn't fatal, and what its writer logged after it still comes."""
    for number in range(3):
        recorder.log("r", {"loss": float(number)})
        recorder.seal()
    recorder.log("r", {"loss": 3.0})
    part = sorted(recorder.layout.partition("metrics", "e").iterdir())[1]
    part.write_bytes(part.read_bytes()[:-10])
    watcher = Watcher(root)
    with caplog.at_level(logging.WARNING, "steplog"):
        seen = values(watcher)
        recorder.log("r", {"loss": 4.0})
        recorder.seal()
        seen += values(watcher)

    assert seen == [0.0, 2.0, 3.0, 4.0]
    assert [part.name in record.message for record in caplog.records] == [True]


def dead_writer(root: Path, *segments: bytes) -> None:
    """A writer's folder with queue files, and nobody who holds its lock."""
    Layout(root).create()
    folder = root / "live" / "host-1-0-abc"
    folder.mkdir()
    (folder / "lock").touch()
    for number, data in enumerate(segments, 1):
        (folder / f"{number:06d}.queue").write_bytes(data.ljust(4096, b"\0"))


def logged(value: float) -> bytes:
    """The frame of one point."""
    return frame(encode(MetricsLogged("r", "e", 1_700_000_000_000_000_000, None, ("loss",), struct.pack("<d", value))))


def test_a_torn_frame_of_a_dead_writer_is_said_once(root: Path, caplog: Any) -> None:
    """What lies before it comes, and so does the next file; what lies behind it is left out, as recovery does."""
    torn = bytearray(logged(2.0))
    torn[-1] ^= 1
    dead_writer(root, logged(1.0) + torn + logged(3.0), logged(4.0))
    watcher = Watcher(root)
    seen = [values(watcher) for _ in range(3)]
    recover(Layout(root))

    assert seen == [[1.0, 4.0], [], []]
    assert [record.message.endswith("isn't whole; it is left out") for record in caplog.records] == [True]
    assert values(watcher) == []
    assert values(Watcher(root)) == [1.0, 4.0]


def test_a_frame_that_is_being_written_comes_when_it_is_whole(recorder: Any, root: Path) -> None:
    """A half-copied frame is no point yet, nor the end of the file."""
    recorder.log("r", {"loss": 1.0})
    watcher = Watcher(root)
    first = values(watcher)
    current = recorder.pipeline.queue().current
    data, at = logged(2.0), current.used()
    half = len(data) // 2
    current.map[at : at + half] = data[:half]
    begun = values(watcher)
    current.map[at : at + len(data)] = data

    assert (first, begun, values(watcher)) == ([1.0], [], [2.0])
    current.map[at : at + len(data)] = bytes(len(data))


def test_a_call_larger_than_any_chunk_comes_whole(recorder: Any, root: Path) -> None:
    """Ten thousand metrics in one call, with a batch of a few rows."""
    recorder.log("r", {f"epoch_{number}/loss": float(number) for number in range(10_000)})

    assert values(Watcher(root, most=5)) == [float(number) for number in range(10_000)]


def test_a_queue_in_memory_is_followed_flush_by_flush(new_recorder: Any, root: Path) -> None:
    """Only what was flushed can be seen; facts and points each come once, also when the rest comes sealed."""
    writer = new_recorder(root, QUIET_IN_MEMORY)
    writer.start("r")
    watcher, seen = Watcher(root), []
    for value in range(4):
        writer.log("r", {f"m{value}": float(value), "loss": float(value)})
        writer.log("r", {"other": float(value)})
        writer.flush()
        seen.append(values(watcher))
    writer.log("r", {"loss": 9.0})
    unseen = values(watcher)
    writer.seal()
    writer.log("r", {"loss": 10.0})
    writer.flush()

    assert seen == [[float(value)] * 3 for value in range(4)]
    assert (unseen, values(watcher)) == ([], [9.0, 10.0])
    writer.close()


def test_a_queue_on_another_disk_is_followed_through_its_link(new_recorder: Any, root: Path, tmp_path: Path) -> None:
    """With `queue_dir` the live folder is a link; nothing else changes."""
    settings = PipelineSettings(queue_dir=tmp_path / "scratch", flush_interval_s=3600.0, seal_interval_s=3600.0)
    watcher = Watcher(root)
    writer = new_recorder(root, settings)
    writer.log("r", {"loss": 1.0})
    seen = [values(watcher)]
    writer.seal()
    writer.log("r", {"loss": 2.0})
    seen.append(values(watcher))
    writer.close()

    assert seen == [[1.0], [2.0]]


def test_a_store_that_cant_be_listed_is_said_once_and_followed_on(recorder: Any, root: Path, caplog: Any) -> None:
    """A damaged compaction.json keeps new parts out, as which of them count can't be told; live points still come."""
    recorder.log("r", {"loss": 1.0})
    watcher = Watcher(root)
    seen = [values(watcher)]
    (root / "compaction.json").write_text("{")
    recorder.log("r", {"loss": 2.0})
    seen.append(values(watcher))
    (root / "compaction.json").unlink()
    watcher._listing._not_before = -1.0  # a second later
    recorder.seal()
    recorder.log("r", {"loss": 3.0})
    seen.append(values(watcher))

    assert seen == [[1.0], [2.0], [3.0]]
    assert ["compaction.json is damaged" in record.message for record in caplog.records] == [True]


def test_an_error_leaves_the_position_where_it_was(recorder: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read when it came is read again; so too after Ctrl-C."""

    def interrupted(*_args: object) -> pl.DataFrame:
        raise KeyboardInterrupt

    recorder.log("r", {"loss": 1.0})
    watcher = Watcher(root)
    watcher.poll()
    recorder.log("r", {"loss": 2.0})
    with monkeypatch.context() as patched:
        patched.setattr("readers.watcher._in_order", interrupted)
        with pytest.raises(KeyboardInterrupt):
            watcher.poll()

    assert values(watcher) == [2.0]


def test_facts_that_show_before_their_points_cost_nothing(new_recorder: Any, root: Path) -> None:
    """In memory mode a look may come between the two streams' writes; the points still come after it."""
    writer = new_recorder(root, QUIET_IN_MEMORY)
    writer.start("r")
    writer.flush()
    watcher = Watcher(root)
    watcher.poll()
    writer.log("r", {"loss": 1.0})
    writer.params("r", {"lr": 0.1})
    writer.flush()
    stream = next(root.glob("live/*/000001.metrics.arrows"))
    hidden = stream.rename(stream.with_suffix(".hidden"))
    facts = all_of(watcher)
    hidden.rename(stream)
    points = all_of(Watcher(root, since=facts.cursor))

    assert (facts.facts["key"].to_list(), facts.points.height) == (["lr"], 0)
    assert (points.facts.height, points.points["value"].to_list()) == (0, [1.0])
    writer.close()


def test_a_look_that_finds_nothing_opens_no_file(recorder: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs a few stats and a read of eight bytes for each living writer."""
    recorder.start("r")
    recorder.log("r", {"loss": 1.0})
    watcher = Watcher(root)
    for _ in range(2):
        watcher.poll()
    watcher._listing._again_until = -1.0  # the folders' times have settled
    watcher._listing._tables_due = float("inf")
    opened: list[str] = []
    sizes: list[int] = []
    pread = os.pread
    monkeypatch.setattr("readers.listing.snapshot", lambda *args: opened.append("listed"))
    monkeypatch.setattr("readers.queuetail.os.open", lambda *args: opened.append("opened"))

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        sizes.append(size)
        return pread(descriptor, size, offset)

    monkeypatch.setattr("readers.queuetail.os.pread", counted)

    assert watcher.poll().empty
    assert (opened, sizes) == ([], [8])


def test_close_lets_go_of_the_files_and_a_look_opens_them_again(recorder: Any, root: Path) -> None:
    """So that an interrupted follower holds nothing."""
    recorder.log("r", {"loss": 1.0})
    watcher = Watcher(root)
    watcher.poll()
    held = [tail.queue.is_open for tail in watcher._live.tails()]
    watcher.close()
    recorder.log("r", {"loss": 2.0})

    assert held == [True]
    assert [tail.queue.is_open for tail in watcher._live.tails()] == [False]
    assert values(watcher) == [2.0]


def test_wake_ends_a_wait(root: Path) -> None:
    """Also when it comes before it."""
    watcher = Watcher(root)
    watcher.wake()
    watcher.wait(1e9)

    assert not watcher._woken.is_set()


def test_a_run_started_is_a_fact(recorder: Any, root: Path) -> None:
    """What the events say is in the batch, as the store has it."""
    recorder.pipeline.append(RunStarted("r", "e", recorder.tick(), "näme\n"))

    facts = Watcher(root).poll().facts
    assert facts.filter(key="run_name")["value"].to_list() == ['"n\\u00e4me\\n"']
