"""Searching runs through MLflow's client: ours finds what MLflow's own database store finds, in the same order."""

from typing import Any

import pytest

from tests.mlflow.store.oracle import Both, refusal, told

MOMENT = 1_700_000_000_000
FILTERS = [
    "",
    "metrics.loss < 0.5",
    "metrics.loss >= 0.5 and metrics.accuracy > 0.1",
    "metrics.`val/loss x` = 3",
    "metrics.nothing > 0",
    "params.optimizer = 'adam'",
    "params.optimizer != 'adam'",
    "params.optimizer LIKE 'a%' and params.lr = '0.1'",
    "params.optimizer ILIKE 'AD%'",
    "param.rare = 'yes'",
    "tags.team = 'x'",
    "tags.team != 'x'",
    "tags.`with space` LIKE '%b%'",
    "tags.mlflow.runName = 'run 3'",
    "attributes.run_name = 'run 3'",
    "run_name LIKE 'run%'",
    "attributes.status = 'FAILED'",
    "attributes.status != 'FINISHED'",
    f"attributes.start_time > {MOMENT + 5000}",
    f"start_time <= {MOMENT + 2000} and end_time > {MOMENT}",
    "attributes.user_id = 'somebody'",
    "dataset.name = 'iris'",
    "dataset.digest = 'd2' and dataset.context = 'train'",
    "tags.team IS NULL",
    "params.rare IS NOT NULL",
]
ORDERS: list[list[str]] = [
    [],
    ["metrics.loss ASC"],
    ["metrics.loss DESC"],
    ["metrics.sometimes"],
    ["params.optimizer DESC", "metrics.accuracy"],
    ["tags.team", "start_time"],
    ["attributes.start_time ASC"],
    ["end_time DESC", "run_name"],
    ["attributes.run_name"],
    ["status", "params.lr DESC"],
]


def _filled(client: Any, both: Both) -> str:
    """An experiment with twelve runs that differ."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

    experiment = str(client.create_experiment(both.prefix))
    for number in range(12):
        tags = {"with space": "abc"[number % 3] * 2, "mlflow.user": "somebody" if number == 4 else "else"}
        if number % 4:
            tags["team"] = "xyz"[number % 3]
        run_id = client.create_run(experiment, MOMENT + number * 1000, tags, f"run {number}").info.run_id
        client.log_param(run_id, "optimizer", ["adam", "sgd", "adagrad"][number % 3])
        client.log_param(run_id, "lr", [0.1, 1e-05][number % 2])
        if number == 7:
            client.log_param(run_id, "rare", "yes")
        values = {"loss": number / 12, "accuracy": (number * 7 % 12) / 12, "val/loss x": float(number)}
        if number % 3 == 0:
            values["sometimes"] = float("nan") if number == 6 else number / 2
        client.log_batch(run_id, [Metric(key, value, MOMENT + number, 1) for key, value in values.items()])
        if number % 5 == 0:
            used = Dataset("iris" if number else "digits", f"d{number % 3}", "code", "{}")
            client.log_inputs(run_id, [DatasetInput(used, [InputTag("mlflow.data.context", "train")])])
        if number != 11:
            status = ["FINISHED", "FAILED", "KILLED", "FINISHED"][number % 4]
            client.set_terminated(run_id, status, MOMENT + number * 1000 + 500 * (number % 3))
        if number == 8:
            client.delete_run(run_id)
    return experiment


def test_each_filter_finds_the_same_runs(both: Both) -> None:
    """Of metrics, params, tags, attributes and data sets."""

    def calls(client: Any) -> Any:
        experiment = _filled(client, both)
        found = {each: client.search_runs([experiment], each) for each in FILTERS}
        return {each: [run.info.run_name for run in runs] for each, runs in found.items()}

    names = both.answer(calls)

    assert names[""] == [f"run {number}" for number in (11, 10, 9, 7, 6, 5, 4, 3, 2, 1, 0)]
    assert names["attributes.user_id = 'somebody'"] == ["run 4"]
    assert names["params.rare IS NOT NULL"] == ["run 7"]
    assert sorted(each for each, runs in names.items() if not runs) == ["metrics.nothing > 0"]


def test_each_order_is_the_same(both: Both) -> None:
    """Also where runs lack what they are sorted by; and the runs are whole."""

    def calls(client: Any) -> Any:
        experiment = _filled(client, both)
        orders = [[run.info.run_name for run in client.search_runs([experiment], order_by=each)] for each in ORDERS]
        return orders, [told(run) for run in client.search_runs([experiment])]

    orders, runs = both.answer(calls)

    assert all(len(order) == 11 for order in orders)
    assert runs[-1]["params"] == {"optimizer": "adam", "lr": "0.1"}


@pytest.mark.parametrize("filter_string", ["", "metrics.loss >= 0.1"])
def test_pages_put_together_are_the_whole(both: Both, filter_string: str) -> None:
    """With a filter and without."""

    def calls(client: Any) -> Any:
        experiment = _filled(client, both)
        names, token = [], None
        while True:
            page = client.search_runs([experiment], filter_string, max_results=4, page_token=token)
            names.append([run.info.run_name for run in page])
            token = page.token
            if not token:
                return names

    assert [len(page) for page in both.answer(calls)] == ([4, 4, 3] if not filter_string else [4, 4, 1])


def test_runs_of_several_experiments_are_found_together(both: Both) -> None:
    """Those of experiments that aren't there are none."""

    def calls(client: Any) -> Any:
        ids = [client.create_experiment(f"{both.prefix}-{number}") for number in range(3)]
        for number, experiment in enumerate(ids):
            client.create_run(experiment, MOMENT + number, run_name=f"of {number}")
        asked: tuple[list[str], ...] = ([ids[0], ids[2]], ["987654"], [])
        return [[run.info.run_name for run in client.search_runs(each)] for each in asked]

    assert both.answer(calls) == [["of 2", "of 0"], [], []]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter_string": "metrics.loss <"},
        {"filter_string": "colour.x = 1"},
        {"filter_string": "metrics.loss = 'text'"},
        {"order_by": ["colour DESC"]},
        {"order_by": ["metrics.loss SIDEWAYS"]},
        {"max_results": 0},
        {"max_results": 10**6},
        {"page_token": "bm9uc2Vuc2U="},
    ],
)
def test_a_question_that_is_none_is_refused(both: Both, asked: dict[str, Any]) -> None:
    """With MLflow's own code."""

    def calls(client: Any) -> Any:
        found = client.get_experiment_by_name("searched wrongly")
        experiment = client.create_experiment("searched wrongly") if found is None else found.experiment_id
        return refusal(lambda: client.search_runs([experiment], **asked))

    assert both.answer(calls) == "INVALID_PARAMETER_VALUE"


def test_a_frame_of_runs_is_the_same(both: Both) -> None:
    """What mlflow.search_runs gives, but for ids and addresses."""
    import mlflow

    def calls(client: Any) -> Any:
        _filled(client, both)
        mlflow.set_tracking_uri(client.tracking_uri)
        frame = mlflow.search_runs(experiment_names=[both.prefix], order_by=["metrics.loss DESC"])
        kept = frame.drop(columns=["run_id", "experiment_id", "artifact_uri"])
        return kept.reindex(sorted(kept.columns), axis=1).to_csv()

    assert len(both.answer(calls)) > 1000
