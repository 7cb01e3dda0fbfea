"""The specification's snippets run as they stand, and what they log comes back equal from the store."""

import ast
import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from readers.stats import mean_interval
from readers.store import Store
from tracker import ExperimentTracker

HERE = Path(__file__).parent
MARK = "# --- from here on the specification's own text ---\n"
# SHA-256 of each snippet as the specification prints it: an example may not drift from it.
SNIPPETS = {
    "automl_experiment_tracking": "bfe4452f8a82d7a806107c9f519becf6ffbb6d36d2d3ded1b9b69d3939a6a9c8",
    "basic_experiment_tracking": "ce38c2629730116031279bf6c0e910697eb508115cfc0dc01a32e2aeff0c78b0",
    "advanced_experiment_management": "5b61bba5284f3d8162ba418f3bd79aee99aadd0635caa6d997959615b6062a08",
    "custom_artifact_logging": "faec6cc3c738bdd483d9fa945d3cb8bdc09e964e74af468f6c9b0f5f7bb3c2fb",
    "compare_multiple_experiments": "2c9e037c1ddc16fc0079e685c993f0680b4ba73d63ebab569ec000fe6bf63014",
    "hyperparameter_optimization_analysis": "792203afadcf881822daebdc124ab5cf6ed4dd064782a98621ef4b1c323c5fe3",
    "mlflow_integration": "4438fce2593a9e53a4109cfae369ffcd72968697f91fef9dcf482c3df70c4ec8",  # run in tests/mlflow
    "metric_streaming": "0de7a86485e14bbeb0086ae688e711cf443919426c6482efb5b3f9721923763a",
    "best_practice_1_organization": "c85ec2f92355d21cd57c78818023fb215f6281985e532bd7b92c4588d43ed537",
    "best_practice_2_logging": "c6441aa4dd976b62726a40cc6b295b73aabe65be6e8fe927b118dad1cf6b4669",
    "best_practice_3_errors": "5835a7af79f5c7425663e81baef8762d5a1aebaee10b727094cac0d961ea1b4d",
}


class Outcome(NamedTuple):
    """What an example did: its process, the calls it made, the store it left."""

    returncode: int
    stdout: str
    stderr: str
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any], str]]
    store: Store
    run_id: str

    def arguments(self, method: str) -> list[Any]:
        """The first argument of each call of a method, in order."""
        return [args[0] for name, args, _, _ in self.calls if name == method]


