"""A store on object storage gives the answers that the same store gives on a local disk."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.errors import ObjectsUnavailable, StoreUnavailable
from readers.objects import view
from readers.objects.view import ObjectView
from readers.store import Store
from readers.watcher import Watcher
from tests.objects.conftest import S3
from tests.objects.pushing import Pushing
from tracker import ExperimentComparator, ExperimentTracker

Question = Callable[[Store], pl.DataFrame]
QUESTIONS: dict[str, Question] = {
    "runs": lambda store: store.runs().collect(),
    "params": lambda store: store.params().sort("run_id", "key").collect(),
    "summaries": lambda store: store.summaries().sort("run_id", "key").collect(),
    "points": lambda store: store.metrics().sort("run_id", "key", "seq").collect(),
    "some": lambda store: store.metrics(["loss"], store.run_ids()[2:4]).sort("run_id", "seq").collect(),
    "filtered": lambda store: store.metrics().filter(pl.col("run_id") > store.run_ids()[3]).sort("seq").collect(),
    "one experiment": lambda store: store.metrics(experiments=["b"]).sort("run_id", "key", "seq").collect(),
    "count": lambda store: store.metrics().select(pl.len()).collect(),
    "table": lambda store: store.table(),
    "sql": lambda store: store.sql("SELECT key, max(value) AS most FROM metrics GROUP BY key ORDER BY key"),
}


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A store of two experiments with four runs each."""
    chance = random.Random(5)
    for experiment in ("a/b", "b"):
        with ExperimentTracker(tmp_path / "store", experiment, auto_log=False) as tracker:
            for number in range(4):
                with tracker.start_run(f"run {number}"):
                    tracker.log_params({"lr": chance.random(), "net": {"depth": number}})
                    for step in range(100):
                        tracker.log_metrics({"loss": chance.random(), "acc": step / 100}, step=step)
    return tmp_path / "store"


@pytest.fixture
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question looks at the bucket."""
    monkeypatch.setattr(view, "LOOK_S", 0.0)
    monkeypatch.setattr(view, "_SHARE", 0)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_the_local_stores_answer(question: str, local: Path, s3: S3) -> None:
    """Tables, histories, filters and SQL."""
    Pushing(local, s3.address()).all()
    asked = QUESTIONS[question]
    assert_frame_equal(asked(Store(s3.address())), asked(Store(local)), check_row_order=question != "filtered")


def test_a_comparator_takes_an_address(local: Path, s3: S3) -> None:
    """As it takes a folder."""
    Pushing(local, s3.address()).all()
    ids = Store(local).run_ids()
    assert ExperimentComparator(s3.address()).compare_runs(ids) == ExperimentComparator(local).compare_runs(ids)


def test_one_runs_curve_fetches_a_small_part_of_the_points(tmp_path: Path, s3: S3) -> None:
    """Row groups of other runs, and other columns, stay where they are."""
    with ExperimentTracker(tmp_path / "store", "e", auto_log=False) as tracker:
        chance = random.Random(1)
        for _ in range(40):
            with tracker.start_run() as run_id:
                for step in range(10_000):
                    tracker.log_metrics({"loss": chance.random()}, step=step)
    Pushing(tmp_path / "store", s3.address()).all()
    store = Store(s3.address())
    whole = sum(path.stat().st_size for path in (tmp_path / "store" / "metrics").rglob("*.parquet"))
    store.runs().collect()
    counts = view_of_store(store).bucket.counts
    before = counts.received_bytes
    points = store.metrics(["loss"], [str(run_id)]).select("step", "value").collect()
    assert points.height == 10_000
    assert counts.received_bytes - before < whole * 0.6


def test_a_run_is_looked_for_in_its_own_experiment(tmp_path: Path, s3: S3) -> None:
    """Another experiment's runs that began before and after it are in parts that stay closed: a footer, a range."""
    with (
        ExperimentTracker(tmp_path / "store", "a", auto_log=False) as one,
        ExperimentTracker(tmp_path / "store", "b", auto_log=False) as other,
    ):
        for number in range(3):
            for tracker in (one, other):
                with tracker.start_run(run_id=f"{number}-{tracker.experiment_name}"):
                    tracker.log_metrics({"loss": number / 7}, step=number)
    Pushing(tmp_path / "store", s3.address()).all()
    store = Store(s3.address())
    store.runs().collect()
    counts = view_of_store(store).bucket.counts
    before = counts.gets
    assert store.metrics(["loss"], ["1-b"]).collect()["value"].to_list() == [1 / 7]
    assert counts.gets - before == 2


def view_of_store(store: Store) -> ObjectView:
    """The view behind a store."""
    assert isinstance(store.layout, ObjectView)
    return store.layout


