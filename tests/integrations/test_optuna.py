"""Optuna: trials as they end, as they go, and of studies that others have made."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

optuna = pytest.importorskip("optuna")

from readers.store import RunRecord, Store  # noqa: E402 - optuna may be missing
from tracker import AutoMLTracker, ExperimentTracker, WriterClosed  # noqa: E402
from tracker.integrations.optuna import OptunaCallback, import_study  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),  # set_metric_names is
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Optuna's own words on each trial aren't wanted."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[AutoMLTracker]:
    """A tracker without auto_log."""
    with AutoMLTracker(tmp_path / "store", "optuna", auto_log=False) as made:
        yield made


def study(name: str | None = "curve", **options: Any) -> Any:
    """A study with a seed."""
    return optuna.create_study(study_name=name, sampler=optuna.samplers.RandomSampler(seed=0), **options)


def objective(trial: Any) -> float:
    """A parabola; trial 1 is pruned, trial 2 raises, trial 3 gives NaN."""
    x = trial.suggest_float("x", -1, 1)
    model = trial.suggest_categorical("model", ["tree", "line"])
    trial.set_user_attr("note", f"of {model}")
    for step in range(2):
        trial.report(x * x + step, step)
    if trial.number == 1:
        raise optuna.TrialPruned
    if trial.number == 2:
        raise ArithmeticError("no way")
    return float("nan") if trial.number == 3 else float(x * x)


def trials(tracker: ExperimentTracker) -> list[RunRecord]:
    """The trials by Optuna's number."""
    found = [run for run in tracker.get_experiment_runs() if "optuna.number" in run["tags"]]
    return sorted(found, key=lambda run: int(run["tags"]["optuna.number"]))


def parents(tracker: ExperimentTracker) -> list[RunRecord]:
    """All other runs."""
    return [run for run in tracker.get_experiment_runs() if "optuna.number" not in run["tags"]]


def reported(tracker: ExperimentTracker, run_id: str, key: str = "intermediate/loss") -> dict[int, float]:
    """A metric's values by step."""
    found = Store(tracker.root).metrics(keys=[key]).filter(pl.col("run_id") == run_id).collect()
    return dict(found.select("step", "value").iter_rows())


def assert_equal_to(tracker: ExperimentTracker, of: Any, metric: str = "loss") -> None:
    """Each trial of the study is there as Optuna has it."""
    found = trials(tracker)
    ended = [trial for trial in of.trials if trial.state.is_finished()]
    assert [run["tags"]["optuna.number"] for run in found] == [trial.number for trial in ended]
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    for run, trial in zip(found, ended, strict=True):
        assert run["params"] == trial.params
        assert run["tags"]["trial.state"] == states[trial.state.name]
        assert run["metrics"].get(metric) == (trial.values[0] if trial.values else None)
        assert reported(tracker, run["run_id"], f"intermediate/{metric}") == trial.intermediate_values
        times = [time.timestamp() for time in (run["start_time"], run["end_time"]) if time is not None]
        theirs = [trial.datetime_start.timestamp(), trial.datetime_complete.timestamp()]
        assert times == pytest.approx(theirs, abs=1e-5)


def test_each_trial_is_a_child_run_as_optuna_has_it(tracker: AutoMLTracker) -> None:
    """State, params, values on the way, times, attributes; what is tried by the param that says so."""
    curve = study()
    with tracker.start_run("mine") as mine, OptunaCallback(tracker, metric="loss") as callback:
        curve.optimize(objective, n_trials=6, callbacks=[callback], catch=(ArithmeticError,))
        assert tracker.active_run() == mine

    assert_equal_to(tracker, curve)
    first = trials(tracker)[0]
    assert first["tags"]["optuna.user_attrs.note"] == f"of {first['params']['model']}"
    assert '"FloatDistribution"' in first["tags"]["optuna.distributions"]
    assert parents(tracker)[0]["tags"]["optuna.sampler"] == "RandomSampler"
    report = tracker.get_automl_report(str(mine))
    assert (report["engine"], report["metric"], report["direction"]) == ("optuna", "loss", "minimize")
    assert report["hyperparameter_trials"] == 6
    assert {state: count for state, count in report["trials_by_status"].items() if count} == {
        "complete": 3,
        "pruned": 1,
        "failed": 2,
    }
    assert {row["algorithm"] for row in report["leaderboard"]} == {"tree", "line"}
    assert report["cv_score"] == curve.best_value
    assert report["best_params"] == curve.best_params


