"""Runs through MLflow's client: ours answers as MLflow's own database store does."""

from functools import partial
from typing import Any

import pytest

from tests.mlflow.store.oracle import Both, refusal, told


def _experiment(client: Any, both: Both) -> str:
    found = client.get_experiment_by_name(both.prefix)
    return str(client.create_experiment(both.prefix) if found is None else found.experiment_id)


def test_a_run_is_read_back_as_it_was_logged(both: Both) -> None:
    """Its name, times, status, params, tags and last metrics."""

    def calls(client: Any) -> Any:
        run = client.create_run(_experiment(client, both), 1_700_000_000_123, {"team": "x"}, "first")
        run_id = run.info.run_id
        assert client.get_run(run_id).info.status == run.info.status == "RUNNING"
        for key, value in {"lr": 0.001, "tiny": 1e-07, "on": True, "none": None, "text": "1e5", "list": [1, 2]}.items():
            client.log_param(run_id, key, value)
        client.log_metric(run_id, "loss", 0.5, 1_700_000_000_200, 1)
        client.log_metric(run_id, "loss", 0.25, 1_700_000_000_300, 2)
        client.log_metric(run_id, "nan", float("nan"), 1_700_000_000_300, 2)
        client.set_tag(run_id, "späß/ mit.punkt", 'ja: "so" \\ {}')
        client.set_tag(run_id, "team", 7)
        client.set_terminated(run_id, "FINISHED", 1_700_000_001_456)
        return told(client.get_run(run_id))

    answer = both.answer(calls)

    assert answer["params"]["tiny"] == "1e-07"
    assert answer["params"]["none"] == "None"
    assert answer["metrics"] == {"loss": "0.25", "nan": "nan"}
    assert answer["times"] == (1_700_000_000_123, 1_700_000_001_456)
    assert answer["tags"]["team"] == "7"


@pytest.mark.parametrize("text", ["007", "1.50", "nan", "-inf", "1_000", "true", "1e400", "٣", "", " 5", "0x1f", '"x"'])
def test_a_params_text_comes_back_letter_for_letter(both: Both, text: str) -> None:
    """Also one that looks like a number, and isn't written as Python writes it."""

    def calls(client: Any) -> Any:
        run_id = client.create_run(_experiment(client, both)).info.run_id
        client.log_param(run_id, "p", text)
        client.set_tag(run_id, "t", text)
        run = client.get_run(run_id)
        return run.data.params, run.data.tags["t"]

    assert both.answer(calls) == ({"p": text}, text)


def test_a_param_doesnt_change(both: Both) -> None:
    """The same value again does nothing, and another is MLflow's error, one by one and in a batch."""
    from mlflow.entities import Param

    def calls(client: Any) -> Any:
        run_id = client.create_run(_experiment(client, both)).info.run_id
        client.log_param(run_id, "lr", 0.1)
        client.log_param(run_id, "lr", 0.1)
        one = refusal(lambda: client.log_param(run_id, "lr", 0.2))
        batch = refusal(lambda: client.log_batch(run_id, params=[Param("new", "1"), Param("lr", "0.2")]))
        twice = refusal(lambda: client.log_batch(run_id, params=[Param("a", "1"), Param("a", "2")]))
        return one, batch, twice, client.get_run(run_id).data.params

    assert both.answer(calls) == (*["INVALID_PARAMETER_VALUE"] * 3, {"lr": "0.1"})


def test_tags_are_taken_away(both: Both) -> None:
    """Once; a tag that isn't there is an error."""

    def calls(client: Any) -> Any:
        run_id = client.create_run(_experiment(client, both), tags={"a": "1", "b": "2"}).info.run_id
        client.delete_tag(run_id, "a")
        gone = refusal(lambda: client.delete_tag(run_id, "a"))
        left = sorted(set(client.get_run(run_id).data.tags) - {"mlflow.runName"})
        client.set_tag(run_id, "a", "again")
        return gone, left, client.get_run(run_id).data.tags["a"]

    assert both.answer(calls) == ("RESOURCE_DOES_NOT_EXIST", ["b"], "again")


