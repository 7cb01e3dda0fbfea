"""What can go wrong with a cluster is said in words, within seconds, and nothing hangs."""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from ingest.compact import compact
from ingest.errors import ClusterUnavailable
from ingest.layout import Layout
from readers.cluster.dask import Dask
from readers.cluster.engine import Here, engine_of
from readers.store import Store
from tests.waiting import until
from tracker import ExperimentComparator, ExperimentTracker

if TYPE_CHECKING:
    from tests.cluster.daskprocesses import DaskProcesses

pytestmark = [
    pytest.mark.usefixtures("small_chunks"),
    pytest.mark.timeout(60),  # a cluster is five processes that import a lot: on a busy machine they take their time
]


def parts(root: Path) -> list[Path]:
    """The sealed metrics."""
    return sorted(Layout(root).table("metrics").glob("*/*.parquet"))


def take_all(frames: Iterator[pl.DataFrame]) -> None:
    """Take all."""
    for _ in frames:
        continue


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A store that a test may spoil: twelve parts, nothing live."""
    folder = tmp_path / "own"
    for writer in range(12):
        with ExperimentTracker(folder, "e", auto_log=False) as tracker:
            tracker.start_run(f"r{writer}")
            tracker.log_metrics({"loss": float(writer)}, step=writer)
            tracker.end_run()
    return folder


@pytest.fixture
def fragile(tmp_path: Path) -> "Iterator[Callable[..., DaskProcesses]]":
    """Makes clusters that a test may kill."""
    pytest.importorskip("distributed")
    from tests.cluster.daskprocesses import DaskProcesses

    with contextlib.ExitStack() as stack:

        def make(**variables: str) -> DaskProcesses:
            folder = tmp_path / "processes"
            folder.mkdir()
            made = DaskProcesses(folder, **variables)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clusters are given up after two seconds."""
    monkeypatch.setattr("readers.cluster.dask.TIMEOUT_S", 2.0)
    monkeypatch.setattr("readers.cluster.dask._LOOK_S", 0.1)
    monkeypatch.setattr("readers.cluster.dask._TRANSFER_S", 2.0)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ("http://localhost:1", ValueError, "no address of one"),
        ("tcp://", ValueError, "no address of one"),
        ("localhost:8786", ValueError, "tcp://host:8786"),
        ("", ValueError, "no address of one"),
        (8786, TypeError, "nobody who runs jobs"),
        (b"tcp://localhost:1", TypeError, "nobody who runs jobs"),
        (os, TypeError, "nobody who runs jobs"),
        (Here, TypeError, "nobody who runs jobs"),
    ],
)
def test_what_is_no_cluster_is_refused(given: object, error: type[Exception], said: str, root: Path) -> None:
    """Another type or another address is misuse, and the message says what can be given."""
    with pytest.raises(error, match=said):
        Store(root, cluster=given)


def test_a_client_that_cannot_be_asked_is_refused(dask: "DaskProcesses") -> None:
    """A client that was closed, one whose answers must be awaited, and the class itself."""
    import distributed

    client = dask.client(1)
    client.close()
    with pytest.raises(ValueError, match="closed"):
        engine_of(client)
    with pytest.raises(TypeError):
        engine_of(distributed.Client)
    with pytest.raises(TypeError, match=r"distributed\.Client"):
        engine_of(distributed.Event.__new__(distributed.Event))


@pytest.mark.usefixtures("impatient")
def test_an_unreachable_scheduler_is_named(root: Path) -> None:
    """Nobody listens there: said when the store is opened, with the address."""
    pytest.importorskip("distributed")
    with pytest.raises(ClusterUnavailable, match=r"tcp://127\.0\.0\.1:9 within"):
        Store(root, cluster="tcp://127.0.0.1:9")


