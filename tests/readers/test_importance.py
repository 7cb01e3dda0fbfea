"""Importance of params: an answer for whatever runs there are, and words for how far to trust it."""

import math
import pickle
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, get_args

import numpy as np
import pytest
from rich.console import Console

from readers.importance import Method, ParameterImportance, parameter_importance
from readers.runtable import RunTable

METHODS: tuple[Method, ...] = get_args(Method)
every_method = pytest.mark.parametrize("method", METHODS)


def ask(
    params: Sequence[Mapping[str, Any]], metric: Sequence[float], asked: Sequence[str] | None = None, **options: Any
) -> ParameterImportance:
    """What matters for a metric over runs with these params."""
    records = [{"run_id": f"r{place}", "params": dict(each), "metrics": {}} for place, each in enumerate(params)]
    target = np.array(metric, dtype=float)
    options = {"direction": "maximize"} | options
    return parameter_importance(RunTable.of_records(records), target, "acc", asked, **options)


def study(n: int) -> tuple[list[dict[str, Any]], list[float]]:
    """Runs with params of every kind: lr matters most, then opt, momentum a little; the others do nothing."""
    random = np.random.default_rng(3)
    runs, metric = [], []
    for place in range(n):
        run: dict[str, Any] = {
            "lr": float(10 ** random.uniform(-5, -1)),
            "opt": ["adam", "sgd", "lion"][int(random.integers(3))],
            "flag": bool(random.integers(2)),
            "layers": [64] * int(random.integers(1, 4)),
            "depth": [None, 3, 5][int(random.integers(3))],
            "model": {"width": int(random.integers(1, 9))},
            "const": 1,
            "name": f"run {place}",
        }
        if run["opt"] == "sgd":
            run["momentum"] = float(random.uniform())
        runs.append(run)
        score = -abs(math.log10(run["lr"]) + 3) + 0.8 * (run["opt"] == "adam") + 0.4 * run.get("momentum", 0.0)
        metric.append(score + 0.05 * float(random.normal()))
    return runs, metric


@every_method
def test_importances_of_mixed_params_sum_to_one(method: Method) -> None:
    """Numbers, levels, booleans, lists, None among numbers, nested and conditional params together."""
    found = ask(*study(150), method=method)

    assert set(found) == {"lr", "opt", "flag", "layers", "depth", "model.width", "momentum"}
    assert sum(found.values()) == pytest.approx(1)
    assert all(low <= found[name] <= high for name, (low, high) in found.intervals.items())
    assert all(best <= found.ranks[name] <= worst for name, (best, worst) in found.rank_intervals.items())
    assert list(found.ranks.values()) == list(range(1, 8))
    assert found.r2 > 0.7


@pytest.mark.parametrize("method", ["permutation", "fanova", "mdi", "pedanova"])
def test_what_matters_comes_first(method: Method) -> None:
    """The learning rate has its best in the middle: only a rank correlation can't see that."""
    found = ask(*study(150), method=method)
    assert next(iter(found)) == "lr"
    assert max(found[name] for name in ("flag", "layers", "depth", "model.width")) < 0.1


def test_the_order_is_by_importance_or_as_asked() -> None:
    """Asked by name, the answer is in that order, and has each name once."""
    runs, metric = study(60)
    values = list(ask(runs, metric).values())
    assert values == sorted(values, reverse=True)
    assert list(ask(runs, metric, ["flag", "lr", "const", "lr", "opt"])) == ["flag", "lr", "const", "opt"]


@every_method
def test_the_same_question_has_the_same_answer(method: Method) -> None:
    """Chance is drawn with a seed; another seed moves the answer a little."""
    runs, metric = study(60)
    first, second = ask(runs, metric, method=method), ask(runs, metric, method=method)
    other = ask(runs, metric, method=method, seed=1)

    assert (first, first.intervals, first.rank_intervals) == (second, second.intervals, second.rank_intervals)
    assert other.intervals != first.intervals


@every_method
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 9, 10, 11])
def test_few_runs_have_an_answer_that_says_so(method: Method, n: int) -> None:
    """Never an exception: wide intervals and a warning."""
    runs, metric = study(n)
    found = ask(runs, metric, ["lr", "opt", "flag", "momentum"], method=method)

    assert list(found) == ["lr", "opt", "flag", "momentum"]
    assert sum(found.values()) == pytest.approx(1) or set(found.values()) == {0.0}
    assert found.n == n
    if n == 0:
        assert "no runs" in found.warnings[0]
    elif n < 10:
        assert any("too few" in text for text in found.warnings)
        varying = [name for name in found if found.intervals[name] != (0.0, 0.0)]
        assert all(found.intervals[name] == (0.0, 1.0) for name in varying)
        assert all(found.rank_intervals[name] == (1, len(varying)) for name in varying)


@every_method
def test_more_params_than_runs_is_an_answer(method: Method) -> None:
    """With a warning."""
    random = np.random.default_rng(0)
    runs = [{f"p{place}": float(random.uniform()) for place in range(40)} for _ in range(15)]
    found = ask(runs, [run["p0"] for run in runs], method=method)

    assert len(found) == 40
    assert any("fewer runs (15) than params (40)" in text for text in found.warnings)


