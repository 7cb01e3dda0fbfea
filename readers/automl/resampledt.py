"""Corrected resampled t test: whether scores on the same folds differ by more than chance.

Scores on the folds of one cross-validation aren't independent, as their training sets overlap: an ordinary paired t
test finds far too many differences. The corrected one widens the variance by what is tested on for each row trained on.

Source: Nadeau & Bengio 2003, "Inference for the generalization error", Machine Learning 52; for cross-validation that
is repeated: Bouckaert & Frank 2004, "Evaluating the replicability of significance tests".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from readers.automl.searchfacts import as_count, as_float, as_text
from readers.stats import Floats, is_constant, power_of_two

FEWEST_FOLDS = 3
"""Folds that both must have for a test."""


class Split(NamedTuple):
    """How the data are divided for a fold."""

    ratio: float
    """Rows tested on for each that is trained on; NaN if not known."""
    words: str
    """Where it is known from; or why it isn't."""


class FoldTest(NamedTuple):
    """What a test of no difference said."""

    difference: float
    """Mean of the first's scores less the second's, over the folds that both have."""
    reach: float
    """Half the width of its interval; NaN where there is none."""
    p_value: float
    """Two-sided; NaN where there is no test, and `why` says why."""
    folds: int
    why: str


def split_of(told: Mapping[str, Any], folds: int) -> Split:
    """How the folds were made.

    Args:
        told: "test_fraction", else "folds": k of k-fold, which may have been repeated ("repeats"). A "splitter" that
            isn't k-fold, or repeats it an untold number of times, tells nothing of the ratio, which is NaN then.
        folds: how many scores there are; where nothing is told, they are taken for one cross-validation of so many.
    """
    share = as_float(told.get("test_fraction"))
    if 0 < share < 1:
        return Split(share / (1 - share), f"with {share:.3g} of the rows tested on")
    splitter, repeats = as_text(told.get("splitter")), as_count(told.get("repeats"))
    if splitter and (not splitter.endswith("KFold") or ("Repeated" in splitter and not repeats)):
        return Split(math.nan, f"how many rows {splitter} tests on isn't told (as cross_validation's test_fraction)")
    number = as_count(told.get("folds"))
    if number > 1:
        return Split(1 / (number - 1), f"for {number}-fold cross-validation")
    if folds > 1:
        words = f"for one {folds}-fold cross-validation, which is assumed, as it wasn't told how the folds were made"
        return Split(1 / (folds - 1), words)
    return Split(math.nan, "there is only one fold")


def resampled_t_test(first: Sequence[float], second: Sequence[float], ratio: float, level: float = 0.95) -> FoldTest:
    """Test the differences, fold by fold.

    Args:
        first, second: scores by the number of the fold; NaN marks a fold without one.
        ratio: see Split.
        level: of the interval, in (0, 1).
    """
    shared = min(len(first), len(second))
    a, b = np.array(first[:shared], dtype=np.float64), np.array(second[:shared], dtype=np.float64)
    there = np.isfinite(a) & np.isfinite(b)
    a, b, n = a[there], b[there], int(there.sum())
    if not n:
        return FoldTest(math.nan, math.nan, math.nan, 0, "the two share no fold")
    unit = power_of_two(np.concatenate([a, b]))
    apart: Floats = a / unit - b / unit
    difference = float(apart.mean()) * unit
    if n < FEWEST_FOLDS:
        return FoldTest(difference, math.nan, math.nan, n, f"a test needs {FEWEST_FOLDS} folds that both have")
    rounding = 4 * np.finfo(float).eps
    if np.abs(apart).max() <= rounding:
        return FoldTest(0.0, 0.0, 1.0, n, "")
    if is_constant(apart) or np.ptp(apart) <= rounding:
        return FoldTest(difference, math.nan, math.nan, n, "the two differ by the same amount on every fold")
    from scipy import special

    error = math.sqrt((1 / n + ratio) * float(apart.var(ddof=1)))
    p_value = 2 * float(special.stdtr(n - 1, -abs(float(apart.mean())) / error))
    reach = float(special.stdtrit(n - 1, (1 + level) / 2)) * error * unit
    return FoldTest(difference, reach, p_value, n, "")
