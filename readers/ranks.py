"""Ranks: many methods over many data sets: which ranks better on the whole, and by how much ranks must differ.

On each data set the methods are ranked, 1 for the best, and a method's mean rank over the data sets is what is
compared: scores of different data sets needn't be alike. The scheme is that of Demšar 2006, "Statistical comparisons of
classifiers over multiple data sets": Friedman's test asks whether methods differ at all, and then mean ranks that lie
Nemenyi's critical difference apart are told apart. Whether two methods are told apart hangs a little on which others
there are (Benavoli et al. 2016); to compare just two, give just two.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from readers.best import Direction
from readers.grid import Grid
from readers.grouptests import signed_rank_p
from readers.stats import Floats, check_level
from readers.verdictgrid import ranks_grid
from readers.wording import listed, p_text, percent

if TYPE_CHECKING:
    import polars as pl

_PERMUTATIONS = 9_999
_MOST_CELLS_PERMUTED = 2_000


class MethodRanks(NamedTuple):
    """Methods ranked over data sets; methods and the columns of scores are in the order of mean rank, best first."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    """Those that every method has a score on."""
    scores: Floats
    """Shape (n_datasets, n_methods): the rows are `datasets`, the columns `methods`."""
    mean_ranks: Floats
    """Shape (n_methods,); 1 is best; ties share their mean rank. NaN when no data set is complete."""
    p_value: float
    """Of "all methods rank alike"; NaN where it can't be tested."""
    critical_difference: float
    """Mean ranks as far apart as this are told apart; NaN with fewer than three methods or two data sets."""
    cliques: tuple[tuple[str, ...], ...]
    """Sets of two or more methods, neighbours in rank, that aren't told apart; each as large as can be."""
    left_out: tuple[str, ...]
    """Data sets without a score of some method."""
    test: str
    level: float
    words: str

    def __str__(self) -> str:
        """The words."""
        return self.words

    def to_frame(self) -> "pl.DataFrame":
        """One row a method, best first: method, mean_rank."""
        import polars as pl

        return pl.DataFrame({"method": self.methods, "mean_rank": self.mean_ranks})

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return ranks_grid(self)

    def _repr_html_(self) -> str:
        return ranks_grid(self).html()


def rank_methods(
    scores: Floats, methods: Sequence[str], datasets: Sequence[str], *, direction: Direction, level: float = 0.95
) -> MethodRanks:
    """Rank methods over data sets.

    Args:
        scores: shape (n_datasets, n_methods); NaN for a missing cell: the data set is then left out. Infinite scores
            rank as the best or the worst.
        level: 1 - level is the chance of a false alarm, for all methods together.
    Returns: with two methods, Wilcoxon's signed rank test instead, and no critical difference. A p-value of NaN for
        fewer than two methods or two data sets.
    Raises: ValueError: scores of another shape; level outside (0, 1).
    Source: Demšar 2006; Friedman 1937, with Iman & Davenport's 1980 statistic and permutations; Nemenyi 1963.
    """
    check_level(level)
    table = np.asarray(scores, dtype=np.float64)
    if table.shape != (len(datasets), len(methods)):
        raise ValueError(
            f"scores have shape {table.shape}; for {len(datasets)} data sets and {len(methods)} methods it is "
            f"{(len(datasets), len(methods))}"
        )
    complete = ~np.logical_or.reduce(np.isnan(table), axis=1)
    table = table[complete]
    ranks = _ranks(table, direction)
    mean_ranks = ranks.mean(axis=0) if len(table) else np.full(len(methods), math.nan)
    order = np.argsort(mean_ranks, kind="stable")
    n, k = table.shape
    test, p = "none", math.nan
    if k == 2 and n >= 2:
        test, p = "Wilcoxon signed rank", _two(table)
    elif k > 2 and n >= 2:
        test, p = "Friedman-Iman-Davenport", friedman_p(ranks)
    found = MethodRanks(
        methods=tuple(methods[place] for place in order),
        datasets=tuple(name for name, kept in zip(datasets, complete.tolist(), strict=True) if kept),
        scores=table[:, order],
        mean_ranks=mean_ranks[order],
        p_value=p,
        critical_difference=critical_difference(k, n, level) if k > 2 and n >= 2 else math.nan,
        cliques=(),
        left_out=tuple(name for name, kept in zip(datasets, complete.tolist(), strict=True) if not kept),
        test=test,
        level=level,
        words="",
    )
    found = found._replace(cliques=_cliques(found))
    return found._replace(words=_words(found))


