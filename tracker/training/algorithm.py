"""An algorithm that a search may try: a name, hyperparameters, and how to build a model of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tracker.training.problem import Problem, Task
from tracker.training.space import Space

CLASSIFICATION: tuple[Task, ...] = ("binary", "multiclass")
REGRESSION: tuple[Task, ...] = ("regression",)
EVERY: tuple[Task, ...] = (*CLASSIFICATION, *REGRESSION)


@dataclass(frozen=True)
class Algorithm:
    """One of a portfolio."""

    name: str
    tasks: tuple[Task, ...]
    rank: int
    """Rough order of what a fit costs, cheapest first."""
    make_space: Callable[[Problem], Space]
    make: Callable[[Mapping[str, Any], Problem, int], Any]
    fidelity: str | None = None
    """The whole-number hyperparameter that makes a fit cheaper, such as a number of trees; None: fewer rows do."""
    most_rows: int | None = None
    """More than that take too long, so it is left out unless it is asked for."""
    unless: str = ""
    """A library that does the same faster: where it is installed, this one is left out unless it is asked for."""
    library: str = "sklearn"
    """What must be installed: the name of the import."""

    def space(self, problem: Problem) -> Space:
        """Give its hyperparameters, with ranges that fit the problem."""
        return self.make_space(problem)

    def build(self, params: Mapping[str, Any], problem: Problem, seed: int) -> Any:
        """Make an unfitted scikit-learn estimator that takes rows of `problem.X`, preprocessing included.

        Raises: ValueError: hyperparameters that it doesn't have, or lacks. Values out of range are the caller's choice.
        """
        known = self.space(problem).dimensions
        if set(params) != set(known):
            raise ValueError(f"{self.name} has the hyperparameters {sorted(known)}; given are {sorted(params)}")
        return self.make(params, problem, seed)
