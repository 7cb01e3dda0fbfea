"""Homes: a queue beside the store, seen through a link; on other hosts, on disks that were wiped, and back again."""

import logging
import os
import shutil
from pathlib import Path

import pytest

from ingest.alive import is_alive
from ingest.check import check
from ingest.errors import StoreUnavailable
from ingest.layout import Layout, host_name
from ingest.recovery import recover
from readers.store import Store
from tests.ingest.byhand import ByHand, numbers_of
from tracker import ExperimentTracker, PipelineSettings


@pytest.fixture
def hand(tmp_path: Path) -> ByHand:
    """A writer with its queue beside the store, and ten points."""
    made = ByHand(tmp_path / "store", queue_dir=tmp_path / "queues")
    for number in range(10):
        made.point("m", number)
    return made


def test_the_queue_lies_in_queue_dir_and_a_link_in_the_store(hand: ByHand, tmp_path: Path) -> None:
    """The store's live folder holds nothing else; at the end both are gone."""
    (link,) = hand.layout.live.iterdir()

    assert link.readlink() == tmp_path / "queues" / hand.name
    assert (tmp_path / "queues" / hand.name / "000001.queue").is_file()
    assert is_alive(link)
    assert numbers_of(Layout(tmp_path / "store")) == {"m": list(range(10))}
    hand.finish()
    assert list(hand.layout.live.iterdir()) == []
    assert list((tmp_path / "queues").iterdir()) == []
    assert numbers_of(hand.layout) == {"m": list(range(10))}


def test_recovery_follows_the_link_and_removes_both(hand: ByHand, tmp_path: Path) -> None:
    """A process that was never told of the queue_dir adopts what lies there."""
    hand.die()
    report = recover(Layout(tmp_path / "store"))

    assert (report.points, report.trouble(), report.failed) == (10, [], [])
    assert list(hand.layout.live.iterdir()) == []
    assert list((tmp_path / "queues").iterdir()) == []


def test_other_people_s_files_stay(hand: ByHand, tmp_path: Path) -> None:
    """A folder with something else in it is left, and so is the link to it."""
    (hand.folder / "notes.txt").write_text("mine")
    hand.die()
    for _ in range(2):
        recover(hand.layout)

    assert [path.name for path in hand.folder.iterdir()] == ["notes.txt"]
    assert (tmp_path / "store" / "live" / hand.name).is_symlink()


