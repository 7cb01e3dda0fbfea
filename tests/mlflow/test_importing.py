"""steplog import mlflow: a real server, a database, and the old folders that MLflow itself wrote."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.errors import ImportFailed
from readers.imports import mlflowserver
from readers.imports.importer import import_runs
from readers.imports.mlflowruns import typed
from readers.imports.mlflowserver import MlflowServer, without_credentials
from readers.imports.mlruns import MlrunsFolder
from readers.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = 1_650_000_000_123
Steplog = Callable[..., Any]


@pytest.fixture
def client(mlflow_uri: str) -> "MlflowClient":
    """Of the session's server."""
    from mlflow import MlflowClient

    return MlflowClient(mlflow_uri)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An mlruns folder, as MLflow writes it when it is told that it may."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tmp_path / "mlruns"


def fill(client: "MlflowClient", name: str, tmp_path: Path) -> dict[str, Any]:
    """A parent and two children with metrics, params, tags, an artifact; what each point is, by run and metric."""
    from mlflow.entities import Metric, Param, RunTag

    experiment = client.create_experiment(name)
    parent = client.create_run(experiment, start_time=T, run_name="parent", tags={"mlflow.note.content": "hello"})
    client.log_batch(parent.info.run_id, params=[Param("lr", "0.001"), Param("opt", "adam"), Param("flag", "True")])
    points: dict[str, Any] = {}
    for number in range(2):
        tags = {"mlflow.parentRunId": parent.info.run_id, "team": "a"}
        run_id = client.create_run(
            experiment, start_time=T + 1 + number, run_name=f"child {number}", tags=tags
        ).info.run_id
        metrics = [Metric("train/loss", step * 0.1, T + step, step) for step in range(30)]
        metrics += [Metric("odd", float("nan"), T, -1), Metric("odd", 2.0, T, 3), Metric("odd", 2.0, T + 1, 3)]
        client.log_batch(run_id, metrics=metrics, tags=[RunTag("k", "v")])
        client.set_terminated(run_id, "FAILED" if number else "FINISHED", end_time=T + 60_000)
        points[run_id] = sorted((one.key, one.timestamp * 1000, one.step, repr(float(one.value))) for one in metrics)
    note = tmp_path / "note.txt"
    note.write_text("an artifact")
    client.log_artifact(parent.info.run_id, str(note), "sub")
    return {"parent": parent.info.run_id, "points": points}


def check(root: Path, name: str, filled: dict[str, Any]) -> None:
    """All of it is in the store."""
    store = Store(root)
    rows = store.metrics(experiments=[name]).collect()
    found: dict[str, list[Any]] = {run_id: [] for run_id in filled["points"]}
    for run_id, key, time, step, value in rows.select(
        "run_id", "key", rows["time"].dt.epoch("us"), "step", "value"
    ).iter_rows():
        found[run_id].append((key, time, step, repr(value)))
    assert {run_id: sorted(points) for run_id, points in found.items()} == filled["points"]
    parent, *children = store.experiment_runs(name)
    assert (parent["run_id"], parent["run_name"], parent["status"]) == (filled["parent"], "parent", "INTERRUPTED")
    assert parent["params"] == {"lr": 0.001, "opt": "adam", "flag": True}
    assert parent["tags"]["note"] == "hello"
    assert [(run["run_name"], run["status"]) for run in children] == [("child 0", "FINISHED"), ("child 1", "FAILED")]
    assert {run["parent_run_id"] for run in children} == {filled["parent"]}
    assert {(run["tags"]["k"], run["tags"]["team"]) for run in children} == {("v", "a")}
    end = children[0]["end_time"]
    assert end is not None
    assert round(end.timestamp() * 1000) == T + 60_000
    assert (root / "artifacts" / filled["parent"] / "sub/note.txt").read_text() == "an artifact"


