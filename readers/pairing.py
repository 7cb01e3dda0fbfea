"""Pairing: runs of two groups that share a key (a seed, a fold, a data set), to be compared one to one."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from readers.stats import Floats, mean_of


class Pairs(NamedTuple):
    """Values of two groups, brought together by key."""

    first: Floats
    """Shape (n_pairs,), in the order of the first group's keys."""
    second: Floats
    left_out: int
    """Runs of both groups without a key, or with one that the other group doesn't have."""
    repeated: bool
    """Whether a group had several runs of a key that is paired; their mean stands for them."""


def paired(first: Floats, first_keys: Sequence[Hashable], second: Floats, second_keys: Sequence[Hashable]) -> Pairs:
    """Bring values together by key; None and NaN are no keys.

    Args:
        first, second: finite values, shape (n_first,) and (n_second,).
        first_keys, second_keys: the key of each.
    """
    ours, theirs = _by_key(first, first_keys), _by_key(second, second_keys)
    shared = [key for key in ours if key in theirs]
    counts = [(len(ours[key]), len(theirs[key])) for key in shared]
    return Pairs(
        np.array([mean_of(np.array(ours[key])) for key in shared], dtype=np.float64),
        np.array([mean_of(np.array(theirs[key])) for key in shared], dtype=np.float64),
        len(first) + len(second) - sum(map(sum, counts)),
        any(max(count) > 1 for count in counts),
    )


def _by_key(values: Floats, keys: Sequence[Hashable]) -> dict[Hashable, list[float]]:
    found: dict[Hashable, list[float]] = {}
    for value, key in zip(values.tolist(), keys, strict=True):
        if key is not None and key == key:  # noqa: PLR0124 - NaN is the key that differs from itself
            found.setdefault(key, []).append(value)
    return found
