"""What a fit may try: the baseline and a portfolio, or the baseline and one estimator."""

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import clone

from tracker.training.candidate import BASELINE, Learner
from tracker.training.options import Options
from tracker.training.portfolio import portfolio
from tracker.training.problem import Problem
from tracker.training.space import Space

DEFAULT_ALGORITHM = "histogram_boosting"
"""What is trained without a search, where no estimator is given."""


class Given:
    """An estimator of the user's, taken as it is."""

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self.name = type(estimator).__name__

    def space(self, problem: Problem) -> Space:  # noqa: ARG002 - as every algorithm
        """Nothing to search."""
        return Space({})

    def build(self, params: Mapping[str, Any], problem: Problem, seed: int) -> Any:  # noqa: ARG002 - likewise
        """Give a copy; the seed is set where it takes one and has none."""
        made = clone(self._estimator)
        seeds = {name: seed for name, value in made.get_params().items() if _is_seed(name) and value is None}
        return made.set_params(**seeds) if seeds else made


def learners_for(problem: Problem, options: Options) -> Sequence[Learner]:
    """The baseline, and what there is to choose from. Raises: ValueError, ImportError: as portfolio."""
    if options.enable_automl:
        names = None if options.algorithms is None else [BASELINE, *options.algorithms]
        return portfolio(problem, names)
    only: Learner = (
        Given(options.estimator)
        if options.estimator is not None
        else portfolio(problem, list(options.algorithms or [DEFAULT_ALGORITHM]))[0]
    )
    return [*portfolio(problem, [BASELINE]), only]


def _is_seed(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")
