"""MLflowSource: what comparators answer from a server is what they answer from the store that was forwarded there."""

import math
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from uuid import uuid4

import msgspec
import pytest

from ingest.errors import (
    ExperimentNotFound,
    ForwardingError,
    MetricNotFound,
    RunNotFound,
    ServerUnavailable,
    StoreUnavailable,
)
from readers.curves import read_curves
from readers.filters import matching
from readers.imports.importer import import_runs
from readers.imports.mlflowserver import MlflowServer
from readers.mlflow import histories, server
from readers.mlflow.forwarder import Forwarder
from readers.records import RunRecord
from readers.runtable import RunTable, Statistic
from readers.store import Store
from tests.mlflow.conftest import Server
from tests.mlflow.proxy import Proxy
from tracker import ExperimentComparator, ExperimentTracker, HyperparameterAnalyzer, MLflowSource

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = 1_650_000_000_123


@pytest.fixture(autouse=True)
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a forwarder takes a second on a quiet machine, and more on others."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "120")


@pytest.fixture
def client(mlflow_uri: str) -> "MlflowClient":
    """Of the session's server."""
    from mlflow import MlflowClient

    return MlflowClient(mlflow_uri)


@pytest.fixture
def database(mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the session's server, which makes it."""
    assert mlflow_uri
    base = tmp_path_factory.getbasetemp()
    [found] = [*base.glob("mlflow-server/data/mlflow.db"), *base.parent.glob("mlflow-server/data/mlflow.db")]
    return found


@pytest.fixture
def name() -> str:
    """An experiment of the test's own."""
    return f"source {secrets.token_hex(4)}"


def study(tracker: ExperimentTracker) -> list[str]:
    """Log runs with whatever may be logged; their ids."""
    ids = []
    for number in range(6):
        params = {"lr": 10.0**-number, "layers": number % 3, "amp": number % 2 == 0, "optimizer": "adam", "none": None}
        with tracker.start_run(f"run {number}", params=params, tags={"team": "ab"[number % 2]}, group="g") as run:
            tracker.log_params({"sizes": [1, number], "weird=name": number, "x" * 300: "long", "bound": math.inf})
            tracker.log_params({"net": {"depth": number, "act": {"name": "relu"}}, "digit": "5", "list": "[1]"})
            tracker.set_tags({"fold": number, "version": "1.5", "on": True, "gone": "5"})
            for step in range(10):
                tracker.log_metrics(
                    {"loss": (step - number) ** 2 + 0.5 + number / 100, "acc=top1": step / 10}, step=step
                )
            tracker.log_metrics({"odd": math.nan, "lone": number / 7}, step=3)
            tracker.log_metrics({"odd": -math.inf if number else math.nan}, step=4)
            ids.append(str(run))
    tracker.start_run("parent")
    tracker.log_params({"lr": 1, "net": {"depth": 1}, "digit": "5"})
    tracker.log_params({"lr": 2, "net": {"depth": 2, "wide": "5"}, "digit": "6.0"})
    with tracker.start_run("child", nested=True) as child:
        tracker.log_metrics({"loss": 7.5}, step=0)
        ids.append(str(child))
    tracker.end_run("FAILED")
    return ids


@pytest.fixture
def both(root: Path, mlflow_uri: str, name: str) -> tuple[Store, MLflowSource, list[str]]:
    """A study in a store, and the same at the server."""
    with ExperimentTracker(root, name, auto_log=False) as tracker:
        ids = study(tracker)
    with Forwarder(root, mlflow_uri, everything=True) as forwarder:
        assert forwarder.drain()
    return Store(root), MLflowSource(mlflow_uri, name), ids


Both = tuple[Store, MLflowSource, list[str]]


def by_id(records: list[RunRecord]) -> dict[str, dict[str, Any]]:
    """Records with their times as MLflow keeps them, and NaN as something that equals itself."""
    return {
        record["run_id"]: {
            **record,
            "start_time": to_ms(record["start_time"]),
            "end_time": to_ms(record["end_time"]),
            "metrics": {key: repr(value) for key, value in record["metrics"].items()},
        }
        for record in records
    }


def to_ms(time: datetime | None) -> datetime | None:
    """A time as MLflow keeps it."""
    return None if time is None else time.replace(microsecond=time.microsecond // 1000 * 1000)


def test_records_are_those_of_the_store(both: Both, name: str) -> None:
    """Ids, names, statuses, typed params, last values, tags, parents, groups; times to the millisecond."""
    store, source, _ = both
    there = source.get_experiment_runs()

    assert by_id(there) == by_id(store.experiment_runs(name))
    assert there == sorted(there, key=lambda run: str(run["start_time"]))
    named = {run["run_name"]: run for run in there}
    assert list(named).index("parent") < list(named).index("child")
    assert named["child"]["parent_run_id"] == named["parent"]["run_id"]
    assert named["parent"]["params"] == {"lr": 2, "net": {"depth": 2, "wide": "5"}, "digit": "6.0"}
    assert (named["run 3"]["params"]["bound"], named["run 3"]["metrics"]["odd"]) == (math.inf, -math.inf)


def test_summaries_are_those_of_the_store(both: Both, name: str) -> None:
    """Of each metric count, first, last, extremes and their steps, mean and spread."""
    store, source, ids = both
    here, there = (
        frames.summaries(None, ids, [name]).collect().sort("run_id", "key").drop("first_time", "last_time")
        for frames in (store, source.frames())
    )

    assert there.drop("mean", "std", "m2").equals(here.drop("mean", "std", "m2"))
    for column in ("mean", "std", "m2"):
        assert there[column].to_list() == pytest.approx(here[column].to_list(), nan_ok=True)


def test_points_are_those_of_the_store(both: Both) -> None:
    """Each with its step and time; a curve is the same curve."""
    store, source, ids = both
    here, there = (
        frames.metrics(runs=ids)
        .collect()
        .sort("run_id", "key", "time", "step")
        .select("run_id", "key", "step", "value")
        for frames in (store, source.frames())
    )
    curves = [
        read_curves(frames, RunTable.read(frames, ids), "loss", group_by="amp") for frames in (store, source.frames())
    ]

    assert there.equals(here)
    assert [(curve.x.tolist(), curve.y.tolist(), curve.group) for curve in curves[1].curves] == [
        (curve.x.tolist(), curve.y.tolist(), curve.group) for curve in curves[0].curves
    ]


@pytest.mark.parametrize("value", get_args(Statistic))
def test_rankings_are_those_of_the_store(both: Both, name: str, value: Statistic) -> None:
    """By any statistic of the history."""
    store, source, _ = both
    here, there = (ExperimentComparator(asked).rank("loss", value=value, experiment=name) for asked in (store, source))

    assert [(run["run_id"], run["rank"], run["params"]) for run in there] == [
        (run["run_id"], run["rank"], run["params"]) for run in here
    ]
    assert [run["value"] for run in there] == pytest.approx([run["value"] for run in here])


def test_comparisons_and_analyses_are_those_of_the_store(both: Both, name: str, tmp_path: Path) -> None:
    """Side by side, what differs, groups, importance, ranges, filters; and a report is written."""
    store, source, ids = both
    answers: list[Any] = []
    for asked in (store, source):
        comparator, analyzer = ExperimentComparator(asked), HyperparameterAnalyzer(asked)
        compared = comparator.compare_runs(ids[:6], ["loss", "lone"])
        compared_runs = [{**run, "duration_s": None} for run in compared.values()]
        with pytest.warns(UserWarning, match="6 runs are too few"):
            importance = analyzer.analyze_parameter_importance(ids[:6], "loss", ["lr", "layers"], value="best")
        with pytest.warns(UserWarning, match="lr") as warned:
            ranges = analyzer.find_optimal_ranges(ids[:6], "loss", percentile=50, value="min")
        answers.append(
            (
                compared_runs,
                comparator.differences(ids[:6]).to_frame().filter(kind="param").rows(),
                comparator.get_statistical_summary(ids[:6], "loss"),
                [str(verdict) for verdict in comparator.compare_groups(by="amp", metric="loss", run_ids=ids[:6])],
                dict(importance),
                (ranges, [str(one.message) for one in warned]),
                matching(RunTable.read(asked.frames(), experiments=[name]), "metrics.loss.min < 0.6 AND params.amp")[
                    "run_id"
                ].to_list(),
            )
        )
    report = ExperimentComparator(source).report(tmp_path / "report.html", ids[:6], metric="loss")

    for here, there in zip(*answers, strict=True):
        assert there == here
    assert source.frames().place in report.read_text()


def test_an_import_brings_forwarded_runs_as_they_were_logged(
    both: Both, mlflow_uri: str, name: str, tmp_path: Path
) -> None:
    """Into another store: ids, names, typed and nested params, tags, parents, groups."""
    store, _, _ = both
    report = import_runs(MlflowServer(mlflow_uri, name), tmp_path / "other")
    here, there = (by_id(one.experiment_runs(name)) for one in (store, Store(tmp_path / "other")))

    assert report.problems == []
    for what in ("run_name", "status", "params", "parent_run_id", "group"):
        assert {run_id: run[what] for run_id, run in there.items()} == {
            run_id: run[what] for run_id, run in here.items()
        }
    for run_id, run in here.items():
        assert run["tags"].items() <= there[run_id]["tags"].items()
        assert run["metrics"].keys() == there[run_id]["metrics"].keys()


def test_runs_of_plain_mlflow_are_runs(client: "MlflowClient", mlflow_uri: str, name: str) -> None:
    """Typed params, parents, statuses; steps that nobody gave are none; MLflow's own tags are left out."""
    from mlflow.entities import Metric, Param, RunTag

    number = client.create_experiment(name)
    tags = {"mlflow.note.content": "why", "mlflow.source.git.commit": "abc", "mlflow.user": "me", "team": "a"}
    parent = client.create_run(number, start_time=T, run_name="parent", tags=tags).info.run_id
    params = [Param("lr", "0.001"), Param("n", "3"), Param("amp", "True"), Param("opt", "adam"), Param("v", "1.0.0")]
    loss = [Metric("loss", 1 / (step + 1), T + step, step) for step in range(5)]
    unstepped = [Metric("lonely", float(value), T + value, 0) for value in range(3)]
    odd = [Metric("odd", 1.0, T, 1), Metric("odd", math.nan, T + 1, 2), Metric("odd", math.inf, T + 2, 3)]
    client.log_batch(parent, [*loss, *unstepped, *odd], params, [RunTag("k", "v")])
    client.set_terminated(parent, "KILLED", T + 60_000)
    child = client.create_run(number, start_time=T + 1, tags={"mlflow.parentRunId": parent}).info.run_id
    source = MLflowSource(mlflow_uri, name)
    first, second = source.get_experiment_runs()
    rows = source.frames().summaries(["odd", "lonely"], [parent]).collect().sort("key").rows(named=True)
    compared = ExperimentComparator(source).compare_runs([parent], ["loss"])[parent]

    assert (first["run_id"], first["run_name"], first["status"]) == (parent, "parent", "KILLED")
    assert first["params"] == {"lr": 0.001, "n": 3, "amp": True, "opt": "adam", "v": "1.0.0"}
    assert first["tags"] == {"note": "why", "team": "a", "k": "v"}
    assert first["metrics"] == {"loss": 0.2, "lonely": 2.0, "odd": math.inf}
    assert (second["run_id"], second["status"], second["end_time"]) == (child, "RUNNING", None)
    assert second["parent_run_id"] == parent
    assert [(row["count"], row["nan_count"], row["last_step"]) for row in rows] == [(3, 0, None), (2, 1, 3)]
    assert compared["best_metric"] is not None
    assert (compared["best_metric"]["value"], compared["best_metric"]["step"]) == (0.2, 4)


def test_what_changes_at_the_server_is_seen(client: "MlflowClient", mlflow_uri: str, name: str) -> None:
    """By the next question: new points, tags, names, deleted runs; also of runs whose histories were read."""
    number = client.create_experiment(name)
    one, other = (client.create_run(number, start_time=T + n, run_name=f"run {n}").info.run_id for n in range(2))
    for run_id in (one, other):
        client.log_metric(run_id, "loss", 2.0, T, 0)
        client.set_terminated(run_id, end_time=T + 1000)
    source = MLflowSource(mlflow_uri, name)
    comparator = ExperimentComparator(source)
    before = [run["value"] for run in comparator.rank("loss", value="min")]
    client.log_metric(one, "loss", 1.0, T + 1, 1)
    client.log_metric(one, "loss", 3.0, T + 2, 2)
    client.set_tag(one, "team", "b")
    client.update_run(one, name="renamed")
    client.delete_run(other)
    after = comparator.rank("loss", value="min")

    assert before == [2.0, 2.0]
    assert [(run["run_name"], run["value"]) for run in after] == [("renamed", 1.0)]
    assert source.get_experiment_runs()[0]["tags"] == {"team": "b"}
    with pytest.raises(RunNotFound, match=other):
        comparator.compare_runs([other])


def test_frames_answer_as_of_one_moment(client: "MlflowClient", mlflow_uri: str, name: str) -> None:
    """Of the source's experiment, whatever is done at the server meanwhile."""
    run_id = client.create_run(client.create_experiment(name), start_time=T).info.run_id
    client.log_metric(run_id, "loss", 2.0, T, 0)
    source = MLflowSource(mlflow_uri, name)
    asked = ExperimentComparator(source.frames())
    before = asked.rank("loss")
    client.log_metric(run_id, "loss", 1.0, T + 1, 1)
    client.create_run(client.get_experiment_by_name(name).experiment_id, start_time=T + 1)

    assert [run["value"] for run in before] == [2.0]
    assert asked.rank("loss") == before
    assert len(asked.differences().run_ids) == 1
    assert ExperimentComparator(source).rank("loss")[0]["value"] == 1.0


def test_a_run_answers_to_both_of_its_ids(both: Both, mlflow_uri: str, name: str, asked: Any) -> None:
    """Its own and MLflow's, whether all runs were read before or not; a copy with the same tags is another run."""
    _, _, ids = both
    mlflow_id = asked.run(ids[0]).info.run_id
    number = asked.run(ids[0]).info.experiment_id
    copy = asked.client.create_run(number, run_name="copy", tags={"steplog.run_id": ids[0]}).info.run_id
    asked.client.log_metric(copy, "loss", 0.0)
    cases = [[ids[0]], [mlflow_id], [copy, ids[0]], [ids[2], mlflow_id]]
    for source, order in (
        (MLflowSource(mlflow_uri), cases),
        (MLflowSource(mlflow_uri, name), [*reversed(cases), *cases]),
    ):
        comparator = ExperimentComparator(source)
        for run_ids in order:
            found = comparator.compare_runs(run_ids, ["loss"])

            assert list(found) == run_ids
            assert [run["run_name"] for run in found.values()] == [
                {copy: "copy", ids[2]: "run 2"}.get(run_id, "run 0") for run_id in run_ids
            ]
        assert len(source.get_experiment_runs(name)) == 9


@pytest.mark.parametrize(("runs", "points", "page"), [(100, 25, 1000), (3, 12, 2), (100, 7, 5)])
def test_long_answers_come_in_parts(
    both: Both, name: str, monkeypatch: pytest.MonkeyPatch, runs: int, points: int, page: int
) -> None:
    """How many runs or points come at once can't be seen."""
    store, source, _ = both
    monkeypatch.setattr(histories, "MOST_RUNS", runs)
    monkeypatch.setattr(histories, "MOST_POINTS", points)
    monkeypatch.setattr(server, "_PAGE", page)
    here, there = (
        frames.metrics(["loss", "odd"], None, [name]).collect().sort("run_id", "key", "time", "step")
        for frames in (store, source.frames())
    )

    assert there.select("run_id", "key", "step", "value").equals(here.select("run_id", "key", "step", "value"))


def test_histories_are_read_once_and_only_where_asked_for(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Last values need none; a metric's come once, as long as its runs have ended."""
    _, source, ids = both
    asked: list[str] = []
    bulk = histories.bulk

    def counted(client: Any, run_ids: Any, key: str, *limits: int) -> Any:
        asked.append(key)
        return bulk(client, run_ids, key, *limits)

    monkeypatch.setattr(histories, "bulk", counted)
    comparator = ExperimentComparator(source)
    comparator.rank("loss")
    comparator.get_statistical_summary(ids, "lone")
    none = list(asked)
    comparator.rank("loss", value="best")
    comparator.plot_curves(ids, "loss")
    comparator.rank("loss", value="mean")

    assert (none, asked) == ([], ["loss"])


def test_thousands_of_runs_take_a_question_for_many(
    client: "MlflowClient", name: str, database: Path, proxy: Proxy
) -> None:
    """A page for a thousand runs, and one for the histories of a hundred; these only the first time."""
    number = client.create_experiment(name)
    ids = fill(database, client.create_run(number, start_time=T, run_name="run 0").info.run_id, 1500)
    comparator = ExperimentComparator(MLflowSource(proxy.uri, name))
    asked: list[list[int]] = []
    for _ in range(2):
        proxy.requests.clear()
        ranked = comparator.rank("loss", value="best")
        asked.append([sum(part in request for request in proxy.requests) for part in (b"/", b"/runs/search", b"bulk")])

    assert [run["run_id"] for run in ranked] == ids
    assert [run["value"] for run in ranked[:2]] == [0.0, 1.0]
    assert ranked[700]["params"] == {"lr": 700}
    assert asked == [[18, 2, 15], [3, 2, 0]]


def fill(database: Path, first: str, runs: int) -> list[str]:
    """Copies of a run, each with a param, and a metric that is better at first; straight into a server's database."""
    ids = [first, *(uuid4().hex for _ in range(runs - 1))]
    with closing(sqlite3.connect(database, timeout=30)) as opened, opened:
        cursor = opened.execute("SELECT * FROM runs WHERE run_uuid = ?", [first])
        row = dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))
        row |= {"status": "FINISHED", "end_time": T + 9}
        copies = [tuple({**row, "run_uuid": run_id}.values()) for run_id in ids[1:]]
        opened.executemany(f"INSERT INTO runs VALUES ({','.join('?' * len(row))})", copies)  # noqa: S608 - our own
        opened.execute("UPDATE runs SET status = 'FINISHED', end_time = ? WHERE run_uuid = ?", [T + 9, first])
        params = [("lr", str(number), run_id) for number, run_id in enumerate(ids)]
        opened.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
        points = [
            ("loss", number + step / 2, T + step, run_id, step) for number, run_id in enumerate(ids) for step in (0, 1)
        ]
        columns = "(key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)"
        opened.executemany(f"INSERT INTO metrics {columns}", points)
        opened.executemany(f"INSERT INTO latest_metrics {columns}", points[1::2])
    return ids


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy
def test_a_database_answers_without_its_server(both: Both, name: str, database: Path) -> None:
    """As the server in front of it does."""
    store, _, _ = both
    source = MLflowSource(f"sqlite:///{database}", name)

    assert by_id(source.get_experiment_runs()) == by_id(store.experiment_runs(name))
    assert [run["run_id"] for run in ExperimentComparator(source).rank("loss", value="best")] == [
        run["run_id"] for run in ExperimentComparator(store).rank("loss", value="best", experiment=name)
    ]


def test_a_tracker_with_backend_mlflow_answers_from_the_server(
    root: Path, mlflow_uri: str, name: str, asked: Any
) -> None:
    """Records, summary, comparator and analyzer; also of a run that is still going."""
    with ExperimentTracker(root, name, "mlflow", mlflow_uri, auto_log=False) as tracker:
        assert tracker.get_experiment_runs() == []
        for number in range(3):
            with tracker.start_run(f"run {number}", params={"lr": 0.1 * number}) as run:
                tracker.log_metrics({"loss": 1.0 + number}, step=1)
        asked.client.set_tag(asked.run(run).info.run_id, "seen", "at the server")
        with tracker.start_run("going") as going:
            tracker.log_metrics({"loss": 0.5}, step=1)
            runs = tracker.get_experiment_runs()
            best = ExperimentComparator(tracker).rank("loss")[0]
        with pytest.warns(UserWarning, match="4 runs are too few"):
            importance = HyperparameterAnalyzer(tracker).analyze_parameter_importance(name, "loss", ["lr"])
        summary = tracker.get_experiment_summary()

    assert [(run["run_name"], run["status"]) for run in runs[2:]] == [("run 2", "FINISHED"), ("going", "RUNNING")]
    assert runs[2]["tags"] == {"seen": "at the server"}
    assert (best["run_id"], best["value"]) == (going, 0.5)
    assert set(importance) == {"lr"}
    assert summary["total_runs"] == 4
    assert Store(root).experiment_runs(name)[2]["tags"] == {}


def test_a_dead_server_is_said_and_the_store_answers(root: Path, own_server: Server, name: str) -> None:
    """With its address and the way to the local copy; the log calls of the training go on."""
    own_server.start()
    with ExperimentTracker(root, name, "mlflow", own_server.uri, auto_log=False) as tracker:
        with tracker.start_run("sent"):
            tracker.log_metrics({"loss": 1.0}, step=1)
        assert [run["run_name"] for run in tracker.get_experiment_runs()] == ["sent"]
        comparator = ExperimentComparator(MLflowSource(own_server.uri, name))
        own_server.kill()
        tracker.settings = msgspec.structs.replace(tracker.settings, forward_wait_s=0.1)
        with tracker.start_run("kept"):
            tracker.log_metrics({"loss": 0.5}, step=1)
            with pytest.raises(ServerUnavailable, match=f"{own_server.uri}.*Store.*backend='both'"):
                tracker.get_experiment_runs()
        with pytest.raises(ServerUnavailable, match=own_server.uri):
            comparator.rank("loss")

        assert [run["metrics"] for run in Store(root).experiment_runs(name)] == [{"loss": 1.0}, {"loss": 0.5}]


def test_what_the_server_does_not_have_yet_is_said(
    root: Path, proxy: Proxy, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By each question, which is answered with what is there."""
    with ExperimentTracker(root, name, "mlflow", proxy.uri, auto_log=False) as tracker:
        with tracker.start_run("run"):
            tracker.log_metrics({"loss": 1.0}, step=1)
        proxy.fault = lambda request: "500" if b"/runs/log-batch" in request else None
        tracker.settings = msgspec.structs.replace(tracker.settings, forward_wait_s=0.2)
        tracker.set_tag("late", "yes", run_id=tracker.start_run("late"))
        answers = [[(run["run_name"], run["tags"]) for run in tracker.get_experiment_runs()] for _ in range(2)]
        said = [record.getMessage() for record in caplog.records if "doesn't have everything" in record.getMessage()]
        proxy.fault = lambda _request: None

    assert [answer[0] for answer in answers] == [("run", {})] * 2
    assert all(run[1] == {} for answer in answers for run in answer)
    assert len(said) == 2


@pytest.mark.parametrize("fault", ["500", "429", "502", "reset"])
def test_a_question_that_fails_once_is_asked_again(both: Both, proxy: Proxy, name: str, fault: str) -> None:
    """Nobody sees it."""
    store, _, _ = both
    source = MLflowSource(proxy.uri, name)
    faults = {b"/runs/search": fault, b"/get-history-bulk": fault}
    proxy.fault = lambda request: next((faults.pop(part) for part in list(faults) if part in request), None)
    here, there = (
        [run["value"] for run in ExperimentComparator(one).rank("loss", value="best", experiment=name)]
        for one in (store, source)
    )

    assert there == here
    assert proxy.met == [fault, fault]


@pytest.mark.parametrize("fault", ["html", "401", "half"])
def test_an_answer_that_cannot_be_used_is_an_error(both: Both, proxy: Proxy, name: str, fault: str) -> None:
    """Never a part of the answer, or none."""
    _, _, ids = both
    comparator = ExperimentComparator(MLflowSource(proxy.uri, name))
    for part, ask in (
        (b"/runs/search", lambda: comparator.rank("loss")),
        (b"/metrics/", comparator_of(comparator, ids)),
    ):
        proxy.fault = lambda request, part=part: fault if part in request else None  # type: ignore[misc]
        with pytest.raises(ServerUnavailable, match=proxy.uri):
            ask()
        assert fault in proxy.met


def comparator_of(comparator: ExperimentComparator, ids: list[str]) -> Callable[[], object]:
    """A question that needs histories."""
    return lambda: comparator.plot_curves(ids, "loss")


@pytest.mark.parametrize("address", ["http://me:secret@127.0.0.1:9", "http://me:secret@127.0.0.1:{port}"])
def test_an_address_without_an_mlflow_server_is_said(address: str) -> None:
    """Where nobody listens, and where another server does; without the password in it."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with pytest.raises(ServerUnavailable, match=r"http://127\.0\.0\.1") as said:
            MLflowSource(address.format(port=other.server_port))
        other.shutdown()
        thread.join()

    assert "secret" not in str(said.value)


def test_what_is_not_there_is_said_with_what_is(both: Both, mlflow_uri: str, name: str, tmp_path: Path) -> None:
    """An experiment, a run, a metric, a database, an address."""
    _, source, ids = both
    comparator = ExperimentComparator(source)
    refused: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (ExperimentNotFound, name, lambda: MLflowSource(mlflow_uri, f"{name}x")),
        (ExperimentNotFound, mlflow_uri, lambda: source.get_experiment_runs("none")),
        (RunNotFound, mlflow_uri, lambda: comparator.compare_runs([ids[0], "nobody"])),
        (RunNotFound, ids[0], lambda: comparator.compare_runs(["it's nobody"])),
        (MetricNotFound, "loss", lambda: comparator.rank("los")),
        (ServerUnavailable, "no database", lambda: MLflowSource(f"sqlite:///{tmp_path}/none.db")),
        (ForwardingError, "no MLflow tracking server", lambda: MLflowSource("experiments")),
        (StoreUnavailable, "MLflowSource", lambda: ExperimentComparator(mlflow_uri)),
    ]

    for kind, words, ask in refused:
        with pytest.raises(kind, match=words):
            ask()


def test_an_experiment_without_runs_is_empty(client: "MlflowClient", mlflow_uri: str, name: str) -> None:
    """And no error: it is there."""
    client.create_experiment(name)
    source = MLflowSource(mlflow_uri, name)

    assert source.get_experiment_runs() == []
    assert source.get_experiment_summary(name)["total_runs"] == 0
    assert ExperimentComparator(source).rank("loss") == []


def test_the_users_own_mlflow_is_left_alone(both: Both, mlflow_uri: str, name: str, tmp_path: Path) -> None:
    """Its active run, tracking URI and settings, and those of this process, are the same after questions."""
    import mlflow

    _, source, _ = both
    mlflow.set_tracking_uri(mlflow_uri)
    try:
        mlflow.set_experiment(name)
        with mlflow.start_run() as active:
            before = dict(os.environ)
            ExperimentComparator(source).rank("loss", value="best")
            current = mlflow.active_run()
        assert current is not None
        assert current.info.run_id == active.info.run_id
        assert (mlflow.get_tracking_uri(), before) == (mlflow_uri, dict(os.environ))
    finally:
        mlflow.set_tracking_uri(None)
