"""With a cluster the answers are the same to the last bit, also when a worker is killed in the middle of each."""

import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from readers.cluster.dask import Dask
from readers.cluster.engine import Engine
from readers.curves import read_curves
from readers.runtable import RunTable
from readers.store import Store
from tracker import ExperimentComparator, HyperparameterAnalyzer

if TYPE_CHECKING:
    from tests.cluster.daskprocesses import DaskProcesses

pytestmark = [
    pytest.mark.usefixtures("small_chunks"),
    pytest.mark.timeout(60),  # a cluster is five processes that import a lot: on a busy machine they take their time
]


def comparator(root: Path, cluster: object) -> object:
    """Runs side by side, what differs, a summary with intervals, groups, the best."""
    asked = ExperimentComparator(root, cluster=cluster)
    ids = [run["run_id"] for run in Store(root).experiment_runs("e/0")]
    compared = asked.compare_runs(ids)
    return (
        dict(compared),
        compared.to_frame().write_json(),
        asked.get_statistical_summary(ids, "loss"),
        str(asked.compare_groups("lr", "loss", experiment="e/0")),
        asked.rank("accuracy", experiment="e/1"),
    )


def analyzer(root: Path, cluster: object) -> object:
    """What a metric depends on, and where its best runs lie."""
    asked = HyperparameterAnalyzer(root, cluster=cluster)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few runs: said in the answer, too
        return dict(asked.analyze_parameter_importance("e/0", "loss")), asked.find_optimal_ranges("e/0", "loss")


def best(root: Path, cluster: object) -> object:
    """The best run of a summary, by its history and by its last value."""
    store = Store(root, cluster=cluster)
    comparator = ExperimentComparator(store)
    return store.experiment_summary("e/0"), comparator.rank("loss", top_k=3, value="best")


def table(root: Path, cluster: object) -> object:
    """One row a run with everything."""
    return Store(root, cluster=cluster).table(statistics=["last", "min", "max", "mean"])


def filtered(root: Path, cluster: object) -> object:
    """Rows that fit a filter."""
    return Store(root, cluster=cluster).table(where="metrics.loss < 0.2 AND params.lr <= 0.01")


def histories(root: Path, cluster: object) -> object:
    """The points of one metric, in the order in which they come; and of some runs."""
    store = Store(root, cluster=cluster)
    ids = store.run_ids()[3:9]
    return [
        store.metrics(keys=["loss"]).collect(),
        store.metrics(runs=ids, experiments=["e/1"]).select("seq", "value").collect(),
        store.metrics().head(100).collect(),
        store.facts(kinds=["param"]).collect(),
    ]


def curves(root: Path, cluster: object) -> object:
    """Smoothed curves, and the bands of groups."""
    store = Store(root, cluster=cluster)
    found = read_curves(store, RunTable.read(store), "odd", smoothing=0.6, group_by="lr")
    drawn = [(c.run_id, c.x.tobytes(), c.y.tobytes(), c.smooth.tobytes()) for c in found.curves]
    return drawn, [(b.group, b.centre.tobytes(), b.lower.tobytes(), b.n.tobytes()) for b in found.bands], found.notes


def sql(root: Path, cluster: object) -> object:
    """Groups of points, and of runs; and a sum, whose last bit depends on how its points lie in memory.

    (An average of groups is another in its last bit from one call to the next: Polars adds in any order there.)
    """
    store = Store(root, cluster=cluster)
    return [
        store.sql("SELECT run_id, max(value) AS v FROM metrics WHERE key = 'loss' GROUP BY run_id ORDER BY run_id"),
        store.sql("SELECT sum(value) AS v FROM metrics WHERE key = 'accuracy'"),
        store.sql('SELECT "params.lr", min("metrics.loss") AS v FROM wide GROUP BY "params.lr" ORDER BY "params.lr"'),
    ]


def summaries(root: Path, cluster: object) -> object:
    """What is kept of each run and metric, also of a run with several writers."""
    return Store(root, cluster=cluster).summaries().collect()


def aggregate(root: Path, cluster: object) -> object:
    """The numbers of a part of the histories."""
    return Store(root, cluster=cluster).aggregate(where="step >= 10").collect()


QUESTIONS: list[Callable[[Path, object], object]] = [
    comparator, analyzer, best, table, filtered, histories, curves, sql, summaries, aggregate
]  # fmt: skip


class Counting:
    """An engine that counts the jobs that pass."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.jobs = 0

    @property
    def place(self) -> str:
        """The engine's."""
        return self._engine.place

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Let them pass."""
        return self._engine.map(function, map(self._counted, jobs))

    def _counted(self, job: Any) -> Any:
        self.jobs += 1
        return job


class Deadly(Counting):
    """An engine whose first job kills the worker that does it, with SIGKILL."""

    def __init__(self, engine: Engine, flag: Path) -> None:
        super().__init__(engine)
        self._flag = flag

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Send jobs of which the first that is done ends its worker."""
        flag = str(self._flag)

        def deadly(job: Any) -> Any:
            try:
                os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return function(job)
            return os.kill(os.getpid(), signal.SIGKILL)

        return super().map(deadly, jobs)


def assert_same(found: object, expected: object) -> None:
    """Frames by their rows in order, everything else by what it says; NaN is NaN, and zeros have a sign."""
    if isinstance(expected, pl.DataFrame):
        assert isinstance(found, pl.DataFrame)
        assert found.schema == expected.schema
        assert repr(found.rows()) == repr(expected.rows())
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    else:
        assert repr(found) == repr(expected)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_jobs_give_what_reading_gives(question: Callable[[Path, object], object], root: Path) -> None:
    """Cut into jobs, sent and put together again in this process, an answer is the same to the last bit."""
    from readers.cluster.engine import Here

    engine = Counting(Here())

    assert_same(question(root, engine), question(root, None))
    assert engine.jobs > 1


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.__name__)
def test_dask_gives_what_this_process_gives(
    question: Callable[[Path, object], object], root: Path, dask: "DaskProcesses"
) -> None:
    """Two worker processes give the same answer to the last bit."""
    client = dask.client(2)
    engine = Counting(Dask.of(client))
    try:
        assert_same(question(root, engine), question(root, None))
    finally:
        client.close()
    assert engine.jobs > 1


@pytest.mark.parametrize(
    "question", [comparator, analyzer, table, histories, aggregate], ids=lambda question: question.__name__
)
def test_a_worker_killed_in_the_middle_changes_no_answer(
    question: Callable[[Path, object], object], root: Path, dask: "DaskProcesses", tmp_path: Path
) -> None:
    """A worker gets SIGKILL while it works on a question; the other one does its jobs, the answer is the same."""
    client = dask.client(2)
    pids = set(client.run(os.getpid).values())
    engine = Deadly(Dask.of(client), tmp_path / "killed")
    try:
        assert_same(question(root, engine), question(root, None))
        client.wait_for_workers(2, timeout=40)
        now = set(client.run(os.getpid).values())
    finally:
        client.close()
    assert (tmp_path / "killed").exists()
    assert len(pids - now) == 1
