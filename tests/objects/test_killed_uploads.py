"""An uploader, or a compaction, killed at any of its requests: whoever comes next finishes, and nothing is wrong."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.layout import Layout
from ingest.objects import retiring
from ingest.objects.compaction import compact_objects
from ingest.objects.names import LIVE, TMP
from ingest.objects.swaps import read_state
from ingest.objects.uploader import Uploader
from tests.objects.conftest import S3
from tests.objects.contents import Held, held
from tests.objects.stores import bucket_of, die, doomed, log, once, tracker_of

_ROOT = Path(__file__).parents[2]


def killed(jobs: list[tuple[str, str, str, int, bool]]) -> list[bool]:
    """Whether each of these was killed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.objects.uploading_killed"],
        input=json.dumps(jobs),
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        check=True,
    )
    found: list[bool] = json.loads(done.stdout)
    return found


@pytest.fixture
def left_behind(tmp_path: Path) -> Path:
    """The store of a process that died: sealed segments of two others, a queue file, artifacts."""
    root = tmp_path / "made"
    for name in ("one", "two"):
        with tracker_of(root) as tracker:
            tracker.start_run("a", run_id=f"run-{name}")
            log(tracker, 0, 20)
            tracker.log_dict({"of": name}, "a.json")
    die(doomed(root, "run-three", 20))
    return root


def expected() -> object:
    """All points of it."""
    return sum((once(f"run-{name}", range(20)) for name in ("one", "two", "three")), start=once("", range(0)))


@pytest.mark.parametrize("after", [False, True])
def test_an_upload_killed_at_any_request_is_finished_by_the_next(
    s3: S3, tmp_path: Path, left_behind: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """Each point counts once, though the bucket was compacted in between; nothing is live; every file is there."""
    monkeypatch.setattr(retiring, "RETIRED_S", -3600.0)
    numbers = range(after, 24, 2)
    jobs = []
    for number in numbers:
        shutil.copytree(left_behind, tmp_path / str(number), symlinks=True)
        jobs.append(("upload", str(tmp_path / str(number)), s3.address(str(number)), number, after))
    done = killed(jobs)
    assert sum(done) >= 8
    for number in numbers:
        with bucket_of(s3, str(number)) as bucket:
            for _ in range(2):  # the second forgets what the first has replaced
                compact_objects(bucket, tmp_path / "tmp")
            with Uploader(Layout(tmp_path / str(number)), bucket) as uploader:
                assert uploader.drain(), uploader.state
            found = held(bucket)
            assert found.points == expected()
            assert set(found.facts.values()) == {1}
            assert found.live == []
            assert len(bucket.list("artifacts")) == 2


def test_a_commit_killed_at_any_request_hides_no_row(s3: S3, tmp_path: Path) -> None:
    """Rows that were there as live pieces are there at every moment of their becoming sealed parts."""
    jobs = []
    for number in range(9):
        root = tmp_path / str(number)
        with (
            bucket_of(s3, str(number)) as bucket,
            tracker_of(root) as tracker,
            Uploader(Layout(root), bucket) as uploader,
        ):
            tracker.start_run("a", run_id="r")
            for start in range(0, 30, 10):
                log(tracker, start, start + 10)
                assert uploader.drain()
            assert len(bucket.list(LIVE)) >= 3
        jobs.append(("upload", str(root), s3.address(str(number)), number, False))
    done = killed(jobs)
    assert sum(done) >= 6
    for number in range(9):
        with bucket_of(s3, str(number)) as bucket:
            assert held(bucket).points == once("r", range(30)), number


def test_an_uploader_killed_again_and_again_beside_a_living_writer(s3: S3, tmp_path: Path) -> None:
    """The writer goes on, is sealed in between, and each row counts once after every kill."""
    with tracker_of(tmp_path) as tracker, bucket_of(s3) as bucket:
        run = tracker.start_run("a")
        for turn in range(6):
            log(tracker, 10 * turn, 10 * turn + 10)
            if turn in {1, 3, 4}:
                tracker.flush(seal=True)
            killed([("upload", str(tmp_path), s3.address("store"), turn % 4, turn % 2 == 0)])
            if bucket.list("live"):
                found = held(bucket)
                assert set(found.points.values()) <= {1}
        with Uploader(Layout(tmp_path), bucket) as uploader:
            assert uploader.drain()
        assert held(bucket).points == once(run, range(60))


def pieces_of(root: Path, s3: S3, names: Iterator[str]) -> Held:
    """Fill buckets with the same small parts; what each holds."""
    for start in range(0, 40, 10):
        with tracker_of(root) as tracker:
            tracker.start_run("a", run_id="r", resume=start > 0)
            log(tracker, start, start + 10)
    found = None
    for name in names:
        with bucket_of(s3, name) as bucket, Uploader(Layout(root), bucket) as uploader:
            assert uploader.drain()
            found = held(bucket)
    assert found is not None
    return found


@pytest.mark.parametrize("after", [False, True])
def test_a_compaction_killed_at_any_request_is_finished_by_the_next(s3: S3, tmp_path: Path, after: bool) -> None:
    """Right after the kill, and after the next compaction, each row counts once; then there is one part a table."""
    numbers = range(after, 18, 2)
    before = pieces_of(tmp_path / "store", s3, map(str, numbers))
    assert before.points == once("r", range(40))
    jobs = [("compact", str(tmp_path / "tmp"), s3.address(str(number)), number, after) for number in numbers]
    done = killed(jobs)
    assert sum(done) >= 7
    for number in numbers:
        with bucket_of(s3, str(number)) as bucket:
            assert held(bucket)[:2] == before[:2]
            compact_objects(bucket, tmp_path / "tmp")
            assert held(bucket)[:2] == before[:2]
            for table in ("metrics", "facts", "summaries"):
                assert len(bucket.list(table)) == 1
            needed = {part.scratch for part in read_state(bucket)[1].parts}
            assert not needed.intersection(entry.key for entry in bucket.list(TMP))
