"""steplog automl, and how a search's trials are kept from burying other runs in ls and show."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.readers.automl.searching import full_search
from tracker import AutoMLTracker, ExperimentTracker

Steplog = Callable[..., Any]
SPECIFIED = {
    "algorithms_tested": 3,
    "best_algorithm": "forest",
    "hyperparameter_trials": 7,
    "feature_selection_iterations": 2,
    "ensemble_size": 2,
    "cv_score": 0.905,
}


@pytest.fixture
def searched(tmp_path: Path) -> Path:
    """A store with a run that was searched in, and one that wasn't."""
    folder = tmp_path / "searched"
    with AutoMLTracker(folder, "study", auto_log=False) as tracker:
        with tracker.start_run("pipeline"):
            full_search(tracker)
        with tracker.start_run("other"):
            tracker.log_metrics({"accuracy": 0.5})
    return folder


def test_the_search_that_ran_last_is_reported(steplog: Steplog, searched: Path) -> None:
    """In a screenful: figures, leaderboard, ties, ensemble, features, errors, what to mind."""
    said = steplog("automl", "--store", searched)

    assert said.code == 0, said.err
    for text in (
        "pipeline  ended, engine by hand",
        "3 algorithms, 7 trials (4 complete, 1 pruned, 2 failed) in 58 s, stopped by trials",
        "roc_auc 0.905 (evaluation on nested cross-validation)",
        "best: forest  depth=6",
        "forest can't be told from linear; forest is better than 1 other.",
        "ensemble of 2: 0.92, +0.008 over the best single model, as the search told: forest 0.75, linear 0.25",
        "features: 2 of 4 kept in 2 iterations; stability 0.47 (fair)",
        "ValueError  boosting",
        "! The best score is the best of 4",
    ):
        assert text in said.out


def test_json_has_the_whole_report(steplog: Steplog, searched: Path) -> None:
    """Valid JSON, with the specification's figures among it."""
    answer = json.loads(steplog("automl", "pipeline", "--json", "--store", searched).out)

    assert {name: answer[name] for name in SPECIFIED} == SPECIFIED
    assert answer["errors"][0]["error_type"] == "ValueError"
    assert answer["best_so_far"][-1]["algorithm"] == "forest"
    assert answer["leaderboard"][-1]["score"] == "NaN"


@pytest.mark.parametrize("kind", ["leaderboard", "history"])
def test_a_picture_and_a_page_are_written(steplog: Steplog, searched: Path, tmp_path: Path, kind: str) -> None:
    """Beside what is printed."""
    picture, page = tmp_path / "out" / "a.png", tmp_path / "out" / "a.html"
    said = steplog("automl", "--plot", picture, "--kind", kind, "--report", page, "--store", searched)

    assert (said.code, said.err) == (0, "")
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert "Leaderboard" in page.read_text("utf-8")
    assert said.out.splitlines()[-2:][0] == f"picture: {picture}"


def test_a_run_without_a_search_says_so(steplog: Steplog, searched: Path) -> None:
    """An empty report is no error: the run is there."""
    said = steplog("automl", "other", "--store", searched)

    assert said.code == 0
    assert "! No search was logged in this run." in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pipelin",), "no run 'pipelin'"),
        (("pipeline", "--search", 3), "no search 3 in run"),
        (("pipeline", "--plot", "a.gif"), "a picture can't be saved as 'a.gif'"),
        (("pipeline", "--report", "a.pdf"), "a report is a web page: 'a.pdf' must end in .html"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    steplog: Steplog, searched: Path, arguments: tuple[object, ...], message: str
) -> None:
    """One line."""
    said = steplog("automl", *arguments, "--store", searched)

    assert said.code == 2
    assert said.err.startswith(f"steplog: {message}")
    assert said.err.count("\n") == 1


def test_a_store_without_any_search_says_so(steplog: Steplog, store: Path) -> None:
    """With what to give instead."""
    said = steplog("automl", "--store", store)

    assert (said.code, said.out) == (2, "")
    assert "no run has a search; give a RUN" in said.err


