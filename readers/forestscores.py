"""What trees say of params on runs that they haven't seen: importance by permutation, and by decrease in impurity.

Both are measured on the runs of the other tree of a pair, so that what a tree has learnt by heart counts for nothing: a
param that doesn't matter has importance 0 on average, however many values it has.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from readers.bins import Bins
from readers.forest import Forest, descend

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]


def permutation_scores(
    forest: Forest, bins: Bins, target: "Floats", unseen: "Integers", random: np.random.Generator
) -> "Floats":
    """Increase in squared error when a param's values are those of other runs; shape (n_trees, n_params).

    Runs that lack a param because another one decides so keep lacking it.

    Args:
        unseen: shape (n_trees, n_runs_each), runs that the trees haven't seen.

    Source: Breiman 2001, "Random forests", section 10. Where params go together, each stands in for the other, and the
    importance is shared (Strobl, Boulesteix, Kneib, Augustin & Zeileis 2008, "Conditional variable importance for
    random forests").
    """
    n_trees, n_params = len(unseen), bins.codes.shape[1]
    rows, trees = unseen.ravel(), np.repeat(np.arange(n_trees), unseen.shape[1])
    asked = np.zeros((len(rows), n_params), dtype=bool)
    leaves = descend(forest, bins, rows, trees, asked=asked)
    before = (target[rows] - forest.value[leaves]) ** 2
    scores = np.zeros((n_trees, n_params))
    for param in range(n_params):
        touched = np.flatnonzero(asked[:, param] & bins.own[rows, param])
        others = _others(bins, unseen, param, random)[touched]
        changed = descend(forest, bins, rows[touched], trees[touched], (param, others))
        worse = (target[rows[touched]] - forest.value[changed]) ** 2 - before[touched]
        scores[:, param] = np.bincount(trees[touched], worse, minlength=n_trees) / unseen.shape[1]
    return scores


def impurity_scores(
    forest: Forest, bins: Bins, target: "Floats", unseen: "Integers", _random: np.random.Generator
) -> "Floats":
    """Decrease in squared error by the splits on a param, as unseen runs tell; shape (n_trees, n_params).

    The usual mean decrease in impurity is taken from the runs that the tree was grown on, and so gives importance to
    noise, the more the more values a param has. Here the same decrease is taken from the others.

    Source: Li, Wang, Basu, Kumbier & Yu 2019, "A debiased MDI feature importance measure for random forests" (MDI-oob).
    """
    n_trees, n_params = len(unseen), bins.codes.shape[1]
    rows, trees = unseen.ravel(), np.repeat(np.arange(n_trees), unseen.shape[1])
    scores = np.zeros(n_trees * n_params)
    node, step = trees, forest._replace(depth=1)
    for _ in range(forest.depth):
        after = descend(step, bins, rows, node)
        gained = (forest.value[after] - forest.value[node]) * target[rows]
        scores += np.bincount(trees * n_params + forest.feature[node], gained, minlength=len(scores))
        node = after
    found: Floats = scores.reshape(n_trees, n_params) / unseen.shape[1]
    return found


def _others(bins: Bins, unseen: "Integers", param: int, random: np.random.Generator) -> "Integers":
    """The run whose value each gets: one so many places further in the same tree; where not all have it, any that has.

    Runs lie in random order, so that moving them on is a permutation like any other, and leaves none in its place.
    """
    own = np.flatnonzero(bins.own[:, param])
    if len(own) < len(bins.own):
        return random.choice(own, unseen.size)
    return np.roll(unseen, random.integers(1, max(unseen.shape[1], 2)), axis=1).ravel()
