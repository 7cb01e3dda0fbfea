"""The AutoML report: what it says of searches that ended, go on, were cut off, failed, or never were."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import LookupFailed, RunNotFound
from ingest.events import FactLogged
from ingest.jsontext import to_json
from readers.automl.parameters import MOST_PERMUTED
from readers.automl.report import AutoMLReport, automl_report
from readers.store import Store
from tests.readers.automl.searching import FOLDS, full_search, trial
from tracker import AutoMLTracker, ExperimentTracker
from tracker.cli.screen import json_value

T0 = datetime(2026, 11, 1, 12, tzinfo=UTC)


def report(tracker: ExperimentTracker, search: int | None = None) -> AutoMLReport:
    """The report of the tracker's current run, made by another reader."""
    tracker.flush()
    return automl_report(Store(tracker.root), str(tracker.active_run()), search)


def test_the_six_figures_of_the_specification(tracker: AutoMLTracker) -> None:
    """Algorithms without the baseline, all trials, the search's choice, and the score of the nested evaluation."""
    full_search(tracker)
    found = report(tracker)

    assert found["algorithms_tested"] == 3
    assert found["best_algorithm"] == "forest"
    assert found["hyperparameter_trials"] == 7
    assert found["feature_selection_iterations"] == 2
    assert found["ensemble_size"] == 2
    assert found["cv_score"] == 0.905
    assert found["cv_score_of"] == "evaluation on nested cross-validation"
    assert repr(found) == repr(tracker.get_automl_report())


def test_all_else_that_a_search_told_is_there(tracker: AutoMLTracker) -> None:
    """As it told it."""
    search = full_search(tracker)
    found = report(tracker)

    assert set(found) == set(get_type_hints(AutoMLReport))
    assert (found["run_id"], found["run_name"], found["experiment"]) == (search.run_id, "search", "study")
    assert (found["search"], found["status"], found["engine"], found["task"]) == (1, "ended", "by hand", "binary")
    assert (found["metric"], found["direction"], found["seed"]) == ("roc_auc", "maximize", 7)
    assert (found["budget"], found["spent"]) == ({"trials": 10, "time_s": 60}, {"time_s": 58.5, "trials": 10})
    assert (found["stopped_by"], found["data"]["sha256"]) == ("trials", "ab" * 32)
    assert found["trials_by_status"] == {"complete": 4, "pruned": 1, "failed": 2, "running": 0, "interrupted": 0}
    assert found["best_params"] == {"depth": 6}
    assert found["selection"]["fold_scores"] == FOLDS["forest"]
    assert found["feature_selection"]["before"] == list("abcd")
    assert found["feature_selection"]["after"] == list("ab")
    assert found["evaluation"]["std"] == {"roc_auc": 0.02}


def test_the_leaderboard_has_each_algorithms_best_trial(tracker: AutoMLTracker) -> None:
    """Complete ones only: a pruned one has the best score, and doesn't count. Algorithms without a score come last."""
    full_search(tracker)
    rows = report(tracker)["leaderboard"]

    assert [(row["rank"], row["algorithm"], row["status"]) for row in rows] == [
        (1, "forest", "complete"),
        (1, "linear", "complete"),
        (3, "baseline", "complete"),
        (4, "boosting", "failed"),
    ]
    assert [row["trials"] for row in rows] == [3, 1, 1, 2]
    assert [row["baseline"] for row in rows] == [False, False, True, False]
    first, last = rows[0], rows[-1]
    assert (first["trial"], round(first["score"], 9), first["std"]) == (3, 0.912, 0.01)
    assert (first["fit_time_s"], first["predict_time_s"]) == (2.5, 0.5)
    assert first["params"] == {"depth": 6, "leaf": {"min": 2}}
    assert first["fold_scores"] == FOLDS["forest"]
    assert math.isnan(last["score"])
    assert last["fold_scores"] == []


def test_errors_of_one_kind_are_counted_together(tracker: AutoMLTracker) -> None:
    """With the first one's text."""
    full_search(tracker)

    (found,) = report(tracker)["errors"]
    assert found[:4] == ("ValueError", "boosting", 2, "column 3 has NaN")


