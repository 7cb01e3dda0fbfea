"""Proposals: which hyperparameters an algorithm is tried with next.

RandomProposals draws them by chance (Bergstra & Bengio 2012, "Random search for hyper-parameter optimization"), never
the same twice; tracker.training.tpe learns from what was scored. Each algorithm has a stream of its own, so the
hyperparameters that one gets don't depend on how many trials the others had.
"""

import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tracker.training.candidate import Tried
from tracker.training.space import Space

_TRIES = 50


class Proposals(Protocol):
    """Whoever proposes hyperparameters."""

    name: str

    def propose(self, algorithm: str) -> dict[str, Any] | None:
        """Hyperparameters for the next trial of an algorithm, its default ones first; None: there are no new ones."""
        ...

    def learn(self, tried: Tried, intermediate: Mapping[int, float]) -> None:
        """Take in what came of a proposal; `intermediate` are its scores by rung."""
        ...


class RandomProposals:
    """Draws by chance.

    Args:
        spaces: of each algorithm.
        seed: of all draws.
    """

    name = "random"

    def __init__(self, spaces: Mapping[str, Space], seed: int) -> None:
        self._spaces = dict(spaces)
        self._streams = streams(spaces, seed)
        self._seen: dict[str, set[str]] = {name: set() for name in spaces}

    def propose(self, algorithm: str) -> dict[str, Any] | None:
        """Draw hyperparameters that weren't tried yet; the first are the default ones."""
        space, seen = self._spaces[algorithm], self._seen[algorithm]
        if not seen:
            params = dict(space.default())
            seen.add(as_key(params))
            return params
        for _ in range(_TRIES):
            params = dict(space.sample(self._streams[algorithm]))
            if as_key(params) not in seen:
                seen.add(as_key(params))
                return params
        return None

    def learn(self, tried: Tried, intermediate: Mapping[int, float]) -> None:
        """Chance learns nothing."""


def streams(spaces: Mapping[str, Space], seed: int) -> dict[str, np.random.Generator]:
    """A stream of random numbers for each algorithm, by its name: it stays the same whatever others are there."""
    return {name: np.random.default_rng([seed, *name.encode()]) for name in spaces}


def as_key(params: Mapping[str, Any]) -> str:
    """A text that is equal for equal hyperparameters."""
    return json.dumps(params, sort_keys=True, default=repr)
