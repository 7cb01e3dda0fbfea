"""A search is told: each trial is a run below the search's, at its own times, and what is decided is a fact."""

import os
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.jsontext import from_json
from readers.store import Store
from tracker import AutoMLTracker, ExperimentTracker, NoActiveRun, Search, WriterClosed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "store"


@pytest.fixture
def tracker(root: Path) -> Iterator[AutoMLTracker]:
    """A tracker with a run."""
    with AutoMLTracker(root, "searches", auto_log=False) as made:
        made.start_run("parent", run_id="parent")
        yield made


def trials(root: Path) -> dict[int, dict[str, Any]]:
    """The children of the parent, by their number: the columns of runs, params, tags, metrics."""
    store = Store(root)
    lives = {row["run_id"]: row for row in store.runs().filter(parent_run_id="parent").collect().to_dicts()}
    found = [{**run, **lives[run["run_id"]]} for run in store.experiment_runs() if run["run_id"] in lives]
    return {run["tags"]["trial.number"]: run for run in found}


def facts(root: Path) -> dict[str, Any]:
    """What the search told of itself."""
    frame = Store(root).facts(kinds=["automl"], runs=["parent"]).sort("seq").collect()
    return {key: from_json(value) for key, value in frame.select("key", "value").rows()}


def points(root: Path, run_id: str, key: str) -> list[tuple[int | None, float]]:
    """Steps and values of a metric."""
    frame = Store(root).metrics(keys=[key], runs=[run_id]).sort("seq").collect()
    return frame.select("step", "value").rows()


def test_a_trial_is_a_run_below_the_searchs(tracker: AutoMLTracker, root: Path) -> None:
    """With its params, its score, what led to it, its times, its algorithm as the group."""
    search = tracker.start_search("accuracy")
    trial = search.start_trial("forest", {"n_estimators": 10, "max_depth": None}, tags={"mine": 1})
    trial.report(0.4, 1)
    trial.report(0.6, 3)
    trial.complete(0.5, std=0.1, fold_scores=[0.4, 0.6], fit_time_s=2.0, predict_time_s=0.5, metrics={"f1": 0.3})

    run = trials(root)[1]
    assert (run["run_name"], run["group"], run["status"]) == ("forest 1", "forest", "FINISHED")
    assert run["params"] == {"n_estimators": 10, "max_depth": None}
    assert run["tags"] == {
        "mine": 1,
        "trial.search": 1,
        "trial.number": 1,
        "trial.algorithm": "forest",
        "trial.state": "complete",
    }
    scores = {"accuracy": 0.5, "accuracy_std": 0.1, "fit_time_s": 2.0, "predict_time_s": 0.5, "f1": 0.3}
    assert run["metrics"].items() >= scores.items()
    assert points(root, trial.run_id, "fold/accuracy") == [(0, 0.4), (1, 0.6)]
    assert points(root, trial.run_id, "intermediate/accuracy") == [(1, 0.4), (3, 0.6)]


def test_the_current_run_stays_what_it_was(tracker: AutoMLTracker, root: Path) -> None:
    """What is logged without run_id goes to the search's run; with the trial's, to the trial's while it is open."""
    with tracker.start_search("accuracy").start_trial("forest", {}) as trial:
        tracker.log_metrics({"outer": 1.0})
        tracker.log_metrics({"inner": 2.0}, run_id=trial.run_id)
        tracker.log_text("a tree", "tree.txt", run_id=trial.run_id)
        trial.complete(1.0)

    assert tracker.active_run() == "parent"
    assert points(root, "parent", "outer") == [(None, 1.0)]
    assert points(root, trial.run_id, "inner") == [(None, 2.0)]
    assert tracker.get_artifact("tree.txt", run_id=trial.run_id).read_text() == "a tree"
    with pytest.raises(NoActiveRun, match=trial.run_id):
        tracker.log_metrics({"late": 1.0}, run_id=trial.run_id)


