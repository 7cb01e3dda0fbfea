"""Verdict: is one group of runs better than another, by how much, how sure, and which test says so."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from readers.best import Direction
from readers.stats import Floats, Interval

if TYPE_CHECKING:
    import polars as pl

Conclusion = Literal["a better", "b better", "no difference shown", "too few runs"]


class Group(NamedTuple):
    """The runs of one group."""

    name: str
    values: Floats
    """The finite values, as given in order, shape (n,)."""
    missing: int
    """How many runs had no finite value; they are left out."""
    mean: float
    """NaN for no values."""
    interval: Interval
    """Of the mean."""


class Verdict(NamedTuple):
    """What the runs of two groups say about a against b."""

    a: str
    b: str
    n_a: int
    """Runs that entered the comparison; when paired, the number of pairs (n_a == n_b)."""
    n_b: int
    paired: bool
    estimate: float
    """Mean of a minus mean of b, in the metric's own unit."""
    interval: Interval
    """Of the estimate; for this pair alone, not widened for the number of comparisons."""
    probability_better: float
    """P(a run of a is better than a run of b), ties half; when paired, within a pair. Better as the direction says."""
    probability_interval: Interval
    hedges_g: float
    """Standardized mean difference; its sign is the estimate's, whatever the direction."""
    hedges_interval: Interval
    cliffs_delta: float
    """P(a > b) - P(a < b), in [-1, 1]; its sign is that of the values, whatever the direction."""
    test: str
    why: str
    """Why this test, in plain words."""
    p_value: float
    """Two-sided; NaN where there is no test."""
    p_adjusted: float
    """Holm's, over all comparisons of the call."""
    detectable_difference: float
    """The difference of means that these n would show with 80 % power; NaN where no spread is known."""
    runs_needed: int | None
    """Runs in each group (pairs, when paired), in all, for 80 % power if the true difference is the estimate."""
    left_out: int
    """Runs without a partner, when paired; otherwise 0."""
    conclusion: Conclusion
    words: str
    """The verdict in a sentence or two."""


class Verdicts(NamedTuple):
    """Groups of runs side by side, and each comparison made."""

    metric: str
    by: str
    """What tells the groups apart."""
    direction: Direction
    level: float
    groups: tuple[Group, ...]
    """Best mean first; groups without a value last."""
    pairs: tuple[Verdict, ...]
    """In the order of the groups; with a baseline, each other group (as a) against it (as b)."""
    comparisons: int
    """How many tests were made; Holm's adjustment is over these."""
    words: str

    def __str__(self) -> str:
        """The words."""
        return self.words

    def to_frame(self) -> "pl.DataFrame":
        """One row a pair."""
        raise NotImplementedError


def compare_groups(
    groups: Mapping[str, Floats],
    *,
    metric: str,
    by: str,
    direction: Direction,
    level: float = 0.95,
    keys: Mapping[str, Sequence[Hashable]] | None = None,
    baseline: str | None = None,
) -> Verdicts:
    """Compare every pair of groups, or every group with a baseline."""
    raise NotImplementedError