def test_a_run_has_a_new_name_as_soon_as_it_is_given_one(both: Both) -> None:
    """By update_run, or by the tag that is the name; a name and a tag that differ are refused."""

    def calls(client: Any) -> Any:
        experiment = _experiment(client, both)
        run_id = client.create_run(experiment, run_name="old").info.run_id
        names = []
        for rename in (
            partial(client.update_run, run_id, name="new"),
            partial(client.set_tag, run_id, "mlflow.runName", "newest"),
        ):
            rename()
            run = client.get_run(run_id)
            names.append((run.info.run_name, run.data.tags["mlflow.runName"], run.info.status))
        wrong = refusal(lambda: client.create_run(experiment, tags={"mlflow.runName": "a"}, run_name="b"))
        return names, wrong

    assert both.answer(calls) == (
        [("new", "new", "RUNNING"), ("newest", "newest", "RUNNING")],
        "INVALID_PARAMETER_VALUE",
    )


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_an_ended_run_can_be_logged_to_and_resumed(both: Both, status: str) -> None:
    """What was logged stays, and the status follows."""

    def calls(client: Any) -> Any:
        run_id = client.create_run(_experiment(client, both)).info.run_id
        client.set_terminated(run_id, status)
        statuses = [client.get_run(run_id).info.status]
        client.log_metric(run_id, "late", 1.0)
        client.set_tag(run_id, "late", "too")
        statuses.append(client.get_run(run_id).info.status)
        client.update_run(run_id, "RUNNING")
        client.log_metric(run_id, "later", 2.0)
        statuses.append(client.get_run(run_id).info.status)
        client.set_terminated(run_id, "FINISHED")
        run = client.get_run(run_id)
        return statuses, run.info.status, run.data.metrics, run.data.tags["late"]

    expected = ([status, status, "RUNNING"], "FINISHED", {"late": 1.0, "later": 2.0}, "too")
    assert both.answer(calls) == expected


def test_a_deleted_run_takes_nothing_until_it_is_restored(both: Both) -> None:
    """Each way to change it is MLflow's error, and it is only found among the deleted ones."""
    from mlflow.entities import ViewType

    def calls(client: Any) -> Any:
        experiment = _experiment(client, both)
        run_id = client.create_run(experiment, run_name="gone").info.run_id
        client.log_metric(run_id, "m", 1.0)
        client.delete_run(run_id)
        refused = [
            refusal(lambda: client.log_metric(run_id, "m", 2.0)),
            refusal(lambda: client.log_param(run_id, "p", 2)),
            refusal(lambda: client.set_tag(run_id, "t", "x")),
            refusal(lambda: client.set_terminated(run_id)),
        ]
        counts = [
            len(client.search_runs([experiment], run_view_type=view))
            for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
        ]
        client.restore_run(run_id)
        client.log_metric(run_id, "m", 3.0)
        return refused, counts, told(client.get_run(run_id))["metrics"]

    refused, counts, metrics = both.answer(calls)

    assert set(refused) == {"INVALID_PARAMETER_VALUE"}
    assert counts == [0, 1, 1]
    assert metrics == {"m": "3.0"}


def test_an_unknown_run_is_said(both: Both) -> None:
    """Whatever is asked of it or logged to it."""

    def calls(client: Any) -> Any:
        unknown = "f" * 32
        return {
            refusal(lambda: client.get_run(unknown)),
            refusal(lambda: client.log_metric(unknown, "m", 1.0)),
            refusal(lambda: client.log_param(unknown, "p", 1.0)),
            refusal(lambda: client.set_tag(unknown, "t", "x")),
            refusal(lambda: client.set_terminated(unknown)),
            refusal(lambda: client.delete_run(unknown)),
            refusal(lambda: client.restore_run(unknown)),
        }

    assert both.answer(calls) == {"RESOURCE_DOES_NOT_EXIST"}


@pytest.mark.parametrize(
    "log",
    [
        lambda client, run: client.log_metric(run, "a=b", 1.0),
        lambda client, run: client.log_metric(run, "m", "text"),
        lambda client, run: client.log_metric(run, "m", 1.0, timestamp=-5),
        lambda client, run: client.log_metric(run, "x" * 251, 1.0),
        lambda client, run: client.log_param(run, "../up", 1),
        lambda client, run: client.log_param(run, None, 1),
        lambda client, run: client.log_param(run, "x" * 251, 1),
        lambda client, run: client.set_tag(run, "", 1),
        lambda client, run: client.set_tag(run, "a\nb", 1),
    ],
)
def test_what_mlflow_refuses_is_refused(both: Both, log: Any) -> None:
    """Names, values and times, with MLflow's own code."""

    def calls(client: Any) -> Any:
        run_id = client.create_run(_experiment(client, both)).info.run_id
        return refusal(lambda: log(client, run_id))

    assert both.answer(calls) == "INVALID_PARAMETER_VALUE"