@pytest.mark.parametrize(("name", "extra"), [("distributed", "steplog.distributed."), ("ray", "pip install ray")])
def test_a_missing_library_is_named(name: str, extra: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library isn't installed the message says how to install it."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=extra):
        Store(root, cluster={"distributed": "tcp://127.0.0.1:9", "ray": "ray"}[name])


@pytest.mark.usefixtures("impatient")
def test_a_scheduler_that_goes_away_ends_the_question(
    own: Path, fragile: "Callable[..., DaskProcesses]", caplog: pytest.LogCaptureFixture
) -> None:
    """Killed in the middle: an error within seconds, and the next question has one too."""
    cluster = fragile()
    cluster.add_worker()
    client = cluster.client(1)
    store = Store(own, cluster=client)
    frames = store._tables.frames("metrics")
    try:
        next(frames)
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        with pytest.raises(ClusterUnavailable, match="Dask cluster at tcp://"):
            take_all(frames)
        with pytest.raises(ClusterUnavailable, match=r"doesn't answer|dropped a job"):
            store.metrics().collect()
    finally:
        client.close()


@pytest.mark.usefixtures("impatient")
def test_the_loss_of_all_workers_ends_the_question(own: Path, fragile: "Callable[..., DaskProcesses]") -> None:
    """The only worker is killed and none comes: an error within seconds, though the scheduler lives."""
    cluster = fragile()
    worker = cluster.add_worker()
    client = cluster.client(1)
    frames = Store(own, cluster=client)._tables.frames("metrics")
    try:
        next(frames)
        worker.kill()
        with pytest.raises(ClusterUnavailable, match=r"has had no worker for 2 s.*dask worker"):
            take_all(frames)
    finally:
        client.close()


def test_a_worker_without_steplog_is_told_of(
    own: Path, fragile: "Callable[..., DaskProcesses]", tmp_path: Path
) -> None:
    """Where the package can't be imported there, the message says what is to be installed; the scheduler needn't."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "readers.py").write_text("")
    path = os.environ.get("PYTHONPATH", "")
    cluster = fragile(PYTHONPATH=str(tmp_path / "other"))
    good = cluster.add_worker(PYTHONPATH=path)
    client = cluster.client(1)
    store = Store(own, cluster=client)
    try:
        assert store.metrics().collect().height == 12
        good.terminate()
        good.wait(30)
        cluster.add_worker(PYTHONPATH=str(tmp_path / "other"))
        with pytest.raises(ClusterUnavailable, match="need steplog installed"):
            store.metrics().collect()
    finally:
        client.close()


def test_another_version_on_a_worker_is_told_of(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The versions of both sides, and that they have to be the same."""
    monkeypatch.setattr("readers.cluster.fanout.versions", lambda: ("0.0.1", "1.2.3"))
    with pytest.raises(ClusterUnavailable, match=r"and the asker has 0\.0\.1 with 1\.2\.3; install the same"):
        Store(own, cluster="here").metrics().collect()


def test_a_worker_that_does_not_see_the_store_says_so(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine has no such folder: the message names it, and says that the path has to be the same."""
    store = Store(own, cluster="here")
    monkeypatch.setattr(Layout, "place", property(lambda layout: f"{layout.root}-elsewhere"))
    with pytest.raises(ClusterUnavailable, match=r"doesn't see the store: .*own-elsewhere.*same path"):
        store.metrics().collect()


def test_a_client_that_was_closed_since_is_told_of(own: Path, dask: "DaskProcesses") -> None:
    """A store that outlives its client says so."""
    client = dask.client(1)
    store = Store(own, cluster=client)
    client.close()
    with pytest.raises(ClusterUnavailable, match=r"tcp://.* doesn't answer: the client was closed"):
        store.metrics().collect()


def test_damage_that_a_worker_finds_is_said_once_here(
    own: Path, dask: "DaskProcesses", caplog: pytest.LogCaptureFixture
) -> None:
    """One warning of ours names the file; it is listed, left out, and the others are answered."""
    bad = parts(own)[4]
    data = bytearray(bad.read_bytes())
    data[len(data) // 2] ^= 1
    bad.write_bytes(data)
    client = dask.client(2)
    store = Store(own, cluster=client)
    try:
        with caplog.at_level(logging.WARNING, "steplog"):
            heights = [store.metrics().collect().height for _ in range(3)]
            listed = store.damaged()
    finally:
        client.close()

    assert heights == [11] * 3
    assert [damage.path for damage in listed] == [bad]
    assert [record.getMessage().count(bad.name) > 0 for record in caplog.records if record.name == "steplog"] == [True]


def test_parts_that_compaction_moves_meanwhile_are_found(own: Path, dask: "DaskProcesses") -> None:
    """Compacted after the first piece came: the others are read where compaction put them, each point once."""
    client = dask.client(2)
    try:
        frames = Store(own, cluster=client)._tables.frames("metrics")
        first = next(frames)
        assert compact(Layout(own)).files_after
        values = pl.concat([first, *frames])["value"].sort().to_list()
    finally:
        client.close()

    assert values == [float(number) for number in range(12)]


def test_few_jobs_are_under_way_and_those_left_are_called_off(own: Path, dask: "DaskProcesses") -> None:
    """Two for each thread of the workers; when nobody wants more, the cluster has nothing left to do."""
    client = dask.client(2)
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    engine = Dask.of(client)
    try:
        results: Any = engine.map(abs, jobs())
        assert next(results) == 0
        assert len(taken) <= 4
        results.close()
        until(lambda: not client.futures and not any(client.processing().values()), client.processing)
    finally:
        client.close()


def test_an_error_of_the_question_is_the_same_as_here(own: Path, dask: "DaskProcesses") -> None:
    """What is wrong with a query is said as without a cluster."""
    client = dask.client(2)
    try:
        errors = []
        for cluster in (None, client):
            with pytest.raises(pl.exceptions.PolarsError) as caught:
                Store(own, cluster=cluster).metrics().filter(pl.col("value") == pl.lit("x")).collect()
            errors.append((type(caught.value), str(caught.value).splitlines()[0]))
    finally:
        client.close()

    assert errors[0] == errors[1]


def test_a_condition_that_cannot_travel_is_applied_here(own: Path) -> None:
    """A function that holds what only this process has: its parts are read here, the answer is right."""
    lock = sys.stdout
    odd = pl.col("value").map_batches(lambda values: (values > 9) & bool(lock), return_dtype=pl.Boolean())
    found = Store(own, cluster="here")._tables.frame("metrics", ["value"], odd)

    assert sorted(found["value"]) == [10.0, 11.0]


def test_a_tracker_is_asked_by_a_cluster_up_to_date(tmp_path: Path, dask: "DaskProcesses") -> None:
    """What was just logged is there: it is the asker that reads what isn't sealed."""
    client = dask.client(2)
    try:
        with ExperimentTracker(tmp_path / "store", auto_log=False) as tracker:
            comparator = ExperimentComparator(tracker, cluster=client)
            run = tracker.start_run("r")
            tracker.log_metrics({"loss": 3.0}, step=1)
            assert comparator.compare_runs([run])[run]["metrics"] == {"loss": 3.0}
            tracker.log_metrics({"loss": 2.0}, step=2)
            assert comparator.compare_runs([run])[run]["metrics"] == {"loss": 2.0}
    finally:
        client.close()


def test_runs_that_are_in_no_store_are_refused(own: Path) -> None:
    """A cluster reads files; a source without any is misuse."""

    class Served:
        place = "server at http://x"

        def frames(self) -> "Served":
            return self

    with pytest.raises(TypeError, match=r"server at http://x are in none"):
        ExperimentComparator(Served(), cluster="here").rank("loss")  # type: ignore[arg-type] # that is the misuse


def test_a_job_that_ends_every_worker_is_given_up(own: Path, fragile: "Callable[..., DaskProcesses]") -> None:
    """As for want of memory: after as many workers as Dask allows it is an error that says so."""
    cluster = fragile(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    cluster.add_worker()
    client = cluster.client(1)

    def deadly(_: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        with pytest.raises(ClusterUnavailable, match="lost a job with each of several workers"):
            next(Dask.of(client).map(deadly, [1]))
    finally:
        client.close()


@pytest.mark.usefixtures("impatient")
def test_a_scheduler_that_hangs_ends_the_question(own: Path, fragile: "Callable[..., DaskProcesses]") -> None:
    """SIGSTOP: it neither answers nor goes; an error after the time-out, not a wait for ever."""
    cluster = fragile()
    cluster.add_worker()
    client = cluster.client(1)
    frames = Store(own, cluster=client)._tables.frames("metrics")
    try:
        next(frames)
        cluster.scheduler.send_signal(signal.SIGSTOP)
        with pytest.raises(ClusterUnavailable, match="doesn't answer"):
            take_all(frames)
    finally:
        cluster.scheduler.send_signal(signal.SIGCONT)
        client.close()
