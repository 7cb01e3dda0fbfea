"""A run's page: everything about one run, whatever was logged."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from readers.dashboard.run_view import MOST_EVENTS
from tests.dashboard.asking import Site, refusal
from tests.readers.conftest import Recorder
from tracker import ExperimentTracker, RealTimeTracker


@pytest.fixture
def tracker(tmp_path: Path) -> ExperimentTracker:
    """A tracker of an experiment."""
    return ExperimentTracker(tmp_path / "store", "vision", auto_log=False)


def test_a_run_tells_all_that_was_logged(tracker: ExperimentTracker) -> None:
    """Params, tags, note, metrics, artifacts, events, children, as of now."""
    with tracker:
        run = tracker.start_run("one", tags={"team": "x", "note": "look"})
        tracker.log_params({"lr": 0.1, "optimizer": {"name": "adam"}})
        for step, value in enumerate((3.0, float("nan"), 1.0)):
            tracker.log_metrics({"loss": value}, step=step)
        tracker.log_text("hi", "a.txt")
        child = tracker.start_run("child", nested=True)
        tracker.end_run()
        told = Site(tracker.root).told(f"/api/runs/{run}")

    assert (told["run"]["run_name"], told["run"]["experiment"], told["run"]["status"]) == ("one", "vision", "RUNNING")
    assert told["params"] == [
        {"name": "lr", "value": "0.1", "number": 0.1},
        {"name": "optimizer.name", "value": "adam", "number": None},
    ]
    assert (told["tags"], told["note"]) == ([{"name": "team", "value": "x", "number": None}], "look")
    metric = {name: told["metrics"][0][name] for name in ("key", "count", "nan_count", "last", "min", "max_step")}
    assert metric == {"key": "loss", "count": 2, "nan_count": 1, "last": 1.0, "min": 1.0, "max_step": 0.0}
    assert [(each["index"], each["path"], each["kind"]) for each in told["artifacts"]] == [(0, "a.txt", "text")]
    assert told["children"] == [{"run_id": child, "run_name": "child", "status": "FINISHED"}]
    assert (told["should_stop"], told["truncated"]) == (False, None)
    kinds = [event["kind"] for event in told["events"]]
    assert kinds[0] == "run"
    assert {"param", "tag", "artifact"} <= {*kinds}


def test_the_surroundings_are_told_apart(tmp_path: Path) -> None:
    """Environment, packages one by one, git with the artifact that has the changes."""
    recorder = Recorder(tmp_path / "store")
    recorder.start("r1")
    packages = {"numpy": "2.4", "polars": "2.1"}
    git = {"git.commit": "abc", "git.dirty": True, "git.branch": "main"}
    recorder.fact("r1", "env", {"python": "CPython 3.11", "packages": packages, **git, "gpus": ["a", "b"]})
    recorder.start("r2")
    recorder.fact("r2", "env", {"packages": "not a dict"})
    site = Site(recorder.layout.root)

    told, odd = site.told("/api/runs/r1"), site.told("/api/runs/r2")

    assert [entry["name"] for entry in told["environment"]] == ["gpus", "python"]
    assert told["packages"] == [{"name": "numpy", "version": "2.4"}, {"name": "polars", "version": "2.1"}]
    expected = {"commit": "abc", "branch": "main", "dirty": True, "remote": None, "diff_artifact": None}
    assert told["git"] == expected
    assert (odd["packages"], odd["git"]) == ([], None)
    recorder.close()


def test_a_request_to_stop_is_told(tracker: ExperimentTracker) -> None:
    """As long as the run goes on."""
    from ingest.control import request_stop

    with tracker:
        run = tracker.start_run("one")
        request_stop(tracker.layout, run, "somebody")
        assert Site(tracker.root).told(f"/api/runs/{run}")["should_stop"] is True
        tracker.end_run()
        assert Site(tracker.root).told(f"/api/runs/{run}")["should_stop"] is False


def test_checkpoints_are_listed_and_never_opened(tracker: ExperimentTracker) -> None:
    """With step, metrics, size, and what would need trust; damaged ones are no error."""
    with RealTimeTracker(tracker) as live:
        run = live.start_run("one")
        live.stream_metrics({"loss": 0.5}, step=3)
        live.save_checkpoint({"weights": [1.0, 2.0]}, step=3)
        live.end_run()
        site = Site(tracker.root)
        told = site.told(f"/api/runs/{run}")["checkpoints"]
        for path in (tracker.root / "checkpoints").rglob("checkpoint.json"):
            path.write_bytes(b"{")

        assert [(one["step"], one["metrics"], one["untrusted"]) for one in told] == [(3, {"loss": 0.5}, [])]
        assert site.get(f"/api/runs/{run}").status_code == 200


def test_of_many_checkpoints_the_last_are_listed(tracker: ExperimentTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how many there are is told."""
    monkeypatch.setattr("readers.dashboard.run_view.MOST_CHECKPOINTS", 2)
    with tracker:
        run = tracker.start_run("one")
        for step in range(3):
            tracker.save_checkpoint({"step": step})
        told = Site(tracker.root).told(f"/api/runs/{run}")

    assert [one["number"] for one in told["checkpoints"]] == [2, 3]
    assert told["truncated"] == {"checkpoints": 3}


