"""The algorithms that a search chooses from: several families that err in different ways, cheap ones first."""

from collections.abc import Sequence

from tracker.training.algorithm import Algorithm
from tracker.training.boosting import BOOSTING
from tracker.training.forests import FORESTS
from tracker.training.linear import LINEAR
from tracker.training.neighbours import NEIGHBOURS
from tracker.training.problem import Problem

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in sorted((*LINEAR, *NEIGHBOURS, *FORESTS, *BOOSTING), key=lambda algorithm: algorithm.rank)
}
"""All that there are, by name, in the order of their cost."""


def portfolio(problem: Problem, names: Sequence[str] | None = None) -> list[Algorithm]:
    """Choose the algorithms that can solve a problem.

    Args:
        names: of those to try; None: all that fit its task and its number of rows, and are installed; of two that do
            the same the faster one.

    Raises:
        TypeError: names are one text. ValueError: an unknown name, or one of another task.
        ImportError: one whose library isn't installed.

    """
    fitting = {name: algorithm for name, algorithm in ALGORITHMS.items() if problem.task in algorithm.tasks}
    if names is None:
        return [
            algorithm
            for algorithm in fitting.values()
            if problem.n_rows <= (algorithm.most_rows or problem.n_rows)
            and _installed(algorithm.library)
            and not (algorithm.unless and _installed(algorithm.unless))
        ]
    if isinstance(names, str):
        raise TypeError(f"algorithms are a list of names; give [{names!r}]")
    unknown = [name for name in names if name not in fitting]
    if unknown or not names:
        others = [name for name in unknown if name in ALGORITHMS]
        why = f" ({', '.join(map(repr, others))} can't do it)" if others else ""
        raise ValueError(f"no algorithms {unknown} for {problem.task}{why}; there is {', '.join(fitting)}")
    chosen = [fitting[name] for name in dict.fromkeys(names)]
    for algorithm in chosen:
        if not _installed(algorithm.library):
            raise ImportError(f"{algorithm.name} needs {algorithm.library}: pip install {algorithm.library}")
    return sorted(chosen, key=lambda algorithm: algorithm.rank)


def _installed(library: str) -> bool:
    try:
        __import__(library)
    except ImportError:
        return False
    return True