def run_example(name: str, folder: Path, store: str = "experiments", **environment: str) -> Outcome:
    """Run an example in a process of its own, in an empty folder, with every backend turned into the local one."""
    calls_file = folder / "calls.pickle"
    done = subprocess.run(
        [sys.executable, HERE / "record.py", HERE / "spec" / f"{name}.py", calls_file],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "STEPLOG_BACKEND": "local", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert calls_file.exists(), done.stderr
    calls = pickle.loads(calls_file.read_bytes())
    run_id = next(result for method, _, _, result in calls if method == "start_run")
    return Outcome(done.returncode, done.stdout, done.stderr, calls, Store(folder / store), run_id)


def logged_points(outcome: Outcome) -> list[tuple[str, int | None, float]]:
    """Every point the example handed over, as (key, step, value): call after call, in a call by key."""
    return [
        (key, kwargs.get("step"), float(value))
        for method, args, kwargs, _ in outcome.calls
        if method == "log_metrics"
        for key, value in sorted(args[0].items())
        if not key.startswith("system/")  # auto_log's own
    ]


def stored_points(outcome: Outcome) -> list[tuple[str, int | None, float]]:
    """The same, as the store has it."""
    frame = outcome.store.metrics(runs=[outcome.run_id]).collect()
    rows = frame.sort("seq", "key").select("key", "step", "value").rows()
    return [row for row in rows if not row[0].startswith("system/")]


@pytest.mark.parametrize("name", SNIPPETS)
def test_example_is_the_specifications_text(name: str) -> None:
    """Below the mark stands the snippet, letter by letter but for the import lines."""
    body = (HERE / "spec" / f"{name}.py").read_text().partition(MARK)[2]
    engine = body.replace(
        "from tracker import MLTrainingEngine", "from modules.engine.train_engine import MLTrainingEngine"
    )
    printed = engine.replace("from tracker import", "from modules.engine.experiment_tracker import")

    assert hashlib.sha256(printed.encode()).hexdigest() == SNIPPETS[name]


def params(outcome: Outcome) -> dict[str, Any]:
    """The params of the example's run, each as it was last logged."""
    return next(run["params"] for run in outcome.store.experiment_runs() if run["run_id"] == outcome.run_id)


def artifact(outcome: Outcome, path: str) -> Path:
    """Where an artifact of the example's run lies."""
    return outcome.store.layout.run_artifacts(outcome.run_id) / path


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What the first snippet did."""
    return run_example("basic_experiment_tracking", tmp_path_factory.mktemp("basic"), store="ml_experiments")


def test_basic_experiment_tracking(basic: Outcome) -> None:
    """Params, metrics, the report and the plots of the first snippet are in the store."""
    done = basic
    run = done.store.find_run(done.run_id)

    assert done.returncode == 0, done.stderr
    assert f"Experiment completed. Run ID: {done.run_id}" in done.stdout
    assert run is not None
    assert (run["experiment"], run["run_name"], run["status"]) == (
        "random_forest_classification",
        "rf_baseline",
        "FINISHED",
    )
    given = {"n_estimators": 100, "max_depth": 10, "random_state": 42, "train_size": 800, "test_size": 200}
    assert params(done).items() >= {**given, "n_features": 20}.items()
    assert stored_points(done) == logged_points(done)
    assert {key for key, _, _ in stored_points(done)} == {"accuracy", "train_accuracy", "test_accuracy"}
    assert (
        json.loads(artifact(done, "classification_report.json").read_text()) == done.arguments("log_artifact_data")[0]
    )
    assert artifact(done, "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")
    assert artifact(done, "feature_importance.png").read_bytes().startswith(b"\x89PNG")


def test_the_basic_examples_model_comes_back(basic: Outcome) -> None:
    """The forest that was logged predicts what it predicted."""
    with ExperimentTracker(basic.store.root, "random_forest_classification") as tracker:
        loaded = tracker.load_model("random_forest_model")
    X = np.random.default_rng(0).normal(size=(200, 20))

    assert np.array_equal(loaded.predict_proba(X), basic.arguments("log_model")[0].predict_proba(X))


@pytest.mark.timeout(60)  # it sleeps 50 times 0.1 s, as the specification has it
def test_advanced_experiment_management(tmp_path: Path) -> None:
    """Fifty epochs under keys of their own, numpy values, system params, a summary: every point is there once."""
    done = run_example("advanced_experiment_management", tmp_path)
    points = stored_points(done)

    assert done.returncode == 0, done.stderr
    assert points == logged_points(done)
    assert len(points) == 50 * 5 + 5 * 3 + 5
    assert ("epoch_49/learning_rate", 49, 0.01 * 0.95**49) in points
    assert params(done).items() >= done.arguments("log_params")[0].items()
    assert json.loads(artifact(done, "model_config.json").read_text()) == done.arguments("log_artifact_data")[0]


def test_custom_artifact_logging(tmp_path: Path) -> None:
    """Array, frame, plot and text come back as what they were."""
    done = run_example("custom_artifact_logging", tmp_path)

    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.load(artifact(done, "feature_importance.npy")), done.arguments("log_numpy_array")[0])
    frame = pl.read_csv(artifact(done, "training_history.csv")).to_dict(as_series=False)
    assert frame == done.arguments("log_dataframe")[0].to_dict("list")
    assert artifact(done, "training_curves.png").read_bytes().startswith(b"\x89PNG")
    assert artifact(done, "training_log.txt").read_text() == done.arguments("log_text")[0]


def test_best_practice_organization(tmp_path: Path) -> None:
    """A hierarchical experiment name and tags are kept as given; the run, never ended, ends with the process."""
    done = run_example("best_practice_1_organization", tmp_path)
    run = next(run for run in done.store.experiment_runs() if run["run_id"] == done.run_id)

    assert done.returncode == 0, done.stderr
    assert run["experiment"] == "model_development/random_forest/hyperparameter_tuning"
    assert run["run_name"].startswith("rf_2")
    assert run["tags"] == done.arguments("set_tags")[0]
    assert run["status"] == "FINISHED"


def test_best_practice_comprehensive_logging(tmp_path: Path) -> None:
    """Params with a dict of numpy keys and counts: JSON's keys are text, all else is equal."""
    done = run_example("best_practice_2_logging", tmp_path)
    given = done.arguments("log_params")[0]
    balance = {str(label): int(count) for label, count in given["class_balance"].items()}

    assert done.returncode == 0, done.stderr
    assert params(done) == {**given, "class_balance": balance}


def test_best_practice_errors_when_nothing_fails(tmp_path: Path) -> None:
    """The happy path through try and finally."""
    done = run_example("best_practice_3_errors", tmp_path)
    run = done.store.find_run(done.run_id)

    assert done.returncode == 0, done.stderr
    assert stored_points(done) == logged_points(done)
    assert run is not None
    assert run["status"] == "FINISHED"


def test_best_practice_errors_when_training_fails(tmp_path: Path) -> None:
    """The run is FAILED and says why; the user's own exception comes through."""
    done = run_example("best_practice_3_errors", tmp_path, TRAINING_FAILS="1")
    run = done.store.find_run(done.run_id)

    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("RuntimeError: loss is not finite")
    assert run is not None
    assert run["status"] == "FAILED"
    error = {"error_occurred": True, "error_type": "RuntimeError", "error_message": "loss is not finite"}
    assert params(done) == error
    assert "in train_model" in artifact(done, "error_traceback.txt").read_text()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What the comparison did, on the basic example's run and twelve more forests."""
    folder = tmp_path_factory.mktemp("compared")
    return run_example("compare_multiple_experiments", folder, store="ml_experiments")


def accuracies(outcome: Outcome) -> list[dict[str, float]]:
    """The metrics that each run of a study logged, without those of the machine."""
    return [metrics for metrics in outcome.arguments("log_metrics") if "accuracy" in metrics]


@pytest.mark.timeout(60)  # a process of its own trains thirteen forests
def test_compare_multiple_experiments(compared: Outcome) -> None:
    """The last five runs, in their order, with the params and metrics that were logged, and the best of each."""
    runs = compared.store.experiment_runs("random_forest_classification")[-5:]
    lines = compared.stdout.partition("Run Comparison:")[2].splitlines()
    printed = [ast.literal_eval(line.partition(": ")[2]) for line in lines if line.startswith("  ")][: 3 * len(runs)]

    assert compared.returncode == 0, compared.stderr
    assert [line for line in lines if line.startswith("Run ")] == [f"Run {run['run_id']}:" for run in runs]
    assert printed[0::3] == compared.arguments("log_params")[-5:]
    assert printed[1::3] == accuracies(compared)[-5:]
    for best, run in zip(printed[2::3], runs, strict=True):
        better = sum(other["metrics"]["accuracy"] > run["metrics"]["accuracy"] for other in runs)
        assert (best["name"], best["value"], best["direction"]) == ("accuracy", run["metrics"]["accuracy"], "maximize")
        assert best["rank"] == 1 + better


@pytest.mark.timeout(60)
def test_compare_multiple_experiments_draws_and_sums_up(compared: Outcome) -> None:
    """The picture is there; the figures printed are those of all thirteen runs."""
    values = np.array([metrics["accuracy"] for metrics in accuracies(compared)])
    interval = mean_interval(values)
    printed = compared.stdout.partition("Statistical Summary for accuracy:\n")[2].splitlines()[:5]

    assert len(values) == 13
    assert interval.lower < values.mean() < interval.upper
    assert printed == [
        f"  Mean: {values.mean():.4f}",
        f"  Std: {values.std(ddof=1):.4f}",
        f"  Min: {values.min():.4f}",
        f"  Max: {values.max():.4f}",
        f"  95% CI: [{interval.lower:.4f}, {interval.upper:.4f}]",
    ]
    assert (compared.store.root.parent / "accuracy_comparison.png").read_bytes().startswith(b"\x89PNG")


FOREST_PARAMS = ["n_estimators", "max_depth", "min_samples_split"]


def printed_numbers(outcome: Outcome, heading: str) -> dict[str, list[float]]:
    """Name to the numbers of its line, of the indented lines below a heading."""
    found = {}
    for line in outcome.stdout.partition(f"{heading}\n")[2].splitlines():
        if not line.startswith("  "):
            break
        name, _, numbers = line.strip().partition(": ")
        found[name] = [float(number) for number in numbers.split(" - ")]
    return found


@pytest.mark.timeout(60)  # a process of its own trains 33 forests
def test_hyperparameter_optimization_analysis(tmp_path: Path) -> None:
    """On 33 forests min_samples_split matters least, and the ranges are those of the best tenth of the runs."""
    done = run_example("hyperparameter_optimization_analysis", tmp_path, "ml_experiments", STUDY_RUNS="32")
    importance = printed_numbers(done, "Parameter Importance Analysis:")
    ranges = printed_numbers(done, "Optimal Parameter Ranges (top 10% runs):")
    runs = done.store.experiment_runs("random_forest_classification")
    fourth = sorted(run["metrics"]["accuracy"] for run in runs)[-4]
    best = [run["params"] for run in runs if run["metrics"]["accuracy"] >= fourth]

    assert done.returncode == 0, done.stderr
    assert list(importance) == FOREST_PARAMS
    assert sum(share for (share,) in importance.values()) == pytest.approx(1, abs=2e-4)
    assert min(importance, key=lambda name: importance[name]) == "min_samples_split"
    assert sum(importance["min_samples_split"]) < 0.1
    for name in FOREST_PARAMS:
        values = [params[name] for params in best if name in params]
        assert ranges[name] == [min(values), max(values)]
    assert (tmp_path / "parameter_interactions.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(60)
def test_hyperparameter_optimization_analysis_of_one_run(tmp_path: Path) -> None:
    """Right after the first snippet there is one run: nothing can be told, and that is what is told."""
    done = run_example("hyperparameter_optimization_analysis", tmp_path, "ml_experiments", STUDY_RUNS="0")
    ranges = printed_numbers(done, "Optimal Parameter Ranges (top 10% runs):")

    assert done.returncode == 0, done.stderr
    assert printed_numbers(done, "Parameter Importance Analysis:") == {name: [0.0] for name in FOREST_PARAMS}
    assert ranges.items() >= {"n_estimators": [100.0, 100.0], "max_depth": [10.0, 10.0]}.items()
    assert "UserWarning" in done.stderr
    assert (tmp_path / "parameter_interactions.png").read_bytes().startswith(b"\x89PNG")


def look(folder: Path, seen: dict[str, Any]) -> None:
    """Open the example's dashboard, as a browser would, when it says where; then let it go on."""
    address = (folder / "address").read_text()
    for path in ("/", "/api/runs"):
        with urllib.request.urlopen(address + path, timeout=10) as answer:  # noqa: S310 - this machine's own
            seen[path] = answer.read()
    (folder / "seen").write_text("looked")


@pytest.mark.timeout(60)  # a process of its own, which starts another one for the dashboard
def test_metric_streaming(tmp_path: Path) -> None:
    """Points, steps and checkpoints are in the store, and the dashboard shows the run while it goes on."""
    seen: dict[str, Any] = {}
    pipes = {name: tmp_path / name.lower() for name in ("ADDRESS", "SEEN")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    visitor = threading.Thread(target=look, args=(tmp_path, seen), daemon=True)
    visitor.start()
    done = run_example("metric_streaming", tmp_path, **{name: str(pipe) for name, pipe in pipes.items()})
    visitor.join(10)
    iterations = range(1000)
    best = np.maximum.accumulate([call["accuracy"] for call in done.arguments("log_metrics")])
    runs = json.loads(seen["/api/runs"])["data"]
    with ExperimentTracker(done.store.root, "streaming", auto_log=False) as tracker:
        checkpoints = tracker.list_checkpoints(done.run_id)
        states = [tracker.load_checkpoint(done.run_id, which=checkpoint.number) for checkpoint in checkpoints]

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("steplog: the dashboard is at http://127.0.0.1:") == 1
    assert [metrics["iteration"] for metrics in done.arguments("log_metrics")] == list(iterations)
    assert stored_points(done) == logged_points(done)
    assert {step for _, step, _ in stored_points(done)} == set(iterations)
    assert [checkpoint.step for checkpoint in checkpoints] == list(iterations[::100])
    assert states == [
        {"iteration": at, "model_state": f"checkpoint_{at}", "best_accuracy": best[at]} for at in iterations[::100]
    ]
    assert (runs["run_id"], runs["status"]) == ([done.run_id], ["RUNNING"])
    assert b"<title>" in seen["/"]


@pytest.mark.timeout(60)  # a process of its own, which searches for a few seconds
def test_automl_experiment_tracking(tmp_path: Path) -> None:
    """What is printed is what the store has: algorithms, trials, selection of features, ensemble, score, the model."""
    done = run_example("automl_experiment_tracking", tmp_path, STEPLOG_TIME_BUDGET_S="5", OMP_NUM_THREADS="1")
    printed = dict(line.strip().split(": ") for line in done.stdout.partition("Report:\n")[2].splitlines())
    runs = done.store.experiment_runs("automl_benchmark")
    trials = [run for run in runs if "trial.number" in run["tags"]]
    facts = done.store.facts(kinds=["automl"], runs=[done.run_id]).sort("seq").collect()
    told = {key: json.loads(value) for key, value in facts.select("key", "value").rows()}
    run = done.store.find_run(done.run_id)
    tested = {trial["tags"]["trial.algorithm"] for trial in trials}

    assert done.returncode == 0, done.stderr
    assert run is not None
    assert (run["run_name"], run["status"]) == ("automl_full_pipeline", "FINISHED")
    assert printed["Best algorithm"] == told["1/selection"]["algorithm"]
    assert printed["Best algorithm"] in tested
    assert int(printed["Hyperparameter trials"]) == len(trials) > 2
    assert 0 <= len(tested) - int(printed["Total algorithms tested"]) <= 2  # the baseline, one without a complete trial
    selected = [key for key in told if key.startswith("1/feature_selection/")]
    assert int(printed["Feature selection iterations"]) == len(selected)
    assert int(printed["Final ensemble size"]) == len(told.get("1/ensemble", {"members": []})["members"])
    assert 0.9 < float(printed["Cross-validation score"]) <= 1
    evaluated = told.get("1/evaluation", {"metrics": {}})["metrics"].get("roc_auc")  # none where the time was over
    score = evaluated or told.get("1/ensemble", told["1/selection"])["score"]
    assert float(printed["Cross-validation score"]) == pytest.approx(score, abs=5e-5)
    [(model, kept)] = [(args[0], args[1]) for method, args, _, _ in done.calls if method == "log_model"]
    with ExperimentTracker(done.store.root, "automl_benchmark", auto_log=False) as tracker:
        loaded = tracker.load_model(kept, trust=True)
    X = np.random.default_rng(0).uniform(size=(20, 30))
    assert np.array_equal(loaded.predict(X), model.predict(X))
