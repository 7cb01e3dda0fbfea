"""Questions at the edge: no runs, one, five hundred, nothing but NaN, unknown names; every method of the comparator."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.errors import ExperimentNotFound, LookupFailed, MetricNotFound, RunNotFound, StoreUnavailable
from readers.compare import ExperimentComparator
from readers.store import Store
from tracker import ExperimentTracker

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

Ask = Callable[[ExperimentComparator, Sequence[str], str], Any]

QUESTIONS: dict[str, Ask] = {
    "compare_runs": lambda c, ids, metric: c.compare_runs(ids, [metric]),
    "rank": lambda c, ids, metric: c.rank(metric, run_ids=ids),
    "get_statistical_summary": lambda c, ids, metric: c.get_statistical_summary(ids, metric),
    "compare_groups": lambda c, ids, metric: c.compare_groups("group", metric, run_ids=ids),
    "rank_methods": lambda c, ids, metric: c.rank_methods("params.group", "seed", metric, run_ids=ids),
    "plot_metric_comparison": lambda c, ids, metric: c.plot_metric_comparison(ids, metric),
    "plot_curves": lambda c, ids, metric: c.plot_curves(ids, metric),
    "plot_parallel_coordinates": lambda c, ids, metric: c.plot_parallel_coordinates(ids, metric),
    "plot_groups": lambda c, ids, metric: c.plot_groups("group", metric, run_ids=ids),
    "plot_critical_difference": lambda c, ids, metric: c.plot_critical_difference(
        "params.group", "seed", metric, run_ids=ids
    ),
}
NEED_GROUPS = ("compare_groups", "plot_groups", "rank_methods", "plot_critical_difference")
COUNT = 500
ALL = [f"r{number}" for number in range(COUNT)]
CASES = {"one": ["r0"], "five": ALL[:5]}


@pytest.fixture(scope="module")
def comparator(
    tmp_path_factory: pytest.TempPathFactory, new_recorder: "type[Recorder]"
) -> Iterator[ExperimentComparator]:
    """Five hundred runs: of each third has a metric `some`; `empty` is NaN in all, `flat` the same in all."""
    recorder = new_recorder(tmp_path_factory.mktemp("questions") / "store")
    for number, run_id in enumerate(ALL):
        recorder.start(run_id)
        recorder.params(run_id, {"group": "ab"[number % 2], "seed": number // 2 % 10, "lr": 10 ** -(number % 5)})
        for step in range(3):
            recorder.log(run_id, {"loss": (number + step) % 7, "empty": math.nan, "flat": 1.0}, step)
        if number % 3 == 0:
            recorder.log(run_id, {"some": number})
        recorder.end(run_id, "FAILED" if number % 10 == 9 else "FINISHED")
    recorder.seal()
    yield ExperimentComparator(Store(recorder.layout.root))
    recorder.close()


@pytest.mark.parametrize("metric", ["some", "empty", "flat"])
@pytest.mark.parametrize("case", ["one", "five"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_answer(comparator: ExperimentComparator, question: str, case: str, metric: str) -> None:
    """Also for one run, and where all is NaN or the same; only one run makes no groups, which is said."""
    if case == "one" and question in ("compare_groups", "plot_groups"):
        with pytest.raises(ValueError, match="nothing to compare"):
            QUESTIONS[question](comparator, CASES[case], metric)
    else:
        assert QUESTIONS[question](comparator, CASES[case], metric) is not None


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_an_answer_for_many_runs(comparator: ExperimentComparator, question: str) -> None:
    """Five hundred, of which two thirds lack the metric."""
    assert QUESTIONS[question](comparator, ALL, "some") is not None


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_runs_are_no_error(comparator: ExperimentComparator, question: str) -> None:
    """Nothing is found, or drawn, of nothing; groups that nobody is in are refused in words."""
    if question in NEED_GROUPS:
        with pytest.raises(ValueError, match="there are no runs"):
            QUESTIONS[question](comparator, [], "loss")
    else:
        assert QUESTIONS[question](comparator, [], "loss") is not None


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unknown_run_is_named(comparator: ExperimentComparator, question: str) -> None:
    """And some of those there are; nothing is made."""
    with pytest.raises(RunNotFound, match=r"no run 'r500'; did you mean .*there is: r499"):
        QUESTIONS[question](comparator, ["r0", "r500"], "loss")


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unknown_metric_is_named(comparator: ExperimentComparator, question: str) -> None:
    """With the near names."""
    with pytest.raises(MetricNotFound, match="no metric 'los'; did you mean 'loss'"):
        QUESTIONS[question](comparator, ["r0", "r1"], "los")


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_text_is_no_list_of_runs(comparator: ExperimentComparator, question: str) -> None:
    """It would be taken for its letters."""
    with pytest.raises(TypeError, match=r"run_ids is 'r0'; it is a list of run ids, as in \['r0'\]"):
        QUESTIONS[question](comparator, "r0", "loss")


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda c: c.rank("loss", experiment="f"), ExperimentNotFound, "no experiment 'f'; there is: e"),
        (lambda c: c.differences(experiment="f"), ExperimentNotFound, "no experiment 'f'"),
        (lambda c: c.compare_groups("group", "loss", experiment="f"), ExperimentNotFound, "no experiment 'f'"),
        (lambda c: c.rank("loss", "up"), ValueError, "no mode 'up'; there is: 'auto'"),
        (lambda c: c.rank("loss", value="median"), ValueError, "no statistic 'median'; there is: last, best"),
        (lambda c: c.get_statistical_summary(["r0"], "loss", level=95), ValueError, "level"),
        (lambda c: c.compare_groups("group", "loss", level=0), ValueError, "level"),
        (lambda c: c.plot_curves(["r0"], "loss", x="steps"), LookupFailed, "steps"),
        (lambda c: c.plot_curves(["r0"], "loss", smoothing=1.0), ValueError, "smoothing"),
        (lambda c: c.plot_curves(["r0"], "loss", group_by="grupp"), LookupFailed, "did you mean 'group'"),
        (lambda c: c.plot_parallel_coordinates(["r0"], "loss", ["lrr"]), LookupFailed, "did you mean 'lr'"),
        (lambda c: c.plot_metric_comparison(["r0"], "loss", "x.gif"), ValueError, r"\.png, \.svg, \.pdf"),
        (lambda c: c.plot_metric_comparison(["r0"], "loss", "x"), ValueError, r"\.png, \.svg, \.pdf"),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    comparator: ExperimentComparator, ask: Callable[[ExperimentComparator], Any], error: type[Exception], says: str
) -> None:
    """Naming what was asked, and what there is."""
    with pytest.raises(error, match=says):
        ask(comparator)


@pytest.mark.parametrize(
    ("ids", "metric", "n", "missing", "mean", "std"),
    [
        ([], "loss", 0, 0, math.nan, math.nan),
        (["r3"], "loss", 1, 0, 5.0, math.nan),
        (["r0", "r1"], "empty", 0, 2, math.nan, math.nan),
        (ALL[:30], "flat", 30, 0, 1.0, 0.0),
        (ALL[:4], "some", 2, 2, 1.5, math.sqrt(4.5)),
    ],
)
def test_statistics_of_little(
    comparator: ExperimentComparator, ids: list[str], metric: str, n: int, missing: int, mean: float, std: float
) -> None:
    """NaN for what can't be told, never an exception; the spec's keys are there."""
    found = comparator.get_statistical_summary(ids, metric)

    assert {"mean", "std", "min", "max", "ci_lower", "ci_upper"} <= found.keys()
    assert (found["n"], found["missing"]) == (n, missing)
    assert found["mean"] == pytest.approx(mean, nan_ok=True)
    assert found["std"] == pytest.approx(std, nan_ok=True)
    assert math.isnan(found["ci_lower"]) == (n < 2 or std == 0)
    assert found["method"]


def test_failed_runs_are_counted_and_count(comparator: ExperimentComparator) -> None:
    """One of ten failed here."""
    found = comparator.get_statistical_summary(ALL[:30], "loss")

    assert (found["n"], found["failed"]) == (30, 3)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_is_saved_where_asked(comparator: ExperimentComparator, tmp_path: Path, suffix: str) -> None:
    """The folders are made; what was there is replaced; the Figure is returned all the same."""
    path = tmp_path / "new folder" / "é" / f"loss{suffix}"
    for _ in range(2):
        figure = comparator.plot_metric_comparison(["r0", "r1"], metric="loss", save_path=path)

    assert path.stat().st_size > 1000
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert figure.get_axes()


def test_what_is_compared_may_be_a_tracker_a_store_or_a_path(tmp_path: Path) -> None:
    """Of a tracker, its own experiment is meant where none is named; of the others, all runs."""
    root = tmp_path / "store"
    with ExperimentTracker(root, "other", auto_log=False) as other:
        other.start_run()
        other.log_metrics({"acc": 0.9})
        other.end_run()
    with ExperimentTracker(root, "mine", auto_log=False) as tracker:
        comparator = ExperimentComparator(tracker)
        assert comparator.rank("acc") == []
        assert comparator.differences().run_ids == ()
        run_id = tracker.start_run()
        tracker.log_metrics({"acc": 0.5})

        assert [run["value"] for run in comparator.rank("acc")] == [0.5]
        assert comparator.compare_runs([run_id])[run_id]["metrics"] == {"acc": 0.5}
        assert comparator.rank("acc", experiment="other")[0]["value"] == 0.9
        assert [len(ExperimentComparator(source).rank("acc")) for source in (Store(root), root, str(root))] == [2, 2, 2]

    assert len(comparator.rank("acc")) == 1  # after close too
    assert len(ExperimentComparator(tracker).rank("acc")) == 1


@pytest.mark.parametrize(("source", "error"), [(42, TypeError), (None, TypeError), ("nowhere", StoreUnavailable)])
def test_what_is_no_source_is_refused(source: Any, error: type[Exception], tmp_path: Path) -> None:
    """At once, and nothing is made."""
    with pytest.raises(error):
        ExperimentComparator(tmp_path / source if isinstance(source, str) else source)

    assert list(tmp_path.iterdir()) == []
