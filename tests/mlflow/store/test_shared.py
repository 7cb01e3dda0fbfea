"""One store, written by trackers and by MLflow, from several processes: each sees the other's runs as its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from readers.store import Store
from tests.waiting import until
from tracker import ExperimentComparator, ExperimentTracker


@pytest.fixture
def client(root: Path) -> Any:
    """MLflow's client of our store."""
    from mlflow import MlflowClient

    return MlflowClient(f"steplog://{root}")


def _script(root: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    """A program that logs to the store by MLflow; we talk with it through its standard input and output."""
    head = "import mlflow, os, sys\nfrom mlflow import MlflowClient\n"
    head += f"mlflow.set_tracking_uri('steplog://{root}')\nclient = MlflowClient()\n"
    command = [sys.executable, "-c", head + code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _said(program: subprocess.Popen[str]) -> str:
    """The next line that a program prints."""
    assert program.stdout is not None
    return program.stdout.readline().strip()


def test_a_run_by_mlflow_is_a_run_of_ours(root: Path) -> None:
    """With name, status, parent, typed params, tags and last metrics; and it is compared."""
    import mlflow

    mlflow.set_tracking_uri(f"steplog://{root}")
    mlflow.set_experiment("vision/resnet")
    with mlflow.start_run(run_name="outer") as outer:
        mlflow.log_params({"lr": 0.1, "layers": 3, "on": True, "optimizer": "adam"})
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.set_tag("team", "x")
        with mlflow.start_run(run_name="inner", nested=True):
            mlflow.log_metric("loss", 2.0)
    with ExperimentTracker(root, "vision/resnet", auto_log=False) as tracker:
        first, second = tracker.get_experiment_runs()
        ranked = ExperimentComparator(tracker).rank("loss", top_k=1, experiment="vision/resnet")

    assert (first["run_name"], first["status"], second["status"]) == ("outer", "FINISHED", "FINISHED")
    assert first["params"] == {"lr": 0.1, "layers": 3, "on": True, "optimizer": "adam"}
    assert first["metrics"] == {"loss": pytest.approx(1 / 3)}
    assert first["tags"]["team"] == "x"
    assert second["parent_run_id"] == first["run_id"] == outer.info.run_id
    assert [run["run_id"] for run in ranked] == [first["run_id"]]


def test_a_run_by_a_tracker_is_a_run_of_mlflows(root: Path, client: Any) -> None:
    """With its id, name, parent, status, params as texts, tags and metrics; nested params have dotted names."""
    with ExperimentTracker(root, "ours", auto_log=False) as tracker:
        params = {"lr": 0.1, "net": {"layers": [1, 2], "on": True}, "none": None}
        with tracker.start_run("outer", params=params) as outer:
            tracker.log_metrics({"loss": 0.5, "beta=1 %": 1.0}, step=1)
            tracker.log_metrics({"loss": 0.25}, step=2.5)
            tracker.log_metrics({"loss": 0.125})
            tracker.set_tags({"team": "x", "number": 7})
            with tracker.start_run("inner", nested=True) as inner:
                pass
        experiment = client.get_experiment_by_name("ours")
        run, nested = client.get_run(outer), client.get_run(inner)
        found = client.search_runs([experiment.experiment_id], "tags.team = 'x' and metrics.loss < 0.2")

    assert run.info.run_id == outer
    assert (run.info.run_name, run.info.status, run.info.lifecycle_stage) == ("outer", "FINISHED", "active")
    assert run.data.params == {"lr": "0.1", "net.layers": "[1, 2]", "net.on": "True", "none": "None"}
    assert run.data.tags == {"mlflow.runName": "outer", "team": "x", "number": "7"}
    assert run.data.metrics == {"loss": 0.125, "beta=1 %": 1.0}
    assert sorted((each.step, each.value) for each in client.get_metric_history(outer, "loss")) == [
        (0, 0.125),
        (1, 0.5),
        (2, 0.25),
    ]
    assert nested.data.tags["mlflow.parentRunId"] == outer
    assert [each.info.run_id for each in found] == [outer]


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_statuses_are_the_same_on_both_sides(root: Path, client: Any, status: str) -> None:
    """Of a tracker's run, and of MLflow's."""
    with ExperimentTracker(root, "ours", auto_log=False) as tracker:
        ours = tracker.start_run()
        running = client.get_run(ours).info.status
        tracker.end_run(status)
    theirs = client.create_run(client.create_experiment("theirs")).info.run_id
    client.set_terminated(theirs, status)
    rows = {row["run_id"]: row["status"] for row in Store(root).runs().collect().iter_rows(named=True)}

    assert running == "RUNNING"
    assert client.get_run(ours).info.status == status
    assert rows == {ours: status, theirs: status}


def test_what_mlflow_deletes_is_still_in_the_store(root: Path, client: Any) -> None:
    """Deleted means that MLflow doesn't show it; our own readers and commands do."""
    run_id = client.create_run("0").info.run_id
    client.log_metric(run_id, "m", 1.0)
    client.set_terminated(run_id)
    client.delete_run(run_id)

    assert client.search_runs(["0"]) == []
    assert Store(root).run_ids() == [run_id]


def test_secrets_are_masked(root: Path, client: Any) -> None:
    """As a tracker masks them: by the name of a param or tag, or by the look of its value."""
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "db_password", "hunter2")
    client.log_param(run_id, "db_password", "hunter2")
    client.set_tag(run_id, "source", "https://me:hunter2@host/repository")
    run = client.get_run(run_id)

    assert run.data.params == {"db_password": "***"}
    assert "hunter2" not in str(run.to_dictionary())


def test_all_that_was_acknowledged_survives_a_kill(root: Path, client: Any) -> None:
    """Each point whose call has returned is there; the run is INTERRUPTED here, and FAILED for MLflow."""
    code = """
with mlflow.start_run(run_name='killed') as run:
    print(run.info.run_id, flush=True)
    mlflow.log_param('p', 1)
    for step in range(10**9):
        mlflow.log_metric('m', step, step=step)
        print(step, flush=True)
"""
    with _script(root, code) as program:
        run_id = _said(program)
        assert program.stdout is not None
        acknowledged = [program.stdout.readline() for _ in range(200)]
        os.kill(program.pid, signal.SIGKILL)
        acknowledged += program.stdout.readlines()
    whole = [line for line in acknowledged if line.endswith("\n")]
    steps = [each.step for each in client.get_metric_history(run_id, "m")]
    run = client.get_run(run_id)
    (row,) = Store(root).runs().collect().iter_rows(named=True)

    assert len(steps) >= len(whole) >= 200
    assert steps == list(range(len(steps)))
    assert run.data.params == {"p": "1"}
    assert (row["status"], run.info.status, run.data.tags["steplog.status"]) == ("INTERRUPTED", "FAILED", "INTERRUPTED")
    assert run.info.end_time >= run.info.start_time
    assert client.search_runs(["0"], "attributes.status = 'FAILED'")[0].info.run_id == run_id


def test_a_run_that_a_script_leaves_open_ends_with_it(root: Path, client: Any) -> None:
    """MLflow's own exit hook ends it, and finds the store open."""
    with _script(root, "mlflow.start_run(); mlflow.log_metric('m', 1)") as program:
        assert program.wait() == 0
    (run,) = client.search_runs(["0"])

    assert (run.info.status, run.data.metrics) == ("FINISHED", {"m": 1.0})


def test_several_processes_write_one_store_and_one_run(root: Path, client: Any) -> None:
    """Each its own runs, and all of them one that none of them made; every point is there once."""
    shared = client.create_run("0", run_name="shared").info.run_id
    code = f"""
number = int(sys.argv[1])
with mlflow.start_run(run_name=f'own {{number}}'):
    for step in range(50):
        mlflow.log_metric('m', step, step=step)
        client.log_metric({shared!r}, f'of {{number}}', step, step=step)
"""
    programs = [_script(root, code, str(number)) for number in range(3)]
    for program in programs:
        with program:
            assert program.wait() == 0
    client.set_terminated(shared)
    runs = client.search_runs(["0"], order_by=["run_name"])

    assert [run.info.run_name for run in runs] == ["own 0", "own 1", "own 2", "shared"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    for number in range(3):
        for run_id, key in ((runs[number].info.run_id, "m"), (shared, f"of {number}")):
            assert [each.step for each in client.get_metric_history(run_id, key)] == list(range(50))


def test_a_run_that_another_process_ends_is_ended_here_too(root: Path, client: Any) -> None:
    """At once for MLflow; for our own readers as soon as the process that began it looks, or is gone."""
    code = """
run_id = client.create_run('0').info.run_id
print(run_id, flush=True)
sys.stdin.readline()
client.get_run(run_id)
print('looked', flush=True)
sys.stdin.readline()
"""
    with _script(root, code) as program:
        run_id = _said(program)
        client.set_terminated(run_id, "KILLED", 2_000_000_000_000)
        info = client.get_run(run_id).info
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
        assert _said(program) == "looked"
        (row,) = Store(root).runs().collect().iter_rows(named=True)

    assert (info.status, info.end_time) == ("KILLED", 2_000_000_000_000)
    assert row["status"] == "KILLED"


def test_a_run_that_another_process_ended_stays_so_when_its_own_is_killed(root: Path, client: Any) -> None:
    """As workers of a server may die before they look."""
    code = "print(client.create_run('0').info.run_id, flush=True); sys.stdin.read()"
    with _script(root, code) as program:
        run_id = _said(program)
        client.set_terminated(run_id, "FINISHED")
        os.kill(program.pid, signal.SIGKILL)
    until(lambda: Store(root).runs().collect()["status"].to_list() == ["FINISHED"], lambda: "still not FINISHED")

    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_forked_child_logs_to_its_parents_run(root: Path, client: Any) -> None:
    """And doesn't end it."""
    code = """
with mlflow.start_run() as run:
    mlflow.log_metric('m', 0, step=0)
    child = os.fork()
    if child == 0:
        client.log_metric(run.info.run_id, 'm', 1, step=1)
        os._exit(0)
    os.waitpid(child, 0)
    mlflow.log_metric('m', 2, step=2)
    print(client.get_run(run.info.run_id).info.status, flush=True)
"""
    with _script(root, code) as program:
        status = _said(program)
    (run,) = client.search_runs(["0"])

    assert (status, run.info.status) == ("RUNNING", "FINISHED")
    assert sorted(each.step for each in client.get_metric_history(run.info.run_id, "m")) == [0, 1, 2]


def test_processes_that_change_a_logged_model_at_once_lose_nothing(root: Path, client: Any) -> None:
    """Tags of each, a tag that one takes away, and the status: none is written over by another's view of the model."""
    from mlflow.entities import LoggedModelStatus

    run_id = client.create_run(client.create_experiment("shared")).info.run_id
    experiment = client.get_run(run_id).info.experiment_id
    model_id = client.create_logged_model(experiment, "clf", run_id, {"old": "1", "kept": "1"}).model_id
    tagging = """
model_id, name = sys.argv[1:]
client.get_logged_model(model_id)
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    client.set_logged_model_tags(model_id, {f"{name}/{number}": number})
print("done", flush=True)
"""
    program = _script(root, tagging, model_id, "a")
    assert _said(program) == "ready"
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()
    for number in range(10):
        client.set_logged_model_tags(model_id, {f"b/{number}": number})
    client.finalize_logged_model(model_id, LoggedModelStatus.READY)
    client.delete_logged_model_tag(model_id, "old")
    assert _said(program) == "done"
    program.communicate()

    model = client.get_logged_model(model_id)
    wanted = {f"{name}/{number}": str(number) for name in "ab" for number in range(10)}
    assert model.tags == {"kept": "1", **wanted}
    assert str(model.status).endswith("READY")