def test_without_a_current_run_the_study_gets_one(tracker: AutoMLTracker) -> None:
    """Named as the study, ended with the block, or else with the tracker."""
    with OptunaCallback(tracker) as callback:
        study().optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])
    (run,) = parents(tracker)
    assert (run["run_name"], run["status"]) == ("curve", "FINISHED")

    study("other").optimize(lambda trial: trial.suggest_int("n", 0, 9), n_trials=2, callbacks=[OptunaCallback(tracker)])
    tracker.close()

    runs = Store(tracker.root).experiment_runs("optuna")
    assert {run["run_name"]: run["status"] for run in runs if "trial.number" not in run["tags"]} == {
        "curve": "FINISHED",
        "other": "FINISHED",
    }


def test_threads_of_optuna_lose_no_trial(tracker: AutoMLTracker) -> None:
    """n_jobs: each once."""
    curve = study()
    with OptunaCallback(tracker, metric="loss") as callback:
        curve.optimize(callback.track(objective), n_trials=24, n_jobs=4, callbacks=[callback], catch=(ArithmeticError,))

    assert len(trials(tracker)) == 24
    assert [run["tags"]["optuna.number"] for run in trials(tracker)] == list(range(24))
    assert len(parents(tracker)) == 1
    assert {run["status"] for run in tracker.get_experiment_runs()} == {"FINISHED", "FAILED"}


def test_what_a_tracked_objective_logs_goes_to_its_trial(tracker: AutoMLTracker) -> None:
    """Live, with its error; the callback beside it changes nothing."""

    def training(trial: Any) -> float:
        assert Store(tracker.root).runs().filter(pl.col("status") == "RUNNING").collect().height == 2
        tracker.log_metrics({"epoch_loss": 0.5 + trial.number}, step=1)
        return objective(trial)

    curve = study()
    with tracker.start_run("mine") as mine, OptunaCallback(tracker, metric="loss") as callback:
        tracked = callback.track(training)
        curve.optimize(tracked, n_trials=6, callbacks=[callback], catch=(ArithmeticError,))
        assert tracker.active_run() == mine
        tracker.log_metrics({"after": 1.0})

    found = trials(tracker)
    assert [run["metrics"]["epoch_loss"] for run in found] == [0.5 + number for number in range(6)]
    assert [run["tags"]["trial.state"] for run in found] == [
        "complete",
        "pruned",
        "failed",
        "failed",
        *["complete"] * 2,
    ]
    assert [run["params"] for run in found] == [trial.params for trial in curve.trials]
    assert (found[2]["tags"]["trial.error_type"], found[2]["tags"]["trial.error"]) == ("ArithmeticError", "no way")
    assert found[3]["tags"]["trial.error"] == "the objective returned nan"
    assert reported(tracker, found[1]["run_id"]) == curve.trials[1].intermediate_values
    assert {run["tags"]["trial.algorithm"] for run in found} == {"tree", "line"}
    assert parents(tracker)[0]["metrics"] == {"after": 1.0}


def test_an_error_that_ends_the_study_fails_the_trial_and_goes_through(tracker: AutoMLTracker) -> None:
    """With track it is known."""
    with pytest.raises(ArithmeticError), OptunaCallback(tracker, metric="loss") as callback:
        study().optimize(callback.track(objective), n_trials=6)

    assert trials(tracker)[2]["tags"]["trial.error_type"] == "ArithmeticError"
    assert parents(tracker)[0]["status"] == "FAILED"


def test_several_objectives_are_all_there(tracker: AutoMLTracker) -> None:
    """The first is searched for; names are the study's own, or given."""
    pair = study(directions=["maximize", "minimize"])
    with OptunaCallback(tracker, metric=["score", "cost"]) as callback:
        pair.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 2.0), n_trials=3, callbacks=[callback])

    assert [run["metrics"] for run in trials(tracker)] == [
        {"score": trial.values[0], "cost": 2.0} for trial in pair.trials
    ]
    report = tracker.get_automl_report(parents(tracker)[0]["run_id"])
    assert (report["metric"], report["direction"]) == ("score", "maximize")
    pair.set_metric_names(["a", "b"])
    other = import_study(pair, ExperimentTracker(tracker.root, "again", auto_log=False))
    assert other[0].trials == 0
    with pytest.raises(ValueError, match=r"has 2 value\(s\), and metric names 1"):
        import_study(pair, tracker, metric="score")


