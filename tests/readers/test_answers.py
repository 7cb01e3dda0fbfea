"""What the tracker hands to users: runs as dicts, an experiment's summary, a run by what it is called."""

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest.errors import ExperimentNotFound, RunNotFound
from readers.source import StoreFolder, store_of
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def study(recorder: "Recorder") -> None:
    """Three runs of one experiment, one of another."""
    for number, (accuracy, status) in enumerate([(0.8, "FINISHED"), (0.9, "FINISHED"), (math.nan, "FAILED")]):
        run_id = f"aa{number}"
        recorder.start(run_id, "study", f"run {number}")
        recorder.params(run_id, {"depth": number, "opt": {"lr": 0.1}}, "study")
        recorder.tags(run_id, {"team": "x"}, "study")
        recorder.log(run_id, {"accuracy": 0.1, "loss": 2.0}, 0, "study")
        recorder.log(run_id, {"accuracy": accuracy, "loss": 1.0 - number / 10}, 1, "study")
        recorder.end(run_id, status, "study")
    recorder.start("bb", "other", "run 0")


def test_runs_are_dicts_in_the_order_of_their_start(recorder: "Recorder", store: Store) -> None:
    """Params as they were logged, nested included; the last value of each metric; times in UTC."""
    study(recorder)

    runs = store.experiment_runs("study")

    assert [run["run_id"] for run in runs] == ["aa0", "aa1", "aa2"]
    first = runs[0]
    assert first["params"] == {"depth": 0, "opt": {"lr": 0.1}}
    assert (first["metrics"], first["tags"]) == ({"accuracy": 0.8, "loss": 1.0}, {"team": "x"})
    assert (first["run_name"], first["status"], first["experiment"]) == ("run 0", "FINISHED", "study")
    assert first["start_time"] == datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)
    assert first["end_time"] == datetime(2023, 11, 14, 22, 13, 26, tzinfo=UTC)
    assert math.isnan(runs[2]["metrics"]["accuracy"])
    assert [run["run_id"] for run in store.experiment_runs()] == ["aa0", "aa1", "aa2", "bb"]
    assert store.experiment_runs("other")[0]["end_time"] is None


def test_the_same_before_and_after_sealing(recorder: "Recorder", store: Store) -> None:
    """Live and sealed data give equal dicts, to the type."""
    study(recorder)
    live = repr(store.experiment_runs())
    recorder.seal()

    assert repr(store.experiment_runs()) == live


def test_an_unknown_experiment_names_those_there_are(recorder: "Recorder", store: Store) -> None:
    """The nearest name is suggested, all are listed, nothing is made."""
    study(recorder)

    with pytest.raises(ExperimentNotFound, match=r"did you mean 'study'.*there is: other, study"):
        store.experiment_runs("studdy")
    with pytest.raises(ExperimentNotFound):
        store.experiment_summary("")


def test_a_summary_tells_what_an_experiment_came_to(recorder: "Recorder", store: Store) -> None:
    """Counts, each metric's spread over the runs with NaN left out, the best run by the metric's own direction."""
    study(recorder)

    summary = store.experiment_summary("study")

    assert (summary["experiment_name"], summary["total_runs"]) == ("study", 3)
    assert summary["runs_by_status"] == {"FINISHED": 2, "FAILED": 1}
    accuracy, loss = summary["metrics"]["accuracy"], summary["metrics"]["loss"]
    assert (accuracy["count"], accuracy["min"], accuracy["max"], accuracy["best"]) == (2, 0.8, 0.9, 0.9)
    assert accuracy["mean"] == pytest.approx(0.85)
    assert accuracy["std"] == pytest.approx(0.0707106781)
    assert (accuracy["best_run_id"], accuracy["direction"]) == ("aa1", "maximize")
    assert (loss["best_run_id"], loss["direction"], loss["count"]) == ("aa2", "minimize", 3)
    assert summary["best_run"] == {
        "run_id": "aa2",
        "run_name": "run 2",
        "metric": "loss",
        "value": 0.8,
        "direction": "minimize",
    }
    assert summary["params"] == {"depth": [0, 1, 2], "opt": [{"lr": 0.1}]}
    assert summary["first_start"] is not None
    assert summary["last_start"] is not None
    assert summary["first_start"] < summary["last_start"]


def test_a_summary_of_a_run_without_metrics_is_empty_not_an_error(recorder: "Recorder", store: Store) -> None:
    """No metric, no best run; a metric of nothing but NaN has no best."""
    study(recorder)
    assert store.experiment_summary("other")["best_run"] is None
    recorder.log("bb", {"loss": math.nan, "inf": math.inf}, experiment="other")
    recorder.start("cc", "other")
    recorder.log("cc", {"inf": 1.0}, experiment="other")

    summary = store.experiment_summary("other")

    assert (summary["metrics"]["loss"]["count"], summary["metrics"]["loss"]["best_run_id"]) == (0, None)
    assert math.isnan(summary["metrics"]["loss"]["best"])
    assert (summary["metrics"]["inf"]["max"], summary["metrics"]["inf"]["mean"]) == (math.inf, math.inf)
    assert math.isnan(summary["metrics"]["inf"]["std"])


def test_a_run_is_found_by_what_it_is_called(recorder: "Recorder", store: Store) -> None:
    """Its id, the beginning of it, its name; what means several or none is an error that lists them."""
    study(recorder)

    assert [store.resolve_run(asked) for asked in ("aa1", "b", "run 1")] == ["aa1", "bb", "aa1"]
    with pytest.raises(RunNotFound, match=r"means 2 runs: aa0 \('run 0' in 'study'\), bb"):
        store.resolve_run("run 0")
    with pytest.raises(RunNotFound, match="means 3 runs"):
        store.resolve_run("aa")
    with pytest.raises(RunNotFound, match=r"did you mean '.*'run 1'"):
        store.resolve_run("run l")
    with pytest.raises(RunNotFound):
        store.resolve_run("")


def test_a_run_is_looked_up_by_its_id(recorder: "Recorder", store: Store) -> None:
    """The row of the run, or None; nothing for the metrics of an unknown run."""
    study(recorder)
    found = store.find_run("aa1")

    assert found is not None
    assert (found["experiment"], found["run_name"]) == ("study", "run 1")
    assert store.find_run("aa") is None
    assert store.run_ids() == ["aa0", "aa1", "aa2", "bb"]
    assert store.experiments() == ["other", "study"]


def test_a_store_and_a_tracker_are_sources(recorder: "Recorder", store: Store) -> None:
    """Comparators take either; a tracker's store is opened up to date."""

    class Tracker:
        def __init__(self) -> None:
            self.root = store.root
            self.flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    tracker = Tracker()
    source: StoreFolder = tracker

    assert store_of(store) is store
    assert store_of(source).root == store.root
    assert tracker.flushed == 1
