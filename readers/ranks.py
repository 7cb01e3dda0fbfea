"""Ranks: many methods over many data sets: who ranks better on the whole, and by how much ranks must differ."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from readers.best import Direction
from readers.stats import Floats

if TYPE_CHECKING:
    import polars as pl


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
    """Mean ranks that differ by less aren't told apart; NaN with fewer than three methods."""
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
        """One row a method: method, mean_rank, wins, mean_score."""
        raise NotImplementedError


def rank_methods(
    scores: Floats, methods: Sequence[str], datasets: Sequence[str], *, direction: Direction, level: float = 0.95
) -> MethodRanks:
    """Rank methods over data sets; scores: shape (n_datasets, n_methods), NaN for a missing cell."""
    raise NotImplementedError