def test_a_trial_that_raises_has_failed_and_the_search_goes_on(tracker: AutoMLTracker, root: Path) -> None:
    """The error goes on its way, its type and its text are kept."""
    search = tracker.start_search("accuracy")
    with pytest.raises(ZeroDivisionError), search.start_trial("forest", {}):
        _ = 1 / 0
    with search.start_trial("svm", {}):
        pass
    search.log_trial("knn", {}, None, state="failed", error="out of memory", error_type="MemoryError")
    search.log_trial("knn", {}, 0.4, state="pruned")
    search.end()

    found = trials(root)
    assert [found[n]["tags"]["trial.state"] for n in (1, 2, 3, 4)] == ["failed", "failed", "failed", "pruned"]
    assert [found[n]["status"] for n in (1, 2, 3, 4)] == ["FAILED", "FAILED", "FAILED", "FINISHED"]
    assert [found[n]["tags"]["trial.error_type"] for n in (1, 2, 3)] == ["ZeroDivisionError", "Error", "MemoryError"]
    assert found[1]["tags"]["trial.error"] == "division by zero"
    assert facts(root)["1/end"]["trials"] == {"complete": 0, "pruned": 1, "failed": 3}


def test_a_trial_of_the_past_keeps_its_times(tracker: AutoMLTracker, root: Path) -> None:
    """What is imported began and ended when it did."""
    start = datetime(2024, 5, 1, 12, 0, 0, 123456, UTC)
    tracker.start_search("loss").log_trial(
        "tpe", {"x": 1}, 0.5, intermediate={10: 0.7}, start_time=start, end_time=start + timedelta(seconds=90)
    )

    run = trials(root)[1]
    assert (run["start_time"], run["end_time"]) == (start, start + timedelta(seconds=90))
    times = Store(root).metrics(keys=["loss"], runs=[run["run_id"]]).collect()["time"]
    assert times.to_list() == [start + timedelta(seconds=90)]


def test_what_a_search_decides_is_a_fact(tracker: AutoMLTracker, root: Path) -> None:
    """Set-up, features, model, ensemble, evaluation, end; told again, the last word counts."""
    search = tracker.start_search(
        "rmse", engine="own", algorithms=["ridge", "knn"], budget={"trials": 2}, seed=7, data={"rows": 10}
    )
    ridge = search.log_trial("ridge", {"alpha": 1.0}, 3.0, std=0.5, fit_time_s=0.1)
    search.log_trial("ridge", {"alpha": 2.0}, 4.0)
    search.log_trial("knn", {}, nan)
    search.log_feature_selection(method="rfe", before=["a", "b"], selected=["a"], frequencies={"a": 1.0, "b": 0.2})
    search.log_feature_selection(method="rfe", before=["a"], selected=["a"], score=3.5)
    search.log_selection("knn", {}, 9.0)
    search.log_selection("ridge", {"alpha": 1.0, "api_key": "hush"}, 3.0, trial=ridge)
    search.log_ensemble([{"algorithm": "ridge", "weight": 1.0}], method="greedy", score=2.9, best_single=3.0)
    search.log_evaluation({"rmse": 3.1, "r2": 0.5}, on="holdout")
    search.end(stopped_by="trials", spent={"trials": 3})
    search.end(stopped_by="twice is once")

    told = facts(root)
    assert told["1/search"].items() >= {"metric": "rmse", "direction": "minimize", "seed": 7, "engine": "own"}.items()
    assert told["1/feature_selection/001"]["frequencies"] == {"a": 1.0, "b": 0.2}
    assert told["1/feature_selection/002"]["score"] == 3.5
    assert told["1/selection"]["params"]["alpha"] == 1.0
    assert "hush" not in str(told)
    assert told["1/selection"]["trial"] == ridge.run_id
    assert told["1/ensemble"]["members"] == [{"algorithm": "ridge", "weight": 1.0}]
    assert told["1/evaluation"]["metrics"] == {"rmse": 3.1, "r2": 0.5}
    assert told["1/end"]["stopped_by"] == "trials"
    assert told["1/end"]["algorithms"]["ridge"] == {"trials": 2, "best": 3.0, "std": 0.5, "fit_time_s": 0.1}
    assert told["1/end"]["algorithms"]["knn"] == {"trials": 1, "best": None}


