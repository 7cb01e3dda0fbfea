"""What a store holds is at the server, each thing once: read back from a real one and compared."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from readers.mlflow.forwarder import Forwarder
from tracker import AutoMLTracker, ExperimentTracker

Same = Callable[..., None]


def send(root: Path, uri: str, **options: Any) -> Forwarder:
    """Send a store's runs; the forwarder as it was in the end."""
    with Forwarder(root, uri, **{"everything": True, **options}) as forwarder:
        assert forwarder.drain(), forwarder.state
    return forwarder


def test_every_point_arrives_once(root: Path, mlflow_uri: str, same: Same) -> None:
    """Steps of all kinds, NaN and infinities, odd names, equal points of one moment, more than a request may hold."""
    with ExperimentTracker(root, "every/point", auto_log=False) as tracker:
        run = tracker.start_run()
        for step in range(350):
            tracker.log_metrics({"loss": 1 / (step + 1), "a=b/../c": step, "\U0001f600": -0.0}, step=step)
        for value in (math.nan, math.inf, -math.inf, 5e-324, 1.797e308):
            tracker.log_metrics({"odd": value}, step=-(2**63))
        for _ in range(20):
            tracker.log_metrics({"equal": 1.0, "nan": math.nan})
        tracker.log_metrics({"k" * 400: 1.0, "float step": 2.0}, step=1)
        tracker.end_run()

    state = send(root, mlflow_uri).state

    same(run)
    assert (state.points, state.aside, state.error) == (350 * 3 + 5 + 40 + 2, 0, None)


def test_what_a_run_is_arrives(root: Path, mlflow_uri: str, asked: Any) -> None:
    """Name, times, status, experiment, params, tags, parent, artifacts, models."""
    with ExperimentTracker(root, "what/a/run/is", auto_log=False) as tracker:
        outer = tracker.start_run("outer", group="g", tags={"team": "red", "steplog.run_id": "x"})
        tracker.log_params({"lr": 0.1, "net": {"depth": 3, "act": "relu"}, "layers": [1, 2], "text": "t" * 7000})
        tracker.log_params({"lr": 0.2})
        inner = tracker.start_run("inner", nested=True)
        tracker.end_run("FAILED")
        tracker.set_tags({"team": "blue", "gone": 1, "n": 1.5})
        tracker.log_text("some text", "notes/a.txt")
        tracker.end_run()
        records = {record["run_id"]: record for record in tracker.get_experiment_runs()}

    ids = send(root, mlflow_uri).mlflow_ids

    found, child = asked.run(outer), asked.run(inner)
    assert (found.info.run_name, found.info.status, child.info.status) == ("outer", "FINISHED", "FAILED")
    times = records[outer]["start_time"], records[outer]["end_time"]
    assert [found.info.start_time, found.info.end_time] == [time and int(time.timestamp() * 1000) for time in times]
    assert asked.client.get_experiment(found.info.experiment_id).name == "what/a/run/is"
    assert found.params.pop("text") == "t" * 5960 + "... (7000 characters)"
    assert found.params == {"lr": "0.1", "net.depth": "3", "net.act": "relu", "layers": "[1, 2]"}
    ours = {key: value for key, value in found.tags.items() if not key.startswith("mlflow.")}
    assert ours == {
        "steplog.run_id": outer,
        "steplog.group": "g",
        "steplog.param.lr": "0.2",
        "steplog.json.param.net": '{"depth": 3, "act": "relu"}',
        "_x73_teplog.run_id": "x",
        "team": "blue",
        "gone": "1",
        "n": "1.5",
    }
    assert child.tags["mlflow.parentRunId"] == found.info.run_id == ids[outer]
    assert asked.artifacts(outer) == {"notes/a.txt": b"some text"}


def test_sending_again_changes_nothing(root: Path, mlflow_uri: str, same: Same, asked: Any) -> None:
    """Neither from the place that was kept, nor everything once more, nor when that place is lost."""
    with ExperimentTracker(root, "again", auto_log=False) as tracker:
        run = tracker.start_run(params={"a": 1})
        tracker.log_params({"a": 2})
        for _ in range(5):
            tracker.log_metrics({"equal": 1.0, "x": math.nan}, step=3)
        tracker.end_run()
    first = send(root, mlflow_uri)
    before = asked.run(run)

    second = send(root, mlflow_uri)
    third = send(root, mlflow_uri, again=True)
    for file in (root / "forward").rglob("*.json*"):
        file.unlink()
    fourth = send(root, mlflow_uri)

    assert [done.state.points for done in (first, second, third, fourth)] == [10, 10, 10, 10]
    same(run)
    assert repr(asked.run(run)) == repr(before)