def test_ties_are_told_by_the_folds(tracker: AutoMLTracker) -> None:
    """Equal means of equal spread can't be told apart, and the baseline can."""
    full_search(tracker)
    found = report(tracker)["tie_set"]

    assert (found["best"], found["algorithms"], found["untested"]) == ("forest", ["forest", "linear"], [])
    assert found["test_train_ratio"] == 0.25
    assert [one["algorithm"] for one in found["comparisons"] if one["told_apart"]] == ["baseline"]


def test_an_ensemble_has_its_gain_in_the_metrics_direction(tracker: AutoMLTracker) -> None:
    """The heaviest member first; where less is better, a lower score is a gain."""
    full_search(tracker)
    made = report(tracker)["ensemble"]
    loss = tracker.start_search("log_loss")
    trial(loss, "forest", {}, [0.5, 0.5, 0.5])
    loss.log_ensemble([{"algorithm": "forest", "weight": 1}, {"algorithm": "knn", "weight": 0}], method="m", score=0.4)

    assert [one["algorithm"] for one in made["members"]] == ["forest", "linear"]
    assert made["gain"] == pytest.approx(0.008)
    assert made["gain_over"] == "the best single model, as the search told"
    other = report(tracker)
    assert (round(other["ensemble"]["gain"], 9), other["ensemble"]["gain_over"]) == (0.1, "the best trial")
    assert (other["ensemble_size"], other["best_algorithm"]) == (1, "forest")


def test_less_is_better_where_the_search_says_so(tracker: AutoMLTracker) -> None:
    """Whatever the metric is called."""
    search = tracker.start_search("score", direction="minimize")
    trial(search, "a", {}, [0.9, 0.9, 0.9])
    trial(search, "b", {}, [0.1, 0.1, 0.1])
    found = report(tracker)

    assert (found["direction"], found["best_algorithm"], round(found["cv_score"], 9)) == ("minimize", "b", 0.1)
    assert [one.algorithm for one in found["best_so_far"]] == ["a", "b"]


def test_the_best_so_far_goes_by_when_trials_ended(tracker: AutoMLTracker) -> None:
    """Side by side they don't end in the order of their numbers; what failed, or was pruned, is no best."""
    search = tracker.start_search("accuracy")
    ends = [
        (0.5, 30, "complete"),
        (0.7, 10, "complete"),
        (0.6, 20, "complete"),
        (0.99, 25, "pruned"),
        (0.8, 40, "complete"),
    ]
    for score, seconds, state in ends:
        end = T0 + timedelta(seconds=seconds)
        search.log_trial("a", {}, score, state=state, start_time=T0, end_time=end)  # type: ignore[arg-type]
    found = report(tracker)
    started = found["started"]
    assert started is not None
    offset = (T0 - started).total_seconds()

    assert [(one.number, one.score) for one in found["best_so_far"]] == [(2, 0.7), (5, 0.8)]
    assert [one.time_s for one in found["best_so_far"]] == pytest.approx([10 + offset, 40 + offset])


def test_a_search_that_goes_on_is_reported_as_far_as_it_is(tracker: AutoMLTracker) -> None:
    """From another reader, with a trial that is running."""
    search = tracker.start_search("accuracy", algorithms=["a"])
    trial(search, "a", {"x": 1}, [0.5, 0.6, 0.7])
    going = search.start_trial("b", {"x": 2})
    going.report(0.4, 0)
    found = report(tracker)

    assert (found["status"], found["best_algorithm"], round(found["cv_score"], 9)) == ("running", "a", 0.6)
    assert found["cv_score_of"] == "best trial"
    assert found["trials_by_status"]["running"] == 1
    assert [row["status"] for row in found["leaderboard"]] == ["complete", "running"]
    assert math.isnan(found["leaderboard"][1]["score"])
    assert found["spent"]["trials"] == 2
    assert any("still going on" in text for text in found["caveats"])


