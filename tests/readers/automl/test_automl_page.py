"""The page of a search: one file that says it all and loads nothing, whatever is known, whatever the names are."""

from pathlib import Path

import pytest

from ingest.errors import LookupFailed, RunNotFound
from readers.automl.page import write_automl_report
from readers.store import Store
from tests.readers.automl.searching import full_search
from tests.readers.test_report import HOSTILE, Page
from tracker import AutoMLTracker

ALWAYS = ["caveats", "leaderboard", "course", "evaluation", "parameters", "errors", "setup"]


def page(tracker: AutoMLTracker, path: Path) -> Page:
    """The page of the tracker's run."""
    tracker.flush()
    return Page(write_automl_report(Store(tracker.root), str(tracker.active_run()), path))


def test_a_page_answers_all_questions_in_one_file(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """With its pictures inside; the tie set, the choice, the errors in words."""
    full_search(tracker)
    found = page(tracker, tmp_path / "made" / "out.html")
    text = " ".join(found.text.split())

    assert found.sections == [*ALWAYS[:4], "ensemble", "features", *ALWAYS[4:]]
    assert len(found.pictures) == 2
    assert all(picture[:5] in (b"<?xml", b"\x89PNG\r") for picture in found.pictures)
    for words in (
        "algorithms tested 3",
        "roc_auc (evaluation on nested cross-validation) 0.905",
        "forest can't be told from linear",
        "The search chose forest: depth 6.",
        "That is by 0.008 better than 0.912",
        "2 of 4 features were kept",
        "column 3 has NaN",
        "Nadeau & Bengio 2003",
        "sha256 abab",
    ):
        assert words in text


def test_a_page_loads_and_runs_nothing(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """With names that would like to: of algorithms, params, features, errors, whatever a search tells."""
    search = tracker.start_search("accuracy", engine=HOSTILE, task=HOSTILE, data={HOSTILE: HOSTILE})
    for number in range(12):
        search.log_trial(HOSTILE, {HOSTILE: number}, number / 12, fold_scores=[0.5, 0.6, number / 12])
    search.log_trial("b", {HOSTILE: HOSTILE}, None, state="failed", error=HOSTILE, error_type=HOSTILE)
    search.log_feature_selection(method=HOSTILE, before=[HOSTILE, "x"], selected=["x"], frequencies={HOSTILE: 0.5})
    search.log_ensemble([{"algorithm": HOSTILE, "weight": 1, "params": {"a": HOSTILE}}], method=HOSTILE, score=0.5)
    search.log_evaluation({HOSTILE: 1.0}, on=HOSTILE)
    search.end(stopped_by=HOSTILE)
    found = page(tracker, tmp_path / "out.html")

    assert found.loads == []
    assert not {"script", "link", "iframe", "object", "form"} & set(found.tags)
    assert found.tags.count("img") == len(found.pictures) == 3
    assert HOSTILE in found.text
    assert "default-src 'none'" in (tmp_path / "out.html").read_text("utf-8")


def test_a_page_of_nothing_says_so(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """No question is left out."""
    found = page(tracker, tmp_path / "out.html")
    text = " ".join(found.text.split())

    assert found.sections == ALWAYS
    assert "No search was logged in this run." in text
    assert "There were no trials." in text


def test_a_page_of_trials_that_made_no_runs(tmp_path: Path) -> None:
    """Their course isn't known, the algorithms are."""
    with AutoMLTracker(tmp_path / "s", "study", auto_log=False, track_hyperparameter_search=False) as tracker:
        tracker.start_run("search")
        full_search(tracker)
        text = " ".join(page(tracker, tmp_path / "out.html").text.split())

    assert "They made no runs of their own" in text
    assert "forest" in text


def test_a_page_that_cannot_be_written_is_refused_first(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Another suffix, a run or a search that isn't there."""
    run_id = str(tracker.active_run())
    tracker.flush()
    store = Store(tracker.root)

    with pytest.raises(ValueError, match=r"must end in \.html"):
        write_automl_report(store, run_id, tmp_path / "out.pdf")
    with pytest.raises(RunNotFound, match="no run 'nope'"):
        write_automl_report(store, "nope", tmp_path / "out.html")
    with pytest.raises(LookupFailed, match="no search 2"):
        write_automl_report(store, run_id, tmp_path / "out.html", search=2)
    assert not list(tmp_path.glob("out.*"))


def test_the_tracker_writes_the_same_page(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Of its current run."""
    full_search(tracker)

    assert tracker.write_automl_report(tmp_path / "a.html") == tmp_path / "a.html"
    assert "forest" in Page(tmp_path / "a.html").text
