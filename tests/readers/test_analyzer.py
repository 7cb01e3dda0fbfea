"""HyperparameterAnalyzer: every question about params has an answer, or an error that says what is there."""

import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import ExperimentNotFound, LookupFailed, MetricNotFound, RunNotFound, StoreUnavailable
from readers.analyzer import HyperparameterAnalyzer
from readers.store import Store

NAN = float("nan")
Records = list[dict[str, Any]]


def study(n: int, metric: Callable[[int], float] = float, **params: Callable[[int], Any]) -> Records:
    """Records as get_experiment_runs gives them."""
    params = params or {"x": lambda k: (k * 7) % 11, "y": lambda k: (k * 5) % 13 / 13}
    return [
        {
            "run_id": f"r{k}",
            "params": {name: value(k) for name, value in params.items() if value(k) is not ...},
            "metrics": {"accuracy": metric(k)},
        }
        for k in range(n)
    ]


@pytest.fixture(scope="module")
def store(new_recorder: Any, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two runs in "e" and one in "f"."""
    recorder = new_recorder(tmp_path_factory.mktemp("analyzed") / "store")
    for place, (run_id, experiment) in enumerate([("a1", "e"), ("a2", "e"), ("b1", "f")]):
        recorder.start(run_id, experiment)
        recorder.params(run_id, {"x": place}, experiment)
        recorder.log(run_id, {"accuracy": 0.5 + place, "loss": 1.0 / (place + 1)}, 1, experiment)
        recorder.log(run_id, {"accuracy": 0.25, "loss": 2.0}, 2, experiment)
        recorder.end(run_id, experiment=experiment)
    recorder.close()
    return Store(recorder.layout.root)


@pytest.fixture
def analyzer(store: Store) -> HyperparameterAnalyzer:
    """Of that store."""
    return HyperparameterAnalyzer(store)


@pytest.fixture
def said() -> Iterator[list[warnings.WarningMessage]]:
    """Every warning of the test, which may then be looked at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def everything(analyzer: HyperparameterAnalyzer, runs: Any, names: list[str], folder: Path) -> dict[str, Any]:
    """All answers about some runs."""
    return {
        "importance": analyzer.analyze_parameter_importance(runs, "accuracy", names),
        "ranges": analyzer.find_optimal_ranges(runs, "accuracy", parameters=names),
        "two": analyzer.plot_parameter_interactions(runs, names[:2], "accuracy", folder / "new" / "two.png"),
        "slices": analyzer.plot_slice(runs, names, "accuracy"),
    }


CASES: dict[str, tuple[Records, list[str]]] = {
    "no run": ([], ["x", "y"]),
    "one run": (study(1), ["x", "y"]),
    "two runs": (study(2), ["x", "y"]),
    "fewer runs than params": (
        study(3, **{f"p{n}": lambda k, n=n: (k * n) % 5 for n in range(1, 8)}),
        ["p1", "p2", "p3"],
    ),
    "constant": (study(12, x=lambda _: 3, y=lambda _: "same"), ["x", "y"]),
    "one constant": (study(12, x=lambda k: k, y=lambda _: 3), ["x", "y"]),
    "mixed": (study(12, x=lambda k: k if k % 2 else "auto", y=lambda k: None if k % 3 else 0.5), ["x", "y"]),
    "missing": (study(12, x=lambda k: k if k % 3 else ..., y=lambda k: k * k if k % 2 else ...), ["x", "y"]),
    "lists": (study(12, x=lambda k: [64] * (k % 3), y=lambda k: {"a": k, "b": [k]}), ["x", "y.a"]),
    "bools": (study(12, x=lambda k: k % 2 == 0, y=lambda k: k % 3 == 0), ["x", "y"]),
    "nan and infinite params": (
        study(12, x=lambda k: NAN if k % 2 else k, y=lambda k: math.inf if k % 3 else k),
        ["x", "y"],
    ),
    "huge and tiny params": (study(12, x=lambda k: 10.0 ** (300 - 50 * k), y=lambda k: 10**k), ["x", "y"]),
    "texts all different": (study(30, x=lambda k: f"run {k}", y=lambda k: k), ["x", "y"]),
    "constant target": (study(12, lambda _: 0.5), ["x", "y"]),
    "all NaN": (study(12, lambda _: NAN), ["x", "y"]),
    "some NaN, some infinite": (study(14, lambda k: [NAN, math.inf, -math.inf, 0.5, 0.7][k % 5]), ["x", "y"]),
    "huge target": (study(12, lambda k: 1e300 * (-1) ** k), ["x", "y"]),
}


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("case", CASES)
def test_every_study_has_answers(case: str, analyzer: HyperparameterAnalyzer, tmp_path: Path) -> None:
    """Importance sums to 1 or is 0; each param has a range; pictures are drawn, in a folder that is made."""
    runs, names = CASES[case]
    found = everything(analyzer, runs, names, tmp_path)

    assert list(found["importance"]) == names
    assert sum(found["importance"].values()) == pytest.approx(1) or not any(found["importance"].values())
    assert list(found["ranges"]) == names
    for each in found["ranges"].values():
        assert not each["min"] > each["max"]
    assert (tmp_path / "new" / "two.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "case", ["no run", "one run", "fewer runs than params", "constant", "constant target", "all NaN"]
)
def test_what_cannot_be_told_is_said(
    case: str, analyzer: HyperparameterAnalyzer, said: list[warnings.WarningMessage]
) -> None:
    """By a warning of each question, in the name of the caller's line."""
    runs, names = CASES[case]

    analyzer.analyze_parameter_importance(runs, "accuracy", names)
    analyzer.find_optimal_ranges(runs, "accuracy", parameters=names)

    assert len(said) >= 2
    assert {(warning.category, Path(warning.filename).name) for warning in said} == {(UserWarning, Path(__file__).name)}


def test_the_pictures_file_is_of_the_kind_that_its_name_says(analyzer: HyperparameterAnalyzer, tmp_path: Path) -> None:
    """Folders are made."""
    for name, begin in (("a.png", b"\x89PNG"), ("b.svg", b"<?xml"), ("c.pdf", b"%PDF")):
        analyzer.plot_importance(study(12), "accuracy", ["x"], tmp_path / "new" / name)
        assert (tmp_path / "new" / name).read_bytes().startswith(begin)


def test_no_runs_are_no_error(analyzer: HyperparameterAnalyzer) -> None:
    """Nothing or zeros, one warning that says why, and no complaint about a metric that nobody could have."""
    with pytest.warns(UserWarning, match="there are no runs to look at, so nothing is known about 'whatever'"):
        assert analyzer.find_optimal_ranges([], "whatever") == {}
    with pytest.warns(UserWarning, match="there are no runs"):
        assert analyzer.analyze_parameter_importance([], "whatever", ["x"]) == {"x": 0.0}


def test_runs_may_be_records_ids_or_an_experiment(analyzer: HyperparameterAnalyzer, store: Store) -> None:
    """The same runs, the same answer; a run that is given twice counts once."""
    records: Any = store.experiment_runs("e")
    with pytest.warns(UserWarning, match="all runs tie"):
        found = [
            analyzer.find_optimal_ranges(runs, "accuracy")["x"]
            for runs in (records, records * 2, iter(records), ["a1", "a2"], ["a2", "a1", "a2"], "e")
        ]

    assert [(each["n"], each["overall_min"], each["overall_max"]) for each in found] == [(2, 0, 1)] * 6


@pytest.mark.usefixtures("said")
def test_value_and_mode_choose_what_is_best(analyzer: HyperparameterAnalyzer) -> None:
    """The accuracy is best in a2 at step 1 and equal at the end; less loss is better unless asked."""
    ranges = analyzer.find_optimal_ranges

    assert ranges("e", "accuracy", 99, value="best")["x"]["values"] == [1]
    assert sorted(ranges("e", "accuracy", 99)["x"]["values"]) == [0, 1]
    assert ranges("e", "loss", 99, value="first")["x"]["values"] == [1]
    assert ranges("e", "loss", 99, value="first", mode="max")["x"]["values"] == [0]


def test_a_source_may_be_a_path(analyzer: HyperparameterAnalyzer, store: Store) -> None:
    """As text or as a Path; what isn't a store is said when the analyzer is made."""
    for source in (str(store.root), store.root):
        with pytest.warns(UserWarning, match="says little"):
            assert HyperparameterAnalyzer(source).find_optimal_ranges("f", "loss")["x"]["values"] == [2]
    with pytest.raises(StoreUnavailable, match="no store at"):
        HyperparameterAnalyzer(store.root / "nowhere")
    with pytest.raises(TypeError, match="no tracker, Store or path"):
        HyperparameterAnalyzer(42)  # type: ignore[arg-type]


WRONG: dict[str, tuple[type[Exception], str, Callable[[HyperparameterAnalyzer], object]]] = {
    "metric": (
        MetricNotFound,
        "no metric 'acuracy'; did you mean 'accuracy'",
        lambda a: a.analyze_parameter_importance(study(3), "acuracy"),
    ),
    "metric of no run": (MetricNotFound, "no metric 'f1'", lambda a: a.find_optimal_ranges("e", "f1")),
    "experiment": (ExperimentNotFound, "there is: e, f", lambda a: a.find_optimal_ranges("g", "accuracy")),
    "run": (RunNotFound, "no run 'a3'", lambda a: a.find_optimal_ranges(["a1", "a3"], "accuracy")),
    "param of a picture": (
        LookupFailed,
        "no param 'z'; there is: x, y",
        lambda a: a.plot_parameter_interactions(study(9), ["x", "z"], "accuracy"),
    ),
    "param of a slice": (LookupFailed, "no param 'z'", lambda a: a.plot_slice(study(9), ["z"], "accuracy")),
    "no parameters": (
        ValueError,
        "parameters is empty",
        lambda a: a.plot_parameter_interactions(study(9), [], "accuracy"),
    ),
    "percentile": (ValueError, r"it lies in \[0, 100\]", lambda a: a.find_optimal_ranges(study(9), "accuracy", 150)),
    "percentile nan": (ValueError, r"\[0, 100\]", lambda a: a.find_optimal_ranges(study(9), "accuracy", NAN)),
    "mode": (ValueError, "no mode 'up'", lambda a: a.find_optimal_ranges(study(9), "accuracy", mode="up")),  # type: ignore[arg-type]
    "kind": (
        ValueError,
        "no kind 'map'",
        lambda a: a.plot_parameter_interactions(study(9), ["x"], "accuracy", kind="map"),  # type: ignore[arg-type]
    ),
    "method": (
        ValueError,
        "no method 'magic'",
        lambda a: a.analyze_parameter_importance(study(9), "accuracy", method="magic"),  # type: ignore[arg-type]
    ),
    "value of records": (
        ValueError,
        "records tell only the last value",
        lambda a: a.find_optimal_ranges(study(9), "accuracy", value="best"),
    ),
    "names as a text": (TypeError, "it is a list of names", lambda a: a.plot_slice(study(9), "x", "accuracy")),
    "one record": (TypeError, "runs is {'run_id'", lambda a: a.find_optimal_ranges(study(1)[0], "accuracy")),  # type: ignore[arg-type]
    "runs is None": (TypeError, "runs is None", lambda a: a.find_optimal_ranges(None, "accuracy")),  # type: ignore[arg-type]
    "picture of another kind": (
        ValueError,
        "the name must end in .png, .svg, .pdf",
        lambda a: a.plot_slice(study(9), ["x"], "accuracy", "x.txt"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_question_is_an_error_that_says_what_is_right(case: str, analyzer: HyperparameterAnalyzer) -> None:
    """It names the offender, and what there is or what is allowed."""
    error, message, ask = WRONG[case]

    with pytest.raises(error, match=message):
        ask(analyzer)


def written(figure: Any) -> str:
    """All that is written in a picture."""
    found = " ".join(text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text")))
    return " ".join(found.split())


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x"], "accuracy by x"),
        (["x", "x"], "accuracy by x"),
        (["x", "y"], "accuracy by x and y"),
        (["x", "y", "z"], "accuracy by 3 params"),
        (["x", "same"], "same is the same in all runs"),
        (["same"], "same is the same in all runs"),
        (["same", "half"], "half is the same in all runs that have it"),
    ],
)
def test_as_many_params_as_are_asked_for_are_drawn(
    names: list[str], words: str, analyzer: HyperparameterAnalyzer
) -> None:
    """One as a curve, two as a heat map, more as a matrix; what doesn't vary is said in words."""
    runs = study(
        20,
        x=lambda k: k % 7,
        y=lambda k: (k * 3) % 17 / 17,
        z=lambda k: "ab"[k % 2],
        same=lambda _: 1,
        half=lambda k: 1 if k % 2 else ...,
    )

    assert words in written(analyzer.plot_parameter_interactions(runs, names, "accuracy"))


@pytest.mark.parametrize("kind", ["surface", "cells"])
def test_two_params_are_drawn_as_one_chooses(kind: Any, analyzer: HyperparameterAnalyzer) -> None:
    """A fit, or means with counts; levels too."""
    runs = study(30, x=lambda k: (k * 7) % 31 / 31, y=lambda k: "abc"[k % 3])
    figure = analyzer.plot_parameter_interactions(runs, ["x", "y"], "accuracy", kind=kind)

    assert ("n = " in written(figure)) == (kind == "cells")
    assert ("the forest's fit" in written(figure)) == (kind == "surface")
