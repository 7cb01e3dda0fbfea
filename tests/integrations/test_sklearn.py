"""scikit-learn: fits that log themselves, searches whose candidates are trials."""

import logging
import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - the halving searches are behind it
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from readers.store import RunRecord, Store
from tracker import AutoMLTracker, ExperimentTracker, WriterClosed
from tracker.integrations.sklearn import autolog, log_search, track_search
from tracker.integrations.tracebacks import error_of

X, y = load_iris(return_X_y=True)
GRID = {"C": [0.1, 1.0], "kernel": ["rbf", "linear"]}

# scikit-learn's own words on what the tests do on purpose
NO_SCORES = pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[AutoMLTracker]:
    """A tracker without auto_log; scikit-learn is put back as it was, whatever the test did."""
    with AutoMLTracker(tmp_path / "store", "sklearn", auto_log=False) as made:
        yield made
        autolog(disable=True)


def runs(tracker: ExperimentTracker) -> list[RunRecord]:
    """All runs but trials."""
    return [run for run in tracker.get_experiment_runs() if "trial.number" not in run["tags"]]


def trials(tracker: ExperimentTracker) -> list[RunRecord]:
    """The trials of all searches."""
    return [run for run in tracker.get_experiment_runs() if "trial.number" in run["tags"]]


def names(tracker: ExperimentTracker) -> list[str]:
    """Names of all runs but trials."""
    return [run["run_name"] for run in runs(tracker)]


def points(tracker: ExperimentTracker, run_id: str, key: str) -> dict[int, float]:
    """A metric's values by step."""
    tracker.flush()
    found = Store(tracker.root).metrics(keys=[key]).collect()
    return {row["step"]: row["value"] for row in found.iter_rows(named=True) if row["run_id"] == run_id}


def broken_at(message: str = "no such thing") -> type[BaseEstimator]:
    """A classifier whose fit fails where `fails` says so."""

    class Brittle(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, fails: str = "never") -> None:
            self.fails = fails

        def fit(self, X: Any, y: Any) -> "Brittle":
            if self.fails == "always" or (self.fails == "sometimes" and y[0] == 0 and len(np.unique(y)) < 3):
                raise ArithmeticError(message)
            self.classes_ = np.unique(y)
            return self

        def predict(self, X: Any) -> Any:
            return np.full(len(X), self.classes_[0])

    return Brittle


# --- fits


def test_a_fit_is_a_run_with_params_data_time_training_scores_and_the_model(tracker: AutoMLTracker) -> None:
    """Everything that MLflow's autolog gives, under its names."""
    with autolog(tracker):
        model = LogisticRegression(C=0.5, max_iter=500).fit(X, y)

    (run,) = runs(tracker)
    assert (run["run_name"], run["status"]) == ("LogisticRegression", "FINISHED")
    assert run["params"]["C"] == 0.5
    assert run["metrics"]["training_accuracy_score"] == pytest.approx(model.score(X, y))
    assert set(run["metrics"]) == {
        "fit_time_s",
        "training_accuracy_score",
        "training_f1_score",
        "training_log_loss",
    } | {f"training_{name}" for name in ("precision_score", "recall_score", "roc_auc")}
    assert run["tags"]["estimator_class"] == "sklearn.linear_model._logistic.LogisticRegression"
    data = run["tags"]["data"]
    assert (data["rows"], data["columns"], data["classes"]) == (150, 4, ["0", "1", "2"])
    assert len(data["sha256"]) == 64
    assert (tracker.load_model("LogisticRegression", trust=True).predict(X) == model.predict(X)).all()


def test_a_regressor_and_a_clusterer_have_scores_of_their_own(tracker: AutoMLTracker) -> None:
    """r2 and errors; what `score` says."""
    X, y = make_regression(60, 3, noise=1.0, random_state=0)

    with autolog(tracker, log_models=False, log_datasets=False):
        ridge = Ridge().fit(X, y)
        means = KMeans(2, n_init=1, random_state=0).fit(X)

    first, second = runs(tracker)
    assert first["metrics"]["training_r2_score"] == pytest.approx(ridge.score(X, y))
    assert first["metrics"]["training_root_mean_squared_error"] ** 2 == pytest.approx(
        first["metrics"]["training_mean_squared_error"]
    )
    assert second["metrics"]["training_score"] == pytest.approx(means.score(X))
    assert "data" not in first["tags"]
    assert tracker.list_models() == []


