"""Counters: every event that a log call handed over is somewhere, at every moment, and nowhere twice."""

import itertools
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.events import Points, encode
from ingest.layout import Layout
from ingest.pipeline import Pipeline
from ingest.settings import PipelineSettings
from ingest.stats import Stats
from tests.ingest.byhand import ByHand, numbers_of
from tests.ingest.test_pipeline import DEADLINE_S, param


def assert_accounts(stats: Stats, handed_over: int) -> None:
    """The equation of the house guide, against a count of calls."""
    assert stats.appended == handed_over
    assert stats.appended == stats.queued + stats.written + stats.dropped + stats.failed


ACTIONS = st.lists(
    st.sampled_from(["point", "loose", "param", "step", "seal", "full", "works", "later"]), min_size=1, max_size=60
)


@given(actions=ACTIONS, policy=st.sampled_from(["drop_oldest", "block"]))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_every_event_is_accounted_for(scratch: Path, actions: list[str], policy: str) -> None:
    """Any sequence of calls, steps and failures: appended == queued + written + dropped + failed == calls made."""
    root = scratch / str(len(list(scratch.iterdir())))
    tiny = {"first_segment_bytes": 512, "segment_bytes": 512, "queue_bytes": 1024, "ring_bytes": 600}
    hand = ByHand(root, **tiny, overflow=policy, block_timeout_s=0.0)
    calls = 0
    with pytest.MonkeyPatch.context() as patch:
        for action in actions:
            if action in ("point", "loose", "param"):
                for _ in range(4):
                    getattr(hand, action)("m", calls)
                    calls += 1
            elif action == "full":
                patch.setattr("ingest.parts.write_rows", _full)
                patch.setattr("ingest.queue.QueueFile", _full)
            elif action == "works":
                patch.undo()
            elif action == "later":
                hand.clock.advance(31)
            else:
                hand.step(seal_now=action == "seal")
            assert_accounts(hand.writer.stats(), calls)
        patch.undo()
        hand.clock.advance(31)
        hand.finish()
    stats = hand.writer.stats()

    assert_accounts(stats, calls)
    assert stats.queued == 0
    found = numbers_of(hand.layout).get("m", [])
    assert len(found) == len(set(found)) == stats.written


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_pipeline_that_was_never_used_counts_nothing(tmp_path: Path) -> None:
    """Asking opens nothing."""
    pipeline = Pipeline(Layout(tmp_path))

    assert pipeline.stats() == Stats(0, 0, 0, 0, 0, 0, 0, 0, None)
    assert list(tmp_path.iterdir()) == []


def test_failed_counts_records_that_could_not_be_understood(tmp_path: Path) -> None:
    """A poisoned record is counted once, and kept; it stops nothing."""
    hand = ByHand(tmp_path)
    hand.param("p", 1)
    hand.queue.put(encode(Points(77, bytes(16))), fact=False)
    hand.param("p", 2)
    assert_accounts(hand.writer.stats(), 3)
    hand.step(seal_now=True)
    stats = hand.writer.stats()

    assert_accounts(stats, 3)
    assert (stats.written, stats.failed) == (2, 1)
    hand.finish()


def test_counters_are_right_while_four_threads_log(scratch: Path) -> None:
    """At every moment between the calls acknowledged before it was asked, and those made when it had answered."""
    pipeline = Pipeline(
        Layout(scratch), PipelineSettings(first_segment_bytes=4096, segment_bytes=4096, flush_interval_s=0.001)
    )
    pipeline.layout.create()
    pipeline.run_started()
    pipeline.append(param(0))
    pipeline.flush(DEADLINE_S)  # the thread has imported what it needs
    begun, done, enough = [0] * 4, [0] * 4, threading.Event()

    def work(thread: int) -> None:
        for number in itertools.takewhile(lambda _: not enough.is_set(), range(5000)):
            begun[thread] += 1
            pipeline.append(param(number, f"p{thread}"))
            done[thread] += 1

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(12):
        before = sum(done) + 1
        stats = pipeline.stats()
        assert before <= stats.appended <= sum(begun) + 1
        assert stats.appended == stats.queued + stats.written + stats.dropped + stats.failed
    enough.set()
    for thread in threads:
        thread.join()
    pipeline.close(DEADLINE_S)

    assert_accounts(pipeline.stats(), sum(done) + 1)
    assert pipeline.stats().written == sum(done) + 1


def test_points_count_values_and_events_count_calls(tmp_path: Path) -> None:
    """A call with several metrics is one event and several points."""
    hand = ByHand(tmp_path)
    for number in range(10):
        hand.point("m", number)
    hand.param("p", 0)
    hand.step()
    live = hand.writer.stats()
    hand.finish()
    sealed = hand.writer.stats()

    assert (live.appended, live.points) == (11, 10)
    assert (sealed.appended, sealed.points) == (11, 10)
