"""Options: what an engine is told, checked once."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from tracker.training.budget import positive, whole
from tracker.training.problem import TASKS

DEFAULT_TIME_S = 60.0
SEARCHES = ("auto", "optuna", "random")
ENSEMBLES = ("greedy", "stacking", "none")
MOST_SEED = 2**31
"""The folds of evaluations have seeds of their own, beyond it."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """An engine's arguments; see MLTrainingEngine."""

    enable_automl: bool = True
    task: str = "auto"
    metric: str | Callable[..., float] | None = None
    time_budget_s: float | None = DEFAULT_TIME_S
    max_trials: int | None = None
    trial_timeout_s: float | None = None
    algorithms: Sequence[str] | None = None
    search: Literal["auto", "optuna", "random"] = "auto"
    cv: int = 5
    repeats: int = 1
    nested_folds: int = 0
    feature_selection: bool | Literal["auto"] = "auto"
    ensemble: Literal["greedy", "stacking", "none"] = "greedy"
    estimator: Any = None
    seed: int = 0
    n_jobs: int = 1

    @property
    def processes(self) -> int:
        """Processes to fit in; 0: this one."""
        jobs = os.cpu_count() or 1 if self.n_jobs == -1 else self.n_jobs
        return jobs if jobs > 1 or self.trial_timeout_s is not None else 0


def checked(given: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Options:
    """Make options of an engine's arguments.

    Raises: TypeError, ValueError: an argument, or STEPLOG_TIME_BUDGET_S, is none of what is allowed.
    """
    told = dict(given)
    _flag("enable_automl", told["enable_automl"])
    _one_of("task", told["task"], TASKS)
    _one_of("search", told["search"], SEARCHES)
    _one_of("ensemble", told["ensemble"], ENSEMBLES)
    _one_of("feature_selection", told["feature_selection"], (True, False, "auto"))
    told["time_budget_s"] = _time_budget(told["time_budget_s"], environment)
    for name, least in (("cv", 2), ("repeats", 1)):
        told[name] = whole(name, told[name], least)
    told["seed"] = whole("seed", told["seed"], 0)
    if told["max_trials"] is not None:
        told["max_trials"] = whole("max_trials", told["max_trials"])
    if told["trial_timeout_s"] is not None:
        told["trial_timeout_s"] = positive("trial_timeout_s", told["trial_timeout_s"])
    if told["time_budget_s"] is None and told["max_trials"] is None:
        raise ValueError("a search without end: give time_budget_s, or max_trials, or both")
    told["nested_folds"] = _nested(told["nested_folds"])
    told["n_jobs"] = -1 if told["n_jobs"] == -1 else whole("n_jobs", told["n_jobs"])
    if told["seed"] > MOST_SEED:
        raise ValueError(f"seed is {told['seed']}; it is a whole number from 0 to {MOST_SEED}")
    _check_algorithms(told)
    _check_estimator(told)
    return Options(**told)


def _check_algorithms(told: Mapping[str, Any]) -> None:
    algorithms = told["algorithms"]
    if algorithms is None:
        return
    if isinstance(algorithms, str):
        raise TypeError(f"algorithms are a list of names; give [{algorithms!r}]")
    if not len(algorithms):
        raise ValueError("algorithms are an empty list; name some, or None for all")
    if not told["enable_automl"] and len(algorithms) > 1:
        raise ValueError(f"enable_automl=False trains one algorithm; algorithms are {list(algorithms)}")


def _check_estimator(told: Mapping[str, Any]) -> None:
    estimator = told["estimator"]
    if estimator is None:
        return
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise TypeError(f"estimator is an estimator of scikit-learn's kind, made, not {estimator!r:.80}")
    if told["enable_automl"]:
        raise ValueError("estimator is what enable_automl=False trains; a search takes algorithms=[...], by name")


def _time_budget(value: Any, environment: Mapping[str, str]) -> float | None:
    if value is None:
        return None
    text = environment.get("STEPLOG_TIME_BUDGET_S", "")
    if value != DEFAULT_TIME_S or not text:
        return positive("time_budget_s", value)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"STEPLOG_TIME_BUDGET_S is {text!r}; it is a number of seconds above 0")
    return seconds


def _nested(value: Any) -> int:
    folds = whole("nested_folds", value, 0)
    if folds == 1:
        raise ValueError("nested_folds is 1; it is 0 (none) or a whole number from 2 on")
    return folds


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r:.40}")


def _one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise ValueError(f"{name} is {value!r:.40}; it can be {', '.join(map(repr, allowed))}")