def friedman_p(ranks: Floats) -> float:
    """P-value of "all methods rank alike", from ranks of shape (n_datasets, n_methods), ties at their mean.

    The larger of two: Iman and Davenport's, by an F distribution, which at few data sets is too sure (measured: 6.5 %
    false alarms at 5 % for 4 methods over 5 data sets); and, of tables of up to 2,000 cells, that of 9,999 random
    permutations within the data sets, which is exact.
    """
    from scipy import special

    n, k = ranks.shape
    centre = (k + 1) / 2
    spread = float(((ranks - centre) ** 2).sum())
    if spread < 1e-9:
        return 1.0
    squared = float(((ranks - centre).sum(axis=0) ** 2).sum())
    chi_squared = (k - 1) * squared / spread  # with ties: Conover 1999
    remaining = n * (k - 1) - chi_squared
    p = 0.0
    if remaining > 1e-9:
        p = float(special.fdtrc(k - 1, (k - 1) * (n - 1), (n - 1) * chi_squared / remaining))
    if ranks.size > _MOST_CELLS_PERMUTED:
        return p
    rng = np.random.default_rng(0)
    sums = np.zeros((_PERMUTATIONS, k))
    for row in ranks - centre:
        sums += rng.permuted(np.tile(row, (_PERMUTATIONS, 1)), axis=1)
    reached = int(np.count_nonzero((sums**2).sum(axis=1) >= squared * (1 - 1e-9)))
    return max(p, (reached + 1) / (_PERMUTATIONS + 1))


def critical_difference(n_methods: int, n_datasets: int, level: float = 0.95) -> float:
    """How far apart two mean ranks must be to be told apart.

    Source: Nemenyi 1963, as in Demšar 2006: the studentized range with infinitely many degrees of freedom, divided by
        the square root of 2.
    """
    from scipy import stats

    quantile = float(stats.studentized_range.ppf(level, n_methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(n_methods * (n_methods + 1) / (6 * n_datasets))


def _ranks(scores: Floats, direction: Direction) -> Floats:
    """Ranks in each row, 1 for the best."""
    from scipy import stats

    if not scores.size:
        return np.empty(scores.shape)
    ranks: Floats = stats.rankdata(scores if direction == "minimize" else -scores, axis=1)
    return ranks


def _two(scores: Floats) -> float:
    """P-value for two methods; where both scores are infinite and alike they tie."""
    first, second = scores.T
    apart = np.zeros(len(scores))
    np.subtract(first / 2, second / 2, out=apart, where=first != second)
    return signed_rank_p(apart)


def _cliques(found: MethodRanks) -> tuple[tuple[str, ...], ...]:
    """Each run of neighbours that aren't told apart and isn't part of a longer one."""
    k = len(found.methods)
    if k < 2 or not math.isfinite(found.mean_ranks[0]):
        return ()
    if not found.p_value <= 1 - found.level:  # also where there is no test
        return (found.methods,)
    if k == 2:
        return ()
    ends = [int(np.searchsorted(found.mean_ranks, start + found.critical_difference)) for start in found.mean_ranks]
    cliques: list[tuple[str, ...]] = []
    reached = 0
    for place, end in enumerate(ends):
        if end > reached and end - place > 1:
            cliques.append(found.methods[place:end])
        reached = max(reached, end)
    return tuple(cliques)


def _words(found: MethodRanks) -> str:
    """What was found, in a few sentences."""
    n, k = len(found.datasets), len(found.methods)
    sets = f"{n} data set{'s' * (n != 1)}"
    left_out = ""
    if found.left_out:
        many = len(found.left_out)
        left_out = (
            f" Left out, as a method has no score there: {many} data set{'s' * (many != 1)}, {listed(found.left_out)}."
        )
    if not n or not k:
        return f"No data set has a score of every method: there is nothing to rank.{left_out}"
    first = f"Of {k} methods over {sets}, {found.methods[0]!r} ranks best (mean rank {found.mean_ranks[0]:.2f})."
    if k == 1:
        return f"There is one method only, {found.methods[0]!r}: nothing to rank it among.{left_out}"
    if math.isnan(found.p_value):
        return f"{first} One data set is too few to test whether that is more than chance.{left_out}"
    if found.p_value > 1 - found.level:
        return f"{first} No difference between the methods is shown ({found.test}, {p_text(found.p_value)}).{left_out}"
    if k == 2:
        return f"{first} The methods differ ({found.test}, {p_text(found.p_value)}).{left_out}"
    told = found.mean_ranks >= found.mean_ranks[0] + found.critical_difference
    apart = [name for name, is_told in zip(found.methods, told.tolist(), strict=True) if is_told]
    from_best = f"it is told apart from {listed(apart)}" if apart else "none is told apart from it"
    return (
        f"{first} The methods differ ({found.test}, {p_text(found.p_value)}); with mean ranks told apart that lie "
        f"{found.critical_difference:.2f} apart or more (Nemenyi's critical difference at {percent(1 - found.level)}), "
        f"{from_best}.{left_out}"
    )