def test_a_study_of_a_storage_goes_on_in_its_run(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """What it had before is logged with it, once; in another process its search goes on where it was."""
    storage = f"sqlite:///{tmp_path}/studies.db"
    curve = study(storage=storage)
    curve.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    curve.enqueue_trial({"x": 0.5})
    with OptunaCallback(tracker, metric="loss") as callback:
        curve.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])
    assert_equal_to(tracker, curve)

    with ExperimentTracker(tracker.root, "optuna", auto_log=False) as later:
        loaded = optuna.load_study(study_name="curve", storage=storage)
        with OptunaCallback(later, metric="loss") as callback:
            loaded.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])

    assert_equal_to(tracker, loaded)
    assert [run["run_name"] for run in parents(tracker)] == ["curve"]
    report = tracker.get_automl_report(parents(tracker)[0]["run_id"])
    assert (report["search"], report["hyperparameter_trials"]) == (1, 6)
    assert sorted(run["tags"]["trial.number"] for run in trials(tracker)) == [1, 2, 3, 4, 5, 6]


def test_an_import_brings_a_study_once_and_later_what_is_new(tracker: AutoMLTracker) -> None:
    """With its times; trials that wait are left out until they have ended; the caller's run stays what it is."""
    curve = study()
    curve.optimize(objective, n_trials=5, catch=(ArithmeticError,))
    curve.enqueue_trial({"x": 0.1})

    (first,) = import_study(curve, tracker, metric="loss")
    (again,) = import_study(curve, tracker, metric="loss")
    assert (first.name, first.trials, again.trials, again.run_id) == ("curve", 5, 0, first.run_id)
    assert_equal_to(tracker, curve)
    curve.optimize(objective, n_trials=2)
    with tracker.start_run("mine") as mine:
        (grown,) = import_study(curve, tracker, metric="loss")
        assert tracker.active_run() == mine

    assert (grown.trials, grown.run_id) == (2, first.run_id)
    assert_equal_to(tracker, curve)
    report = tracker.get_automl_report(first.run_id)
    assert (report["search"], report["hyperparameter_trials"]) == (1, 7)
    assert report["cv_score"] == curve.best_value
    assert report["best_so_far"][0].time_s == pytest.approx(
        (curve.trials[0].datetime_complete - curve.trials[0].datetime_start).total_seconds(), abs=1e-4
    )
    assert {run["run_name"]: run["status"] for run in parents(tracker)} == {"curve": "FINISHED", "mine": "FINISHED"}


def test_a_storage_is_imported_study_by_study(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """Those with finished trials; by its address or itself."""
    storage = f"sqlite:///{tmp_path}/studies.db"
    for name in ("a", "b", "empty"):
        made = study(name, storage=storage)
        made.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=0 if name == "empty" else 2)

    imported = import_study(storage, tracker)
    again = import_study(made._storage, tracker)

    assert {(one.name, one.trials) for one in imported} == {("a", 2), ("b", 2)}
    assert {(one.name, one.trials) for one in again} == {("a", 0), ("b", 0)}
    assert sorted(run["run_name"] for run in parents(tracker)) == ["a", "b"]


def test_another_study_of_the_same_name_is_another(tracker: AutoMLTracker) -> None:
    """It is told by when its trials began."""
    first, second = study(), study()
    for one in (first, second):
        one.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)

    runs = [import_study(one, tracker)[0] for one in (first, second)]

    assert [run.trials for run in runs] == [2, 2]
    assert runs[0].run_id != runs[1].run_id
    assert import_study(first, tracker)[0].trials == 0


def test_what_cannot_be_logged_is_refused_with_the_reason(tracker: AutoMLTracker, tmp_path: Path) -> None:
    """No trials, no study, no storage, no tracker, a closed one."""
    empty = study()
    empty.enqueue_trial({"x": 1})
    with pytest.raises(ValueError, match=r"no finished trial to import: there is 'curve' \(1 trials\)"):
        import_study(empty, tracker)
    with pytest.raises(ValueError, match="no study"):
        import_study(f"sqlite:///{tmp_path}/none.db", tracker)
    with pytest.raises(ValueError, match="no storage of Optuna at 'nowhere://x'"):
        import_study("nowhere://x", tracker)
    with pytest.raises(TypeError, match="list is no study"):
        import_study([], tracker)
    with pytest.raises(TypeError, match="ExperimentTracker"):
        OptunaCallback("here")  # type: ignore[arg-type]
    tracker.close()
    with pytest.raises(WriterClosed):
        OptunaCallback(tracker)
    with pytest.raises(WriterClosed):
        import_study(empty, tracker)


def test_a_fault_in_the_callback_ends_no_study(tracker: AutoMLTracker, caplog: pytest.LogCaptureFixture) -> None:
    """As many names as values are needed, and a tracker that is open: said once."""
    curve = study()
    with caplog.at_level(logging.WARNING, logger="steplog"):
        callback = OptunaCallback(tracker, metric=["a", "b"])
        curve.optimize(callback.track(lambda trial: 1.0), n_trials=3, callbacks=[callback])

    assert len(curve.trials) == 3
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # at a start, and at an end
    assert all("metric names 2" in text for text in said)