def test_forwarding_goes_on_where_it_stopped(root: Path, mlflow_uri: str, same: Same) -> None:
    """A live run: what came since the last time is sent, by a forwarder that knows nothing but the store."""
    with ExperimentTracker(root, "goes/on", auto_log=False) as tracker:
        run = tracker.start_run()
        for step in range(4):
            tracker.log_metrics({"loss": step}, step=step)
            tracker.flush()
            assert send(root, mlflow_uri).state.points == step + 1
            same(run)


def test_what_the_server_refuses_is_set_aside_alone(root: Path, mlflow_uri: str, same: Same, asked: Any) -> None:
    """A file that is gone, a time before 1970: reported, and all else arrives."""
    with ExperimentTracker(root, "refused", auto_log=False) as tracker:
        run = tracker.start_run()
        tracker.log_text("a", "gone.txt")
        tracker.log_text("b", "here.txt")
        tracker.log_metrics({"loss": 1.0}, step=1)
        tracker.end_run()
    (root / "artifacts" / run / "gone.txt").unlink()

    (record,) = send(root, mlflow_uri).aside

    assert (record.run_id, record.kind, record.key) == (run, "artifact", f"artifacts/{run}/gone.txt")
    assert asked.artifacts(run) == {"here.txt": b"b"}
    same(run)


def test_two_forwarders_of_one_store_are_refused(root: Path, mlflow_uri: str) -> None:
    """The second is told who is at work."""
    from readers.mlflow.progress import Busy

    with ExperimentTracker(root, "two", auto_log=False) as tracker:
        tracker.start_run()
        tracker.flush()
        with Forwarder(root, mlflow_uri), pytest.raises(Busy, match="already"):
            Forwarder(root, mlflow_uri)


def test_a_run_that_died_is_failed_at_the_server(root: Path, mlflow_uri: str, asked: Any) -> None:
    """MLflow has no word for it; ours is among the tags."""
    import os

    child = os.fork()
    if not child:
        tracker = ExperimentTracker(root, "died", auto_log=False)
        tracker.start_run(run_id="died-" + root.parent.name[-20:])
        tracker.log_metrics({"loss": 1.0})
        os._exit(1)
    os.waitpid(child, 0)

    (run_id,) = send(root, mlflow_uri).mlflow_ids

    found = asked.run(run_id)
    assert (found.info.status, found.tags["steplog.status"]) == ("FAILED", "INTERRUPTED")


def test_the_command_sends_a_store(root: Path, mlflow_uri: str, same: Same) -> None:
    """`steplog sync`: what was sent, as words and as JSON."""
    from typer.testing import CliRunner

    from tracker.cli import app

    with ExperimentTracker(root, "command", auto_log=False) as tracker:
        run = tracker.start_run()
        tracker.log_metrics({"loss": 1.0}, step=1)
        tracker.end_run()

    done = CliRunner().invoke(app, ["sync", str(root), "--to", mlflow_uri])
    again = CliRunner().invoke(app, ["sync", str(root), "--to", mlflow_uri, "--again", "--json"])

    assert (done.exit_code, again.exit_code) == (0, 0), done.output
    assert "1 points" in done.output
    assert json.loads(again.stdout)["sent"]["points"] == 1
    same(run)


def test_a_searchs_trials_arrive_below_it(root: Path, mlflow_uri: str, asked: Any) -> None:
    """Each trial is a run of its own at the server, nested, with its score, its state and its times."""
    with AutoMLTracker(root, "search/arrives", auto_log=False) as tracker:
        parent = tracker.start_run("search")
        search = tracker.start_search("loss")
        tried = [search.log_trial("ridge", {"alpha": n}, float(n), fold_scores=[n - 0.5, n + 0.5]) for n in (1, 2)]
        tried.append(search.log_trial("svm", {"C": 1}, None, state="failed", error=ValueError("no")))
        tracker.end_run()

    ids = send(root, mlflow_uri).mlflow_ids

    found = [asked.run(trial.run_id) for trial in tried]
    assert {run.tags["mlflow.parentRunId"] for run in found} == {ids[parent]}
    assert [run.info.status for run in found] == ["FINISHED", "FINISHED", "FAILED"]
    scores = [[value for metric, _, _, value in run.points if metric == "loss"] for run in found]
    assert scores == [[1.0], [2.0], []]
    assert [run.tags["trial.state"] for run in found] == ["complete", "complete", "failed"]
    assert found[1].params == {"alpha": "2"}
