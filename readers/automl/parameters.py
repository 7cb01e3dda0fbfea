"""Parameters: which hyperparameters of each algorithm its score depends on, as far as the trials tell."""

import math
from collections.abc import Callable
from typing import NamedTuple, TypedDict

import polars as pl

from readers.automl.trials import Trials
from readers.best import Direction
from readers.caveats import FEW
from readers.importance import Method, ParameterImportance, parameter_importance
from readers.runtable import RunTable
from readers.source import RunFrames

MOST_PERMUTED = 500
"""Trials up to which importance is that of permutations in a forest; of more it is PED-ANOVA, which takes a tenth of
the time."""


class ImportantParam(TypedDict):
    """One hyperparameter of an algorithm."""

    param: str
    importance: float
    """Share of the algorithm's params together, from 0 to 1."""
    low: float
    """The interval of `importance`, at 95 %."""
    high: float
    rank: int
    rank_best: int
    """The ranks that the trials leave open."""
    rank_worst: int
    effect: float
    """Spearman's rho with the score, from -1 to 1; NaN for params without an order."""


class AlgorithmParams(NamedTuple):
    """What is known of an algorithm's params."""

    importance: ParameterImportance | None
    """None where there are too few trials."""
    notes: list[str]
    """What to know before believing it; or why there is none."""


def algorithm_params(
    frames: RunFrames, experiment: str, trials: Trials, direction: Direction
) -> dict[str, AlgorithmParams]:
    """For each algorithm that was tried, baselines left out, the importance of its params; see readers.importance.

    Only complete trials with a finite score count.
    """
    scored, method = trials.scored.filter(~pl.col("baseline")), method_for(trials)
    tried = trials.rows.filter(~pl.col("baseline"))["algorithm"].unique(maintain_order=True)
    found: dict[str, AlgorithmParams] = {}
    params: pl.DataFrame | None = None
    for name in tried:
        of_it = scored.filter(pl.col("algorithm") == name)
        if of_it.height < FEW:
            why = f"{of_it.height} complete trials are too few to tell which params matter; {FEW} are the least"
            found[name] = AlgorithmParams(None, [why])
            continue
        if params is None:
            params = frames.params(None, [experiment]).collect()
        table = _table(of_it, params.join(of_it.select("run_id"), on="run_id", how="semi"))
        importance = parameter_importance(
            table, of_it["score"].to_numpy(), trials.metric, None, method=method, direction=direction
        )
        found[name] = AlgorithmParams(importance, list(importance.warnings))
    return found


def method_for(trials: Trials) -> Method:
    """How importance is measured: one way for all algorithms of a search."""
    return "permutation" if trials.scored.height <= MOST_PERMUTED else "pedanova"


def important_params(found: ParameterImportance | None) -> list[ImportantParam]:
    """The params, the most important first; none where nothing is known."""
    if found is None:
        return []
    return [
        ImportantParam(
            param=name,
            importance=share,
            low=found.intervals[name][0],
            high=found.intervals[name][1],
            rank=found.ranks[name],
            rank_best=found.rank_intervals[name][0],
            rank_worst=found.rank_intervals[name][1],
            effect=found.effects.get(name, math.nan),
        )
        for name, share in found.items()
    ]


def _table(trials: pl.DataFrame, params: pl.DataFrame) -> RunTable:
    """The trials as runs with params and nothing else."""
    nothing: Callable[..., pl.DataFrame] = params.clear
    return RunTable(
        trials.select("run_id", run_name="name"),
        params=lambda: params,
        tags=nothing,
        summaries=lambda _: nothing(),
        logged=lambda _, __: nothing(),
    )
