"""Evaluation: how good the final model is, and which of a search's scores says so."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from readers.automl.searchfacts import as_dict, as_float, as_floats, as_text


class Evaluation(TypedDict):
    """How the final model does; empty where it wasn't evaluated."""

    on: str
    """The data: "nested cross-validation", "repeated cross-validation", "holdout", ..."""
    metrics: dict[str, float]
    std: dict[str, float]
    fold_scores: list[float]


class CVScore(NamedTuple):
    """A score by cross-validation."""

    score: float
    of: str
    """Whose it is."""


def evaluation(told: Mapping[str, Any]) -> Evaluation:
    """An evaluation as a search told it."""
    return Evaluation(
        on=as_text(told.get("on")),
        metrics={name: as_float(value) for name, value in as_dict(told.get("metrics")).items()},
        std={name: as_float(value) for name, value in as_dict(told.get("std")).items()},
        fold_scores=as_floats(told.get("fold_scores")),
    )


def cv_score(metric: str, evaluations: Sequence[Evaluation], others: Sequence[CVScore]) -> CVScore:
    """The final model's score by cross-validation.

    It's the last evaluation's by cross-validation; else the first there is of the others; else, of a search that has no
    such score, the last evaluation's on other data, and `of` says on which. NaN for none.
    """
    told = [
        CVScore(one["metrics"].get(metric, math.nan), f"evaluation on {one['on'] or 'data that were not told'}")
        for one in reversed(evaluations)
    ]
    crossed = [one for one in told if "cross" in one.of.lower()]
    return next((one for one in [*crossed, *others, *told] if not math.isnan(one.score)), CVScore(math.nan, ""))