def test_a_search_that_was_killed_is_reported_as_far_as_it_came(tmp_path: Path) -> None:
    """By another process, with what it had told before kill -9."""
    script = """
import os, signal, sys
from tracker import AutoMLTracker
tracker = AutoMLTracker(sys.argv[1], "study", auto_log=False)
print(tracker.start_run("search"), flush=True)
search = tracker.start_search("accuracy", seed=3)
search.log_trial("a", {"x": 1}, 0.5, fold_scores=[0.4, 0.6])
search.start_trial("b", {"x": 2})
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store")], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = automl_report(Store(tmp_path / "store"), done.stdout.strip())

    assert (found["status"], found["seed"], found["best_algorithm"]) == ("interrupted", 3, "a")
    assert found["trials_by_status"] == {"complete": 1, "pruned": 0, "failed": 0, "running": 0, "interrupted": 1}
    assert any("cut off" in text for text in found["caveats"])


def test_a_run_without_a_search_has_an_empty_report(tracker: AutoMLTracker) -> None:
    """All keys, nothing in them, and it says so."""
    found = report(tracker)

    assert set(found) == set(get_type_hints(AutoMLReport))
    assert (found["algorithms_tested"], found["hyperparameter_trials"], found["ensemble_size"]) == (0, 0, 0)
    assert (found["best_algorithm"], found["search"], found["status"]) == ("", 0, "")
    assert math.isnan(found["cv_score"])
    assert (found["leaderboard"], found["best_trial"], found["best_so_far"]) == ([], None, [])
    assert found["caveats"] == ["No search was logged in this run."]


def test_a_search_without_trials_has_its_setup(tracker: AutoMLTracker) -> None:
    """Nothing was tried yet."""
    tracker.start_search("accuracy", engine="e", algorithms=["a", "b"])
    found = report(tracker)

    assert (found["search"], found["status"], found["metric"], found["engine"]) == (1, "running", "accuracy", "e")
    assert (found["algorithms_tested"], found["leaderboard"]) == (0, [])


def test_a_search_of_which_all_failed(tracker: AutoMLTracker) -> None:
    """There is no best, and the failures are said."""
    search = tracker.start_search("accuracy")
    for number in range(3):
        search.log_trial("a", {"x": number}, None, state="failed", error="no", error_type="Timeout")
    search.end(stopped_by="error")
    found = report(tracker)

    assert (found["best_algorithm"], found["best_trial"], found["best_params"]) == ("", None, {})
    assert math.isnan(found["cv_score"])
    assert [one[:3] for one in found["errors"]] == [("Timeout", "a", 3)]
    assert found["caveats"][0] == "3 of 3 trials failed: what they would have scored isn't known."


def test_scores_that_are_no_numbers_are_no_best(tracker: AutoMLTracker) -> None:
    """A complete trial may have NaN or an infinity; it is counted, and said."""
    search = tracker.start_search("accuracy")
    for score in (math.nan, math.inf, 0.5):
        search.log_trial("a", {}, score)
    search.log_trial("b", {}, math.nan)
    found = report(tracker)

    assert [(row["algorithm"], row["score"]) for row in found["leaderboard"][:1]] == [("a", 0.5)]
    assert math.isnan(found["leaderboard"][1]["score"])
    assert any("3 complete trials had no finite score" in text for text in found["caveats"])


def test_untracked_parts_are_said_and_counts_remain(tmp_path: Path) -> None:
    """Without runs of their own the trials are counted, and the algorithms known by their best scores."""
    off: dict[str, Any] = {
        "track_hyperparameter_search": False,
        "track_model_selection": False,
        "track_ensemble_creation": False,
    }
    with AutoMLTracker(tmp_path / "store", "study", auto_log=False, **off) as tracker:
        tracker.start_run("search")
        full_search(tracker)
        found = report(tracker)

    assert found["hyperparameter_trials"] == 7
    assert found["trials_by_status"]["failed"] == 2
    assert [(row["algorithm"], row["trials"]) for row in found["leaderboard"]] == [
        ("forest", 3), ("linear", 1), ("baseline", 1), ("boosting", 2),
    ]  # fmt: skip
    assert (found["algorithms_tested"], found["best_algorithm"]) == (3, "forest")
    assert (found["feature_selection_iterations"], found["ensemble_size"]) == (0, 0)
    assert "no scores by fold" in found["tie_set"]["method"]
    assert any("hyperparameter search, model selection, ensemble creation" in text for text in found["caveats"])


def test_the_last_search_of_a_run_is_meant_unless_another_is_asked_for(tracker: AutoMLTracker) -> None:
    """Each with its own trials; one that isn't there is an error that says which are."""
    first = tracker.start_search("accuracy")
    first.log_trial("a", {}, 0.5)
    second = tracker.start_search("f1")
    second.log_trial("b", {}, 0.25)
    second.log_trial("c", {}, 0.125)

    assert (report(tracker)["metric"], report(tracker)["hyperparameter_trials"]) == ("f1", 2)
    assert (report(tracker, 1)["best_algorithm"], report(tracker, 1)["cv_score"]) == ("a", 0.5)
    with pytest.raises(LookupFailed, match=r"no search 9 in run \w+; it has: 1, 2"):
        report(tracker, 9)
    with pytest.raises(TypeError, match=r"search is the number of one in its run, .* not 'f1'"):
        report(tracker, "f1")  # type: ignore[arg-type]
    with pytest.raises(RunNotFound, match="no run 'nope'"):
        automl_report(Store(tracker.root), "nope")


