"""A cluster reads a store on object storage as this process does: each worker fetches what its job needs."""

import os
import random
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.errors import ObjectsUnavailable
from readers.store import Store
from tests.objects.conftest import S3
from tests.objects.pushing import Pushing
from tracker import ExperimentTracker


@pytest.fixture
def pushed(tmp_path: Path, s3: S3) -> str:
    """The address of a store of two megabytes of points, in several parts."""
    chance = random.Random(3)
    for experiment in ("a", "b"):
        with ExperimentTracker(tmp_path / "store", experiment, auto_log=False) as tracker:
            for _ in range(6):
                with tracker.start_run():
                    for step in range(15_000):
                        tracker.log_metrics({"loss": chance.random()}, step=step)
                tracker.flush(seal=True)
    Pushing(tmp_path / "store", s3.address()).all()
    return s3.address()


def _answers(store: Store) -> list[pl.DataFrame]:
    some = store.run_ids()[3:5]
    return [
        store.metrics().collect(),
        store.metrics(["loss"], some).select("run_id", "step", "value").collect(),
        store.metrics().filter(pl.col("step") > 14_000).group_by("run_id").agg(pl.col("value").sum()).collect(),
        store.summaries().collect(),
    ]


def test_jobs_give_what_this_process_reads(pushed: str) -> None:
    """To the last bit, and in the same order."""
    for alone, spread in zip(_answers(Store(pushed)), _answers(Store(pushed, cluster="here")), strict=True):
        ordered = "run_id" in alone.columns and "seq" in alone.columns
        assert_frame_equal(alone, spread, check_row_order=ordered, check_exact=True)


def test_two_dask_workers_give_the_same(pushed: str) -> None:
    """They have the credentials of their own environment."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True, silence_logs="ERROR"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        spread = Store(pushed, cluster=client)
        for alone, found in zip(_answers(Store(pushed)), _answers(spread), strict=True):
            assert_frame_equal(alone, found, check_row_order="seq" in alone.columns, check_exact=True)


def test_a_worker_that_may_not_read_says_so(pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asker is told, by the bucket's own words."""
    store = Store(pushed, cluster="here")
    store.runs().collect()
    from readers.cluster.ranged import _ranged_of

    _ranged_of.cache_clear()
    monkeypatch.setitem(os.environ, "AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(ObjectsUnavailable, match="credentials"):
        store.metrics().collect()
    _ranged_of.cache_clear()
