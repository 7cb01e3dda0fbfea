"""Feature selection: which features a search kept, by how many steps, and how stable that choice is."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from readers.automl.searchfacts import as_count, as_dict, as_float, as_text, as_texts
from readers.automl.stability import Stability, no_stability, stability_of_sets, stability_of_shares


class SelectionStep(TypedDict):
    """One iteration."""

    method: str
    before: int
    """How many features there were."""
    selected: int
    """How many were kept."""
    score: float
    """With those that were kept; NaN if not told."""
    std: float
    dropped: list[str]


class FeatureSelection(TypedDict):
    """What came of all iterations."""

    before: list[str]
    """The features before the first one; empty where there was none."""
    after: list[str]
    """Those that the last one kept."""
    selected: int
    """How many these are."""
    frequencies: dict[str, float]
    """Feature to the share of resamples that selected it, most often selected first; of the last iteration."""
    stability: Stability
    iterations: list[SelectionStep]


def feature_selection(told: Sequence[Mapping[str, Any]], level: float = 0.95) -> FeatureSelection:
    """Sum up the iterations of feature selection.

    The stability is that of the last iteration's shares of resamples; without these, of the selections by its method
    that began with the same features.
    """
    first, last = (told[0], told[-1]) if told else ({}, {})
    shares = {name: as_float(share) for name, share in as_dict(last.get("frequencies")).items()}
    after = as_texts(last.get("selected"))
    return FeatureSelection(
        before=as_texts(first.get("before")),
        after=after,
        selected=len(after),
        frequencies=dict(sorted(shares.items(), key=lambda item: -item[1])),
        stability=_stability(told, shares, level),
        iterations=[_step(one) for one in told],
    )


def _stability(told: Sequence[Mapping[str, Any]], shares: Mapping[str, float], level: float) -> Stability:
    if not told:
        return no_stability(level, "no features were selected")
    features = as_texts(told[-1].get("before"))
    if shares:
        whole = dict.fromkeys(features, 0.0) | dict(shares)  # what isn't named was never selected
        return stability_of_shares(whole, as_count(told[-1].get("resamples")) or None, level)
    alike = [one for one in told if _asked(one) == _asked(told[-1])]
    return stability_of_sets([as_texts(one.get("selected")) for one in alike], features, level)


def _asked(told: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """What a selection was asked to choose from, and how."""
    return as_text(told.get("method")), frozenset(as_texts(told.get("before")))


def _step(told: Mapping[str, Any]) -> SelectionStep:
    before, selected = as_texts(told.get("before")), as_texts(told.get("selected"))
    kept = set(selected)
    return SelectionStep(
        method=as_text(told.get("method")),
        before=len(before),
        selected=len(selected),
        score=as_float(told.get("score", math.nan)),
        std=as_float(told.get("std", math.nan)),
        dropped=[name for name in before if name not in kept],
    )
