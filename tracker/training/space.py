"""A space of hyperparameters: named dimensions, each with its range, its scale and its default."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

Value = bool | int | float | str | None


class Dimension(Protocol):
    """A range of one hyperparameter's values."""

    @property
    def default(self) -> Any:
        """The value that a search begins with."""
        ...

    @property
    def size(self) -> float:
        """How many values there are; inf for real numbers."""
        ...

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw one: evenly, on the dimension's scale."""
        ...

    def suggest(self, trial: Any, name: str) -> Value:
        """Ask an Optuna trial for one."""
        ...

    def __contains__(self, value: object) -> bool: ...


class Real(NamedTuple):
    """Numbers from low to high, both included; `log`: each order of magnitude is as likely."""

    low: float
    high: float
    default: float
    log: bool = False

    @property
    def size(self) -> float:
        """More than can be counted."""
        return math.inf

    def sample(self, rng: np.random.Generator) -> float:
        """Draw one."""
        if not self.log:
            return float(rng.uniform(self.low, self.high))
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(drawn, self.low), self.high)

    def suggest(self, trial: Any, name: str) -> float:
        """Ask an Optuna trial for one."""
        return float(trial.suggest_float(name, self.low, self.high, log=self.log))

    def __contains__(self, value: object) -> bool:
        return _is_number(value) and self.low <= value <= self.high  # type: ignore[operator]


class Integer(NamedTuple):
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    default: int
    log: bool = False

    @property
    def size(self) -> float:
        """How many there are."""
        return self.high - self.low + 1

    def sample(self, rng: np.random.Generator) -> int:
        """Draw one; on a log scale rounded from between low - 1/2 and high + 1/2, so that the ends count as others."""
        if not self.log:
            return int(rng.integers(self.low, self.high, endpoint=True))
        drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(drawn), self.low), self.high)

    def suggest(self, trial: Any, name: str) -> int:
        """Ask an Optuna trial for one."""
        return int(trial.suggest_int(name, self.low, self.high, log=self.log))

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


class Choice(NamedTuple):
    """One of some values, in no order; the first is the default."""

    values: tuple[Value, ...]

    @property
    def default(self) -> Value:
        """The first."""
        return self.values[0]

    @property
    def size(self) -> float:
        """How many there are."""
        return len(self.values)

    def sample(self, rng: np.random.Generator) -> Value:
        """Draw one."""
        return self.values[int(rng.integers(len(self.values)))]

    def suggest(self, trial: Any, name: str) -> Value:
        """Ask an Optuna trial for one."""
        chosen: Value = trial.suggest_categorical(name, list(self.values))
        return chosen

    def __contains__(self, value: object) -> bool:
        return any(type(value) is type(own) and value == own for own in self.values)


class Space:
    """Hyperparameters by name. Values are plain Python, so they are logged as they are."""

    def __init__(self, dimensions: Mapping[str, Dimension]) -> None:
        self.dimensions = dict(dimensions)

    @property
    def size(self) -> float:
        """How many settings there are; 1 for a space without dimensions, inf with a real one."""
        return math.prod(dimension.size for dimension in self.dimensions.values())

    def default(self) -> dict[str, Value]:
        """The setting that a search begins with."""
        return {name: dimension.default for name, dimension in self.dimensions.items()}

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Draw a setting, each dimension for itself."""
        return {name: dimension.sample(rng) for name, dimension in self.dimensions.items()}

    def suggest(self, trial: Any) -> dict[str, Value]:
        """Ask an Optuna trial for a setting."""
        return {name: dimension.suggest(trial, name) for name, dimension in self.dimensions.items()}

    def __contains__(self, params: object) -> bool:
        """Whether a setting gives each dimension a value in its range, and nothing else."""
        return (
            isinstance(params, Mapping)
            and set(params) == set(self.dimensions)
            and all(params[name] in dimension for name, dimension in self.dimensions.items())
        )

    def __len__(self) -> int:
        return len(self.dimensions)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
