"""A search that goes on: what was logged of it before is counted on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tracker import AutoMLTracker
from tracker.automl.search import Search


def test_a_search_goes_on_in_another_process_where_it_was(tmp_path: Path) -> None:
    """Trials are numbered on, and its end counts those of before."""
    with AutoMLTracker(tmp_path / "store", "on", auto_log=False) as tracker, tracker.start_run("first") as run_id:
        search = tracker.start_search("accuracy", engine="mine")
        search.log_trial("SVC", {"C": 1}, 0.5)
        search.log_trial("SVC", {"C": 2}, 0.9)
        search.end()
        tracker.start_search("loss").log_trial("SVC", {"C": 3}, 0.1)

    with AutoMLTracker(tmp_path / "store", "on", auto_log=False) as later:
        later.start_run(run_id=str(run_id), resume=True)
        again = Search(later, "accuracy", number=1)
        trial = again.log_trial("SVC", {"C": 4}, 0.7)
        again.end()
        report = later.get_automl_report(str(run_id), search=1)

    assert (again.number, trial.number) == (1, 3)
    assert (report["engine"], report["hyperparameter_trials"], report["leaderboard"][0]["score"]) == ("mine", 3, 0.9)


def test_a_search_of_the_past_keeps_its_times(tmp_path: Path) -> None:
    """Its report counts from its own start."""
    began = datetime.now(UTC) - timedelta(days=1)
    with AutoMLTracker(tmp_path / "store", "past", auto_log=False) as tracker, tracker.start_run("run"):
        search = Search(tracker, "accuracy", start_time=began)
        search.log_trial("SVC", {}, 0.5, start_time=began, end_time=began + timedelta(seconds=5))
        search.end(end_time=began + timedelta(seconds=6))
        report = tracker.get_automl_report()

    assert report["best_so_far"][0].time_s == pytest.approx(5)