def test_what_isnt_wanted_isnt_kept(root: Path) -> None:
    """The three flags leave out trials, decisions and the ensemble; how many trials there were is told all the same."""
    names = ("track_hyperparameter_search", "track_model_selection", "track_ensemble_creation")
    flags: Any = dict.fromkeys(names, False)
    with AutoMLTracker(root, "few", auto_log=False, **flags) as tracker:
        tracker.start_run("parent", run_id="parent")
        search = tracker.start_search("accuracy")
        assert search.log_trial("a", {}, 0.5).run_id == "parent"
        search.log_selection("a", {}, 0.5)
        search.log_feature_selection(method="rfe", before=["a"], selected=["a"])
        search.log_ensemble([{"algorithm": "a", "weight": 1}], method="greedy", score=0.5)
        search.end()

    assert trials(root) == {}
    assert set(facts(root)) == {"1/search", "1/end"}
    assert facts(root)["1/end"]["trials"]["complete"] == 1


def test_any_tracker_will_do_and_searches_are_numbered(root: Path) -> None:
    """Also when a run is gone on with by another tracker."""
    with ExperimentTracker(root, "plain", auto_log=False) as tracker:
        tracker.start_run("parent", run_id="parent")
        numbers = [Search(tracker, "loss").number, Search(tracker, "loss").number]
    with ExperimentTracker(root, "plain", auto_log=False) as tracker:
        tracker.start_run(run_id="parent", resume=True)
        numbers.append(Search(tracker, "loss").number)

    assert numbers == [1, 2, 3]


def test_threads_may_try_at_once(tracker: AutoMLTracker, root: Path) -> None:
    """No number is given twice, no trial is lost, each has its own score."""
    search = tracker.start_search("loss")

    def work(thread: int) -> None:
        for n in range(25):
            with search.start_trial("a", {"thread": thread, "n": n}) as trial:
                trial.complete(thread * 100 + n)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    search.end()

    found = trials(root)
    assert sorted(found) == list(range(1, 201))
    assert all(run["metrics"]["loss"] == run["params"]["thread"] * 100 + run["params"]["n"] for run in found.values())
    assert facts(root)["1/end"]["trials"]["complete"] == 200


