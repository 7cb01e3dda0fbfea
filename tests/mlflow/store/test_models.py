"""Logged models and what runs use, through MLflow: ours answers as MLflow's own database store does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.mlflow.store.oracle import Both, refusal
from tracker import ExperimentTracker

MOMENT = 1_700_000_000_000


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Requirements aren't inferred: that loads the model in another process. Autologging is the whole process's."""
    import mlflow

    monkeypatch.setenv("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", "1")
    yield
    mlflow.sklearn.autolog(disable=True)


def _experiment(client: Any, both: Both) -> str:
    found = client.get_experiment_by_name(both.prefix)
    return str(client.create_experiment(both.prefix) if found is None else found.experiment_id)


def _told(model: Any) -> dict[str, Any]:
    metrics = sorted((each.key, each.value, each.step, each.dataset_name or "") for each in model.metrics or ())
    return {
        "name": model.name,
        "status": str(model.status),
        "type": model.model_type,
        "tags": model.tags,
        "params": model.params,
        "metrics": metrics,
        "has run": model.source_run_id is not None,
    }


def test_a_model_is_made_changed_found_and_deleted(both: Both) -> None:
    """Its params, tags, status and metrics; a deleted one is found no more."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    def calls(client: Any) -> Any:
        experiment = _experiment(client, both)
        run_id = client.create_run(experiment).info.run_id
        made = client.create_logged_model(experiment, "clf", run_id, {"a": "1"}, {"depth": "3"}, "tree")
        told = [_told(made)]
        client.set_logged_model_tags(made.model_id, {"a": 2, "b": "x"})
        client.delete_logged_model_tag(made.model_id, "b")
        client.log_metric(run_id, "acc", 0.5, MOMENT, 1, model_id=made.model_id)
        client.log_metric(run_id, "acc", 0.75, MOMENT + 1, 2, model_id=made.model_id)
        client.log_outputs(run_id, [LoggedModelOutput(made.model_id, 2)])
        told.append(_told(client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)))
        run = client.get_run(run_id)
        outputs = [(each.model_id == made.model_id, each.step) for each in run.outputs.model_outputs]
        last = max(client.get_logged_model(made.model_id).metrics, key=lambda each: each.step).value
        client.delete_logged_model(made.model_id)
        gone = refusal(lambda: client.get_logged_model(made.model_id))
        left = len(client.search_logged_models([experiment]))
        return told[0], {**told[1], "metrics": last}, outputs, gone, left, run.data.metrics

    first, second, outputs, gone, left, metrics = both.answer(calls)

    assert first["params"] == {"depth": "3"}
    assert second["tags"] == {"a": "2"}
    assert second["metrics"] == 0.75
    assert outputs == [(True, 2)]
    assert (gone, left, metrics) == ("RESOURCE_DOES_NOT_EXIST", 0, {"acc": 0.75})


def test_models_are_searched(both: Both) -> None:
    """By MLflow's filter, order and page."""

    def calls(client: Any) -> Any:
        experiment = _experiment(client, both)
        run_id = client.create_run(experiment).info.run_id
        for number in range(4):
            name = "odd" if number % 2 else "even"
            made = client.create_logged_model(experiment, name, run_id, None, {"n": str(number)}, None)
            client.log_metric(run_id, "acc", number / 4, MOMENT + number, number, model_id=made.model_id)
        asked: list[dict[str, Any]] = [
            {"filter_string": "name = 'odd'"},
            {"filter_string": "metrics.acc > 0.3"},
            {"filter_string": "params.n = '2'"},
            {"order_by": [{"field_name": "metrics.acc", "ascending": False}], "max_results": 3},
        ]
        return [sorted(each.params["n"] for each in client.search_logged_models([experiment], **one)) for one in asked]

    assert both.answer(calls) == [["1", "3"], ["2", "3"], ["2"], ["1", "2", "3"]]


def test_an_unknown_model_is_said(both: Both) -> None:
    """Whatever is asked of it."""

    def calls(client: Any) -> Any:
        return {
            refusal(lambda: client.get_logged_model("m-none")),
            refusal(lambda: client.delete_logged_model("m-none")),
            refusal(lambda: client.set_logged_model_tags("m-none", {"a": 1})),
        }

    assert "RESOURCE_DOES_NOT_EXIST" in both.answer(calls)


