"""The pipeline: its thread, its barriers, its end, and interrupts between any two steps of them."""

import errno
import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ingest.background import Background
from ingest.bell import Bell
from ingest.errors import SinkFailed, WriterClosed
from ingest.events import ParamsLogged, RunStarted
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.recovery import recover
from ingest.settings import PipelineSettings
from tests.ingest.byhand import RUN, numbers_of, tree
from tests.ingest.interrupts import Interrupt, at_moment, interrupt
from tests.waiting import until

LAZY = PipelineSettings(flush_interval_s=3600.0, seal_interval_s=3600.0, end_seal_delay_s=3600.0, compact_files=0)
DEADLINE_S = 10.0


def param(number: int, key: str = "p") -> ParamsLogged:
    """A fact with a number."""
    return ParamsLogged(RUN, "e", time.time_ns(), {key: str(number)})


@pytest.fixture
def pipeline(scratch: Path) -> Iterator[Pipeline]:
    """A pipeline that does only what it is asked."""
    made = Pipeline(Layout(scratch / "store"), LAZY)
    made.layout.create()
    made.run_started()
    yield made
    made.close(DEADLINE_S)


def background(pipeline: Pipeline) -> Background:
    """The thread of an open pipeline."""
    assert pipeline._background is not None
    return pipeline._background


@contextmanager
def standing(pipeline: Pipeline) -> Iterator[None]:
    """Let the background thread stand, as in a system call that hangs."""
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with background(pipeline).step_lock:
            held.set()
            go_on.wait(DEADLINE_S)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(DEADLINE_S)
    try:
        yield
    finally:
        go_on.set()
        holder.join()


def test_flush_is_a_barrier(pipeline: Pipeline) -> None:
    """Guarantee (flushed): what was logged before it is visible after it."""
    for number in range(50):
        pipeline.append(param(number))
    pipeline.flush(DEADLINE_S)
    stats = pipeline.stats()

    assert (stats.appended, stats.queued, stats.written) == (50, 0, 50)


def test_flush_with_seal_leaves_parquet(pipeline: Pipeline) -> None:
    """All that was logged is Parquet on return."""
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S, seal=True)

    assert [name for name in tree(pipeline.layout.root) if name.startswith("facts/")]
    assert pipeline.stats().segments == 1


def test_many_threads_may_flush_at_once(pipeline: Pipeline) -> None:
    """Each gets its answer, and sees its own events."""
    seen: list[bool] = []

    def work(thread: int) -> None:
        for number in range(20):
            pipeline.append(param(number, f"p{thread}"))
            pipeline.flush(DEADLINE_S)
            seen.append(number in numbers_of(pipeline.layout)[f"p{thread}"])

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)

    assert seen == [True] * 80


def test_flush_of_nothing_and_after_close_returns_at_once(scratch: Path) -> None:
    """Regression: after close nobody answered, and flush waited for ever."""
    pipeline = Pipeline(Layout(scratch), LAZY)
    pipeline.layout.create()
    pipeline.flush()
    pipeline.append(param(1))
    pipeline.close(DEADLINE_S)
    pipeline.flush()
    pipeline.flush(seal=True, sync=True)

    assert numbers_of(pipeline.layout) == {"p": [1]}
    with pytest.raises(WriterClosed):
        pipeline.append(param(2))


def test_flush_gives_up_at_its_deadline(pipeline: Pipeline) -> None:
    """A step that hangs doesn't hang the caller longer than it wished, and a tenth of a second is no second."""
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)
    with standing(pipeline):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=r"within 0.05 s"):
            pipeline.flush(0.05)

        assert time.monotonic() - began < 0.8