def test_a_wiped_queue_is_said_once_and_its_link_kept_aside(
    hand: ByHand, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run is INTERRUPTED then; `steplog check` tells of the loss before it is mended."""
    hand.step(seal_now=True)
    hand.point("m", 10)
    hand.die()
    shutil.rmtree(tmp_path / "queues")
    found = [(finding.kind, finding.path) for finding in check(hand.layout)]
    with caplog.at_level(logging.WARNING, "steplog"):
        for _ in range(3):
            seen = Store(tmp_path / "store").metrics().collect().height

    assert found == [("lost", f"live/{hand.name}")]
    assert not is_alive(hand.layout.writer(hand.name))
    assert seen == 10
    assert [str(hand.folder) in line for line in caplog.messages] == [True]
    assert list(hand.layout.live.iterdir()) == []
    assert check(hand.layout) == []


def test_a_disk_that_was_not_mounted_is_adopted_when_it_is(hand: ByHand, tmp_path: Path) -> None:
    """What seemed to be lost is found: nothing was thrown away."""
    hand.die()
    (tmp_path / "queues").rename(tmp_path / "unmounted")
    first = recover(hand.layout)
    (tmp_path / "unmounted").rename(tmp_path / "queues")
    second = recover(hand.layout)

    assert (len(first.lost), first.points) == (1, 0)
    assert (second.lost, second.points) == ([], 10)
    assert numbers_of(hand.layout) == {"m": list(range(10))}
    assert list(hand.layout.lost.iterdir()) == []


def test_a_writer_of_another_host_counts_as_alive(tmp_path: Path) -> None:
    """Its queue can't be seen from here, so nothing is said of it, and the link stays."""
    layout = Layout(tmp_path)
    layout.create()
    link = layout.writer(f"x{host_name()}-1-0-abc")
    link.symlink_to(Path("/nowhere") / link.name)
    report = recover(layout)

    assert is_alive(link)
    assert (report.trouble(), report.failed, check(layout)) == ([], [], [])
    assert link.is_symlink()
    assert Store(tmp_path).metrics().collect().is_empty()


def test_a_link_to_something_else_is_ignored(tmp_path: Path) -> None:
    """Only a folder of the writer's own name can be a home: nobody's files are taken for ours."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "000001.queue").write_bytes(b"not yours")
    layout = Layout(tmp_path / "store")
    layout.create()
    (layout.live / "writer").symlink_to(tmp_path / "mine")
    recover(layout)

    assert (tmp_path / "mine" / "000001.queue").read_bytes() == b"not yours"
    assert check(layout) == []


@pytest.mark.parametrize("lost", ["store", "queues", "store/live", "queues and live"])
def test_what_is_deleted_under_a_living_writer_is_made_again(hand: ByHand, tmp_path: Path, lost: str) -> None:
    """The pages are still there, so what was not sealed is written anew; and others find it."""
    for name in ["queues", "store/live"] if " " in lost else [lost]:
        shutil.rmtree(tmp_path / name)
    hand.step()
    hand.point("m", 10)

    assert hand.writer.faults.count == 1
    assert is_alive(hand.layout.writer(hand.name))
    assert numbers_of(hand.layout)["m"][-1] == 10
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(11))}
    assert list((tmp_path / "queues").iterdir()) == []


def test_a_link_taken_for_lost_is_made_again_by_who_lives(hand: ByHand, tmp_path: Path) -> None:
    """Another process looked while the queue_dir was gone; then both links lead to the one home."""
    shutil.rmtree(tmp_path / "queues")

    assert len(recover(hand.layout).lost) == 1
    hand.step()
    assert recover(hand.layout).trouble() == []
    assert is_alive(hand.layout.writer(hand.name))
    hand.finish()
    assert numbers_of(hand.layout) == {"m": list(range(10))}


def test_two_stores_share_a_queue_dir(tmp_path: Path) -> None:
    """Writers' names are unique: each store adopts its own."""
    hands = [ByHand(tmp_path / name, queue_dir=tmp_path / "queues") for name in "ab"]
    for number, hand in enumerate(hands):
        hand.point("m", number)
        hand.die()
    for number, hand in enumerate(hands):
        recover(hand.layout)

        assert numbers_of(hand.layout) == {"m": [number]}
        assert len(list((tmp_path / "queues").iterdir())) == 1 - number


def test_a_relative_queue_dir_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing directory between making the tracker and its first event moves nothing; the variable says it too."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEPLOG_QUEUE_DIR", "queues")
    with ExperimentTracker("store", auto_log=False) as tracker:
        monkeypatch.chdir(tmp_path / "elsewhere")
        with tracker.start_run("run"):
            tracker.log_metrics({"x": 1.0})
            (home,) = (tmp_path / "queues").iterdir()

            assert (tmp_path / "store" / "live" / home.name).readlink() == home
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert Store(tmp_path / "store").metrics().collect().height == 1


@pytest.mark.parametrize("where", ["file", "file/below", "store/queues", "store"])
def test_an_unusable_queue_dir_is_refused(tmp_path: Path, where: str) -> None:
    """The error names it; strict=False keeps the queue in the store, and says so."""
    (tmp_path / "file").write_text("not a folder")
    settings = PipelineSettings(queue_dir=tmp_path / where)

    with pytest.raises(StoreUnavailable, match=r"queue_dir.*can't be used.*give another folder"):
        ExperimentTracker(tmp_path / "store", auto_log=False, pipeline=settings)
    with pytest.warns(UserWarning, match=r"queue_dir.*Logging to .*store instead"):
        tracker = ExperimentTracker(tmp_path / "store", auto_log=False, pipeline=settings, strict=False)
    with tracker, tracker.start_run("run"):
        tracker.log_metrics({"x": 1.0})
    assert Store(tmp_path / "store").metrics().collect().height == 1


def test_an_address_is_no_queue_dir(tmp_path: Path) -> None:
    """As for output_dir."""
    with pytest.raises(ValueError, match="queue_dir is 's3://bucket'"):
        ExperimentTracker(tmp_path, pipeline=PipelineSettings(queue_dir="s3://bucket"))


def test_a_forked_child_makes_its_own_home(tmp_path: Path) -> None:
    """Beside its parent's, in the same queue_dir; what both logged is there."""
    settings = PipelineSettings(queue_dir=tmp_path / "queues")
    with ExperimentTracker(tmp_path / "store", auto_log=False, pipeline=settings) as tracker, tracker.start_run("r"):
        tracker.log_metrics({"x": 1.0})
        pid = os.fork()
        if not pid:
            tracker.log_metrics({"x": 2.0})
            os._exit(len(list((tmp_path / "queues").iterdir())))
        homes = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert homes == 2
    assert sorted(Store(tmp_path / "store").metrics().collect()["value"]) == [1.0, 2.0]
    assert list((tmp_path / "queues").iterdir()) == []