def test_fits_inside_of_another_make_no_runs(tracker: AutoMLTracker) -> None:
    """A pipeline, meta-estimators, a search and cross-validation are one run each, or none."""
    simple = LogisticRegression(max_iter=500)
    with autolog(tracker, log_models=False):
        make_pipeline(StandardScaler(), simple).fit(X, y)
        VotingClassifier([("a", SVC()), ("b", simple)]).fit(X, y)
        RandomForestClassifier(5, n_jobs=2, random_state=0).fit(X, y)
        GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 2]}, cv=2).fit(X, y)
        cross_val_score(simple, X, y, cv=2)
        cross_validate(make_pipeline(StandardScaler(), simple), X, y, cv=2)
        cross_val_predict(simple, X, y, cv=2)
        cross_val_score(GridSearchCV(SVC(), {"C": [1, 2]}, cv=2), X, y, cv=2)

    assert names(tracker) == ["Pipeline", "VotingClassifier", "RandomForestClassifier", "GridSearchCV"]
    assert len(trials(tracker)) == 2


def test_fits_in_joblibs_threads_belong_to_the_fit_that_started_them(tracker: AutoMLTracker) -> None:
    """Also where they run in other threads."""
    with autolog(tracker, log_models=False), parallel_config("threading", n_jobs=2):
        BaggingClassifier(SVC(), n_estimators=4, random_state=0).fit(X, y)
        VotingClassifier([("a", SVC()), ("b", SVC())]).fit(X, y)
        GridSearchCV(SVC(), GRID, cv=2).fit(X, y)
        cross_val_score(SVC(), X, y, cv=2)

    assert names(tracker) == ["BaggingClassifier", "VotingClassifier", "GridSearchCV"]


@pytest.mark.parametrize("within", [False, True])
def test_fits_in_threads_of_ones_own_are_runs_each(tracker: AutoMLTracker, within: bool) -> None:
    """Two at once don't take each other for a part; in a run of the user's each belongs to that."""
    together = threading.Barrier(2)

    class Slow(LogisticRegression):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            together.wait(10)
            super().fit(X, y, sample_weight)
            together.wait(10)
            return self

    mine = tracker.start_run("mine") if within else None
    with autolog(tracker, log_models=False):
        if within:
            Ridge().fit(X, y)
        with ThreadPoolExecutor(2) as pool:
            fitted = list(pool.map(lambda C: Slow(C=C, max_iter=500).fit(X, y), [0.1, 1.0]))
    tracker.end_run()

    found = Store(tracker.root).runs().collect().filter(run_name="Slow")
    assert found["parent_run_id"].to_list() == [mine, mine]
    assert found["status"].to_list() == ["FINISHED"] * 2
    assert sorted(run["params"]["C"] for run in runs(tracker) if run["run_name"] == "Slow") == [0.1, 1.0]
    assert all(hasattr(model, "coef_") for model in fitted)


def test_a_fit_logs_to_the_current_run_and_further_ones_to_nested_runs(tracker: AutoMLTracker) -> None:
    """The run of the user stays the user's; params of two models don't mix."""
    with autolog(tracker, log_models=False), tracker.start_run("mine") as mine:
        LogisticRegression(max_iter=500).fit(X, y)
        assert tracker.active_run() == mine
        SVC(C=3).fit(X, y)
        assert tracker.active_run() == mine
        SVC(C=4).fit(X, y)
        tracker.log_metrics({"after": 1.0})

    found = {run["run_name"]: run for run in runs(tracker)}
    assert names(tracker) == ["mine", "SVC", "SVC"]
    assert "max_iter" in found["mine"]["params"]
    assert "after" in found["mine"]["metrics"]
    children = Store(tracker.root).runs().collect().filter(run_name="SVC")
    assert children["parent_run_id"].to_list() == [str(mine)] * 2


