"""A disk that fills up, turns read-only, or is deleted under a run: training goes on, and all is accounted for."""

import itertools
import logging
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest

from ingest.recovery import recover
from ingest.settings import MIB, PipelineSettings, QueueKind
from ingest.stats import Stats
from readers.store import Store
from tests.waiting import until as wait_until
from tracker import ExperimentTracker, QueueFull, SinkFailed

DEADLINE_S = 15.0
SMALL: dict[str, Any] = {"first_segment_bytes": 16 * 1024, "segment_bytes": 64 * 1024, "flush_interval_s": 0.005}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    point = tmp_path / "disk"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(point)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root, as in the CI container")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """What was said about failures, but for the good news."""
    with caplog.at_level(logging.WARNING, "steplog"):
        yield lambda: [record.getMessage() for record in caplog.records if "works again" not in record.getMessage()]


@contextmanager
def ballast(disk: Path) -> Iterator[Path]:
    """Fill a disk to its last byte, until the block is left."""
    path = disk / "ballast"
    with path.open("wb", buffering=0) as file:
        for block in (4096, 512, 1):
            with_room = True
            while with_room:
                try:
                    with_room = file.write(bytes(block)) > 0
                except OSError:
                    with_room = False
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def assert_accounts(stats: Stats, events: int) -> None:
    """Every event is somewhere."""
    assert stats.appended == events
    assert stats.appended == stats.queued + stats.written + stats.dropped + stats.failed


def until(tracker: ExperimentTracker, settled: Callable[[Stats], bool]) -> Stats:
    """Wait for the background thread to come somewhere."""
    looks: list[Stats] = []

    def has_settled() -> bool:
        looks.append(tracker.stats())
        return settled(looks[-1])

    wait_until(has_settled, lambda: looks[-1])
    return looks[-1]


def log_until_it_raises(tracker: ExperimentTracker) -> None:
    """Log a new metric each time: only calls of a new shape look for failures."""
    deadline = time.monotonic() + DEADLINE_S
    for number in itertools.count():
        assert time.monotonic() < deadline
        tracker.log_metrics({f"m{number}": float(number)})


def numbers(root: Path) -> list[int]:
    """The numbers of the metric m, in the order of seq."""
    recover(Store(root).layout)
    frame = Store(root).metrics().collect().sort("seq")
    return [int(value) for key, value in frame.select("key", "value").rows() if key == "m"]


def params(root: Path) -> list[int]:
    """The numbers of the params, in the order of seq."""
    frame = Store(root).facts().collect().sort("seq")
    return [int(value) for kind, value in frame.select("kind", "value").rows() if kind == "param"]


@pytest.mark.parametrize("queue", get_args(QueueKind)[:2])
def test_a_full_disk_costs_nothing_once_there_is_room_again(
    small_disk: Path, warned: Callable[[], list[str]], queue: QueueKind
) -> None:
    """Guarantee (training goes on): nothing can be written; one warning; all is there when space returns."""
    root = small_disk / "store"
    settings = PipelineSettings(**SMALL, queue=queue)
    tracker = ExperimentTracker(root, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    events = 1
    for number in range(200):
        tracker.log_metrics({"m": float(number)}, step=number)
    events += 200
    with ballast(small_disk):
        for number in range(200, 5000):
            tracker.log_metrics({"m": float(number)}, step=number)
            events += 1
            if number % 100 == 0:
                tracker.log_params({f"p{number}": number})
                events += 1
                assert_accounts(tracker.stats(), events)
        stats = until(tracker, lambda stats: stats.faults > 2)
        assert_accounts(stats, events)
        assert stats.dropped == 0
        assert "No space left" in str(stats.last_error)
    tracker.flush(DEADLINE_S, seal=True)
    assert_accounts(tracker.stats(), events)
    tracker.end_run()
    tracker.close()

    assert numbers(root) == list(range(5000))
    assert sorted(params(root)) == list(range(200, 5000, 100))
    assert len(warned()) == 1, warned()
    assert "No space left" in warned()[0]


def test_end_records_fit_on_a_disk_that_stays_full(small_disk: Path, warned: Callable[[], list[str]]) -> None:
    """Guarantee (training goes on): a spare file was preallocated for them, so the run's end outlives the process."""
    root = small_disk / "store"
    settings = PipelineSettings(**SMALL, close_timeout_s=2.0)
    tracker = ExperimentTracker(root, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    tracker.flush(DEADLINE_S)
    with ballast(small_disk):
        for number in range(5000):
            tracker.log_metrics({"m": float(number)}, step=number)
        tracker.log_params({"last": 1})
        tracker.end_run()
        began = time.monotonic()
        tracker.close()
        assert time.monotonic() - began < DEADLINE_S
        stats = tracker.stats()
        assert_accounts(stats, 5003)
    runs = Store(root).experiment_runs("default")

    assert [(run["status"], run["params"]) for run in runs] == [("FINISHED", {"last": 1})]
    kept = numbers(root)
    assert kept == list(range(len(kept)))  # those in queue files; the ring's are counted as dropped
    assert len(kept) == 5000 - stats.dropped
    assert any("are lost" in line for line in warned())
    assert any("left is safe" in line for line in warned())


def test_a_disk_full_from_the_start_keeps_params_until_there_is_room(
    small_disk: Path, warned: Callable[[], list[str]]
) -> None:
    """Not even the writer's folder can be made: the ring keeps everything, in order."""
    root = small_disk / "store"
    tracker = ExperimentTracker(root, auto_log=False, pipeline=PipelineSettings(**SMALL))
    with ballast(small_disk):
        tracker.start_run("run", params={"p": 1})
        for number in range(100):
            tracker.log_metrics({"m": float(number)}, step=number)
        assert_accounts(until(tracker, lambda stats: stats.faults > 0), 102)
    tracker.flush(DEADLINE_S)
    tracker.close()

    assert numbers(root) == list(range(100))
    assert params(root) == [1]
    assert len(warned()) == 1, warned()


def test_a_full_disk_for_long_drops_the_oldest_metrics_and_no_param(small_disk: Path) -> None:
    """The ring is bounded: what is dropped is counted, and never a param, a tag or an end."""
    root = small_disk / "store"
    settings = PipelineSettings(**SMALL, ring_bytes=64 * 1024)
    tracker = ExperimentTracker(root, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    with ballast(small_disk):
        for number in range(20_000):
            tracker.log_metrics({"m": float(number)}, step=number)
            if number % 100 == 0:
                tracker.log_params({f"p{number}": number})
        stats = tracker.stats()
        assert_accounts(stats, 20_201)
        assert stats.dropped > 10_000
    tracker.flush(DEADLINE_S)
    tracker.end_run()
    tracker.close()
    kept = numbers(root)

    assert len(kept) == 20_000 - stats.dropped
    assert kept == sorted(set(kept))
    assert kept[-1] == 19_999
    assert sorted(params(root)) == list(range(0, 20_000, 100))
    assert Store(root).experiment_runs("default")[0]["status"] == "FINISHED"


@pytest.mark.parametrize("moment", ["once", "again and again"])
def test_rm_rf_while_logging_goes_on_warns_once_and_loses_nothing_in_memory(
    tmp_path: Path, warned: Callable[[], list[str]], moment: str
) -> None:
    """Guarantee (training goes on): later events are readable, and those that were mapped when the store went."""
    root = tmp_path / "store"
    settings = PipelineSettings(first_segment_bytes=4 * MIB, flush_interval_s=0.005)
    tracker = ExperimentTracker(root, auto_log=False, pipeline=settings)
    tracker.start_run("run", params={"p": 1})
    for number in range(3000):
        tracker.log_metrics({"m": float(number)}, step=number)
        if number in ((1000,) if moment == "once" else range(500, 3000, 500)):
            shutil.rmtree(root, ignore_errors=True)
    tracker.flush(DEADLINE_S)
    if moment == "once":
        assert numbers(root) == list(range(3000))
    tracker.end_run()
    tracker.close()
    kept = numbers(root)

    assert kept == sorted(set(kept))
    assert kept[-500:] == list(range(2500, 3000))
    assert kept == list(range(3000)) or moment != "once"
    assert len(warned()) == 1, warned()
    assert "deleted" in warned()[0]
    assert_accounts(tracker.stats(), 3003)


def test_a_folder_that_becomes_unwritable_is_survived(scratch: Path) -> None:
    """Permissions are lost while logging and come back: one warning, nothing lost. Not as root, who may all."""
    script = """
        import logging, os, sys
        import numpy, pyarrow.parquet, ingest.writer
        from pathlib import Path
        from tracker import ExperimentTracker, PipelineSettings
        if os.getuid() == 0:
            os.chown(".", 65534, 65534)
            os.setgid(65534)
            os.setuid(65534)
        logging.basicConfig(format="%(message)s")
        settings = PipelineSettings(first_segment_bytes=16384, segment_bytes=65536, flush_interval_s=0.005)
        tracker = ExperimentTracker("store", auto_log=False, pipeline=settings)
        tracker.start_run("run")
        tracker.flush()
        folders = [path for path in Path("store").rglob("*") if path.is_dir()] + [Path("store")]
        for folder in folders:
            folder.chmod(0o500)
        for number in range(5000):
            tracker.log_metrics({"m": float(number)}, step=number)
        stats = tracker.stats()
        assert stats.appended == 5001 == stats.queued + stats.written, stats
        for folder in folders:
            folder.chmod(0o700)
        tracker.flush(10)
        tracker.close()
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=scratch, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Permission denied") == 1, done.stderr
    assert numbers(scratch / "store") == list(range(5000))


def test_strict_raises_at_the_next_call_and_no_longer_than_it_lasts(small_disk: Path) -> None:
    """Who chose strict=True is told by the call after the failure; when the disk works again, calls work again."""
    tracker = ExperimentTracker(
        small_disk / "store", auto_log=False, strict=True, pipeline=PipelineSettings(**SMALL, strict=True)
    )
    tracker.start_run("run")
    tracker.flush(DEADLINE_S)
    with ballast(small_disk), pytest.raises(SinkFailed, match="No space"):
        log_until_it_raises(tracker)
    tracker.flush(DEADLINE_S)
    tracker.log_params({"p": 1})
    tracker.end_run()
    tracker.close()

    assert params(small_disk / "store") == [1]


def test_producers_faster_than_the_disk_block_and_lose_nothing(tmp_path: Path) -> None:
    """Guarantee (back-pressure), "block": calls wait for the background thread, within a bounded queue."""
    settings = PipelineSettings(**SMALL, queue_bytes=128 * 1024, block_timeout_s=DEADLINE_S)
    tracker = ExperimentTracker(tmp_path, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    for number in range(30_000):
        tracker.log_metrics({"m": float(number)}, step=number)
    backlog = tracker._pipeline.queue().backlog_bytes()
    tracker.close()

    assert backlog <= 256 * 1024
    assert numbers(tmp_path) == list(range(30_000))
    assert tracker.stats().dropped == 0


def test_producers_faster_than_the_disk_drop_the_oldest(tmp_path: Path) -> None:
    """Guarantee (back-pressure), "drop_oldest": calls don't wait; what is dropped is counted; no param is."""
    settings = PipelineSettings(**SMALL, queue_bytes=64 * 1024, ring_bytes=32 * 1024, overflow="drop_oldest")
    tracker = ExperimentTracker(tmp_path, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    for number in range(30_000):
        tracker.log_metrics({"m": float(number)}, step=number)
        if number % 1000 == 0:
            tracker.log_params({f"p{number}": number})
    tracker.close()
    stats, kept = tracker.stats(), numbers(tmp_path)

    assert_accounts(stats, 30_032)
    assert len(kept) == 30_000 - stats.dropped
    assert kept == sorted(set(kept))
    assert sorted(params(tmp_path)) == list(range(0, 30_000, 1000))


def test_producers_faster_than_the_disk_are_told(tmp_path: Path) -> None:
    """Guarantee (back-pressure), "raise": the call that doesn't fit raises, and only that; the next may fit again."""
    settings = PipelineSettings(**SMALL, queue_bytes=64 * 1024, overflow="raise")
    tracker = ExperimentTracker(tmp_path, auto_log=False, pipeline=settings)
    tracker.start_run("run")
    taken = []
    refused = 0
    background = tracker._pipeline._background
    assert background is not None
    with background.step_lock:  # the thread stands
        for number in range(10_000):
            try:
                tracker.log_metrics({"m": float(number)}, step=number)
                taken.append(number)
            except QueueFull:
                refused += 1
        tracker.log_params({"p": 1})
    tracker.flush(DEADLINE_S)
    tracker.log_metrics({"m": 10_000.0}, step=10_000)
    tracker.close()

    assert refused > 1000
    assert numbers(tmp_path) == [*taken, 10_000]
    assert params(tmp_path) == [1]
    assert tracker.stats().dropped == 0


def test_memory_stays_bounded_under_overload(tmp_path: Path) -> None:
    """The backlog is page cache, not heap: a queue at its limit costs no more than the ring beside it."""
    script = """
        import resource
        from tracker import ExperimentTracker, PipelineSettings
        settings = PipelineSettings(queue_bytes=8 << 20, ring_bytes=1 << 20, overflow="drop_oldest")
        tracker = ExperimentTracker("store", auto_log=False, pipeline=settings)
        tracker.start_run("run")
        tracker.log_metrics({"m": 0.0}, step=0)
        tracker.flush(seal=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with tracker._pipeline._background.step_lock:
            for number in range(1_000_000):
                tracker.log_metrics({"m": 0.5}, step=number)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
        assert tracker.stats().appended == 1_000_002
        tracker.close()
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 60