def test_ten_thousand_keys_and_events_fit(tmp_path: Path) -> None:
    """All metrics; the last of the events; each text of an event cut."""
    recorder = Recorder(tmp_path / "store")
    recorder.start("r1")
    recorder.log("r1", {f"epoch_{number}/loss": 1.0 for number in range(10_000)}, 0)
    for number in range(MOST_EVENTS + 10):
        recorder.tags("r1", {"n": f"{number}" * 1000})
    site = Site(recorder.layout.root)

    told = site.told("/api/runs/r1")
    keys = site.asked("/api/metrics", runs=["r1"])["metrics"]

    assert (len(told["metrics"]), len(told["events"])) == (10_000, MOST_EVENTS)
    assert max(len(event["value"]) for event in told["events"]) <= 300
    assert [key["key"] for key in keys[:3]] == ["epoch_0/loss", "epoch_1/loss", "epoch_2/loss"]
    first = {
        "key": "epoch_0/loss",
        "runs": 1,
        "points": 1,
        "system": False,
        "group": "epoch_0",
        "series": "epoch_#/loss",
    }
    assert keys[0] == first
    recorder.close()


def test_models_are_told_with_what_became_of_them(tracker: ExperimentTracker) -> None:
    """Aliases and stage as they are now, and whether a version is deleted."""
    with tracker:
        run = tracker.start_run()
        for number in range(3):
            tracker.log_model({"w": np.ones(number)}, "churn/net")
        tracker.promote("churn/net", 2)
        tracker.set_model_alias("churn/net", "best", 2)
        tracker.delete_model("churn/net", 3)
        told = Site(tracker.root).told(f"/api/runs/{run}")["models"]

        assert [model["version"] for model in told] == [1, 2, 3]
        assert [sorted(model.get("aliases", [])) for model in told] == [[], ["best", "production"], []]
        assert [model.get("stage") for model in told] == [None, "production", None]
        assert ["deleted" in model for model in told] == [False, False, True]


def test_hostile_facts_are_data(tmp_path: Path) -> None:
    """Facts that no tracker writes: texts that are no JSON, artifacts and models without what they should say."""
    recorder = Recorder(tmp_path / "store")
    recorder.start("r1", name="<script>")
    recorder.fact("r1", "artifact", {"x.txt": "no object"})
    recorder.fact("r1", "artifact", {"y.txt": {"size": "many", "kind": ["k"], "media_type": "text/html"}})
    recorder.fact("r1", "model", {"m": 7})
    recorder.fact("r1", "model", {"../m": {"version": ["x"]}})
    recorder.fact("r1", "checkpoint", {"c": None})
    recorder.fact("r1", "<b>", {"<i>": {"a": [1, {}]}})
    recorder.params("r1", {"half": "\ud800"})

    told = Site(recorder.layout.root).told("/api/runs/r1")

    assert [(each["size"], each["kind"]) for each in told["artifacts"]] == [(0, "file"), (0, "['k']")]
    assert [model["name"] for model in told["models"]] == ["m", "../m"]
    assert {"kind": "<b>", "key": "<i>", "value": '{"a": [1, {}]}'}.items() <= told["events"][-2].items()
    recorder.close()


def test_unknown_runs_and_names_are_said(tracker: ExperimentTracker) -> None:
    """404, with what is near."""
    with tracker:
        run = tracker.start_run("one")
        tracker.log_params({"learning_rate": 0.1})
        site = Site(tracker.root)

        assert refusal(site.get(f"/api/runs/{run[:10]}"))[1].endswith(run)
        status, words = refusal(site.get(f"/api/runs/{run}/value", kind="param", name="learning_rat"))
        assert (status, "'learning_rate'" in words) == (404, True)
        assert refusal(site.get(f"/api/runs/{run}/value", kind="x", name="y"))[0] == 404
        assert refusal(site.post("/api/metrics", runs=["nobody"]))[0] == 404
        assert refusal(site.post("/api/metrics", runs="nobody"))[0] == 400
        assert refusal(site.post("/api/metrics", run=[]))[0] == 400


def test_a_store_that_went_away_is_said(tmp_path: Path) -> None:
    """503, without its path; back again, it answers again."""
    recorder = Recorder(tmp_path / "store")
    recorder.start("r1")
    recorder.end("r1")
    recorder.close()
    site = Site(recorder.layout.root)
    assert site.told("/api/runs")["count"] == 1

    recorder.layout.root.rename(tmp_path / "elsewhere")
    status, words = refusal(site.get("/api/runs"))
    assert (status, str(tmp_path) in words) == (503, False)
    (tmp_path / "elsewhere").rename(recorder.layout.root)

    assert site.told("/api/runs")["count"] == 1


def test_the_read_api_imports_no_plotting(tmp_path: Path) -> None:
    """What draws figures and fits forests stays unloaded until a question needs it."""
    code = (
        "import sys, readers.dashboard.routes; "
        "print([name for name in ('matplotlib', 'sklearn', 'jinja2', 'mlflow') if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())

    assert found.stdout.strip() == "[]"


def test_the_ranks_of_a_run_are_told(tmp_path: Path) -> None:
    """Where each is, who is a straggler, and by which metric; a run of one rank has no such table."""
    recorders = []
    for rank in range(4):
        recorder = Recorder(tmp_path / "store")
        recorders.append(recorder)
        recorder.pipeline.rank = rank
        recorder.start("r1", rank=rank)
        for step in range(10 if rank == 2 else 40):
            recorder.log("r1", {"loss": 1.0, "compute_s": 2.0 if rank == 1 else 1.0}, step)
    recorders[0].start("alone")
    site = Site(tmp_path / "store")
    ranks = site.told("/api/runs/r1")["ranks"]
    timed = site.told("/api/runs/r1", step_time="compute_s")["ranks"]

    assert (ranks["stragglers"], ranks["count"]) == ([2], 4)
    assert [row["last_step"] for row in ranks["rows"]] == [39.0, 39.0, 9.0, 39.0]
    assert (timed["stragglers"], timed["step_time"]) == ([1, 2], "compute_s")
    assert site.told("/api/runs/r1", step_time="nothing")["ranks"] == ranks
    assert site.told("/api/runs/alone")["ranks"] is None
    for recorder in recorders:
        recorder.close()