def test_fit_predict_and_classes_of_ones_own_are_logged(tracker: AutoMLTracker) -> None:
    """Also a class that is written after autolog, and one whose fit goes by fit_predict."""
    with autolog(tracker, log_models=False):
        GaussianMixture(2, random_state=0).fit_predict(X)
        GaussianMixture(2, random_state=0).fit(X)
        make_pipeline(StandardScaler(), KMeans(2, n_init=1)).fit_predict(X)
        broken_at()().fit(X, y)
        StandardScaler().fit(X)

    assert names(tracker) == ["GaussianMixture", "GaussianMixture", "Pipeline", "Brittle"]


def test_a_fit_raises_what_it_raised_and_its_run_is_failed(tracker: AutoMLTracker) -> None:
    """The user's error goes through; a run of the user's isn't ended by it."""
    with autolog(tracker):
        with pytest.raises(ValueError, match="NaN"):
            SVC().fit(np.full((4, 2), np.nan), [0, 1, 0, 1])
        with tracker.start_run("mine"), pytest.raises(ArithmeticError):
            broken_at()("always").fit(X, y)

    first, mine = runs(tracker)
    assert (first["status"], first["tags"]["error_type"]) == ("FAILED", "ValueError")
    assert (mine["status"], mine["tags"]["error_type"]) == ("FINISHED", "ArithmeticError")


def test_disabling_puts_every_class_back(tracker: AutoMLTracker) -> None:
    """No trace is left, also of classes that came later."""
    before = {kind: vars(kind)["fit"] for kind in (LogisticRegression, KMeans, Ridge, GridSearchCV.__mro__[1])}
    hook = vars(BaseEstimator).get("__init_subclass__")
    handle = autolog(tracker)
    late = broken_at()
    assert hasattr(vars(late)["fit"], "__wrapped__")
    assert autolog(tracker) is not handle  # twice is once
    autolog(disable=True)
    autolog(disable=True)
    SVC().fit(X, y)

    assert {kind: vars(kind)["fit"] for kind in before} == before
    assert vars(BaseEstimator).get("__init_subclass__") is hook
    assert not hasattr(vars(late)["fit"], "__wrapped__")
    assert runs(tracker) == []


