"""Response: a forest's fitted answer to "what would the metric be at these params", with how sure it is.

Each tree is grown on its own bootstrap resample of the runs and splits at random thresholds (Breiman 2001, "Random
forests"; Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees"), which makes smoother curves of few runs than
the best splits do. Each param is one column: numbers on their own scale, levels ordered by their mean metric, which is
where a regression tree would split them (Fisher 1958, "On grouping for maximum homogeneity"); a missing value goes the
way that fits best at each split.

The error of the fit is the standard deviation between the trees: that of a fit of one tree, by the bootstrap (Efron
1979). It is on purpose more than the forest's own, which knows nothing of the forest's smoothing: in simulated studies
1.96 of it held the true curve at 86 to 96 % of the places with 20 runs, and at 98 % or more with 60 to 600; with the
smaller errors of the "bootstrap of little bags" (Sexton and Laake 2009) it was 73 to 90 %.

Partial dependence is the mean of the fit over the runs' other params (Friedman 2001, "Greedy function approximation",
section 8.2). Where params go together in the runs it asks the forest about places that no run saw.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from readers.paramaxes import Axis

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
    Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]

FEWEST_RUNS = 8
"""Runs below which nothing is fitted."""
_TREES = 100
_MOST_RUNS = 2_000


class Fit(NamedTuple):
    """Means of the metric at m places, and their standard errors; shape (m,) each."""

    mean: "Floats"
    error: "Floats"


class Response:
    """A forest fitted to n runs.

    Args:
        axes: the params, each varying.
        target: shape (n,), finite.
        seed: of the resamples and splits; of more than 2,000 runs it chooses which are used.
    """

    def __init__(self, axes: Sequence[Axis], target: "Floats", seed: int = 0) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(len(target))[:_MOST_RUNS])
        self.axes = {axis.name: axis.at(chosen) for axis in axes}
        self.target = target[chosen]
        self._orders = {axis.name: _level_order(axis, self.target) for axis in self.axes.values()}
        self._columns = {name: place for place, name in enumerate(self.axes)}
        coded = [self._coded(axis.name, axis.places) for axis in self.axes.values()]
        self.rows: Table = np.stack(coded, axis=1).astype(np.float32)
        forest = ExtraTreesRegressor(
            _TREES,
            min_samples_leaf=_leaf(len(self.target)),
            bootstrap=True,
            oob_score=True,
            random_state=int(rng.integers(2**31)),
            n_jobs=1,
        ).fit(self.rows, self.target)
        self._trees: list[Any] = forest.estimators_
        self.r2 = float(forest.oob_score_)
        """Share of the variance that is told for runs the trees did not see (out of bag); below 0: worse than none."""

    def dependence(self, names: Sequence[str], places: "Table", background: int = 100, seed: int = 0) -> Fit:
        """Partial dependence on some params at m places of them, shape (m, len(names)), in the params' own units.

        The other params are as in at most `background` runs, of those that have the named ones.
        """
        columns = [self._columns[name] for name in names]
        present = np.flatnonzero(np.isfinite(self.rows[:, columns]).all(axis=1))
        others = self.rows[np.sort(np.random.default_rng(seed).permutation(present)[:background])]
        asked = np.repeat(others[None, :, :], len(places), axis=0)
        for column, name, own in zip(columns, names, places.T, strict=True):
            asked[:, :, column] = self._coded(name, own)[:, None]
        flat = asked.reshape(-1, self.rows.shape[1])
        each = np.array(
            [tree.predict(flat, check_input=False).reshape(len(places), -1).mean(1) for tree in self._trees]
        )
        return Fit(each.mean(axis=0), each.std(axis=0, ddof=1))

    def fitted(self) -> "Floats":
        """The fit at the runs themselves, shape (n,)."""
        mean: Floats = np.mean([tree.predict(self.rows, check_input=False) for tree in self._trees], axis=0)
        return mean

    def pair_share(self, one: str, other: str, points: int = 40) -> float:
        """Which share of the fit's variance over the runs only both params together tell; in [0, 1].

        Friedman and Popescu's statistic (2008, "Predictive learning via rule ensembles", section 8.1), but as a share
        of the whole fit's variance and not of the pair's: theirs is large for two params that do nothing (Inglis,
        Parnell and Hurley 2022, "Visualizing variable importance and variable interaction effects").
        """
        columns = [self._columns[one], self._columns[other]]
        present = np.flatnonzero(np.isfinite(self.rows[:, columns]).all(axis=1))
        whole = float(self.fitted().var())
        if len(present) < FEWEST_RUNS or whole == 0:
            return 0.0
        rows = np.sort(np.random.default_rng(1).permutation(present)[:points])
        own = np.stack([self.axes[one].places[rows], self.axes[other].places[rows]], axis=1)
        both = self.dependence([one, other], own, points).mean
        apart = [self.dependence([name], own[:, [place]], points).mean for place, name in enumerate((one, other))]
        left = both - both.mean() - sum(mean - mean.mean() for mean in apart)
        return float(min(1.0, left.var() / whole))

    def _coded(self, name: str, places: "Floats") -> "Floats":
        """Places of an axis as the trees see them."""
        axis, order = self.axes[name], self._orders[name]
        if axis.kind == "numeric":
            return axis.scaled(places)
        coded: Floats = np.where(np.isfinite(places), order[np.nan_to_num(places).astype(int)], np.nan)
        return coded


def _leaf(n: int) -> int:
    """How many runs a leaf has at least: more where there are many."""
    return 1 if n <= 200 else 2 if n <= 1_000 else 5


def _level_order(axis: Axis, target: "Floats") -> "Floats":
    """The rank of each level by its mean metric; a level that no run has comes last."""
    means = [
        target[axis.places == level].mean() if (axis.places == level).any() else np.inf
        for level in range(len(axis.levels))
    ]
    return np.argsort(np.argsort(means, kind="stable")).astype(float)