@pytest.mark.parametrize("tracked", [False, True])
def test_an_attribute_that_cannot_be_kept_costs_no_trial(tracker: AutoMLTracker, tracked: bool) -> None:
    """It contains itself; the trial has its score, and is over."""

    def with_itself(trial: Any) -> float:
        inside: list[object] = []
        inside.append(inside)
        trial.set_user_attr("self", inside)
        return float(trial.suggest_float("x", 0, 1))

    mine = study()
    with OptunaCallback(tracker, metric="loss") as callback:
        mine.optimize(callback.track(with_itself) if tracked else with_itself, n_trials=1, callbacks=[callback])

    [one] = trials(tracker)
    assert (one["status"], one["metrics"]["loss"]) == ("FINISHED", mine.best_value)
    assert "contains itself" in str(one["tags"]["optuna.user_attrs.self"])


@pytest.mark.parametrize("tracked", [False, True])
def test_an_attribute_of_a_long_name_costs_no_trial(tracker: AutoMLTracker, tracked: bool) -> None:
    """Longer than a tag's name may be: it is cut."""

    def long_name(trial: Any) -> float:
        trial.set_user_attr("n" * 5000, 1)
        return float(trial.suggest_float("x", 0, 1))

    mine = study()
    with OptunaCallback(tracker, metric="loss") as callback:
        mine.optimize(callback.track(long_name) if tracked else long_name, n_trials=1, callbacks=[callback])

    [one] = trials(tracker)
    assert (one["status"], one["metrics"]["loss"]) == ("FINISHED", mine.best_value)
    assert any(name.startswith("optuna.user_attrs.nnn") for name in one["tags"])


@pytest.mark.parametrize("how", ["returns", "is pruned", "raises"])
def test_a_trial_of_which_not_all_can_be_logged_is_over(
    tracker: AutoMLTracker, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """What can't be logged is said; the trial has its state and leaves no run open."""

    def objective(trial: Any) -> float:
        trial.suggest_categorical("k" * 5000, [1, 2])  # no param can have that name
        if how == "returns":
            return 0.5
        raise optuna.TrialPruned if how == "is pruned" else RuntimeError("no")

    mine = study()
    with caplog.at_level(logging.WARNING, logger="steplog"):
        callback = OptunaCallback(tracker, metric="loss")
        mine.optimize(callback.track(objective), n_trials=1, callbacks=[callback], catch=RuntimeError)

    [one] = trials(tracker)
    state = {"returns": "complete", "is pruned": "pruned", "raises": "failed"}[how]
    assert (one["tags"]["trial.state"], one["status"]) == (state, "FAILED" if how == "raises" else "FINISHED")
    assert "5000 bytes" in caplog.text


def test_disabled_by_the_environment_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_MODE=disabled."""
    monkeypatch.setenv("STEPLOG_MODE", "disabled")
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "none"))
    curve = study()
    with OptunaCallback() as callback:
        curve.optimize(callback.track(lambda trial: 1.0), n_trials=2, callbacks=[callback])

    assert import_study(curve) == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_tracker_it_logs_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """STEPLOG_DIR; the tracker made for it is closed at the end."""
    monkeypatch.setenv("STEPLOG_DIR", str(tmp_path / "store"))
    curve = study()
    with OptunaCallback() as callback:
        curve.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2, callbacks=[callback])

    assert Store(tmp_path / "store").runs().collect()["status"].to_list() == ["FINISHED"] * 3


def test_algorithms_are_told_by_a_function_or_by_a_param(tracker: AutoMLTracker) -> None:
    """Or else are the study's name, or just the objective."""

    def simple(trial: Any) -> float:
        trial.suggest_categorical("kind", ["p", "q"])
        return 1.0

    named: dict[str, Any] = {"kind": "kind", "by": lambda trial: f"is {trial.params['kind']}", "none": None}
    for name, algorithm in named.items():
        with OptunaCallback(tracker, algorithm=algorithm) as callback:
            study(name).optimize(simple, n_trials=1, callbacks=[callback])
    with OptunaCallback(tracker) as callback:
        study(None).optimize(simple, n_trials=1, callbacks=[callback])

    found = [run for run in tracker.get_experiment_runs() if "optuna.number" in run["tags"]]
    kind = found[0]["params"]["kind"]
    assert [run["tags"]["trial.algorithm"] for run in found] == [kind, f"is {kind}", "none", "objective"]
