"""Bins: each param cut into a few steps, so that trees and histograms count instead of sorting.

A numeric param with few different values has a bin for each, else bins of as equally many runs as its values allow. A
categorical one has a bin for each level. Runs that lack a param have a bin of their own - unless another param decides
over it: then they lie in the middle, where nothing can be learnt from it.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.paramspace import Parameter, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Integers = np.ndarray[tuple[int], np.dtype[np.intp]]
    Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
    Codes = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
    BoolMatrix = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

MOST_BINS = 32
"""Steps of a numeric param. A forest loses next to nothing by them: its leaves hold more runs than one step of one."""


class Bins(NamedTuple):
    """Params of n_runs runs, cut into bins."""

    codes: "Codes"
    """Shape (n_runs, n_params), column after column in memory: the bin, from 0; in an ordered param 0 holds the runs
    without a number, if any."""
    ordered: "Bools"
    """Shape (n_params,): whether bins follow each other (numeric), or can be grouped in any way (categorical)."""
    own: "BoolMatrix"
    """Shape (n_runs, n_params): False where the run lacks the param since another param's value decides so."""
    weights: "Matrix"
    """Shape (n_params, n_bins), each row sums to 1: how much of the param's range a bin is. That is the measure under
    which fANOVA takes variances: even over the numbers from the smallest to the largest tried (by the logarithm where
    `log`; over the values where they are few) and over the levels; runs without the param count by their share."""


def binned(parameters: "Sequence[Parameter]") -> Bins:
    """Cut params that vary into bins."""
    cut = [_numeric(parameter) if parameter.kind == "numeric" else _categorical(parameter) for parameter in parameters]
    codes = np.array([codes for codes, _ in cut], dtype=np.uint8).T
    weights = np.zeros((len(cut), max(len(weights) for _, weights in cut)))
    for place, (_, found) in enumerate(cut):
        weights[place, : len(found)] = found
    ordered = np.array([parameter.kind == "numeric" for parameter in parameters])
    decided = np.array([parameter.decided_by is not None for parameter in parameters])
    own = np.column_stack([parameter.present for parameter in parameters]) | ~decided
    return Bins(codes, ordered, own, weights)


def _numeric(parameter: Parameter) -> "tuple[Integers, Floats]":
    values = np.log10(parameter.values) if parameter.log else parameter.values
    lacking = np.isnan(values)
    known = values[~lacking]
    distinct = np.unique(known)
    if len(distinct) <= MOST_BINS:
        edges, sizes = (distinct[1:] + distinct[:-1]) / 2, np.ones(len(distinct))
    else:
        edges = _edges(known, distinct)
        sizes = np.diff(np.concatenate([distinct[:1], edges, distinct[-1:]]))
    codes = np.searchsorted(edges, np.where(lacking, np.median(known), values), side="right")
    nowhere = lacking if parameter.decided_by is None else lacking & parameter.present
    share = nowhere.sum() / max(len(known) + nowhere.sum(), 1)
    weights = sizes / sizes.sum()
    if not nowhere.any():
        return codes, weights
    return np.where(nowhere, 0, codes + 1), np.concatenate([[share], weights * (1 - share)])


def _edges(known: "Floats", distinct: "Floats") -> "Floats":
    """Where to cut: between two different values each, near the quantiles."""
    wanted = np.quantile(known, np.linspace(0, 1, MOST_BINS + 1)[1:-1])
    places = np.unique(np.clip(np.searchsorted(distinct, wanted, side="right"), 1, len(distinct) - 1))
    return (distinct[places - 1] + distinct[places]) / 2


def _categorical(parameter: Parameter) -> "tuple[Integers, Floats]":
    codes = grouped(parameter)
    levels = int(codes.max()) + 1
    missing = codes < 0
    if parameter.decided_by is not None:
        codes = np.where(missing, np.bincount(codes[~missing]).argmax(), codes)
        return codes, np.full(levels, 1 / levels)
    share = missing.mean()
    codes = np.where(missing, levels, codes)
    return codes, np.concatenate([np.full(levels, (1 - share) / levels), [share] if missing.any() else []])
