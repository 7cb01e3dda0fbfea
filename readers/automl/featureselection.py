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
    """Those that the chosen model uses, as the search told; else those that the last iteration kept."""
    selected: int
    """How many these are."""
    iteration: int
    """The one that kept them, from 1; 0 for none."""
    frequencies: dict[str, float]
    """Feature to the share of resamples that selected it, most often selected first; of that iteration."""
    stability: Stability
    iterations: list[SelectionStep]


def feature_selection(
    told: Sequence[Mapping[str, Any]], used: Sequence[str] | None = None, level: float = 0.95
) -> FeatureSelection:
    """Sum up the iterations of feature selection.

    The stability is that of the shares of resamples of the iteration that was chosen; without these, of the selections
    by its method that began with the same features.

    Args:
        used: the features of the model that was chosen; None: not told.
    """
    place = _chosen(told, used)
    chosen = told[place] if place is not None else {}
    shares = {name: as_float(share) for name, share in as_dict(chosen.get("frequencies")).items()}
    after = as_texts(chosen.get("selected")) if used is None else list(used)
    return FeatureSelection(
        before=as_texts(told[0].get("before")) if told else [],
        after=after if told else [],
        selected=len(after) if told else 0,
        iteration=0 if place is None else place + 1,
        frequencies=dict(sorted(shares.items(), key=lambda item: -item[1])),
        stability=_stability(told, place, shares, level),
        iterations=[_step(one) for one in told],
    )


def _chosen(told: Sequence[Mapping[str, Any]], used: Sequence[str] | None) -> int | None:
    """The place of the iteration that kept what is used, the last one such; None where there is none."""
    if used is None:
        return len(told) - 1 if told else None
    wanted = set(used)
    return next(
        (place for place in reversed(range(len(told))) if set(as_texts(told[place].get("selected"))) == wanted), None
    )


def _stability(
    told: Sequence[Mapping[str, Any]], place: int | None, shares: Mapping[str, float], level: float
) -> Stability:
    if not told:
        return no_stability(level, "no features were selected")
    if place is None:
        return no_stability(level, "the chosen model's features are those of no iteration")
    chosen = told[place]
    features = as_texts(chosen.get("before"))
    if shares:
        whole = dict.fromkeys(features, 0.0) | dict(shares)  # what isn't named was never selected
        return stability_of_shares(whole, as_count(chosen.get("resamples")) or None, level)
    alike = [one for one in told if _asked(one) == _asked(chosen)]
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
