"""Bulk writing: a batch is there as a whole or not at all, and reads back as what log calls wrote would."""

from pathlib import Path

import numpy as np
import pytest

from ingest import bulk
from ingest.bulk import Batch, BulkWriter
from ingest.check import check
from ingest.columns import PointBlock
from ingest.events import RunEnded, RunStarted
from ingest.layout import Layout
from ingest.recovery import recover
from readers.store import Store

T = 1_600_000_000_000_000_000


def a_batch(run_id: str = "r", n: int = 1000) -> Batch:
    """A run of two metrics, one without steps."""
    batch, at = Batch(), np.arange(n)
    batch.add_fact(RunStarted(run_id, "e", T, "name"))
    batch.add_points(PointBlock(run_id, "e", ("a", "b"), at, T + at * 1000, at, np.stack([at / 3, -at / 7], axis=1)))
    batch.add_points(PointBlock(run_id, "e", ("c",), at[:1], T + at[:1], None, np.array([[np.nan]])))
    batch.add_fact(RunEnded(run_id, "e", T + n * 1000, "FINISHED"))
    return batch


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty store."""
    made = Layout(tmp_path)
    made.create()
    return made


def test_a_batch_reads_back_as_it_was(layout: Layout) -> None:
    """Values, steps, times; and nothing is left in live/."""
    with BulkWriter(layout) as writer:
        writer.publish(a_batch())
        writer.publish(Batch())
    rows = Store(layout.root).metrics(keys=["a", "b"]).collect().sort("key", "seq")

    assert rows["value"].to_list() == [*(np.arange(1000) / 3), *(-np.arange(1000) / 7)]
    assert rows["step"].to_list() == [*range(1000)] * 2
    assert rows["time"].dt.epoch("us").to_list() == [T // 1000 + place for place in range(1000)] * 2
    assert Store(layout.root).runs().collect()["status"].to_list() == ["FINISHED"]
    assert list(layout.live.iterdir()) == []
    assert check(layout) == []


def test_joined_batches_are_one(layout: Layout) -> None:
    """What they declare doesn't collide."""
    both, other = a_batch("r1"), a_batch("r2", n=10)
    both.join(other)
    with BulkWriter(layout) as writer:
        writer.publish(both)
    counts = Store(layout.root).summaries(keys=["a"]).collect().sort("run_id")

    assert counts["count"].to_list() == [1000, 10]
    assert counts["last"].to_list() == [999 / 3, 3.0]


def test_a_batch_that_could_not_be_sealed_is_adopted(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there as a whole from the moment that it is published, and each row once after the next recovery."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with BulkWriter(layout) as writer, monkeypatch.context() as patch:
        patch.setattr(bulk, "seal", full)
        with pytest.raises(OSError, match="No space"):
            writer.publish(a_batch())
        assert Store(layout.root).metrics().collect().height == 2001
    report = recover(layout)

    assert (report.segments, report.points) == (1, 2001)
    assert Store(layout.root).metrics().collect().height == 2001
    assert check(layout) == []


def test_nothing_is_there_before_it_is_published(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was being written when the process died is removed with its folder."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", dies)
        writer = BulkWriter(layout)
        with pytest.raises(KeyboardInterrupt):
            writer.publish(a_batch())
    writer._lock.release()
    recover(layout)

    assert Store(layout.root).metrics().collect().is_empty()
    assert list(layout.live.iterdir()) == []
