"""fANOVA: the share of a metric's variance over the whole space of params that each explains alone.

Source: Hutter, Hoos & Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance". A tree cuts
the space into boxes, so the mean over all other params at a value of one param is a sum over boxes, exactly; its
variance is the param's main effect (a first-order Sobol index, but for normalisation). Two things are our own. The
space is the range of the runs, as its limits weren't logged. (Where one param decides over another, the other's effect
is taken to be the same where it is missing; the permutation method asks only of what was run.) And the variance is the
covariance of the two trees of a pair, grown on disjoint halves of the runs: the variance of one tree alone has what it
learnt by heart in it, and would give a share to a param that does nothing.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from readers.bins import Bins
from readers.forest import Forest

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Integers = np.ndarray[Any, np.dtype[np.intp]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]


def fanova_scores(forest: Forest, bins: Bins) -> "Floats":
    """Variance of each param's main effect, a row for each pair of trees (2k, 2k + 1): shape (n_pairs, n_params)."""
    marginals = _marginals(forest, bins)
    centred = marginals - (marginals * bins.weights).sum(axis=2, keepdims=True)
    found: Floats = (centred[0::2] * centred[1::2] * bins.weights).sum(axis=2)
    return found


def _marginals(forest: Forest, bins: Bins) -> "Floats":
    """Mean over all other params for each bin of each param, by each tree; shape (n_trees, n_params, n_bins)."""
    leaves, trees, boxes = _boxes(forest, bins)
    shares = (boxes * bins.weights).sum(axis=2)
    others = (forest.value[leaves] * shares.prod(axis=1))[:, None] / shares
    order = trees.argsort(kind="stable")
    starts = np.searchsorted(trees[order], np.arange(trees.max() + 1))
    parts: Floats = (others[:, :, None] * boxes)[order]
    return np.add.reduceat(parts, starts, axis=0)


def _boxes(forest: Forest, bins: Bins) -> "tuple[Integers, Integers, Bools]":
    """The leaves, the tree of each, and which bins of each param lie in it: shape (n_leaves, n_params, n_bins)."""
    n_params, n_bins = bins.weights.shape
    n_trees = forest.n_trees
    nodes = trees = np.arange(n_trees)
    boxes = np.ones((n_trees, n_params, n_bins), dtype=bool)
    found = []
    while len(nodes):
        ends = forest.left[nodes] == nodes
        found.append((nodes[ends], trees[ends], boxes[ends]))
        nodes, trees, boxes = nodes[~ends], trees[~ends], boxes[~ends]
        features, to_left = forest.feature[nodes], forest.goes_left[nodes]
        at = np.arange(len(nodes))
        lefts, rights = boxes.copy(), boxes
        lefts[at, features] &= to_left
        rights[at, features] &= ~to_left
        nodes = np.concatenate([forest.left[nodes], forest.left[nodes] + 1])
        trees, boxes = np.concatenate([trees, trees]), np.concatenate([lefts, rights])
    leaves, of_trees, of_boxes = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return leaves, of_trees, of_boxes