@every_method
@pytest.mark.parametrize("value", [0.0, 1e300, -3.5])
def test_a_constant_metric_depends_on_nothing(method: Method, value: float) -> None:
    """Zeros, and a warning."""
    found = ask(study(20)[0], [value] * 20, ["lr", "opt"], method=method)
    assert found == {"lr": 0.0, "opt": 0.0}
    assert any("same in all 20 runs" in text for text in found.warnings)


@every_method
def test_params_that_cannot_matter_have_zero_and_a_warning(method: Method) -> None:
    """Constant, unheard of, or a name of the run; they rank last."""
    found = ask(*study(40), ["const", "lr", "learning", "name"], method=method)

    assert [found["const"], found["learning"], found["name"]] == [0.0, 0.0, 0.0]
    assert found["lr"] in {0.0, 1.0}
    assert found.rank_intervals["const"] == (2, 4)
    assert any("'const'" in text and "vary" in text for text in found.warnings)
    assert any("'learning'" in text for text in found.warnings)
    assert any("'name'" in text and "every run" in text for text in found.warnings)


def test_a_misspelt_param_gets_a_hint() -> None:
    """The nearest name is said."""
    assert "did you mean 'momentum'?" in " ".join(ask(*study(30), ["momentun"]).warnings)


def test_runs_without_the_metric_are_left_out_and_counted() -> None:
    """NaN and infinities; all others count."""
    runs, metric = study(50)
    metric[:3] = [math.nan, math.inf, -math.inf]
    found = ask(runs, metric, ["lr", "opt"])

    assert (found.n, found.left_out) == (47, 3)
    assert any("3 of 50 runs are left out" in text for text in found.warnings)
    assert found == ask(runs[3:], metric[3:], ["lr", "opt"])


def test_no_run_with_the_metric_is_an_answer() -> None:
    """Zeros, and what there is."""
    found = ask(study(5)[0], [math.nan] * 5, ["lr"])
    assert found == {"lr": 0.0}
    assert "none of 5 runs has a finite 'acc'" in found.warnings[0]


def test_params_that_explain_little_are_said_to() -> None:
    """Noise: a poor R2, intervals that include nothing, ranks that are open."""
    random = np.random.default_rng(1)
    runs = [{f"p{place}": float(random.uniform()) for place in range(4)} for _ in range(100)]
    found = ask(runs, random.normal(size=100).tolist())

    assert found.r2 < 0.3
    assert any("explain little of 'acc'" in text for text in found.warnings)
    assert {low for low, _ in found.intervals.values()} == {0.0}
    assert set(found.rank_intervals.values()) == {(1, 4)}


def test_params_that_go_together_are_named() -> None:
    """Which of them matters can't be told."""
    random = np.random.default_rng(1)
    runs = [{"a": value, "b": value + 0.01, "c": float(random.uniform())} for value in random.uniform(size=60).tolist()]
    found = ask(runs, [run["a"] for run in runs])

    assert any("'a' and 'b' go together" in text for text in found.warnings)
    assert min(found["a"], found["b"]) > 0.2
    assert found["c"] < 0.05


def test_effects_tell_the_sign() -> None:
    """Spearman's rho for numbers and booleans; NaN where there is no order."""
    runs: list[dict[str, Any]] = [
        {"up": place, "down": -(place**3), "half": place >= 20, "word": "xyz"[place % 3]} for place in range(40)
    ]
    found = ask(runs, list(range(40)))
    assert found.effects["up"] == pytest.approx(1)
    assert found.effects["down"] == pytest.approx(-1)
    assert found.effects["half"] > 0.8
    assert math.isnan(found.effects["word"])


@every_method
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_the_metrics_unit_does_not_matter(method: Method, scale: float) -> None:
    """Tiny and huge numbers are as good as any."""
    runs, metric = study(40)
    plain, scaled = ask(runs, metric, method=method), ask(runs, [value * scale for value in metric], method=method)
    assert list(scaled.values()) == pytest.approx(list(plain.values()), abs=1e-6)


def test_the_answer_is_a_frame_a_table_and_a_page() -> None:
    """And a dict that can be pickled with all it knows."""
    runs, metric = study(40)
    found = ask([run | {"<b>": place % 3} for place, run in enumerate(runs)], metric)
    frame = found.to_frame()

    assert frame.columns == ["param", "importance", "low", "high", "rank", "rank_best", "rank_worst", "effect"]
    assert frame["param"].to_list() == list(found)
    out = StringIO()
    Console(file=out, width=120).print(found)
    assert "R2 of a forest on runs not seen" in out.getvalue()
    assert "<b>" not in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.intervals == found.intervals


def test_the_answer_to_nothing_is_a_frame_too() -> None:
    """No runs, no params."""
    assert ask([], []).to_frame().height == 0
    assert ask([{}] * 20, list(range(20))) == {}


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"method": "shap"}, ValueError, "no method 'shap'; there is: 'permutation'"),
        ({"level": 95}, ValueError, "between 0 and 1"),
        ({"level": math.nan}, ValueError, "between 0 and 1"),
        ({"asked": "lr"}, TypeError, r"as in \['lr'\]"),
    ],
)
def test_misuse_is_said(options: dict[str, Any], error: type[Exception], says: str) -> None:
    """What was asked, and what to ask instead."""
    with pytest.raises(error, match=says):
        ask(*study(5), **options)
