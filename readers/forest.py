"""Forest: regression trees over binned params, grown and asked all at once.

The trees of a forest grow side by side, a level at a time: one count over (node, bin) a param finds the best split of
every node of every tree. So a hundred trees on a thousand runs take a tenth of a second in numpy, which is what makes
it affordable to grow forests again and again for intervals.

Trees come in pairs on disjoint halves of the runs, drawn without replacement (Strobl, Boulesteix, Zeileis & Hothorn
2007, "Bias in random forest variable importance measures": drawing with replacement favours params of many values);
what one tree of a pair has not seen is what the other has.

Source: Breiman 2001, "Random forests"; splits of categorical params by the levels' means: Fisher 1958, "On grouping for
maximum homogeneity".
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.bins import Bins

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]

_DEEPEST = 20
_LEAST = 1e-9
"""A gain that is no rounding error; the target's variance is 1."""


class Forest(NamedTuple):
    """Trees as arrays over their nodes; tree t begins in node t. A leaf leads to itself."""

    feature: "Integers"
    """Shape (n_nodes,): the param that a node asks for; any in a leaf, all of whose bins go left."""
    goes_left: "Bools"
    """Shape (n_nodes, n_bins): which bins of it go to the left child."""
    left: "Integers"
    """Shape (n_nodes,): the left child, the right one being next to it; a leaf itself."""
    value: "Floats"
    """Shape (n_nodes,): mean of the node's runs."""
    depth: int
    n_trees: int


class _Level(NamedTuple):
    """The nodes of one depth, over all trees, and the runs that lie in them; a run lies once in each tree."""

    rows: "Integers"
    node: "Integers"
    y: "Floats"
    """Shape (n_lying,) each: the run, its node, counted from 0 in this level, and its target."""
    counts: "Integers"
    sums: "Floats"
    """Shape (n_nodes,) each: runs in a node, and their sum."""


class _Split(NamedTuple):
    """The best split of each node, shape (n_nodes,), and which bins go left, (n_nodes, n_bins); gain 0 for none."""

    gain: "Floats"
    feature: "Integers"
    goes_left: "Bools"


def grow(
    bins: Bins, target: "Floats", samples: "Integers", *, min_leaf: int, tried: int, random: np.random.Generator
) -> Forest:
    """Grow trees that split by the largest decrease in squared error.

    Args:
        target: shape (n_runs,), with mean about 0.
        samples: shape (n_trees, n_drawn), the runs that each tree sees.
        min_leaf: the fewest runs in a leaf.
        tried: params looked at for a split, drawn anew for each node.
    """
    n_trees, drawn = samples.shape
    rows, node = samples.ravel(), np.repeat(np.arange(n_trees), drawn)
    features, masks, lefts, values = [], [], [], []
    first, width, depth = 0, n_trees, 0
    while width:
        y = target[rows]
        counts, sums = _counted(node, y, width)
        level = _Level(rows, node, y, counts, sums)
        split = _best_split(bins, level, min_leaf=min_leaf, tried=tried if depth < _DEEPEST else 0, random=random)
        splits = split.gain > 0
        place = np.cumsum(splits) - 1
        features.append(split.feature)
        masks.append(split.goes_left | ~splits[:, None])
        lefts.append(np.where(splits, first + width + 2 * place, first + np.arange(width)))
        values.append(sums / counts)
        going_on = splits[node]
        rows, node = rows[going_on], node[going_on]
        to_left = split.goes_left[node, bins.codes[rows, split.feature[node]]]
        node = 2 * place[node] + ~to_left
        first, width, depth = first + width, 2 * int(splits.sum()), depth + 1
    nodes = (np.concatenate(features), np.concatenate(masks), np.concatenate(lefts), np.concatenate(values))
    return Forest(*nodes, depth, n_trees)


