"""Scores of params by forests: from all runs, and again from halves of them, which tells how far to trust the first."""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from readers.bins import Bins
from readers.fanova import fanova_scores
from readers.forest import Forest, descend, grow
from readers.forestscores import impurity_scores, permutation_scores
from readers.uncertainty import Scores, deviations, halves

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]

TreeMethod = Literal["permutation", "fanova", "mdi"]
_PAIRS = 60
_PAIRS_A_HALF = 4
_LARGEST = 1_000
"""The most runs that a tree is grown on: many trees on some of the runs tell more than few on all."""
_CELLS = 8_000_000
"""Trees are grown so many side by side that their boxes and counts stay about this large."""


_MOST_FORETOLD = 2_000
"""Runs whose foretold values make R2: enough for two digits of it."""


class _Foretold(NamedTuple):
    """Sums over the trees that haven't seen a run."""

    rows: "Integers"
    sums: "Floats"
    counts: "Integers"


def tree_scores(bins: Bins, target: "Floats", method: TreeMethod, *, seed: int) -> tuple[Scores, float]:
    """What a forest says of each param, how that varies, and the forest's R2 on runs that it hasn't seen.

    R2 is 1 where it foretells the target, and 0 where it is no better than the mean. It is out-of-bag (Breiman 2001,
    "Random forests", section 3.1), and a little low: each run is foretold by half of the trees, each grown on half of
    the runs at most.

    Halves of the runs get small forests of their own; that these vary more for having few trees makes the intervals a
    little wide. They tell of chance, not of what a forest of so many runs can't see: the weakest of params that do
    something come out a little low, the strongest a little high, and most so in fANOVA.

    Args:
        target: shape (n_runs,), finite and not constant; n_runs >= 4.
    """
    random = np.random.default_rng(seed)
    y = _standardised(target)
    foretold = _nothing_foretold(len(y), random)
    whole = _pair_scores(bins, y, _pairs(np.arange(len(y)), _PAIRS, random), method, random, foretold=foretold)
    samples = np.concatenate([_pairs(rows, _PAIRS_A_HALF, random) for rows in halves(len(y), random)])
    parts = _pair_scores(bins, y, samples, method, random)
    of_halves = parts.reshape(-1, _PAIRS_A_HALF, parts.shape[1]).mean(axis=1)
    return Scores(whole.mean(axis=0), deviations(of_halves, len(y))), _r2(foretold, y)


def forest_r2(bins: Bins, target: "Floats", *, seed: int) -> float:
    """The R2 alone, as tree_scores gives it, of a smaller forest."""
    random = np.random.default_rng(seed)
    y = _standardised(target)
    foretold = _nothing_foretold(len(y), random)
    _pair_scores(bins, y, _pairs(np.arange(len(y)), _PAIRS // 2, random), None, random, foretold=foretold)
    return _r2(foretold, y)


def _standardised(target: "Floats") -> "Floats":
    """With mean 0 and standard deviation 1; scaled first, so that huge numbers don't overflow."""
    scaled = (target - target[0]) / np.abs(target - target[0]).max()
    found: Floats = (scaled - scaled.mean()) / scaled.std()
    return found


def _pairs(rows: "Integers", pairs: int, random: np.random.Generator) -> "Integers":
    """Disjoint halves of runs, two rows for each pair; shape (2 pairs, n_drawn)."""
    drawn = min(len(rows) // 2, _LARGEST)
    return np.concatenate([random.permutation(rows)[: 2 * drawn].reshape(2, drawn) for _ in range(pairs)])


def _pair_scores(
    bins: Bins,
    target: "Floats",
    samples: "Integers",
    method: TreeMethod | None,
    random: np.random.Generator,
    *,
    foretold: _Foretold | None = None,
) -> "Floats":
    """Grow trees, some at a time, and ask them: shape (n_pairs, n_params); none where there is no method."""
    drawn = samples.shape[1]
    n_params, n_bins = bins.weights.shape
    min_leaf = max(drawn // 300, 1 if drawn < 10 else 2)
    together = 2 * max(_CELLS // (2 * max(drawn // min_leaf, 1) * n_params * n_bins), 1)
    found = [np.empty((0, n_params))]
    for first in range(0, len(samples), together):
        seen = samples[first : first + together]
        forest = grow(bins, target, seen, min_leaf=min_leaf, tried=-(-2 * n_params // 3), random=random)
        if foretold is not None:
            _add(foretold, forest, bins, seen)
        if method == "fanova":
            found.append(fanova_scores(forest, bins))
        elif method is not None:
            unseen = seen.reshape(-1, 2, drawn)[:, ::-1].reshape(-1, drawn)
            ask = permutation_scores if method == "permutation" else impurity_scores
            of_trees = ask(forest, bins, target, unseen, random)
            found.append((of_trees[0::2] + of_trees[1::2]) / 2)
    return np.concatenate(found)


def _nothing_foretold(n: int, random: np.random.Generator) -> _Foretold:
    rows = random.permutation(n)[:_MOST_FORETOLD]
    return _Foretold(rows, np.zeros(len(rows)), np.zeros(len(rows), dtype=np.intp))


def _add(foretold: _Foretold, forest: Forest, bins: Bins, seen: "Integers") -> None:
    """Add what each tree says of the runs that it hasn't seen."""
    unseen = np.ones((len(seen), len(bins.codes)), dtype=bool)
    np.put_along_axis(unseen, seen, values=False, axis=1)
    unseen = unseen[:, foretold.rows]
    trees, places = np.nonzero(unseen)
    leaves = descend(forest, bins, foretold.rows[places], trees)
    foretold.sums[:] += np.bincount(places, forest.value[leaves], minlength=len(foretold.rows))
    foretold.counts[:] += unseen.sum(axis=0)


def _r2(foretold: _Foretold, target: "Floats") -> float:
    """Share of the variance that is foretold; NaN when no run was, or those are all alike."""
    told = foretold.counts > 0
    y = target[foretold.rows][told]
    errors = y - foretold.sums[told] / foretold.counts[told]
    spread = np.sum((y - y.mean()) ** 2) if len(y) else 0.0
    return float(1 - np.sum(errors**2) / spread) if spread > 0 else float("nan")