def test_data_sets_of_runs_are_kept(both: Both) -> None:
    """With what for; the same one twice is one; and an experiment's are summed up."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    def calls(client: Any) -> Any:
        experiment = _experiment(client, both)
        for number in range(2):
            run_id = client.create_run(experiment).info.run_id
            train = DatasetInput(Dataset("iris", "d1", "code", "{}", "s", "p"), [InputTag("mlflow.data.context", "t")])
            other = DatasetInput(Dataset("iris", f"e{number}", "code", "{}"), [])
            client.log_inputs(run_id, [train, other, train])
            client.log_inputs(run_id, [train])
        run = client.get_run(run_id)
        found = client._tracking_client.store._search_datasets([experiment])
        summaries = sorted((each.name, each.digest, str(each.context)) for each in found)
        return sorted(str(each.to_dictionary()) for each in run.inputs.dataset_inputs), summaries

    inputs, summaries = both.answer(calls)

    assert len(inputs) == 2
    assert summaries == [("iris", "d1", "t"), ("iris", "e0", "None"), ("iris", "e1", "None")]


def test_autologging_a_fit_makes_a_run_with_a_model_that_loads(both: Both) -> None:
    """What scikit-learn's autologging logs is the same in both stores, and the model predicts the same."""
    import mlflow
    from sklearn.datasets import load_iris
    from sklearn.tree import DecisionTreeClassifier

    X, y = load_iris(return_X_y=True)

    def calls(client: Any) -> Any:
        mlflow.set_tracking_uri(client.tracking_uri)
        mlflow.set_experiment(both.prefix)
        mlflow.sklearn.autolog(log_input_examples=False, silent=True)
        with mlflow.start_run() as run:
            fitted = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
        mlflow.sklearn.autolog(disable=True)
        (model,) = mlflow.search_logged_models(output_format="list", filter_string=f"source_run_id='{run.info.run_id}'")
        read = client.get_run(run.info.run_id)
        files = sorted(each.path for each in client.list_artifacts(run.info.run_id, "model"))
        loaded = mlflow.sklearn.load_model(model.model_uri)  # only now: of its own store, MLflow loads it in place
        told = _told(model)
        return (
            read.data.params,
            {key: round(value, 9) for key, value in read.data.metrics.items()},
            sorted(each.path for each in client.list_artifacts(run.info.run_id)),
            files,
            {key: told[key] for key in ("name", "status", "params", "has run")},
            sorted(key for key, *_ in told["metrics"]),
            len(read.inputs.dataset_inputs),
            bool(np.array_equal(loaded.predict(X), fitted.predict(X))),
        )

    params, metrics, _, files, model, *_, data_sets, same = both.answer(calls)

    assert params["max_depth"] == "2"
    assert 0.9 < metrics["training_accuracy_score"] < 1
    assert "model/MLmodel" in files
    assert model["status"].endswith("READY")
    assert (data_sets, same) == (1, True)


def test_a_logged_models_files_are_artifacts_of_its_run(both: Both) -> None:
    """So our own commands, pages and checks have them; MLflow lists them under the model's name only."""
    import mlflow
    from sklearn.linear_model import LinearRegression

    mlflow.set_tracking_uri(both.ours.tracking_uri)
    mlflow.set_experiment(both.prefix)
    with mlflow.start_run() as run:
        about = mlflow.sklearn.log_model(
            LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), name="line", pip_requirements=[]
        )
    with ExperimentTracker(both.ours.tracking_uri.removeprefix("steplog://"), auto_log=False) as tracker:
        paths = [each["path"] for each in tracker.list_artifacts(run.info.run_id)]

    assert f"mlflow-models/{about.model_id}/MLmodel" in paths
    assert both.ours.list_artifacts(run.info.run_id) == []


def test_a_model_without_a_run_has_files(both: Both, tmp_path: Path) -> None:
    """Its files lie below its own id."""
    import mlflow
    from mlflow import MlflowClient

    client: Any = MlflowClient(both.ours.tracking_uri)
    mlflow.set_tracking_uri(client.tracking_uri)
    made = client.create_logged_model(_experiment(client, both), "alone")
    (tmp_path / "note.txt").write_text("of a model")
    client.log_model_artifact(made.model_id, str(tmp_path / "note.txt"))
    repository = client._tracking_client._get_artifact_repo(made.model_id, resource="logged_model")

    assert [each.path for each in client.list_logged_model_artifacts(made.model_id)] == ["note.txt"]
    assert Path(repository.download_artifacts("note.txt")).read_text() == "of a model"