@pytest.mark.parametrize(
    ("told", "score", "of"),
    [
        (("evaluation", "ensemble", "selection"), 0.1, "evaluation on nested cross-validation"),
        (("ensemble", "selection", "holdout"), 0.2, "ensemble"),
        (("selection", "holdout"), 0.3, "selection"),
        (("holdout", "trial"), 0.4, "best trial"),
        (("holdout",), 0.5, "evaluation on holdout"),
    ],
)
def test_the_cross_validated_score_is_that_of_the_final_model(
    tracker: AutoMLTracker, told: tuple[str, ...], score: float, of: str
) -> None:
    """A score on a holdout isn't one by cross-validation: it comes last, and is called what it is."""
    search = tracker.start_search("accuracy")
    tell: dict[str, Any] = {
        "evaluation": lambda: search.log_evaluation({"accuracy": 0.1}, on="nested cross-validation"),
        "ensemble": lambda: search.log_ensemble([{"algorithm": "a", "weight": 1}], method="m", score=0.2),
        "selection": lambda: search.log_selection("a", {}, 0.3),
        "trial": lambda: search.log_trial("a", {}, 0.4),
        "holdout": lambda: search.log_evaluation({"accuracy": 0.5}, on="holdout"),
    }
    for what in told:
        tell[what]()
    found = report(tracker)

    assert (found["cv_score"], found["cv_score_of"]) == (score, of)


def test_the_param_that_matters_comes_first(tracker: AutoMLTracker) -> None:
    """For an algorithm with trials enough; for one with too few the reason is given."""
    search = tracker.start_search("accuracy")
    rng = np.random.default_rng(0)
    for lr, depth in zip(rng.random(40), rng.integers(1, 9, 40), strict=True):
        search.log_trial("a", {"lr": float(lr), "depth": int(depth)}, float(lr) + 0.001 * float(depth))
    search.log_trial("b", {"C": 1}, 0.5)
    found = report(tracker)

    first, second = found["parameter_importance"]["a"]
    assert (first["param"], first["rank"], second["param"]) == ("lr", 1, "depth")
    assert first["low"] <= first["importance"] <= first["high"]
    assert first["effect"] > 0.9
    assert found["parameter_importance"]["b"] == []
    assert found["parameter_notes"]["b"] == [
        "1 complete trials are too few to tell which params matter; 10 are the least"
    ]


