"""PED-ANOVA and fANOVA say what Optuna's evaluators say of the same runs.

The pinned numbers are those of Optuna 5.0 on the runs of `runs_of`, 400 of each kind, told the range of the runs as the
search space: PedAnovaImportanceEvaluator().evaluate(study), and get_param_importances(study, evaluator=
FanovaImportanceEvaluator(seed=0)). Where Optuna is installed, they are computed again.
"""

import math
from typing import Any

import numpy as np
import pytest

from readers.importance import ParameterImportance, parameter_importance
from readers.paramspace import parameter_space
from readers.pedanova import best_of, divergence
from readers.runtable import RunTable

PED_ANOVA = {
    "mixed": {"lr": 0.0157521241133545, "depth": 0.00292150235214678, "opt": 0.002773032116035787},
    "quadratic": {"a": 0.028195775666135174, "b": 0.006809399789958228, "c": 0.00030775600230820523},
    "conditional": {"momentum": 0.030486561679145895, "x": 0.005338029579629756, "opt": 0.0019657162995925744},
}
"""Before normalisation."""
FANOVA = {
    "mixed": {"lr": 0.7593648512943927, "opt": 0.2012090362935566, "depth": 0.03942611241205069},
    "quadratic": {"a": 0.983230270765437, "b": 0.016690069397707633, "c": 7.965983685535035e-05},
}
"""Optuna's fANOVA takes no conditional params."""


def runs_of(case: str) -> tuple[list[dict[str, Any]], list[float]]:
    """Params and metric of 400 runs, less being better."""
    random = np.random.default_rng(0)
    runs, metric = [], []
    for _ in range(400):
        run: dict[str, Any]
        if case == "mixed":
            run = {"lr": float(10 ** random.uniform(-5, -1)), "opt": ["adam", "lamb", "sgd"][int(random.integers(3))]}
            run["depth"] = int(random.integers(1, 13))
            worse = {"adam": 0.0, "sgd": 1.5, "lamb": 0.7}[run["opt"]]
            value = (math.log10(run["lr"]) + 3) ** 2 + worse + 0.1 * run["depth"]
        elif case == "quadratic":
            run = {name: float(random.uniform(0, 1)) for name in "abc"}
            value = 4 * (run["a"] - 0.3) ** 2 + (run["b"] - 0.6) ** 2 + 0.01 * run["c"]
        else:
            run = {"opt": ["adam", "sgd"][int(random.integers(2))], "x": float(random.uniform(0, 1))}
            momentum = float(random.uniform(0, 1))
            value = (4 * (momentum - 0.9) ** 2 if run["opt"] == "sgd" else 0.5) + 0.3 * run["x"]
            run |= {"momentum": momentum} if run["opt"] == "sgd" else {}
        runs.append(run)
        metric.append(value)
    return runs, metric


def table_of(runs: list[dict[str, Any]]) -> RunTable:
    """The runs as a table."""
    return RunTable.of_records([{"run_id": str(place), "params": run, "metrics": {}} for place, run in enumerate(runs)])


def ask(case: str, method: Any) -> ParameterImportance:
    """What we say of them."""
    runs, metric = runs_of(case)
    return parameter_importance(table_of(runs), np.array(metric), "y", method=method, direction="minimize")


@pytest.mark.parametrize("case", PED_ANOVA)
def test_divergences_are_optunas(case: str) -> None:
    """To the last digits: numbers, whole numbers, logarithms, levels and conditional params."""
    runs, metric = runs_of(case)
    best = best_of(np.array(metric), 0.1)
    found = {one.name: divergence(one, best) * best.mean() ** 2 for one in parameter_space(table_of(runs)).parameters}
    assert found == pytest.approx(PED_ANOVA[case], rel=1e-6)


@pytest.mark.parametrize("case", PED_ANOVA)
def test_pedanova_is_optunas_less_what_is_chance(case: str) -> None:
    """Which is little in 400 runs."""
    total = sum(PED_ANOVA[case].values())
    found = ask(case, "pedanova")
    assert dict(found) == pytest.approx({name: value / total for name, value in PED_ANOVA[case].items()}, abs=0.03)


@pytest.mark.parametrize("case", FANOVA)
def test_fanova_is_optunas(case: str) -> None:
    """Two forests grown apart, in two ways."""
    found = ask(case, "fanova")
    assert dict(found) == pytest.approx(FANOVA[case], abs=0.03)
    assert all(low - 0.02 <= FANOVA[case][name] <= high + 0.02 for name, (low, high) in found.intervals.items())


@pytest.mark.parametrize("case", PED_ANOVA)
def test_optuna_still_says_so(case: str) -> None:
    """The pinned numbers, computed by Optuna itself."""
    optuna = pytest.importorskip("optuna")
    runs, metric = runs_of(case)
    space: dict[str, Any] = {}
    for name in {name for run in runs for name in run}:
        values = [run[name] for run in runs if name in run]
        if isinstance(values[0], str):
            space[name] = optuna.distributions.CategoricalDistribution(sorted(set(values)))
        elif isinstance(values[0], int):
            space[name] = optuna.distributions.IntDistribution(min(values), max(values))
        else:
            space[name] = optuna.distributions.FloatDistribution(min(values), max(values), log=name == "lr")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize")
    for run, value in zip(runs, metric, strict=True):
        distributions = {name: space[name] for name in run}
        study.add_trial(optuna.trial.create_trial(params=run, distributions=distributions, value=value))

    assert optuna.importance.PedAnovaImportanceEvaluator().evaluate(study) == pytest.approx(PED_ANOVA[case], rel=1e-6)
    if case in FANOVA:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        again = optuna.importance.get_param_importances(study, evaluator=evaluator)
        assert again == pytest.approx(FANOVA[case], abs=0.01)