def test_flush_raises_what_keeps_events_from_being_visible(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """SinkFailed, with the cause; the events are still in the queue."""
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.parts.write_rows", _full)
        with pytest.raises(SinkFailed, match="No space") as raised:
            pipeline.flush(DEADLINE_S, seal=True)

        assert isinstance(raised.value.__cause__, OSError)
        assert pipeline.error is raised.value.__cause__
    pipeline.flush(DEADLINE_S, seal=True)
    assert pipeline.error is None
    assert numbers_of(pipeline.layout) == {"p": [1]}


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_closing_with_a_dead_disk_says_what_is_left_and_frees_it(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guarantee (ending): SinkFailed names the folder; the next reader or tracker, here or elsewhere, seals it."""
    pipeline = Pipeline(Layout(scratch), LAZY)
    pipeline.layout.create()
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)
    with monkeypatch.context() as patch:
        patch.setattr("ingest.parts.write_rows", _full)
        with pytest.raises(SinkFailed, match="left is safe"):
            pipeline.close(DEADLINE_S)
        pipeline.close(DEADLINE_S)  # said once
        with pytest.raises(SinkFailed, match="has ended"):
            pipeline.flush()
    assert recover(pipeline.layout).events == 1

    assert numbers_of(pipeline.layout) == {"p": [1]}


def test_closing_with_a_disk_that_hangs_ends_at_the_deadline(pipeline: Pipeline) -> None:
    """TimeoutError says what is left; a second close doesn't wait again."""
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)
    with standing(pipeline):
        with pytest.raises(TimeoutError, match="left is safe"):
            pipeline.close(0.05)
        pipeline.close(0.05)
    background(pipeline).join(DEADLINE_S)

    assert numbers_of(pipeline.layout) == {"p": [1]}


def test_an_idle_pipeline_shows_what_is_logged_without_a_run(scratch: Path) -> None:
    """A fact that comes when the thread sleeps for good wakes it."""
    pipeline = Pipeline(Layout(scratch), PipelineSettings(flush_interval_s=0.01, end_seal_delay_s=0.0))
    pipeline.layout.create()
    for number in range(3):
        pipeline.append(param(number))
        until(lambda: pipeline.stats().segments == number + 1, "it is sealed though no run is active")  # noqa: B023 - called at once

    assert numbers_of(pipeline.layout) == {"p": [0, 1, 2]}
    pipeline.close(DEADLINE_S)


def test_a_run_s_end_seals_soon(scratch: Path) -> None:
    """After the last run ended everything becomes Parquet by itself."""
    pipeline = Pipeline(Layout(scratch), PipelineSettings(flush_interval_s=0.01, end_seal_delay_s=0.05))
    pipeline.layout.create()
    pipeline.run_started()
    pipeline.append(RunStarted(RUN, "e", 1, "name"))
    pipeline.run_ended()
    until(lambda: pipeline.stats().segments == 1, "it is sealed after the end")

    pipeline.close(DEADLINE_S)


def test_a_folder_that_cannot_be_made_loses_no_param(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: events before the folder could be made were lost, params too; now the ring keeps them."""
    pipeline = Pipeline(Layout(scratch / "store"), PipelineSettings(flush_interval_s=0.01))
    pipeline.layout.create()
    pipeline.run_started()
    with monkeypatch.context() as patch:
        patch.setattr("ingest.alive.FolderLock.claim", _full)
        for number in range(10):
            pipeline.append(param(number))
        with pytest.raises(SinkFailed, match="No space"):
            pipeline.flush(DEADLINE_S)
        stats = pipeline.stats()
        assert (stats.appended, stats.queued, stats.dropped) == (10, 10, 0)
    pipeline.flush(DEADLINE_S, seal=True)

    assert numbers_of(pipeline.layout) == {"p": list(range(10))}
    pipeline.close(DEADLINE_S)


def test_a_thread_that_cannot_be_started_costs_no_event(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Too many threads in the container: logging goes on, flush says so, and starts it when it can be started."""
    pipeline = Pipeline(Layout(scratch), LAZY)
    pipeline.layout.create()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        pipeline.append(param(1))
        with pytest.raises(SinkFailed, match="has ended"):
            pipeline.flush(DEADLINE_S)
    assert "can't start" in caplog.text
    pipeline.append(param(2))
    pipeline.flush(DEADLINE_S)

    assert numbers_of(pipeline.layout) == {"p": [1, 2]}
    pipeline.close(DEADLINE_S)


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_modules_half_imported_elsewhere_are_tried_again(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's thread imports pandas at this moment: a circular import shows modules half done, once."""
    pipeline = Pipeline(Layout(scratch), LAZY)
    pipeline.layout.create()
    made, tries = Background.made_writer, itertools.count()

    def half(background: Background) -> object:
        if next(tries) < 3:
            raise ImportError("cannot import name 'x' from partially initialized module 'numpy'")
        return made(background)

    monkeypatch.setattr(Background, "made_writer", half)
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)

    assert numbers_of(pipeline.layout) == {"p": [1]}
    pipeline.close(DEADLINE_S)


def test_a_step_that_raises_is_survived(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guarantee (training goes on): the loop survives any exception, and who waits for the step is told."""
    pipeline.append(param(1))
    pipeline.flush(DEADLINE_S)
    writer = background(pipeline).writer
    assert writer is not None
    with monkeypatch.context() as patch:
        patch.setattr(writer, "step", _bug)
        with pytest.raises(SinkFailed, match="a bug"):
            pipeline.flush(DEADLINE_S)
    pipeline.append(param(2))
    pipeline.flush(DEADLINE_S)

    assert pipeline.stats().written == 2


def _bug(**_: object) -> None:
    raise ZeroDivisionError("a bug")


def test_two_pipelines_of_one_process_share_a_store(scratch: Path) -> None:
    """No lock between writers: each has a folder of its own."""
    first, second = (Pipeline(Layout(scratch), LAZY) for _ in range(2))
    first.layout.create()
    for number in range(20):
        (first, second)[number % 2].append(param(number))
    first.close(DEADLINE_S)
    second.close(DEADLINE_S)

    assert sorted(numbers_of(first.layout)["p"]) == list(range(20))


# --- interrupts

TRACED = (
    "ingest/pipeline.py",
    "ingest/background.py",
    "ingest/bell.py",
    "ingest/queue.py",
    "ingest/queuefile.py",
    "ingest/alive.py",
)


@pytest.mark.parametrize("part", range(3))
def test_ctrl_c_at_any_moment_of_the_first_log_call_costs_nothing(scratch: Path, part: int) -> None:
    """Opening the queue may be cut short anywhere; the next call opens it, once, with one thread."""
    for nth in itertools.count(1 + part, 3):
        pipeline = Pipeline(Layout(scratch / str(nth)), LAZY)
        pipeline.layout.create()
        with at_moment(nth, interrupt, *TRACED) as hit:
            try:
                pipeline.append(param(0))
            except Interrupt:
                assert hit
        pipeline.append(param(1))
        pipeline.flush(DEADLINE_S)
        pipeline.close(DEADLINE_S)
        recover(pipeline.layout)

        assert numbers_of(pipeline.layout)["p"] in ([1], [0, 1]), hit
        assert pipeline.faults == 0, hit
        if not hit:
            break

    assert nth > 25


@pytest.mark.parametrize("part", range(2))
def test_ctrl_c_at_any_moment_of_flush_and_close_costs_nothing(scratch: Path, part: int) -> None:
    """A barrier that was left alone blocks nobody; close can be called again, and waits again."""
    for nth in itertools.count(1 + part, 2):
        pipeline = Pipeline(Layout(scratch / str(nth)), LAZY)
        pipeline.layout.create()
        pipeline.append(param(0))
        hits = 0
        for call in (pipeline.flush, pipeline.close):
            with at_moment(nth, interrupt, *TRACED) as hit:
                try:
                    call(DEADLINE_S)
                except Interrupt:
                    hits += 1
            assert bool(hit) == (hits > 0) or not hit
        pipeline.close(DEADLINE_S)

        assert numbers_of(pipeline.layout) == {"p": [0]}, nth
        assert not (pipeline.layout.live / "x").exists()
        assert list(pipeline.layout.live.iterdir()) == [], nth
        if not hits:
            break

    assert nth > 15


def test_a_handler_that_logs_at_any_moment_of_the_first_log_call_costs_nothing(scratch: Path) -> None:
    """A signal handler that logs while the queue is being opened: one queue, both events."""
    for nth in itertools.count(1):
        pipeline = Pipeline(Layout(scratch / str(nth)), LAZY)
        pipeline.layout.create()
        with at_moment(nth, lambda: pipeline.append(param(7, "h")), *TRACED) as hit:  # noqa: B023
            pipeline.append(param(0))
        pipeline.flush(DEADLINE_S)
        pipeline.close(DEADLINE_S)
        recover(pipeline.layout)
        found = numbers_of(pipeline.layout)

        assert found["p"] == [0], hit
        assert found.get("h", [7]) == [7], hit
        assert ("h" in found) == bool(hit), hit
        if not hit:
            break

    assert nth > 25


@pytest.mark.parametrize("part", range(2))
def test_a_handler_that_waits_in_the_middle_of_a_log_call_waits_for_nobody(scratch: Path, part: int) -> None:
    """Regression: SIGTERM in a rotation, and a handler that ends the run: it held what the thread needed, for 30 s."""
    for nth in itertools.count(1 + part, 2):
        pipeline = Pipeline(Layout(scratch / str(nth)), msgspec.structs.replace(LAZY, first_segment_bytes=256))
        pipeline.layout.create()
        pipeline.append(param(0))
        began = time.monotonic()

        def handler(pipeline: Pipeline = pipeline) -> None:
            with suppress(TimeoutError):
                pipeline.flush(DEADLINE_S)
            assert pipeline.stats().queued >= 0
            pipeline.close(DEADLINE_S)

        with at_moment(nth, handler, *TRACED) as hit, suppress(WriterClosed):
            for number in range(1, 6):
                pipeline.append(param(number))
        assert time.monotonic() - began < DEADLINE_S / 2, hit
        pipeline.exiting()

        found = numbers_of(pipeline.layout)["p"]
        assert found == list(range(len(found))), hit
        assert list(pipeline.layout.live.iterdir()) == [], hit
        if not hit:
            break

    assert nth > 25


def test_ringing_a_bell_from_a_handler_that_interrupts_ringing_it_does_not_deadlock() -> None:
    """Regression: threading.Event keeps its lock while it sets itself; a handler that logs then waited for ever."""
    for nth in itertools.count(1):
        bell = Bell()
        with at_moment(nth, bell.ring, "ingest/bell.py") as hit:
            bell.ring()
        assert bell.wait(0)
        if not hit:
            break

    assert nth > 1
    assert not Bell().wait(0)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_million_points_and_thousands_of_keys(scratch: Path) -> None:
    """What goes in comes out, at full speed, whatever the shape."""
    from tracker.experiment import ExperimentTracker

    tracker = ExperimentTracker(scratch / "store", auto_log=False)
    tracker.start_run("million")
    for step in range(1_000_000):
        tracker.log_metrics({"m": float(step)}, step=step)
    for number in range(5000):
        tracker.log_metrics({f"key {number}": float(number)})
    tracker.log_metrics({f"wide {number}": float(number) for number in range(10_000)})
    tracker.close()
    found = numbers_of(Layout(scratch / "store"))

    assert found["m"] == list(range(1_000_000))
    assert all(found[f"key {number}"] == [number] for number in range(5000))
    assert all(found[f"wide {number}"] == [number] for number in range(10_000))
