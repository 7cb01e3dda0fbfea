"""How often the verdict sees a difference where there is none, and how often the mean's interval holds the mean.

`python -m benchmarks.error_rates [comparisons]`: the tables in the docstrings of readers.grouptests and readers.stats,
by simulation with a fixed seed. No timings: any machine gives the same.
"""

import math
import sys
from collections.abc import Callable

import numpy as np

from readers import permutation
from readers.grouptests import independent_test
from readers.stats import Floats, mean_interval
from readers.verdict import compare_groups

Draw = Callable[[np.random.Generator, int], Floats]
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(size=n) - 0.5,
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "lognormal": lambda rng, n: rng.lognormal(size=n) - math.exp(0.5),
}
"""Samples of mean 0."""
PAIRS = (
    ("normal", 5, 5, 1),
    ("normal", 5, 5, 4),
    ("normal", 5, 10, 4),
    ("normal", 8, 20, 4),
    ("normal", 20, 8, 4),
    ("exponential", 5, 5, 1),
    ("exponential", 5, 40, 1),
    ("lognormal", 5, 40, 1),
    ("exponential", 10, 10, 1),
    ("lognormal", 20, 20, 1),
    ("lognormal", 8, 20, 1),
    ("lognormal", 20, 20, 4),
)
"""Distribution, runs in each group, spread of the first group in that of the second."""
SIZES = (5, 9, 10, 20, 30, 100)
FAMILIES = (
    ("normal", (5, 5, 5, 5), (1, 1, 1, 1)),
    ("normal", (10, 10, 10, 10), (1, 1, 1, 1)),
    ("normal", (5, 8, 10, 20), (4, 1, 2, 1)),
    ("exponential", (8, 8, 10, 20), (1, 1, 1, 1)),
    ("lognormal", (20, 20, 20, 20), (1, 1, 1, 1)),
)


def main(comparisons: int) -> None:
    """Print the tables."""
    print(f"per cent of {comparisons:,} comparisons without a difference that came out significant at 5 %")
    print(f"{'groups':44} t     permutations  verdict")
    for name, m, n, spread in PAIRS:
        t, permuted, both = pair_errors(DRAWS[name], m, n, spread, comparisons)
        print(f"{name}, {m} and {n} runs, spreads {spread}:1".ljust(44), f"{t:4.1f}  {permuted:12.1f}  {both:7.1f}")
    print("per cent of families of 6 comparisons with a false alarm")
    for name, runs, spreads in FAMILIES:
        print(
            f"{name}, {runs} runs, spreads {spreads}".ljust(60),
            f"{family_errors(name, runs, spreads, comparisons // 4):4.1f}",
        )
    print("per cent of intervals that hold the mean: the one that is used, and Student's")
    for name, draw in DRAWS.items():
        held = [f"n={n}: {used:.1f} {student:.1f}" for n in SIZES for used, student in [coverage(draw, n, comparisons)]]
        print(name.ljust(12), "  ".join(held))


def pair_errors(draw: Draw, m: int, n: int, spread: float, comparisons: int) -> tuple[float, float, float]:
    """Per cent of false alarms of Welch's t, of its permutations, and of the test that is made."""
    rng = np.random.default_rng(1)
    alarms = np.zeros(3)
    ways = permutation.splits(min(m, n), m + n)
    for _ in range(comparisons):
        first, second = spread * draw(rng, m), draw(rng, n)
        t = _welch(first, second)
        small, large = sorted((first, second), key=len)
        pooled = np.sort(np.concatenate([small, large]))
        pooled = (pooled - pooled.mean()) / np.abs(pooled).max()
        observed = abs(first.mean() - second.mean()) / math.sqrt(first.var(ddof=1) / m + second.var(ddof=1) / n)
        permuted = permutation.of_welch(pooled, ways, len(small)).p_value(observed)
        alarms += np.array([t, permuted, independent_test(first, second).p_value]) <= 0.05
    share = 100 * alarms / comparisons
    return float(share[0]), float(share[1]), float(share[2])


def family_errors(name: str, runs: tuple[int, ...], spreads: tuple[int, ...], families: int) -> float:
    """Per cent of families in which any verdict says better."""
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(families):
        groups = {
            str(place): spread * DRAWS[name](rng, n)
            for place, (n, spread) in enumerate(zip(runs, spreads, strict=True))
        }
        found = compare_groups(groups, metric="m", by="group", direction="maximize")
        alarms += any(pair.conclusion.endswith("better") for pair in found.pairs)
    return 100 * alarms / families


def coverage(draw: Draw, n: int, samples: int) -> tuple[float, float]:
    """Per cent of 95 % intervals that hold the mean, 0: the one that is used, and Student's."""
    from scipy import special

    rng = np.random.default_rng(3)
    held = np.zeros(2)
    for _ in range(samples):
        values = draw(rng, n)
        interval = mean_interval(values)
        reach = special.stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n)
        held += interval.lower <= 0 <= interval.upper, abs(values.mean()) <= reach
    share = 100 * held / samples
    return float(share[0]), float(share[1])


def _welch(first: Floats, second: Floats) -> float:
    from scipy import stats

    return float(stats.ttest_ind(first, second, equal_var=False).pvalue)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