def test_a_server_comes_over_whole(client: "MlflowClient", mlflow_uri: str, tmp_path: Path) -> None:
    """Over HTTP; twice adds nothing; what is new comes later; deleted runs stay out."""
    name = f"import {secrets.token_hex(4)}"
    filled = fill(client, name, tmp_path)
    gone = client.create_run(client.get_experiment_by_name(name).experiment_id, run_name="gone")
    client.delete_run(gone.info.run_id)
    root = tmp_path / "store"
    first = import_runs(MlflowServer(mlflow_uri, name), root)
    again = import_runs(MlflowServer(mlflow_uri, name), root)
    check(root, name, filled)
    client.log_metric(filled["parent"], "late", 1.5, T + 5, 7)
    client.set_terminated(filled["parent"], end_time=T + 70_000)
    later = import_runs(MlflowServer(mlflow_uri, name), root)

    assert (first.runs, first.points, first.artifacts, first.problems) == (3, 66, 1, [])
    assert (again.runs, again.points, again.unchanged) == (0, 0, 3)
    assert (later.continued, later.points, later.unchanged) == (1, 1, 2)
    assert Store(root).experiment_runs(name)[0]["status"] == "FINISHED"
    assert Store(root).experiment_runs(name)[0]["metrics"] == {"late": 1.5}


