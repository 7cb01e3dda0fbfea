"""How often a search's tie set leaves out an algorithm that is as good as the best.

`python -m benchmarks.tie_rates [searches]`: the table in the docstring of readers.automl.tieset, by simulation with a
fixed seed. No timings: any machine gives the same. Scores on the folds are normal; two folds of an algorithm are
correlated by the share of the rows that is tested on, as Nadeau and Bengio (2003) take them to be.
"""

import math
import sys
from itertools import combinations

import numpy as np

from readers.automl.resampledt import resampled_t_test
from readers.stats import Floats
from readers.verdict import holm

SEARCHES = ((3, 5), (3, 10), (6, 5), (6, 10), (12, 5))
"""Algorithms, folds."""
KINDS = ("paired t test", "no Holm", "Holm over best", "Holm over pairs")


def main(searches: int) -> None:
    """Print the table."""
    print(f"per cent of {searches:,} searches over equal algorithms that found one worse than the best, at 5 %")
    print("algorithms, folds   ", "  ".join(KINDS))
    for algorithms, folds in SEARCHES:
        rates = false_alarms(algorithms, folds, searches)
        cells = "  ".join(f"{rate:.1f}".rjust(len(kind)) for rate, kind in zip(rates, KINDS, strict=True))
        print(f"{algorithms}, {folds}".ljust(20), cells)


def false_alarms(algorithms: int, folds: int, searches: int) -> list[float]:
    """Per cent of searches with a false alarm, by kind."""
    rng = np.random.default_rng(0)
    alarms = np.zeros(len(KINDS))
    for _ in range(searches):
        alarms += [smallest <= 0.05 for smallest in smallest_p(drawn(rng, algorithms, folds))]
    return [float(rate) for rate in 100 * alarms / searches]


def drawn(rng: np.random.Generator, algorithms: int, folds: int) -> Floats:
    """Scores of algorithms that are equally good, shape (algorithms, folds)."""
    common, own = rng.normal(size=(algorithms, 1)), rng.normal(size=(algorithms, folds))
    return np.asarray(math.sqrt(1 / folds) * common + math.sqrt(1 - 1 / folds) * own, dtype=np.float64)


def smallest_p(scores: Floats) -> list[float]:
    """The smallest p-value of the best algorithm against another, by kind."""
    best, folds = int(scores.mean(axis=1).argmax()), scores.shape[1]
    pairs = list(combinations(range(len(scores)), 2))
    with_best = [place for place, pair in enumerate(pairs) if best in pair]
    ordinary, corrected = (
        [resampled_t_test(scores[a].tolist(), scores[b].tolist(), ratio).p_value for a, b in pairs]
        for ratio in (0.0, 1 / (folds - 1))
    )
    over_pairs = holm(corrected)
    return [
        min(ordinary[place] for place in with_best),
        min(corrected[place] for place in with_best),
        min(holm([corrected[place] for place in with_best])),
        min(over_pairs[place] for place in with_best),
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000)