def test_what_to_mind_is_said(tracker: AutoMLTracker) -> None:
    """Selection by the score, few folds, unequal chances, no evaluation, a baseline that isn't beaten."""
    search = tracker.start_search("accuracy", cross_validation={"folds": 3})
    trial(search, "baseline", {}, [0.5, 0.6, 0.7])
    for _ in range(6):
        trial(search, "a", {}, [0.6, 0.5, 0.75])
    trial(search, "b", {}, [0.4, 0.4, 0.45])
    search.end()

    said = " ".join(report(tracker)["caveats"])
    assert "the best of 8" in said
    assert "Cawley & Talbot 2010" in said
    assert "Scores are of 3 folds" in said
    assert "a 6 trials, b 1 trial" in said
    assert "No evaluation of the final model" in said
    assert "isn't told apart from the baseline (baseline)" in said


def test_child_runs_of_another_program_are_taken_for_trials(tmp_path: Path) -> None:
    """By their group, their status and the metric that speaks for them; and it is said."""
    with ExperimentTracker(tmp_path / "store", "study", auto_log=False) as tracker:
        parent = tracker.start_run("sweep")
        for number, status in enumerate(["FINISHED", "FINISHED", "FAILED"]):
            child = tracker.start_run(f"child {number}", parent=parent, group="net")
            tracker.log_params({"lr": number}, run_id=child)
            tracker.log_metrics({"val_loss": 1.0 - 0.1 * number}, run_id=child)
            tracker.end_run(status)
        tracker.flush()
        found = automl_report(Store(tmp_path / "store"), parent)

    assert (found["metric"], found["direction"], found["best_algorithm"]) == ("val_loss", "minimize", "net")
    assert found["trials_by_status"] == {"complete": 2, "pruned": 0, "failed": 1, "running": 0, "interrupted": 0}
    assert found["best_params"] == {"lr": 1}
    assert found["caveats"][0].startswith("No search was logged in this run: its child runs are taken for trials")


def test_other_child_runs_of_a_searched_run_are_no_trials(tracker: AutoMLTracker) -> None:
    """Nor are their trials' children, nor those of another search."""
    parent = str(tracker.active_run())
    search = tracker.start_search("accuracy")
    search.log_trial("a", {}, 0.5)
    with tracker.start_run("a plot of it", parent=parent):
        tracker.log_metrics({"accuracy": 0.9})
    tracker.flush()
    found = automl_report(Store(tracker.root), parent)

    assert (found["hyperparameter_trials"], found["cv_score"]) == (1, 0.5)


class Counting:
    """A store that counts what it is asked for."""

    def __init__(self, store: Store) -> None:
        self.store, self.asked = store, 0

    def __getattr__(self, name: str) -> Any:
        """Its tables."""
        self.asked += name in {"runs", "params", "tags", "metrics", "facts", "summaries"}
        return getattr(self.store, name)


def test_many_trials_take_as_many_reads_as_few(tmp_path: Path) -> None:
    """No question per trial."""
    asked = []
    for trials in (30, 300):
        with AutoMLTracker(tmp_path / str(trials), "study", auto_log=False) as tracker:
            run_id = tracker.start_run("search")
            search = tracker.start_search("accuracy")
            for number in range(trials):
                search.log_trial("ab"[number % 2], {"x": number % 7}, number / 300)
            tracker.flush()
            counting = Counting(Store(tracker.root))
            assert automl_report(counting, run_id)["hyperparameter_trials"] == trials
            asked.append(counting.asked)

    assert asked[0] == asked[1] <= 9


class WithoutFacts:
    """A source as a server is one: its runs have params, tags and metrics, and no facts of another kind."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        """As the store has it."""
        return getattr(self.store, name)

    def facts(self, kinds: Any = None, runs: Any = None, experiments: Any = None) -> pl.LazyFrame:
        """Params, tags and models."""
        return self.store.facts(kinds, runs, experiments).filter(pl.col("kind").is_in(["param", "tag", "model"]))


def test_trials_alone_make_a_report(tracker: AutoMLTracker) -> None:
    """Where nobody kept what the search told of itself: the metric is told by the trials' folds."""
    full_search(tracker)
    tracker.flush()
    found = automl_report(WithoutFacts(Store(tracker.root)), str(tracker.active_run()))

    assert (found["metric"], found["best_algorithm"], found["search"]) == ("roc_auc", "forest", 1)
    assert found["trials_by_status"]["failed"] == 2
    assert found["tie_set"]["algorithms"] == ["forest", "linear"]
    assert "which is assumed" in found["tie_set"]["method"]
    assert found["caveats"][:2] == [
        "Only the trials are here, not what the search told of itself: a server keeps no such facts.",
        "The metric wasn't told; by what the trials logged it is 'roc_auc'.",
    ]


