"""The compare page's answers: those of the comparator and the analyzer, within bounds, in words."""

import json
import warnings
from pathlib import Path

import pytest

from readers.analyzer import HyperparameterAnalyzer
from readers.compare import ExperimentComparator
from tests.dashboard.asking import Site, refusal
from tests.readers.conftest import Recorder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four runs: the accuracy depends on lr and net, not on seed."""
    recorder = Recorder(tmp_path_factory.mktemp("compare") / "store")
    for number in range(24):
        run = f"r{number:02d}"
        lr, net, seed = [0.1, 0.01, 0.001, 0.0001][number % 4], ["mlp", "cnn"][number // 4 % 2], number // 8
        recorder.start(run, "sweep", name=f"try {number}")
        recorder.params(run, {"lr": lr, "net": net, "seed": seed, "epochs": 5}, "sweep")
        value = 0.5 + 0.1 * (number % 4) + (0.05 if net == "cnn" else 0) + 0.001 * seed
        recorder.log(run, {"accuracy": value, "system/cpu": 1.0}, 0, "sweep")
        recorder.end(run, experiment="sweep")
    recorder.start("bare", "other")
    recorder.end("bare", experiment="other")
    recorder.close()
    return recorder.layout.root


@pytest.fixture(scope="module")
def site(root: Path) -> Site:
    """The read API over it."""
    return Site(root)


IDS = [f"r{number:02d}" for number in range(24)]


def test_only_what_differs_is_compared(site: Site, root: Path) -> None:
    """Params that are the same are counted; each metric has its best run marked; a run without it has null."""
    told = site.asked("/api/compare", runs=["r00", "r01", "bare"])

    rows = {(row["kind"], row["name"]): row["values"] for row in told["differences"]}
    assert rows["param", "lr"] == ["0.1", "0.01", None]
    assert [run["run_name"] for run in told["runs"]] == ["try 0", "try 1", "name of bare"]
    metric = {"key": "accuracy", "values": [0.5, 0.6, None], "best": ["r01"], "direction": "maximize"}
    assert told["metrics"] == [metric]
    same = site.asked("/api/compare", runs=["r00", "r01"])
    assert same["same"] == ExperimentComparator(root).differences(["r00", "r01"]).same > 0
    assert [row["name"] for row in same["differences"]] == ["lr"]


def test_long_values_are_cut_and_stay_different(tmp_path: Path) -> None:
    """Where they differ only behind the cut, too; how long each is in all is told."""
    recorder = Recorder(tmp_path / "store")
    texts = {"a": "x" * 600 + "a", "b": "x" * 600 + "b", "c": "short", "d": "x" * 600 + "a"}
    for run, text in texts.items():
        recorder.start(run)
        recorder.params(run, {"text": text})
    recorder.close()

    (told,) = Site(recorder.layout.root).asked("/api/compare", runs=list(texts))["differences"]

    first, second, short, again = told["values"]
    assert (first, short) == ("x" * 500 + "…", "short")
    assert again == first != second
    assert told["lengths"] == [601, 601, None, 601]


def test_texts_too_long_for_the_table_of_runs_stay_different(tmp_path: Path) -> None:
    """They are compared as a whole, and shown by their beginning."""
    recorder = Recorder(tmp_path / "store")
    for run, end in {"a": "a", "b": "b", "c": "a"}.items():
        recorder.start(run)
        recorder.params(run, {"config": "x" * 10_000 + end, "same": "y" * 10_000})
    recorder.close()

    (told,) = Site(recorder.layout.root).asked("/api/compare", runs=["a", "b", "c"])["differences"]

    assert told["name"] == "config"
    assert told["values"] == ["x" * 500 + "…", "x" * 500 + "… (2)", "x" * 500 + "…"]
    assert told["lengths"] == [0, 0, 0]


def test_importance_is_the_analyzers(site: Site, root: Path) -> None:
    """The same numbers, with intervals and ranks; its warnings are words of the answer, not Python's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = HyperparameterAnalyzer(root).analyze_parameter_importance("sweep", "accuracy")

    told = site.asked("/api/importance", experiment="sweep", metric="accuracy")

    assert {param["name"]: param["importance"] for param in told["params"]} == dict(expected)
    assert (told["n"], told["method"], told["params"][0]["name"]) == (24, "permutation", "lr")
    assert told["warnings"] == expected.warnings
    assert set(told["params"][0]) == {
        *("name", "importance", "low", "high", "rank", "rank_low", "rank_high", "effect"),
    }
    few = site.asked("/api/importance", runs=IDS[:3], metric="accuracy", method="spearman")
    assert few["warnings"]