def test_what_others_have_patched_since_stays_theirs(tracker: AutoMLTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Disabling takes away only what is ours."""
    calls: list[str] = []
    with autolog(tracker, log_models=False):
        ours = vars(LogisticRegression)["fit"]

        def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls.append("theirs")
            return ours(self, *args, **kwargs)

        monkeypatch.setattr(LogisticRegression, "fit", theirs)
        LogisticRegression(max_iter=500).fit(X, y)
    LogisticRegression(max_iter=500).fit(X, y)

    assert calls == ["theirs", "theirs"]
    assert names(tracker) == ["LogisticRegression"]
    monkeypatch.undo()
    LogisticRegression.fit = ours.__wrapped__  # monkeypatch put ours back


def test_what_was_fitted_is_pickled_and_cloned_as_ever(tracker: AutoMLTracker) -> None:
    """Nothing of ours is in an estimator; what it was fitted to predicts the same."""
    plain = SVC(C=2).fit(X, y)
    with autolog(tracker, log_models=False):
        model = SVC(C=2).fit(X, y)
        assert clone(model).get_params() == plain.get_params()
        assert type(model).fit.__name__ == "fit"

    assert pickle.dumps(model) == pickle.dumps(plain)


def test_workers_get_estimators_and_searches_as_ever(tracker: AutoMLTracker) -> None:
    """In processes of joblib the fits are the original ones, also of a class that only this process knows."""
    brittle = broken_at()()
    with autolog(tracker, log_models=False):
        scores = cross_val_score(brittle, X, y, cv=2, n_jobs=2)
        GridSearchCV(SVC(), GRID, cv=2, n_jobs=2).fit(X, y)

    assert len(scores) == 2
    assert names(tracker) == ["GridSearchCV"]
    assert len(trials(tracker)) == 4


def test_weights_are_routed_as_ever(tracker: AutoMLTracker) -> None:
    """scikit-learn finds a patched method's arguments by its signature."""
    weights = np.ones(len(y))
    with autolog(tracker, log_models=False), config_context(enable_metadata_routing=True):
        weighted = LogisticRegression(max_iter=500).set_fit_request(sample_weight=True)
        search = GridSearchCV(weighted.set_score_request(sample_weight=True), {"C": [1, 2]}, cv=2)
        search.fit(X, y, sample_weight=weights)

    assert names(tracker) == ["GridSearchCV"]
    assert search.best_estimator_.n_features_in_ == 4


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # of Python from 3.12 on
def test_a_forked_process_logs_no_fits_of_its_parents_autolog(tracker: AutoMLTracker) -> None:
    """There it is the parent's, and the fits are as ever."""
    with autolog(tracker, log_models=False):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(0 if hasattr(SVC().fit(X, y), "support_") else 1)
            os._exit(2)
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert names(tracker) == []


def test_a_fault_of_ours_is_said_once_and_changes_nothing(
    tracker: AutoMLTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """A tracker that is closed meanwhile, params that can't be had: the fits go on."""

    class Odd(LogisticRegression):  # type: ignore[misc]
        def get_params(self, deep: bool = True) -> Any:
            if deep:
                raise RuntimeError("no params today")
            return super().get_params(deep=False)

    with autolog(tracker, log_models=False), caplog.at_level(logging.WARNING, logger="steplog"):
        Odd(max_iter=500).fit(X, y)
        tracker.close()
        assert hasattr(SVC().fit(X, y), "support_")
        assert hasattr(SVC().fit(X, y), "support_")

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "no params today" in said[0]
    assert "the tracker is closed" in said[1]


def test_a_score_that_cannot_be_made_is_left_out_with_its_reason(tracker: AutoMLTracker) -> None:
    """The others are there."""

    class Shy(LogisticRegression):  # type: ignore[misc]
        def predict_proba(self, X: Any) -> Any:
            raise RuntimeError("not now")

    with autolog(tracker, log_models=False):
        Shy(max_iter=500).fit(X, y)

    (run,) = runs(tracker)
    assert set(run["tags"]["left_out"]) == {"training_log_loss", "training_roc_auc"}
    assert "training_f1_score" in run["metrics"]


def test_autolog_refuses_what_is_no_tracker_and_a_closed_one(tracker: AutoMLTracker) -> None:
    """At the call, not at the first fit."""
    with pytest.raises(TypeError, match="ExperimentTracker"):
        autolog("experiments")  # type: ignore[arg-type]
    tracker.close()
    with pytest.raises(WriterClosed, match="closed"):
        autolog(tracker)


def test_disabled_by_the_environment_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled makes no file, for fits and for searches."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "none"))
    with autolog():
        SVC().fit(X, y)
        GridSearchCV(SVC(), GRID, cv=2).fit(X, y)
    search = GridSearchCV(SVC(), GRID, cv=2)
    with track_search(search):
        search.fit(X, y)
    log_search(search)

    assert list(tmp_path.iterdir()) == []


def test_an_autolog_that_meets_no_model_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker by the environment is made for the first fit that is worth a run."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    with autolog():
        StandardScaler().fit_transform(X)
        cross_val_score(SVC(), X, y, cv=2)

    assert list(tmp_path.iterdir()) == []


def test_without_a_tracker_it_logs_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_DIR says where; all is there when it is disabled."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    with autolog(log_models=False):
        SVC().fit(X, y)
        SVC(C=2).fit(X, y)

    assert Store(tmp_path / "store").runs().collect()["status"].to_list() == ["FINISHED", "FINISHED"]


# --- searches


def test_each_candidate_of_a_search_is_a_trial_with_its_folds(tracker: AutoMLTracker) -> None:
    """Params, mean, std, scores on the folds and on the training folds, times, rank."""
    with autolog(tracker):
        search = GridSearchCV(SVC(), GRID, cv=3, return_train_score=True).fit(X, y)

    (run,) = runs(tracker)
    found = trials(tracker)
    results = search.cv_results_
    assert [trial["params"] for trial in found] == results["params"]
    for place, trial in enumerate(found):
        assert trial["metrics"]["accuracy"] == results["mean_test_score"][place]
        assert trial["metrics"]["accuracy_std"] == results["std_test_score"][place]
        assert trial["metrics"]["train_accuracy"] == results["mean_train_score"][place]
        assert trial["metrics"]["fit_time_s"] == pytest.approx(3 * results["mean_fit_time"][place])
        assert trial["tags"]["rank"] == results["rank_test_score"][place]
        folds = points(tracker, trial["run_id"], "fold/accuracy")
        assert folds == {fold: results[f"split{fold}_test_score"][place] for fold in range(3)}
    assert run["params"]["best_C"] == search.best_params_["C"]
    assert run["metrics"]["best_cv_score"] == search.best_score_
    assert tracker.load_model("SVC", trust=True).get_params()["C"] == search.best_params_["C"]


def test_candidates_begin_and_end_within_the_search(tracker: AutoMLTracker) -> None:
    """One after the other, in the time that it took."""
    with autolog(tracker, log_models=False):
        GridSearchCV(SVC(), GRID, cv=2).fit(X, y)

    (run,) = runs(tracker)
    moments: list[Any] = [run["start_time"]]
    for trial in trials(tracker):
        moments += [trial["start_time"], trial["end_time"]]
    assert [*moments, run["end_time"]] == sorted([*moments, run["end_time"]])
    assert len(set(moments)) > 4


def test_a_search_over_algorithms_names_each(tracker: AutoMLTracker) -> None:
    """A pipeline's last step is the algorithm, also where the search replaces it."""
    steps = make_pipeline(StandardScaler(), SVC())
    tree = DecisionTreeClassifier(random_state=0)
    grid = [{"svc__C": [1, 2]}, {"svc": [tree], "svc__max_depth": [1, 2]}]
    with track_search(GridSearchCV(steps, grid, cv=2), tracker) as tracked:
        tracked.foreign.fit(X, y)

    assert [trial["tags"]["trial.algorithm"] for trial in trials(tracker)] == ["SVC"] * 2 + [
        "DecisionTreeClassifier"
    ] * 2


def test_several_scores_are_all_there_and_the_refits_counts(tracker: AutoMLTracker) -> None:
    """Or the one that is asked for."""
    search = GridSearchCV(SVC(), {"C": [0.1, 1]}, scoring=["accuracy", "f1_macro"], refit="f1_macro", cv=2)
    with track_search(search, tracker) as tracked:
        search.fit(X, y)
    again = log_search(search, tracker, metric="accuracy")

    assert tracked.search is not None
    assert (tracked.search.metric, again.metric) == ("f1_macro", "accuracy")
    first = trials(tracker)[0]["metrics"]
    assert first["f1_macro"] == search.cv_results_["mean_test_f1_macro"][0]
    assert first["accuracy"] == search.cv_results_["mean_test_accuracy"][0]
    with pytest.raises(ValueError, match=r"no score 'recall'; it has: .*accuracy"):
        log_search(search, tracker, metric="recall")
    with pytest.raises(ValueError, match="no score 'recall'"), track_search(search, tracker, metric="recall"):
        pytest.fail("the block is not entered")


@pytest.mark.parametrize(
    ("scoring", "metric"),
    [
        (None, "r2"),
        ("neg_mean_absolute_error", "neg_mean_absolute_error"),
        (make_scorer(mean_absolute_error, greater_is_better=False), "neg_mean_absolute_error"),
        (lambda model, X, y: {"mine": 1.0, "other": 2.0}, "mine"),
        (lambda model, X, y: 0.5, "score"),
    ],
)
def test_a_score_is_called_as_the_search_calls_it(tracker: AutoMLTracker, scoring: Any, metric: str) -> None:
    """By its string, its function, or what a function of several gives; more is better for all."""
    X, y = make_regression(40, 2, random_state=0)
    refit = "mine" if metric == "mine" else True
    with autolog(tracker, log_models=False):
        search = GridSearchCV(Ridge(), {"alpha": [1, 2]}, scoring=scoring, refit=refit, cv=2).fit(X, y)

    assert all(metric in trial["metrics"] for trial in trials(tracker))
    report = tracker.get_automl_report(runs(tracker)[0]["run_id"])
    assert (report["metric"], report["direction"]) == (metric, "maximize")
    assert report["cv_score"] == search.best_score_


@NO_SCORES
def test_candidates_that_fail_are_failed_trials_with_their_error(tracker: AutoMLTracker) -> None:
    """In a search that goes on, the class of the error and its text are kept."""
    search = GridSearchCV(broken_at("division of the spoils")(), {"fails": ["never", "always"]}, cv=2)
    with autolog(tracker, log_models=False), pytest.warns(FitFailedWarning):
        search.fit(X, y)

    good, bad = trials(tracker)
    assert (good["status"], bad["status"]) == ("FINISHED", "FAILED")
    assert (bad["tags"]["trial.error_type"], bad["tags"]["trial.error"]) == (
        "ArithmeticError",
        "division of the spoils",
    )
    assert (bad["tags"]["trial.state"], bad["tags"]["failed_fits"]) == ("failed", 2)
    report = tracker.get_automl_report(runs(tracker)[0]["run_id"])
    assert (report["trials_by_status"]["complete"], report["trials_by_status"]["failed"]) == (1, 1)


@NO_SCORES
def test_an_error_score_that_is_a_number_does_not_hide_the_failure(tracker: AutoMLTracker) -> None:
    """A candidate of which every fit failed is failed, whatever scikit-learn scores it."""
    search = GridSearchCV(broken_at()(), {"fails": ["never", "always"]}, cv=2, error_score=0.0)
    with track_search(search, tracker), pytest.warns(FitFailedWarning):
        search.fit(X, y)

    assert [trial["tags"]["trial.state"] for trial in trials(tracker)] == ["complete", "failed"]


def test_candidates_make_no_runs_where_they_are_not_tracked(tmp_path: Path) -> None:
    """Their counts are in the report all the same."""
    off = AutoMLTracker(tmp_path / "store", auto_log=False, track_hyperparameter_search=False)
    search = GridSearchCV(broken_at()(), {"fails": ["never", "always"]}, cv=2, error_score=0.0)
    with off as tracker, autolog(tracker, log_models=False):
        with pytest.warns(FitFailedWarning):
            search.fit(X, y)
        assert trials(tracker) == []
        report = tracker.get_automl_report()

    assert (report["hyperparameter_trials"], report["trials_by_status"]["failed"]) == (2, 1)


def test_of_a_search_of_which_all_fits_fail_each_candidate_is_there(tracker: AutoMLTracker) -> None:
    """The error goes through; the run is failed."""
    search = GridSearchCV(broken_at()("always"), {"fails": ["always"]}, cv=2)
    with autolog(tracker), pytest.raises(ValueError, match="All the 2 fits failed"):
        search.fit(X, y)

    (run,) = runs(tracker)
    assert run["status"] == "FAILED"
    (trial,) = trials(tracker)
    assert (trial["params"], trial["tags"]["trial.error_type"]) == ({"fails": "always"}, "ArithmeticError")
    assert tracker.get_automl_report(run["run_id"])["stopped_by"] == "error"


def test_a_halving_search_has_a_trial_a_candidate_and_a_value_a_round(tracker: AutoMLTracker) -> None:
    """Those that were dropped are pruned."""
    grid = {"C": [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]}
    with autolog(tracker, log_models=False):
        search = HalvingGridSearchCV(SVC(), grid, cv=2, random_state=0).fit(X, y)

    found = trials(tracker)
    results = search.cv_results_
    assert len(found) == 6 < len(results["params"])
    last = {
        params["C"] for params, at in zip(results["params"], results["iter"], strict=True) if at == max(results["iter"])
    }
    assert {trial["params"]["C"] for trial in found if trial["tags"]["trial.state"] == "complete"} == last
    for trial in found:
        rows = [row for row, params in enumerate(results["params"]) if params["C"] == trial["params"]["C"]]
        rounds = {int(results["n_resources"][row]): results["mean_test_score"][row] for row in rows}
        assert points(tracker, trial["run_id"], "intermediate/accuracy") == rounds


def test_halving_over_a_param_as_the_resource_keeps_candidates_together(tracker: AutoMLTracker) -> None:
    """The resource differs between the rounds of one candidate."""
    search = HalvingRandomSearchCV(
        RandomForestClassifier(random_state=0),
        {"max_depth": [1, 2, 3, 4]},
        n_candidates=4,
        factor=2,
        resource="n_estimators",
        max_resources=8,
        cv=2,
        random_state=0,
    )
    with track_search(search, tracker):
        search.fit(X, y)

    found = trials(tracker)
    assert len(found) == 4
    assert (
        max(len(points(tracker, trial["run_id"], "intermediate/accuracy")) for trial in found) == search.n_iterations_
    )


def test_a_randomized_search_tells_its_budget_and_seed(tracker: AutoMLTracker) -> None:
    """And its data, its folds, its engine."""
    with autolog(tracker, log_models=False):
        RandomizedSearchCV(SVC(), {"C": [1, 2, 3, 4]}, n_iter=2, random_state=7, cv=2).fit(X, y)

    report = tracker.get_automl_report(runs(tracker)[0]["run_id"])
    assert (report["budget"], report["seed"], report["engine"]) == ({"trials": 2}, 7, "sklearn.RandomizedSearchCV")
    assert (report["hyperparameter_trials"], report["algorithms_tested"], report["best_algorithm"]) == (2, 1, "SVC")
    assert report["data"]["rows"] == 150
    assert report["cross_validation"] == {"folds": 2, "splitter": "StratifiedKFold"}


@pytest.mark.parametrize(
    ("cv", "told"),
    [
        (RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), {"folds": 3, "repeats": 2}),
        (ShuffleSplit(4, test_size=0.3, random_state=0), {"folds": 4, "test_fraction": 0.3}),
        (ShuffleSplit(3, random_state=0), {"folds": 3, "test_fraction": 0.1}),
    ],
    ids=["repeated", "test_size", "default"],
)
def test_the_share_of_rows_tested_on_is_told(cv: Any, told: dict[str, Any], tracker: AutoMLTracker) -> None:
    """So that the report can test whether one algorithm is better than another."""
    log_search(GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=cv).fit(X, y), tracker)

    report = tracker.get_automl_report()
    assert report["cross_validation"] == {"splitter": type(cv).__name__, **told}
    assert "isn't told" not in report["tie_set"]["words"]