@pytest.mark.usefixtures("look_at_once")
def test_every_point_counts_once_at_each_step_of_an_upload(tmp_path: Path, s3: S3) -> None:
    """Live pieces grow; parts come beside them, one after the other; the live objects go, the first one first."""
    tracker = ExperimentTracker(tmp_path / "store", "e", auto_log=False)
    pushing = Pushing(tmp_path / "store", s3.address())
    pushing.store()
    with tracker:
        run_id = tracker.start_run("r")

        def log(start: int, stop: int) -> None:
            for step in range(start, stop):
                tracker.log_metrics({"loss": float(step)}, step=step)
            tracker.flush()

        log(0, 100)
        keys = pushing.live()
        store = Store(s3.address())
        assert _seen(store) == (100, 100, ["RUNNING"])
        log(100, 250)
        keys += pushing.live()
        assert _seen(store) == (250, 250, ["RUNNING"])
        tracker.end_run(run_id=run_id)
        tracker.flush(seal=True)
        for table, status in {"facts": "RUNNING", "summaries": "RUNNING", "metrics": "FINISHED"}.items():
            assert pushing.table(table)
            assert _seen(store) == (250, 250, [status])  # with the last part it is whole
        pushing.bucket.delete([keys[0]])
        assert _seen(store) == (250, 250, ["FINISHED"])
        pushing.bucket.delete(keys)
        assert _seen(store) == (250, 250, ["FINISHED"])
        assert _seen(Store(s3.address())) == (250, 250, ["FINISHED"])


@pytest.mark.usefixtures("look_at_once")
def test_a_watcher_gives_each_point_once_while_it_is_uploaded(tmp_path: Path, s3: S3) -> None:
    """Live, and then sealed."""
    tracker = ExperimentTracker(tmp_path / "store", "e", auto_log=False)
    pushing = Pushing(tmp_path / "store", s3.address())
    pushing.store()
    taken: list[float] = []
    with tracker, Watcher(s3.address()) as watcher:
        with tracker.start_run("r"):
            for round_ in range(5):
                for step in range(round_ * 50, round_ * 50 + 50):
                    tracker.log_metrics({"loss": float(step)}, step=step)
                tracker.flush()
                keys = pushing.live()
                taken += _taken(watcher)
        tracker.flush(seal=True)
        for table in ("facts", "summaries", "metrics"):
            pushing.table(table)
            taken += _taken(watcher)
        pushing.bucket.delete([entry.key for entry in pushing.bucket.list("live")])
        taken += _taken(watcher)
    assert keys
    assert taken == [float(step) for step in range(250)]


def test_a_watcher_from_now_on_fetches_no_points_of_before(local: Path, s3: S3) -> None:
    """Summaries tell where each writer is."""
    Pushing(local, s3.address()).all()
    with Watcher(s3.address(), since="now") as watcher:
        assert watcher.poll().points.is_empty()
    cache = next(Path(os.environ["STEPLOG_CACHE_DIR"]).glob("*/parts"))
    assert list((cache / "facts").rglob("*.parquet"))
    assert not list(cache.rglob("metrics/**/*.parquet"))


def test_a_silent_writers_run_counts_as_interrupted(tmp_path: Path, s3: S3) -> None:
    """After three minutes without a sign of life; its points are there all the same."""
    tracker = ExperimentTracker(tmp_path / "store", "e", auto_log=False)
    pushing = Pushing(tmp_path / "store", s3.address())
    pushing.store()
    with tracker, tracker.start_run("r"):
        tracker.log_metrics({"loss": 1.0}, step=1)
        tracker.flush()
        pushing.live()
        shown = view_of_store(Store(s3.address()))
        shown.refresh()
        listed = shown.last_look()
        now = max(listed.seen.values())
        assert len(listed.alive(now + 170)) == 1
        assert not listed.alive(now + 190)


@pytest.mark.usefixtures("look_at_once")
def test_a_server_that_is_gone_is_said_and_comes_back(
    local: Path, own_s3: S3, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen a moment ago is still told, with a warning; what is old is not."""
    Pushing(local, own_s3.address()).all()
    store = Store(own_s3.address())
    assert store.runs().collect().height == 8
    own_s3.server.stop()
    assert store.runs().collect().height == 8
    assert any("s old" in record.message for record in caplog.records)
    monkeypatch.setattr(view, "STALE_OK_S", 0.0)
    with pytest.raises(ObjectsUnavailable):
        store.runs().collect()
    own_s3.server.start()
    assert store.runs().collect().height == 8


def test_a_forked_child_is_told_to_open_the_store_itself(local: Path, s3: S3) -> None:
    """The client's threads are the parent's."""
    Pushing(local, s3.address()).all()
    store = Store(s3.address())
    shown = view_of_store(store)
    child = os.fork()
    if not child:
        try:
            shown.refresh()
        except StoreUnavailable as error:
            os._exit(0 if "fork" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_address_without_a_store_says_so(s3: S3) -> None:
    """Nothing was uploaded there."""
    with pytest.raises(StoreUnavailable, match="nothing was uploaded there yet"):
        Store(s3.address("empty"))


def test_a_process_has_one_view_of_an_address(local: Path, s3: S3) -> None:
    """However it is written, and by its folder too; a view's folder goes with the process."""
    Pushing(local, s3.address()).all()
    first, second = Store(s3.address()), Store(s3.address() + "/")
    assert first.layout is second.layout
    assert Store(first.root).layout is first.layout
    with pytest.raises(StoreUnavailable, match="is read here"):
        first.layout.create()


def _seen(store: Store) -> tuple[int, int, list[str]]:
    """(points, what summaries count, statuses)."""
    points = store.metrics().collect()
    assert points["seq"].n_unique() == points.height
    counted = int(store.summaries().collect()["count"].sum())
    return points.height, counted, store.runs().collect()["status"].to_list()


def _taken(watcher: Watcher) -> list[float]:
    values: list[float] = []
    while True:
        batch = watcher.poll()
        values += batch.points["value"].to_list()
        if not batch.more:
            return values