def test_verdicts_are_words_and_numbers(site: Site) -> None:
    """Groups with their means and intervals, pairs with what is shown; paired where asked."""
    told = site.asked("/api/verdicts", experiment="sweep", metric="accuracy", by="net")

    assert {group["name"]: group["n"] for group in told["groups"]} == {"cnn": 12, "mlp": 12}
    assert (told["pairs"][0]["a"], told["pairs"][0]["estimate"]) == ("cnn", pytest.approx(0.05))
    assert told["words"]
    paired = site.asked("/api/verdicts", runs=IDS, metric="accuracy", by="params.lr", pair_on="seed")
    assert len(paired["pairs"]) == 6
    assert "epochs" in refusal(site.post("/api/verdicts", runs=IDS, metric="accuracy", by="epochs"))[1]


def test_parallel_axes_are_those_that_vary(site: Site) -> None:
    """The metric is the last axis; levels are named; a param asked for by name comes in the order asked."""
    told = site.asked("/api/parallel", experiment="sweep", metric="accuracy")

    assert [(axis["name"], axis["kind"]) for axis in told["axes"]] == [
        ("lr", "numeric"),
        ("net", "categorical"),
        ("seed", "numeric"),
        ("accuracy", "metric"),
    ]
    net = told["axes"][1]
    assert [net["levels"][int(place)] for place in net["values"][:5]] == ["mlp", "mlp", "mlp", "mlp", "cnn"]
    assert (told["axes"][0]["log"], len(told["run_ids"])) == (True, 24)
    some = site.asked("/api/parallel", runs=["r00", "bare", "r01"], metric="accuracy", params=["lr"])
    assert [axis["name"] for axis in some["axes"]] == ["lr", "accuracy"]
    assert some["axes"][0]["values"] == [0.1, "NaN", 0.01]


def test_no_runs_and_one_are_answered(site: Site) -> None:
    """Nothing differs, nothing matters, and that is said."""
    for runs in ([], ["r00"]):
        assert site.asked("/api/compare", runs=runs)["differences"] == []
        told = site.asked("/api/importance", runs=runs, metric="accuracy")
        assert (len(told["params"]) == 0 or told["params"][0]["importance"] == 0, bool(told["warnings"])) == (
            True,
            True,
        )
        assert site.asked("/api/parallel", runs=runs, metric="accuracy")["run_ids"] == runs


def test_questions_out_of_bounds_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many runs, neither runs nor an experiment, unknown names: 400 and 404 in words."""
    monkeypatch.setattr("readers.dashboard.comparisons.MOST_COMPARED", 5)
    monkeypatch.setattr("readers.dashboard.comparisons.MOST_ANALYSED", 5)
    site = Site(root)

    assert refusal(site.post("/api/compare", runs=IDS))[0] == 400
    assert refusal(site.post("/api/importance", experiment="sweep", metric="accuracy"))[0] == 400
    assert refusal(site.post("/api/importance", metric="accuracy"))[0] == 400
    assert refusal(site.post("/api/importance", runs=IDS[:4], metric="accuracy", method="magic"))[0] == 400
    status, words = refusal(site.post("/api/parallel", experiment="sweeep", metric="accuracy"))
    assert (status, "'sweep'" in words) == (404, True)
    status, words = refusal(site.post("/api/parallel", experiment="sweep", metric="acuracy"))
    assert (status, "'accuracy'" in words) == (404, True)
    assert refusal(site.post("/api/parallel", experiment="sweep", metric="accuracy", params=["x"]))[0] == 404
    assert refusal(site.post("/api/verdicts", runs=IDS[:4], metric="accuracy", by="x"))[0] == 404


def test_every_answer_is_strict_json(site: Site) -> None:
    """No NaN or Infinity as bare words, which browsers refuse."""

    def refuse(word: str) -> None:
        raise AssertionError(word)

    for path, body in (
        ("/api/compare", {"runs": ["r00", "bare"]}),
        ("/api/importance", {"runs": ["r00"], "metric": "accuracy"}),
        ("/api/verdicts", {"runs": IDS[:2], "metric": "accuracy", "by": "lr"}),
        ("/api/parallel", {"runs": ["r00", "bare"], "metric": "accuracy"}),
    ):
        json.loads(site.post(path, **body).content, parse_constant=refuse)
