"""Metrics through MLflow's client: ours answers as MLflow's own database store does."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from readers.store import Store
from tests.mlflow.store.oracle import Both, refusal

MOMENT = 1_700_000_000_000


def _run(client: Any, both: Both) -> str:
    found = client.get_experiment_by_name(both.prefix)
    experiment = client.create_experiment(both.prefix) if found is None else found.experiment_id
    return str(client.create_run(experiment).info.run_id)


def _points(metrics: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [(each.key, each.step, each.timestamp, repr(each.value)) for each in metrics]


def test_a_history_has_every_point_with_its_step_and_time(both: Both) -> None:
    """In MLflow's order, by time, step and value, whatever the order in which they were logged."""

    def calls(client: Any) -> Any:
        run_id = _run(client, both)
        for number, step in enumerate([5, 3, -2, 0, 10**12]):
            client.log_metric(run_id, "loss", number / 4, MOMENT + number % 3, step)
        client.log_metric(run_id, "other", 1.0, MOMENT, 0)
        return _points(client.get_metric_history(run_id, "loss")), _points(client.get_metric_history(run_id, "none"))

    points, nothing = both.answer(calls)

    assert len(points) == 5
    assert nothing == []


def test_a_batch_is_logged_whole(both: Both) -> None:
    """Points of several metrics, times and steps, with params and tags."""
    from mlflow.entities import Metric, Param, RunTag

    def calls(client: Any) -> Any:
        run_id = _run(client, both)
        metrics = [Metric(f"m{number % 4}", number, MOMENT + number // 6, number // 3) for number in range(60)]
        client.log_batch(run_id, metrics, [Param("p", "1"), Param("q", "x")], [RunTag("t", "a"), RunTag("t", "b")])
        run = client.get_run(run_id)
        histories = [_points(client.get_metric_history(run_id, f"m{number}")) for number in range(4)]
        return histories, run.data.metrics, run.data.params, run.data.tags["t"]

    histories, metrics, params, tag = both.answer(calls)

    assert [len(history) for history in histories] == [15] * 4
    assert metrics == {"m0": 56.0, "m1": 57.0, "m2": 58.0, "m3": 59.0}
    assert (params, tag) == ({"p": "1", "q": "x"}, "b")


def test_nothing_of_a_batch_with_a_fault_is_logged(both: Both) -> None:
    """A wrong name among good ones, or a param that would change."""
    from mlflow.entities import Metric, Param

    def calls(client: Any) -> Any:
        run_id = _run(client, both)
        client.log_param(run_id, "p", "1")
        good = Metric("good", 1.0, MOMENT, 0)
        codes = [
            refusal(lambda: client.log_batch(run_id, [good, Metric("a=b", 1.0, MOMENT, 0)])),
            refusal(lambda: client.log_batch(run_id, [good], [Param("new", "1"), Param("p", "2")])),
        ]
        run = client.get_run(run_id)
        return codes, run.data.metrics, run.data.params

    assert both.answer(calls) == (["INVALID_PARAMETER_VALUE"] * 2, {}, {"p": "1"})


def test_more_than_mlflows_limits_at_once_is_refused(both: Both) -> None:
    """1,000 metrics, and 100 params or tags a request."""
    from mlflow.entities import Metric, Param, RunTag

    def calls(client: Any) -> Any:
        run_id, store = _run(client, both), client._tracking_client.store
        many: tuple[Any, ...] = (
            ([Metric("m", 1.0, MOMENT, step) for step in range(1001)], [], []),
            ([], [Param(f"p{number}", "1") for number in range(101)], []),
            ([], [], [RunTag(f"t{number}", "1") for number in range(101)]),
        )
        return [refusal(partial(store.log_batch, run_id, *each)) for each in many]

    assert both.answer(calls) == ["INVALID_PARAMETER_VALUE"] * 3


def test_a_history_comes_in_pages(both: Both) -> None:
    """Put together they are the whole, and the last one has no token."""

    def calls(client: Any) -> Any:
        run_id, store = _run(client, both), client._tracking_client.store
        for step in range(5):
            client.log_metric(run_id, "m", step, MOMENT + step, step)
        pages, token = [], None
        while True:
            page = store.get_metric_history(run_id, "m", max_results=2, page_token=token)
            pages.append(_points(page))
            token = page.token
            if token is None:
                return pages

    assert [len(page) for page in both.answer(calls)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("most", "steps", "counts"),
    [(10, (None, None), [10, 3]), (1, (None, None), [1, 1]), (7, (20, 60), [7]), (1000, (90, 500), [10])],
)
def test_a_chart_gets_evenly_spaced_points(
    both: Both, most: int, steps: tuple[int | None, int | None], counts: list[int]
) -> None:
    """Of each run at most so many, with its first and last; which ones between, MLflow's databases differ in."""
    from mlflow.entities import Metric

    def calls(client: Any) -> Any:
        runs = [_run(client, both) for _ in range(2)]
        for length, run_id in zip((100, 3), runs, strict=True):
            client.log_batch(run_id, [Metric("m", step, MOMENT + step, step) for step in range(length)])
        found = client._tracking_client.store.get_metric_history_bulk_interval(runs, "m", most, *steps)
        of_runs = [[(each.step, each.value, each.timestamp) for each in found if each.run_id == run] for run in runs]
        return [(len(points), points[0], points[-1]) for points in of_runs if points]

    assert [count for count, _, _ in both.answer(calls)] == counts


def test_points_of_several_runs_come_at_once(both: Both) -> None:
    """Run by run, in their order."""

    def calls(client: Any) -> Any:
        runs = sorted(_run(client, both) for _ in range(3))
        for number, run_id in enumerate(runs):
            client.log_metric(run_id, "m", number, MOMENT, 1)
            client.log_metric(run_id, "m", number + 0.5, MOMENT + 1, 2)
        found = client._tracking_client.store.get_metric_history_bulk(runs, "m", 5)
        return [(runs.index(each.run_id), each.step, each.value, each.timestamp) for each in found]

    assert len(both.answer(calls)) == 5


def test_infinities_stay_what_they_are(both: Both) -> None:
    """MLflow's database makes the largest float of them; we don't."""
    run_id = _run(both.ours, both)
    for step, value in enumerate([math.inf, -math.inf, math.nan, -0.0]):
        both.ours.log_metric(run_id, "m", value, MOMENT, step)
    found = both.ours.get_metric_history(run_id, "m")

    assert [repr(each.value) for each in found] == ["inf", "-inf", "nan", "-0.0"]


def test_the_store_holds_the_points_as_a_tracker_would_have_logged_them(both: Both) -> None:
    """With MLflow's steps and times, one row a point."""
    run_id = _run(both.ours, both)
    for step in range(3):
        both.ours.log_metric(run_id, "m", step / 2, MOMENT + step, step * 10)
    root = both.ours.tracking_uri.removeprefix("steplog://")
    rows = Store(root).metrics(runs=[run_id]).collect().sort("seq")

    assert rows["key"].to_list() == ["m"] * 3
    assert rows["step"].to_list() == [0, 10, 20]
    assert rows["value"].to_list() == [0.0, 0.5, 1.0]
    assert rows["time"].dt.timestamp("ms").to_list() == [MOMENT, MOMENT + 1, MOMENT + 2]


def test_a_number_of_more_than_64_bits_is_refused(both: Both) -> None:
    """As a step, or as a time; and the run goes on."""
    run_id = _run(both.ours, both)
    codes = [
        refusal(lambda: both.ours.log_metric(run_id, "m", 1.0, MOMENT, 2**63)),
        refusal(lambda: both.ours.log_metric(run_id, "m", 1.0, 2**62, 0)),
    ]
    both.ours.log_metric(run_id, "m", 1.0, MOMENT, 0)

    assert codes == ["INVALID_PARAMETER_VALUE"] * 2
    assert len(both.ours.get_metric_history(run_id, "m")) == 1


def test_asynchronous_logging_arrives(both: Both) -> None:
    """What MLflow's own queue of a store hands on, is there when it says so."""
    run_id = _run(both.ours, both)
    waiting = [both.ours.log_metric(run_id, "m", step, step=step, synchronous=False) for step in range(20)]
    for each in waiting:
        each.wait()

    assert [each.step for each in both.ours.get_metric_history(run_id, "m")] == list(range(20))