def test_a_fitted_search_is_logged_afterwards(tracker: AutoMLTracker) -> None:
    """Into the current run, or one of its own; also one that was unpickled."""
    search = pickle.loads(pickle.dumps(GridSearchCV(SVC(), GRID, cv=2).fit(X, y)))
    with tracker.start_run("mine") as mine:
        told = log_search(search, tracker)
    other = log_search(search, tracker)

    assert told.run_id == mine
    assert names(tracker) == ["mine", "GridSearchCV"]
    assert other.run_id != mine
    assert tracker.get_automl_report(mine)["leaderboard"][0]["score"] == search.best_score_


def test_what_is_no_fitted_search_is_refused(tracker: AutoMLTracker) -> None:
    """Unfitted, no search at all, a closed tracker, a block that fits nothing."""
    search = GridSearchCV(SVC(), GRID, cv=2)
    with pytest.raises(NotFittedError, match="isn't fitted"):
        log_search(search, tracker)
    with pytest.raises(TypeError, match="SVC is no search"):
        log_search(SVC(), tracker)
    with pytest.raises(TypeError, match="SVC is no search"):
        track_search(SVC(), tracker)
    with pytest.raises(NotFittedError, match="not fitted in the block"), track_search(search, tracker):
        clone(search)
    search.fit(X, y)
    tracker.close()
    with pytest.raises(WriterClosed):
        log_search(search, tracker)
    with pytest.raises(WriterClosed):
        track_search(search, tracker)


def test_a_search_that_is_interrupted_says_so(tracker: AutoMLTracker) -> None:
    """Ctrl-C goes through; the run is killed."""

    def stop(model: Any, X: Any, y: Any) -> float:
        raise KeyboardInterrupt

    search = GridSearchCV(SVC(), GRID, scoring=stop, cv=2)
    with autolog(tracker), pytest.raises(KeyboardInterrupt):
        search.fit(X, y)

    (run,) = runs(tracker)
    assert run["status"] == "KILLED"
    assert tracker.get_automl_report(run["run_id"])["stopped_by"] == "interrupt"


def test_an_error_is_read_out_of_a_traceback() -> None:
    """Its class without the module, its text with all lines."""
    lines = ['  File "a.py", line 3, in fit', "    x = f(", "        ^^", "a.b.OddError: one: two", "  three", ""]
    text = "\n".join(["Traceback (most recent call last):", *lines])

    assert error_of(text) == ("OddError", "one: two\n  three")
    assert error_of("KeyError") == ("KeyError", "")
