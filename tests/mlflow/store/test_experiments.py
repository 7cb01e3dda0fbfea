"""Experiments through MLflow's client: ours answers as MLflow's own database store does."""

from functools import partial
from typing import Any

import pytest

from tests.mlflow.store.oracle import Both, refusal
from tracker import ExperimentTracker


def _named(experiments: list[Any], prefix: str) -> list[tuple[Any, ...]]:
    return [(each.name.removeprefix(prefix), each.lifecycle_stage, each.tags) for each in experiments]


def test_an_experiment_is_created_with_tags_and_found_by_id_and_name(both: Both) -> None:
    """Both ways give the same experiment, and nothing is there under another name."""

    def calls(client: Any) -> Any:
        made = client.create_experiment(f"{both.prefix}/vision", tags={"team": "x", "empty": ""})
        by_id, by_name = client.get_experiment(made), client.get_experiment_by_name(f"{both.prefix}/vision")
        assert by_id.experiment_id == by_name.experiment_id == made
        assert client.get_experiment_by_name(f"{both.prefix}/other") is None
        return _named([by_id, by_name], both.prefix)

    assert both.answer(calls) == [("/vision", "active", {"team": "x", "empty": ""})] * 2


def test_ids_are_digits_and_zero_is_the_default_experiment(both: Both) -> None:
    """MLflow's scripts without an experiment log to "0", called Default; other ids are 18 digits."""
    made = both.ours.create_experiment("anything at all")

    assert both.answer(lambda client: client.get_experiment("0").name) == "Default"
    assert made.isdigit()
    assert len(made) == 18


def test_an_experiment_that_a_tracker_has_logged_to_has_the_same_id_in_every_process(both: Both) -> None:
    """Its id follows from its name, so nobody writes it down."""
    from mlflow import MlflowClient

    from tracker.mlflowstore.experiments import id_of

    root = both.ours.tracking_uri.removeprefix("steplog://")
    with ExperimentTracker(root, "a/b c", auto_log=False) as tracker, tracker.start_run():
        pass
    found = MlflowClient(both.ours.tracking_uri).get_experiment_by_name("a/b c")

    assert found.experiment_id == id_of("a/b c")
    assert both.ours.get_experiment(found.experiment_id).name == "a/b c"


def test_a_name_is_taken_once(both: Both) -> None:
    """A second experiment of a name is refused, also while the first is deleted."""

    def calls(client: Any) -> Any:
        made = client.create_experiment(both.prefix)
        twice = refusal(lambda: client.create_experiment(both.prefix))
        client.delete_experiment(made)
        return twice, refusal(lambda: client.create_experiment(both.prefix))

    assert both.answer(calls) == ("RESOURCE_ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS")


@pytest.mark.parametrize("name", ["", None, 7, "x" * 501])
def test_a_name_that_mlflow_refuses_is_refused(both: Both, name: Any) -> None:
    """With MLflow's own code."""
    assert both.answer(lambda client: refusal(lambda: client.create_experiment(name))) == "INVALID_PARAMETER_VALUE"


def test_what_isnt_there_is_said(both: Both) -> None:
    """Each question about an unknown experiment ends in MLflow's own code."""

    def calls(client: Any) -> Any:
        ask = (client.get_experiment, client.delete_experiment, client.restore_experiment, client.create_run)
        return [refusal(partial(call, "123456")) for call in ask]

    assert set(both.answer(calls)) == {"RESOURCE_DOES_NOT_EXIST"}


def test_a_deleted_experiment_hides_its_runs_until_it_is_restored(both: Both) -> None:
    """Its runs are deleted with it and come back with it; meanwhile nothing can be logged."""
    from mlflow.entities import ViewType

    def calls(client: Any) -> Any:
        made = client.create_experiment(both.prefix)
        run = client.create_run(made, run_name="one")
        told: list[Any] = []
        for change in (client.delete_experiment, client.restore_experiment):
            change(made)
            names = [
                [each.info.run_name for each in client.search_runs([made], run_view_type=view)]
                for view in (ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL)
            ]
            stage = client.get_run(run.info.run_id).info.lifecycle_stage
            told.append((names, stage, client.get_experiment(made).lifecycle_stage))
            if change == client.delete_experiment:
                told.append(refusal(lambda: client.create_run(made)))
                told.append(refusal(lambda: client.set_experiment_tag(made, "a", "b")))
                told.append(refusal(lambda: client.delete_experiment(made)))
        return told

    assert both.answer(calls) == [
        ([[], ["one"], ["one"]], "deleted", "deleted"),
        "INVALID_PARAMETER_VALUE",
        "INVALID_PARAMETER_VALUE",
        "RESOURCE_DOES_NOT_EXIST",
        ([["one"], [], ["one"]], "active", "active"),
    ]


def test_experiment_tags_are_set_changed_and_taken_away(both: Both) -> None:
    """As runs' tags; to take one away that isn't there is an error."""

    def calls(client: Any) -> Any:
        made = client.create_experiment(both.prefix)
        client.set_experiment_tag(made, "a", 1)
        client.set_experiment_tag(made, "a", "two")
        client.set_experiment_tag(made, "b", "x")
        client.delete_experiment_tag(made, "b")
        return client.get_experiment(made).tags, refusal(lambda: client.delete_experiment_tag(made, "b"))

    assert both.answer(calls) == ({"a": "two"}, "RESOURCE_DOES_NOT_EXIST")


def test_experiments_are_searched_by_filter_order_and_page(both: Both) -> None:
    """Names, tags, stages; pages of two put together are all."""
    from mlflow.entities import ViewType

    def calls(client: Any) -> Any:
        for number in range(5):
            tags = {"parity": str(number % 2)}
            made = client.create_experiment(f"{both.prefix}-{number}", tags=tags)
            if number == 3:
                client.delete_experiment(made)
        mine = f"name LIKE '{both.prefix}%'"
        found: list[Any] = []
        token = None
        while True:
            page = client.search_experiments(
                filter_string=mine, order_by=["name DESC"], max_results=2, page_token=token, view_type=ViewType.ALL
            )
            assert len(page) <= 2
            found += page
            token = page.token
            if token is None:
                break
        odd = client.search_experiments(filter_string=f"{mine} AND tags.parity = '1'", order_by=["name"])
        wrong = refusal(lambda: client.search_experiments(filter_string="colour = 'red'"))
        return _named(found, both.prefix), _named(odd, both.prefix), wrong

    found, odd, wrong = both.answer(calls)

    assert [name for name, _, _ in found] == ["-4", "-3", "-2", "-1", "-0"]
    assert [name for name, _, _ in odd] == ["-1"]
    assert wrong == "INVALID_PARAMETER_VALUE"