def test_a_killed_search_leaves_what_it_told(root: Path) -> None:
    """Trials that had ended are as they were; the one that was going on is INTERRUPTED."""
    script = """
        import os, sys
        from tracker import AutoMLTracker
        tracker = AutoMLTracker(sys.argv[1], "killed", auto_log=False)
        tracker.start_run("parent", run_id="parent")
        search = tracker.start_search("loss")
        search.log_trial("a", {"n": 1}, 0.5)
        search.start_trial("a", {"n": 2}).report(0.25, 1)
        os._exit(9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(root)], check=False, timeout=15)

    found = trials(root)
    assert [(found[n]["status"], found[n]["tags"]["trial.state"]) for n in (1, 2)] == [
        ("FINISHED", "complete"),
        ("INTERRUPTED", "running"),
    ]
    assert points(root, found[2]["run_id"], "intermediate/loss") == [(1, 0.25)]
    assert set(facts(root)) == {"1/search"}


def test_misuse_is_refused_with_what_to_do(tracker: AutoMLTracker) -> None:
    """And leaves no half a trial behind: a refused end can be said again."""
    search = tracker.start_search("accuracy")
    trial = search.start_trial("a", {})
    with pytest.raises(TypeError, match="accuracy"):
        trial.complete("good")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fold/accuracy"):
        trial.complete(1.0, fold_scores=["good"])  # type: ignore[list-item]
    trial.complete(1.0)
    with pytest.raises(RuntimeError, match=r"trial 1 \(a\) has ended: it is complete"):
        trial.fail("late")
    with pytest.raises(ValueError, match="'complete', 'pruned', 'failed'"):
        search.log_trial("a", {}, 1.0, state="done")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without"):
        search.log_trial("a", {}, None)
    with pytest.raises(TypeError, match="dict of name to value, not list"):
        search.start_trial("a", [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="algorithm and a weight"):
        search.log_ensemble([{"algorithm": "a"}], method="greedy", score=1.0)
    with pytest.raises(ValueError, match="'maximize', 'minimize'"):
        tracker.start_search("accuracy", direction="up")
    with pytest.raises(TypeError, match="datetime"):
        search.start_trial("a", {}, start_time=5)  # type: ignore[arg-type]


def test_a_trial_whose_outcome_is_refused_has_failed(tracker: AutoMLTracker, root: Path) -> None:
    """`log_trial` leaves no run open that nobody has a handle of."""
    search = tracker.start_search("accuracy")
    with pytest.raises(TypeError, match="accuracy_std"):
        search.log_trial("a", {}, 0.5, std="wide")  # type: ignore[arg-type]

    run = trials(root)[1]
    assert (run["status"], run["tags"]["trial.state"]) == ("FAILED", "failed")
    assert run["tags"]["trial.error_type"] == "TypeError"
    search.log_trial("a", {}, 0.5)
    assert tracker.get_automl_report()["trials_by_status"]["running"] == 0


def test_a_search_needs_a_run_and_an_open_tracker(root: Path) -> None:
    """Before start_run, after end_run, after close."""
    tracker = AutoMLTracker(root, "none", auto_log=False)
    with pytest.raises(NoActiveRun, match="start_run"):
        tracker.start_search("loss")
    tracker.start_run()
    search = tracker.start_search("loss")
    tracker.end_run()
    with pytest.raises(NoActiveRun, match="not active"):
        search.start_trial("a", {})
    tracker.close()
    with pytest.raises(WriterClosed, match="closed"):
        tracker.start_search("loss")


def test_where_tracking_is_off_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled: every call is taken, no file is made."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    with AutoMLTracker(tmp_path / "none", "off") as tracker:
        tracker.start_run()
        with tracker.start_search("loss") as search, search.start_trial("a", {}) as trial:
            trial.report(0.5, 1)
            trial.complete(0.5, fold_scores=[0.5])
        search.log_ensemble([{"algorithm": "a", "weight": 1}], method="greedy", score=0.5)

    assert not (tmp_path / "none").exists()
    assert trial.state == "complete"


def test_a_tracker_that_is_pickled_keeps_what_it_tracks(tracker: AutoMLTracker) -> None:
    """In another process the same is left out."""
    tracker.track_ensemble_creation = False

    copy = pickle.loads(pickle.dumps(tracker))

    assert (copy.track_hyperparameter_search, copy.track_ensemble_creation) == (True, False)
    copy.close()


def test_trials_dont_change_what_the_last_run_is(tracker: AutoMLTracker, root: Path) -> None:
    """Questions without run_id go on meaning the search's run, also after its end."""
    tracker.start_search("loss").log_trial("a", {}, 0.5)
    tracker.log_metrics({"outer": 1.0})
    tracker.log_text("of the parent", "a.txt")
    tracker.end_run()

    assert tracker.get_artifact("a.txt").read_text() == "of the parent"
    assert Store(root).runs().filter(pl.col("status") == "RUNNING").collect().is_empty()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_ends_no_trial_of_its_parent(tracker: AutoMLTracker, root: Path) -> None:
    """An open trial is the parent's to end."""
    trial = tracker.start_search("loss").start_trial("a", {})
    child = os.fork()
    if child == 0:
        tracker.close()
        os._exit(0)
    os.waitpid(child, 0)
    trial.complete(0.5)

    assert trials(root)[1]["status"] == "FINISHED"
