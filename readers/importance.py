"""Which params a metric depends on: one answer for all methods, with its uncertainty and quality beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import polars as pl

from readers import caveats
from readers.best import Direction
from readers.bins import binned
from readers.grid import Grid
from readers.paramspace import Parameter, ParameterSpace, parameter_space
from readers.pedanova import pedanova_scores
from readers.runtable import RunTable
from readers.spearman import alike, effect, spearman_scores
from readers.treescores import forest_r2, tree_scores
from readers.uncertainty import rank_intervals, share_intervals, shares

if TYPE_CHECKING:
    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Method = Literal["permutation", "pedanova", "fanova", "mdi", "spearman"]
_METHODS: tuple[Method, ...] = get_args(Method)
_MEANING: dict[Method, str] = {
    "permutation": "how much worse a forest foretells the metric without the param",
    "pedanova": "how differently the best tenth of the runs has it from all",
    "fanova": "share of the metric's variance over the params' ranges",
    "mdi": "how much a forest's splits on it reduce the squared error",
    "spearman": "rank correlation",
}
_EPSILON = 1e-12


class ParameterImportance(dict[str, float]):
    """Param -> importance; they sum to 1 unless all are 0."""

    metric: str
    method: Method
    direction: Direction
    """Which way is better in the metric; it matters for "pedanova"."""
    level: float
    """Coverage of the intervals."""
    intervals: dict[str, tuple[float, float]]
    """Param -> (low, high) of its importance, as another such set of runs may have it; (0, 1) where too few to tell."""
    ranks: dict[str, int]
    """Param -> 1 for the most important."""
    rank_intervals: dict[str, tuple[int, int]]
    """Param -> (best, worst) rank that the runs leave open."""
    effects: dict[str, float]
    """Param -> Spearman's rho with the metric, from -1 to 1: whether more of it goes with more of the metric. NaN for
    params without an order."""
    r2: float
    """Share of the metric's variance that a forest of these params foretells for runs it hasn't seen; NaN if unknown.
    Of all methods, for it tells whether there is anything to explain."""
    n: int
    """The runs it is computed from."""
    left_out: int
    """Runs without a finite value of the metric."""
    warnings: list[str]
    """What one should know before believing it; whoever answers a user shows them."""

    def to_frame(self) -> pl.DataFrame:
        """One row a param: param, importance, low, high, rank, rank_best, rank_worst, effect."""
        ends, ranks = list(self.intervals.values()), list(self.rank_intervals.values())
        return pl.DataFrame(
            {
                "param": list(self),
                "importance": list(self.values()),
                "low": [low for low, _ in ends],
                "high": [high for _, high in ends],
                "rank": list(self.ranks.values()),
                "rank_best": [best for best, _ in ranks],
                "rank_worst": [worst for _, worst in ranks],
                "effect": list(self.effects.values()),
            },
            {
                "param": pl.String(),
                **dict.fromkeys(("importance", "low", "high"), pl.Float64()),
                **dict.fromkeys(("rank", "rank_best", "rank_worst"), pl.Int64()),
                "effect": pl.Float64(),
            },
        )

    def grid(self) -> Grid:
        """As a table for people."""
        title = f"Importance of {len(self)} params for {self.metric!r} ({self.method}: {_MEANING[self.method]})"
        r2 = "unknown" if np.isnan(self.r2) else f"{self.r2:.2f}"
        notes = (f"{self.n:,} runs; R2 of a forest on runs not seen: {r2}", *self.warnings)
        heads = ("param", "importance", f"{self.level:.0%} interval", "rank", "effect")
        rows = tuple(
            (name, f"{share:.3f}", _span(*self.intervals[name]), self._rank(name), _signed(self.effects[name]))
            for name, share in self.items()
        )
        return Grid(title, heads, rows, frozenset(heads[1:]), notes)

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return self.grid()

    def _repr_html_(self) -> str:
        return self.grid().html()

    def _rank(self, name: str) -> str:
        best, worst = self.rank_intervals[name]
        return f"{self.ranks[name]}" if best == worst else f"{self.ranks[name]} ({best}-{worst})"


class _Answer(NamedTuple):
    """Of params that vary, shape (n_params,) each."""

    shares: "Floats"
    low: "Floats"
    high: "Floats"
    best: "np.ndarray[tuple[int], np.dtype[np.intp]]"
    worst: "np.ndarray[tuple[int], np.dtype[np.intp]]"
    scores: "Floats"
    r2: float


def parameter_importance(
    table: RunTable,
    target: "Floats",
    target_name: str,
    parameters: Sequence[str] | None = None,
    *,
    method: Method = "permutation",
    direction: Direction,
    level: float = 0.95,
    seed: int = 0,
) -> ParameterImportance:
    """How much of a metric's variation over runs goes with each param.

    There is always an answer: where it can't be told, importances are 0 or their intervals wide, and `.warnings` say
    why. Runs that failed count as any other where they have the metric.

    Args:
        table: the runs.
        target: shape (n_runs,), the metric of each; what isn't finite is left out.
        parameters: which; in this order in the answer. None for all that vary, the most important first.
        method: "permutation": loss of a forest on unseen runs (Breiman 2001). "fanova": share of the variance over the
            whole space (Hutter et al. 2014). "pedanova": what tells the best tenth from the rest (Watanabe et al.
            2023). "mdi": gain of a forest's splits on unseen runs (Li et al. 2019). "spearman": rank correlation.
        direction: which way is better.
        level: coverage of the intervals, in (0, 1).
        seed: of what is drawn by chance; the same seed, the same answer.

    Raises: ValueError: an unknown method, or a level outside (0, 1). TypeError: a text where a list belongs.
    """
    if method not in _METHODS:
        raise ValueError(f"no method {method!r}; there is: {', '.join(map(repr, _METHODS))}")
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; it lies between 0 and 1, as 0.95")
    if isinstance(parameters, str):
        raise TypeError(f"parameters is {parameters!r}; it is a list of names, as in [{parameters!r}]")
    finite = np.isfinite(target)
    y = np.asarray(target[finite], dtype=np.float64)
    space = parameter_space(table, parameters, rows=finite)
    asked = space.parameters if parameters is not None else space.varying
    constant = len(y) > 1 and bool(np.ptp(y) <= _EPSILON * np.abs(y).max())
    varying = [one for one in asked if one.varies]
    notes = caveats.of_target(target_name, len(y), int((~finite).sum()), constant=constant)
    if len(y):
        notes += caveats.of_parameters(asked if parameters is not None else _names(space), table.param_names)
    if constant or not varying or len(y) < 2:
        answer = _nothing(len(varying), unknown=not constant)
        if len(y) and not constant:
            notes += caveats.of_answer(target_name, len(y), len(varying), answer.r2, ())
    else:
        answer = _answer(varying, y, method, direction, level=level, seed=seed)
        notes += caveats.of_answer(target_name, len(y), len(varying), answer.r2, alike(varying))
    effects = {one.name: effect(one, y) if one.varies else float("nan") for one in asked}
    found = _result(asked, varying, answer, effects, keep_order=parameters is not None)
    found.metric, found.method, found.direction, found.level = target_name, method, direction, level
    found.n, found.left_out, found.warnings = len(y), int((~finite).sum()), notes
    return found


def _names(space: ParameterSpace) -> list[Parameter]:
    """Params left out although they vary; said once, when all were asked for."""
    return [one for one in space.parameters if one.kind == "unique"]


def _answer(
    varying: Sequence[Parameter], y: "Floats", method: Method, direction: Direction, *, level: float, seed: int
) -> _Answer:
    bins = binned(varying)
    enough = len(y) >= 4
    r2 = forest_r2(bins, y, seed=seed) if enough and method in ("spearman", "pedanova") else float("nan")
    if method == "spearman":
        scores = spearman_scores(varying, y, seed=seed)
    elif method == "pedanova":
        scores = pedanova_scores(varying, y, direction, seed=seed)
    elif enough:
        scores, r2 = tree_scores(bins, y, method, seed=seed)
    else:
        return _nothing(len(varying), unknown=True)
    if len(y) < caveats.FEW:
        nothing = _nothing(len(varying), unknown=True)
        return nothing._replace(shares=shares(scores.estimate), scores=scores.estimate)
    low, high = share_intervals(scores, level, seed)
    best, worst = rank_intervals(scores, level, seed)
    return _Answer(shares(scores.estimate), low, high, best, worst, scores.estimate, r2)


def _nothing(n_params: int, *, unknown: bool) -> _Answer:
    """All 0; anything may be so where it is unknown."""
    zeros = np.zeros(n_params)
    best, worst = np.ones(n_params, dtype=np.intp), np.full(n_params, n_params)
    return _Answer(zeros, zeros, zeros + float(unknown), best, worst, zeros, float("nan"))


def _result(
    asked: Sequence[Parameter],
    varying: Sequence[Parameter],
    answer: _Answer,
    effects: dict[str, float],
    *,
    keep_order: bool,
) -> ParameterImportance:
    """Put together params that vary and the others, which come last."""
    place = {one.name: index for index, one in enumerate(varying)}
    by_score = [varying[index].name for index in np.argsort(-answer.scores, kind="stable")]
    ranked = [*by_score, *(one.name for one in asked if one.name not in place)]
    ranks = {name: rank for rank, name in enumerate(ranked, 1)}
    names = [one.name for one in asked] if keep_order else ranked
    last = (len(varying) + 1, len(asked))
    found = ParameterImportance({name: float(answer.shares[place[name]]) if name in place else 0.0 for name in names})
    found.intervals = {name: _pair(answer.low, answer.high, place.get(name), (0.0, 0.0)) for name in names}
    found.ranks = {name: ranks[name] for name in names}
    found.rank_intervals = {
        name: (int(answer.best[place[name]]), int(answer.worst[place[name]])) if name in place else last
        for name in names
    }
    found.effects = {name: effects[name] for name in names}
    found.r2 = answer.r2
    return found


def _pair(low: "Floats", high: "Floats", place: int | None, other: tuple[float, float]) -> tuple[float, float]:
    return other if place is None else (float(low[place]), float(high[place]))


def _span(low: float, high: float) -> str:
    return f"{low:.3f} to {high:.3f}"


def _signed(rho: float) -> str:
    return "" if np.isnan(rho) else f"{rho:+.2f}"
