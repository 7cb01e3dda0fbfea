"""Which params a metric depends on: one answer for all methods, with its uncertainty and quality beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from readers.best import Direction
from readers.runtable import RunTable

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Floats = np.ndarray[tuple[int], np.dtype[np.float64]]

Method = Literal["permutation", "pedanova", "fanova", "mdi", "spearman"]


class ParameterImportance(dict[str, float]):
    """Param -> importance; they sum to 1 unless all are 0.

    Attributes:
        metric, method, direction, level: as asked.
        intervals: param -> (low, high) of its importance.
        ranks: param -> 1 for the most important.
        rank_intervals: param -> (best, worst) rank that the runs leave open.
        effects: param -> Spearman's rho with the metric, from -1 to 1; NaN where a param has no order.
        r2: share of the metric's variance that a forest of these params foretells for runs it hasn't seen; or NaN.
        n: the runs that it is computed from; left_out: those without a finite metric.
        warnings: what one should know before believing it.
    """

    metric: str
    method: Method
    direction: Direction
    level: float
    intervals: dict[str, tuple[float, float]]
    ranks: dict[str, int]
    rank_intervals: dict[str, tuple[int, int]]
    effects: dict[str, float]
    r2: float
    n: int
    left_out: int
    warnings: list[str]

    def to_frame(self) -> "pl.DataFrame":
        """One row a param: param, importance, low, high, rank, rank_low, rank_high, effect."""
        raise NotImplementedError

    def __rich__(self) -> Any:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        raise NotImplementedError


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
    """How much of a metric's variation over runs goes with each param."""
    raise NotImplementedError
