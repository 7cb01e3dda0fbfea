"""rank: the runs by a metric, best first."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.errors import MetricNotFound
from readers.compare import ExperimentComparator
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

LAST = {"a": 0.5, "b": 0.9, "c": math.nan, "d": 0.9, "e": -math.inf, "f": 0.1}


@pytest.fixture(scope="module")
def comparator(
    tmp_path_factory: pytest.TempPathFactory, new_recorder: "type[Recorder]"
) -> Iterator[ExperimentComparator]:
    """Six runs with an accuracy, one without."""
    recorder = new_recorder(tmp_path_factory.mktemp("ranked") / "store")
    for place, (run_id, value) in enumerate(LAST.items()):
        recorder.start(run_id)
        recorder.params(run_id, {"place": place, "nested": {"x": 1}})
        recorder.log(run_id, {"accuracy": 0.95 if run_id == "a" else 0.0})
        recorder.log(run_id, {"accuracy": value})
        recorder.end(run_id, "FAILED" if run_id == "b" else "FINISHED")
    recorder.start("without")
    recorder.start("elsewhere", experiment="other")
    recorder.log("elsewhere", {"accuracy": 0.99}, experiment="other")
    recorder.flush()
    yield ExperimentComparator(Store(recorder.layout.root))
    recorder.close()


def order(found: list[Any]) -> list[tuple[int, str]]:
    """Rank and run id."""
    return [(run["rank"], run["run_id"]) for run in found]


def test_the_best_comes_first(comparator: ExperimentComparator) -> None:
    """Equal values share a rank, in the order of their start; NaN and missing are left out; failed runs count."""
    assert order(comparator.rank("accuracy", experiment="e")) == [(1, "b"), (1, "d"), (3, "a"), (4, "f"), (5, "e")]


def test_less_is_better_where_the_call_says_so(comparator: ExperimentComparator) -> None:
    """Both spellings."""
    expected = [(1, "e"), (2, "f"), (3, "a"), (4, "b"), (4, "d")]

    assert order(comparator.rank("accuracy", "min", experiment="e")) == expected
    assert order(comparator.rank("accuracy", mode="minimize", experiment="e")) == expected


def test_a_ranked_run_says_what_it_is(comparator: ExperimentComparator) -> None:
    """With its params as they were logged, its experiment and status."""
    (best,) = comparator.rank("accuracy", top_k=1, experiment="e")

    assert best == {
        "rank": 1,
        "run_id": "b",
        "run_name": "name of b",
        "experiment": "e",
        "status": "FAILED",
        "value": 0.9,
        "params": {"place": 1, "nested": {"x": 1}},
    }


def test_so_many_as_asked_for(comparator: ExperimentComparator) -> None:
    """At most top_k, of whichever whole type; ties aren't cut in two ranks."""
    assert order(comparator.rank("accuracy", top_k=2, experiment="e")) == [(1, "b"), (1, "d")]
    assert len(comparator.rank("accuracy", top_k=np.int64(3), experiment="e")) == 3  # type: ignore[arg-type]
    assert len(comparator.rank("accuracy", top_k=100, experiment="e")) == 5


@pytest.mark.parametrize(("top_k", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_top_k_is_a_whole_number_from_one(comparator: ExperimentComparator, top_k: Any, error: type[Exception]) -> None:
    """Anything else is refused."""
    with pytest.raises(error):
        comparator.rank("accuracy", top_k=top_k)


def test_the_runs_may_be_chosen(comparator: ExperimentComparator) -> None:
    """By id, by experiment, or, of a store, all of them."""
    assert order(comparator.rank("accuracy", run_ids=["f", "a", "without"])) == [(1, "a"), (2, "f")]
    assert order(comparator.rank("accuracy", experiment="other")) == [(1, "elsewhere")]
    assert order(comparator.rank("accuracy", top_k=1)) == [(1, "elsewhere")]
    assert comparator.rank("accuracy", run_ids=["c"]) == []
    assert comparator.rank("accuracy", run_ids=[]) == []


def test_the_best_of_a_history_may_count(comparator: ExperimentComparator) -> None:
    """`value` says which number of the history speaks for a run."""
    assert order(comparator.rank("accuracy", value="best", top_k=1, experiment="e")) == [(1, "a")]
    assert order(comparator.rank("accuracy", "min", value="best", top_k=1, experiment="e")) == [(1, "e")]


def test_a_metric_that_no_run_has_is_an_error(comparator: ExperimentComparator) -> None:
    """With the names that are near; so is a mode that there isn't."""
    with pytest.raises(MetricNotFound, match="no metric 'acuracy'; did you mean 'accuracy'"):
        comparator.rank("acuracy")
    with pytest.raises(ValueError, match="no mode 'best'; there is: 'auto'"):
        comparator.rank("accuracy", "best")  # type: ignore[arg-type]


def test_runs_that_still_go_on_count(recorder: "Recorder", store: Store) -> None:
    """What was logged after the comparator was made is seen."""
    recorder.start("going on")
    comparator = ExperimentComparator(store)
    recorder.log("going on", {"accuracy": 2.0})
    recorder.flush()

    best = comparator.rank("accuracy", top_k=1)[0]

    assert (best["run_id"], best["status"]) == ("going on", "RUNNING")