def descend(
    forest: Forest,
    bins: Bins,
    rows: "Integers",
    nodes: "Integers",
    changed: "tuple[int, Integers] | None" = None,
    *,
    asked: "Bools | None" = None,
) -> "Integers":
    """Send runs down the trees: the leaf that each reaches, shape (n,).

    Args:
        rows: shape (n,), the runs.
        nodes: shape (n,), where each starts; the number of a tree is its first node.
        changed: a param, and whose value of it each run has instead of its own, shape (n,).
        asked: shape (n, n_params), gets True for each param that a run is asked for on its way (or doesn't matter).
    """
    n_runs, n_bins = len(bins.codes), forest.goes_left.shape[1]
    codes, goes_left = bins.codes.T.ravel(), forest.goes_left.ravel()
    each = np.arange(len(rows))
    for _ in range(forest.depth):
        feature = forest.feature.take(nodes)
        if asked is not None:
            asked[each, feature] = True
        whose = rows if changed is None else np.where(feature == changed[0], changed[1], rows)
        code = codes.take(feature * n_runs + whose)
        nodes = forest.left.take(nodes) + ~goes_left.take(nodes * n_bins + code)
    return nodes


def _best_split(bins: Bins, level: _Level, *, min_leaf: int, tried: int, random: np.random.Generator) -> _Split:
    width, (n_params, n_bins) = len(level.counts), bins.weights.shape
    best = _Split(np.zeros(width), np.zeros(width, dtype=np.intp), np.zeros((width, n_bins), dtype=bool))
    chosen = random.random((width, n_params)).argsort(axis=1) < tried
    chosen &= (level.counts >= 2 * min_leaf)[:, None]
    for feature in random.permutation(n_params).tolist():  # of params that are equally good, any may be first
        nodes = np.flatnonzero(chosen[:, feature])
        if not len(nodes):
            continue
        gains, goes_left = _split_by(bins, level, feature, nodes, min_leaf)
        better = gains > best.gain[nodes] + _LEAST
        won = nodes[better]
        best.gain[won], best.feature[won], best.goes_left[won] = gains[better], feature, goes_left[better]
    return best


def _split_by(bins: Bins, level: _Level, feature: int, nodes: "Integers", min_leaf: int) -> "tuple[Floats, Bools]":
    """The best split of some nodes by one param: what it gains, and which bins go left."""
    counts, sums = _in_bins(bins, level, feature, nodes)
    n_all, sum_all = level.counts[nodes, None], level.sums[nodes, None]
    order = None
    if not bins.ordered[feature]:  # by the mean; a level that isn't in the node lies in the middle
        means = np.where(counts > 0, sums / np.maximum(counts, 1), sum_all / n_all)
        order = means.argsort(axis=1, kind="stable")
        counts, sums = np.take_along_axis(counts, order, 1), np.take_along_axis(sums, order, 1)
    n_left, sum_left = counts.cumsum(axis=1)[:, :-1], sums.cumsum(axis=1)[:, :-1]
    n_right = n_all - n_left
    gain = sum_left**2 / np.maximum(n_left, 1) + (sum_all - sum_left) ** 2 / np.maximum(n_right, 1)
    allowed = (n_left >= min_leaf) & (n_right >= min_leaf)
    gain = np.where(allowed, gain - sum_all**2 / n_all, 0.0)
    last = gain.argmax(axis=1)
    goes_left = np.arange(counts.shape[1]) <= last[:, None]
    if order is not None:
        by_order, goes_left = goes_left, np.empty_like(goes_left)
        np.put_along_axis(goes_left, order, by_order, 1)
    return gain[np.arange(len(nodes)), last], goes_left


def _in_bins(bins: Bins, level: _Level, feature: int, nodes: "Integers") -> "tuple[Integers, Floats]":
    """How many runs of some nodes lie in each bin of a param, and their sum; shape (n_nodes, n_bins)."""
    n_bins = bins.weights.shape[1]
    place = np.full(len(level.counts), -1)
    place[nodes] = np.arange(len(nodes))
    at = place[level.node]
    inside = np.flatnonzero(at >= 0)
    cell = at.take(inside) * n_bins + bins.codes[:, feature].take(level.rows.take(inside))
    counts, sums = _counted(cell, level.y.take(inside), len(nodes) * n_bins)
    return counts.reshape(-1, n_bins), sums.reshape(-1, n_bins)


def _counted(cell: "np.ndarray[Any, Any]", y: "Floats", size: int) -> "tuple[Integers, Floats]":
    """How many lie in each cell, and their sum."""
    counts: Integers = np.bincount(cell, minlength=size)
    sums: Floats = np.bincount(cell, y, minlength=size).astype(np.float64)  # it is of integers where nothing is counted
    return counts, sums
