"""Verdict: is one group of runs better than another, by how much, how sure, and which test says so.

A verdict says "better" only where a test, corrected for the number of comparisons made (Holm 1979), finds a difference
at 1 - level; otherwise it says how large a difference these runs could have shown, and how many would be needed. With
three runs or fewer in a group no test is made. What is measured of the error rates stands in readers.grouptests.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ingest.errors import LookupFailed
from readers import wording
from readers.best import Direction
from readers.duel import duel, matched
from readers.grid import Grid
from readers.stats import Floats, Interval, check_level, mean_interval, mean_of
from readers.verdictgrid import verdict_grid

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
    mean_a: float
    """Of the runs that entered."""
    mean_b: float
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
    """P(a > b) - P(a < b), in [-1, 1]; its sign is that of the values, whatever the direction; pairs or not."""
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
    note: str
    """What there is to say of the pairing that was asked for; often nothing."""
    by_ranks: bool
    """Whether the test is one of ranks, not of means."""
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
        """One row a pair: a Verdict's fields, intervals as two columns each."""
        import polars as pl

        return pl.DataFrame([_row(pair) for pair in self.pairs], infer_schema_length=None)

    def __rich__(self) -> Grid:
        """What rich's print shows."""
        return verdict_grid(self)

    def _repr_html_(self) -> str:
        return verdict_grid(self).html()


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
    """Compare every pair of groups, or every group with a baseline.

    Args:
        groups: name to values, shape (n_runs,) each; NaN and infinite ones are left out, and counted.
        metric, by: what the values are, and what tells the groups apart; for the words.
        keys: for each group the key of each value; runs of one key are compared with each other (of several runs of one
            key, their mean). Groups that share fewer than four keys are compared without, if they have runs enough.
        baseline: a group's name.
    Raises: LookupFailed: no such baseline. ValueError: level outside (0, 1); a group with more or fewer keys than
        values.
    Source: see readers.grouptests, readers.effect, readers.power; Holm 1979, "A simple sequentially rejective multiple
        test procedure".
    """
    check_level(level)
    if baseline is not None and baseline not in groups:
        raise LookupFailed.among("group", baseline, groups)
    key_of = {name: _finite_keys(values, keys[name], name) for name, values in groups.items() if keys and name in keys}
    found = [_group(name, values, level) for name, values in groups.items()]
    sign = -1 if direction == "maximize" else 1
    found.sort(key=lambda group: (math.isnan(group.mean), sign * group.mean))
    couples = list(combinations(found, 2))
    if baseline is not None:
        base = next(group for group in found if group.name == baseline)
        couples = [(group, base) for group in found if group is not base]
    matchups = [matched(a.values, b.values, key_of.get(a.name), key_of.get(b.name)) for a, b in couples]
    comparisons = sum(matchup.testable for matchup in matchups)
    duels = [duel(it, direction, level, comparisons if it.testable else len(couples)) for it in matchups]
    adjusted = holm([it.p_value for it in duels])
    pairs = [
        Verdict(a=a.name, b=b.name, p_adjusted=p, conclusion="too few runs", words="", **it._asdict())
        for (a, b), it, p in zip(couples, duels, adjusted, strict=True)
    ]
    pairs = [_concluded(pair, direction, level) for pair in pairs]
    verdicts = Verdicts(metric, by, direction, level, tuple(found), tuple(pairs), comparisons, "")
    pairs = [pair._replace(words=wording.of_pair(pair, verdicts)) for pair in pairs]
    verdicts = verdicts._replace(pairs=tuple(pairs))
    return verdicts._replace(words=wording.of_all(verdicts, baseline))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given; NaN stays and doesn't count.

    >>> [round(p, 3) for p in holm([0.01, 0.04, float("nan"), 0.03])]
    [0.03, 0.06, nan, 0.06]
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, place) in enumerate(tested):
        largest = max(largest, min(1.0, p * (len(tested) - rank)))
        adjusted[place] = largest
    return adjusted


def _group(name: str, values: Floats, level: float) -> Group:
    finite = np.asarray(values, dtype=np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    return Group(name, finite, np.asarray(values).size - len(finite), mean_of(finite), mean_interval(finite, level))


def _finite_keys(group: Floats, keys: Sequence[Hashable], name: str) -> list[Hashable]:
    """The keys of the finite values."""
    values = np.asarray(group, dtype=np.float64).ravel()
    if len(keys) != len(values):
        raise ValueError(
            f"group {name!r} has {len(values)} values and {len(keys)} keys; there is one key for each value"
        )
    return [key for key, finite in zip(keys, np.isfinite(values).tolist(), strict=True) if finite]


def _concluded(verdict: Verdict, direction: Direction, level: float) -> Verdict:
    """With the conclusion that follows from the adjusted p-value."""
    if math.isnan(verdict.p_adjusted):
        return verdict._replace(conclusion="too few runs")
    larger_is_better = direction == "maximize"
    a_better = (verdict.estimate > 0) == larger_is_better
    disagree = verdict.by_ranks and (verdict.probability_better > 0.5) != a_better
    if verdict.p_adjusted > 1 - level or verdict.estimate == 0 or disagree:
        return verdict._replace(conclusion="no difference shown")
    return verdict._replace(conclusion="a better" if a_better else "b better")


def _row(verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in verdict._asdict().items():
        if isinstance(value, Interval):
            stem = {"interval": "ci", "probability_interval": "probability", "hedges_interval": "hedges_g"}[name]
            row |= {f"{stem}_lower": value.lower, f"{stem}_upper": value.upper}
        else:
            row[name] = value
    return row