_WORDS = """
    metric direction members weight trials algorithms best on metrics selected before frequencies folds score started
    tracked seed complete spent std algorithm params fold_scores trial features test_fraction cross_validation method
    best_single hyperparameter_search stopped_by budget data engine task
"""
_NAMES = _WORDS.split()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=8,
)
_FACTS = st.dictionaries(
    st.sampled_from(["search", "end", "ensemble", "selection", "evaluation", "feature_selection/001", "other", ""]),
    st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=12) | _JSON,
    min_size=1,
)
_number = itertools.count(1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_FACTS)
def test_facts_that_another_program_wrote_break_nothing(tracker: AutoMLTracker, facts: dict[str, Any]) -> None:
    """Whatever JSON stands under the keys, there is a report, and it can be printed."""
    number = next(_number)
    items = {f"{number}/{what}": to_json(told) for what, told in facts.items()} | {"x/search": "{}", "nothing": "1"}
    tracker._append(FactLogged(str(tracker.active_run()), "study", tracker._now(), "automl", items))
    found = report(tracker)

    assert set(found) == set(get_type_hints(AutoMLReport))
    json.dumps(json_value(found), allow_nan=False)


def test_the_features_of_the_choice_are_told_by_the_search(tracker: AutoMLTracker) -> None:
    """Not guessed from the last iteration, where the choice has its own."""
    search = tracker.start_search("accuracy")
    search.log_feature_selection(method="rfe", before=list("abc"), selected=list("abc"))
    search.log_feature_selection(method="rfe", before=list("abc"), selected=["a"])
    search.log_selection("forest", {}, 0.5, features=list("abc"))

    found = report(tracker)["feature_selection"]
    assert (found["after"], found["iteration"]) == (["a", "b", "c"], 1)


@pytest.mark.parametrize(
    ("on", "flatters"),
    [("repeated cross-validation", True), ("", True), ("nested cross-validation", False), ("holdout", False)],
)
def test_an_evaluation_on_rows_that_the_choice_saw_is_said_to_flatter(
    tracker: AutoMLTracker, on: str, flatters: bool
) -> None:
    """Less than the score that the choice was made by."""
    search = tracker.start_search("accuracy")
    search.log_trial("a", {}, 0.5)
    search.log_evaluation({"accuracy": 0.5}, on=on)

    assert any("it flatters, too" in text for text in report(tracker)["caveats"]) == flatters


def test_a_trial_may_be_tagged_as_a_baseline(tracker: AutoMLTracker) -> None:
    """Whatever its algorithm is called; those called "baseline" or "dummy" are one without."""
    search = tracker.start_search("accuracy")
    for name in ("majority", "DummyClassifier", "naive_bayes"):
        search.log_trial(name, {}, 0.5, tags={"trial.baseline": name == "majority"})

    found = report(tracker)
    assert {row["algorithm"]: row["baseline"] for row in found["leaderboard"]} == {
        "majority": True, "DummyClassifier": True, "naive_bayes": False,
    }  # fmt: skip
    assert found["algorithms_tested"] == 1


def test_very_many_trials_have_a_quicker_method(tracker: AutoMLTracker) -> None:
    """PED-ANOVA; it finds the same param, and the report says which method it was."""
    search = tracker.start_search("accuracy")
    for lr, depth in np.random.default_rng(0).random((MOST_PERMUTED + 10, 2)).tolist():
        search.log_trial("a", {"lr": lr, "depth": depth}, lr)
    found = report(tracker)

    assert found["parameter_method"] == "pedanova"
    assert found["parameter_importance"]["a"][0]["param"] == "lr"
