"""compare_groups and rank_methods: which runs are in which group, and what makes no groups."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rich.console import Console

from ingest.errors import LookupFailed, MetricNotFound
from readers.compare import ExperimentComparator
from readers.store import Store

if TYPE_CHECKING:
    from tests.readers.conftest import Recorder


def fill(recorder: "Recorder") -> None:
    """Thirty runs: three optimizers on ten seeds, a few of them odd."""
    rng = np.random.default_rng(0)
    for seed in range(10):
        hard = rng.normal()
        for place, optimizer in enumerate(("sgd", "adam", "lion")):
            run_id = f"{optimizer}{seed}"
            recorder.start(run_id)
            lr: Any = [1, 1.0, "1", 0.1, 1e-05][seed % 5]
            recorder.params(run_id, {"optimizer": optimizer, "seed": seed, "lr": lr, "amp": bool(seed % 2)})
            recorder.params(run_id, {"random": float(rng.random()), "same": "s"})
            recorder.tags(run_id, {"team": "blue" if seed < 5 else "red"})
            if run_id != "lion9":
                recorder.log(run_id, {"accuracy": hard + place + rng.normal(scale=0.01)})
                recorder.log(run_id, {"loss": -hard - place if run_id != "sgd0" else math.nan})
            recorder.end(run_id)
    recorder.start("bare")
    recorder.log("bare", {"accuracy": 0.0})
    recorder.end("bare")
    recorder.flush()


@pytest.fixture(scope="module")
def comparator(
    tmp_path_factory: pytest.TempPathFactory, new_recorder: "type[Recorder]"
) -> Iterator[ExperimentComparator]:
    """The thirty runs, and one without params."""
    recorder = new_recorder(tmp_path_factory.mktemp("grouped") / "store")
    fill(recorder)
    yield ExperimentComparator(Store(recorder.layout.root))
    recorder.close()


def sizes(found: Any) -> dict[str, tuple[int, int]]:
    """Runs with a value and runs without, of each group."""
    return {group.name: (len(group.values), group.missing) for group in found.groups}


def test_runs_are_grouped_by_a_param(comparator: ExperimentComparator) -> None:
    """Best mean first; a run without the metric is counted as missing, one without the param is left out, in words."""
    found = comparator.compare_groups("optimizer", "accuracy")

    assert list(sizes(found).items()) == [("lion", (9, 1)), ("adam", (10, 0)), ("sgd", (10, 0))]
    assert (found.metric, found.by, found.direction) == ("accuracy", "optimizer", "maximize")
    assert "1 run without 'optimizer' left out." in found.words
    assert len(found.pairs) == 3


def test_nan_is_missing(comparator: ExperimentComparator) -> None:
    """A run whose metric is NaN has none; less of a loss is better."""
    found = comparator.compare_groups("optimizer", "loss")

    assert sizes(found) == {"lion": (9, 1), "adam": (10, 0), "sgd": (9, 1)}
    assert found.groups[0].name == "lion"


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("lr", {"1", "0.1", "1e-05"}),
        ("amp", {"true", "false"}),
        ("tags.team", {"blue", "red"}),
        ("team", {"blue", "red"}),
        ("params.optimizer", {"sgd", "adam", "lion"}),
        ("seed", {str(seed) for seed in range(10)}),
    ],
)
def test_groups_are_called_as_people_wrote_them(comparator: ExperimentComparator, by: str, groups: set[str]) -> None:
    """Equal numbers are one group, and so are a number and a text that read the same."""
    assert {group.name for group in comparator.compare_groups(by, "accuracy").groups} == groups


def test_true_is_not_one(recorder: "Recorder", store: Store) -> None:
    """A boolean and a number are two groups; NaN and infinity have names too."""
    for place, value in enumerate([True, 1, math.nan, math.inf] * 3):
        recorder.start(f"r{place}")
        recorder.params(f"r{place}", {"p": value})
        recorder.log(f"r{place}", {"acc": place})
    recorder.flush()

    assert sizes(ExperimentComparator(store).compare_groups("p", "acc")).keys() == {"true", "1", "nan", "inf"}


def test_pairs_are_made_by_a_key(comparator: ExperimentComparator) -> None:
    """What all runs of a seed share is taken out; a run whose partner is missing is left out."""
    paired = comparator.compare_groups("optimizer", "accuracy", pair_on="seed")
    apart = comparator.compare_groups("optimizer", "accuracy")
    n = {(pair.a, pair.b): pair.n_a for pair in paired.pairs}

    assert all(pair.paired for pair in paired.pairs)
    assert n == {("lion", "adam"): 9, ("lion", "sgd"): 9, ("adam", "sgd"): 10}
    widths = [[pair.interval.upper - pair.interval.lower for pair in found.pairs] for found in (paired, apart)]
    assert all(within < between / 5 for within, between in zip(*widths, strict=True))


@pytest.mark.parametrize(
    ("by", "baseline", "name"),
    [("optimizer", "sgd", "sgd"), ("amp", True, "true"), ("lr", 0.1, "0.1"), ("lr", 1.0, "1")],
)
def test_a_baseline_is_compared_with_all_others(
    comparator: ExperimentComparator, by: str, baseline: object, name: str
) -> None:
    """Named by its value or its name; then each other group is compared with it alone."""
    found = comparator.compare_groups(by, "accuracy", baseline=baseline)

    assert {pair.b for pair in found.pairs} == {name}
    assert len(found.pairs) == len(found.groups) - 1


def test_what_makes_no_groups_is_refused(comparator: ExperimentComparator) -> None:
    """In words that say why, and what does make groups."""
    with pytest.raises(ValueError, match=r"'same' is 's' in every run .*\(30 runs\).*these make groups.*optimizer"):
        comparator.compare_groups("same", "accuracy")
    with pytest.raises(ValueError, match=r"'random' makes 30 groups of 30 runs, too many.*HyperparameterAnalyzer"):
        comparator.compare_groups("random", "accuracy")
    with pytest.raises(ValueError, match=r"'lr' is '1' in every run that has it \(1 run\)"):
        comparator.compare_groups("lr", "accuracy", run_ids=["sgd0"])
    with pytest.raises(ValueError, match="there are no runs to group by 'optimizer'"):
        comparator.compare_groups("optimizer", "accuracy", run_ids=[])


def test_what_nobody_has_is_named(comparator: ExperimentComparator) -> None:
    """With the near names, and what there is."""
    with pytest.raises(LookupFailed, match=r"no param, tag or column 'optimiser'; did you mean 'optimizer'"):
        comparator.compare_groups("optimiser", "accuracy")
    with pytest.raises(LookupFailed, match="no param, tag or column 'sede'; did you mean 'seed'"):
        comparator.compare_groups("optimizer", "accuracy", pair_on="sede")
    with pytest.raises(LookupFailed, match="no group of 'optimizer' 'adan'; did you mean 'adam'"):
        comparator.compare_groups("optimizer", "accuracy", baseline="adan")
    with pytest.raises(MetricNotFound, match="no metric 'acc'"):
        comparator.compare_groups("optimizer", "acc")


def test_verdicts_are_shown_as_a_table(comparator: ExperimentComparator) -> None:
    """In a terminal and in a notebook: one row a comparison, the words below; many comparisons in part."""
    found = comparator.compare_groups("optimizer", "accuracy", pair_on="seed")
    console = Console(width=200)
    with console.capture() as capture:
        console.print(found)
    lines = capture.get().splitlines()
    many = comparator.compare_groups("seed", "accuracy")

    assert lines[0] == "accuracy by optimizer"
    assert "lion against adam  lion is better" in lines[2]
    assert lines[5].startswith("Of 3 groups")
    assert found._repr_html_().count("<tr>") == 4
    assert "25 more comparisons" in many._repr_html_()
    assert many._repr_html_().count("<tr>") == 21


def test_method_ranks_are_shown_as_a_table(comparator: ExperimentComparator) -> None:
    """One row a method, best first."""
    page = comparator.rank_methods("optimizer", "seed", "accuracy")._repr_html_()

    assert page.index("lion") < page.index("adam") < page.index("sgd")
    assert "3 methods over 9 data sets" in page


def test_one_run_a_group_is_too_few(comparator: ExperimentComparator) -> None:
    """A verdict all the same, which says so."""
    found = comparator.compare_groups("optimizer", "accuracy", run_ids=["sgd1", "adam1"])

    assert [pair.conclusion for pair in found.pairs] == ["too few runs"]


def test_methods_are_ranked_over_data_sets(comparator: ExperimentComparator) -> None:
    """Each method once on each data set, by the mean of its runs; an incomplete data set is left out."""
    found = comparator.rank_methods("optimizer", "seed", "accuracy")

    assert found.methods == ("lion", "adam", "sgd")
    assert found.left_out == ("9",)
    assert found.mean_ranks.tolist() == [1.0, 2.0, 3.0]
    by_team = comparator.rank_methods("optimizer", "tags.team", "accuracy")
    assert by_team.scores.shape == (2, 3)


def test_a_summary_is_of_one_value_a_run(comparator: ExperimentComparator) -> None:
    """NaN and missing are left out and counted; runs that failed are counted and count."""
    ids = [f"sgd{seed}" for seed in range(10)]
    found = comparator.get_statistical_summary([*ids, "sgd0", "bare"], "loss")

    assert (found["n"], found["missing"], found["failed"]) == (9, 2, 0)
    assert found["ci_lower"] < found["mean"] < found["ci_upper"]
    assert found["min"] <= found["q1"] <= found["median"] <= found["q3"] <= found["max"]