def test_long_histories_come_page_by_page(
    client: "MlflowClient", mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the same points: the way a history came can't be seen."""
    name = f"import {secrets.token_hex(4)}"
    filled = fill(client, name, tmp_path)
    monkeypatch.setattr(mlflowserver, "_BULK_POINTS", 10)
    report = import_runs(MlflowServer(mlflow_uri, name), tmp_path / "store")
    check(tmp_path / "store", name, filled)
    monkeypatch.undo()
    monkeypatch.setattr(mlflowserver, "_version", lambda run: "other")
    again = import_runs(MlflowServer(mlflow_uri, name), tmp_path / "store")

    assert report.points == 66
    assert (again.points, again.continued, again.problems) == (0, 3, [])


@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")  # MLflow's own use of SQLAlchemy
def test_a_database_comes_over_without_its_server(
    client: "MlflowClient", tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """All but the artifacts, which only the server can find: that is said, and tried again the next time."""
    base = tmp_path_factory.getbasetemp()
    [database] = [*base.glob("mlflow-server/data/mlflow.db"), *base.parent.glob("mlflow-server/data/mlflow.db")]
    name = f"import {secrets.token_hex(4)}"
    fill(client, name, tmp_path)
    source = f"sqlite:///{database}"
    reports = [import_runs(MlflowServer(source, name), tmp_path / "store") for _ in range(2)]

    assert [(report.points, report.runs, report.left_out) for report in reports] == [(66, 3, 0), (0, 0, 0)]
    assert ["artifacts can't be listed" in line for line in reports[1].problems] == [True] * 3


def test_a_run_that_was_forwarded_from_here_does_not_come_back(
    client: "MlflowClient", mlflow_uri: str, tmp_path: Path
) -> None:
    """Into another store it comes with its own id and names."""
    name = f"import {secrets.token_hex(4)}"
    tags = {"steplog.run_id": "our-run", "steplog.other": "x"}
    run = client.create_run(client.create_experiment(name), start_time=T, run_name="mine", tags=tags)
    client.log_metric(run.info.run_id, "a_x3D_b", 1.0, T, 0)
    import_runs(MlflowServer(mlflow_uri, name), tmp_path / "store")
    [found] = Store(tmp_path / "store").experiment_runs(name)

    assert (found["run_id"], found["metrics"]) == ("our-run", {"a=b": 1.0})
    assert "steplog.other" not in found["tags"]


def test_an_old_folder_comes_over_whole(folder: Path, tmp_path: Path) -> None:
    """As MLflow wrote it: the default experiment too, nested names, and nothing of what was deleted."""
    from mlflow import MlflowClient

    client = MlflowClient(folder.as_uri())
    filled = fill(client, "vision/resnet", tmp_path)
    gone = client.create_run(client.create_experiment("gone"))
    client.delete_experiment(gone.info.experiment_id)
    first = import_runs(MlrunsFolder(folder), tmp_path / "store")
    again = import_runs(MlrunsFolder(folder.parent), tmp_path / "store")

    check(tmp_path / "store", "vision/resnet", filled)
    assert (first.runs, first.points, first.artifacts, first.problems) == (3, 66, 1, [])
    assert (again.runs, again.points, again.unchanged) == (0, 0, 3)


def a_run(root: Path, run_id: str = "r1", **files: str | bytes) -> Path:
    """An mlruns folder by hand; in names of files a double underscore is a slash."""
    meta = {"name": "e", "lifecycle_stage": "active", "experiment_id": "1"}
    run = {"run_id": run_id, "run_name": run_id, "status": 3, "start_time": T, "end_time": T + 1000}
    texts = {"1/meta.yaml": meta, f"1/{run_id}/meta.yaml": {**run, "lifecycle_stage": "active"}}
    for name, data in {
        **texts,
        **{f"1/{run_id}/{name.replace('__', '/')}": text for name, text in files.items()},
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
        )
    return root / "1" / run_id


def test_spoilt_lines_are_left_out_and_said(tmp_path: Path) -> None:
    """With file and line; old lines without a step count as step 0."""
    run = a_run(
        tmp_path, metrics__loss=f"{T} 0.5 1\n{T} oops 2\n\n{T} 1\n99999999999999999 1 1\n{T} 1 {2**63}\n{T} 0.2"
    )
    report = import_runs(MlrunsFolder(tmp_path), tmp_path / "s")
    rows = Store(tmp_path / "s").metrics().collect().sort("seq").select("step", "value").rows()

    assert rows == [(1, 0.5), (0, 1.0)]
    assert [line.removeprefix(f"{run}/metrics/loss: ").split(":")[0] for line in report.problems] == [
        *(f"line {number}" for number in (2, 3, 5, 6, 7)),
    ]


def test_a_run_that_cannot_be_read_keeps_no_other_back(tmp_path: Path) -> None:
    """A meta.yaml that is none, a status that is none."""
    (a_run(tmp_path, "r1") / "meta.yaml").write_text("a: !!python/object:os.system {}")
    odd = a_run(tmp_path, "r2")
    (odd / "meta.yaml").write_text((odd / "meta.yaml").read_text().replace('"status": 3', '"status": 9'))
    a_run(tmp_path, "r3", params__lr="0.1", tags__a="b", artifacts__x="y")
    report = import_runs(MlrunsFolder(tmp_path), tmp_path / "s")

    assert Store(tmp_path / "s").run_ids() == ["r3"]
    assert [str(tmp_path / "1/r1") in report.problems[0], "status" in report.problems[1]] == [True, True]


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A folder from elsewhere names no file of this machine."""
    (tmp_path / "secret").write_text("secret")
    run = a_run(tmp_path / "mlruns", artifacts__x="y")
    (run / "artifacts/stolen").symlink_to(tmp_path / "secret")
    (run / "artifacts/all").symlink_to(tmp_path)
    report = import_runs(MlrunsFolder(tmp_path / "mlruns"), tmp_path / "s")

    assert report.artifacts == 1
    assert [path.name for path in (tmp_path / "s/artifacts/r1").iterdir()] == ["x"]


@pytest.mark.parametrize("text", ["0.001", "1", "-3", "1e-05", "1e+20", "True", "None", "inf", "nan"])
def test_what_python_wrote_is_a_value_again(text: str) -> None:
    """And its text is the same as before."""
    value = typed(text)

    assert not isinstance(value, str)
    assert str(value) == text


@pytest.mark.parametrize(
    "text", ["", "1.0e-5", "007", "1_000", "true", "0.10", "+1", "1" * 5000, "adam", "[1, 2]", "٣"]
)
def test_any_other_text_stays_text(text: str) -> None:
    """A version, an id, a number that Python would write in another way."""
    assert typed(text) == text


def test_a_server_that_does_not_answer_is_one_line(steplog_main: Steplog, tmp_path: Path) -> None:
    """With its address, without the password in it."""
    code, err = steplog_main("import", "mlflow", "http://me:secret@127.0.0.1:9", "--store", str(tmp_path / "s"))

    assert code == 1
    assert "http://127.0.0.1:9" in err
    assert "secret" not in err


@pytest.fixture
def steplog_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steplog:
    """Run the command line; (exit code, stderr)."""

    def run(*args: str) -> tuple[int, str]:
        from tracker.cli import main

        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.setattr("sys.argv", ["steplog", *args])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().err

    return run


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    """So is an experiment that isn't there."""
    with pytest.raises(ImportFailed, match="no mlruns folder"):
        MlrunsFolder(tmp_path)
    with pytest.raises(ImportFailed, match="no database"):
        MlflowServer(f"sqlite:///{tmp_path}/none.db")
    a_run(tmp_path)
    with pytest.raises(ImportFailed, match="no experiment 'f'"):
        MlrunsFolder(tmp_path, "f")


def test_an_address_is_shown_without_credentials() -> None:
    """Nor what stands behind a question mark."""
    assert without_credentials("https://me:pw@host:1/x?token=t#f") == "https://host:1/x"
    assert without_credentials("sqlite:///a/b.db") == "sqlite:///a/b.db"
