"""A search that was sent to an MLflow server: what its trials tell is there, and the report of the server has it."""

from pathlib import Path

import pytest

from readers.automl.report import automl_report
from readers.mlflow.source import MLflowSource
from tests.mlflow.sending import send
from tests.readers.automl.searching import FOLDS, full_search
from tracker import AutoMLTracker


def test_a_report_of_the_server_has_what_its_trials_tell(tmp_path: Path, mlflow_uri: str) -> None:
    """Leaderboard, folds, ties, errors; what the search told of itself is in the store alone, and that is said."""
    with AutoMLTracker(tmp_path / "store", f"study {tmp_path.name}", auto_log=False) as tracker:
        run_id = str(tracker.start_run("search"))
        full_search(tracker)
        tracker.end_run()
        own = tracker.get_automl_report(run_id)
    send(tmp_path / "store", mlflow_uri)
    found = automl_report(MLflowSource(mlflow_uri).frames(), run_id)
    theirs, ours = dict(found), dict(own)
    same = ("algorithms_tested", "hyperparameter_trials", "best_algorithm", "metric", "trials_by_status")

    assert [theirs[name] for name in same] == [ours[name] for name in same]
    assert [(row["rank"], row["algorithm"]) for row in found["leaderboard"]] == [
        (row["rank"], row["algorithm"]) for row in own["leaderboard"]
    ]
    assert found["leaderboard"][0]["fold_scores"] == FOLDS["forest"]
    assert found["tie_set"]["algorithms"] == own["tie_set"]["algorithms"]
    assert [one[:4] for one in found["errors"]] == [one[:4] for one in own["errors"]]
    assert (found["ensemble_size"], found["cv_score_of"]) == (0, "best trial")
    assert found["caveats"][0].startswith("Only the trials are here")


def test_a_tracker_reports_from_its_own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a server behind it that lacks what the search told of itself, or doesn't answer at all."""
    monkeypatch.setenv("STEPLOG_FORWARD_WAIT", "0")
    with AutoMLTracker(tmp_path / "store", "study", "mlflow", "http://127.0.0.1:9", auto_log=False) as tracker:
        tracker.start_run("search")
        full_search(tracker)
        found = tracker.get_automl_report()

    assert (found["ensemble_size"], found["cv_score"], found["engine"]) == (2, 0.905, "by hand")
