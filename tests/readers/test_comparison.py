"""compare_runs: runs side by side, as a dict, a frame, and a table for people."""

import copy
import math
import pickle
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from rich.console import Console

from ingest.errors import MetricNotFound, RunNotFound
from readers.compare import ExperimentComparator
from readers.comparison import Comparison
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</table></div><b>out</b>",
    "[bold red]markup[/]",
    "\x1b[2J\x1b[31mclear",
    "a\u202egnp.exe",
    "&lt;x&gt;",
    "$x_1$",
    "line\nbreak",
]


class Tags(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the names."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


@pytest.fixture
def comparator(recorder: "Recorder") -> ExperimentComparator:
    """Three runs: two with an accuracy, one of them NaN in the end, and one without any metric."""
    for run_id in "abc":
        recorder.start(run_id)
        recorder.params(run_id, {"lr": {"a": 0.1, "b": 0.2, "c": 0.2}[run_id], "seed": 1, "opt": {"name": "adam"}})
        recorder.tags(run_id, {"team": "x"})
    for step, value in enumerate((0.5, 0.9, 0.7)):
        recorder.log("a", {"accuracy": value, "loss": 1 - value, "system/cpu": 1.0}, step)
    for step, value in enumerate((0.95, 0.6, math.nan)):
        recorder.log("b", {"accuracy": value}, step + 0.5)
    for run_id in "ab":
        recorder.end(run_id, "FAILED" if run_id == "b" else "FINISHED")
    recorder.flush()
    return ExperimentComparator(Store(recorder.layout.root))


def shown(found: Any, width: int = 100) -> str:
    """What a terminal shows."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(found)
    return capture.get()


def test_a_comparison_says_what_each_run_was_and_came_to(comparator: ExperimentComparator) -> None:
    """Params as they were logged, the last metrics, NaN where there is none, the best over the history."""
    found = comparator.compare_runs(["b", "a", "c", "b"], metrics=["accuracy", "loss"])

    assert list(found) == ["b", "a", "c"]
    assert found["a"]["params"] == {"lr": 0.1, "seed": 1, "opt": {"name": "adam"}}
    assert found["a"]["metrics"] == {"accuracy": 0.7, "loss": pytest.approx(0.3)}
    assert found["a"]["tags"] == {"team": "x"}
    assert [found[run_id]["status"] for run_id in found] == ["FAILED", "FINISHED", "RUNNING"]
    assert [found[run_id]["run_name"] for run_id in found] == ["name of b", "name of a", "name of c"]
    assert (found["a"]["duration_s"] or 0) > 0
    assert found["c"]["duration_s"] is None
    assert all(math.isnan(found["c"]["metrics"][name]) for name in ("accuracy", "loss"))
    assert math.isnan(found["b"]["metrics"]["accuracy"])


def test_the_best_metric_is_the_best_of_the_history(comparator: ExperimentComparator) -> None:
    """With its step and its rank among the runs compared; None for a run that never had it."""
    found = comparator.compare_runs(["a", "b", "c"], metrics=["accuracy"])
    best = {"name": "accuracy", "direction": "maximize"}

    assert found["a"]["best_metric"] == {**best, "value": 0.9, "step": 1, "rank": 2}
    assert found["b"]["best_metric"] == {**best, "value": 0.95, "step": 0.5, "rank": 1}
    assert found["c"]["best_metric"] is None
    assert (found.metric, found.direction, found.metrics) == ("accuracy", "maximize", ("accuracy",))


def test_which_way_is_better_can_be_said(comparator: ExperimentComparator) -> None:
    """By the name of the first metric, or by `mode`."""
    by_name = comparator.compare_runs(["a", "b"], ["loss", "accuracy"])["a"]["best_metric"]
    by_mode = comparator.compare_runs(["a", "b"], ["accuracy"], mode="min")["b"]["best_metric"]

    assert by_name is not None
    assert by_mode is not None
    assert by_name["value"] == pytest.approx(0.1)
    assert by_name["direction"] == "minimize"
    assert (by_mode["value"], by_mode["rank"]) == (0.6, 2)


def test_without_metrics_all_are_compared(comparator: ExperimentComparator) -> None:
    """But those of the machine; the best is by the metric that speaks for the runs."""
    found = comparator.compare_runs(["a", "b"])

    assert found.metrics == ("accuracy", "loss")
    assert found.metric == "accuracy"
    assert comparator.compare_runs(["a"], ["system/cpu"])["a"]["metrics"] == {"system/cpu": 1.0}
    assert comparator.compare_runs(["a"], [])["a"]["best_metric"] is None
    assert comparator.compare_runs(["c"]).metrics == ()


def test_params_can_be_left_out(comparator: ExperimentComparator) -> None:
    """From the dict, the frame and the table."""
    found = comparator.compare_runs(["a", "b"], include_params=False)

    assert found["a"]["params"] == {}
    assert [name for name in found.to_frame().columns if name.startswith("params.")] == []
    assert "lr" not in shown(found)


def test_what_is_not_there_is_an_error(comparator: ExperimentComparator) -> None:
    """An unknown run, a metric that no run has; with what there is."""
    with pytest.raises(RunNotFound, match=r"no run 'z'.*there is"):
        comparator.compare_runs(["a", "z"])
    with pytest.raises(MetricNotFound, match="did you mean 'accuracy'"):
        comparator.compare_runs(["a"], ["acuracy"])
    with pytest.raises(MetricNotFound, match="no metric 'accuracy'; there is no metric at all"):
        comparator.compare_runs(["c"], ["accuracy"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a",), r"run_ids is 'a'.*\['a'\]"),
        ((None,), "run_ids is None"),
        (([{"run_id": "a"}],), r"run_ids\[0\] is .*record\['run_id'\]"),
        ((["a"], "accuracy"), r"metrics is 'accuracy'.*\['accuracy'\]"),
        ((["a"], [1]), "metrics are named by text"),
    ],
)
def test_what_is_no_list_of_names_is_refused(
    comparator: ExperimentComparator, arguments: tuple[Any, ...], says: str
) -> None:
    """And the message says how it is meant."""
    with pytest.raises(TypeError, match=says):
        comparator.compare_runs(*arguments)


def test_no_runs_compare_to_nothing(comparator: ExperimentComparator) -> None:
    """An empty dict that can be shown; asking for a metric isn't an error then."""
    found = comparator.compare_runs([], ["accuracy"])

    assert found == {}
    assert found.to_frame().height == 0
    assert found.to_frame().columns[-1] == "metrics.accuracy"
    assert "No runs to compare" in found._repr_html_()
    assert shown(found).strip() == "No runs to compare"
    assert found.differences.rows == ()


def test_a_frame_has_a_row_a_run(comparator: ExperimentComparator) -> None:
    """In the order of the runs; typed, null where a run lacks it."""
    frame = comparator.compare_runs(["c", "a"], ["accuracy"]).to_frame()

    assert frame["run_id"].to_list() == ["c", "a"]
    assert frame["rank"].to_list() == [None, 1]
    assert frame.schema["params.lr"] == pl.Float64
    assert frame.select("params.seed", "params.opt.name", "metrics.accuracy").rows() == [
        (1, "adam", None),
        (1, "adam", 0.7),
    ]


def test_a_comparison_shows_what_differs(comparator: ExperimentComparator) -> None:
    """Runs side by side, metrics, and of the params those that vary."""
    lines = [" ".join(line.split()) for line in shown(comparator.compare_runs(["a", "b"])).splitlines()]

    assert lines == [
        "2 runs, ranked by best 'accuracy' (maximize)",
        "name of a name of b",
        "status finished failed",
        "rank 2 1",
        "best accuracy 0.9 0.95",
        "accuracy 0.7",
        "loss 0.3",
        "lr 0.1 0.2",
    ]


def many(recorder: "Recorder", count: int) -> Comparison:
    """Runs with twenty metrics and twenty params each."""
    names = [f"r{number:03}" for number in range(count)]
    for number, run_id in enumerate(names):
        recorder.start(run_id)
        recorder.params(run_id, {f"p{n:02}": number * n for n in range(20)})
        recorder.log(run_id, {f"m{n:02}": number + n / 7 for n in range(20)})
    recorder.flush()
    return ExperimentComparator(Store(recorder.layout.root)).compare_runs(names)


def test_many_runs_are_shown_in_part(recorder: "Recorder") -> None:
    """Fifty rows, the columns that fit, and a word on how much more there is."""
    found = many(recorder, 500)
    text = shown(found, width=80)

    assert max(map(len, text.splitlines()[:52])) <= 80
    assert len(text.splitlines()) < 60
    said = " ".join(text.split())
    assert "450 more runs, 12 more metrics, 9 more params that differ; to_frame() has them all" in said
    assert "more columns: " in said
    assert found._repr_html_().count("<tr>") == 51
    assert found.to_frame().shape[0] == 500


@pytest.mark.parametrize("count", [1, 7])
def test_hostile_names_are_only_text(recorder: "Recorder", count: int) -> None:
    """No element, no attribute, no escape sequence, no markup comes of a run's name, a param, or a metric."""
    for number in range(count):
        run_id = f"r{number}"
        recorder.start(run_id, name=HOSTILE[number])
        recorder.params(run_id, {name: f"{number} {name}" for name in HOSTILE})
        recorder.tags(run_id, {name: f"{number} {name}" for name in HOSTILE})
        recorder.log(run_id, {f"{name}/acc": 0.5 for name in HOSTILE[:7]})
    recorder.flush()
    found = ExperimentComparator(Store(recorder.layout.root)).compare_runs([f"r{n}" for n in range(count)])

    for one in (found, found.differences):
        page = Tags(one._repr_html_())
        assert page.tags <= {"div", "strong", "em", "table", "thead", "tbody", "tr", "th", "td"}
        assert page.attributes <= {"style"}
        assert not {"\x1b", "\u202e"} & set(page.text + shown(one))
    assert "<script>alert(1)</script>" in Tags(found._repr_html_()).text
    assert "<script>alert(1)</script>" in shown(found, width=1000)
    assert "[bold red]markup[/]" in shown(found.differences, width=4000) or count == 1


def test_a_comparison_is_plain_data(comparator: ExperimentComparator) -> None:
    """It can be pickled and copied, with all it knows, and is equal to a dict of the same."""
    found = comparator.compare_runs(["a", "b"], ["loss"])
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), copy.copy(found)):
        assert isinstance(again, Comparison)
        assert again["a"] == found["a"]
        assert again.differences == found.differences
        assert again.to_frame().equals(found.to_frame())
        assert (again.metric, again.metrics, again.direction) == ("loss", ("loss",), "minimize")
    assert comparator.compare_runs(["a"], ["loss"]) == {"a": found["a"]}


def test_a_comparison_is_of_the_moment(comparator: ExperimentComparator, recorder: "Recorder") -> None:
    """What is logged later is in the next one."""
    before = comparator.compare_runs(["a"], ["accuracy"])
    recorder.log("a", {"accuracy": 0.99}, 9)
    recorder.flush()

    assert before["a"]["metrics"]["accuracy"] == 0.7
    assert comparator.compare_runs(["a"], ["accuracy"])["a"]["metrics"]["accuracy"] == 0.99