def test_hostile_names_are_shown_and_not_obeyed(steplog: Steplog, tmp_path: Path) -> None:
    """Of algorithms, params, errors and engines."""
    evil = "\x1b[31m[red]\u202egnp\n"
    with AutoMLTracker(tmp_path / "evil", "study", auto_log=False) as tracker, tracker.start_run(evil):
        search = tracker.start_search("roc_auc", engine=evil)
        search.log_trial(evil, {evil: evil}, 0.5)
        search.log_trial("b", {}, None, state="failed", error=evil, error_type=evil)
        search.end(stopped_by=evil)
    said = steplog("automl", "--store", tmp_path / "evil")

    assert said.code == 0, said.err
    assert not {"\x1b", "\u202e"} & set(said.out)
    assert "[red]" in said.out


def test_ls_folds_child_runs_into_their_parent(steplog: Steplog, searched: Path) -> None:
    """They are counted there, so that a search's trials don't bury the other runs; --children lists them."""
    folded = steplog("ls", "--store", searched)
    runs = json.loads(steplog("ls", "--store", searched, "--json").out)
    every = json.loads(steplog("ls", "--store", searched, "--json", "--children").out)

    assert "study  2 runs: 2 finished; 7 child runs in them, --children shows them" in folded.out
    assert [(run["run_name"], run["children"]) for run in runs] == [("other", 0), ("pipeline", 7)]
    assert len(every) == 9
    assert "--children" not in steplog("ls", "--store", searched, "--children").out


def test_ls_shows_a_child_whose_parent_is_not_among_the_runs(steplog: Steplog, searched: Path) -> None:
    """The failed trials of a finished search, for example."""
    runs = json.loads(steplog("ls", "--store", searched, "--status", "failed", "--json").out)

    assert [run["run_name"] for run in runs] == ["boosting 7", "boosting 6"]


def test_ls_hides_no_run_whose_parents_go_round_in_a_circle(steplog: Steplog, tmp_path: Path) -> None:
    """Its own parent, or its child's child: there is no line that it could be folded into."""
    with ExperimentTracker(tmp_path / "round", "round", auto_log=False) as tracker:
        for name, parent in (("own", "own"), ("one", "two"), ("two", "one"), ("below", "one")):
            tracker.start_run(name, run_id=name, parent=parent)
            tracker.end_run()
    runs = json.loads(steplog("ls", "--store", tmp_path / "round", "--json").out)

    assert {run["run_name"] for run in runs} == {"own", "one", "two", "below"}


def test_ls_says_that_child_runs_may_have_a_metric(steplog: Steplog, searched: Path) -> None:
    """Asked for it, it can't be found in the others."""
    said = steplog("ls", "--store", searched, "--metric", "roc_auc")

    assert said.code == 2
    assert "--children asks the child runs too" in said.err
    assert "roc_auc" in steplog("ls", "--store", searched, "--metric", "roc_auc", "--children").out


def test_show_counts_child_runs_and_names_the_report(steplog: Steplog, searched: Path, store: Path) -> None:
    """Where there are some; a run without children says nothing of them."""
    said = steplog("show", "pipeline", "--store", searched).out
    answer = json.loads(steplog("show", "pipeline", "--store", searched, "--json").out)
    other = steplog("show", "good", "--store", store).out

    assert "child runs  7 (5 finished, 2 failed)" in said
    assert f"'steplog automl {answer['run_id']}' reports the search" in said
    assert (answer["children"], answer["searches"]) == ({"FINISHED": 5, "FAILED": 2}, 1)
    assert "child runs" not in other


def test_nested_runs_that_are_no_search_fold_too(steplog: Steplog, tmp_path: Path) -> None:
    """Grandchildren as well; each is counted where it belongs."""
    with (
        ExperimentTracker(tmp_path / "nested", "study", auto_log=False) as tracker,
        tracker.start_run("top"),
        tracker.start_run("middle", nested=True),
        tracker.start_run("leaf", nested=True),
    ):
        tracker.log_params({"x": 1})
    folded = json.loads(steplog("ls", "--store", tmp_path / "nested", "--json").out)
    every = json.loads(steplog("ls", "--store", tmp_path / "nested", "--json", "--children").out)

    assert [(run["run_name"], run["children"]) for run in folded] == [("top", 1)]
    assert {run["run_name"]: run["children"] for run in every} == {"top": 1, "middle": 1, "leaf": 0}
